"""Plays the platform that runs pipelines: starts steps, and again those whose machine is lost.

What happens to a run is drawn beforehand and bound to calls, which the emulator counts, not to
times: so that a seed gives the same run again. A step that is struck at a call dies, or hears of
the cancellation, while the service is at work on that call.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulator.faults import Fault
from emulator.launch import Emulator

ROOT = Path(__file__).parents[2]
BUCKET = "gs://local-project-bucket"
# pipelines/*.py give these a retry.
RETRIES = {"submit-batch-job": 1, "batch-predict": 1}
COLLECTING = ("aggregate-results", "collect-the-answers")
PATIENCE_S = 60.0  # that a step may take; it is killed then, and that is a violation

FAULTS = {
    "429": {"status": 429},
    "503": {"status": 503},
    "deadline": {"status": 504},
    "dropped connection": {"kind": "drop"},
    "lost reply": {"kind": "lose_reply"},
}


class PromiseBrokenError(AssertionError):
    """A promise was broken."""


@dataclass(frozen=True)
class Strike:
    """What is done to the step that makes a call.

    Attributes:
        method: which calls of a run count; `*`: all; `again`: all since a step was last killed.
        nth: the call of that number.
        kill: by SIGKILL; else by SIGTERM: the run is cancelled.
    """

    method: str
    nth: int
    kill: bool


@dataclass
class Told:
    """What goes wrong in a run.

    Attributes:
        faults: of calls.
        strikes: at steps.
    """

    faults: list[Fault] = field(default_factory=list)
    strikes: list[Strike] = field(default_factory=list)


def kind_of(fault: Fault) -> str:
    """The name that the figures give to a fault."""
    return {"drop": "dropped connection", "lose_reply": "lost reply"}.get(
        fault.kind, "deadline" if fault.status == 504 else str(fault.status)
    )


def drawn_trouble(
    rng: random.Random, calls: Sequence[str], *, upto: int, cancel_at: Sequence[str]
) -> Told:
    """Draw faults of calls, kills and perhaps a cancellation.

    Args:
        rng: draws.
        calls: methods that are hit apart from calls of any method.
        upto: about how many calls a run makes.
        cancel_at: methods at whose calls runs are cancelled.
    """
    told = Told()
    for _ in range(rng.choice((0, 1, 1, 2, 2, 3))):
        method = rng.choice(("*", *calls))
        nth = rng.randint(1, upto) if method == "*" else rng.randint(1, 3)
        what = rng.choice(sorted(FAULTS))
        told.faults.append(Fault(method, nth, rng.choice((1, 1, 2)), **FAULTS[what]))  # type: ignore[arg-type]
    for _ in range(rng.choice((0, 0, 1, 1, 2))):
        method = rng.choice(("*", "*", *calls))
        nth = rng.randint(1, upto) if method == "*" else rng.randint(1, 3)
        told.strikes.append(Strike(method, nth, kill=True))
    if rng.random() < 0.1:  # while a step takes up what another machine began
        told.strikes.append(Strike(rng.choice(calls[:2]), 1, kill=True))
        told.strikes.append(Strike("again", rng.randint(1, 6), kill=False))
    elif rng.random() < 0.25:
        method = rng.choice(("*", *cancel_at))
        nth = rng.randint(1, upto // 2) if method == "*" else rng.randint(1, 3)
        told.strikes.append(Strike(method, nth, kill=False))
    return told


@dataclass
class Happened:
    """What really happened, in one run or many.

    Attributes:
        counts: faults that hit, by kind, and what else is counted.
        violations: broken promises, in words.
    """

    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)


def run_folder(pipeline: str, seed: int) -> str:
    """The run's own folder."""
    return f"{BUCKET}/chaos/{pipeline}-{seed}/{seed}"


class StepFailedError(Exception):
    """A step ended by its own word, and so do the steps that need it."""


