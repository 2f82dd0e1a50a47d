"""One request online, told as a row of a batch job's output would tell it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from components.batch_predict.vertex import Vertex, model_path
from components.credentials import expired

# A quota that is used up comes back within a minute or two.
ATTEMPTS = 6
PAUSE_S = 1.0
PAUSE_MAX_S = 30.0
_PASSING = frozenset({408, 429, 499, 500, 502, 503, 504})


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
        from google.api_core.exceptions import GoogleAPICallError
        from google.auth.exceptions import GoogleAuthError, TransportError
        from requests.exceptions import RequestException

        vertex: Vertex | None = getattr(self._own, "vertex", None)
        if vertex is None:
            vertex = self._own.vertex = self._make()
        path = model if model.startswith("projects/") else f"{vertex.parent}/{model_path(model)}"
        told = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self._pause(min(PAUSE_MAX_S, PAUSE_S * 2.0 ** (attempt - 1)))
            try:
                call = f"{path}:generateContent"
                return "", vertex.call("POST", call, request, timeout_s=self._timeout_s)
            except GoogleAPICallError as error:
                told = _status(int(error.code or 500), str(error.message))
                if error.code not in _PASSING:
                    break
            except (RequestException, TransportError, OSError) as error:
                told = _status(503, f"no answer ({type(error).__name__})")
            except GoogleAuthError as error:
                raise expired() from error
        return told, {}


def _status(code: int, message: str) -> str:
    error = {"error": {"code": code, "message": " ".join(message.split())[:500]}}
    return f"error occurred: {json.dumps(error)}"
