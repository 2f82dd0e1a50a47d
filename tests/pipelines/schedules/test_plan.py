"""What is done to bring a schedule about, for any two states of it."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

import pytest
from google.cloud.aiplatform_v1.types import Schedule
from hypothesis import given
from hypothesis import strategies as st

from components.errors import InputError
from pipelines.remote.wanted import Wanted
from pipelines.schedules.plan import CREATE, DELETE, KEEP, REPLACE, UPDATE, differences, plan
from pipelines.schedules.vertex import Found, message
from pipelines.schedules.wanted import Limits, WantedSchedule

PARENT = "projects/p/locations/us-central1"
NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
SPEC: dict[str, Any] = {"pipelineInfo": {"name": "short"}, "root": {"dag": {}}}

later = st.none() | st.integers(1, 100).map(lambda days: NOW + datetime.timedelta(days=days))
limits = st.builds(
    Limits,
    at_once=st.integers(1, 5),
    queue=st.booleans(),
    runs=st.integers(0, 3),
    start=later,
    end=later,
)
values = st.text(max_size=5) | st.integers(-(2**53), 2**53) | st.booleans() | st.floats(-1, 1)
runs = st.builds(
    Wanted,
    run_id=st.just(""),
    spec=st.just(SPEC),
    parameters=st.dictionaries(st.sampled_from("abc"), values | st.lists(values, max_size=2)),
    root=st.sampled_from(["gs://a/x", "gs://b/y"]),
    template=st.sampled_from(["", "https://r-kfp.pkg.dev/p/r/short/v1"]),
    service_account=st.sampled_from(["", "a@p.iam.gserviceaccount.com"]),
    labels=st.dictionaries(st.sampled_from(["team", "cost"]), st.sampled_from("xy")),
)
schedules = st.builds(
    WantedSchedule,
    name=st.just("nightly"),
    cron=st.sampled_from(["0 3 * * *", "TZ=Europe/London 0 4 * * *"]),
    run=runs,
    limits=limits,
    group=st.sampled_from(["", "night"]),
)


def found(wanted: WantedSchedule, **fields: Any) -> Found:
    """The schedule as the service shows it."""
    shown = message(wanted, PARENT, wanted.limits.start)
    shown.name = f"{PARENT}/schedules/{fields.pop('number', 1)}"
    shown.state = fields.pop("state", Schedule.State.ACTIVE)
    shown.create_time = fields.pop("made", NOW)
    if not wanted.limits.start:
        shown.start_time = shown.create_time  # the service fills it in
    return Found(shown, "p")


@given(schedules)
def test_what_was_made_as_wanted_is_left_alone(wanted: WantedSchedule) -> None:
    assert differences(found(wanted), wanted, NOW) == []
    (action,) = plan([wanted], [found(wanted)], NOW)
    assert action.verb == KEEP


@given(schedules, schedules)
def test_after_what_is_done_nothing_is_left_to_do(
    before: WantedSchedule, after: WantedSchedule
) -> None:
    before = replace(before, group=after.group)
    there = found(before)
    different = differences(there, after, NOW)
    (action,) = plan([after], [there], NOW)
    assert action.verb == (
        KEEP if not different else REPLACE if any(d.unset for d in different) else UPDATE
    )
    if action.verb == UPDATE:
        wanted = message(after, PARENT, after.limits.start)
        for field in action.fields:
            setattr(there.message, field, getattr(wanted, field))
        assert differences(Found(there.message, "p"), after, NOW) == []


@given(schedules, schedules)
def test_what_is_told_names_every_difference(before: WantedSchedule, after: WantedSchedule) -> None:
    for each in differences(found(before), after, NOW):
        assert each.said.strip()


def one(**values: Any) -> WantedSchedule:
    run = Wanted(run_id="", spec=SPEC, parameters={}, root="gs://a/x")
    fields: dict[str, Any] = {
        "name": "nightly",
        "cron": "0 3 * * *",
        "limits": Limits(),
        "run": run,
    }
    return WantedSchedule(**fields | values)


def verbs(*given_: Any, **more: Any) -> list[tuple[str, str]]:
    return [(action.verb, action.name) for action in plan(*given_, NOW, **more)]


def test_of_two_the_one_that_fits_stays() -> None:
    old = found(one(cron="0 1 * * *"), number=1)
    new = found(one(), number=2)
    actions = plan([one()], [old, new], NOW)
    assert [(each.verb, each.found) for each in actions] == [(KEEP, new), (DELETE, old)]


def test_a_schedule_that_has_ended_is_replaced_where_it_differs() -> None:
    ended = found(one(limits=Limits(runs=1)), state=Schedule.State.COMPLETED)
    assert verbs([one(limits=Limits(runs=1))], [ended]) == [(KEEP, "nightly")]
    assert verbs([one(limits=Limits(runs=2))], [ended]) == [(REPLACE, "nightly")]


def test_only_the_group_of_the_file_is_pruned() -> None:
    there = [
        found(one(name=name, group=group))
        for name, group in zip("abc", ("x", "y", ""), strict=True)
    ]
    assert verbs([], there, prune="x") == [(DELETE, "a")]
    assert verbs([], there) == []
    stranger = found(one(name="d", group="x"))
    stranger.message.display_name = "renamed"
    assert verbs([], [stranger], prune="x") == []


def test_a_name_of_somebody_else_is_refused() -> None:
    stranger = found(one())
    stranger.message.create_pipeline_job_request.pipeline_job.labels.clear()
    with pytest.raises(InputError, match="did not make"):
        plan([one()], [Found(stranger.message, "p")], NOW)
    with pytest.raises(InputError, match="the group 'y'"):
        plan([one(group="x")], [found(one(group="y"))], NOW)
    assert verbs([one(group="x")], [found(one())]) == [(UPDATE, "nightly")]
    assert verbs([one()], []) == [(CREATE, "nightly")]


def test_a_service_whose_clock_is_ahead_makes_no_difference() -> None:
    there = found(one(), made=NOW + datetime.timedelta(hours=1))
    assert verbs([one()], [there]) == [(KEEP, "nightly")]


def test_a_start_that_has_passed_is_no_difference() -> None:
    past = NOW - datetime.timedelta(days=3)
    assert verbs([one(limits=Limits(start=past))], [found(one())]) == [(KEEP, "nightly")]
    later_ = one(limits=Limits(start=NOW + datetime.timedelta(days=3)))
    assert verbs([one()], [found(later_)]) == [(REPLACE, "nightly")]
    assert verbs([later_], [found(one())]) == [(UPDATE, "nightly")]
