"""Schedules with the real client: they fire when the clock says so, and keep their limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from google.api_core import exceptions
from google.cloud import aiplatform_v1
from google.protobuf.field_mask_pb2 import FieldMask

from emulator.launch import start
from emulator.messages import ApiError
from emulator.schedules.cron import next_time
from tests.emulator.pipelines.place import PARENT, Place, job, until


def schedule(name: str = "short", **values: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "display_name": "nightly",
        "cron": "0 3 * * *",
        "max_concurrent_run_count": 1,
        "create_pipeline_job_request": {
            "parent": PARENT,
            "pipeline_job": job(name, **values.pop("parameters", {})),
        },
    }
    return fields | values


def create(place: Place, name: str = "short", **values: Any) -> aiplatform_v1.Schedule:
    return place.schedules.create_schedule(parent=PARENT, schedule=schedule(name, **values))


def runs(place: Place, made: aiplatform_v1.Schedule) -> list[aiplatform_v1.PipelineJob]:
    request = {"parent": PARENT, "filter": f'schedule_name="{made.name}"'}
    return list(place.jobs.list_pipeline_jobs(request=request))


def get(place: Place, made: aiplatform_v1.Schedule) -> aiplatform_v1.Schedule:
    return place.schedules.get_schedule(name=made.name)


def move_to(place: Place, made: aiplatform_v1.Schedule, count: int = 1) -> None:
    """Move the clock to the next time of the schedule, and wait until it has been dealt with."""
    for _ in range(count):
        due = get(place, made).next_run_time
        body = {"to": due.isoformat().replace("+00:00", "Z")}
        url = f"{place.emulator.urls['vertex']}/_emulator/clock"
        requests.post(url, json=body, timeout=60).raise_for_status()
        until(lambda due=due: dealt_with(get(place, made), due))


def dealt_with(found: aiplatform_v1.Schedule, due: datetime) -> bool:
    return found.state.name == "COMPLETED" or found.next_run_time != due


@pytest.fixture(autouse=True)
def gone(place: Place) -> Any:
    """No schedule of one test fires in another's."""
    yield
    for each in place.schedules.list_schedules(parent=PARENT):
        place.schedules.delete_schedule(name=each.name).result()


def test_a_schedule_makes_its_jobs(place: Place) -> None:
    made = create(place, parameters={"word": "night"}, max_run_count=1)
    assert (made.state.name, made.next_run_time.hour) == ("ACTIVE", 3)
    assert not runs(place, made)
    move_to(place, made)
    (run,) = runs(place, made)
    ended = place.ended(run.name)
    assert ended.state.name == "PIPELINE_STATE_SUCCEEDED"
    assert ended.runtime_config.parameter_values["word"] == "night"
    assert ended.schedule_name == made.name
    found = get(place, made)
    assert (found.state.name, found.started_run_count) == ("COMPLETED", 1)
    assert found.last_scheduled_run_response.run_response == "OK"
    assert found.last_scheduled_run_response.scheduled_run_time == made.next_run_time
    for call in (place.schedules.pause_schedule, place.schedules.resume_schedule):
        with pytest.raises(exceptions.BadRequest, match="COMPLETED"):
            call(name=made.name)


def test_at_the_limit_a_run_is_skipped_or_waits(place: Place, tmp_path: Path) -> None:
    folder = {"folder": str(tmp_path)}
    skips = create(place, "waits", parameters=folder, cron="0 3 * * *")
    move_to(place, skips, 2)
    assert "SKIPPED" in get(place, skips).last_scheduled_run_response.run_response
    (run,) = runs(place, skips)
    place.schedules.pause_schedule(name=skips.name)
    queues = create(place, "waits", parameters=folder, cron="0 4 * * *", allow_queueing=True)
    move_to(place, queues)
    (first,) = runs(place, queues)
    place.emulator.clock.advance(86400)
    assert get(place, queues).next_run_time < now(place)
    assert len(runs(place, queues)) == 1
    for each in (run, first):
        place.jobs.cancel_pipeline_job(name=each.name)
        place.ended(each.name)
    until(lambda: len(runs(place, queues)) == 2)
    found = runs(place, queues)
    place.schedules.delete_schedule(name=queues.name).result()
    for each in found:
        if not each.end_time:
            place.jobs.cancel_pipeline_job(name=each.name)
            place.ended(each.name)
    assert len(found) == 2


def now(place: Place) -> datetime:
    return datetime.fromtimestamp(place.emulator.clock.now(), UTC)


