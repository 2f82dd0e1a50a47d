# mypy: disable-error-code="no-untyped-call"
"""Tells what kfp.local does, task by task, and mends where it would change a person's text.

kfp.local keeps no task details. Here its own functions are wrapped: PRIVATE FUNCTIONS OF THE PINNED
KFP, which is acceptable inside the emulator, in this one module, and nowhere else. `_wrapped` names
each of them; a test fails where the pinned kfp has changed one.

What is mended, because the service does it right and kfp.local 2.17 does not:

* every task has a folder of its own (iterations of a loop share theirs in kfp.local);
* `{{$.pipeline_task_name}}` and `{{$.pipeline_task_uuid}}` are the task's;
* `python3` and `{{$` in the values of parameters stay what they are.
"""

from __future__ import annotations

import functools
import json
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from kfp import dsl
from kfp.local import placeholder_utils, subprocess_task_handler, task_dispatcher
from kfp.local.orchestrator import enhanced_dag_orchestrator, task_executor
from kfp.local.status import Status

ROOT = ""  # the parent of the tasks of the pipeline itself
_DOLLAR = "{{$"


@dataclass(frozen=True)
class Task:
    """The task whose work a thread does."""

    id: str
    name: str


class Observer:
    """Writes events, a JSON line each.

    Args:
        events: where they go.
        root: the folder below which tasks get theirs.
        job: the resource name of the job.
    """

    def __init__(self, events: TextIO, root: Path, job: str) -> None:
        self.cancelled = False
        self._events = events
        self._root = root
        self._job = job
        self._lock = threading.Lock()
        self._dag: ContextVar[str] = ContextVar("dag", default=ROOT)
        self._task: ContextVar[Task] = ContextVar("task")
        self._loops: dict[tuple[int, str], str] = {}  # by store of values and name of iteration
        self._mask = f"{{{{{secrets.token_hex(8)}"

    def watch(self) -> None:
        """Wrap what kfp.local calls."""
        for module, name, wrapper in self._wrapped():
            setattr(module, name, _around(getattr(module, name), wrapper))

    def _wrapped(self) -> Iterable[tuple[Any, str, Callable[..., Any]]]:
        """The private functions of kfp that are wrapped, and by what."""
        parallel = enhanced_dag_orchestrator.ParallelExecutor
        return [
            (enhanced_dag_orchestrator, "execute_task", self._execute_task),
            (task_executor, "execute_single_task", self._execute_single_task),
            (task_dispatcher, "run_single_task_implementation", self._run_single_task),
            (placeholder_utils, "replace_placeholders", self._replace_placeholders),
            (subprocess_task_handler, "replace_python_executable", _replace_python),
            (parallel, "execute_parallel_tasks", self._execute_parallel_tasks),
        ]

    def tell(self, event: str, **content: Any) -> None:
        """Write an event."""
        line = self._unmasked(json.dumps({"event": event, **content}, default=_plain))
        with self._lock:
            self._events.write(line + "\n")
            self._events.flush()

    def masked(self, value: Any) -> Any:
        """The value with `{{$` as something that kfp.local does not take for a placeholder."""
        if isinstance(value, str):
            return value.replace(_DOLLAR, self._mask)
        if isinstance(value, Mapping):
            return {self.masked(key): self.masked(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.masked(each) for each in value]
        if isinstance(value, dsl.Artifact):
            value.metadata = self.masked(value.metadata)
        return value

    def _unmasked(self, text: str) -> str:
        return text.replace(self._mask, _DOLLAR)

    def _execute_task(self, original: Callable[..., Any], **given: Any) -> Any:
        """A task of a pipeline with loops, conditions or an exit task; it may be a DAG itself."""
        name = given["task_name"]
        parent = self._loops.get((id(given["io_store"]), name), self._dag.get())
        component = given["task_spec"].component_ref.name
        if given["components"][component].WhichOneof("implementation") != "dag":
            token = self._dag.set(parent)
            try:
                return original(**given)
            finally:
                self._dag.reset(token)
        task = self._begin(name, parent, component)
        token = self._dag.set(task.id)
        try:
            return self._end(task, original(**given))
        finally:
            self._dag.reset(token)

    def _execute_parallel_tasks(
        self, original: Callable[..., Any], executor: Any, **given: Any
    ) -> Any:
        """The iterations of a loop, whose tasks get the loop as their parent."""
        names = [name for name, _ in given["tasks"]]
        loop = self._begin(names[0].rpartition("-iteration-")[0], self._dag.get(), "")
        for name in names:
            self._loops[id(given["io_store"]), name] = loop.id
        outputs, status = original(executor, **given)
        self._end(loop, ({}, status))  # the outputs are the iterations'
        return outputs, status

    def _execute_single_task(self, original: Callable[..., Any], **given: Any) -> Any:
        """A task that runs a step, with all its retries."""
        component = given["task_spec"].component_ref.name
        task = self._begin(given["task_name"], self._dag.get(), component)
        if self.cancelled:
            return self._end(task, ({}, Status.FAILURE))
        token = self._task.set(task)
        try:
            return self._end(task, original(**given))
        except Exception as error:  # which ends the run: tell whose fault it was
            self.tell("ended", id=task.id, state="FAILED", outputs={}, error=str(error))
            raise
        finally:
            self._task.reset(token)

    def _run_single_task(self, original: Callable[..., Any], **given: Any) -> Any:
        """One attempt at a task, in the task's own folder."""
        task = self._task.get()
        folder = self._root / f"{task.name}_{task.id}"
        arguments = {name: self._with_job(value) for name, value in given["arguments"].items()}
        self.tell("attempt", id=task.id, inputs=_replaced(arguments, _own(task)))
        given |= {"pipeline_root": str(folder), "pipeline_resource_name": ""}
        given["arguments"] = arguments
        outputs, status = original(**given)
        return self.masked(outputs), status

    def _replace_placeholders(self, original: Callable[..., Any], **given: Any) -> Any:
        task = self._task.get()
        for name in ("full_command", "executor_input_dict"):
            given[name] = _replaced(given[name], _own(task))
        return [self._unmasked(word) for word in original(**given)]

    def _with_job(self, value: Any) -> Any:
        """The final status that an exit task gets, with the job's own name."""
        if isinstance(value, Mapping) and "pipeline_job_resource_name" in value:
            return {**value, "pipeline_job_resource_name": self._job}
        return value

    def _begin(self, name: str, parent: str, component: str) -> Task:
        task = Task(str(10**18 + secrets.randbelow(8 * 10**18)), name)
        self.tell("started", id=task.id, name=name, parent=parent, component=component)
        return task

    def _end(self, task: Task, result: tuple[Any, Status]) -> tuple[Any, Status]:
        outputs, status = result
        state = "SUCCEEDED" if status == Status.SUCCESS else "FAILED"
        if self.cancelled and state == "FAILED":
            state = "CANCELLED"
        folder = self._root / f"{task.name}_{task.id}"
        said = "" if state == "SUCCEEDED" else _error(folder)
        self.tell("ended", id=task.id, state=state, outputs=outputs, error=said)
        return outputs, status


def _around(original: Callable[..., Any], wrapper: Callable[..., Any]) -> Callable[..., Any]:
    """A function, not a partial one, so that it can stand in for a method too."""

    @functools.wraps(original)
    def call(*args: Any, **given: Any) -> Any:
        return wrapper(original, *args, **given)

    return call


def _replace_python(original: Callable[..., Any], full_command: list[str], python: str) -> Any:
    """Only in what starts the step, not in its parameters."""
    end = full_command.index("--executor_input") if "--executor_input" in full_command else None
    if end is None:
        return original(full_command, python)
    return [*original(full_command[:end], python), *full_command[end:]]


def _own(task: Task) -> dict[str, str]:
    """What stands for the task in a spec."""
    return {
        dsl.PIPELINE_TASK_NAME_PLACEHOLDER: task.name,
        dsl.PIPELINE_TASK_ID_PLACEHOLDER: task.id,
    }


def _replaced(value: Any, by: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return functools.reduce(lambda text, pair: text.replace(*pair), by.items(), value)
    if isinstance(value, Mapping):
        return {key: _replaced(each, by) for key, each in value.items()}
    if isinstance(value, list):
        return [_replaced(each, by) for each in value]
    return value


def _error(folder: Path) -> str:
    """What the step left for people, as google_cloud_pipeline_components' steps leave it."""
    for path in folder.glob("*/executor_error.json"):
        try:
            return str(json.loads(path.read_text(encoding="utf-8"))["errorMessage"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""
    return ""


def _plain(value: Any) -> Any:
    """An artifact as JSON."""
    if isinstance(value, dsl.Artifact):
        return {
            "artifact": value.name,
            "uri": value.uri,
            "schemaTitle": value.schema_title,
            "schemaVersion": value.schema_version,
            "metadata": value.metadata,
        }
    return str(value)
