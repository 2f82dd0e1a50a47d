"""`intent2batch tasks` and `tail`: what each task of a job did, why it failed, what it prints."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.jobs import Job, Project, Region, job_named, no_such_job, say_causes

if TYPE_CHECKING:
    from components.batch.log_tail import LogLine, Source
    from components.batch.service import Service

_MOST_TASKS = 100  # their names keep the filter below the 20,000 characters that Logging takes


def register(app: typer.Typer) -> None:
    """Add the two verbs."""
    app.command("tasks", short_help="Show what each task of a job did, and why some failed.")(tasks)
    app.command("tail", short_help="Show what the tasks of a job print.")(tail)


def tasks(
    job: Job,
    project: Project = "",
    region: Region = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON list, one task a line.")
    ] = False,
) -> None:
    """Print what each task of a job did, and why failed ones failed.

    The table goes to standard output; the diagnosis, which reads the last lines of up to 40 failed
    tasks, follows on standard error.
    """
    name = job_named(job, project, region)

    from components.batch.service import live_service, told_by_service
    from pipelines.cli.streams import say

    try:
        _print_tasks(live_service(say), name, as_json=as_json)
    except Exception as error:
        if not told_by_service(error):
            raise
        raise service_error(error, name) from error


def tail(
    job: Job,
    project: Project = "",
    region: Region = "",
    task: Annotated[
        list[int] | None,
        typer.Option("--task", metavar="N", min=0, help="Only this task; may be repeated."),
    ] = None,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=1, max=10_000, help="So many of the newest lines.")
    ] = 100,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new lines until the job has ended.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print an object a line: task, time, severity, text.")
    ] = False,
) -> None:
    """Print the last lines that the tasks of a job printed, each behind the index of its task.

    They are read from Cloud Logging, at most 30 times a minute: half of what the project may.
    """
    from components.batch.log_tail import follow as followed
    from components.batch.log_tail import last_lines
    from components.batch.service import told_by_service
    from components.errors import WrongUse
    from pipelines.cli.streams import say

    wanted = list(dict.fromkeys(task or ()))
    if len(wanted) > _MOST_TASKS:
        raise WrongUse(f"{len(wanted)} tasks are given", fix=f"Give at most {_MOST_TASKS}.")
    name = job_named(job, project, region)
    try:
        source, ended = _source(name, wanted)
        found = followed(source, lines, ended) if follow else last_lines(source, lines)
        printed = False
        for line in found:
            printed = True
            _print_line(line, alone=len(wanted) == 1, as_json=as_json)
        if not printed:
            say("nothing was printed, or it has not arrived in Cloud Logging yet")
    except Exception as error:
        if not told_by_service(error):
            raise
        raise service_error(error, name) from error


def _source(name: str, wanted: list[int]) -> tuple[Source, Callable[[], bool]]:
    """Where the lines of the job are read, and whether it has ended.

    Raises:
        InputError: the job keeps no logs in Cloud Logging, or has no such task.
    """
    from components.batch.client import is_local
    from components.batch.job_json import job_json
    from components.batch.log_tail import LOCAL, Pace, Source
    from components.batch.logs import is_name, logging_session
    from components.batch.service import live_service
    from components.batch.states import ENDED, job_stage, job_state_name
    from components.batch.task_rows import GROUP, job_facts
    from components.errors import InputError
    from components.rounds.build import task_count
    from components.supervision.clock import SystemClock
    from components.tables.formats import plural
    from pipelines.cli.streams import say

    calls = live_service(say)
    job = calls.job(name)
    told = job_json(job)
    policy = told.get("logsPolicy", {})
    count = task_count(told)
    if beyond := [index for index in wanted if index >= count]:
        raise InputError(
            f"There is no task {beyond[0]}: the job has {plural(count, 'task')}, counted from 0",
            where=name,
        )
    group, _ = job_facts(job, GROUP, "")
    if policy.get("destination") != "CLOUD_LOGGING" or not is_name(job.uid, group):
        raise InputError(
            "The job sends nothing to Cloud Logging",
            where=name,
            fix=f"Its output lies at {policy['logsPath']}, on a volume of its tasks."
            if policy.get("logsPath")
            else "Set logsPolicy.destination to CLOUD_LOGGING in the next one.",
        )
    session, endpoint = logging_session()
    source = Source(
        session,
        endpoint,
        name.split("/")[1],
        job.uid,
        group,
        wanted,
        SystemClock(),
        LOCAL if is_local() else Pace(),
        say,
    )

    def ended() -> bool:
        return job_stage(job_state_name(calls.job(name).status.state)) in ENDED

    return source, ended


def _print_line(line: LogLine, *, alone: bool, as_json: bool) -> None:
    from components.tables.text import json_text, one_line

    if as_json:
        sys.stdout.write(json_text(asdict(line)) + "\n")
    else:
        mark = "" if alone else f"[{line.task}] "
        for piece in line.text.rstrip("\n").split("\n"):
            sys.stdout.write(f"{mark}{one_line(piece)}\n")
    sys.stdout.flush()


def _print_tasks(calls: Service, name: str, *, as_json: bool) -> None:
    from components.aggregate_results.spool import Spool
    from components.aggregate_results.terminal import terminal_table
    from components.batch.look_into import look_at, look_into
    from components.batch.task_rows import rows_of
    from components.tables.text import json_text

    job = calls.job(name)
    _say_whose(job)
    with Spool() as spool:
        for row in rows_of(calls, name, job):
            spool.add(row)
        rows = spool.in_order({})
        if as_json:
            lines = (json_text(row) for row in rows)
            sys.stdout.write("[\n" + ",\n".join(lines) + "\n]\n")
            return
        terminal_table(rows, sys.stdout, limit=len(spool))
        sys.stdout.flush()
        failed = [row for row in spool.in_order({}) if row["state"] == "FAILED"]
    say_causes(look_at(calls, name, job, failed) if failed else look_into(name, calls))


def _say_whose(job: Any) -> None:
    """Say of a rerun which tasks of the first job its own are."""
    from components.batch.job_json import job_json
    from components.batch.rerun_marks import RERUN_OF, marked_indexes
    from components.tables.formats import ranges
    from pipelines.cli.streams import say

    indexes = marked_indexes(job_json(job))
    if indexes:
        say(f"a rerun: its tasks 0 to {len(indexes) - 1} are tasks {ranges(indexes)} "
            f"of {job.labels.get(RERUN_OF, 'the first job')}")  # fmt: skip


def service_error(error: Exception, name: str) -> Exception:
    """What the services said of a job's tasks, as an error for a person."""
    from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError

    from components.credentials import expired, no_credentials, only_away
    from components.errors import Intent2BatchError, ServiceError

    if isinstance(error, Intent2BatchError):
        return error
    if isinstance(error, DefaultCredentialsError):
        return no_credentials()
    if isinstance(error, GoogleAuthError) and not only_away(error):
        return expired()
    code = getattr(error, "code", None)
    if code == 401:
        return expired()
    if code == 404:
        return no_such_job(name)
    return ServiceError(f"The tasks cannot be listed ({error})", where=name)
