"""The clock that signals ask to stop. Nothing here waits: each signal comes before the wait."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from components.supervision.clock import SystemClock, stopping_clock

LONG = 3600.0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_wait_and_is_told(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stopping_clock() as clock:
        assert clock.stop_asked() == ""
        os.kill(os.getpid(), number)
        clock.sleep(LONG)
        assert clock.stop_asked()
    assert signal.getsignal(number) is before


def test_a_signal_during_the_wait_ends_it() -> None:
    with stopping_clock() as clock:
        # Sent by another thread as soon as this one gives way, which is in its sleep at the latest.
        other = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGTERM))
        other.start()
        clock.sleep(LONG)
        other.join()
        assert "cancelled" in clock.stop_asked()


def test_a_second_ctrl_c_leaves_at_once() -> None:
    with stopping_clock() as clock:
        os.kill(os.getpid(), signal.SIGINT)
        clock.sleep(LONG)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_second_sigterm_is_the_same_wish() -> None:
    with stopping_clock() as clock:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)
        assert "cancelled" in clock.stop_asked()


def test_outside_of_the_main_thread_signals_are_left_alone() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def use() -> None:
        with stopping_clock() as clock:
            seen.append(signal.getsignal(signal.SIGTERM))
            clock.stop("enough")
            clock.sleep(LONG)
            seen.append(clock.stop_asked())

    other = threading.Thread(target=use)
    other.start()
    other.join()
    assert seen == [before, "enough"]


def test_a_wait_without_a_wish_takes_its_time_only() -> None:
    clock = SystemClock()
    clock.sleep(0.0)
    clock.sleep(-1.0)
    assert clock.stop_asked() == ""
    clock.close()
