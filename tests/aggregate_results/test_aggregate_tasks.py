"""A run folder becomes tables, a report and a summary, however the run ended."""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from google.api_core import exceptions

from components.aggregate_results.outcomes import OUTCOMES
from components.aggregate_results.tasks import aggregate, read_rows
from components.batch.task_rows import job_rows
from components.errors import ServiceError

REPO = Path(__file__).resolve().parents[2]


def collect(make: Any, fake: Any, **pieces: Any) -> Any:
    return aggregate(make.run(**pieces), service=fake.service())


def test_five_tasks(make: Any) -> None:
    fake = make.fake([make.ran(i, 1790000000.0 + i, 2.0 + i) for i in range(5)])
    got = collect(make, fake, submission=make.ledger(5))
    assert got.headline == "All 5 tasks succeeded"
    assert (got.tasks, got.succeeded, got.failed) == (5, 5, 0)
    assert got.seconds == 10.0
    assert got.task_seconds == 20.0
    assert got.durations == {"shortest": 2.0, "median": 4.0, "p95": 6.0, "longest": 6.0}
    assert got.notes == ()
    rows = [json.loads(line) for line in (make.folder / "tasks.jsonl").read_text().splitlines()]
    assert [row["index"] for row in rows] == [0, 1, 2, 3, 4]
    assert rows[2]["output_tail"] == "output of 2"
    assert rows[2]["machine_type"] == "n2-standard-8"
    table = (make.folder / "tasks.csv").read_text().splitlines()
    assert list(csv.DictReader(table)) == [
        {k: "" if v is None else str(v) for k, v in row.items()} for row in rows
    ]
    book = openpyxl.load_workbook(make.folder / "tasks.xlsx")
    assert book.sheetnames == ["Summary", "Tasks"]
    assert [cell.value for cell in book["Tasks"]["A"]] == ["Task", 0, 1, 2, 3, 4]
    assert json.loads((make.folder / "summary.json").read_text()) == json.loads(
        json.dumps(got.to_dict())
    )
    assert list(read_rows(str(make.folder))) == rows


@pytest.mark.parametrize(
    ("gate", "shown"),
    [
        ({"go": True, "forecast": {"line": "about $1.00 <b>in</b> 5 min"}}, True),
        ({"go": True, "forecast": {"line": 5}}, False),
        ({"go": True, "forecast": "about"}, False),
        ({"go": True}, False),
    ],
)
def test_the_forecast_stands_beside_what_happened(make: Any, gate: Any, shown: bool) -> None:
    fake = make.fake([make.ran(0, 100.0, 1.0)])
    collect(make, fake, submission=make.ledger(1), gate=gate)
    page = (make.folder / "report.html").read_text()
    assert ("about $1.00 &lt;b&gt;in&lt;/b&gt; 5 min" in page) == shown


def test_tasks_in_any_order_come_out_by_index(make: Any) -> None:
    tasks = [make.ran(i, 100.0, 1.0) for i in range(60)]
    random.Random(5).shuffle(tasks)
    collect(make, make.fake([*tasks, tasks[0]]), submission=make.ledger(60))
    assert [row["index"] for row in read_rows(str(make.folder))] == list(range(60))


def test_failures_are_grouped_and_their_output_read_first(make: Any) -> None:
    tasks = [
        make.ran(i, 100.0, 1.0, 137 if i % 10 == 0 else 1 if i == 55 else 0) for i in range(400)
    ]
    fake = make.fake(tasks)
    got = collect(make, fake, submission=make.ledger(400, outcome="failed"))
    assert got.headline == "41 of 400 tasks failed"
    assert [(f["code"], f["count"]) for f in got.failures] == [(137, 40), (1, 1)]
    assert got.failures[0]["indexes"].startswith("0, 10, 20")
    assert "memoryMib" in got.remedy
    assert fake.asked[0]["indexes"][:3] == [0, 55, 10]
    assert len(fake.asked[0]["indexes"]) == 41
    assert fake.asked[0]["uid"] == "hello-1-uid"
    assert fake.asked[0]["project"] == "p"
    assert not fake.asked[0]["whole_job"]


