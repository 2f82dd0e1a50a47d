"""Submit a Batch job and see it through: the supervision, with Batch's calls and a ledger."""

from __future__ import annotations

import logging
import random
import sys
from collections.abc import Callable, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from components.batch.client import batch_client, batch_endpoint, is_local
from components.batch.names import JobNames, console_url, job_names
from components.credentials import no_credentials
from components.errors import InputError, ServiceError
from components.submit_batch_job.batch_job import BatchJob, check_job
from components.submit_batch_job.progress import Progress
from components.supervision.clock import Clock, SystemClock, stopping_clock
from components.supervision.driver import (
    FileStore,
    LedgerStore,
    Loaded,
    MemoryStore,
    supervise,
)
from components.supervision.ledger import Ledger
from components.supervision.life import (
    Event,
    Failed,
    Life,
    Policy,
)
from components.tables.text import one_line

if TYPE_CHECKING:
    from google.cloud.batch_v1 import BatchServiceClient

log = logging.getLogger(__name__)


def to_stderr(line: str) -> None:
    """Show a line of progress."""
    sys.stderr.write(f"{one_line(line)}\n")
    sys.stderr.flush()


@dataclass(frozen=True)
class Waiting:
    """How to wait for a job.

    Attributes:
        until_ended: whether to wait for the end of the job, or only until it is known to exist.
        max_wait_s: how long the job may take from the first attempt on; None: any time.
        stock_out_s: a job that waits for machines so long is cancelled, outcome `hopeless`; None:
            it may wait.
        leave_at_deadline: when that time is over, leave the job running instead of cancelling it.
        say: shows one line of progress.
        on_event: is told of each new status event.
        on_change: is told of the ledger each time it was written.
        clock: time, waiting and the wish to stop; None: the machine's, with signal handlers.
        draw: a number between two others.
    """

    until_ended: bool = True
    max_wait_s: float | None = None
    leave_at_deadline: bool = False
    stock_out_s: float | None = None
    say: Callable[[str], None] = to_stderr
    on_event: Callable[[Event], None] | None = None
    on_change: Callable[[Ledger], None] = lambda _: None
    clock: Clock | None = None
    draw: Callable[[float, float], float] = random.uniform


def submit_and_watch(
    job: Mapping[str, Any],
    *,
    project: str,
    region: str,
    run: str,
    ledger_uri: str,
    dry_run: bool = False,
    made_before: bool = False,
    waiting: Waiting | None = None,
) -> Ledger:
    """Submit the job once and follow it to its end, whatever happens on the way.

    Called again with the same run, job and ledger, in this process or another, it takes the job
    up where it stands; it never makes a second one. SIGTERM and Ctrl-C cancel the job.

    Args:
        job: the Batch v1 Job, JSON in camelCase.
        project: the id of the project.
        region: the region of the job.
        run: what tells this run from others.
        ledger_uri: where the ledger lies (local path or gs:// URI); empty keeps none of a dry run.
        dry_run: write down the exact request and call nothing.
        made_before: the job is known to have been made; it counts where the ledger was lost.
        waiting: how to wait.

    Returns:
        The ledger as written; its `outcome` tells how the job ended, see `check_outcome`.

    Raises:
        InputError: this is no Batch job, or the ledger belongs to another job.
        WrongUse: project or region cannot be one.
        ServiceError: there are no credentials, or the ledger cannot be written.
    """
    names = job_names(job, project=project, region=region, run=run)
    return submit_named(
        job,
        names,
        ledger_uri=ledger_uri,
        dry_run=dry_run,
        made_before=made_before,
        waiting=waiting,
    )


def submit_named(
    job: Mapping[str, Any],
    names: JobNames,
    *,
    ledger_uri: str,
    dry_run: bool = False,
    made_before: bool = False,
    waiting: Waiting | None = None,
) -> Ledger:
    """The same for a job that has its names already.

    Raises:
        InputError: this is no Batch job, or the ledger belongs to another job.
        ServiceError: there are no credentials, or the ledger cannot be written.
    """
    job = {**job, "labels": {**(job.get("labels") or {}), **names.labels}}
    check_job(job)
    life = Life(phase="watch", job_name=names.name) if made_before else Life()
    fresh = Ledger(life, _request(names, job), console_url(names.name))
    if dry_run:
        return _only_show(FileStore(ledger_uri) if ledger_uri else None, fresh)
    store = FileStore(ledger_uri)
    waiting = waiting or Waiting()

    def jobs(client: BatchServiceClient) -> BatchJob:
        return BatchJob(client, names.name, names, job, stock_out_s=waiting.stock_out_s)

    # Signals are heard before the first call: the job may have been made by an earlier attempt.
    with nullcontext(waiting.clock) if waiting.clock else stopping_clock() as clock:
        _claim(store, fresh)
        return _follow(jobs, _OwnLedger(ledger_uri, fresh), fresh, replace(waiting, clock=clock))


def watch(job_name: str, *, waiting: Waiting | None = None) -> Ledger:
    """Follow a job that exists to its end. Ctrl-C ends the watching, not the job.

    Args:
        job_name: the full name of the job.
        waiting: how to wait; when its time is over the job is left running.

    Returns:
        What became of the job; outcome `deleted` also if there never was one of that name.

    Raises:
        ServiceError: there are no credentials.
    """
    fresh = Ledger(Life(phase="watch", job_name=job_name), {}, console_url(job_name))
    patient = replace(waiting or Waiting(), leave_at_deadline=True)
    return _follow(lambda client: BatchJob(client, job_name), MemoryStore(), fresh, patient)


