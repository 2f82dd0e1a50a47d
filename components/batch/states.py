"""One total map from the states of jobs and tasks to ours.

Source of the states: JobStatus.State and TaskStatus.State of google-cloud-batch 0.22.4; a test
compares both maps with the enums. A state that a later release of the service adds is `unknown`:
still going, never a crash.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from components.supervision.machine import Stage

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


def state_name(state: object) -> str:
    """The service's word for a state: an enum member, or the number of a state not known here."""
    return str(getattr(state, "name", state))


def job_stage(state: object) -> Stage:
    """Our stage of a job in this state (an enum member, a name or a number)."""
    return JOB_STAGES.get(state_name(state), "unknown")


def task_stage(state: object) -> TaskStage:
    """Our stage of a task in this state (an enum member, a name or a number)."""
    return TASK_STAGES.get(state_name(state), "unknown")
