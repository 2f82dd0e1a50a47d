"""The Gemini client on Vertex AI, and what every call through it shares: retries and errors.

The library retries nothing unless told to, and its own retries sleep on the real clock; ours run
on a clock that is passed in and cover dropped connections.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from components.agent import AGENT
from components.credentials import LOGIN, expired, no_credentials
from components.errors import ServiceError, WrongUse

if TYPE_CHECKING:
    from google import genai

T = TypeVar("T")

# 501 is not here: a service that has not got a call will not have it a second later.
_RETRIED_STATUS = frozenset({408, 429, 500, 502, 503, 504})


class GeminiRefused(ServiceError):  # noqa: N818 - reads as what it is
    """The service answered with an error.

    Attributes:
        code: the HTTP status.
        status: the name of the gRPC code, as in INVALID_ARGUMENT.
        said: the service's own message.
    """

    def __init__(
        self, what: str, *, where: str, fix: str, code: int, status: str, said: str
    ) -> None:
        super().__init__(what, where=where, fix=fix)
        self.code = code
        self.status = status
        self.said = said


def gemini_client(project: str, location: str, *, timeout_s: float = 180) -> genai.Client:
    """A client for Gemini on Vertex AI with the credentials of the environment.

    Project and location are always handed over: with either from the environment alone, the
    library (google-genai 2.34) ignores `GOOGLE_VERTEX_BASE_URL` or calls a path without them.

    Args:
        project: the project that is billed.
        location: "global", a multi-region or a region.
        timeout_s: seconds that one call may take.

    Raises:
        WrongUse: project or location is empty.
    """
    if not project:
        raise WrongUse("no project is given for Gemini", fix="Give --project or settings.project.")
    if not location:
        raise WrongUse("no location is given for Gemini", fix="'global' serves every base model.")
    from google import genai
    from google.genai import types

    return genai.Client(
        vertexai=True,
        project=project,
        location=location,
        http_options=types.HttpOptions(
            timeout=int(timeout_s * 1000), headers={"user-agent": AGENT}
        ),
    )


@dataclass(frozen=True)
class Retry:
    """How often and how patiently a call is repeated.

    Attributes:
        attempts: calls in all.
        first_s, longest_s: the pause doubles from the first to the longest; each is shortened by
            a random half, so that callers spread. A pause that the service asks for is kept to,
            up to the longest.
        pause: waits the seconds it is given.
        chance: gives a number from 0 up to 1.
    """

    attempts: int = 6
    first_s: float = 1.0
    longest_s: float = 60.0
    pause: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random


def retried(call: Callable[[], T], retry: Retry, *, doing: str, where: str) -> T:
    """The result of `call`, repeated where the service says that it is a matter of time.

    Args:
        call: one call of a google-genai client. It may be made twice although it succeeded (a
            lost reply), so it must do no harm then.
        retry: how often.
        doing: the work for messages, as in "read the intent".
        where: model, project and location, for messages.

    Raises:
        GeminiRefused: the service answered with an error.
        ServiceError: transport or credentials failed.
    """
    from google.auth import exceptions as auth
    from google.genai import errors

    dropped = _transport_errors()
    for attempt in range(1, retry.attempts + 1):
        try:
            return call()
        except errors.APIError as error:
            if error.code not in _RETRIED_STATUS or attempt == retry.attempts:
                raise _told(error, doing, where, attempt) from error
            asked = _asked_pause(error)
        except dropped as error:
            if attempt == retry.attempts:
                raise _unreachable(error, doing, where, attempt) from error
            asked = 0.0
        except (errors.UnknownApiResponseError, json.JSONDecodeError) as error:
            raise ServiceError(
                f"Cannot {doing}: what answered does not speak Gemini's language",
                where=where,
                fix="Check proxies, and GOOGLE_VERTEX_BASE_URL where it is set.",
            ) from error
        except auth.DefaultCredentialsError as error:
            raise no_credentials() from error
        except auth.GoogleAuthError as error:
            raise expired() from error
        backoff = min(retry.first_s * 2 ** (attempt - 1), retry.longest_s)
        retry.pause(max(min(asked, retry.longest_s), backoff * (1 - retry.chance() / 2)))
    raise AssertionError("attempts is at least 1")


def _transport_errors() -> tuple[type[Exception], ...]:
    """Errors of the HTTP library that google-genai uses (httpx, or httpx2 where installed), and
    that of a token which could only not be fetched.
    """
    import importlib

    from google.auth.exceptions import TransportError

    found: list[type[Exception]] = [TransportError]
    for name in ("httpx", "httpx2"):
        try:
            module: Any = importlib.import_module(name)
        except ImportError:
            continue
        found.append(module.TransportError)
    return tuple(found)


def _asked_pause(error: Any) -> float:
    """Seconds that the service asks to wait (google.rpc.RetryInfo), 0 where it does not."""
    details = error.details if isinstance(error.details, dict) else {}
    for detail in details.get("error", {}).get("details", []):
        found = re.fullmatch(r"(\d+(?:\.\d+)?)s", str(detail.get("retryDelay", "")))
        if found:
            return float(found.group(1))
    return 0.0


_FIXES = {
    400: "The request is at fault: check model, settings and the text that was sent.",
    401: f"Sign in again: {LOGIN}.",
    403: "Grant roles/aiplatform.user on the project to the account that runs this, and enable "
    "aiplatform.googleapis.com there.",
    404: "The model is retired, misspelt, or not served in this location: choose another model, "
    "or location 'global'.",
    429: "The quota for this model is used up, or capacity is short: wait, ask for more quota, or "
    "use another location.",
}


def _told(error: Any, doing: str, where: str, attempts: int) -> GeminiRefused:
    times = f" {attempts} times" if attempts > 1 else ""
    said = " ".join(str(error.message or error.status or "no reason given").split()).rstrip(".")
    fix = _FIXES.get(error.code, "The service has trouble: try again later.")
    if error.status == "UNIMPLEMENTED":
        fix = ""  # the local stand-in says itself what to do
    return GeminiRefused(
        f"Cannot {doing}: Gemini answered {error.code}{times}: {said[:500]}",
        where=where,
        fix=fix,
        code=error.code,
        status=str(error.status or ""),
        said=said,
    )


def _unreachable(error: Exception, doing: str, where: str, attempts: int) -> ServiceError:
    kind = type(error).__name__
    return ServiceError(
        f"Cannot {doing}: no answer from Gemini after {attempts} attempts ({kind}: {error})",
        where=where,
        fix="Check the network, a proxy, and GOOGLE_VERTEX_BASE_URL where it is set.",
    )