def cancel(job_name: str, *, waiting: Waiting | None = None) -> Ledger:
    """Cancel a job and wait until it is at rest; a job that has ended keeps its outcome.

    Raises:
        ServiceError: there are no credentials.
    """
    life = Life(phase="watch", job_name=job_name, asked="cancel", why_asked="cancelled by command")
    fresh = Ledger(life, {}, console_url(job_name))
    return _follow(
        lambda client: BatchJob(client, job_name),
        MemoryStore(),
        fresh,
        waiting or Waiting(),
    )


def policy_for(waiting: Waiting, *, local: bool) -> Policy:
    """How patient to be with the service, or with a stand-in on this machine.

    The stand-in carries out a create before it answers or not at all, and looks at it are free.
    """
    if local:
        return Policy(
            poll_first=0.05,
            poll_max=0.5,
            backoff_first=0.1,
            backoff_max=2.0,
            settle_s=3.0,
            max_wait_s=waiting.max_wait_s,
            leave_at_deadline=waiting.leave_at_deadline,
        )
    return Policy(max_wait_s=waiting.max_wait_s, leave_at_deadline=waiting.leave_at_deadline)


def _follow(
    jobs: Callable[[BatchServiceClient], BatchJob],
    store: LedgerStore,
    fresh: Ledger,
    waiting: Waiting,
) -> Ledger:
    progress = Progress(waiting.say, waiting.on_event, link=not is_local())
    known = fresh

    def on_change(ledger: Ledger) -> None:
        nonlocal known
        known = ledger
        progress(ledger)
        waiting.on_change(ledger)

    try:
        with nullcontext(waiting.clock) if waiting.clock else closing(SystemClock()) as clock:
            return supervise(
                jobs(client_here()),
                store,
                clock,
                fresh=fresh,
                policy=policy_for(waiting, local=is_local()),
                draw=waiting.draw,
                on_change=on_change,
                on_trouble=progress.trouble,
                until="ended" if waiting.until_ended else "made",
            )
    except KeyboardInterrupt:
        waiting.say(f"left at once; {_may_run(known)}")
        raise
    except ServiceError as error:
        if known.job_name:
            fix = f"{error.fix} {_may_run(known)}".strip()
            raise ServiceError(error.what, where=error.where, fix=fix) from error
        raise


def _may_run(ledger: Ledger) -> str:
    """What to know of a job that is no longer followed."""
    request = ledger.request
    name = ledger.job_name or f"{request.get('parent')}/jobs/{request.get('job_id')}"
    return f"The job may still be running; cancel it: intent2batch cancel {name}"


def client_here() -> BatchServiceClient:
    """The client of the Batch service.

    Raises:
        ServiceError: there are no credentials.
    """
    from google.auth.exceptions import GoogleAuthError

    try:
        return batch_client()
    except GoogleAuthError as error:
        raise no_credentials() from error


def _request(names: JobNames, job: Mapping[str, Any]) -> dict[str, Any]:
    query = urlencode({"jobId": names.job_id, "requestId": names.request_id})
    return {
        "method": "POST",
        "url": f"{batch_endpoint()}/v1/{names.parent}/jobs?{query}",
        "parent": names.parent,
        "job_id": names.job_id,
        "request_id": names.request_id,
        "job": job,
    }


def _only_show(store: FileStore | None, fresh: Ledger) -> Ledger:
    life = Life(phase="ended", outcome="dry_run", reason="the request was only shown")
    shown = Ledger(life, fresh.request)
    if store is not None:
        _claim(store, shown)
    return shown


class _OwnLedger(FileStore):
    """The ledger of this job and no other: one claimed it between our claim and our create."""

    def __init__(self, uri: str, fresh: Ledger) -> None:
        super().__init__(uri)
        self._fresh = fresh

    def load(self) -> Loaded | Failed:
        """The ledger as it stands.

        Raises:
            InputError: it is no ledger, or that of another job.
        """
        found = super().load()
        if isinstance(found, Loaded) and found.ledger and _ids(found.ledger) != _ids(self._fresh):
            raise InputError(
                f"This run submits another job at this moment ({_ids(found.ledger)[1]})",
                where=self.uri,
                fix="Give each job a run of its own (--run).",
            )
        return found


def _claim(store: FileStore, fresh: Ledger) -> None:
    """See that the ledger is there for this job, and that it can be written.

    Raises:
        InputError: it holds the life of another job, or a dry run would write over a job's life.
        ServiceError: it cannot be read or written.
    """
    found = store.load()
    if not isinstance(found, Loaded):
        raise ServiceError(f"The ledger cannot be read: {found.reason}", where=store.uri)
    if found.ledger and _was_sent(found.ledger):
        if fresh.outcome is None and _ids(found.ledger) == _ids(fresh):
            return
        raise InputError(
            f"This run has submitted a job already ({found.ledger.request.get('job_id')})",
            where=store.uri,
            fix="Start a new run for a dry run, for a job of other content, or elsewhere.",
        )
    result = store.save(fresh, found.version)
    if isinstance(result, Failed):
        raise ServiceError(f"The ledger cannot be written: {result.reason}", where=store.uri)


def _was_sent(ledger: Ledger) -> bool:
    return bool(ledger.job_name) or ledger.life.unknown_since is not None


def _ids(ledger: Ledger) -> tuple[object, object]:
    return ledger.request.get("parent"), ledger.request.get("job_id")
