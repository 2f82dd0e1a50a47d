"""What a task's events tell, with the texts that Batch writes."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from components.batch.task_facts import (
    COLUMNS,
    STATES,
    code_in,
    index_of,
    place_in,
    row_of,
)

# Texts as users of Batch published them, and as its troubleshooting page words them.
PLAIN = (
    "Task state is updated from RUNNING to FAILED on "
    "zones/europe-west4-c/instances/1331099789278906760 with exit code 127."
)
PREEMPTED = (
    "Task state is updated from PRE-STATE to FAILED on zones/us-east1-b/instances/42 due to Spot "
    "Preemption with exit code 50001."
)
OLD_PREEMPTED = (
    "Task state is updated from PENDING to FAILED on zones/us-east1-b/instances/42 due to Spot VM "
    "preemption with exit code 50001."
)
TIMED_OUT = (
    "Task state is updated from RUNNING to FAILED on zones/z-a/instances/1 due to task runs over "
    "the maximum runtime with exit code 50005."
)
RECREATED = (
    "Task state is updated from PENDING to FAILED on zones/us-west1-a/instances/1 due to VM is "
    "recreated during task execution with exit code 50006."
)
SILENT = (
    "Task state is updated from RUNNING to FAILED on zones/us-central1-a/instances/7 due to Batch "
    "no longer receives VM updates with exit code 50002."
)
DONE = "Task state is updated from RUNNING to SUCCEEDED on zones/us-central1-a/instances/123."
OF_JOB = (
    "Job state is set from RUNNING to FAILED for job projects/9/locations/europe-west4/jobs/b-1."
    "Job failed due to task failure. Specifically, task with index 0 failed due to the following "
    f'task event: "{PLAIN}"'
)


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        (PLAIN, 127, ("europe-west4-c", "1331099789278906760")),
        (PREEMPTED, 50001, ("us-east1-b", "42")),
        (OLD_PREEMPTED, 50001, ("us-east1-b", "42")),
        (TIMED_OUT, 50005, ("z-a", "1")),
        (RECREATED, 50006, ("us-west1-a", "1")),
        (SILENT, 50002, ("us-central1-a", "7")),
        (DONE, None, ("us-central1-a", "123")),
        (OF_JOB, 127, ("europe-west4-c", "1331099789278906760")),
        ("", None, ("", "")),
        ("zones/a/instances/b", None, ("", "")),
    ],
)
def test_texts(text: str, code: int | None, place: tuple[str, str]) -> None:
    assert code_in(text) == code
    assert place_in(text) == place


def test_states_are_those_of_the_proto() -> None:
    from google.cloud.batch_v1 import TaskStatus

    named = {state.value: state.name for state in TaskStatus.State}
    assert named == {**STATES, 0: "STATE_UNSPECIFIED"}


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("a/tasks/0", 0),
        ("a/tasks/99999", 99999),
        ("a/tasks/x", None),
        ("a/tasks/٣", None),
        ("", None),
    ],
)
def test_index(name: str, index: int | None) -> None:
    assert index_of(name) == index


def test_a_task_that_succeeded(make: Any) -> None:
    row = row_of(make.ran(3, 1790000000.0, 12.5), machine_type="e2-small")
    assert row == {
        "index": 3,
        "state": "SUCCEEDED",
        "exit_code": 0,
        "meaning": "success",
        "remedy": "",
        "round": 0,
        "attempts": 1,
        "preemptions": 0,
        "started_at": "2026-09-21T14:13:20.000Z",
        "ended_at": "2026-09-21T14:13:32.500Z",
        "duration_s": 12.5,
        "zone": "us-central1-a",
        "machine_type": "e2-small",
        "vm": "1331099789278906760",
        "last_event": f"Task state is updated from RUNNING to SUCCEEDED {make.vm}.",
        "output_tail": "",
    }
    assert list(row) == [column.name for column in COLUMNS]


def test_a_task_that_failed(make: Any) -> None:
    row = row_of(make.ran(0, 100.0, 3.0, 137))
    assert (row["state"], row["exit_code"], row["attempts"]) == ("FAILED", 137, 1)
    assert "memory" in row["meaning"]
    assert "memoryMib" in row["remedy"]


def retried(make: Any, order: tuple[int, ...] = (0, 1, 2, 3, 4, 5)) -> Any:
    """Preempted once, then run again with success; events in the order given."""
    events = [
        make.moved(10, "PENDING", "ASSIGNED"),
        make.moved(11, "ASSIGNED", "RUNNING"),
        make.moved(20, "RUNNING", "PENDING", 50001, "Spot Preemption"),
        make.moved(50, "PENDING", "ASSIGNED"),
        make.moved(52, "ASSIGNED", "RUNNING"),
        make.moved(60, "RUNNING", "SUCCEEDED"),
    ]
    return make.task(1, "SUCCEEDED", [events[n] for n in order])


@pytest.mark.parametrize("order", list(itertools.permutations(range(6)))[::37])
def test_a_success_keeps_no_code_of_an_earlier_attempt(make: Any, order: tuple[int, ...]) -> None:
    row = row_of(retried(make, order))
    assert (row["state"], row["exit_code"], row["meaning"]) == ("SUCCEEDED", 0, "success")
    assert (row["attempts"], row["preemptions"]) == (2, 1)
    assert row["duration_s"] == 8.0
    assert "SUCCEEDED" in row["last_event"]


def test_the_code_of_the_last_failure_counts(make: Any) -> None:
    row = row_of(
        make.task(
            0,
            "FAILED",
            [
                make.moved(30, "RUNNING", "FAILED", 1),
                make.moved(25, "ASSIGNED", "RUNNING"),
                make.moved(1, "ASSIGNED", "RUNNING"),
                make.moved(9, "RUNNING", "PENDING", 50001, "Spot Preemption"),
            ],
        )
    )
    assert (row["exit_code"], row["attempts"], row["preemptions"]) == (1, 2, 1)


def test_a_code_that_stands_only_in_the_text(make: Any) -> None:
    row = row_of(make.task(0, "FAILED", [(5.0, "", PREEMPTED, None)]))
    assert (row["exit_code"], row["preemptions"], row["zone"]) == (50001, 1, "us-east1-b")
    assert row["attempts"] == 1
    assert row["duration_s"] is None


def test_a_failure_without_any_code(make: Any) -> None:
    row = row_of(make.task(0, "FAILED", [(5.0, "FAILED", "Task went wrong.", None)]))
    assert row["exit_code"] is None
    assert "no exit code" in row["meaning"]


def test_what_a_runnable_writes_is_no_fact(make: Any) -> None:
    spoof = "done on zones/evil/instances/666 due to fun with exit code 50001"
    events = [*_events(make), (3.0, "", spoof, None)]
    row = row_of(make.task(0, "FAILED", events))
    assert (row["exit_code"], row["preemptions"], row["zone"]) == (2, 0, "us-central1-a")


def _events(make: Any) -> list[Any]:
    return [make.moved(1, "ASSIGNED", "RUNNING"), make.moved(2, "RUNNING", "FAILED", 2)]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("UNEXECUTED", "never ran"),
        ("PENDING", "not begun"),
        ("ASSIGNED", "not begun"),
        ("RUNNING", "was running"),
        ("STATE_UNSPECIFIED", "no state"),
    ],
)
def test_tasks_that_have_not_ended_have_no_code(make: Any, state: str, words: str) -> None:
    row = row_of(make.task(4, state))
    assert row["exit_code"] is None
    assert words in row["meaning"]
    assert row["attempts"] == 0
    assert (row["started_at"], row["ended_at"], row["duration_s"]) == ("", "", None)


def test_a_running_task_has_begun_and_not_ended(make: Any) -> None:
    row = row_of(make.task(4, "RUNNING", [make.moved(7, "ASSIGNED", "RUNNING")]))
    assert row["started_at"] == "1970-01-01T00:00:07.000Z"
    assert row["ended_at"] == ""


def test_the_position_stands_in_for_a_missing_index(make: Any) -> None:
    odd = make.task(0, "PENDING")
    odd.name = "nonsense"
    assert row_of(odd, position=17)["index"] == 17


def test_a_task_that_went_with_its_job(make: Any) -> None:
    text = (
        "Task state is updated from RUNNING to FAILED on zones/us-central1-a/instances/12 "
        "due to the job was cancelled with exit code 50000."
    )
    row = row_of(make.task(0, "FAILED", [(5.0, "FAILED", text, 50000)]))
    assert row["meaning"] == "ended because the job was cancelled"
    assert row["remedy"] == ""
