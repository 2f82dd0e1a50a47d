"""What a person sees of a run on this machine: a line a step, and what the steps say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TextIO

from components.tables.text import visible

# kfp.local indents what a step writes, and the executor in the step prefixes what it logs.
INDENT = "    "
EXECUTOR_LINE = re.compile(r"\[KFP Executor [^\]]*?(INFO|WARNING|ERROR|CRITICAL)\]: (.*)")
INPUT_FOLLOWS = "Got executor_input:"
TRACEBACK = "Traceback (most recent call last):"


class Display:
    """Turns the driver's output into lines for people; keeps all of it in the run's log.

    Args:
        token: what the driver's own lines begin with.
        say: shows one line.
        log: where everything goes.
        clock: seconds, monotonic.
        sentence_of: what a failed step left for people, or empty; it is told when the run ends,
            so not among what the step says.
        cancelled: whether the run was cancelled; a step's next attempt is then no news.
    """

    def __init__(
        self,
        token: str,
        *,
        say: Callable[[str], None],
        log: TextIO,
        clock: Callable[[], float],
        sentence_of: Callable[[str], str],
        cancelled: Callable[[], bool],
    ) -> None:
        self.token = token
        self.say = say
        self.log = log
        self.clock = clock
        self.sentence_of = sentence_of
        self.cancelled = cancelled
        self.titles: Mapping[str, str] = {}
        self.failed: list[str] = []
        self.pipeline_folder = ""
        self.step_seconds: dict[str, float] = {}
        self._started: dict[str, float] = {}
        self._current = ""
        self._said: dict[str, list[str]] = {}
        self._input: list[str] | None = None
        self._in_traceback = False

    def feed(self, line: str) -> str:
        """Take one line of the driver's output; returns the event's name if it told one."""
        if line.startswith(self.token):
            event = json.loads(line[len(self.token) :])
            self._take_event(event)
            return str(event["event"])
        self.log.write(line)
        # Between the steps kfp.local prints what they put out, indented too.
        if self._current and line.startswith(INDENT):
            self._take_step_line(line[len(INDENT) :].rstrip("\n"))
        return ""

    def _take_event(self, event: Mapping[str, Any]) -> None:
        step = str(event.get("step", ""))
        if event["event"] == "started":
            self._start(step)
        elif event["event"] == "ended":
            self._end(step, succeeded=bool(event["succeeded"]))

    def _start(self, step: str) -> None:
        if step in self.failed and not self.cancelled():
            self.say(f"{self.title(step)}: the step is tried again, its job is not")
        self._started[step] = self.clock()
        self._current = step
        self._input, self._in_traceback = None, False

    def _end(self, step: str, *, succeeded: bool) -> None:
        seconds = self.clock() - self._started[step]
        self.step_seconds[step] = self.step_seconds.get(step, 0.0) + seconds
        self._current = ""
        again = step in self.failed
        # A step may be tried again: its last attempt counts.
        self.failed = [name for name in self.failed if name != step]
        if not succeeded:
            self.failed.append(step)
        if not (again and self.cancelled()):
            self.say(f"{self.title(step):<44}{seconds:6.1f} s{'' if succeeded else '   failed'}")

    def title(self, step: str) -> str:
        """The name that the pipeline gives a step."""
        return self.titles.get(step, step)

    def _take_step_line(self, line: str) -> None:
        if self._input is not None:
            self._input.append(line)
            if line == "}":
                self._take_input("\n".join(self._input))
                self._input = None
            return
        if logged := EXECUTOR_LINE.fullmatch(line):
            level, line = logged[1], logged[2]
            if line == INPUT_FOLLOWS:
                self._input = []
            if level == "INFO":
                return
        if line == TRACEBACK:
            self._in_traceback = True
        if line.strip() and not self._in_traceback:
            self._show(line)

    def _take_input(self, text: str) -> None:
        try:
            values = json.loads(text)["inputs"]["parameterValues"]
            folder = values.get("pipeline_folder", "")
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return  # not the executor's own: a step has printed something that looks like it
        self.pipeline_folder = self.pipeline_folder or str(folder)

    def _show(self, line: str) -> None:
        # What an attempt says again is not shown again.
        said = self._said.setdefault(self._current, [])
        if line in said or line in self.sentence_of(self._current).splitlines():
            return
        if not said:
            self.say(f"{self.title(self._current)} …")
        said.append(line)
        self.say(f"{INDENT}{visible(line)}")


def titles(spec: Mapping[str, Any]) -> dict[str, str]:
    """kfp.local's name of each step (its component's) -> the name that the console shows."""
    found: dict[str, str] = {}
    for task in _tasks(spec):
        component = task["componentRef"]["name"].removeprefix("comp-")
        found[component] = task.get("taskInfo", {}).get("name", component)
    return found


def exit_steps(spec: Mapping[str, Any]) -> list[str]:
    """kfp.local's names of the steps that run after all others."""
    return [
        task["componentRef"]["name"].removeprefix("comp-")
        for task in spec["root"]["dag"]["tasks"].values()
        if any(
            "taskFinalStatus" in given
            for given in task.get("inputs", {}).get("parameters", {}).values()
        )
        or task.get("triggerPolicy", {}).get("strategy") == "ALL_UPSTREAM_TASKS_COMPLETED"
    ]


def _tasks(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for component in [spec["root"], *spec.get("components", {}).values()]:
        yield from component.get("dag", {}).get("tasks", {}).values()
