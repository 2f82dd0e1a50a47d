"""Why jobs failed, from exit codes, last lines and events."""

from __future__ import annotations

from typing import Any

import pytest

from components.batch.diagnosis import Cause, cause_lines, job_cause, task_causes
from components.batch.failures import Failures
from components.batch.task_facts import row_of
from components.supervision.life import Event

SPEC: dict[str, Any] = {"runnables": [{"script": {"text": "x"}}]}


def job(group: Any = None, policy: Any = None, **spec: Any) -> dict[str, Any]:
    return {
        "taskGroups": [{"taskCount": 9, "taskSpec": {**SPEC, **spec}, **(group or {})}],
        "allocationPolicy": {"instances": [{"policy": policy or {}}]},
    }


def causes(
    make: Any, codes: dict[int, int], tails: dict[int, str], spec: Any = None
) -> list[Cause]:
    failures = Failures()
    for index, code in codes.items():
        failures.add(row_of(make.ran(index, 1.0, 1.0, code)))
    return task_causes(failures, tails, spec or job())


def test_output_says_more_than_a_code(make: Any) -> None:
    (cause,) = causes(make, {1: 1, 3: 1}, {1: "No space left on device", 3: "x"})
    assert (cause.kind, list(cause.tasks), cause.seen) == ("disk", [1, 3], 1)


def test_one_code_may_have_several_reasons(make: Any) -> None:
    tails = {0: "MemoryError", 1: "MemoryError", 2: "a: command not found"}
    found = causes(make, dict.fromkeys(range(5), 1), tails)
    assert [(c.kind, list(c.tasks), c.seen) for c in found] == [
        ("memory", [0, 1, 3, 4], 2),
        ("command", [2], 1),
    ]


def test_codes_of_batch_come_before_output(make: Any) -> None:
    found = causes(make, {0: 50001, 1: 50005, 2: 50002, 3: 50006}, {0: "MemoryError"})
    assert {c.code: c.kind for c in found} == {
        50001: "preempted",
        50005: "time",
        50002: "lost_vm",
        50006: "lost_vm",
    }
    assert "with exit code 50001" in next(c for c in found if c.code == 50001).evidence


@pytest.mark.parametrize(
    ("code", "kind"), [(137, "memory"), (127, "command"), (126, "permission"), (3, "program")]
)
def test_a_code_alone_is_a_guess(make: Any, code: int, kind: str) -> None:
    (cause,) = causes(make, {0: code}, {})
    assert (cause.kind, cause.seen, cause.evidence) == (kind, 0, "")


def test_a_killed_task_ran_out_of_memory_whatever_error_it_printed(make: Any) -> None:
    assert causes(make, {0: 137}, {0: "ERROR: retrying"})[0].kind == "memory"
    assert causes(make, {0: 137}, {0: "x: No space left on device"})[0].kind == "disk"


@pytest.mark.parametrize(
    ("code", "spec", "now"),
    [
        (137, job(), "memoryMib is not set (2000)."),
        (
            137,
            job(
                group={"taskCountPerNode": 4},
                policy={"machineType": "e2-standard-4"},
                computeResource={"memoryMib": 4000},
            ),
            "memoryMib is 4000; e2-standard-4 has 16 GiB, up to 4 tasks share it.",
        ),
        (50005, job(maxRunDuration="3600s"), "maxRunDuration is 1 h."),
        (50001, job(), "maxRetryCount is 0, so a lost VM ends the task."),
        (50001, job(maxRetryCount=3), "maxRetryCount is 3, and all of it was used."),
        (
            50001,
            job(
                maxRetryCount=3,
                lifecyclePolicies=[
                    {"action": "RETRY_TASK", "actionCondition": {"exitCodes": [50002]}}
                ],
            ),
            "maxRetryCount is 3, but not for exit code 50001.",
        ),
        (50001, {}, ""),
    ],
)
def test_it_says_what_the_job_says_now(make: Any, code: int, spec: Any, now: str) -> None:
    failures = Failures()
    failures.add(row_of(make.ran(0, 1.0, 1.0, code)))
    assert task_causes(failures, {}, spec)[0].now == now


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Batch Error: code - CODE_GCE_ZONE_RESOURCE_POOL_EXHAUSTED, description - x", "stock"),
        ("Quota 'GPUS' exceeded.  Limit: 0.0 in region us-central1.", "quota"),
        ("CODE_SERVICE_ACCOUNT_MISMATCH", "config"),
        ("no VM has agent reporting correctly within the time window 1080 seconds", "network"),
        ("caller does not have access to act as the specified service account: a@b", "permission"),
    ],
)
def test_events_tell_where_no_task_can(text: str, kind: str) -> None:
    told = job_cause([Event("1", "x", text), Event("2", "x", "Job state is set from A to B")])
    assert told is not None
    assert (told.kind, told.tasks) == (kind, ())
    assert text[:20] in told.evidence


def test_events_without_trouble_tell_nothing() -> None:
    assert job_cause([Event("1", "x", "Job state is set from QUEUED to SCHEDULED for j.")]) is None
    assert job_cause([]) is None


def test_lines_for_a_person(make: Any) -> None:
    found = causes(make, {0: 1, 1: 1, 2: 137}, {0: "MemoryError", 1: "MemoryError"})
    lines = cause_lines([cause.to_dict() for cause in found])
    assert lines[0] == "exit code 1, 2 tasks (0-1): the task ran out of memory"
    assert lines[1] == "  their output: MemoryError"
    assert lines[2] == "  memoryMib is not set (2000)."
    assert lines[4].startswith("exit code 137, 1 task (2): it was killed")
    many = cause_lines([cause.to_dict() for cause in found] * 4)
    assert many[-1] == "and 3 further reasons"
