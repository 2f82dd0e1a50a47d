"""Names derived from run and content."""

from __future__ import annotations

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.batch import names
from components.errors import WrongUse

JOB = {"taskGroups": [{"taskCount": 3}], "labels": {"team": "red"}}
PLACE = {"project": "my-project", "region": "us-central1"}
# The pattern as the API documents it, written here once more.
DOCUMENTED = re.compile(r"^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$")


@given(run=st.text(max_size=300))
def test_ids_and_labels_are_always_valid(run: str) -> None:
    named = names.job_names(JOB, **PLACE, run=run)
    assert DOCUMENTED.match(named.job_id)
    assert uuid.UUID(named.request_id).int
    for key, value in named.labels.items():
        assert re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key)
        assert re.fullmatch(r"[a-z0-9_-]{0,63}", value)


def test_the_same_run_and_content_give_the_same_names() -> None:
    again = {"labels": {"team": "red"}, "taskGroups": [{"taskCount": 3}]}
    assert names.job_names(JOB, **PLACE, run="r") == names.job_names(again, **PLACE, run="r")


def test_our_own_labels_do_not_count_as_content() -> None:
    named = names.job_names(JOB, **PLACE, run="r")
    labelled = {**JOB, "labels": {**JOB["labels"], **named.labels}}
    assert names.job_names(labelled, **PLACE, run="r") == named
    bare = {"taskGroups": []}
    assert names.content_hash({**bare, "labels": dict(named.labels)}) == names.content_hash(bare)


@pytest.mark.parametrize(
    ("job", "place", "run"),
    [
        ({**JOB, "priority": 1}, PLACE, "r"),
        (JOB, PLACE, "other"),
        (JOB, {**PLACE, "region": "us-east1"}, "r"),
        (JOB, {**PLACE, "project": "other"}, "r"),
    ],
)
def test_anything_else_gives_other_names(
    job: dict[str, object], place: dict[str, str], run: str
) -> None:
    first, other = names.job_names(JOB, **PLACE, run="r"), names.job_names(job, **place, run=run)
    assert first.name != other.name
    assert first.request_id != other.request_id


def test_a_long_run_keeps_its_hash() -> None:
    long = names.job_names(JOB, **PLACE, run="x" * 200)
    assert len(long.job_id) == 63
    assert long.job_id != names.job_names(JOB, **PLACE, run="x" * 201).job_id


@pytest.mark.parametrize(
    ("given", "place", "name"),
    [
        ("my-job", PLACE, "projects/my-project/locations/us-central1/jobs/my-job"),
        ("projects/p1/locations/us-east1/jobs/a", {}, "projects/p1/locations/us-east1/jobs/a"),
        (
            "projects/example.com:p/locations/us-east1/jobs/a",
            {},
            "projects/example.com:p/locations/us-east1/jobs/a",
        ),
    ],
)
def test_a_job_is_named_in_full_or_by_id(given: str, place: dict[str, str], name: str) -> None:
    assert names.job_name(given, **place) == name


@pytest.mark.parametrize(
    ("given", "place", "told"),
    [
        ("My_Job", PLACE, "not the name of a job"),
        ("my-job", {}, "No project"),
        ("my-job", {"project": "p", "region": "us-central1-a"}, "its region, us-central1"),
        ("my-job", {"project": "p", "region": "narnia"}, "not a region"),
        ("my-job", {"project": "../x", "region": "us-central1"}, "not the id of a project"),
        ("projects/p/locations/us-east1/jobs/../../x", {}, "not the name of a job"),
    ],
)
def test_what_is_not_a_job_is_refused(given: str, place: dict[str, str], told: str) -> None:
    with pytest.raises(WrongUse, match=re.escape(told)):
        names.job_name(given, **place)


def test_console_url() -> None:
    assert names.console_url("projects/p/locations/us-east1/jobs/j") == (
        "https://console.cloud.google.com/batch/jobsDetail/regions/us-east1/jobs/j/details?project=p"
    )
    assert names.console_url("nonsense") == ""
