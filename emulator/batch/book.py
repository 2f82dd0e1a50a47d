"""The book of jobs: every change of state passes here, is journalled, and wakes who waits."""

from __future__ import annotations

import json
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from sys import intern
from typing import Any

from emulator.batch.events import (
    STATUS_CHANGED,
    JobEvent,
    TaskEvent,
    job_failed,
    job_moved,
)
from emulator.batch.jobs import FINAL, Job, Task
from emulator.batch.journal import Journal, write_once


class AlreadyExistsError(Exception):
    """A job of that name exists."""


class JobBook:
    """All jobs, safe for many threads.

    Args:
        folder: where each job has a folder named by its uid.
        clock: nanoseconds since 1970.
    """

    def __init__(self, folder: Path, clock: Callable[[], int] = time.time_ns) -> None:
        self.folder = folder
        self.clock = clock
        self.changed = threading.Condition(threading.RLock())
        self._by_name: dict[str, Job] = {}
        self._by_uid: dict[str, Job] = {}
        self._by_request: dict[tuple[str, str], Job] = {}
        self._journals: dict[str, Journal] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(folder.glob("*/job.json")):
            self._enter(_replayed(path, self._journal(path.parent.name)))

    # What there is

    def get(self, name: str) -> Job | None:
        """The job of that name, unless it was deleted."""
        with self.changed:
            return self._by_name.get(name)

    def by_uid(self, uid: str) -> Job | None:
        """The job of that uid, deleted or not."""
        with self.changed:
            return self._by_uid.get(uid)

    def jobs(self) -> list[Job]:
        """Every job that was not deleted."""
        with self.changed:
            return list(self._by_name.values())

    def everything(self) -> list[Job]:
        """Every job, also the deleted ones: their logs stay."""
        with self.changed:
            return list(self._by_uid.values())

    def folder_of(self, job: Job) -> Path:
        """The job's own folder."""
        return self.folder / job.uid

    def wait_for(self, happened: Callable[[], bool], seconds: float) -> bool:
        """Wait until something is so, looking after each change; False when time ran out."""
        with self.changed:
            return self.changed.wait_for(happened, seconds)

    # Changes

    def create(
        self, name: str, spec: Mapping[str, Any], task_count: int, request_id: str
    ) -> tuple[Job, bool]:
        """Enter a job; the job and whether it is new.

        The second call with a request id gives the first call's job, also after a deletion.

        Raises:
            AlreadyExistsError: another job has the name.
        """
        key = (name.rpartition("/jobs/")[0], request_id)
        with self.changed:
            if request_id and key in self._by_request:
                return self._by_request[key], False
            if name in self._by_name:
                raise AlreadyExistsError(name)
            job = Job(name, _new_uid(name), spec, self.clock(), request_id, task_count)
            self.folder_of(job).mkdir()
            form = {
                "name": job.name,
                "uid": job.uid,
                "spec": job.spec,
                "created_ns": job.created_ns,
                "request_id": job.request_id,
                "task_count": job.task_count,
            }
            write_once(self.folder_of(job) / "job.json", form)
            self._enter(job)
            self.changed.notify_all()
            return job, True

    def move(self, job: Job, after: str, text: str = "") -> None:
        """Change the job's state, with the event that tells it."""
        self._job_event(job, after, STATUS_CHANGED, text or job_moved(job.name, job.state, after))

    def fail(self, job: Job, index: int) -> None:
        """End the job because a task failed."""
        event = job.tasks[index].events[-1]
        self._job_event(
            job, "FAILED", STATUS_CHANGED, job_failed(job.name, job.state, index, event)
        )

    def tell(self, job: Job, kind: str, text: str) -> None:
        """Add an event that changes no state."""
        self._job_event(job, job.state, kind, text)

    def move_task(
        self, job: Job, index: int, after: str, vm: str, code: int | None = None, reason: str = ""
    ) -> None:
        """Change a task's state, with the event that tells it."""
        with self.changed:
            event = TaskEvent(self.clock(), job.task_state(index), after, vm, code, reason)
            self._journal(job.uid).add("task", index, *event)
            _apply_task(job, index, event)
            self.changed.notify_all()

    def leave_unexecuted(self, job: Job) -> None:
        """The tasks that never started never will."""
        with self.changed:
            now = self.clock()
            self._journal(job.uid).add("unexecuted", now)
            _apply_unexecuted(job, now)
            self.changed.notify_all()

    def delete(self, job: Job) -> None:
        """The job is gone: its name is free, its logs and its request id stay."""
        with self.changed:
            now = self.clock()
            self._journal(job.uid).add("deleted", now)
            self._journal(job.uid).close()
            job.deleted = True
            self._by_name.pop(job.name, None)
            shutil.rmtree(self.folder_of(job) / "scripts", ignore_errors=True)
            self.changed.notify_all()

    def close(self) -> None:
        """Release the files."""
        with self.changed:
            for journal in self._journals.values():
                journal.close()

    def _job_event(self, job: Job, after: str, kind: str, text: str) -> None:
        with self.changed:
            event = JobEvent(self.clock(), kind, text)
            self._journal(job.uid).add("job", after, *event)
            _apply_job(job, after, event)
            if after in FINAL:
                self._journal(job.uid).close()
            self.changed.notify_all()

    def _enter(self, job: Job) -> None:
        self._by_uid[job.uid] = job
        if job.request_id:
            self._by_request[job.name.rpartition("/jobs/")[0], job.request_id] = job
        if not job.deleted:
            self._by_name[job.name] = job

    def _journal(self, uid: str) -> Journal:
        if uid not in self._journals:
            self._journals[uid] = Journal(self.folder / uid)
        return self._journals[uid]


def _new_uid(name: str) -> str:
    """As the service makes them: the id, then letters and digits that nobody else has."""
    random = str(uuid.uuid4())
    return f"{name.rpartition('/')[2][:40]}-{random[:18]}0"


def _replayed(path: Path, journal: Journal) -> Job:
    job = Job(**json.loads(path.read_text(encoding="utf-8")))
    for kind, *fields in _known(journal.lines()):
        if kind == "job":
            _apply_job(job, fields[0], JobEvent(*fields[1:]))
        elif kind == "task":
            index, when, before, after, vm, *rest = fields
            event = TaskEvent(when, intern(before), intern(after), intern(vm), *rest)
            _apply_task(job, index, event)
        elif kind == "unexecuted":
            _apply_unexecuted(job, fields[0])
        else:
            job.deleted = True
    return job


def _known(lines: Iterator[list[Any]]) -> Iterator[list[Any]]:
    return (line for line in lines if line[0] in ("job", "task", "unexecuted", "deleted"))


def _apply_job(job: Job, after: str, event: JobEvent) -> None:
    if after != job.state:
        if job.state == "RUNNING":
            job.ran_ns += event.time_ns - job.running_since_ns
        if after == "RUNNING":
            job.running_since_ns = event.time_ns
        job.state = after
    job.events.append(event)
    job.updated_ns = event.time_ns


def _apply_task(job: Job, index: int, event: TaskEvent) -> None:
    job.counts[event.before] -= 1
    job.counts[event.after] += 1
    task = job.tasks.setdefault(index, Task())
    task.state = event.after
    task.events.append(event)
    job.updated_ns = event.time_ns


def _apply_unexecuted(job: Job, time_ns: int) -> None:
    idle = job.task_count - len(job.tasks)
    job.counts[job.idle] -= idle
    job.idle = "UNEXECUTED"
    job.counts["UNEXECUTED"] += idle
    job.updated_ns = time_ns
