"""One attempt of one task: its steps in order, with what the service promises of each."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import NamedTuple

from emulator.batch import containers
from emulator.batch.jobs import Job
from emulator.batch.logs import StepFiles, drop, write_to_path
from emulator.batch.mounts import MountError
from emulator.batch.plan import Plan, Runnable
from emulator.batch.processes import EXPIRED, MARKER, Alarms, Attempt, Outcome
from emulator.batch.scripts import interpreter, interpreter_of
from emulator.batch.volumes import Mounted

log = logging.getLogger(__name__)

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_DONE = Outcome(0)


class Barriers:
    """Where the tasks of a job wait for each other."""

    def __init__(self, task_count: int, ended: Mapping[int, bool]) -> None:
        """Begin; `ended` holds the tasks that have ended already, and whether they succeeded."""
        self._change = threading.Condition()
        self._task_count = task_count
        self._through = {index for index, good in ended.items() if good}
        self._lost = {index for index, good in ended.items() if not good}
        self._arrived: dict[int, set[int]] = {}

    def pass_through(self, runnable: int, index: int, attempt: Attempt) -> Outcome:
        """Wait until every task has come to this barrier.

        Where a task has failed for good before it, the service's answer is not documented; here
        the waiting tasks fail, as nothing but a time limit could ever end them.
        """
        attempt.on_stop(self._wake)
        with self._change:
            here = self._arrived.setdefault(runnable, set(self._through))
            here.add(index)
            self._change.notify_all()
            while len(here) < self._task_count and not attempt.verdict:
                if lost := self._lost - here:
                    text = f"task {min(lost)} failed before the barrier that all tasks must reach"
                    return Outcome(50000, text)
                self._change.wait()
        return attempt.verdict or _DONE

    def lose(self, index: int) -> None:
        """A task has failed for good."""
        with self._change:
            self._lost.add(index)
            self._change.notify_all()

    def _wake(self) -> None:
        with self._change:
            self._change.notify_all()


@dataclass(frozen=True)
class Setting:
    """What the attempts of a job share.

    Args:
        job: the job.
        plan: what it asks for.
        folder: the job's own folder.
        scripts: the files of the scripts given as text, by place; None for the other steps.
        mounted: the volumes.
        environment: what every process gets: where the stand-ins are, and the marker by which
            processes are found that left their group.
        alarms: for time limits.
        barriers: shared by the tasks.
    """

    job: Job
    plan: Plan
    folder: Path
    scripts: list[Path | None]
    mounted: Mounted
    environment: Mapping[str, str]
    alarms: Alarms
    barriers: Barriers

    @property
    def logs(self) -> Path | None:
        """The folder of the files that the steps print to; None where nothing is kept."""
        return self.folder / "logs" if self.plan.logs else None


class Started(NamedTuple):
    """A background step that was started."""

    runnable: Runnable
    process: Popen[bytes]
    lift: Callable[[], None]  # its time limit


class TaskAttempt:
    """One attempt of one task.

    Args:
        setting: what the attempts of the job share.
        index: the task's.
        number: how often the task was tried before.
        node: the number of the VM it is said to run on.
        attempt: ends it from outside.
        after_step: called with the place of each step that ended, and with -1 when the first
            process has started: faults are injected there.
    """

    def __init__(
        self,
        setting: Setting,
        index: int,
        number: int,
        node: int,
        attempt: Attempt,
        after_step: Callable[[int], None],
    ) -> None:
        self._setting = setting
        self._index = index
        self._number = number
        self._attempt = attempt
        self._after_step = after_step
        self._work = setting.folder / "work" / str(index)
        self._variables = self._environment(node)
        self._background: list[Started] = []

    def run(self) -> Outcome:
        """Run the steps; nothing of the task runs on afterwards."""
        seconds = self._setting.plan.seconds
        cancel = None
        if seconds:
            cancel = self._setting.alarms.after(seconds, lambda: self._attempt.stop(EXPIRED))
        try:
            self._setting.mounted.bring()
            self._prepare_folder()
            outcome = self._steps()
            self._attempt.close(gently=bool(self._background) and not self._attempt.verdict)
            self._keep()
        except MountError as error:
            outcome = Outcome(50000, str(error))
        finally:
            if cancel:
                cancel()
            for started in self._background:
                started.lift()
            self._attempt.close(gently=False)
            self._remove_folder()
        return self._attempt.verdict or outcome

    def _steps(self) -> Outcome:
        outcome = _DONE
        for runnable in self._setting.plan.runnables:
            if self._attempt.verdict:
                break
            if outcome.code and not runnable.always_run:
                continue
            result = self._step(runnable)
            if result.code and not runnable.ignore_exit_status and not outcome.code:
                outcome = result
            self._after_step(runnable.index)
        return outcome if outcome.code else self._background_outcome()

    def _step(self, runnable: Runnable) -> Outcome:
        if runnable.kind == "barrier":
            return self._setting.barriers.pass_through(runnable.index, self._index, self._attempt)
        environment = {**self._variables[0], **runnable.variables, **self._variables[1]}
        if runnable.kind == "container":
            line = self._container(runnable, environment)
            environment = containers.environment(environment)
        else:
            line = self._script(runnable)
        if isinstance(line, Outcome):
            return line
        files = StepFiles(self._setting.logs, self._index, self._number, runnable.index)
        with files as streams:
            process = self._attempt.start(line, environment, self._work, streams)
        if isinstance(process, Outcome):
            return process
        self._after_step(-1)
        if runnable.background:
            lift = self._attempt.limit(process, runnable.seconds)
            self._background.append(Started(runnable, process, lift))
            return _DONE
        return self._attempt.wait(process, runnable.seconds)

    def _script(self, runnable: Runnable) -> list[str] | Outcome:
        script = self._setting.scripts[runnable.index]
        mounted = self._setting.mounted
        if script is not None:
            program = interpreter(runnable.body["text"].encode())
            return list(mounted.wrap([*program, str(script)], self._work))
        path = runnable.body["path"]
        named = interpreter_of(mounted.host_path(path))
        if named is None:
            log.info("%s of task %d cannot be read", path, self._index)
            return Outcome(127)
        return list(mounted.wrap([*named, path], self._work))

    def _container(self, runnable: Runnable, environment: Mapping[str, str]) -> list[str] | Outcome:
        if not containers.engine_answers():
            return Outcome(50000, containers.NO_ENGINE)
        name = f"{self._setting.job.uid}-{self._index}-{self._number}-{runnable.index}"
        self._attempt.on_stop(lambda: containers.remove(name))
        ours = ("PATH", "HOME", "TMPDIR", "LANG")  # of this machine, unless the job set them
        base = self._base()
        variables = {
            key: value
            for key, value in environment.items()
            if key not in ours or value != base[key]
        }
        return containers.command_line(runnable.body, name, variables, self._setting.mounted.mounts)

    def _background_outcome(self) -> Outcome:
        """A background step that ended before it was ended, and badly, fails the task."""
        for runnable, process, _ in self._background:
            ended = self._attempt.finished(process)
            if ended and ended.code and not runnable.ignore_exit_status:
                return ended
        return _DONE

    def _keep(self) -> None:
        """Publish what the task wrote, and its log."""
        setting = self._setting
        if setting.logs and setting.plan.logs == "PATH":
            # A path that is on no volume is one of the VM's own disk, which goes with the VM.
            if target := setting.mounted.inside(setting.plan.logs_path):
                try:
                    write_to_path(setting.job, setting.logs, target, self._index, self._number)
                except OSError as error:
                    log.warning("the log of task %d is lost: %s", self._index, error)
            drop(setting.logs, self._index, self._number, len(setting.plan.runnables))
        elif setting.logs:
            steps = len(setting.plan.runnables)
            drop(setting.logs, self._index, self._number, steps, only_empty=True)
        setting.mounted.take()

    def _environment(self, node: int) -> tuple[dict[str, str], dict[str, str]]:
        """What the task starts with, and what nothing in the job may change."""
        setting, plan, job = self._setting, self._setting.plan, self._setting.job
        own = {
            "BATCH_TASK_INDEX": str(self._index),
            "BATCH_TASK_COUNT": str(plan.task_count),
            "BATCH_TASK_RETRY_ATTEMPT": str(self._number),
            "BATCH_JOB_ID": job.job_id,
            "BATCH_JOB_UID": job.uid,
            "BATCH_NODE_INDEX": str(node),
            "BATCH_NODE_COUNT": str(plan.nodes),
            "BATCH_MAIN_NODE_HOSTNAME": "localhost",
        }
        if MARKER in setting.environment:
            own[MARKER] = setting.environment[MARKER]
        if plan.hosts_file:
            own["BATCH_HOSTS_FILE"] = str(setting.folder / "hosts")
        return {**self._base(), **setting.environment, **plan.variables_of(self._index)}, own

    def _base(self) -> dict[str, str]:
        work = str(self._work)
        return {"PATH": PATH, "HOME": work, "TMPDIR": work, "LANG": "C.UTF-8"}

    def _prepare_folder(self) -> None:
        with suppress(FileExistsError):
            self._work.mkdir()
            return
        self._remove_folder()
        self._work.mkdir()

    def _remove_folder(self) -> None:
        """The task's own folder goes, as the disk of its VM would."""
        try:
            self._work.rmdir()
        except OSError:  # the task left something in it
            shutil.rmtree(self._work, ignore_errors=True)
