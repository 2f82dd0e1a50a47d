"""The repository of compiled pipelines in Artifact Registry, through kfp's own client.

kfp 2.17's RegistryClient waits for ever, reads the person's ~/.config/kfp for hosts that it does
not know, and lets all exceptions of `requests` and google-auth through; here each is one message.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import google.auth.exceptions
import requests
import requests.auth
from kfp.registry import registry_client
from kfp.registry.registry_client import DEFAULT_REGISTRY_CONTEXT, RegistryClient

from components.agent import AGENT
from components.credentials import expired, no_credentials, only_away
from components.errors import Intent2BatchError, ServiceError, WrongUse
from pipelines.service_errors import NotThereError, TakenError, UnclearError

T = TypeVar("T")

CALL_S = 60.0
PAUSES_S = (1.0, 3.0)  # between the attempts of a call that may be repeated
REPOSITORY = re.compile(
    r"https://(?P<region>[a-z0-9-]+)-kfp\.pkg\.dev/(?P<project>[a-z0-9.:-]+)/(?P<name>[a-z0-9-]+)"
    r"|http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?/[A-Za-z0-9.:-]+/[A-Za-z0-9-]+"
)
PACKAGE = re.compile(r"[a-z0-9][a-z0-9-]{0,127}")
TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
VERSION = re.compile(r"sha256:[0-9a-f]{64}")
TEMPORARY = (408, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Template:
    """A spec in a repository.

    Args:
        repository: the repository's address, without a final slash.
        package: the pipeline's name.
        version: a tag, or sha256:<digest>.
    """

    repository: str
    package: str
    version: str

    @property
    def url(self) -> str:
        """The address that Vertex AI knows the template by."""
        return f"{self.repository}/{self.package}/{self.version}"


def repository(address: str) -> str:
    """The address of a repository, checked.

    Raises:
        WrongUse: it has another form.
    """
    address = address.rstrip("/")
    if not REPOSITORY.fullmatch(address):
        raise WrongUse(
            f"'{address[:120]}' is not a repository of pipelines",
            fix="Its address is https://REGION-kfp.pkg.dev/PROJECT/REPOSITORY.",
        )
    return address


def template(url: str) -> Template:
    """The parts of a template's address.

    Raises:
        WrongUse: it has another form.
    """
    parts = url.rstrip("/").rsplit("/", 2)
    if len(parts) == 3 and REPOSITORY.fullmatch(parts[0]) and PACKAGE.fullmatch(parts[1]):
        version = parts[2]
        if VERSION.fullmatch(version) or TAG.fullmatch(version):
            return Template(*parts)
    raise WrongUse(
        f"'{url[:160]}' is not the address of a template",
        fix="It is https://REGION-kfp.pkg.dev/PROJECT/REPOSITORY/PIPELINE/TAG; the last part may "
        "be sha256:… instead.",
    )


class Registry:
    """One repository. Calls that change nothing, or the same thing twice, are repeated.

    Args:
        address: checked by `repository`.
        sleep: waits between the attempts.
    """

    def __init__(self, address: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.address = address
        self._sleep = sleep
        with _told(address):
            self._client = _client(address)

    def upload(self, file: str, description: str) -> tuple[str, str]:
        """Upload a spec without tags; its package and its version (sha256:…)."""
        return self._call(
            lambda: self._client.upload_pipeline(
                file_name=file, extra_headers={"description": description}
            )
        )

    def download(self, package: str, version: str, file: str) -> None:
        """Write the spec of a tag or of a version into a file."""
        which = {"version" if VERSION.fullmatch(version) else "tag": version}
        where = f"{self.address}/{package}/{version}"
        self._call(lambda: self._client.download_pipeline(package, file_name=file, **which), where)

    def tagged(self, package: str, tag: str) -> str:
        """The version that a tag names; empty if there is no such tag."""
        try:
            found = self._call(lambda: self._client.get_tag(package, tag))
        except NotThereError:
            return ""
        return str(found["version"]).rsplit("/", 1)[-1]

    def has_version(self, package: str, version: str) -> bool:
        """Whether the version is in the repository."""
        try:
            self._call(lambda: self._client.get_version(package, version))
        except NotThereError:
            return False
        return True

    def make_tag(self, package: str, version: str, tag: str) -> None:
        """Make a tag that is not there.

        Raises:
            TakenError: it is there.
        """
        self._call(lambda: self._client.create_tag(package, version, tag))

    def move_tag(self, package: str, version: str, tag: str) -> None:
        """Let a tag name another version."""
        self._call(lambda: self._client.update_tag(package, version, tag))

    def _call(self, call: Callable[[], T], where: str = "") -> T:
        for pause in PAUSES_S:
            try:
                with _told(where or self.address):
                    return call()
            except UnclearError:
                self._sleep(pause)
        with _told(where or self.address):
            return call()


class _NoCredentials(requests.auth.AuthBase):
    """A stand-in on this machine gets none; with none given, kfp takes the person's own."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class _Impatient:
    """`requests` as kfp's client uses it, but no call waits for ever, and each names us."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(requests, name)
        return _impatient(found) if name in ("get", "post", "patch", "delete") else found


def _impatient(send: Callable[..., requests.Response]) -> Callable[..., requests.Response]:
    def call(*given: Any, headers: dict[str, str] | None = None, **named: Any) -> requests.Response:
        return send(
            *given, headers={**(headers or {}), "User-Agent": AGENT}, timeout=CALL_S, **named
        )

    return call


def _client(address: str) -> RegistryClient:
    vars(registry_client)["requests"] = _Impatient()
    if address.startswith("http://"):
        return RegistryClient(address, auth=_NoCredentials(), config_file=DEFAULT_REGISTRY_CONTEXT)
    return RegistryClient(address)


@contextlib.contextmanager
def _told(where: str) -> Iterator[None]:
    """Turn what kfp's client lets through into one message."""
    try:
        yield
    except google.auth.exceptions.DefaultCredentialsError as error:
        raise no_credentials() from error
    except google.auth.exceptions.GoogleAuthError as error:
        if only_away(error):
            raise _no_answer(error, where) from error
        raise expired() from error
    except requests.HTTPError as error:
        raise _refused(error.response, where) from error
    except (requests.exceptions.InvalidJSONError, ValueError, LookupError) as error:
        raise ServiceError(
            "This does not answer as Artifact Registry does",
            where=where,
            fix="Check the address.",
        ) from error
    except requests.RequestException as error:
        raise _no_answer(error, where) from error


