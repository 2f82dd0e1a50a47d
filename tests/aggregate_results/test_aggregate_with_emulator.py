"""Jobs that really ran, read back through the real clients."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from components.aggregate_results.component import aggregate_results
from components.aggregate_results.step import aggregate_step
from components.aggregate_results.tasks import aggregate, read_rows
from components.batch.task_rows import job_rows
from components.config.check import Against
from components.rounds.adapt import Adapt
from components.submit_batch_job.adapting import Bounds, submit_and_adapt
from components.submit_batch_job.submit import Waiting, submit_and_watch

SCRIPT = """
echo "hello from $BATCH_TASK_INDEX"
if [ "$BATCH_TASK_INDEX" = 2 ]; then echo "no such shard" >&2; exit 3; fi
"""


def job_of(script: str, count: int, **spec: Any) -> dict[str, Any]:
    task = {"runnables": [{"script": {"text": script}}], **spec}
    return {
        "taskGroups": [{"taskCount": str(count), "taskSpec": task}],
        "logsPolicy": {"destination": "CLOUD_LOGGING"},
    }


def run_job(folder: Path, job: dict[str, Any]) -> str:
    uri = str(folder / "run-1")
    submit_and_watch(
        job,
        project="local-project",
        region="us-central1",
        run=uri,
        ledger_uri=f"{uri}/submission.json",
        waiting=Waiting(say=lambda line: None),
    )
    return uri


@pytest.mark.usefixtures("emulator")
def test_a_job_with_one_failed_task(tmp_path: Path) -> None:
    uri = run_job(tmp_path, job_of(SCRIPT, 4))
    got = aggregate(uri)
    assert got.headline == "1 of 4 tasks failed", got.reason
    assert got.notes == ("Batch was a stand-in on this machine, not Google Cloud.",)
    assert got.console_url == ""
    rows = list(read_rows(uri))
    assert [row["index"] for row in rows] == [0, 1, 2, 3]
    assert (rows[2]["state"], rows[2]["exit_code"]) == ("FAILED", 3)
    assert "no such shard" in rows[2]["output_tail"]
    assert rows[0]["output_tail"] == "hello from 0"
    assert rows[0]["zone"].startswith("us-central1")
    assert rows[0]["duration_s"] is not None
    assert [row["state"] for row in job_rows(got.job_name)] == [row["state"] for row in rows]


@pytest.mark.usefixtures("emulator")
def test_of_many_tasks_the_failed_ones_keep_their_last_lines(tmp_path: Path) -> None:
    script = 'echo "shard $BATCH_TASK_INDEX"; [ $((BATCH_TASK_INDEX % 30)) != 7 ]'
    uri = run_job(tmp_path, job_of(script, 60))
    aggregate(uri)
    tails = {row["index"]: row["output_tail"] for row in read_rows(uri) if row["output_tail"]}
    assert tails == {7: "shard 7", 37: "shard 37"}


@pytest.mark.usefixtures("emulator")
def test_a_retried_task_counts_its_attempts(tmp_path: Path) -> None:
    script = 'echo "try $BATCH_TASK_RETRY_ATTEMPT"; [ "$BATCH_TASK_RETRY_ATTEMPT" -ge 1 ]'
    uri = run_job(tmp_path, job_of(script, 1, maxRetryCount=2))
    got = aggregate(uri)
    row = next(read_rows(uri))
    assert (got.succeeded, got.retried) == (1, 1)
    assert (row["state"], row["exit_code"], row["attempts"]) == ("SUCCEEDED", 0, 2)
    assert row["output_tail"].endswith("try 1")


AGAIN = """
echo "try of $BATCH_TASK_INDEX"
case $BATCH_TASK_INDEX in
1) [ -e {mark} ] || {{ touch {mark}; echo MemoryError >&2; exit 137; }} ;;
2) echo "ValueError: its own" >&2; exit 1 ;;
esac
"""


@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize("count", [2, 4])
def test_tasks_that_ran_again_count_with_their_last_round(tmp_path: Path, count: int) -> None:
    uri = str(tmp_path / "run-1")
    submit_and_adapt(
        job_of(AGAIN.format(mark=tmp_path / "mark"), count),
        project="local-project",
        region="us-central1",
        run=uri,
        ledger_uri=f"{uri}/submission.json",
        waiting=Waiting(say=lambda line: None),
        bounds=Bounds(Adapt(rounds=2), Against(region="us-central1"), lambda _: 1.0),
    )
    got = aggregate(uri)
    rows = list(read_rows(uri))
    assert [(row["index"], row["round"]) for row in rows] == [
        (index, int(index == 1)) for index in range(count)
    ]
    assert rows[1]["state"] == "SUCCEEDED"
    assert rows[1]["output_tail"] == "try of 1"
    assert got.rounds[0]["tasks"] == "1"
    assert any("memoryMib" in line for line in got.rounds[0]["why"])
    page = Path(uri, "report.html").read_text()
    assert "Run again" in page
    if count == 2:
        assert (got.outcome, got.headline) == ("succeeded", "All 2 tasks succeeded")
    else:
        assert (got.outcome, got.headline) == ("failed", "1 of 4 tasks failed")
        assert got.reason == "1 task failed for reasons that no change mends"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("The failed tasks are: [read-the-intent].", "The failed tasks are: [read-the-intent]."),
        ("Task exit-handler-1 failed.", ""),
    ],
)
def test_the_step_leaves_the_page_where_the_platform_looks(
    make: Any, tmp_path: Path, said: str, reason: str
) -> None:
    status = SimpleNamespace(state="FAILED", error_message=said)
    place = tmp_path / "artifacts" / "report"
    summary = aggregate_step(make.run(), status, str(place))
    assert place.read_text() == (make.folder / "report.html").read_text()
    assert summary.reason == reason
    assert json.loads((make.folder / "summary.json").read_text())["outcome"] == "broken"


def test_the_step_works_without_a_status(make: Any, tmp_path: Path) -> None:
    assert aggregate_step(make.run(), None, str(tmp_path / "report")).tasks == 0


def test_the_declaration_is_what_pipelines_wire() -> None:
    spec = aggregate_results.component_spec
    assert set(spec.inputs) == {"results_uri", "pipeline_folder", "status"}
    assert set(spec.outputs) == {"report", "metrics", "results", "Output"}
    assert "report" in spec.description
