"""One total map from the states of jobs and tasks to ours.

Source of the states: JobStatus.State and TaskStatus.State of google-cloud-batch 0.22.4; a test
compares both maps with the enums. A state that a later release of the service adds is `unknown`:
still going, never a crash.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Literal

from components.supervision.life import Stage

TaskStage = Literal["waiting", "running", "succeeded", "failed", "unexecuted", "unknown"]

JOB_STAGES: Mapping[str, Stage] = MappingProxyType(
    {
        "STATE_UNSPECIFIED": "unknown",
        "QUEUED": "waiting",
        "SCHEDULED": "waiting",
        "RUNNING": "running",
        "SUCCEEDED": "succeeded",
        "FAILED": "failed",
        "DELETION_IN_PROGRESS": "deleting",
        "CANCELLATION_IN_PROGRESS": "cancelling",
        "CANCELLED": "cancelled",
    }
)
TASK_STAGES: Mapping[str, TaskStage] = MappingProxyType(
    {
        "STATE_UNSPECIFIED": "unknown",
        "PENDING": "waiting",
        "ASSIGNED": "waiting",
        "RUNNING": "running",
        "FAILED": "failed",
        "SUCCEEDED": "succeeded",
        # Never run when the job ended.
        "UNEXECUTED": "unexecuted",
    }
)


def job_state_name(number: int) -> str:
    """The service's word for the number of a job state; the number itself if it is not known."""
    from google.cloud.batch_v1 import JobStatus

    return _name(JobStatus.State, number)


def task_state_name(number: int) -> str:
    """The service's word for the number of a task state; the number itself if it is not known."""
    from google.cloud.batch_v1 import TaskStatus

    return _name(TaskStatus.State, number)


def job_stage(state: str) -> Stage:
    """Our stage of a job in this state."""
    return JOB_STAGES.get(state, "unknown")


def task_stage(state: str) -> TaskStage:
    """Our stage of a task in this state."""
    return TASK_STAGES.get(state, "unknown")


def _name(states: type[IntEnum], number: int) -> str:
    try:
        return states(number).name
    except ValueError:
        return str(number)
