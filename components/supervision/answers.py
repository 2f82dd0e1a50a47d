"""What a failed call to a Google API means for a job's life.

REST and gRPC raise different classes for the same answer (REST: the parents, Conflict for
AlreadyExists), so the HTTP code decides, not the class.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from components.credentials import only_away
from components.supervision.life import (
    Accepted,
    Exists,
    Failed,
    Missing,
    Observation,
    Refused,
    Unanswered,
)

LOGGED_OUT = "no token for Google Cloud"
_LONGEST = 500
_CAUSE = re.compile(r"\[Errno -?\d+\] ([^'\")(]+)|(Read timed out|Remote end closed[^'\")]*)")
# 408, 499: the call was given up on the way. 500 to 504: google.aip.dev/194 and common practice.
_PASSING = frozenset({408, 429, 499, 500, 502, 503, 504})


def to_find(call: Callable[[], Observation]) -> Observation:
    """Make a call that reads; a failure told as Missing, Failed or Refused."""
    return _told(call, _of_find)


def to_create(call: Callable[[], Observation]) -> Observation:
    """Make a call that creates; a failure told as Exists, Failed, Unanswered or Refused."""
    return _told(call, _of_create)


def to_cancel(call: Callable[[], Observation]) -> Observation:
    """Make a call that cancels; a failure told as Accepted, Missing, Failed or Refused."""
    return _told(call, _of_cancel)


def _of_find(code: int, reason: str, retry_after: float) -> Observation:
    if code == 404 and not _about_the_project(reason):
        return Missing()
    if code in _PASSING or code in (0, 409):
        return Failed(reason, retry_after)
    return Refused(reason)


def _of_create(code: int, reason: str, retry_after: float) -> Observation:
    if code == 409:
        return Exists()
    if code == 429:
        return Failed(reason, retry_after)
    return Unanswered(reason, retry_after) if code in _PASSING or not code else Refused(reason)


def _of_cancel(code: int, reason: str, retry_after: float) -> Observation:
    # A job that is being cancelled, or has ended, cannot be cancelled: the next look shows which.
    if code in (400, 409):
        return Accepted()
    return _of_find(code, reason, retry_after)


def _about_the_project(reason: str) -> bool:
    """A 404 that names a project and no job: the project is missing, not the job."""
    return "/jobs/" not in reason and re.search(r"(?i)\bproject\b", reason) is not None


def _told(
    call: Callable[[], Observation], meaning: Callable[[int, str, float], Observation]
) -> Observation:
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from google.protobuf.json_format import ParseError
    from requests.exceptions import RequestException

    try:
        return call()
    except GoogleAuthError as error:  # there is no token: nothing was sent
        why = f"{LOGGED_OUT}: {error.args[0] if error.args else error}"
        return Failed(_plain(why)) if only_away(error) else Refused(_plain(why))
    except GoogleAPIError as error:
        code = int(getattr(error, "code", None) or 0)
        return meaning(code, reason_of(error), _retry_after(error))
    except (RequestException, ParseError, OSError) as error:
        # Not an answer of the service: a dropped connection, or a proxy that spoke for it.
        return meaning(0, reason_of(error), 0.0)


def reason_of(error: Exception) -> str:
    """What the service or the network said, in one line."""
    text = str(getattr(error, "message", "") or error) or type(error).__name__
    text = re.sub(r"^(\d{3} )?(GET|POST|DELETE) https?://\S+: ", "", text)
    # requests tells of a connection with its whole stack of objects and their addresses.
    cause = _CAUSE.search(text)
    if "0x" in text or "Pool(" in text or "aborted" in text:
        text = f"no connection: {(cause[1] or cause[2]).strip()}" if cause else "no connection"
    code = getattr(error, "code", None)
    if isinstance(code, int):
        text = f"{int(code)} {text}"
    return _plain(text)


def _plain(text: str) -> str:
    plain = " ".join(text.split()).rstrip(".")
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}..."


def _retry_after(error: Any) -> float:
    """Seconds from the Retry-After header or RetryInfo; 0 if neither is given.

    Details of an error are messages over gRPC, and the JSON that they came as over REST.
    """
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    try:
        asked = float(headers.get("Retry-After", 0) or 0)
    except (TypeError, ValueError):
        return 0.0  # the header's other form is a date, which Google's APIs do not send
    for detail in getattr(error, "details", None) or ():
        delay = getattr(detail, "retry_delay", None)
        if delay is not None:
            asked = max(asked, delay.seconds + delay.nanos / 1e9)
        elif isinstance(detail, dict):
            found = re.fullmatch(r"(\d{1,6}(?:\.\d{1,9})?)s", str(detail.get("retryDelay")))
            asked = max(asked, float(found[1])) if found else asked
    return max(0.0, asked)
