"""Ask the services why a job failed or waits, in a handful of calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from components.batch.diagnosis import Cause, job_cause, task_causes
from components.batch.failures import Failures
from components.batch.job_json import job_json
from components.batch.names import JOB_NAME
from components.batch.service import Service, live_service, told_by_service
from components.batch.states import job_stage, job_state_name
from components.batch.task_rows import GROUP, job_facts, rows_of
from components.supervision.life import Event
from components.tables.columns import Row
from components.tables.formats import plural

_TASKS = 5_000  # failed tasks that are listed: five calls
_TAILS = 40  # of so many of them the output is read
_READS = 3  # requests to Cloud Logging, of which the project has 60 a minute


@dataclass(frozen=True)
class Look:
    """What was found.

    Attributes:
        causes: why, the most frequent reason first.
        notes: what could not be read, and what else is worth knowing.
    """

    causes: Sequence[Cause] = ()
    notes: Sequence[str] = ()


def look_into(name: str, service: Service | None = None) -> Look:
    """Why a job failed, or for what it waits; an empty look for one that does neither.

    Args:
        name: `projects/P/locations/L/jobs/J`.
        service: the calls; the real ones if None.

    Never raises for what the services do or refuse: a note says it.
    """
    try:
        calls = service or live_service()
        job = calls.job(name)
        if job_stage(job_state_name(job.status.state)) == "failed":
            failed = islice(rows_of(calls, name, job, "FAILED"), _TASKS)
            return look_at(calls, name, job, failed)
        return Look(_waiting(job))
    except Exception as error:
        if not told_by_service(error):
            raise
        return Look(
            notes=[f"Why it failed could not be looked up: {type(error).__name__}: {error}"]
        )


def look_at(calls: Service, name: str, job: Any, failed: Iterable[Row]) -> Look:
    """Why tasks that are listed already failed, or why their job did.

    Args:
        calls: the services.
        name: the job's full name.
        job: its raw Job message.
        failed: the rows of its failed tasks.
    """
    failures = Failures()
    for row in failed:
        failures.add(row)
    notes = [_never_ran(job)]
    if not failures.by_code:
        return Look(_of_job(job), [note for note in notes if note])
    told = job_json(job)
    tails: Mapping[int, str] = {}
    if told.get("logsPolicy", {}).get("destination") == "CLOUD_LOGGING":
        found = calls.tails(
            job.uid,
            failures.worth_reading(_TAILS),
            project=_project(name),
            group=job_facts(job, GROUP, "")[0],
            max_requests=_READS,
        )
        tails = found.text
        notes.append(found.note)
    return Look(task_causes(failures, tails, told), [note for note in notes if note])


def _waiting(job: Any) -> list[Cause]:
    stage = job_stage(job_state_name(job.status.state))
    return _of_job(job) if stage == "waiting" else []


def _of_job(job: Any) -> list[Cause]:
    events = [
        Event(str(e.event_time.ToJsonString()), e.type_, e.description)
        for e in sorted(job.status.status_events, key=lambda e: e.event_time.ToNanoseconds())
    ]
    cause = job_cause(events)
    return [cause] if cause else []


def _never_ran(job: Any) -> str:
    counts: dict[str, int] = {}
    for group in job.status.task_groups.values():
        counts |= dict(group.counts)
    number = counts.get("UNEXECUTED", 0)
    return f"{plural(number, 'task')} never ran: the job ended before." if number else ""


def _project(name: str) -> str:
    found = JOB_NAME.fullmatch(name)
    return found["project"] if found else ""
