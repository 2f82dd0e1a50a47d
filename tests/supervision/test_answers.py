"""What failed calls mean: errors as REST and as gRPC raise them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from google.api_core import exceptions
from google.auth.exceptions import DefaultCredentialsError, RefreshError, TransportError
from google.protobuf.json_format import ParseError
from google.rpc import error_details_pb2

from components.supervision.answers import to_cancel, to_create, to_find
from components.supervision.life import (
    Accepted,
    Exists,
    Failed,
    Missing,
    Observation,
    Refused,
    Seen,
    Unanswered,
)

METADATA_AWAY = RefreshError(TransportError("503"))  # as compute_engine.credentials raises it
METADATA_AWAY.__cause__ = TransportError("503")
JOB = "Resource 'projects/p/locations/r/jobs/j' was not found"


@pytest.mark.parametrize(
    ("error", "find", "create", "cancel"),
    [
        (exceptions.NotFound(JOB), Missing, Refused, Missing),
        (exceptions.NotFound("Project p was not found"), Refused, Refused, Refused),
        (exceptions.Conflict("there"), Failed, Exists, Accepted),
        (exceptions.AlreadyExists("there"), Failed, Exists, Accepted),
        (exceptions.Aborted("race"), Failed, Exists, Accepted),
        (exceptions.TooManyRequests("slow"), Failed, Failed, Failed),
        (exceptions.ResourceExhausted("slow"), Failed, Failed, Failed),
        (exceptions.ServiceUnavailable("away"), Failed, Unanswered, Failed),
        (exceptions.InternalServerError("oops"), Failed, Unanswered, Failed),
        (exceptions.BadGateway("oops"), Failed, Unanswered, Failed),
        (exceptions.GatewayTimeout("late"), Failed, Unanswered, Failed),
        (exceptions.DeadlineExceeded("late"), Failed, Unanswered, Failed),
        (exceptions.Unknown("hm"), Failed, Unanswered, Failed),
        (exceptions.Cancelled("hm"), Failed, Unanswered, Failed),
        (exceptions.RetryError("gave up", None), Failed, Unanswered, Failed),
        (exceptions.BadRequest("bad"), Refused, Refused, Accepted),
        (exceptions.FailedPrecondition("ended"), Refused, Refused, Accepted),
        (exceptions.Forbidden("no"), Refused, Refused, Refused),
        (exceptions.Unauthorized("no"), Refused, Refused, Refused),
        (exceptions.MethodNotImplemented("no"), Refused, Refused, Refused),
        (requests.exceptions.ConnectionError("dropped"), Failed, Unanswered, Failed),
        (requests.exceptions.ReadTimeout("late"), Failed, Unanswered, Failed),
        (requests.exceptions.ChunkedEncodingError("cut"), Failed, Unanswered, Failed),
        (ConnectionResetError("dropped"), Failed, Unanswered, Failed),
        (ParseError("a proxy's page"), Failed, Unanswered, Failed),
        (TransportError("no token"), Failed, Failed, Failed),
        (METADATA_AWAY, Failed, Failed, Failed),
        (RefreshError("internal_failure", retryable=True), Failed, Failed, Failed),
        (RefreshError("invalid_grant"), Refused, Refused, Refused),
        (DefaultCredentialsError("none"), Refused, Refused, Refused),
    ],
)
def test_meaning(error: Exception, find: type, create: type, cancel: type) -> None:
    def call() -> Observation:
        raise error

    assert [type(to(call)) for to in (to_find, to_create, to_cancel)] == [find, create, cancel]


def test_a_call_that_works_is_passed_on() -> None:
    seen = Seen("n", "running")
    assert to_find(lambda: seen) is seen


def test_a_defect_is_not_hidden() -> None:
    def call() -> Observation:
        raise KeyError("ours")

    with pytest.raises(KeyError):
        to_find(call)


def raised(error: Exception) -> Any:
    def call() -> Observation:
        raise error

    return to_find(call)


def test_retry_after_in_a_header() -> None:
    response = requests.Response()
    response.status_code = 429
    response.headers["Retry-After"] = "17"
    assert raised(exceptions.TooManyRequests("slow", response=response)).retry_after == 17.0
    response.headers["Retry-After"] = "Fri, 21 Nov 2026 10:00:00 GMT"
    assert raised(exceptions.TooManyRequests("slow", response=response)).retry_after == 0.0


def test_retry_after_in_the_details() -> None:
    info = error_details_pb2.RetryInfo()
    info.retry_delay.seconds, info.retry_delay.nanos = 3, 500_000_000
    assert raised(exceptions.ResourceExhausted("slow", details=[info])).retry_after == 3.5


def test_the_reason_is_for_a_person() -> None:
    error = exceptions.Forbidden("GET https://batch.googleapis.com/v1/x?y=1: Permission\n denied.")
    assert raised(error).reason == "403 Permission denied"
    assert len(raised(exceptions.Forbidden("x" * 9999)).reason) < 600


@pytest.mark.parametrize(
    ("delay", "seconds"), [("3.5s", 3.5), ("17s", 17.0), ("soon", 0.0), (None, 0.0), ("-3s", 0.0)]
)
def test_retry_after_in_the_details_of_rest(delay: Any, seconds: float) -> None:
    """There the details stay the JSON that they came as."""
    kind = "type.googleapis.com/google.rpc.RetryInfo"
    response = requests.Response()
    response.status_code, response.request = 429, requests.Request("GET", "http://h").prepare()
    details = [{"@type": kind, "retryDelay": delay}, {"@type": "other"}, "odd"]
    body = {"error": {"code": 429, "message": "slow", "details": details[:2]}}
    response._content = json.dumps(body).encode()
    assert raised(exceptions.from_http_response(response)).retry_after == seconds
    assert raised(exceptions.TooManyRequests("slow", details=details)).retry_after == seconds


def test_credentials_that_are_refused_are_named() -> None:
    error = RefreshError("invalid_grant: Bad Request", {"error": "invalid_grant"})
    assert raised(error).reason == "no token for Google Cloud: invalid_grant: Bad Request"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "HTTPConnectionPool(host='127.0.0.1', port=1): Max retries exceeded with url: /v1/x "
            "(Caused by NewConnectionError('<urllib3.connection.HTTPConnection object at "
            "0x7f16>: Failed to establish a new connection: [Errno 111] Connection refused'))",
            "no connection: Connection refused",
        ),
        (
            "('Connection aborted.', RemoteDisconnected('Remote end closed connection without "
            "response'))",
            "no connection: Remote end closed connection without response",
        ),
        (
            "HTTPConnectionPool(host='127.0.0.1', port=1): Read timed out. (read timeout=30.0)",
            "no connection: Read timed out",
        ),
    ],
)
def test_a_dropped_connection_is_told_plainly(text: str, told: str) -> None:
    assert raised(requests.exceptions.ConnectionError(text)).reason == told
