"""Status events, worded as the service words them.

Wordings: the troubleshooting page of the Batch documentation (exit codes, quota) and event lists
that users published (nextflow #5550, dsub's patterns). People and tools match on them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

STATUS_CHANGED = "STATUS_CHANGED"
OPERATIONAL_INFO = "OPERATIONAL_INFO"

REASONS: Mapping[int, str] = {
    50001: "Spot Preemption",
    50002: "Batch no longer receives VM updates",
    50005: "task runs over the maximum runtime",
}


class JobEvent(NamedTuple):
    """A line in the history of a job; `time_ns` counts from 1970."""

    time_ns: int
    kind: str
    text: str


class TaskEvent(NamedTuple):
    """A change of a task's state.

    Args:
        time_ns: since 1970.
        before: the state that was left.
        after: the state that was entered.
        vm: as in `zones/us-central1-a/instances/1331099789278906760`.
        code: the exit code, only where the task failed.
        reason: why, in words; "" where the exit code is the task's own.
    """

    time_ns: int
    before: str
    after: str
    vm: str
    code: int | None = None
    reason: str = ""


def job_moved(name: str, before: str, after: str) -> str:
    """The text of a change of a job's state."""
    return f"Job state is set from {before} to {after} for job {name}."


def job_failed(name: str, before: str, index: int, event: TaskEvent) -> str:
    """The text of a job's end because a task failed; no blank before `Job failed`."""
    return (
        f"{job_moved(name, before, 'FAILED')}Job failed due to task failure. Specifically, task "
        f"with index {index} failed due to the following task event: "
        f'"{task_moved(event)}"'
    )


def task_moved(event: TaskEvent) -> str:
    """The text of a change of a task's state."""
    text = f"Task state is updated from {event.before} to {event.after} on {event.vm}"
    if event.reason:
        text += f" due to {event.reason}"
    if event.code is not None:
        text += f" with exit code {event.code}"
    return f"{text}."


def quota_delay(uid: str, quota: str, limit: str, usage: str, wanted: str) -> str:
    """The text of a job that waits for quota."""
    return (
        f"Quota checking process decides to delay scheduling for the job {uid} due to inadequate "
        f"quotas [Quota: {quota}, limit: {limit}, usage: {usage}, wanted: {wanted}.]."
    )


def quota_exceeded(quota: str, limit: str, region: str) -> str:
    """The text of a job that ends because a quota can never be met."""
    return (
        "Job gets non-retryable information Batch Error: code - CODE_GCE_QUOTA_EXCEEDED, "
        f"description - Quota '{quota}' exceeded.  Limit: {limit} in region {region}."
    )


def stock_out(project: str, zone: str) -> str:
    """The text of a job for which there are no machines; its description is Compute Engine's."""
    return (
        "Batch Error: code - CODE_GCE_ZONE_RESOURCE_POOL_EXHAUSTED, description - The zone "
        f"'projects/{project}/zones/{zone}' does not have enough resources available to fulfill "
        "the request.  Try a different zone, or try again later."
    )


def vm_name(uid: str, zone: str, node: int, generation: int) -> str:
    """The VM that a task is said to run on; another after the VM was lost."""
    digest = hashlib.sha256(f"{uid}/{node}/{generation}".encode()).digest()
    number = 10**18 + int.from_bytes(digest[:7], "big")
    return f"zones/{zone}/instances/{number}"


def timestamp(time_ns: int) -> str:
    """RFC 3339 with nine digits, as the service prints it."""
    seconds, rest = divmod(time_ns, 10**9)
    return f"{_second(seconds)}.{rest:09d}Z"


def job_event_json(event: JobEvent) -> dict[str, Any]:
    """The event as the service's JSON."""
    return {
        "type": event.kind,
        "description": event.text,
        "eventTime": timestamp(event.time_ns),
    }


def task_event_json(event: TaskEvent, state: object) -> dict[str, Any]:
    """The event as the service's JSON; `state` is the entered state as a name or a number."""
    answer = {
        "type": STATUS_CHANGED,
        "description": task_moved(event),
        "eventTime": timestamp(event.time_ns),
        "taskState": state,
    }
    if event.code is not None:
        answer["taskExecution"] = {"exitCode": event.code}
    return answer


def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
