"""What Kubeflow Pipelines refuses, told in one message with the next step."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import requests
import urllib3.exceptions
from kfp_server_api.exceptions import ApiException

from components.errors import InputError, Intent2BatchError, ServiceError
from pipelines.service_errors import NotThereError, UnclearError

HEALTH = "/apis/v2beta1/healthz"
PROBE_S = 15.0
LOGIN = (
    "Set KFP_TOKEN to a token that it takes, or forward its port to this machine: "
    "kubectl port-forward -n kubeflow svc/ml-pipeline-ui 8080:80."
)


def probe(host: str, token: str) -> bool:
    """Whether several users share a Kubeflow; kfp's client would take half a minute to say no.

    Raises:
        ServiceError: nobody answers, a login is needed, or it is something else.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        answer = requests.get(
            host + HEALTH, headers=headers, timeout=PROBE_S, allow_redirects=False
        )
    except requests.RequestException as error:
        raise ServiceError(
            f"Nobody answers ({type(error).__name__})", where=host, fix="Check --kfp-host."
        ) from error
    if answer.status_code in (401, 403) or answer.is_redirect:
        raise ServiceError("Kubeflow wants a login", where=host, fix=LOGIN)
    try:
        told: Any = answer.json()
    except ValueError:
        told = None
    if answer.status_code != 200 or not isinstance(told, dict):
        raise ServiceError(
            f"This does not answer as Kubeflow Pipelines 2 does (HTTP {answer.status_code})",
            where=host + HEALTH,
            fix="Check --kfp-host; behind Kubeflow's dashboard it ends in /pipeline.",
        )
    return bool(told.get("multi_user"))


@contextlib.contextmanager
def told(doing: str, *, host: str, missing: str = "") -> Iterator[None]:
    """Turn the client's exceptions into ours.

    Args:
        doing: what the call is for, as in "start the run".
        host: whom it went to.
        missing: what to say where the service finds nothing.
    """
    try:
        with contextlib.redirect_stdout(None):  # the client prints links there
            yield
    except ApiException as error:
        raise _refused(error, doing, host, missing) from error
    except urllib3.exceptions.HTTPError as error:
        raise UnclearError(
            f"Cannot {doing}: Kubeflow did not answer ({type(error).__name__})",
            where=host,
            fix="Run the command again in a while.",
        ) from error
    except ValueError as error:  # the client refuses an answer, or what it was given
        raise ServiceError(f"Cannot {doing}: {error}", where=host) from error


def _refused(error: ApiException, doing: str, host: str, missing: str) -> Intent2BatchError:
    status, said = int(error.status or 0), _said(error)
    if status == 401:
        return ServiceError(f"Cannot {doing}: the login is not accepted", where=host, fix=LOGIN)
    if status == 403:
        return ServiceError(
            f"You may not {doing}: {said}",
            where=host,
            fix="Ask for the role kubeflow-edit in your namespace (KFP_NAMESPACE names it).",
        )
    if status == 404:
        return NotThereError(
            missing or f"Cannot {doing}: it is not there",
            where=host,
            fix=f"`intent2batch runs --kfp-host {host}` lists what there is.",
        )
    if status in (408, 429) or status >= 500:
        return UnclearError(
            f"Cannot {doing}: Kubeflow answered {status} ({said})",
            where=host,
            fix="Run the command again in a while.",
        )
    return InputError(f"Kubeflow refuses to {doing}: {said}", where=host)


def _said(error: ApiException) -> str:
    """The service's own sentence."""
    try:
        body = json.loads(error.body or "")
        said = body.get("error_message") or body.get("message") or body.get("error")
    except (ValueError, AttributeError):
        said = None
    return " ".join(str(said or error.reason or "no reason given").split())[:500].rstrip(".")
