"""The calls of schedules, and the thread that makes their pipeline jobs.

What is not known of the service, and what is done here:

* both limits on concurrent runs count jobs that have not ended. The service's reference says that
  `maxConcurrentRunCount` limits the starting only; who sets both to the same gets the same of both;
* the words of `lastScheduledRunResponse`: OK, SKIPPED, or the error;
* while missed runs are made up for (`catchUp`), they wait for each other as with queueing;
* pausing a paused schedule, resuming an active one: 400, as for a completed one.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emulator import filters
from emulator.batch import paging
from emulator.clock import Clock, moment, timestamp
from emulator.messages import ApiError, Request, Response, Route
from emulator.pipelines.book import FINAL
from emulator.pipelines.service import PARENT, PipelineJobs, deletion, wants_numbers
from emulator.pipelines.spec import pipeline_name
from emulator.schedules.book import SETTABLE, Schedule, checked, read, settable, write
from emulator.schedules.cron import next_time
from emulator.vertex.callers import check_caller

_SCHEDULES = f"{PARENT}/schedules"
_SCHEDULE = rf"{_SCHEDULES}/(?P<schedule>[^/:]+)"
_STATES = {"ACTIVE": 1, "PAUSED": 2, "COMPLETED": 3}
_TIMES = "= != < <= > >="
_FIELDS = {  # documentation of ListSchedulesRequest
    "display_name": "= != :",
    "state": "= !=",
    "create_time": _TIMES,
    "start_time": _TIMES,
    "end_time": _TIMES,
    "next_run_time": _TIMES,
}
_PAGE, _MOST = 100, 1000
_LONGEST_WAIT_S = 3600.0


class Schedules:
    """The handlers, round the schedules and the thread.

    Args:
        folder: of the schedules' files.
        jobs: makes pipeline jobs.
        clock: what time it is.
    """

    def __init__(self, folder: Path, jobs: PipelineJobs, clock: Clock) -> None:
        self._folder = folder
        self._jobs = jobs
        self._clock = clock
        self._lock = threading.RLock()
        self._schedules = read(folder)
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(
            target=self._tick_on, name="emulated-schedules", daemon=True
        )
        clock.listeners.append(self._wake.set)
        jobs.book.listeners.append(self._wake.set)

    def begin(self) -> None:
        """Begin to make jobs."""
        self._thread.start()

    def close(self) -> None:
        """Make no more jobs."""
        self._closed = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def routes(self) -> list[Route]:
        """The calls."""
        return [
            Route("POST", _SCHEDULES, self._create, "vertex.CreateSchedule"),
            Route("GET", _SCHEDULES, self._list, "vertex.ListSchedules"),
            Route("GET", _SCHEDULE, self._get, "vertex.GetSchedule"),
            Route("PATCH", _SCHEDULE, self._update, "vertex.UpdateSchedule"),
            Route("DELETE", _SCHEDULE, self._delete, "vertex.DeleteSchedule"),
            Route("POST", f"{_SCHEDULE}:pause", self._pause, "vertex.PauseSchedule"),
            Route("POST", f"{_SCHEDULE}:resume", self._resume, "vertex.ResumeSchedule"),
        ]

    def _create(self, request: Request) -> Response:
        check_caller(request)
        place = (request.params["project"], request.params["location"])
        found = checked(request.json(), place, self._jobs.check)
        now = self._clock.now()
        start = moment(found["startTime"], "startTime") if "startTime" in found else now
        made = str(10**18 + secrets.randbelow(8 * 10**18))
        due = next_time(found["cron"], max(start - 1, now))
        stamp = timestamp(now)
        found.setdefault("startTime", stamp)
        schedule = Schedule(made, *place, found, "ACTIVE", stamp, stamp, due)
        with self._lock:
            self._schedules[made] = schedule
            self._save(schedule)
            return Response(body=_resource(schedule, request))

    def _get(self, request: Request) -> Response:
        with self._lock:
            return Response(body=_resource(self._find(request), request))

    def _list(self, request: Request) -> Response:
        check_caller(request)
        terms = filters.parse(request.query.get("filter", ""), _FIELDS)
        size = paging.page_size(request.query, _PAGE, _MOST)
        start = paging.after(request.query) or 0
        if not isinstance(start, int):
            raise ApiError(400, "INVALID_ARGUMENT", "page_token is not valid.")
        place = (request.params["project"], request.params["location"])
        with self._lock:
            found = [
                each
                for each in sorted(self._schedules.values(), key=lambda s: s.created, reverse=True)
                if each.is_at(*place) and all(filters.holds(t, _filtered(each)) for t in terms)
            ]
            page = [_resource(each, request) for each in found[start : start + size]]
        body: dict[str, Any] = {"schedules": page} if page else {}
        if start + size < len(found):
            body["nextPageToken"] = paging.token(start + size)
        return Response(body=body)

    def _update(self, request: Request) -> Response:
        with self._lock:
            schedule = self._find(request)
            if schedule.state == "COMPLETED":
                raise _precondition(f"The schedule {schedule.name} is completed.")
            merged = _merged(
                schedule, settable(request.json()), request.query.get("updateMask", "")
            )
            place = (schedule.project, schedule.location)
            schedule.resource = checked(merged, place, self._jobs.check)
            now = self._clock.now()
            start = moment(schedule.resource["startTime"], "startTime")
            schedule.due = next_time(schedule.resource["cron"], max(start - 1, now))
            self._save(schedule)
            self._wake.set()
            return Response(body=_resource(schedule, request))

    def _delete(self, request: Request) -> Response:
        with self._lock:
            schedule = self._find(request)
            del self._schedules[schedule.id]
            (self._folder / f"{schedule.id}.json").unlink(missing_ok=True)
        return Response(body=deletion(schedule.parent, schedule.id))

    def _pause(self, request: Request) -> Response:
        with self._lock:
            schedule = self._find(request)
            if schedule.state != "ACTIVE":
                raise _precondition(f"The schedule {schedule.name} is {schedule.state}.")
            schedule.state, schedule.paused = "PAUSED", timestamp(self._clock.now())
            self._save(schedule)
        return Response(body={})

    def _resume(self, request: Request) -> Response:
        with self._lock:
            schedule = self._find(request)
            if schedule.state != "PAUSED":
                raise _precondition(f"The schedule {schedule.name} is {schedule.state}.")
            now = self._clock.now()
            schedule.catch_up = request.json().get("catchUp", False) is True
            schedule.state, schedule.resumed = "ACTIVE", timestamp(now)
            if schedule.catch_up:
                schedule.backfill = now
            else:
                schedule.due = next_time(schedule.resource["cron"], now)
            self._save(schedule)
        self._wake.set()
        return Response(body={})

    def _find(self, request: Request) -> Schedule:
        check_caller(request)
        params = request.params
        found = self._schedules.get(params["schedule"])
        if found is None or not found.is_at(params["project"], params["location"]):
            name = f"projects/{params['project']}/locations/{params['location']}"
            text = f"The Schedule {name}/schedules/{params['schedule'][:200]} does not exist."
            raise ApiError(404, "", text)
        return found

    def _save(self, schedule: Schedule) -> None:
        schedule.updated = timestamp(self._clock.now())
        write(self._folder, schedule)

    def _tick_on(self) -> None:
        while not self._closed:
            self._wake.clear()
            self._wake.wait(self._tick())

    def _tick(self) -> float:
        """Make what is due; returns for how long nothing else will be."""
        with self._lock:
            waits = [_LONGEST_WAIT_S]
            for schedule in self._schedules.values():
                while schedule.state == "ACTIVE" and not self._closed:
                    wait = schedule.due - self._clock.now()
                    if wait > 0:
                        waits.append(wait)
                        break
                    if not self._fire(schedule):
                        break  # until a job has ended, which wakes this thread
            return min(waits)

    def _fire(self, schedule: Schedule) -> bool:
        """Do what a time asks for; False where it must wait for other runs."""
        end = schedule.resource.get("endTime")
        most = schedule.count("maxRunCount")
        if (end and schedule.due > moment(end, "endTime")) or (most and schedule.started >= most):
            schedule.state = "COMPLETED"
            self._save(schedule)
            return True
        if self._is_full(schedule):
            if schedule.resource.get("allowQueueing") or schedule.due <= schedule.backfill:
                return False
            said = "SKIPPED: the limit of concurrent runs is reached."
        else:
            said = self._make_job(schedule)
        schedule.response = {"scheduledRunTime": timestamp(schedule.due), "runResponse": said}
        schedule.due = next_time(schedule.resource["cron"], schedule.due)
        if most and schedule.started >= most:
            schedule.state = "COMPLETED"
        self._save(schedule)
        return True

    def _is_full(self, schedule: Schedule) -> bool:
        limits = [schedule.count("maxConcurrentRunCount")]
        limits.append(schedule.count("maxConcurrentActiveRunCount"))
        runs = self._jobs.book.runs()
        running = [run for run in runs if run.schedule == schedule.name and run.state not in FINAL]
        return len(running) >= min(limit for limit in limits if limit)

    def _make_job(self, schedule: Schedule) -> str:
        """Make the job of a time; returns the response."""
        job = schedule.resource["createPipelineJobRequest"]["pipelineJob"]
        when = timestamp(schedule.due)
        stem = re.sub(r"[^a-z0-9-]", "-", pipeline_name(job["pipelineSpec"]).lower())[:90]
        job_id = f"{stem}-{re.sub('[^0-9]', '', when)[:14]}-{schedule.id[-6:]}"
        place = (schedule.project, schedule.location)
        try:
            self._jobs.create(place, job, job_id, (schedule.name, when))
        except ApiError as error:
            return f"{error.status}: {error.message}"
        schedule.started += 1
        return "OK"


def _merged(schedule: Schedule, given: Mapping[str, Any], mask: str) -> dict[str, Any]:
    """The schedule with the fields of the mask from the request.

    Raises:
        ApiError: 400 for a mask that is empty or names what cannot be set, and where a field that
            is set would be unset (documentation of UpdateScheduleRequest).
    """
    words = [word.strip() for word in mask.split(",") if word.strip()]
    names = SETTABLE if words == ["*"] else {_camel(word.partition(".")[0]) for word in words}
    if not names or names - SETTABLE:
        raise ApiError(400, "", f"update_mask {mask[:200]!r} must name fields that can be set.")
    unset = sorted(name for name in names - given.keys() if schedule.resource.get(name))
    if unset and words != ["*"]:
        raise ApiError(400, "", f"The field {unset[0]} is set, and cannot be unset.")
    return {**schedule.resource, **{name: given[name] for name in names & given.keys()}}


def _camel(word: str) -> str:
    return re.sub(r"_([a-z])", lambda m: m[1].upper(), word)


def _resource(schedule: Schedule, request: Request) -> dict[str, Any]:
    counts = ("maxRunCount", "maxConcurrentRunCount", "maxConcurrentActiveRunCount")
    fields: dict[str, Any] = {
        "name": schedule.name,
        **schedule.resource,
        **{name: str(schedule.count(name)) for name in counts if schedule.count(name)},
        "startedRunCount": str(schedule.started) if schedule.started else "",
        "state": _STATES[schedule.state] if wants_numbers(request) else schedule.state,
        "createTime": schedule.created,
        "updateTime": schedule.updated,
        "nextRunTime": timestamp(schedule.due) if schedule.state != "COMPLETED" else "",
        "lastPauseTime": schedule.paused,
        "lastResumeTime": schedule.resumed,
        "catchUp": schedule.catch_up,
        "lastScheduledRunResponse": schedule.response,
    }
    return {name: value for name, value in fields.items() if value}


def _filtered(schedule: Schedule) -> dict[str, Any]:
    """What a filter can ask for."""
    return {
        "display_name": schedule.resource["displayName"],
        "state": schedule.state,
        "create_time": schedule.created,
        "start_time": schedule.resource["startTime"],
        "end_time": schedule.resource.get("endTime", ""),
        "next_run_time": timestamp(schedule.due) if schedule.state != "COMPLETED" else "",
    }


def _precondition(text: str) -> ApiError:
    return ApiError(400, "FAILED_PRECONDITION", text)
