"""The processes of one attempt of a task: started, waited for, and ended together.

Each is the leader of its own session, so that a signal to its group reaches its children too. A
leader that has ended stays unreaped until the attempt is over: its number cannot be given to
another process meanwhile, and a signal to the group can hit nobody else.
"""

from __future__ import annotations

import heapq
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import IO, NamedTuple

from emulator.batch.events import REASONS

log = logging.getLogger(__name__)

MARKER = "INTENT2BATCH_EMULATOR"  # the variable by which processes of tasks are known
_MOST_SWEEPS = 10
GRACE_SECONDS = 1.0  # between the request to end and the end


class Outcome(NamedTuple):
    """How an attempt or a step ended: the exit code, and why in words where it is not its own."""

    code: int
    reason: str = ""


EXPIRED = Outcome(50005, REASONS[50005])


class Alarms:
    """One thread that calls functions at their time."""

    def __init__(self) -> None:
        self._wake = threading.Condition()
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._cancelled: set[int] = set()
        self._numbers = count()
        self._closed = False
        self._thread: threading.Thread | None = None

    def after(self, seconds: float, call: Callable[[], None]) -> Callable[[], None]:
        """Call the function after that time, unless the returned function was called before."""
        with self._wake:
            number = next(self._numbers)
            heapq.heappush(self._heap, (time.monotonic() + seconds, number, call))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="batch-alarms", daemon=True)
                self._thread.start()
            self._wake.notify()
        return lambda: self._cancel(number)

    def close(self) -> None:
        """Call nothing any more."""
        with self._wake:
            self._closed = True
            self._wake.notify()
            thread = self._thread
        if thread:
            thread.join()

    def _cancel(self, number: int) -> None:
        with self._wake:
            if self._heap and self._heap[0][1] == number:
                heapq.heappop(self._heap)
            else:
                self._cancelled.add(number)
                self._sweep()

    def _sweep(self) -> None:
        """Drop what was cancelled, when it is the larger part."""
        if len(self._cancelled) > 64 + len(self._heap) // 2:
            self._heap = [entry for entry in self._heap if entry[1] not in self._cancelled]
            heapq.heapify(self._heap)
            self._cancelled.clear()

    def _run(self) -> None:
        while (call := self._next()) is not None:
            call()

    def _next(self) -> Callable[[], None] | None:
        with self._wake:
            while not self._closed:
                if not self._heap:
                    self._wake.wait()
                    continue
                due, number, call = self._heap[0]
                left = due - time.monotonic()
                if number not in self._cancelled and left > 0:
                    self._wake.wait(left)
                    continue
                heapq.heappop(self._heap)
                if number not in self._cancelled:
                    return call
                self._cancelled.discard(number)
            return None