class Platform:
    """Runs the steps of one run after the other; a context manager.

    Args:
        emulator: answers the steps' calls; shares the process.
        state: the emulator's folder.
        folder: for the steps' outputs.
        environment: of the steps, besides this process's own and the emulator's.
    """

    def __init__(
        self,
        emulator: Emulator,
        state: Path,
        folder: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.emulator = emulator
        self.state = state
        self.happened = Happened()
        self.cancelled = False
        self._folder = folder
        self._lock = threading.Condition()
        self._strikes: list[Strike] = []
        self._calls: Counter[str] = Counter()
        self._step = ""
        self._process: int | None = 0  # None: it is being started
        self._seed = ""
        more = {"PYTHONPATH": str(ROOT), "DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA": "true"}
        self._steps = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("steps.py"))],
            env={**os.environ, **emulator.environment, **more, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        emulator.faults.on_call = self._at_call

    def __enter__(self) -> Platform:
        return self

    def __exit__(self, *_: object) -> None:
        self.emulator.faults.on_call = lambda _: None
        assert self._steps.stdin
        assert self._steps.stdout
        self._steps.stdin.close()
        self._steps.wait()
        self._steps.stdout.close()

    @contextmanager
    def run(self, name: str, told: Told) -> Iterator[None]:
        """While it lasts, what was drawn goes wrong; what of it hit is counted afterwards."""
        self._seed, self.cancelled = name, False
        with self._lock:
            self._strikes, self._calls = list(told.strikes), Counter()
        self.emulator.faults.clear()
        for fault in told.faults:
            self.emulator.faults.add(fault)
        try:
            yield
        finally:
            for fault, times in self.emulator.faults.hits().items():
                self.happened.counts[kind_of(fault)] += times
            self.emulator.faults.clear()
            with self._lock:
                self._strikes = []

    def play(
        self,
        pipeline: str,
        seed: int,
        told: Told,
        steps: Callable[[Mapping[str, Any]], None],
        collecting: str,
    ) -> str:
        """One run of a pipeline to its report, with what was drawn; how its steps ended.

        Args:
            pipeline: its name.
            seed: names the run.
            told: what goes wrong.
            steps: runs the steps, which it gives what tells all of them the run's folder.
            collecting: the step that comes last, in any case.

        Raises:
            PromiseBrokenError: there was no report.
        """
        place = {"results_uri": "", "pipeline_folder": run_folder(pipeline, seed)}
        try:
            with self.run(f"{pipeline}-{seed}", told):
                status = self.pipeline(lambda: steps(place))
                self.step(collecting, {**place, "status": status})
        except StepFailedError as failed:
            raise PromiseBrokenError(f"no report: {failed}") from failed
        return str(status["state"])

    def pipeline(self, steps: Callable[[], None]) -> dict[str, Any]:
        """Run the steps up to the first that fails, or to the cancellation.

        Returns:
            How they ended, as the collecting step is told it (PipelineTaskFinalStatus).
        """
        state, message = "SUCCEEDED", ""
        try:
            steps()
        except StepFailedError as failed:
            state, message = "FAILED", str(failed)
        if self.cancelled:
            state, message = "CANCELLED", "The run was cancelled."
        self.happened.counts[f"runs {state.lower()}"] += 1
        return {"state": state, "error": {"code": 9, "message": message},
                "pipelineJobResourceName": "projects/1/locations/l/pipelineJobs/j",
                "pipelineTaskName": "exit-handler-1"}  # fmt: skip

    def step(
        self, name: str, parameters: Mapping[str, Any], artifacts: Mapping[str, str] | None = None
    ) -> Any:
        """Run a step to its end; gives its output parameter.

        Raises:
            StepFailedError: it failed, or the run was cancelled.
            PromiseBrokenError: it showed a defect, or did not end.
        """
        folder = self.outputs(name)
        told = {"step": name, "folder": str(folder), "parameters": dict(parameters),
                "artifacts": dict(artifacts or {})}  # fmt: skip
        left = RETRIES.get(name, 0)
        while True:
            code = self._attempt(name, told)
            if self.cancelled and name not in COLLECTING:
                raise StepFailedError(f"{name} was cancelled")
            if code == -signal.SIGKILL:  # another machine takes it up
                self.happened.counts["restarts after a kill"] += 1
                continue
            self._check_printed(name, code, folder)
            if code == 0:
                written = json.loads((folder / "executor_output.json").read_text())
                return written.get("parameterValues", {}).get("Output")
            if not left:
                raise StepFailedError(f"{name} failed")
            left -= 1
            self.happened.counts["retries of a failed step"] += 1

    def outputs(self, name: str) -> Path:
        """Where a step of this run leaves what the platform reads."""
        return self._folder / self._seed / name

    def post(self, url: str, body: Mapping[str, Any] | None = None) -> None:
        """Tell the emulator something (DELETE without a body)."""
        data = None if body is None else json.dumps(body).encode()
        method = "DELETE" if data is None else "POST"
        urllib.request.urlopen(urllib.request.Request(url, data, method=method)).close()

    def _attempt(self, name: str, told: Mapping[str, Any]) -> int:
        """One attempt; its exit code, negative the signal that ended it."""
        assert self._steps.stdin
        assert self._steps.stdout
        with self._lock:
            self._process = None
        self._steps.stdin.write(json.dumps(told) + "\n")
        self._steps.stdin.flush()
        process = int(self._steps.stdout.readline())
        with self._lock:
            self._step, self._process = name, process
            self._lock.notify_all()
        late = threading.Event()

        def give_up() -> None:
            late.set()
            os.kill(process, signal.SIGKILL)

        timer = threading.Timer(PATIENCE_S, give_up)
        timer.start()
        try:
            code = os.waitstatus_to_exitcode(int(self._steps.stdout.readline()))
        finally:
            timer.cancel()
            with self._lock:
                self._process = 0
        if late.is_set():
            raise PromiseBrokenError(f"{name} did not end within {PATIENCE_S:.0f} s")
        return code

    def _at_call(self, method: str) -> None:
        """Strike the step that makes the call, if that was drawn."""
        with self._lock:
            self._lock.wait_for(lambda: self._process is not None)
            self._calls[method] += 1
            self._calls["*"] += 1
            self._calls["again"] += "killed" in self._calls
            struck = [s for s in self._strikes if self._calls[s.method] == s.nth
                      and s.method in (method, "*", "again")]  # fmt: skip
            for strike in struck:
                self._strikes.remove(strike)
                self._strike(strike)

    def _strike(self, strike: Strike) -> None:
        if not self._process or (self.cancelled and self._step not in COLLECTING):
            return  # a machine that is lost while it cancels leaves nobody to cancel
        if strike.kill:
            self.happened.counts["killed steps"] += 1
            self._calls["killed"], self._calls["again"] = 1, 0
            os.kill(self._process, signal.SIGKILL)
            self._process = 0  # nothing more can be done to it
        elif self._step not in COLLECTING:
            self.happened.counts["cancelled runs"] += 1
            self.cancelled = True
            os.kill(self._process, signal.SIGTERM)

    def _check_printed(self, name: str, code: int, folder: Path) -> None:
        printed = (folder / "printed.log").read_text(encoding="utf-8")
        if code not in (0, 1) or "Traceback (most recent call last)" in printed:
            raise PromiseBrokenError(
                f"{name} showed a defect (exit code {code}):\n{printed[-3000:]}"
            )
        if code and not (folder / "executor_error.json").exists():
            raise PromiseBrokenError(f"{name} failed without a sentence:\n{printed[-1000:]}")