def _no_answer(error: Exception, where: str) -> UnclearError:
    return UnclearError(
        f"Artifact Registry did not answer ({type(error).__name__})",
        where=where,
        fix="Check the region in the address and the network, then run the command again.",
    )


def _refused(response: requests.Response, where: str) -> Intent2BatchError:
    status = response.status_code
    said = _message(response)
    if status == 401:
        return expired()
    if status == 403:
        return ServiceError(
            f"Artifact Registry refuses access{said}",
            where=where,
            fix="Needed on the repository: roles/artifactregistry.writer to upload, "
            "roles/artifactregistry.reader to run.",
        )
    if status == 404:
        return NotThereError(f"This is not there{said}", where=where, fix=_make_repository(where))
    if status == 409:
        return TakenError(f"This is there already{said}", where=where)
    if status in TEMPORARY:
        return UnclearError(
            f"Artifact Registry answered {status}{said}",
            where=where,
            fix="Run the command again in a while.",
        )
    return ServiceError(f"Artifact Registry answered {status}{said}", where=where)


def _make_repository(where: str) -> str:
    found = REPOSITORY.match(where)
    if not found or not found["region"]:
        return "Check the address."
    return (
        f"If the repository is missing: gcloud artifacts repositories create {found['name']} "
        f"--repository-format=kfp --location={found['region']} --project={found['project']}."
    )


def _message(response: requests.Response) -> str:
    """What the service says about a refusal, in brackets; empty if it says nothing readable."""
    try:
        said = response.json()["error"]["message"]
    except (ValueError, LookupError, TypeError):
        return ""
    return f" ({str(said)[:300].rstrip('.')})"
