"""`intent2batch parse --reader gemini` against a model whose answers are scripted."""

from __future__ import annotations

import json
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from components.errors import Intent2BatchError
from pipelines.cli import parse
from tests.scripted_model import Model

INTENT = "12 tasks of `/opt/qc/check.sh` in europe-west4"
RIGHT: dict[str, Any] = {
    "steps": [
        {"kind": "script", "text": {"value": "/opt/qc/check.sh", "quote": "/opt/qc/check.sh"}}
    ],
    "task_count": {"value": 12, "quote": "12 tasks"},
    "locations": [{"value": "regions/europe-west4", "quote": "in europe-west4"}],
}


def parsed(*words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr, as `intent2batch` gives them."""
    app = typer.Typer()
    parse.register(app)
    app.command("other")(lambda: None)
    result = CliRunner().invoke(app, ["parse", INTENT, "--reader", "gemini", *words])
    error = result.exception
    if isinstance(error, Intent2BatchError):
        return error.exit_code, result.stdout, f"{result.stderr}{error}"
    assert error is None or isinstance(error, SystemExit), result.exc_info
    return result.exit_code, result.stdout, result.stderr


def test_settings_reach_the_model(model: Model) -> None:
    model.answers(RIGHT)
    code, out, _ = parsed("--temperature", "0.25", "--without", "examples,rules")
    assert code == 0
    assert json.loads(out)["taskGroups"][0]["taskCount"] == 12
    (request,) = model.asked()
    assert request["generationConfig"]["temperature"] == 0.25
    assert "# Examples" not in request["systemInstruction"]["parts"][0]["text"]


def test_what_the_model_leaves_out_for_good_is_told(model: Model) -> None:
    model.always({"json": {key: RIGHT[key] for key in ("steps", "task_count")}})
    code, _, told = parsed()
    assert code == 0
    assert "'europe-west4' is missing; the offline reader reads it" in told
    assert len(model.asked()) == 2


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"json": RIGHT | {"taskCount": 12}}, "DRAFT at draft.taskCount: Extra inputs"),
        ({"text": "{no json"}, "NOT_JSON at draft: Gemini's answer is no JSON"),
        ({"text": "{", "finish_reason": "MAX_TOKENS"}, "TRUNCATED at draft: "),
    ],
)
def test_a_model_that_never_obeys_ends_with_one_message(
    model: Model, answer: dict[str, Any], told: str
) -> None:
    model.always(answer)
    code, out, said = parsed("--answers", "3")
    assert (code, out) == (1, "")
    assert len(said.splitlines()) == 1
    assert "Gemini gave no job that holds, after 2 answers" in said
    assert told in said


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"json": {"refusals": ["Batch cannot do that."]}}, "Batch cannot do that."),
        ({"json": {"questions": ["Which of the two?"]}}, "Which of the two?"),
        ({"block_reason": "SAFETY"}, "Gemini blocked the request or its answer (prompt: SAFETY)"),
        ({"text": "", "finish_reason": "RECITATION"}, "(answer: RECITATION)"),
    ],
)
def test_no_job_ends_with_1(model: Model, answer: dict[str, Any], told: str) -> None:
    model.answers(answer)
    code, out, said = parsed()
    assert (code, out) == (1, "")
    assert told in said
