"""One request online, told as a row of a batch job's output would tell it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from components.gemini.vertex import NoAnswerError, Vertex, patiently


class OnlineModel:
    """Asks one request at a time, from any thread.

    Args:
        make: makes a connection; each thread gets its own.
        pause: waits so many seconds.
        timeout_s: how long one answer may take.
    """

    def __init__(
        self, make: Callable[[], Vertex], pause: Callable[[float], None], timeout_s: float = 300.0
    ) -> None:
        self._make = make
        self._pause = pause
        self._timeout_s = timeout_s
        self._own = threading.local()

    def __call__(self, model: str, request: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """The `status` and the `response` of an output row.

        Raises:
            ServiceError: there are no usable credentials.
        """
        vertex: Vertex | None = getattr(self._own, "vertex", None)
        if vertex is None:
            vertex = self._own.vertex = self._make()
        call = f"{vertex.of_model(model)}:generateContent"
        ask = partial(vertex.call, "POST", call, request, timeout_s=self._timeout_s)
        try:
            return "", patiently(ask, self._pause)
        except NoAnswerError as error:
            return _status(error.code, error.message), {}


def _status(code: int, message: str) -> str:
    error = {"error": {"code": code, "message": " ".join(message.split())[:500]}}
    return f"error occurred: {json.dumps(error)}"
