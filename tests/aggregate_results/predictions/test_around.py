"""How a run of predictions can end without answers, told from the files that it left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.aggregate_results.predictions.aggregate import aggregate_predictions
from components.aggregate_results.predictions.summary import PredictionSummary

ROWS = [
    {"row": 1, "model": "gemini-3.5-flash", "status": "ready", "key": "k1", "shard": "a.jsonl"},
    {"row": 2, "status": "invalid", "reason": "empty_prompt: the prompt is empty"},
]
PLAN = {"shards": [{"name": "a.jsonl"}], "estimate": {"cost_batch_usd": 12.5, "input_tokens": 9}}
TABLE = {"shards": [{"name": "bq://p.d.questions"}], "estimate": {}}
JOB = {"shard": "a.jsonl", "attempt": 1, "state": "JOB_STATE_CANCELLED", "outcome": "cancelled"}


def run(folder: Path, *, rows: bool = True, state: str = "", **files: Any) -> PredictionSummary:
    """Collect a run folder that holds these files."""
    (folder / "prepared").mkdir()
    if rows:
        lines = [json.dumps(row) for row in ROWS]
        (folder / "prepared" / "manifest.jsonl").write_text("\n".join(lines) + "\n")
    for name, content in files.items():
        place = folder / ("prepared/plan.json" if name == "plan" else f"{name}.json")
        place.write_text(content if isinstance(content, str) else json.dumps(content))
    return aggregate_predictions(str(folder), state=state)


def results(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


NO = {"go": False, "reason": "Not sent: the estimate is $12.50, and $1.00 is allowed."}


@pytest.mark.parametrize(
    ("files", "outcome", "headline", "reason"),
    [
        ({"gate": NO}, "unsent", "2 rows, about $12.50; nothing was sent", NO["reason"][:-1]),
        (
            {"gate": {"go": False, "dry_run": True, "reason": "Dry run: 1 row to send."}},
            "dry_run",
            "2 rows, about $12.50; nothing was sent",
            "Dry run: 1 row to send",
        ),
        (
            {"gate": {"go": True, "reason": "1 row to send."}},
            "unsent",
            "2 rows, about $12.50; nothing was sent",
            "Not sent: the rows were only prepared",
        ),
        (
            {"state": "FAILED", "failure": {"message": "No project is given."}},
            "unsent",
            "2 rows, about $12.50; nothing was sent",
            "No project is given",
        ),
        (
            {"state": "CANCELLED"},
            "unsent",
            "2 rows, about $12.50; nothing was sent",
            "Not sent: the run ended before",
        ),
        (
            {"predictions": {"stopped": "the run was cancelled", "jobs": [JOB]}},
            "stopped",
            "0 of 2 rows answered, 1 missing, 1 invalid",
            "the run was cancelled",
        ),
        (
            {"failure": {"message": "of an attempt before"}, "predictions": {"jobs": [JOB]}},
            "none",
            "0 of 2 rows answered, 1 missing, 1 invalid",
            "",
        ),
        ({"gate": "{damaged", "predictions": {"jobs": [JOB]}}, "none", None, ""),
    ],
)
def test_why_there_are_no_answers(
    tmp_path: Path, files: dict[str, Any], outcome: str, headline: str | None, reason: str
) -> None:
    summary = run(tmp_path, plan=PLAN, **files)
    assert (summary.outcome, summary.reason) == (outcome, reason)
    assert headline in (None, summary.headline)
    first, second = results(tmp_path)
    assert (first["status"], second["status"]) == ("missing", "invalid")
    if outcome in ("unsent", "dry_run"):
        assert first["reason"] == reason
        assert not [f for f in summary.findings if f["kind"] == "missing"]
    page = (tmp_path / "report.html").read_text()
    assert reason.split(",")[0] in page


def test_rows_that_could_not_be_prepared(tmp_path: Path) -> None:
    failure = {"message": "rows.csv: No column holds the prompt."}
    summary = run(tmp_path, rows=False, state="FAILED", failure=failure)
    assert (summary.outcome, summary.rows) == ("unsent", 0)
    assert summary.headline == "No rows; nothing was sent"
    assert summary.reason == "rows.csv: No column holds the prompt"
    assert not (tmp_path / "results.jsonl").exists()
    assert "No column holds the prompt" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("counts", "outcome", "headline"),
    [
        ({"ok": 5, "given_up": 0}, "complete", "5 rows, each with its answer"),
        ({"ok": 3, "given_up": 2}, "incomplete", "3 of 5 rows answered, 2 failed"),
        (None, "none", "bq://p.d.questions: no answers"),
    ],
)
def test_a_table_is_told_by_the_counts_of_the_service(
    tmp_path: Path, counts: dict[str, int] | None, outcome: str, headline: str
) -> None:
    job = {"shard": "bq://p.d.questions", "output_uri": "bq://p.d.answers", "counts": counts}
    summary = run(tmp_path, rows=False, plan=TABLE, predictions={"jobs": [job]})
    assert (summary.outcome, summary.headline) == (outcome, headline)
    assert "the answers are in bq://p.d.answers" in (tmp_path / "report.html").read_text()


def test_the_page_says_once_that_the_models_were_stand_ins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", "http://127.0.0.1:1")
    summary = run(tmp_path, plan=PLAN, predictions={"jobs": [JOB]})
    note = "The models were stand-ins on this machine"
    assert note in summary.notes[0]
    page = (tmp_path / "report.html").read_text()
    assert page.count(note) == 1
    assert "Lines that were not used" not in page
