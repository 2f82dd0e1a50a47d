"""Runs pipeline jobs, each in a process of its own, and enters what they tell.

At most a few run at once, the others wait. A cancel asks the process to end and makes it a minute
later; the end of the emulator ends all of them. The output of the steps is in `run.log` in the
job's folder.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

from emulator.batch.processes import kill_marked
from emulator.messages import ApiError
from emulator.pipelines import tasks
from emulator.pipelines.book import FINAL, Book, Run
from emulator.pipelines.spec import with_job
from emulator.projects import project_number
from emulator.storage.store import Store

log = logging.getLogger(__name__)

AT_ONCE = 3  # each is a Python of 150 MB with a step of its own
GRACE_S = 60.0  # between the request to end and the end
_MARKER = "INTENT2BATCH_EMULATED_PIPELINE"


class Runner:
    """The processes of the jobs.

    Args:
        folder: where each job has a folder while it runs.
        book: of the jobs.
        store: the buckets.
        environment: what steps get.
    """

    def __init__(
        self,
        folder: Path,
        book: Book,
        store: Store,
        environment: Callable[[], Mapping[str, str]],
    ) -> None:
        self._folder = folder
        self._book = book
        self._store = store
        self._environment = environment
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="emulated-pipeline")
        self._processes: dict[str, subprocess.Popen[bytes]] = {}  # by uuid
        self._closed = False

    def submit(self, run: Run) -> None:
        """Run the job as soon as others leave room for it."""
        self._threads.submit(self._run, run)

    def cancel(self, run: Run) -> None:
        """Begin to cancel a job that has not ended."""
        with self._book.changed:
            if run.state in (*FINAL, "CANCELLING"):
                return
            process = self._processes.get(run.uuid)
            if process is None and run.state == "PENDING":
                self._book.end(run, "CANCELLED")
                return
            self._book.change(run, state="CANCELLING")
            if process is not None:
                process.send_signal(signal.SIGTERM)
                timer = threading.Timer(GRACE_S, self._kill_late, [run])
                timer.daemon = True
                timer.start()

    def close(self) -> None:
        """End everything at once."""
        with self._book.changed:
            self._closed = True
            for process in self._processes.values():
                _kill(process)
        self._threads.shutdown(wait=True, cancel_futures=True)

    def log_of(self, run: Run) -> Path:
        """Where the output of the steps is."""
        return self._folder / run.uuid / "run.log"

    def forget(self, run: Run) -> None:
        """Remove what a deleted job has left."""
        shutil.rmtree(self._folder / run.uuid, ignore_errors=True)

    def _kill_late(self, run: Run) -> None:
        """End what did not end when it was asked to."""
        with self._book.changed:
            if process := self._processes.get(run.uuid):
                _kill(process)

    def _run(self, run: Run) -> None:
        """From the start of the process to its end; errors of ours fail the job, and are told."""
        try:
            self._run_process(run)
        except Exception as error:
            log.exception("the pipeline job %s", run.name)
            self._book.end(run, "FAILED", f"The local emulator failed: {error}", code=13)

    def _run_process(self, run: Run) -> None:
        folder = self._folder / run.uuid
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.log_of(run).open("wb") as output:
            started = self._start(run, folder, output)
            if started is None:
                return
            process, stdin, events = started
            last: dict[str, Any] = {}
            try:
                with events:
                    for line in events:
                        if line.endswith("\n"):  # else it was killed half-way through
                            last = json.loads(line)
                            self._enter(run, last)
            except BaseException:  # of ours: what the process has to tell is not heard any more
                _kill(process)
                raise
            finally:
                self._reap(run, process, stdin)
        with self._book.changed:
            if not self._closed:
                self._settle(run, last)
        shutil.rmtree(folder / "steps", ignore_errors=True)

    def _reap(self, run: Run, process: subprocess.Popen[bytes], stdin: IO[bytes]) -> None:
        """Wait for the end of the process, and end all that it has left."""
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with self._book.changed:  # until it is reaped its number cannot go to another
            _kill(process)
            del self._processes[run.uuid]
        process.wait()
        with suppress(BrokenPipeError):
            stdin.close()
        kill_marked(f"{_MARKER}={run.uuid}")

    def _start(
        self, run: Run, folder: Path, output: IO[bytes]
    ) -> tuple[subprocess.Popen[bytes], IO[bytes], IO[str]] | None:
        """The process, its stdin and its events; None where the job was cancelled before."""
        with self._book.changed:
            if run.state != "PENDING" or self._closed or run.deleted:
                return None
            reading, writing = os.pipe()
            process = subprocess.Popen(
                [sys.executable, "-m", "emulator.pipelines.process", str(writing)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**self._environment(), _MARKER: run.uuid},
                cwd=folder,
                pass_fds=[writing],
                start_new_session=True,
            )
            os.close(writing)
            self._processes[run.uuid] = process
            now = self._book.now()
            root = tasks.root_task(run, now)
            self._book.change(run, state="RUNNING", started=now, tasks={run.uuid: root})
        request = {
            "spec": with_job(run.resource["pipelineSpec"], _placeholders(run)),
            "parameters": run.parameters,
            "folder": str(folder / "steps"),
            "job": run.name,
        }
        stdin = cast(IO[bytes], process.stdin)
        with suppress(BrokenPipeError):  # cancelled already
            stdin.write(json.dumps(request).encode() + b"\n")
            stdin.flush()
        return process, stdin, os.fdopen(reading, encoding="utf-8")

    def _enter(self, run: Run, event: Mapping[str, Any]) -> None:
        """Enter what happened to a task; what it wrote goes to Cloud Storage first."""
        now = self._book.now()
        if event["event"] == "started":
            task = tasks.begun(run, event, now)
        elif event["event"] == "attempt":
            task = tasks.attempted(run.tasks[event["id"]], run, event, self._moved(run))
        elif event["event"] == "ended":
            task = run.tasks[event["id"]]
            self._upload(run, task)
            task = tasks.finished(task, run, event, self._moved(run), now)
        else:
            return
        with self._book.changed:
            self._book.change(run, tasks={**run.tasks, task["taskId"]: task})

    def _settle(self, run: Run, last: Mapping[str, Any]) -> None:
        """The end of the job, by the last event."""
        if run.state == "CANCELLING":
            self._book.end(run, "CANCELLED", "The pipeline was cancelled.", code=1)
            return
        now = self._book.now()
        missing = {each["taskId"]: each for each in tasks.untriggered(run, now)}
        self._book.change(run, tasks={**run.tasks, **missing})
        if last.get("event") != "over":
            text = f"The process of the run ended; its output is in {self.log_of(run)}."
            self._book.end(run, "FAILED", text, code=13)
        elif last["state"] == "FAILED":
            self._book.end(run, "FAILED", _why(run) or str(last["error"]))
        else:
            self._book.end(run, "SUCCEEDED")

    def _moved(self, run: Run) -> dict[str, str]:
        """The folders of the tasks, here and in Cloud Storage."""
        steps = self._folder / run.uuid / "steps"
        return {
            str(
                next((steps / f"{t['taskName']}_{t['taskId']}").glob("*"), steps / "none")
            ): tasks.folder_of(t, run)
            for t in run.tasks.values()
        }

    def _upload(self, run: Run, task: Mapping[str, Any]) -> None:
        """Bring what the task wrote to its folder in Cloud Storage."""
        bucket, _, prefix = tasks.folder_of(task, run).removeprefix("gs://").partition("/")
        local = self._folder / run.uuid / "steps" / f"{task['taskName']}_{task['taskId']}"
        for path in sorted(local.glob("*/**/*")):
            if path.is_file() and not path.is_symlink():
                name = f"{prefix}/{'/'.join(path.relative_to(local).parts[1:])}"
                try:
                    with path.open("rb") as content:
                        self._store.insert(bucket, name, content)
                except ApiError as error:
                    log.warning("%s of %s could not be stored: %s", path.name, run.id, error)


def _placeholders(run: Run) -> dict[str, str]:
    """What stands for the job in a spec (kfp.dsl, constants of that name)."""
    return {
        "{{$.pipeline_job_name}}": run.id,
        "{{$.pipeline_job_resource_name}}": run.name,
        "{{$.pipeline_job_uuid}}": run.uuid,
        "{{$.pipeline_root}}": run.root,
        "{{$.pipeline_job_create_time_utc}}": run.created,
        "{{$.pipeline_job_schedule_time_utc}}": run.scheduled or run.created,
    }


def _why(run: Run) -> str:
    """Which tasks failed, in the words of the service."""
    parents = {task.get("parentTaskId") for task in run.tasks.values() if task["state"] == "FAILED"}
    failed = [
        task
        for key, task in run.tasks.items()
        if task["state"] == "FAILED" and key not in parents and key != run.uuid
    ]
    if not failed:
        return ""
    names = ", ".join(task["taskName"] for task in failed)
    number = project_number(run.project)
    return (
        f"The DAG failed because some tasks failed. The failed tasks are: [{names}].; "
        f"Job (project_id = {run.project}, job_id = {run.uuid}) is failed due to the above error.; "
        f"Failed to handle the job: {{project_number = {number}, job_id = {run.uuid}}}"
    )


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and all of its session that has not left it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
