"""The book of batch predictions: what each is, which state it shows, and its file.

A job is a JSON file in the emulator's folder, written anew whenever its state changes, so that jobs
survive the end of the emulator; one that had not ended begins again. Time is nowhere: what holds a
job back is counted in GetJob calls.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from emulator.projects import is_project, project_number
from emulator.vertex.batch_jobs_scenarios import BEFORE_WORK, Scenario

FINAL = ("SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED", "PARTIALLY_SUCCEEDED")
_NEVER_SAVED = {"holds", "released", "shown", "scenarios"}


@dataclass
class Hold:
    """A state that is shown for so many more calls (None: for ever).

    `share` is how much of the rows is done when the job is cancelled there.
    """

    state: str
    left: int | None
    share: float


@dataclass
class Job:
    """One batch prediction. Times are RFC 3339, states without `JOB_STATE_`.

    `state` is how far the work is; what callers see is `Book.visible`. `share` is how much is
    written of a job that was cancelled before its work began.
    """

    id: str
    project: str
    location: str
    number: int
    spec: dict[str, Any]
    faults: list[dict[str, Any]]
    created: str
    updated: str
    state: str = "PENDING"
    started: str = ""
    ended: str = ""
    error: dict[str, Any] | None = None
    counts: tuple[int, int, int] | None = None
    output: str = ""
    share: float = 0.0
    cancelled: bool = False
    deleted: bool = False
    scenarios: list[Scenario] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    released: bool = False
    shown: int = 0

    @property
    def parent(self) -> str:
        """Where it is, by the number of its project, as the service says it."""
        return f"projects/{project_number(self.project)}/locations/{self.location}"

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"{self.parent}/batchPredictionJobs/{self.id}"

    def of_kind(self, kind: str) -> list[Scenario]:
        """Its scenarios of this kind."""
        return [each for each in self.scenarios if each.kind == kind]

    def saved(self) -> dict[str, Any]:
        """What its file holds."""
        return {k: v for k, v in asdict(self).items() if k not in _NEVER_SAVED}


class Book:
    """All jobs, safe for many threads.

    Args:
        folder: of the jobs' files.
        clock: seconds since 1970.
        release: called, with the lock held, when a job may begin its work or end its cancellation.
    """

    def __init__(
        self, folder: Path, clock: Callable[[], float], release: Callable[[Job], None]
    ) -> None:
        self.changed = threading.Condition(threading.RLock())
        self._folder = folder
        self._clock = clock
        self._release = release
        self._jobs: dict[str, Job] = {}

    def resume(self) -> None:
        """Read the jobs of a former process and go on with them."""
        if not self._folder.is_dir():
            return
        known = {each.name for each in fields(Job)} - _NEVER_SAVED
        with self.changed:
            for path in self._folder.glob("*.json"):
                data = json.loads(path.read_text(encoding="utf-8"))
                job = Job(**{name: data[name] for name in known})
                self._enter(job)

    def create(
        self, project: str, location: str, spec: dict[str, Any], faults: list[dict[str, Any]]
    ) -> Job:
        """Add a job, and begin it unless a scenario holds it back."""
        with self.changed:
            now = self.now()
            number = max((each.number for each in self._jobs.values()), default=0) + 1
            made = str(10**18 + secrets.randbelow(8 * 10**18))
            job = Job(made, project, location, number, spec, faults, now, now)
            self._save(job)
            self._enter(job)
            return job

    def _enter(self, job: Job) -> None:
        job.scenarios = [Scenario.from_json(data) for data in job.faults]
        self._jobs[job.id] = job
        if job.state in FINAL:
            return
        if not job.cancelled:
            job.holds = [_hold(s) for s in held(job) if s.state != "CANCELLING"]
            job.holds.sort(key=lambda hold: hold.state not in BEFORE_WORK)
        if job.holds and job.holds[0].state in BEFORE_WORK:
            job.state = job.holds[0].state
        if not job.holds:
            self._let_go(job)

    def jobs(self) -> list[Job]:
        """Every job that was not deleted, the newest first."""
        with self.changed:
            return sorted(self._jobs.values(), key=lambda job: -job.number)

    def find(self, project: str, location: str, job_id: str) -> Job | None:
        """The job, by the id or the number of its project."""
        with self.changed:
            job = self._jobs.get(job_id)
            if job is None or job.location != location:
                return None
            return job if is_project(job.project, project) else None

    def visible(self, job: Job) -> str:
        """The state that callers see."""
        with self.changed:
            return job.holds[0].state if job.holds else job.state

    def look(self, job: Job) -> None:
        """A GetJob call: count it, and go on with a job that was shown often enough."""
        with self.changed:
            job.shown += 1
            while job.holds and job.holds[0].left == 0:
                job.holds.pop(0)
            if job.holds:
                self._show(job, job.holds[0])
            elif not job.released and job.state not in FINAL:
                self._let_go(job)

    def _show(self, job: Job, hold: Hold) -> None:
        if hold.left is not None:
            hold.left -= 1
        if not job.started and hold.state not in (*BEFORE_WORK, "CANCELLING"):
            job.started = self.now()

    def cancel(self, job: Job) -> None:
        """Begin to cancel a job that has not ended."""
        with self.changed:
            if job.cancelled:
                return
            job.cancelled = True
            if job.holds and job.holds[0].state not in BEFORE_WORK:
                job.share = job.holds[0].share
            job.holds = [_hold(s) for s in held(job) if s.state == "CANCELLING"]
            self.change(job, state="CANCELLING")
            if not job.released:
                self._let_go(job)

    def begin(self, job: Job) -> bool:
        """Begin the work of a job; False where it was cancelled before."""
        with self.changed:
            if job.cancelled:
                return False
            self.change(job, state="RUNNING", started=job.started or self.now())
            return True

    def delete(self, job: Job) -> None:
        """Forget a job."""
        with self.changed:
            job.deleted = True
            self._jobs.pop(job.id, None)
            self._path(job).unlink(missing_ok=True)
            self.changed.notify_all()

    def change(self, job: Job, **values: Any) -> None:
        """Set fields of a job, write its file, wake who waits."""
        with self.changed:
            for name, value in values.items():
                setattr(job, name, value)
            job.updated = self.now()
            if not job.deleted:
                self._save(job)
            self.changed.notify_all()

    def wait_until_ended(self, job: Job, seconds: float) -> bool:
        """Wait for the end of a job's work; False when the time ran out."""
        with self.changed:
            return self.changed.wait_for(lambda: job.deleted or job.state in FINAL, seconds)

    def now(self) -> str:
        """The time, as the service writes it."""
        moment = datetime.fromtimestamp(self._clock(), UTC)
        return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")

    def _let_go(self, job: Job) -> None:
        job.released = True
        self._release(job)

    def _path(self, job: Job) -> Path:
        return self._folder / f"{job.id}.json"

    def _save(self, job: Job) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(job)
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(job.saved()), encoding="utf-8")
        draft.replace(path)


def held(job: Job) -> list[Scenario]:
    """The scenarios that hold the job back."""
    return [each for each in job.scenarios if each.kind in ("delay_state", "stuck")]


def _hold(scenario: Scenario) -> Hold:
    left = scenario.calls if scenario.kind == "delay_state" else None
    return Hold(scenario.state, left, scenario.share)
