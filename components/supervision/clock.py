"""The time, a wait that a signal ends, and whether someone asked to stop."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Protocol


class Clock(Protocol):
    """What the driver needs to know of the world besides the service."""

    def now(self) -> float:
        """Unix seconds."""

    def sleep(self, seconds: float) -> None:
        """Wait; less long if someone asks to stop."""

    def stop_asked(self) -> str:
        """Why to stop, or an empty text."""


class SystemClock:
    """The machine's clock. `stop` ends a wait at once, also from a signal handler."""

    def __init__(self) -> None:
        self._why = ""
        # Only writing to a pipe is safe in a signal handler: the lock of a threading.Event may be
        # held by the very thread that the handler interrupts.
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)

    def now(self) -> float:
        """Unix seconds."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait; not at all once someone has asked to stop and was not yet heard."""
        ready, _, _ = select.select([self._wake_read], [], [], max(0.0, seconds))
        if ready:
            os.read(self._wake_read, 4096)

    def stop(self, why: str) -> None:
        """Ask the one who waits to stop; the first reason stays."""
        self._why = self._why or why
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_write, b"!")

    def stop_asked(self) -> str:
        """Why to stop, or an empty text."""
        return self._why

    def close(self) -> None:
        """Give the pipe back."""
        os.close(self._wake_read)
        os.close(self._wake_write)


_TOLD = {signal.SIGTERM: "the run was cancelled", signal.SIGINT: "interrupted (Ctrl-C)"}


@contextlib.contextmanager
def stopping_clock(clock: SystemClock | None = None) -> Iterator[SystemClock]:
    """A clock that SIGTERM and Ctrl-C ask to stop; a second Ctrl-C raises KeyboardInterrupt.

    Outside of the main thread, where no handlers can be set, signals are left as they are.
    """
    clock = clock or SystemClock()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT and clock.stop_asked():
            raise KeyboardInterrupt
        clock.stop(_TOLD[signal.Signals(number)])

    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, on_signal) for number in _TOLD}
    try:
        yield clock
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        clock.close()
