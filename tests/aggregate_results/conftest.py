"""Real Task messages and run folders to collect from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from google.cloud import batch_v1

from components.batch.logs import Tails
from components.batch.service import Service

JOB = "projects/p/locations/us-central1/jobs/hello-1"
VM = "on zones/us-central1-a/instances/1331099789278906760"
Event = tuple[float, str, str, int | None]
_TASK = batch_v1.Task.pb()
_STATE = {state.name: state.value for state in batch_v1.TaskStatus.State}


def task(index: int, state: str, events: Sequence[Event] = ()) -> Any:
    """A raw Task message. An event is (seconds, state entered or "", text, exit code)."""
    made = _TASK()
    made.name = f"{JOB}/taskGroups/group0/tasks/{index}"
    made.status.state = _STATE[state]
    for at, entered, text, code in events:
        event = made.status.status_events.add()
        event.type_ = "STATUS_CHANGED"
        event.description = text
        event.event_time.seconds = int(at)
        event.event_time.nanos = round(at % 1 * 1e9)
        if entered:
            event.task_state = _STATE[entered]
        if code is not None:
            event.task_execution.exit_code = code
    return made


def moved(at: float, old: str, new: str, code: int | None = None, why: str = "") -> Event:
    """A state change in Batch's words."""
    due = f" due to {why}" if why else ""
    end = f" with exit code {code}" if code is not None else ""
    return at, new, f"Task state is updated from {old} to {new} {VM}{due}{end}.", code


def ran(index: int, start: float, seconds: float, code: int = 0) -> Any:
    """A task that ran once."""
    end = moved(start + seconds, "RUNNING", "FAILED" if code else "SUCCEEDED", code or None)
    return task(
        index,
        "FAILED" if code else "SUCCEEDED",
        [moved(start - 1, "PENDING", "ASSIGNED"), moved(start, "ASSIGNED", "RUNNING"), end],
    )


def job_of(count: int, **other: Any) -> dict[str, Any]:
    """The job as JSON."""
    return {
        "taskGroups": [{"taskCount": str(count), "taskSpec": {"runnables": []}}],
        "allocationPolicy": {"instances": [{"policy": {"machineType": "e2-standard-4"}}]},
        "logsPolicy": {"destination": "CLOUD_LOGGING"},
        **other,
    }


def ledger_of(count: int, **other: Any) -> dict[str, Any]:
    """submission.json of a job that ended."""
    return {
        "version": 1,
        "phase": "ended",
        "job_name": JOB,
        "uid": "hello-1-uid",
        "state": "SUCCEEDED",
        "outcome": "succeeded",
        "reason": "",
        "console_url": "https://console.cloud.google.com/batch/jobsDetail/x",
        "request": {
            "parent": "projects/p/locations/us-central1",
            "job_id": "hello-1",
            "request_id": "r-1",
            "job": job_of(count),
        },
        "events": [],
        "submitted_at": "2026-09-21T14:13:18Z",
        "ended_at": "2026-09-21T14:14:18Z",
        **other,
    }


@dataclass
class Fake:
    """A service over a list of tasks; records what output it was asked for."""

    tasks: Iterable[Any] = ()
    output: Callable[[int], str] = lambda index: f"output of {index}"
    note: str = ""
    machine: str = "n2-standard-8"
    job_error: Exception | None = None
    asked: list[Mapping[str, Any]] = field(default_factory=list)

    def service(self) -> Service:
        return Service(
            job=self._job, tasks=lambda name, group, state: self.tasks, tails=self._tails
        )

    def _job(self, name: str) -> Any:
        if self.job_error:
            raise self.job_error
        job = batch_v1.Job.pb()()
        job.uid = "hello-1-uid"
        job.status.task_groups["group0"].instances.add().machine_type = self.machine
        return job

    def _tails(self, uid: str, indexes: Sequence[int], **options: Any) -> Tails:
        self.asked.append({"uid": uid, "indexes": list(indexes), **options})
        return Tails({index: self.output(index) for index in indexes}, self.note)


@dataclass
class Make:
    """What tests build with."""

    folder: Path

    task = staticmethod(task)
    ran = staticmethod(ran)
    moved = staticmethod(moved)
    job = staticmethod(job_of)
    ledger = staticmethod(ledger_of)
    fake = Fake
    vm = VM

    def run(self, **pieces: Any) -> str:
        """A run folder with these pieces: a text is written as it is, all else as JSON."""
        for name, value in pieces.items():
            text = value if isinstance(value, str) else json.dumps(value)
            (self.folder / f"{name}.json").write_text(text, encoding="utf-8")
        return str(self.folder)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Builders of tasks, ledgers, services and run folders."""
    folder = tmp_path / "run"
    folder.mkdir()
    return Make(folder)
