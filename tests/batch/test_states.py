"""The map of states is total over the enum of the installed client."""

from __future__ import annotations

from typing import get_args

import pytest
from google.cloud import batch_v1

from components.batch.states import JOB_STAGES, job_stage, job_state_name
from components.supervision.life import Stage


def test_every_job_state_is_mapped_and_no_other() -> None:
    assert set(JOB_STAGES) == {state.name for state in batch_v1.JobStatus.State}
    assert set(JOB_STAGES.values()) == set(get_args(Stage))


@pytest.mark.parametrize("state", list(batch_v1.JobStatus.State))
def test_a_number_is_told_by_name(state: batch_v1.JobStatus.State) -> None:
    assert job_state_name(int(state)) == state.name


def test_a_state_of_a_later_release_is_still_going() -> None:
    assert (job_state_name(99), job_stage("99")) == ("99", "unknown")
