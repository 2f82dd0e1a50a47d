"""The driver's process: started in a session of its own, cancelled, and gone when we leave."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import IO, Any, cast

# How long a cancelled run may take to cancel its job and to leave its report.
CANCEL_SECONDS = 60.0
# Also where the terminal is closed: what would the run be good for, and who would end it?
CANCELLING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# The terminal may speak another encoding; what we read from the driver is UTF-8.
STEPS_SPEAK = {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8"}


class Driver:
    """A running `pipelines.local_driver`, its whole process group included."""

    def __init__(self) -> None:
        self.token = f"@{secrets.token_hex(8)}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.local_driver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            env={**os.environ, **STEPS_SPEAK},
        )
        self._stdin = cast("IO[str]", self._process.stdin)
        self._stdout = cast("IO[str]", self._process.stdout)

    def send(self, **content: Any) -> None:
        """Write one line to it; a driver that is gone shows at the end of its lines."""
        with contextlib.suppress(BrokenPipeError):
            self._stdin.write(json.dumps(content) + "\n")
            self._stdin.flush()
        # It stays open: its end tells the driver that this process is gone.

    def lines(self) -> Iterator[str]:
        """What it writes, until it ends."""
        yield from self._stdout

    def cancel(self) -> None:
        """Ask it to end the step that runs and to begin no other but the report."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End every process of the run at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def end(self) -> int:
        """Wait for its end and remove what is left of its group; returns its exit code."""
        if self._process.returncode is None:
            with contextlib.suppress(BrokenPipeError):
                self._stdin.close()
            # Not reaped before the group is gone, or the group's number could be another's.
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
            self.kill()
        return self._process.wait()

    def __enter__(self) -> Driver:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is not None:
            self.kill()
        self.end()
        self._stdout.close()


@dataclass
class Cancellation:
    """The signal that cancelled a run (0 if none did), and whether it had to be killed."""

    signal: int = 0
    killed: bool = False


@contextlib.contextmanager
def cancellable(driver: Driver, say: Callable[[str], None]) -> Iterator[Cancellation]:
    """While it lasts, Ctrl-C, SIGTERM and SIGHUP cancel the run.

    A second one kills it, and so does a minute.
    """
    cancellation = Cancellation()
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)

    def next_signal(timeout: float | None = None) -> int:
        ready, _, _ = select.select([ours], [], [], timeout)
        return os.read(ours, 1)[0] if ready else signal.SIGKILL

    def watch() -> None:
        cancellation.signal = next_signal()
        if not cancellation.signal:
            return
        say("Cancelling the run and its job; once more to kill it …")
        driver.cancel()
        if next_signal(CANCEL_SECONDS):
            cancellation.killed = True
            driver.kill()

    # The pipe hears of a signal whichever thread receives it; a handler would wait until the main
    # thread, which reads what the driver writes, runs Python again.
    pipe_before = signal.set_wakeup_fd(theirs, warn_on_full_buffer=False)
    before = {number: signal.signal(number, _nothing) for number in CANCELLING}
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield cancellation
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(pipe_before)
        os.write(theirs, b"\0")
        watcher.join()
        os.close(ours)
        os.close(theirs)


def _nothing(number: int, frame: FrameType | None) -> None:
    """The pipe tells."""
