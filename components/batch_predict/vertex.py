"""Vertex AI over plain REST: what batch prediction needs, with every field of the answers.

The typed classes of google-genai drop `partialFailures` and labels, refuse fields that they do
not know, and ask for a job in the client's own project and location, not the job's (2.34, 3.4).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from components.agent import AGENT
from components.credentials import no_credentials
from components.errors import WrongUse
from components.gemini.endpoint import endpoint, is_local

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
# Shorter than the time for which a create without an answer is given to settle (Policy.settle_s).
CALL_S = 30.0
_NAME = re.compile(r"[a-z0-9][a-z0-9.:-]{0,62}")


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
    if not _NAME.fullmatch(project):
        raise WrongUse(
            f"{project!r} is not the id of a project" if project else "No project is given",
            fix="Give --project, or set GOOGLE_CLOUD_PROJECT.",
        )
    base = endpoint(location)
    return Vertex(_session(), base, project, location)


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
