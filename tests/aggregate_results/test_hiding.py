"""A report is passed around: what looks like a secret is not in it, and all else is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.aggregate_results.hiding import HIDDEN, secrets_of, without
from components.aggregate_results.run_folder import Run
from components.aggregate_results.tasks import aggregate

SECRET = "hunter22-of-the-database"


def _job(make: Any) -> dict[str, Any]:
    job: dict[str, Any] = make.job(2)
    variables = {"DB_PASSWORD": SECRET, "MODE": "fast"}
    job["taskGroups"][0]["taskSpec"]["environment"] = {"variables": variables}
    return job


def test_a_secret_of_the_job_is_on_no_page_and_in_the_files(make: Any) -> None:
    job = _job(make)
    ledger = make.ledger(2, outcome="failed", state="FAILED", reason=f"it said {SECRET}")
    ledger["request"]["job"] = job
    fake = make.fake(
        [make.ran(0, 1.0, 1.0, code=3), make.ran(1, 1.0, 1.0)],
        output=lambda index: f"connecting with {SECRET}",
    )
    intent = {
        "outcome": "config",
        "turns": [f"2 tasks with DB_PASSWORD={SECRET}"],
        "evidence": [{"path": "x", "value": SECRET, "quote": f"DB_PASSWORD={SECRET}"}],
        "job": job,
    }
    aggregate(make.run(intent=intent, submission=ledger), service=fake.service())
    page = (make.folder / "report.html").read_text()
    assert SECRET not in page
    assert HIDDEN in page
    assert "What looks like a secret is hidden" in page
    assert "&quot;MODE&quot;: &quot;fast&quot;" in page
    assert SECRET in (make.folder / "tasks.jsonl").read_text()


def test_a_report_without_secrets_says_nothing_of_them(make: Any) -> None:
    fake = make.fake([make.ran(0, 1.0, 1.0)])
    aggregate(make.run(submission=make.ledger(1)), service=fake.service())
    assert "looks like a secret" not in (make.folder / "report.html").read_text()


@pytest.mark.parametrize(
    "turns",
    [
        ["PASSWORD=" + "x" * 5_000_000],
        [f"a PASSWORD=secret{number}" for number in range(50_000)],
        [json.loads("[" * 900 + "]" * 900)],
        "no list",
        None,
    ],
    ids=["long", "many", "deep", "text", "nothing"],
)
def test_words_without_bounds_cost_little(turns: Any) -> None:
    run = Run("runs/x", intent={"turns": turns})
    assert len(secrets_of(run)) <= 200


def test_deep_data_is_hidden_rather_than_followed() -> None:
    deep = json.loads("[" * 900 + "]" * 900)
    assert HIDDEN in json.dumps(without(deep, ("x",)))
