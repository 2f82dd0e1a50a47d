"""What a stand-in is made of: requests, answers, errors, routes, the service that holds them.

What a stand-in does not emulate answers 400. Not 501: `gcloud` repeats every 5xx for half a
minute (apitools, `http_wrapper.py`), the Python clients repeat 500, 502, 503 and 504.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from emulator.faults import Faults
from emulator.streams import Body

_MAX_JSON_BYTES = 64 * 1024 * 1024
_STATUS_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class ApiError(Exception):
    """An answer with an error, in the form of the Google services.

    Args:
        status_code: the HTTP status.
        status: the name of the gRPC code, as in `NOT_FOUND`; "" takes the usual one.
        message: what is wrong, for a person.
        reason: the `reason` that the older JSON interfaces give, as in `conditionNotMet`.
    """

    def __init__(self, status_code: int, status: str, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.status_code = status_code
        self.status = status or _STATUS_NAMES.get(status_code, "UNKNOWN")
        self.message = message
        self.reason = reason

    def body(self) -> dict[str, Any]:
        """The JSON object that the client receives."""
        error: dict[str, Any] = {
            "code": self.status_code,
            "message": self.message,
            "status": self.status,
        }
        if self.reason:
            error["errors"] = [{"domain": "global", "reason": self.reason, "message": self.message}]
        return {"error": error}


class EmulatorEndsError(Exception):
    """The emulator ends while something is being answered, which gets no answer then."""


def not_emulated(what: str) -> ApiError:
    """The refusal of something that the service has and the stand-in has not."""
    return ApiError(400, "UNIMPLEMENTED", f"The local emulator does not emulate {what}.")


class FilePart(NamedTuple):
    """A piece of a file as the body of an answer; the file is closed when it was sent.

    Opened before the answer is given, so that a delete in between cannot take it away.
    """

    file: BinaryIO
    offset: int
    length: int


@dataclass(frozen=True)
class Response:
    """An answer.

    Args:
        status: the HTTP status.
        body: bytes; a dict or list, sent as JSON; a Path or a part of an open file, sent without
            passing through memory; any other iterable of bytes, sent chunked.
        headers: further headers. Content-Type defaults to JSON for JSON and to
            application/octet-stream for the rest.
    """

    status: int = 200
    body: bytes | dict[str, Any] | list[Any] | Path | FilePart | Iterable[bytes] = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """A request.

    Args:
        method: `GET` and so on.
        path: as sent, still percent-encoded, without the query.
        query: the parameters, the last value of each.
        headers: case-insensitive.
        stream: the body; decoded where it was sent chunked or compressed.
        params: the named groups of the route, percent-decoded.
        base_url: the service as the client named it, as in `http://127.0.0.1:4443`.
        pairs: every parameter of the query, in order.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    stream: Body
    params: Mapping[str, str]
    base_url: str
    pairs: Sequence[tuple[str, str]] = ()

    def read(self, limit: int = _MAX_JSON_BYTES) -> bytes:
        """The whole body, in memory.

        Raises:
            ApiError: it is larger than `limit` bytes.
        """
        data = self.stream.read(limit + 1)
        if len(data) > limit:
            raise ApiError(413, "INVALID_ARGUMENT", f"The body is larger than {limit} bytes.")
        return data

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; no body is an empty one.

        Raises:
            ApiError: it is no JSON object.
        """
        text = self.read()
        try:
            value = json.loads(text) if text.strip() else {}
        except (ValueError, RecursionError) as error:
            raise ApiError(400, "INVALID_ARGUMENT", f"The body is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise ApiError(400, "INVALID_ARGUMENT", "The body is not a JSON object.")
        return value


Handler = Callable[[Request], Response]


class Route(NamedTuple):
    """A call of a service.

    Args:
        method: the HTTP method; a HEAD request falls back to the GET route.
        pattern: a regular expression over the whole percent-encoded path; named groups arrive
            decoded in `Request.params`.
        handler: answers the request, or raises ApiError.
        name: what faults and counts call it, as in `batch.CreateJob`.
    """

    method: str
    pattern: str
    handler: Handler
    name: str


@dataclass(frozen=True)
class Service:
    """A service: its name, its calls, its faults, and what to do when it ends.

    Args:
        name: as in `batch`.
        routes: tried in order.
        faults: shared by the services of one emulator.
        close: called once after the port was closed; ends what the service started.
    """

    name: str
    routes: Sequence[Route]
    faults: Faults = field(default_factory=Faults)
    close: Callable[[], None] = lambda: None