@pytest.mark.parametrize(("catch_up", "count"), [(False, 0), (True, 3)])
def test_a_pause_skips_and_a_resume_may_make_up(place: Place, catch_up: bool, count: int) -> None:
    made = create(place, cron="30 5 * * *", max_concurrent_run_count=5)
    place.schedules.pause_schedule(name=made.name)
    place.emulator.clock.advance(3 * 86400)
    assert get(place, made).state.name == "PAUSED"
    assert not runs(place, made)
    place.schedules.resume_schedule(request={"name": made.name, "catch_up": catch_up})
    until(lambda: get(place, made).next_run_time > now(place))
    found = get(place, made)
    assert (found.state.name, found.catch_up) == ("ACTIVE", catch_up)
    assert len(runs(place, made)) == count
    for run in runs(place, made):
        place.ended(run.name)


def test_an_update_changes_what_its_mask_names(place: Place) -> None:
    made = create(place, end_time=now(place) + timedelta(days=9))
    changed = schedule("short", cron="TZ=Asia/Tokyo 0 3 * * *", parameters={"word": "new"})
    request = {
        "schedule": changed | {"name": made.name, "display_name": "other"},
        "update_mask": FieldMask(paths=["cron", "create_pipeline_job_request"]),
    }
    found = place.schedules.update_schedule(request=request)
    assert (found.display_name, found.cron) == ("nightly", "TZ=Asia/Tokyo 0 3 * * *")
    assert found.next_run_time.hour == 18
    values = found.create_pipeline_job_request.pipeline_job.runtime_config.parameter_values
    assert dict(values) == {"word": "new"}
    for path in ("state", "end_time", ""):
        request["update_mask"] = FieldMask(paths=[path] if path else [])
        with pytest.raises(exceptions.BadRequest, match=r"cannot be unset|update_mask"):
            place.schedules.update_schedule(request=request)


def test_schedules_are_found_by_filters(place: Place) -> None:
    first, second = create(place), create(place, display_name="other")
    place.schedules.pause_schedule(name=second.name)

    def names(text: str, **more: Any) -> list[str]:
        request = {"parent": PARENT, "filter": text, **more}
        return [each.name for each in place.schedules.list_schedules(request=request)]

    assert names('display_name="nightly"') == names('state="ACTIVE"') == [first.name]
    assert names('display_name:"oth*" AND state!="ACTIVE"') == [second.name]
    assert set(names("", page_size=1)) == {first.name, second.name}
    with pytest.raises(exceptions.NotFound):
        place.schedules.get_schedule(name=f"{PARENT}/schedules/1")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cron": "every night"}, "cron schedule 'every night' is not valid"),
        ({"cron": "0 0 3 * * *"}, "is not valid"),
        ({"cron": "0 0 30 2 *"}, "is not valid"),
        ({"cron": "TZ=Europe/Lodnon 0 3 * * *"}, "'Europe/Lodnon' is not in the IANA"),
        ({"max_concurrent_run_count": 0}, "maxConcurrentRunCount of a schedule is required"),
        ({"display_name": ""}, "displayName of a schedule is required"),
        ({"parameters": {"word": 3}}, "'word' is not of type STRING"),
    ],
)
def test_what_cannot_be_scheduled_is_refused(
    place: Place, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(exceptions.BadRequest, match=said):
        create(place, **change)


@pytest.mark.parametrize(
    ("cron", "after", "wanted"),
    [
        ("0 3 * * *", "2026-01-31T03:00:00Z", "2026-02-01T03:00:00Z"),
        ("TZ=Europe/London 0 3 * * *", "2026-07-01T00:00:00Z", "2026-07-01T02:00:00Z"),
        (
            "CRON_TZ=America/New_York 30 9 * * MON-FRI",
            "2026-01-02T15:00:00Z",
            "2026-01-05T14:30:00Z",
        ),
        # the night in which this hour does not exist, and the one in which it comes twice
        ("TZ=Europe/London 30 1 * * *", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),
        ("TZ=Europe/London 30 1 * * *", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
    ],
)
def test_times_of_cron(cron: str, after: str, wanted: str) -> None:
    found = next_time(cron, datetime.fromisoformat(after).timestamp())
    assert datetime.fromtimestamp(found, UTC) == datetime.fromisoformat(wanted)


@pytest.mark.parametrize("zone", ["..", "/etc/passwd", "Europe", "Nowhere/City", "\0"])
def test_a_hostile_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(ApiError):
        next_time(f"TZ={zone} 0 3 * * *", 0)


def test_schedules_survive_the_end_of_the_emulator(tmp_path: Path) -> None:
    with start(tmp_path) as emulator:
        made = create(Place(emulator))
    with start(tmp_path) as emulator:
        found = get(Place(emulator), made)
    assert found == made


def test_the_clock_goes_forward_only(place: Place) -> None:
    url = f"{place.emulator.urls['vertex']}/_emulator/clock"
    before = requests.get(url, timeout=60).json()["now"]
    for body in ({"to": "2001-01-01T00:00:00Z"}, {"advance_seconds": "3"}, {"to": 3}, {}):
        assert requests.post(url, json=body, timeout=60).status_code == 400
    assert requests.post(url, json={"advance_seconds": 60}, timeout=60).json()["now"] > before
