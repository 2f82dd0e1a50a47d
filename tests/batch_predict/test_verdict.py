"""The gate before the first request, and the policy after the last answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from components.batch_predict.files import StoredFiles
from components.batch_predict.places import Places
from components.batch_predict.verdict import check_gate, check_ratio
from components.errors import InputError, WorkFailed
from components.storage import files
from tests.batch_predict.conftest import Run, chained_to, prepare, request_of


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
