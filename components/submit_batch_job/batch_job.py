"""The calls of one Batch job, answered in the words of the supervision."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from components.batch.client import call_options
from components.batch.events import failure_reason, first_stock_out, hopeless_reason
from components.batch.names import JobNames
from components.batch.states import job_stage, job_state_name
from components.submit_batch_job.preemptions import Preemptions, time_of
from components.supervision.answers import to_cancel, to_create, to_find
from components.supervision.life import (
    Accepted,
    Event,
    Observation,
    Seen,
)
from components.tables.formats import duration

if TYPE_CHECKING:
    from google.cloud.batch_v1 import BatchServiceClient, Job

log = logging.getLogger(__name__)


class BatchJob:
    """One job of the Batch service; a `RemoteJobs` of the supervision.

    Args:
        client: the client of the service.
        name: the job's full name.
        names: what names it if it may have to be created; None: it is only followed.
        job: the job to create, labels included.
        stock_out_s: a job that has waited for machines so long counts as one that never starts;
            None: it may wait as long as it will.
        now: Unix seconds.
    """

    def __init__(
        self,
        client: BatchServiceClient,
        name: str,
        names: JobNames | None = None,
        job: Mapping[str, Any] | None = None,
        *,
        stock_out_s: float | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._name = name
        self._names = names
        self._job = job
        self._stock_out_s = stock_out_s
        self._now = now
        self._preemptions = Preemptions(client)
        self._unknown_states: set[str] = set()

    def find(self) -> Observation:
        """Get the job by its name, and compare its labels with ours."""
        return self.look(self._name)

    def create(self) -> Observation:
        """Create the job, with the same id and request id each time."""
        from google.cloud.batch_v1 import CreateJobRequest

        if self._names is None or self._job is None:
            raise AssertionError("a job that is only followed is never created")
        request = CreateJobRequest(
            parent=self._names.parent,
            job_id=self._names.job_id,
            request_id=self._names.request_id,
            job=check_job(self._job),
        )
        return to_create(
            lambda: self._seen(self._client.create_job(request=request, **call_options()))
        )

    def look(self, name: str) -> Observation:
        """Get the job."""
        return to_find(lambda: self._seen(self._client.get_job(name=name, **call_options())))

    def cancel(self, name: str) -> Observation:
        """Ask for the job to be cancelled; cancelled jobs keep their details, deleted ones not."""

        def call() -> Observation:
            self._client.cancel_job(name=name, **call_options())
            return Accepted()

        return to_cancel(call)

    def _seen(self, job: Job) -> Seen:
        # proto-plus warns of a number that it does not know; the message below it does not.
        state = job_state_name(type(job).pb(job).status.state)
        stage = job_stage(state)
        if stage == "unknown" and state not in self._unknown_states:
            self._unknown_states.add(state)
            log.warning("The state %s is not known here; the job counts as still going", state)
        of_job = to_events(job.status.status_events)
        events = _in_order((*of_job, *self._preemptions.seen(job, stage)))
        return Seen(
            name=job.name,
            stage=stage,
            uid=job.uid,
            state=state,
            ours=self._is_ours(job.labels),
            events=events,
            why=failure_reason(of_job) if stage == "failed" else "",
            hopeless=self._hopeless(of_job) if stage == "waiting" else "",
        )

    def _hopeless(self, events: Sequence[Event]) -> str:
        """Why a job that waits is not to be waited for; empty if it is."""
        reason = hopeless_reason(events)
        if reason or self._stock_out_s is None:
            return reason
        since = first_stock_out(events)
        if since is None or self._now() - since < self._stock_out_s:
            return ""
        return f"no such machines were free for {duration(self._stock_out_s)}"

    def _is_ours(self, labels: Mapping[str, str]) -> bool:
        if self._names is None:
            return True
        return all(labels.get(key) == value for key, value in self._names.labels.items())


def to_events(status_events: Iterable[Any]) -> tuple[Event, ...]:
    """Status events of the service, oldest first: it does not promise their order."""
    return _in_order(
        Event(
            time=time_of(event),
            type=event.type_,
            description=event.description,
        )
        for event in status_events
    )


def _in_order(events: Iterable[Event]) -> tuple[Event, ...]:
    return tuple(sorted(events, key=lambda event: event.time))


def check_job(job: Mapping[str, Any]) -> Job:
    """The job as the client sends it.

    Raises:
        InputError: it is no Batch job; the text names the field.
    """
    import json

    from google.cloud.batch_v1 import Job
    from google.protobuf.json_format import ParseError

    from components.errors import InputError

    try:
        parsed: Job = Job.from_json(json.dumps(job))
    except ParseError as error:
        raise InputError(
            f"This is not a Batch job: {' '.join(str(error).split())}",
            fix="`intent2batch validate` shows where and what to write instead.",
        ) from error
    return parsed
