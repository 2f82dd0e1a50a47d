"""One job on its way: through the queue, its tasks, their retries, to its end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

from emulator.batch.events import OPERATIONAL_INFO, REASONS, quota_exceeded, stock_out
from emulator.batch.jobs import FINAL, TASK_FINAL, Job, machine
from emulator.batch.plan import Plan, plan_of
from emulator.batch.processes import Attempt
from emulator.batch.workers import CANCELLED, Workers

if TYPE_CHECKING:
    from emulator.batch.executor import Executor

log = logging.getLogger(__name__)

Stop = Literal["cancel", "delete", "quit"]
_UNDER_WAY: Mapping[str, Stop] = {
    "CANCELLATION_IN_PROGRESS": "cancel",
    "DELETION_IN_PROGRESS": "delete",
}


class JobRun:
    """A job's own thread, and a thread for each of its tasks that runs at once.

    Locks are taken in this order: the book's, then this run's, then an attempt's.
    """

    def __init__(self, executor: Executor, job: Job) -> None:
        self.job = job
        self._executor = executor
        self._book = executor.book
        self._how: Stop | None = None
        if job.state in _UNDER_WAY:
            self._how = _UNDER_WAY[job.state]
        self._over = False
        self._lock = threading.Lock()
        self._live: set[Attempt] = set()
        self._thread = threading.Thread(target=self._main, name=f"batch-{job.job_id}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self) -> None:
        """Wait for the end."""
        self._thread.join()

    def mark(self, how: Stop) -> bool:
        """From now on the job is to end in this way; False when it is over already."""
        with self._lock:
            if self._over:
                return False
            if self._how != "quit":
                self._how = how
            return True

    def end_tasks(self) -> None:
        """End what runs, after mark()."""
        with self._lock:
            live = list(self._live)
        for attempt in live:
            attempt.stop(CANCELLED, at_once=self._how == "quit")
        self._executor.slots.wake()
        with self._book.changed:
            self._book.changed.notify_all()

    @property
    def stopping(self) -> Stop | None:
        """Whether, and how, the job is to end before its tasks have."""
        return self._how

    def admit(self, attempt: Attempt) -> bool:
        """Let an attempt begin, unless the job is to end."""
        with self._lock:
            if self._how:
                return False
            self._live.add(attempt)
            return True

    def release(self, attempt: Attempt) -> None:
        """The attempt is over."""
        with self._lock:
            self._live.discard(attempt)

    # The way of the job

    def _main(self) -> None:
        try:
            if self._leave_queue() and self._get_machines():
                self._run_tasks()
            self._finish()
        except Exception as error:
            log.exception("job %s", self.job.name)
            if self.job.state not in FINAL:
                text = f"A defect of the emulator: {error!r}"
                self._book.tell(self.job, OPERATIONAL_INFO, text)
                self._book.move(self.job, "FAILED")
        finally:
            self._over = True
            self._executor.ended(self)

    def _leave_queue(self) -> bool:
        """From QUEUED to SCHEDULED; False when the job does not get there."""
        job, scenarios = self.job, self._executor.scenarios
        if job.state != "QUEUED":
            return self._how is None
        for stuck in scenarios.of(job.job_id, "stuck_queued"):
            if stuck.events:
                self._executor.tell_quota(job, stuck)
            self._wait(lambda: self._how is not None)
        return self._pass("QUEUED", "SCHEDULED")

    def _get_machines(self) -> bool:
        """Stay SCHEDULED as long as a scenario says; False when no task may start."""
        if self.job.state == "SCHEDULED":
            self._wait_for_stock()
            return self._pass("SCHEDULED", "")
        return self._how is None

    def _wait_for_stock(self) -> None:
        """Wait for ever, if a scenario says that there are no such machines."""
        job = self.job
        kind, _ = machine(job.spec)
        policy = job.spec.get("allocationPolicy", {})
        places = policy.get("location", {}).get("allowedLocations", [])
        for scenario in self._executor.scenarios.of(job.job_id, "stock_out"):
            if scenario.starves(kind, places):
                text = stock_out(job.name.split("/")[1], scenario.zone or f"{job.location}-a")
                self._book.tell(job, OPERATIONAL_INFO, text)
                self._wait(lambda: self._how is not None)

    def _pass(self, state: str, after: str) -> bool:
        """Leave a state, when the scenarios let the job, and are not its end."""
        self._hold(state)
        job = self.job
        with self._book.changed:
            if self._how:
                return False
            for scenario in self._executor.scenarios.of(job.job_id, "quota_fail"):
                if scenario.state == state:
                    text = quota_exceeded(scenario.quota, scenario.limit, job.location)
                    self._book.tell(job, OPERATIONAL_INFO, text)
                    self._book.move(job, "FAILED")
                    return False
            if after:
                self._book.move(job, after)
            return True

    def _finish(self) -> None:
        if self._how is None and self.job.state == "RUNNING":
            self._hold("RUNNING")
        with self._book.changed:
            if self._how is None:
                self._over = True
                self._end_normally()
                return
        if self._how == "cancel":
            self._end_cancelled()
        if self._how == "delete":
            self._hold("DELETION_IN_PROGRESS")
            if self._how == "delete":
                self._book.delete(self.job)

    def _end_normally(self) -> None:
        job = self.job
        if job.state in FINAL:
            return
        failed = [
            (task.events[-1].time_ns, index)
            for index, task in job.tasks.items()
            if task.state == "FAILED"
        ]
        left = sum(job.counts[state] for state in ("PENDING", "ASSIGNED", "RUNNING"))
        if left:
            raise RuntimeError(f"{left} tasks have not ended")
        if failed:
            self._book.fail(job, min(failed)[1])
        else:
            self._book.move(job, "SUCCEEDED")

    def _end_cancelled(self) -> None:
        job = self.job
        self._book.leave_unexecuted(job)
        for index, task in list(job.tasks.items()):
            if task.state not in TASK_FINAL:  # it was to be retried
                self._book.move_task(job, index, "FAILED", task.events[-1].vm, *CANCELLED)
        self._hold("CANCELLATION_IN_PROGRESS")
        with self._book.changed:
            if self._how == "cancel":
                self._over = True
                self._book.move(job, "CANCELLED")

    def _hold(self, state: str) -> None:
        """Stay in the state until GetJob has shown it as often as the scenarios say."""
        executor, job = self._executor, self.job
        delays = executor.scenarios.of(job.job_id, "delay_state")
        calls = max((each.calls for each in delays if each.state == state), default=0)
        how = self._how
        self._wait(lambda: executor.shown[job.uid, state] >= calls or self._how != how)

    def _wait(self, happened: Callable[[], bool]) -> None:
        with self._book.changed:
            self._book.changed.wait_for(happened)

    # Tasks

    def _run_tasks(self) -> None:
        plan = plan_of(self.job)
        self._fail_interrupted(plan)
        todo = [i for i in range(plan.task_count) if self.job.task_state(i) not in TASK_FINAL]
        with Workers(self._executor, self, plan, todo) as workers:
            at_once = min(plan.parallelism, len(todo))
            if not plan.gang:
                at_once = min(at_once, self._executor.slots.count)
            threads = [
                threading.Thread(
                    target=workers.work,
                    args=(worker // plan.per_vm,),
                    name=f"batch-{self.job.job_id}-{worker}",
                    daemon=True,
                )
                for worker in range(at_once)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    def _fail_interrupted(self, plan: Plan) -> None:
        """What ran when the emulator ended has lost its VM."""
        for index, task in list(self.job.tasks.items()):
            if task.state in ("ASSIGNED", "RUNNING"):
                vm = task.events[-1].vm
                self._book.move_task(self.job, index, "FAILED", vm, 50002, REASONS[50002])
                if plan.retries.again(50002, task.attempts - 1):
                    self._book.move_task(self.job, index, "PENDING", vm)
