"""The calls to Google that tell what became of a job, as plain functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from components.batch.logs import Tails, tails

PAGE = 1000
_PATIENCE_S = 120.0


@dataclass(frozen=True)
class Service:
    """What is asked of the services.

    Args:
        job: name -> raw Job message.
        tasks: (job name, group, state) -> raw Task messages, a page at a time; of those in one
            state only, where `state` is not empty.
        tails: keyword arguments of components.batch.logs.tails -> last lines.
    """

    job: Callable[[str], Any]
    tasks: Callable[[str, str, str], Iterable[Any]]
    tails: Callable[..., Tails]


def live_service(trouble: Callable[[str], None] = lambda _: None) -> Service:
    """The real calls, through the client of components.batch.client.

    Args:
        trouble: is told of a call that failed and is made again.
    """
    from components.batch.client import batch_client

    client, patience = batch_client(), _patience(trouble)
    return Service(
        job=lambda name: _raw(client.get_job(name=name, retry=patience)),
        tasks=lambda name, group, state: list_tasks(client, name, group, state, patience),
        tails=tails,
    )


def list_tasks(
    client: Any, job_name: str, group: str, state: str = "", patience: Any = None
) -> Iterator[Any]:
    """Raw Task messages, one page of them in memory at a time.

    Args:
        client: a BatchServiceClient.
        job_name: `projects/P/locations/L/jobs/J`.
        group: name of the task group.
        state: only tasks in this state; empty: all. (Form of the filter: ListTasksRequest.)
        patience: how a call that failed is repeated; None: in silence.
    """
    request: dict[str, Any] = {"parent": f"{job_name}/taskGroups/{group}", "page_size": PAGE}
    if state:
        request["filter"] = f"State={state}"
    for page in client.list_tasks(request=request, retry=patience or _patience()).pages:
        yield from _raw(page).tasks


def _raw(message: Any) -> Any:
    """The protobuf message inside a proto-plus one."""
    return type(message).pb(message)


def _patience(trouble: Callable[[str], None] = lambda _: None) -> Any:
    """Retry what passes by itself; the client's own default knows only 503 within 60 s."""
    import requests
    from google.api_core import exceptions, retry

    from components.supervision.answers import reason_of

    return retry.Retry(
        predicate=retry.if_exception_type(
            exceptions.ServiceUnavailable,
            exceptions.TooManyRequests,
            exceptions.InternalServerError,
            exceptions.BadGateway,
            exceptions.GatewayTimeout,
            requests.ConnectionError,
            requests.Timeout,
        ),
        initial=0.5,
        maximum=20.0,
        timeout=_PATIENCE_S,
        on_error=lambda error: trouble(f"no answer, trying again: {reason_of(error)}"),
    )


def told_by_service(error: Exception) -> bool:
    """Whether the error is the service's or the network's, and not a defect of ours."""
    import requests
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError

    from components.errors import Intent2BatchError

    ours = (Intent2BatchError, GoogleAPIError, GoogleAuthError, requests.RequestException)
    return isinstance(error, ours)
