"""The map of states against the service's enum, in both of Google's libraries."""

from __future__ import annotations

import pytest

from components.batch_predict.states import PREDICTION_STAGES, prediction_stage


def test_every_state_of_the_enum_is_mapped_and_no_other() -> None:
    from google.genai import types

    assert PREDICTION_STAGES.keys() == {state.value for state in types.JobState}
    aiplatform = pytest.importorskip("google.cloud.aiplatform_v1")
    assert PREDICTION_STAGES.keys() == {state.name for state in aiplatform.JobState}


def test_ends() -> None:
    ends = {s for s, stage in PREDICTION_STAGES.items() if stage in ("succeeded", "failed",
                                                                     "cancelled")}  # fmt: skip
    assert {end.removeprefix("JOB_STATE_") for end in ends} == {
        "SUCCEEDED", "PARTIALLY_SUCCEEDED", "FAILED", "EXPIRED", "CANCELLED",
    }  # fmt: skip


def test_a_state_of_a_later_release_is_still_going() -> None:
    assert prediction_stage("JOB_STATE_PONDERING") == "unknown"