def test_the_report_says_why_tasks_failed(make: Any) -> None:
    tasks = [make.ran(i, 100.0, 1.0, 1) for i in range(4)]
    said = {0: "MemoryError", 1: "MemoryError", 2: "a<b>: command not found"}
    fake = make.fake(tasks, output=lambda index: said.get(index, "no word"))
    got = collect(make, fake, submission=make.ledger(4, outcome="failed"))
    assert [(c["kind"], c["indexes"], c["seen"]) for c in got.causes] == [
        ("memory", "0-1, 3", 2),
        ("command", "2", 1),
    ]
    page = (make.folder / "report.html").read_text()
    assert "The task ran out of memory (3 tasks: 0-1, 3)." in page
    assert "memoryMib is not set" in page
    assert "<code>MemoryError</code>" in page
    assert "<code>a&lt;b&gt;: command not found</code>" in page


def test_unexecuted_tasks_are_told_apart(make: Any) -> None:
    tasks = [
        make.ran(0, 1.0, 1.0, 1),
        make.ran(1, 1.0, 1.0),
        *(make.task(i, "UNEXECUTED") for i in (2, 3)),
    ]
    got = collect(make, make.fake(tasks), submission=make.ledger(4, outcome="failed"))
    assert (got.succeeded, got.failed, got.unexecuted, got.other) == (1, 1, 2, 0)
    assert "Never ran" in (make.folder / "report.html").read_text()


def test_retries_and_preemptions_are_counted(make: Any) -> None:
    events = [
        make.moved(1, "ASSIGNED", "RUNNING"),
        make.moved(2, "RUNNING", "PENDING", 50001, "Spot Preemption"),
        make.moved(3, "ASSIGNED", "RUNNING"),
        make.moved(4, "RUNNING", "SUCCEEDED"),
    ]
    got = collect(make, make.fake([make.task(0, "SUCCEEDED", events)]), submission=make.ledger(1))
    assert (got.retried, got.preempted, got.failed) == (1, 1, 0)
    assert got.metrics() == {
        "tasks": 1,
        "succeeded": 1,
        "failed": 0,
        "unexecuted": 0,
        "retried": 1,
        "preempted": 1,
        "seconds": 1.0,
    }


CONFIG = {"outcome": "config", "turns": ["5 tasks"], "message": ""}
ERROR = {"severity": "error", "rule": "r", "path": "p", "message": "too many", "fix": "fewer"}
CASES: list[tuple[str, dict[str, Any], str, list[str]]] = [
    (
        "clarify",
        {"intent": {**CONFIG, "outcome": "clarify", "questions": ["How many?", "Where?"]}},
        "2 questions before this can run",
        ["How many?", "Please answer"],
    ),
    (
        "reject",
        {"intent": {**CONFIG, "outcome": "reject", "message": "A shop is no job."}},
        "This cannot be done as a Batch job",
        ["A shop is no job."],
    ),
    (
        "findings",
        {"intent": CONFIG, "findings": [ERROR], "gate": {"go": False, "reason": "1 error"}},
        "1 error in the job; nothing was submitted",
        ["too many", "fewer"],
    ),
    (
        "stopped",
        {"intent": CONFIG, "findings": [], "gate": {"go": False, "reason": "Over budget"}},
        "The run stopped before it submitted anything",
        ["Over budget"],
    ),
    ("broken", {}, "The run ended before there was a job", ["first step that failed"]),
    ("broken", {"intent": CONFIG}, "The run ended before there was a job", ["5 tasks"]),
]


@pytest.mark.parametrize(("outcome", "pieces", "headline", "words"), CASES)
def test_runs_without_a_job(
    make: Any, outcome: str, pieces: dict[str, Any], headline: str, words: list[str]
) -> None:
    def unused() -> Any:
        raise AssertionError("nothing is asked of Batch where there is no job")

    got = aggregate(make.run(**pieces), service=unused)
    assert (got.outcome, got.headline) == (outcome, headline)
    page = (make.folder / "report.html").read_text()
    assert all(word in page for word in [headline, *words])
    assert sorted(path.name for path in make.folder.iterdir() if path.suffix != ".json") == [
        "report.html"
    ]


def test_a_dry_run_shows_the_exact_request(make: Any) -> None:
    ledger = make.ledger(5, outcome="dry_run", job_name="", uid="")
    got = collect(make, make.fake(), intent=CONFIG, submission=ledger)
    page = (make.folder / "report.html").read_text()
    assert got.headline == "Dry run: this is what would be submitted"
    url = "https://batch.googleapis.com/v1/projects/p/locations/us-central1/jobs"
    assert f"POST {url}?jobId=hello-1&amp;requestId=r-1" in page
    assert "&quot;taskCount&quot;: &quot;5&quot;" in page


