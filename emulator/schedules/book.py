"""What a schedule is, what of it can be asked for, and its file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from emulator.clock import moment
from emulator.messages import ApiError, not_emulated
from emulator.projects import is_project, project_number
from emulator.proto_json import named
from emulator.schedules.cron import next_time

_TEXTS = {"displayName", "cron", "startTime", "endTime"}
_COUNTS = {"maxRunCount", "maxConcurrentRunCount", "maxConcurrentActiveRunCount"}
_OWN = {
    "name",
    "startedRunCount",
    "state",
    "createTime",
    "updateTime",
    "nextRunTime",
    "lastPauseTime",
    "lastResumeTime",
    "catchUp",
    "lastScheduledRunResponse",
}
SETTABLE = _TEXTS | _COUNTS | {"allowQueueing", "createPipelineJobRequest"}
_KNOWN = SETTABLE | _OWN | {"createNotebookExecutionJobRequest"}


@dataclass
class Schedule:
    """One schedule. Times are RFC 3339, `due` is seconds since 1970.

    Args:
        id: its number.
        project: as the caller named it.
        location: its region.
        resource: what was asked for, checked.
        state: ACTIVE, PAUSED or COMPLETED.
        created: when it was made.
        updated: when it last changed.
        due: its next time.
        started: how many jobs it has made.
        paused: when it was last paused, or "".
        resumed: when it was last resumed, or "".
        catch_up: whether it was last resumed with the runs that it had missed.
        backfill: times up to this one are made up for, whatever the limits: they wait.
        response: of its last time.
    """

    id: str
    project: str
    location: str
    resource: dict[str, Any]
    state: str
    created: str
    updated: str
    due: float
    started: int = 0
    paused: str = ""
    resumed: str = ""
    catch_up: bool = False
    backfill: float = 0.0
    response: dict[str, str] | None = None

    @property
    def parent(self) -> str:
        """The place that it is in, by the number of the project."""
        return f"projects/{project_number(self.project)}/locations/{self.location}"

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"{self.parent}/schedules/{self.id}"

    def is_at(self, project: str, location: str) -> bool:
        """Whether it is in that place."""
        return self.location == location and is_project(self.project, project)

    def count(self, name: str) -> int:
        """A number of the resource, 0 where it is not set."""
        return int(self.resource.get(name, 0))


def read(folder: Path) -> dict[str, Schedule]:
    """The schedules that were kept, by id."""
    found = [Schedule(**json.loads(path.read_text("utf-8"))) for path in folder.glob("*.json")]
    return {each.id: each for each in found}


def write(folder: Path, schedule: Schedule) -> None:
    """Keep a schedule."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = folder / f"{schedule.id}.draft"
    draft.write_text(json.dumps(asdict(schedule)), encoding="utf-8")
    draft.replace(folder / f"{schedule.id}.json")


def checked(
    body: Mapping[str, Any],
    place: tuple[str, str],
    check_job: Callable[[Mapping[str, Any]], dict[str, Any]],
) -> dict[str, Any]:
    """The schedule that the body asks for.

    Args:
        body: a Schedule.
        place: project and location.
        check_job: the pipeline job as it would be kept.

    Raises:
        ApiError: 400, in the service's words or saying what is not emulated.
    """
    found = settable(body)
    for name in ("displayName", "cron", "maxConcurrentRunCount", "createPipelineJobRequest"):
        if not found.get(name):
            raise _bad(f"The field {name} of a schedule is required.")
    if len(found["displayName"]) > 128:
        raise _bad("display_name is longer than 128 characters.")
    next_time(found["cron"], 0)
    for name in ("startTime", "endTime"):
        if name in found:
            moment(found[name], name)
    found["createPipelineJobRequest"] = _request(
        found["createPipelineJobRequest"], place, check_job
    )
    return found


def settable(body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the body that a caller can set, each of its type.

    Raises:
        ApiError: 400.
    """
    found = named(body, _KNOWN, "schedule")
    if found.get("createNotebookExecutionJobRequest"):
        raise not_emulated("schedules of notebooks")
    found = {name: value for name, value in found.items() if name in SETTABLE}
    for name in found.keys() & _TEXTS:
        if not isinstance(found[name], str):
            raise _bad(f"Invalid value at 'schedule.{name}' (TYPE_STRING).")
    for name in found.keys() & _COUNTS:
        found[name] = _count(found[name], name)
    if not isinstance(found.get("allowQueueing", False), bool):
        raise _bad("Invalid value at 'schedule.allowQueueing' (TYPE_BOOL).")
    return found


def _count(value: Any, name: str) -> int:
    """64 bits are texts in JSON, and numbers are taken too."""
    text = "" if isinstance(value, bool) else str(value)
    if not re.fullmatch("[0-9]{1,18}", text):
        raise _bad(f"Invalid value at 'schedule.{name}' (TYPE_INT64).")
    return int(text)


def _request(
    value: Any,
    place: tuple[str, str],
    check_job: Callable[[Mapping[str, Any]], dict[str, Any]],
) -> dict[str, Any]:
    where = "schedule.create_pipeline_job_request"
    if not isinstance(value, Mapping):
        raise _bad(f"Invalid value at '{where}': no object.")
    found = named(value, {"parent", "pipelineJob", "pipelineJobId"}, where)
    if found.get("pipelineJobId"):
        raise _bad(f"{where}.pipeline_job_id cannot be set: each run needs an id of its own.")
    parts = re.fullmatch(r"projects/([^/]+)/locations/([^/]+)", str(found.get("parent", "")))
    same = parts and parts[2] == place[1] and project_number(parts[1]) == project_number(place[0])
    if not same:
        raise _bad(f"{where}.parent must be the parent of the schedule.")
    if not isinstance(found.get("pipelineJob"), Mapping):
        raise _bad(f"{where}.pipeline_job is required, and must be an object.")
    return {"parent": found["parent"], "pipelineJob": check_job(found["pipelineJob"])}


def _bad(message: str) -> ApiError:
    return ApiError(400, "INVALID_ARGUMENT", message)
