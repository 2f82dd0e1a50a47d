"""One total map from the states of jobs to ours.

Source of the states: JobStatus.State of google-cloud-batch 0.22.4; a test compares the map with the
enum. A state that a later release of the service adds is `unknown`: still going, never a crash.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from components.supervision.life import Stage

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

ENDED: frozenset[Stage] = frozenset({"succeeded", "failed", "cancelled"})


def job_state_name(number: int) -> str:
    """The service's word for the number of a job state; the number itself if it is not known."""
    from google.cloud.batch_v1 import JobStatus

    try:
        return str(JobStatus.State(number).name)
    except ValueError:
        return str(number)


def job_stage(state: str) -> Stage:
    """Our stage of a job in this state."""
    return JOB_STAGES.get(state, "unknown")
