"""`intent2batch fix` from a shell: what it writes, where, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from components.errors import WrongUse
from pipelines.cli import fix
from tests.batch.rules.jobs import SPEC, changed, clean_job

app = typer.Typer()
fix.register(app)


@app.callback()
def _several_verbs() -> None:
    """With a callback typer keeps the verb's name."""


def run(*arguments: str, stdin: str | None = None) -> Any:
    return CliRunner().invoke(app, ["fix", *arguments], input=stdin)


def broken(folder: Path) -> Path:
    file = folder / "job.json"
    job = changed(clean_job(), {f"{SPEC}.maxRetryCount": 25})
    file.write_text(json.dumps(job, indent=2).replace('"taskCount": 4,', '"taskCount": 4'))
    return file


def test_the_reasons_and_the_difference_are_shown_and_the_file_stays(tmp_path: Path) -> None:
    file = broken(tmp_path)
    before = file.read_text()
    result = run(str(file), "--error", "max_retry_count with value 25 is not in between 0 and 10")
    assert result.exit_code == 0
    assert "maxRetryCount may be 0 to 10" in result.stdout
    assert "a comma was missing" in result.stdout
    assert '+        "maxRetryCount": 10,' in result.stdout
    assert file.read_text() == before


def test_json_for_programs(tmp_path: Path) -> None:
    result = run(str(broken(tmp_path)), "--json")
    answer = json.loads(result.stdout)
    assert set(answer) == {"job", "changes", "message"}
    assert answer["job"] == changed(clean_job(), {f"{SPEC}.maxRetryCount": 10})
    for change in answer["changes"]:
        assert {"path", "before", "after", "reason", "certain"} <= set(change)


def test_in_place_writes_the_file(tmp_path: Path) -> None:
    file = broken(tmp_path)
    assert run(str(file), "--in-place").exit_code == 0
    assert json.loads(file.read_text()) == changed(clean_job(), {f"{SPEC}.maxRetryCount": 10})
    assert "Nothing in the job was changed" in run(str(file), "--in-place").stdout


def test_what_only_a_person_can_mend_ends_with_1(tmp_path: Path) -> None:
    file = tmp_path / "job.json"
    job = changed(clean_job(), {f"{SPEC}.volumes[0].gcs.remotePath": "YOUR_BUCKET"})
    file.write_text(json.dumps(job))
    result = run(str(file))
    assert result.exit_code == 1
    assert "YOUR_BUCKET" in result.stdout


def test_no_job_ends_with_1() -> None:
    result = run("-", "--json", stdin="good morning")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["job"] is None


def test_the_error_from_a_file(tmp_path: Path) -> None:
    said = tmp_path / "events.txt"
    said.write_text("Task state is updated ... due to Spot Preemption with exit code 50001.")
    result = run("-", "--error-file", str(said), stdin=json.dumps(clean_job()))
    assert "Spot VMs can be taken away" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [("/no/such/file",), ("-", "--in-place"), ("-", "--error-file", "-"), ("-", "--reader", "x")],
)
def test_wrong_use(arguments: tuple[str, ...]) -> None:
    result = run(*arguments, stdin="{}")
    assert isinstance(result.exception, WrongUse)


def test_what_breaks_a_policy_is_told_as_validate_tells_it_and_left(tmp_path: Path) -> None:
    file, policy = tmp_path / "job.json", tmp_path / "policy.yaml"
    file.write_text(json.dumps(clean_job()))
    policy.write_text("max_tasks: 1\nregions: [us-central1]\n")
    told = run(str(file), "--policy", str(policy))
    assert told.exit_code == 1
    assert "4 tasks; the policy allows 1 a job" in told.stdout
    assert "No error was found" not in told.stdout
    assert json.loads(run(str(file), "--policy", str(policy), "--json").stdout)["changes"] == []
    policy.write_text("max_tasks: 4\n")
    assert run(str(file), "--policy", str(policy)).exit_code == 0