class Attempt:
    """One run of a task's steps, which can be ended from outside at any moment.

    Args:
        alarms: calls back when a time is over.
    """

    def __init__(self, alarms: Alarms) -> None:
        self.verdict: Outcome | None = None  # why it was ended from outside
        self._alarms = alarms
        self._lock = threading.Lock()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._hooks: list[Callable[[], None]] = []
        self._expired: set[int] = set()  # processes whose own time was over
        self._over = False

    def start(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        streams: tuple[IO[bytes] | int, IO[bytes] | int],
    ) -> subprocess.Popen[bytes] | Outcome:
        """Start a program; an Outcome where it cannot be started, or may not any more."""
        with self._lock:
            if self.verdict:
                return self.verdict
            try:
                process = subprocess.Popen(
                    argv,
                    env=environment,
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=streams[0],
                    stderr=streams[1],
                    start_new_session=True,
                )
            except (FileNotFoundError, NotADirectoryError):
                return Outcome(127)  # what a shell answers
            except OSError as error:
                log.info("%s cannot be started: %s", argv[0], error)
                return Outcome(126)
            self._processes.append(process)
            return process

    def wait(self, process: subprocess.Popen[bytes], seconds: float) -> Outcome:
        """Wait for a program; ends it when its time is over (0 is no limit)."""
        cancel = self.limit(process, seconds)
        code = _ended(process)
        cancel()
        return EXPIRED if process.pid in self._expired else Outcome(code)

    def limit(self, process: subprocess.Popen[bytes], seconds: float) -> Callable[[], None]:
        """End a program when its time is over (0 is no limit); returns what lifts the limit."""

        def expire() -> None:
            with self._lock:
                if self._over or self._finished(process):
                    return
                self._expired.add(process.pid)
                _signal_group(process, signal.SIGTERM)
            self._alarms.after(GRACE_SECONDS, kill)

        def kill() -> None:
            with self._lock:
                if not self._over:
                    _signal_group(process, signal.SIGKILL)

        return self._alarms.after(seconds, expire) if seconds else lambda: None

    def finished(self, process: subprocess.Popen[bytes]) -> Outcome | None:
        """How a program ended, or None while it runs."""
        with self._lock:
            ended = self._finished(process)
            return EXPIRED if ended and process.pid in self._expired else ended

    def on_stop(self, hook: Callable[[], None]) -> None:
        """Call this when the attempt is ended from outside; at once if it was already."""
        with self._lock:
            self._hooks.append(hook)
            late = self.verdict is not None
        if late:
            hook()

    def stop(self, outcome: Outcome, *, at_once: bool = False) -> None:
        """End the attempt: ask the programs to end, and make them a second later.

        Args:
            outcome: how the attempt is said to have ended; the first caller's counts.
            at_once: do not ask, as with a VM that vanishes.
        """
        with self._lock:
            if self._over:
                return
            self.verdict = self.verdict or outcome
            self._signal(signal.SIGKILL if at_once else signal.SIGTERM)
            hooks = list(self._hooks)
        for hook in hooks:
            hook()
        if not at_once:
            self._alarms.after(GRACE_SECONDS, self._kill)

    def close(self, *, gently: bool) -> None:
        """End what still runs, and reap everything; a second call does nothing.

        Args:
            gently: ask first, and wait a second for the answer.
        """
        with self._lock:
            if self._over:
                return
            running = [each for each in self._processes if not self._finished(each)]
            if gently and running:
                self._signal(signal.SIGTERM)
        if gently and running:
            cancel = self._alarms.after(GRACE_SECONDS, self._kill)
            for process in running:
                _ended(process)
            cancel()
        with self._lock:
            self._signal(signal.SIGKILL)
            self._over = True
            for process in self._processes:
                process.wait()

    def _finished(self, process: subprocess.Popen[bytes]) -> Outcome | None:
        found = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        return None if found is None else Outcome(_code(found))

    def _kill(self) -> None:
        with self._lock:
            if not self._over:
                self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        for process in self._processes:
            _signal_group(process, number)


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # ended; or another user's by its own wish
        os.killpg(process.pid, number)


def _ended(process: subprocess.Popen[bytes]) -> int:
    """Wait for the end without reaping; the exit code, 128 + n for signal n."""
    found = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    return _code(found) if found else 0


def _code(found: os.waitid_result) -> int:
    if found.si_code == os.CLD_EXITED:
        return found.si_status
    return 128 + found.si_status


def kill_marked(marker: str) -> None:
    """Kill every process whose environment holds the marker: what left its group, or was left.

    Linux only; elsewhere nothing is found. A process can hide by clearing its environment.
    """
    wanted = marker.encode()
    for _ in range(_MOST_SWEEPS):  # what is killed may have started another meanwhile
        others = (each for each in Path("/proc").glob("[0-9]*") if each.name != str(os.getpid()))
        found = [_kill_if(folder, wanted) for folder in others]
        if not any(found):
            return


def _kill_if(folder: Path, wanted: bytes) -> bool:
    """Kill the process if it carries the mark and was not killed yet."""
    with suppress(OSError):  # ended meanwhile, or not ours to read
        handle = os.pidfd_open(int(folder.name))  # its number cannot go to another meanwhile
        try:
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                return True
        finally:
            os.close(handle)
    return False
