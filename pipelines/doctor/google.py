"""Read calls to Google's APIs of administration, one attempt each.

gcloud's variables (`CLOUDSDK_API_ENDPOINT_OVERRIDES_<API>`) redirect them as they redirect gcloud.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from components.agent import AGENT
from components.credentials import expired, no_credentials, only_away

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_CALL_S = 20.0
_VARIABLE = "CLOUDSDK_API_ENDPOINT_OVERRIDES_"


@dataclass(frozen=True)
class Answer:
    """What came back.

    Args:
        status: the HTTP status; 0 where nothing came.
        body: the JSON object; {} where it was none.
        said: the service's words where it refused, or why nothing came.
    """

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)
    said: str = ""

    @property
    def ok(self) -> bool:
        """Whether it was answered with what was asked for."""
        return self.status == 200


Ask = Callable[..., Answer]
"""(api, path, query={…}, send={…}) -> Answer. `send` makes it a POST."""


def asker(region: str) -> Ask:
    """Calls with the credentials of this machine.

    Args:
        region: whose Vertex AI and Batch are asked.

    Raises:
        ServiceError: there are no credentials.
    """
    session = _session()

    def ask(
        api: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        send: Mapping[str, Any] | None = None,
    ) -> Answer:
        from google.auth.exceptions import GoogleAuthError
        from requests import RequestException

        url = endpoint(api, region) + path
        try:
            answer = session.request(
                "GET" if send is None else "POST", url, params=query, json=send, timeout=_CALL_S
            )
        except (GoogleAuthError, RequestException) as error:
            if isinstance(error, GoogleAuthError) and not only_away(error):
                raise expired() from error
            return Answer(0, said=f"no answer from {urlsplit(url).netloc}: {type(error).__name__}")
        return _answer(answer)

    return ask


def endpoint(api: str, region: str) -> str:
    """The base address of an API, without a final slash."""
    given = os.environ.get(_VARIABLE + api.upper(), "").rstrip("/")
    host = f"{region}-{api}" if api == "aiplatform" else api
    return given or f"https://{host}.googleapis.com"


def _session() -> Any:
    import google.auth
    from google.auth.exceptions import GoogleAuthError
    from google.auth.transport.requests import AuthorizedSession

    if urlsplit(endpoint("cloudresourcemanager", "")).scheme == "http":
        from google.auth.credentials import AnonymousCredentials

        session = AuthorizedSession(AnonymousCredentials())
    else:
        try:
            credentials, _ = google.auth.default(scopes=_SCOPES)
        except GoogleAuthError as error:
            raise no_credentials() from error
        session = AuthorizedSession(credentials)
    session.headers["User-Agent"] = AGENT
    return session


def _answer(answer: Any) -> Answer:
    try:
        body = answer.json()
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        body = {}
    told = body.get("error")
    said = told.get("message", "") if isinstance(told, dict) else ""
    if answer.status_code == 401:
        raise expired()
    return Answer(answer.status_code, body, " ".join(str(said).split())[:300])
