"""All jobs that run: started, resumed, cancelled, deleted, ended with the emulator.

What the documentation leaves open, and what is done here:

* After a task has failed for good, the other tasks of the job still run, and the job fails at the
  end. (Real jobs are seen to do either.)
* A cancelled job's running tasks become FAILED with code 50000, its waiting ones UNEXECUTED.
* A retried task starts again at once, before tasks that have not run yet.
* All jobs together run at most `capacity` tasks at a time, as if that were the quota; a job with
  barriers runs all its tasks at once, in addition.
* When the emulator starts again, the attempts that were under way have failed with 50002, as with
  a VM that vanishes, and their jobs go on: those tasks are retried where the job allows it.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from emulator.batch.book import JobBook
from emulator.batch.events import OPERATIONAL_INFO, quota_delay
from emulator.batch.jobs import FINAL, Job
from emulator.batch.processes import MARKER, Alarms, kill_marked
from emulator.batch.run import JobRun, Stop
from emulator.batch.scenarios import Scenario, Scenarios
from emulator.batch.slots import Slots
from emulator.batch.volumes import Buckets, Volumes

DEFAULT_CAPACITY = max(32, 4 * (os.cpu_count() or 1))
_PATIENCE_SECONDS = 30


class Executor:
    """All jobs that have not ended.

    Args:
        book: the jobs.
        folder: the state folder of Batch.
        store: the buckets, for volumes.
        scenarios: what is to go wrong.
        child_environment: what each task gets to find the stand-ins.
        capacity: how many tasks of all jobs run at once.
    """

    def __init__(
        self,
        book: JobBook,
        folder: Path,
        store: Buckets | None,
        scenarios: Scenarios,
        child_environment: Callable[[], dict[str, str]],
        capacity: int = DEFAULT_CAPACITY,
    ) -> None:
        self.book = book
        self.scenarios = scenarios
        self.alarms = Alarms()
        self.slots = Slots(capacity)
        self.volumes = Volumes(folder / "volumes", store)
        self._marker = str(folder)
        self._child_environment = child_environment
        self._lock = threading.Lock()
        self._runs: dict[str, JobRun] = {}
        self._closed = False
        self._gets: Counter[str] = Counter()
        self.shown: Counter[tuple[str, str]] = Counter()  # GetJob answers by uid and state

    def resume(self) -> None:
        """Kill what a former process left running, and go on with its jobs."""
        unfinished = [job for job in self.book.jobs() if job.state not in FINAL]
        if unfinished:
            kill_marked(f"{MARKER}={self._marker}")
        for job in unfinished:
            self.start(job)

    def start(self, job: Job) -> None:
        """Begin to run a job."""
        with self._lock:
            if not self._closed:
                self._runs[job.uid] = JobRun(self, job)
                self._runs[job.uid].start()

    def cancel(self, job: Job) -> JobRun | None:
        """Begin to cancel a job that has not ended; the run whose tasks are to be ended."""
        with self.book.changed:
            self.book.move(job, "CANCELLATION_IN_PROGRESS")
            return self._marked(job, "cancel")

    def delete(self, job: Job) -> JobRun | None:
        """Begin to delete a job, which may have ended; the run whose tasks are to be ended."""
        with self.book.changed:
            self.book.move(job, "DELETION_IN_PROGRESS")
            run = self._marked(job, "delete")
            if not run:
                self.start(job)
            return run

    def before_get(self, job: Job) -> None:
        """A GetJob call has come: what scenarios count calls for happens now."""
        with self.book.changed:
            self._gets[job.uid] += 1
            calls = self._gets[job.uid]
            for scenario in self.scenarios.of(job.job_id, "stuck_queued"):
                if job.state == "QUEUED" and 1 < calls <= scenario.events:
                    self.tell_quota(job, scenario)
        if any(calls == each.calls for each in self.scenarios.of(job.job_id, "delete_job")):
            run = self.delete(job)
            if run:
                run.end_tasks()
            self.book.wait_for(lambda: job.deleted, _PATIENCE_SECONDS)

    def after_get(self, job: Job, state: str) -> None:
        """A GetJob call was answered with the job in this state."""
        with self.book.changed:
            self.shown[job.uid, state] += 1
            self.book.changed.notify_all()

    def tell_quota(self, job: Job, scenario: Scenario) -> None:
        """Add the event of a job that waits for quota."""
        text = quota_delay(job.uid, scenario.quota, scenario.limit, scenario.usage, scenario.wanted)
        self.book.tell(job, OPERATIONAL_INFO, text)

    def environment(self) -> dict[str, str]:
        """What every process of a task gets."""
        return {**self._child_environment(), MARKER: self._marker}

    def ended(self, run: JobRun) -> None:
        """A run is over."""
        with self._lock:
            if self._runs.get(run.job.uid) is run:
                del self._runs[run.job.uid]

    def close(self) -> None:
        """End every process; the jobs stay as they are, for the next start."""
        with self._lock:
            self._closed = True
            runs = list(self._runs.values())
        for run in runs:
            run.mark("quit")
            run.end_tasks()
        for run in runs:
            run.join()
        if runs:
            kill_marked(f"{MARKER}={self._marker}")
        self.alarms.close()

    def _marked(self, job: Job, how: Stop) -> JobRun | None:
        with self._lock:
            run = self._runs.get(job.uid)
        return run if run and run.mark(how) else None
