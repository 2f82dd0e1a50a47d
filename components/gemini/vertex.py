"""Vertex AI over plain REST: what rows of requests need, with every field of the answers.

The typed classes of google-genai drop `partialFailures` and labels, refuse fields that they do
not know, and ask for a job in the client's own project and location, not the job's (2.34, 3.4);
they also take 0.7 s to load.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from components.agent import AGENT
from components.credentials import expired, no_credentials
from components.errors import WrongUse
from components.gemini.endpoint import endpoint, is_local

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
# Shorter than the time for which a create without an answer is given to settle (Policy.settle_s).
CALL_S = 30.0
_NAME = re.compile(r"[a-z0-9][a-z0-9.:-]{0,62}")
# A quota that is used up comes back within a minute or two.
ATTEMPTS = 6
PAUSE_S = 1.0
PAUSE_MAX_S = 30.0
_PASSING = frozenset({408, 429, 499, 500, 502, 503, 504})
T = TypeVar("T")


class NoAnswerError(Exception):
    """The service answered with an error, or (then as 503) not at all.

    Attributes:
        code: the HTTP status.
        message: what the service said.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Vertex:
    """One project and location of Vertex AI.

    Args:
        session: sends with credentials (an AuthorizedSession of google-auth).
        base: the service's URL without a final slash.
        project: the id of the project.
        location: "global", "us", "eu" or a region.
    """

    def __init__(self, session: Any, base: str, project: str, location: str) -> None:
        self._session = session
        self._base = base
        self.parent = f"projects/{project}/locations/{location}"

    def of_model(self, model: str) -> str:
        """The path of a model: in this project and location, unless the name tells others."""
        return model if model.startswith("projects/") else f"{self.parent}/{model_path(model)}"

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        timeout_s: float = CALL_S,
    ) -> dict[str, Any]:
        """Make one call; what the service answered.

        Args:
            method: GET or POST.
            path: below the API's version, as in `projects/P/locations/L/batchPredictionJobs`.
            body: sent as JSON.
            query: parameters.
            timeout_s: how long to wait for bytes.

        Raises:
            google.api_core.exceptions.GoogleAPICallError: the service answered with an error.
            requests.RequestException: no answer, or one that is no JSON object.
            google.auth.exceptions.GoogleAuthError: there is no token.
        """
        from google.api_core.exceptions import from_http_response
        from requests.exceptions import InvalidJSONError

        response = self._session.request(
            method, f"{self._base}/v1/{path}", json=body, params=query, timeout=timeout_s
        )
        if response.status_code >= 400:
            raise from_http_response(response)
        told = response.json()
        if not isinstance(told, dict):
            raise InvalidJSONError("the answer is no JSON object")
        return told


def vertex(project: str, location: str) -> Vertex:
    """Vertex AI, or what GOOGLE_VERTEX_BASE_URL names, with the credentials of the environment.

    An http:// base is a stand-in on this machine and gets no credentials, only a word.

    Raises:
        WrongUse: project or location cannot be one.
        ServiceError: there are no credentials.
    """
    base = checked_base(project, location)
    return Vertex(_session(), base, project, location)


def checked_base(project: str, location: str) -> str:
    """The URL at which a project's requests are answered.

    Raises:
        WrongUse: project or location cannot be one.
    """
    if not _NAME.fullmatch(project):
        raise WrongUse(
            f"{project!r} is not the id of a project" if project else "No project is given",
            fix="Give --project, or set GOOGLE_CLOUD_PROJECT.",
        )
    return endpoint(location)


def _session() -> Any:
    import google.auth
    from google.auth.exceptions import GoogleAuthError
    from google.auth.transport.requests import AuthorizedSession

    if is_local():
        from requests import Session

        session = Session()
        session.trust_env = False  # no proxy, no .netrc
        session.headers["Authorization"] = "Bearer local"
        session.headers["User-Agent"] = AGENT
        return session
    try:
        credentials, _ = google.auth.default(scopes=_SCOPES)
    except GoogleAuthError as error:
        raise no_credentials() from error
    authorized = AuthorizedSession(credentials)
    authorized.headers["User-Agent"] = AGENT
    return authorized


def model_path(model: str) -> str:
    """The model as a job names it: base models get their publisher, other names stay."""
    return model if "/" in model else f"publishers/google/models/{model}"


def patiently(call: Callable[[], T], pause: Callable[[float], None], attempts: int = ATTEMPTS) -> T:
    """The result of a call that may be made twice; what passes with time is tried again.

    Args:
        call: makes one call of `Vertex`.
        pause: waits so many seconds.
        attempts: calls in all.

    Raises:
        NoAnswerError: the service refused, or did not answer to the last.
        ServiceError: the credentials are of no use.
    """
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import GoogleAuthError, TransportError
    from requests.exceptions import RequestException

    for attempt in range(attempts):
        if attempt:
            pause(min(PAUSE_MAX_S, PAUSE_S * 2.0 ** (attempt - 1)))
        try:
            return call()
        except GoogleAPICallError as error:
            told = NoAnswerError(int(error.code or 500), str(error.message))
            if error.code not in _PASSING:
                break
        except (RequestException, TransportError, OSError) as error:
            told = NoAnswerError(503, f"no answer ({type(error).__name__})")
        except GoogleAuthError as error:
            raise expired() from error
    raise told
