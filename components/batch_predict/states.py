"""One total map from the states of prediction jobs to ours.

Source of the states: JobState of google-cloud-aiplatform 1.165; a test compares the map with the
enum. A state that a later release of the service adds is `unknown`: still going, never a crash.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from components.supervision.life import Stage

# PAUSED is no end here: nobody is told what resumes such a job, so the deadline decides.
# PARTIALLY_SUCCEEDED and EXPIRED are ends that Google's own clients wait on for ever; both may
# have finished rows, and the rows say which.
PREDICTION_STAGES: Mapping[str, Stage] = MappingProxyType(
    {
        "JOB_STATE_UNSPECIFIED": "unknown",
        "JOB_STATE_QUEUED": "waiting",
        "JOB_STATE_PENDING": "waiting",
        "JOB_STATE_RUNNING": "running",
        "JOB_STATE_PAUSED": "waiting",
        "JOB_STATE_UPDATING": "running",
        "JOB_STATE_CANCELLING": "cancelling",
        "JOB_STATE_CANCELLED": "cancelled",
        "JOB_STATE_SUCCEEDED": "succeeded",
        "JOB_STATE_PARTIALLY_SUCCEEDED": "succeeded",
        "JOB_STATE_FAILED": "failed",
        "JOB_STATE_EXPIRED": "failed",
    }
)


def prediction_stage(state: str) -> Stage:
    """Our stage of a prediction job in this state."""
    return PREDICTION_STAGES.get(state, "unknown")