@pytest.mark.parametrize(
    ("outcome", "headline"),
    [
        ("cancelled", "The job was cancelled after 1 of 2 tasks had succeeded"),
        ("deleted", "The job was deleted before it ended"),
        ("hopeless", "The job could not start"),
        ("refused", "Batch refused the job"),
        ("deadline", "The job did not end in the time it was given"),
        (None, "The job has not ended yet"),
    ],
)
def test_jobs_that_did_not_end_by_themselves(make: Any, outcome: str | None, headline: str) -> None:
    tasks = [make.ran(0, 1.0, 1.0), make.task(1, "UNEXECUTED")]
    ledger = make.ledger(2, outcome=outcome, reason="because of the quota")
    got = collect(make, make.fake(tasks), submission=ledger)
    assert got.headline == headline
    assert "Because of the quota" in (make.folder / "report.html").read_text()


def test_every_outcome_of_the_supervision_can_be_told() -> None:
    from typing import get_args

    from components.supervision.machine import Outcome

    assert set(get_args(Outcome)) <= set(OUTCOMES)


def test_a_job_that_failed_before_any_task_ran(make: Any) -> None:
    got = collect(make, make.fake(), submission=make.ledger(5, outcome="failed", reason="no zone"))
    assert got.headline == "The job failed before any task ran"


def test_a_deleted_job_still_gives_a_report(make: Any) -> None:
    def gone() -> Any:
        raise exceptions.NotFound("no such job")
        yield

    fake = make.fake(gone(), job_error=exceptions.NotFound("no such job"))
    got = collect(make, fake, submission=make.ledger(5, outcome="deleted"))
    assert any("no longer exists" in note for note in got.notes)
    assert not (make.folder / "tasks.jsonl").exists()


def test_a_listing_that_breaks_off_keeps_what_it_had(make: Any) -> None:
    def cut() -> Any:
        yield make.ran(0, 1.0, 1.0)
        yield make.ran(1, 1.0, 1.0)
        raise exceptions.ServiceUnavailable("try later")

    got = collect(make, make.fake(cut()), submission=make.ledger(5, outcome="failed"))
    assert got.tasks == 2
    assert any("after 2 of them" in note for note in got.notes)
    assert len(list(read_rows(str(make.folder)))) == 2


def test_no_credentials_still_give_a_report(make: Any) -> None:
    from google.auth.exceptions import DefaultCredentialsError

    def none() -> Any:
        raise DefaultCredentialsError("no credentials")

    got = aggregate(make.run(submission=make.ledger(5, outcome="failed")), service=none)
    assert got.headline == "The job failed"
    assert any("no credentials" in note for note in got.notes)


def test_a_defect_of_ours_is_not_hidden(make: Any) -> None:
    with pytest.raises(AttributeError):
        collect(make, make.fake(["no task"]), submission=make.ledger(1))


@pytest.mark.parametrize("name", ["intent", "findings", "gate", "submission", "job"])
@pytest.mark.parametrize(
    "text", ["", '{"outcome": "conf', "\x00\x01", "[[[[", '"text"', "7", "[1]"]
)
def test_half_written_pieces_are_named_and_left_out(make: Any, name: str, text: str) -> None:
    got = collect(make, make.fake(), **{name: text})
    assert got.outcome == "broken"
    if not (name == "findings" and text == "[1]"):
        assert any(f"{name}.json" in note for note in got.notes)


def test_pieces_of_the_wrong_shape_do_no_harm(make: Any) -> None:
    odd: Any = {"a": [1, None]}
    got = collect(
        make,
        make.fake([make.ran(0, 1.0, 1.0)]),
        intent={"outcome": odd, "turns": odd, "questions": 3, "evidence": [odd, 4], "message": []},
        findings=[{"severity": odd, "path": 4, "line": "x"}, 5],
        gate={"go": odd, "reason": 7},
        submission={
            "job_name": "projects/p/locations/l/jobs/j",
            "outcome": "failed",
            "events": [odd],
            "request": {"parent": 4, "job": {"taskGroups": [{"taskCount": "x"}]}},
            "submitted_at": odd,
            "reason": 9,
        },
    )
    assert got.tasks == 1


