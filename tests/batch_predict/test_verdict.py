"""The gate before the first request, and the policy after the last answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from components.batch_predict.book import Doc, Entry
from components.batch_predict.files import StoredFiles
from components.batch_predict.places import Places
from components.batch_predict.run_step import summary_of
from components.batch_predict.settle import Settling, settle
from components.batch_predict.verdict import check_gate, check_ratio, rows_without_answer
from components.errors import InputError, WorkFailed
from components.storage import files
from components.supervision.ledger import Ledger
from components.supervision.life import Life, Outcome
from tests.batch_predict.conftest import MODEL, Run, chained_to, prepare, request_of


@pytest.mark.parametrize(
    ("gate", "says"),
    [
        ({"go": False, "reason": "Not sent: too dear."}, "Not sent: too dear. Change"),
        ({"go": False, "dry_run": True, "reason": "Dry run: 3 rows."}, "Dry run: 3 rows. Change"),
        ({"reason": "no word of go"}, "The gate of the run is damaged"),
        ([], "The gate of the run is damaged"),
    ],
)
def test_what_the_gate_refuses_is_not_sent(tmp_path: Path, gate: object, says: str) -> None:
    (tmp_path / "gate.json").write_text(json.dumps(gate))
    with pytest.raises(InputError, match=says):
        check_gate(StoredFiles(), Places(str(tmp_path), "run"))


def test_no_gate_stops_nothing(tmp_path: Path) -> None:
    check_gate(StoredFiles(), Places(str(tmp_path), "run"))


@pytest.mark.parametrize(
    ("rows", "unanswered", "ratio", "fails"),
    [(10, 1, 0.1, False), (10, 2, 0.1, True), (10, 0, 0.0, False), (10, 1, 0.0, True),
     (10, 10, 1.0, False), (0, 0, 0.0, False)],
)  # fmt: skip
def test_the_ratio_is_the_most_that_may_fail(
    rows: int, unanswered: int, ratio: float, fails: bool
) -> None:
    if not fails:
        check_ratio(rows, unanswered, ratio)
        return
    with pytest.raises(WorkFailed, match=r"no whole answer, more than the ratio of 0(\.1)? that"):
        check_ratio(rows, unanswered, ratio)


def test_rows_are_counted_and_not_requests(run: Run) -> None:
    """Equal rows share one request; rows of later waves and invalid ones count as well."""
    prepare(
        run.uri,
        {"w000-00000.jsonl": [request_of(text) for text in ("fine", "blocked", "blocked")]},
        chained=[chained_to(2, row=4, wave=1), chained_to(1, row=5, wave=1)],
    )
    run.scenario("blocked", match="blocked")
    summary = run.predict()
    assert (summary.rows, summary.unanswered) == (5, 3)
    with pytest.raises(WorkFailed, match="3 of 5 rows have no whole answer"):
        run.predict(max_failed_ratio=0.5)


def test_a_refused_run_makes_no_job(run: Run) -> None:
    run.prepare("one")
    files.write_json(f"{run.uri}/gate.json", {"go": False, "reason": "Not sent: so be it."})
    with pytest.raises(InputError, match="so be it"):
        run.predict()
    assert run.made() == 0


@pytest.mark.parametrize(
    ("outcome", "stats", "rows", "unanswered"),
    [
        ("succeeded", {"successfulCount": 90, "failedCount": 10}, 100, 10),
        ("succeeded", {"successfulCount": 9, "failedCount": -1, "incompleteCount": -1}, 9, 0),
        ("failed", {"successfulCount": 60, "failedCount": 0, "incompleteCount": 40}, 100, 40),
        ("succeeded", {}, 0, 0),
    ],
)
def test_rows_of_a_table_are_counted_by_the_service(
    tmp_path: Path, outcome: Outcome, stats: dict[str, int], rows: int, unanswered: int
) -> None:
    places, doc = Places(str(tmp_path), "run"), settled_table(tmp_path, outcome, stats)
    assert rows_without_answer(StoredFiles(), places, doc) == (rows, unanswered)
    assert summary_of(doc, rows, unanswered).given_up == unanswered


def test_a_table_whose_job_failed_before_any_row_has_no_answers(tmp_path: Path) -> None:
    places, doc = Places(str(tmp_path), "run"), settled_table(tmp_path, "failed", {})
    with pytest.raises(WorkFailed, match=r"The job of bq://p\.d\.t ended as failed: no access"):
        rows_without_answer(StoredFiles(), places, doc)


def settled_table(folder: Path, outcome: Outcome, stats: dict[str, int]) -> Doc:
    life = Life(phase="ended", outcome=outcome, reason="no access")
    entry = Entry(
        "bq://p.d.t", 0, 1, MODEL, "job", "bq://p.d.t", "bq://p.d.a", 0,
        ledger=Ledger(life), stats=stats,
    )  # fmt: skip
    places = Places(str(folder), "run")
    settled = settle(StoredFiles(), places, [entry], lambda *_: None, Settling())
    return Doc(entries=tuple(settled.entries), waves_done=1)
