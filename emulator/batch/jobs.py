"""A job and its tasks, as this process keeps them, and as the service's JSON.

The specification is kept as the JSON that the v1 protos print. The status is written as JSON by
hand, because 100,000 tasks are too many for protobuf's printer; a test reads it back strictly
through the protos.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from emulator.batch import messages
from emulator.batch.events import (
    JobEvent,
    TaskEvent,
    job_event_json,
    task_event_json,
    timestamp,
)

GROUP = "group0"  # the service's name for the only task group of a job
FINAL = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})
TASK_FINAL = frozenset({"SUCCEEDED", "FAILED", "UNEXECUTED"})

_JOB_NUMBERS = {
    "QUEUED": 1,
    "SCHEDULED": 2,
    "RUNNING": 3,
    "SUCCEEDED": 4,
    "FAILED": 5,
    "DELETION_IN_PROGRESS": 6,
    "CANCELLATION_IN_PROGRESS": 7,
    "CANCELLED": 8,
}
_TASK_NUMBERS = {
    "PENDING": 1,
    "ASSIGNED": 2,
    "RUNNING": 3,
    "FAILED": 4,
    "SUCCEEDED": 5,
    "UNEXECUTED": 6,
}
TASK_STATES = tuple(_TASK_NUMBERS)
JOB_STATES = tuple(_JOB_NUMBERS)
_PROVISIONING_NUMBERS = {
    "STANDARD": 1,
    "SPOT": 2,
    "PREEMPTIBLE": 3,
    "RESERVATION_BOUND": 4,
    "FLEX_START": 5,
}


@dataclass(slots=True)
class Task:
    """A task that was assigned to a VM at least once; the others have no object of their own."""

    state: str = "PENDING"
    events: list[TaskEvent] = field(default_factory=list)

    @property
    def attempts(self) -> int:
        """How often the task was assigned to a VM."""
        return sum(event.after == "ASSIGNED" for event in self.events)

    def starts(self) -> Iterator[int]:
        """When each attempt was assigned, in nanoseconds since 1970."""
        return (event.time_ns for event in self.events if event.after == "ASSIGNED")


@dataclass
class Job:
    """A job.

    Args:
        name: `projects/P/locations/L/jobs/J`.
        uid: unique for ever, also after the job was deleted.
        spec: the job without what only the service may set; JSON with names of enums.
        created_ns: since 1970.
        request_id: that of the create call, or "".
        task_count: how many tasks.
    """

    name: str
    uid: str
    spec: Mapping[str, Any]
    created_ns: int
    request_id: str
    task_count: int
    state: str = "QUEUED"
    idle: str = "PENDING"  # the state of the tasks that have no object
    deleted: bool = False
    updated_ns: int = 0
    running_since_ns: int = 0
    ran_ns: int = 0
    events: list[JobEvent] = field(default_factory=list)
    tasks: dict[int, Task] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.updated_ns = self.created_ns
        self.counts["PENDING"] = self.task_count

    @property
    def job_id(self) -> str:
        """The last part of the name."""
        return self.name.rpartition("/")[2]

    @property
    def location(self) -> str:
        """The region."""
        return self.name.split("/")[3]

    @property
    def group(self) -> Mapping[str, Any]:
        """The only task group of the specification."""
        group: Mapping[str, Any] = self.spec["taskGroups"][0]
        return group

    @cached_property
    def spec_with_numbers(self) -> Mapping[str, Any]:
        """The specification with enums as numbers, as the Python client asks for it."""
        return messages.with_numbers(self.spec)

    def task_state(self, index: int) -> str:
        """The state of a task."""
        task = self.tasks.get(index)
        return task.state if task else self.idle

    def run_seconds(self, now_ns: int) -> float:
        """How long the job has been, or was, in state RUNNING."""
        running = now_ns - self.running_since_ns if self.state == "RUNNING" else 0
        return (self.ran_ns + running) / 1e9


def job_json(job: Job, now_ns: int, numbers: bool) -> dict[str, Any]:
    """The job as the service's JSON; `numbers`: enums as numbers."""
    spec = job.spec_with_numbers if numbers else job.spec
    return {
        "name": job.name,
        "uid": job.uid,
        **spec,
        "status": _status(job, now_ns, numbers),
        "createTime": timestamp(job.created_ns),
        "updateTime": timestamp(job.updated_ns),
    }


def new_job_json(job: Job, numbers: bool) -> dict[str, Any]:
    """The job as it was when it was created: the answer of CreateJob, for ever the same."""
    fresh = Job(job.name, job.uid, job.spec, job.created_ns, job.request_id, job.task_count)
    return job_json(fresh, job.created_ns, numbers)


def task_json(job: Job, index: int, numbers: bool) -> dict[str, Any]:
    """The task as the service's JSON."""
    task = job.tasks.get(index)
    state = job.task_state(index)
    status: dict[str, Any] = {"state": _TASK_NUMBERS[state] if numbers else state}
    if task and task.events:
        status["statusEvents"] = [
            task_event_json(event, _TASK_NUMBERS[event.after] if numbers else event.after)
            for event in task.events
        ]
    return {"name": f"{job.name}/taskGroups/{GROUP}/tasks/{index}", "status": status}


def task_pack(group: Mapping[str, Any], machine_type: str) -> int:
    """How many tasks share a VM: as asked, or by the vCPUs that the machine type's name tells."""
    asked = int(group.get("taskCountPerNode", 0))
    if asked:
        return asked
    found = re.search(r"-(\d+)(?:-\d+)?(?:-ext|-lssd)?$|-(\d+)g$", machine_type)
    vcpus = int(found[1] or found[2]) if found else 2
    milli = int(group["taskSpec"].get("computeResource", {}).get("cpuMilli", 2000))
    return max(1, vcpus * 1000 // max(1, milli))


def machine(spec: Mapping[str, Any]) -> tuple[str, str]:
    """Machine type and provisioning model; e2-standard-4 where the job leaves it to the service."""
    instances = spec.get("allocationPolicy", {}).get("instances", [])
    policy = instances[0].get("policy", {}) if instances else {}
    return policy.get("machineType", "e2-standard-4"), policy.get("provisioningModel", "STANDARD")


def _status(job: Job, now_ns: int, numbers: bool) -> dict[str, Any]:
    status: dict[str, Any] = {
        "state": _JOB_NUMBERS[job.state] if numbers else job.state,
        "runDuration": f"{job.run_seconds(now_ns):.9f}s",
        "taskGroups": {
            GROUP: {
                "counts": {state: str(count) for state, count in job.counts.items() if count},
                "instances": [_instance(job, numbers)],
            }
        },
    }
    if job.events:
        status["statusEvents"] = [job_event_json(event) for event in job.events]
    return status


def _instance(job: Job, numbers: bool) -> dict[str, Any]:
    kind, model = machine(job.spec)
    return {
        "machineType": kind,
        "provisioningModel": _PROVISIONING_NUMBERS.get(model, 0) if numbers else model,
        "taskPack": str(min(task_pack(job.group, kind), job.task_count)),
        "bootDisk": {"type": "pd-balanced", "sizeGb": "30", "image": "batch-debian"},
    }
