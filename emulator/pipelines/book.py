"""The book of pipeline jobs: what each is, its tasks, and its file.

A job is a JSON file in the emulator's folder, written anew whenever something of it changes: jobs
survive the end of the emulator. One that had not ended then is FAILED afterwards, and says why.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from emulator.clock import Clock, timestamp
from emulator.messages import ApiError
from emulator.projects import is_project, project_number

FINAL = ("SUCCEEDED", "FAILED", "CANCELLED")
_RESTARTED = (
    "The local emulator ended while the pipeline ran, and everything of it was ended with it. "
    "Run it once more."
)
_NEVER_SAVED = {"deleted"}


@dataclass
class Run:
    """One pipeline job. Times are RFC 3339, states without `PIPELINE_STATE_`.

    Args:
        id: what the caller named it, unique in its location.
        uuid: its number, unique.
        project: as the caller named it.
        location: its region.
        number: grows with each job.
        resource: what was asked for, checked.
        parameters: of the run.
        created: when it was asked for.
        updated: when it last changed.
        scheduled: the time that a schedule made it for, or "".
        schedule: the name of that schedule, or "".
        version: of its template, or "".
        state: PENDING, RUNNING, CANCELLING or a final one.
        started: when it began, or "".
        ended: when it ended, or "".
        error: why it failed (google.rpc.Status).
        tasks: PipelineTaskDetails by id, states in full.
    """

    id: str
    uuid: str
    project: str
    location: str
    number: int
    resource: dict[str, Any]
    parameters: dict[str, Any]
    created: str
    updated: str
    scheduled: str = ""
    schedule: str = ""
    version: str = ""
    state: str = "PENDING"
    started: str = ""
    ended: str = ""
    error: dict[str, Any] | None = None
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    deleted: bool = False

    @property
    def parent(self) -> str:
        """The place that it is in, by the number of the project."""
        return f"projects/{project_number(self.project)}/locations/{self.location}"

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"{self.parent}/pipelineJobs/{self.id}"

    @property
    def root(self) -> str:
        """The folder that it was given in Cloud Storage."""
        return str(self.resource["runtimeConfig"]["gcsOutputDirectory"]).rstrip("/")


class Book:
    """All jobs, safe for many threads.

    Args:
        folder: of the jobs' files.
        clock: what time it is.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.listeners: list[Callable[[], None]] = []  # called when a job has ended
        self._folder = folder
        self._clock = clock
        self._runs: dict[str, Run] = {}  # by uuid

    def resume(self) -> None:
        """Read the jobs of a former process."""
        known = {each.name for each in fields(Run)} - _NEVER_SAVED
        with self.changed:
            for path in sorted(self._folder.glob("*.json")):
                data = json.loads(path.read_text(encoding="utf-8"))
                run = Run(**{name: data[name] for name in known})
                self._runs[run.uuid] = run
                if run.state not in FINAL:
                    self.end(run, "FAILED", _RESTARTED)

    def create(self, place: tuple[str, str], job_id: str, **values: Any) -> Run:
        """Add a job at a place (project and location).

        Raises:
            ApiError: 409 where there is one of that id.
        """
        with self.changed:
            if self.find(*place, job_id):
                text = f"The PipelineJob {job_id} already exists in {place[1]}."
                raise ApiError(409, "", text)
            now = self.now()
            number = max((each.number for each in self._runs.values()), default=0) + 1
            uuid = str(10**18 + secrets.randbelow(8 * 10**18))
            run = Run(job_id, uuid, *place, number, created=now, updated=now, **values)
            self._runs[uuid] = run
            self.save(run)
            return run

    def runs(self) -> list[Run]:
        """Every job that was not deleted, the newest first."""
        with self.changed:
            return sorted(self._runs.values(), key=lambda run: -run.number)

    def find(self, project: str, location: str, job_id: str) -> Run | None:
        """The job, by the id or the number of its project."""
        with self.changed:
            for run in self._runs.values():
                if (run.id, run.location) == (job_id, location) and is_project(
                    run.project, project
                ):
                    return run
            return None

    def change(self, run: Run, **values: Any) -> None:
        """Set fields of a job, write its file, wake who waits."""
        with self.changed:
            for name, value in values.items():
                setattr(run, name, value)
            run.updated = self.now()
            self.save(run)
            self.changed.notify_all()

    def end(self, run: Run, state: str, message: str = "", code: int = 9) -> None:
        """End a job, with why it failed, and every task of it that had not ended."""
        with self.changed:
            now = self.now()
            error = {"code": code, "message": message} if message else None
            ended = close_tasks(run.tasks, state, now)
            self.change(run, state=state, ended=now, error=error, tasks=ended)
        for listener in self.listeners:
            listener()

    def delete(self, run: Run) -> None:
        """Forget a job."""
        with self.changed:
            run.deleted = True
            self._runs.pop(run.uuid, None)
            self._path(run).unlink(missing_ok=True)
            self.changed.notify_all()

    def wait_until_ended(self, run: Run, seconds: float) -> bool:
        """Wait for the end of a job; False when the time ran out."""
        with self.changed:
            return self.changed.wait_for(lambda: run.deleted or run.state in FINAL, seconds)

    def now(self) -> str:
        """The time, as the service writes it."""
        return timestamp(self._clock.now())

    def save(self, run: Run) -> None:
        """Write the file of a job."""
        if run.deleted:
            return
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._path(run).with_suffix(".draft")
        saved = {k: v for k, v in asdict(run).items() if k not in _NEVER_SAVED}
        draft.write_text(json.dumps(saved), encoding="utf-8")
        draft.replace(self._path(run))

    def _path(self, run: Run) -> Path:
        return self._folder / f"{run.uuid}.json"


def close_tasks(
    tasks: Mapping[str, dict[str, Any]], state: str, now: str
) -> dict[str, dict[str, Any]]:
    """The tasks, those that had not ended with the state in which their run ends."""
    return {
        key: task
        if "endTime" in task or task["state"] == "NOT_TRIGGERED"
        else _closed(task, state, now)
        for key, task in tasks.items()
    }


def _closed(task: dict[str, Any], state: str, now: str) -> dict[str, Any]:
    step = {"updateTime": now, "state": state}
    return task | {
        "state": state,
        "endTime": now,
        "pipelineTaskStatus": [*task["pipelineTaskStatus"], step],
    }
