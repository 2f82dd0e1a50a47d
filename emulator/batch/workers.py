"""The tasks of a job: taken in order by workers, tried, and tried again where the job allows it."""

from __future__ import annotations

import logging
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from emulator.batch.events import REASONS, vm_name
from emulator.batch.jobs import TASK_FINAL, Job
from emulator.batch.mounts import MountError
from emulator.batch.plan import Plan
from emulator.batch.processes import Attempt, Outcome, kill_marked
from emulator.batch.scenarios import Kind, Scenario
from emulator.batch.scripts import write_scripts
from emulator.batch.tasks import Barriers, Setting, TaskAttempt

if TYPE_CHECKING:
    from emulator.batch.executor import Executor
    from emulator.batch.run import JobRun

log = logging.getLogger(__name__)

CANCELLED = Outcome(50000, "the job was cancelled")
_CODES: Mapping[Kind, int] = {"preempt_task": 50001, "vanish_vm": 50002}
_MOST_HOSTS = 1000  # of a hosts file (proto comment of require_hosts_file)


class Workers:
    """What the threads of a job share while its tasks run; a context, entered once.

    Args:
        executor: the machine.
        run: the job's way.
        plan: what the job asks for.
        todo: the tasks that have not ended, by index.
    """

    def __init__(self, executor: Executor, run: JobRun, plan: Plan, todo: Sequence[int]) -> None:
        self._executor = executor
        self._book = executor.book
        self._run = run
        self._job = run.job
        self._plan = plan
        self._todo = iter(todo)
        self._lock = threading.Lock()
        self._lost: Counter[int] = Counter()  # VMs that went away, by node
        self._setting: Setting | Outcome = CANCELLED
        self._folder = self._book.folder_of(self._job)

    def __enter__(self) -> Workers:
        try:
            self._setting = self._set_up()
        except MountError as error:  # the tasks will say so, one by one
            self._setting = Outcome(50000, str(error))
        return self

    def __exit__(self, *_: object) -> None:
        kill_marked(f"BATCH_JOB_UID={self._job.uid}")  # what left its group
        if isinstance(self._setting, Setting):
            self._setting.mounted.close()
        shutil.rmtree(self._folder / "work", ignore_errors=True)

    def work(self, node: int) -> None:
        """Take tasks and bring them to their end, until there is none left."""
        while (index := self._next()) is not None:
            if self._plan.gang:
                self._bring_to_end(index, node)
            elif self._executor.slots.take(lambda: self._run.stopping is not None):
                try:
                    self._bring_to_end(index, node)
                finally:
                    self._executor.slots.give_back()

    def _next(self) -> int | None:
        with self._lock:
            return None if self._run.stopping else next(self._todo, None)

    def _bring_to_end(self, index: int, node: int) -> None:
        again = True
        while again:
            task = self._job.tasks.get(index)
            number = task.attempts if task else 0
            vm = vm_name(self._job.uid, self._plan.zone, node, self._lost[node])
            outcome = self._try(index, number, node, vm)
            if outcome is None or self._run.stopping == "quit":
                return  # what began and was not told is found at the next start
            again = self._record(index, number, vm, outcome)
            if outcome.code in _CODES.values():
                self._lost[node] += 1

    def _record(self, index: int, number: int, vm: str, outcome: Outcome) -> bool:
        """Enter how an attempt ended; whether there is another."""
        if not outcome.code:
            self._book.move_task(self._job, index, "SUCCEEDED", vm)
            return False
        self._book.move_task(self._job, index, "FAILED", vm, outcome.code, outcome.reason)
        if self._run.stopping is None and self._plan.retries.again(outcome.code, number):
            self._book.move_task(self._job, index, "PENDING", vm)
            return True
        if isinstance(self._setting, Setting):
            self._setting.barriers.lose(index)
        return False

    def _try(self, index: int, number: int, node: int, vm: str) -> Outcome | None:
        """One attempt; None where it may not begin any more."""
        attempt = Attempt(self._executor.alarms)
        if not self._run.admit(attempt):
            return None
        try:
            self._book.move_task(self._job, index, "ASSIGNED", vm)
            scenarios = self._executor.scenarios.of(self._job.job_id, *_CODES)
            faults = [fault for fault in scenarios if fault.hits(index, number)]
            for fault in faults:
                if fault.when == "start":
                    return _outcome(fault)
            self._book.move_task(self._job, index, "RUNNING", vm)
            self._job_runs()
            if isinstance(self._setting, Outcome):
                return self._setting
            strike = _striker(attempt, faults)
            outcome = TaskAttempt(self._setting, index, number, node, attempt, strike).run()
            return _outcome(faults[0]) if faults and not attempt.verdict else outcome
        except Exception as error:  # the task must end, and say why
            log.exception("task %d of %s", index, self._job.name)
            return Outcome(50000, f"a defect of the emulator ({error!r})")
        finally:
            self._run.release(attempt)

    def _job_runs(self) -> None:
        """The first task that runs makes the job RUNNING."""
        if self._job.state == "SCHEDULED":
            with self._book.changed:
                if self._job.state == "SCHEDULED":
                    self._book.move(self._job, "RUNNING")

    def _set_up(self) -> Setting:
        plan, folder, job = self._plan, self._folder, self._job
        for name in ("logs", "work", "mounts"):
            (folder / name).mkdir(exist_ok=True)
        if plan.hosts_file:
            (folder / "hosts").write_text("127.0.0.1\n" * min(plan.nodes, _MOST_HOSTS))
        environment = self._executor.environment()
        texts = [runnable.body.get("text") or None for runnable in plan.runnables]
        return Setting(
            job=job,
            plan=plan,
            folder=folder,
            scripts=write_scripts(folder / "scripts", texts),
            mounted=self._executor.volumes.open(plan, job.uid, folder / "mounts", environment),
            environment=environment,
            alarms=self._executor.alarms,
            barriers=Barriers(plan.task_count, _ended(job)),
        )


def _ended(job: Job) -> dict[int, bool]:
    """The tasks that have ended, and whether they succeeded."""
    return {
        index: task.state == "SUCCEEDED"
        for index, task in job.tasks.items()
        if task.state in TASK_FINAL
    }


def _outcome(fault: Scenario) -> Outcome:
    code = _CODES[fault.kind]
    return Outcome(code, REASONS[code])


def _striker(attempt: Attempt, faults: Sequence[Scenario]) -> Callable[[int], None]:
    """Ends the attempt when its time has come; step -1 is the start of the first process."""

    def strike(step: int) -> None:
        for fault in faults:
            if fault.when == ("running" if step < 0 else f"after:{step}"):
                attempt.stop(_outcome(fault), at_once=True)

    return strike
