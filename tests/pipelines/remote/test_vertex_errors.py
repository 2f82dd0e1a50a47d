"""What the client raises over REST, whatever it is, becomes one message of ours."""

from __future__ import annotations

import concurrent.futures

import pytest
from google.api_core import exceptions
from google.auth.exceptions import RefreshError, TransportError
from google.protobuf.json_format import ParseError
from requests.exceptions import ConnectionError as NoConnection

from components.errors import InputError, Intent2BatchError, ServiceError
from pipelines.remote.vertex_errors import told
from pipelines.service_errors import NotThereError, TakenError, UnclearError


def raised(error: Exception) -> Intent2BatchError:
    with pytest.raises(Intent2BatchError) as found, told("start the run", project="p", region="r"):
        raise error
    assert "\n" not in str(found.value)
    return found.value


def no_token() -> RefreshError:
    """As google-auth's compute_engine credentials tell of a metadata server that is away."""
    error = RefreshError(TransportError("503"))
    error.__cause__ = TransportError("503")
    return error


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (401, ServiceError, "application-default login"),
        (403, ServiceError, "You may not start the run"),
        (404, NotThereError, "it is not there"),
        (409, TakenError, "one with this id"),
        (412, InputError, "refuses to start the run"),
        (408, UnclearError, "answered 408"),
        (429, UnclearError, "answered 429: so it says"),
        (499, UnclearError, "answered 499"),
        (500, UnclearError, "answered 500"),
        (520, UnclearError, "answered 520"),
        (501, ServiceError, "answered 501"),
        (407, ServiceError, "answered 407"),
        (302, ServiceError, "answered 302"),
        (RefreshError("invalid_grant"), ServiceError, "application-default login"),
        (no_token(), UnclearError, "no token"),
        (RefreshError("later", retryable=True), UnclearError, "no token"),
        (NoConnection("dropped"), UnclearError, "does not answer"),
        (ParseError("a proxy's page"), UnclearError, "does not answer as"),
        (concurrent.futures.TimeoutError("late"), UnclearError, "too late"),
    ],
)
def test_whatever_is_raised_is_told(error: int | Exception, kind: type, says: str):
    if isinstance(error, int):
        error = exceptions.from_http_status(error, "so it says")
    found = raised(error)
    assert type(found) is kind
    assert says in str(found)