def test_what_the_platform_says_is_told_where_nothing_else_is(make: Any) -> None:
    got = aggregate(make.run(), pipeline_state="FAILED", pipeline_error="parse-intent failed")
    assert got.reason == "parse-intent failed"


def test_the_sentence_of_the_step_that_failed_is_told(make: Any) -> None:
    left = {"message": "gs://b/prices.csv: There is no such file"}
    folder = make.run(failure=left)
    got = aggregate(folder, pipeline_state="FAILED", pipeline_error="Task exit-handler-1 failed.")
    assert got.reason == left["message"]
    again = aggregate(folder, pipeline_state="SUCCEEDED")  # a retry that went well
    assert again.reason != left["message"]


def test_output_that_goes_elsewhere_is_not_asked_for(make: Any) -> None:
    ledger = make.ledger(1)
    ledger["request"]["job"]["logsPolicy"] = {"destination": "PATH", "logsPath": "/mnt/logs"}
    fake = make.fake([make.ran(0, 1.0, 1.0)])
    got = collect(make, fake, submission=ledger)
    assert fake.asked == []
    assert any("/mnt/logs" in note for note in got.notes)


def test_the_report_stays_small_whatever_the_run_folder_holds(make: Any) -> None:
    long = "long & <wide> " * 300
    item = dict.fromkeys(("path", "value", "quote", "why", "message", "fix", "rule"), long)
    got = collect(
        make,
        make.fake([make.ran(i, 1.0, 1.0, i % 9) for i in range(1000)], lambda i: long * 4),
        intent={"outcome": "config", "turns": [long] * 50, "warnings": [long] * 500}
        | dict.fromkeys(("evidence", "assumptions"), [item] * 1000),
        findings=[{**item, "severity": "error"}] * 1000,
        submission=make.ledger(
            1000, outcome="failed", events=[{"time": long, "description": long}] * 500
        ),
    )
    assert got.failed > 500
    assert (make.folder / "report.html").stat().st_size < 2_000_000


def test_a_note_of_the_logs_is_passed_on(make: Any) -> None:
    fake = make.fake([make.ran(0, 1.0, 1.0)], note="reading was not allowed")
    assert "reading was not allowed" in collect(make, fake, submission=make.ledger(1)).notes


def test_fewer_tasks_than_asked_for_are_noted(make: Any) -> None:
    got = collect(make, make.fake([make.ran(0, 1.0, 1.0)]), submission=make.ledger(3))
    assert got.notes == ("Batch listed 1 of the 3 tasks that the job has.",)


def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ServiceError, match="part of the path is a file"):
        aggregate(str(tmp_path / "file" / "run"))


def test_the_rows_of_a_live_job(make: Any) -> None:
    rows = list(
        job_rows("projects/p/locations/l/jobs/j", make.fake([make.ran(4, 1.0, 1.0)]).service())
    )
    assert [(row["index"], row["machine_type"]) for row in rows] == [(4, "n2-standard-8")]


def test_the_same_run_gives_the_same_tables(make: Any) -> None:
    fake = make.fake([make.ran(i, 1.0, 1.0, i % 3) for i in range(30)])
    uri = make.run(submission=make.ledger(30))
    aggregate(uri, service=fake.service())
    first = {name: (make.folder / name).read_bytes() for name in ("tasks.jsonl", "tasks.csv")}
    aggregate(uri, service=fake.service())
    assert first == {name: (make.folder / name).read_bytes() for name in first}


def test_memory_does_not_grow_with_the_tasks() -> None:
    """10,000 tasks here; bench/aggregate_100k.py holds 100,000 to 300 MB."""
    done = subprocess.run(
        [sys.executable, "bench/aggregate_100k.py", "--tasks", "10000", "--json"],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=True,
    )
    figures = json.loads(done.stdout)
    assert figures["rows"] == 10_000
    assert figures["report_bytes"] < 2_000_000
    assert figures["peak_mb"] < 200


def test_half_a_surrogate_pair_in_the_run_folder_is_no_reason_to_fail(make: Any) -> None:
    intent = {"outcome": "reject", "message": "not \ud800 possible", "turns": ["\udfff"]}
    got = aggregate(make.run(intent=intent))
    told = json.loads((make.folder / "summary.json").read_text())
    assert told["reason"] == got.reason == "not \ud800 possible"
