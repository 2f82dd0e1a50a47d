"""The clock of what the emulator does by the calendar: the machine's, or ahead of it.

`POST /_emulator/clock {"advance_seconds": N}` or `{"to": "2026-01-31T03:00:00Z"}` moves it forward,
so that a schedule fires without anybody waiting. It never goes back, and nothing is kept: the next
emulator begins at the machine's time.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from emulator.messages import ApiError, Request, Response, Route


class Clock:
    """Seconds since 1970.

    Args:
        real: the machine's clock.
    """

    def __init__(self, real: Callable[[], float] = time.time) -> None:
        self.listeners: list[Callable[[], None]] = []  # called when it was moved
        self._real = real
        self._ahead = 0.0
        self._lock = threading.Lock()

    def now(self) -> float:
        """Seconds since 1970."""
        return self._real() + self._ahead

    def advance(self, seconds: float) -> None:
        """Move forward, and tell the listeners."""
        with self._lock:
            self._ahead += seconds
        for listener in self.listeners:
            listener()

    def routes(self) -> list[Route]:
        """Reading and moving it over HTTP."""
        path = "/_emulator/clock"
        return [
            Route("GET", path, self._show, "_emulator.getClock"),
            Route("POST", path, self._move, "_emulator.moveClock"),
        ]

    def _show(self, _: Request) -> Response:
        return Response(body={"now": timestamp(self.now())})

    def _move(self, request: Request) -> Response:
        seconds = _seconds(request.json(), self.now())
        if seconds < 0:
            raise ApiError(400, "INVALID_ARGUMENT", "The clock goes forward only.")
        self.advance(seconds)
        return self._show(request)


def _seconds(body: dict[str, Any], now: float) -> float:
    if set(body) == {"to"}:
        return moment(body["to"], "to") - now
    value = body.get("advance_seconds")
    if set(body) != {"advance_seconds"} or isinstance(value, bool):
        raise ApiError(400, "INVALID_ARGUMENT", 'Say {"advance_seconds": N} or {"to": TIME}.')
    if not isinstance(value, int | float) or not math.isfinite(value) or value > 10**9:
        raise ApiError(400, "INVALID_ARGUMENT", "advance_seconds must be a number up to 10^9.")
    return float(value)


def timestamp(seconds: float) -> str:
    """The time as the services write it."""
    made = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")
    return made.replace("+00:00", "Z")


def moment(text: Any, field: str) -> float:
    """RFC 3339 as seconds since 1970.

    Raises:
        ApiError: 400 for what is no such time.
    """
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise ValueError(text)
        return found.timestamp()
    except (TypeError, ValueError, OverflowError) as error:
        said = f"Invalid value at '{field}': {str(text)[:80]!r} is no time in RFC 3339."
        raise ApiError(400, "INVALID_ARGUMENT", said) from error
