"""Signals at a moment that is counted in calls."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from emulator.launch import Emulator


@contextmanager
def cancelled_at_the_next_call(emulator: Emulator) -> Iterator[None]:
    """This process gets SIGTERM while the service is at work on its next call."""

    def strike(_: str) -> None:
        emulator.faults.on_call = lambda _: None
        os.kill(os.getpid(), signal.SIGTERM)

    def nobody_hears(_: int, __: FrameType | None) -> None:
        raise AssertionError("nobody listens to signals yet")

    before = signal.signal(signal.SIGTERM, nobody_hears)
    emulator.faults.on_call = strike
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
