"""`intent2batch tasks`: what each task of a job did, and why the failed ones failed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.jobs import Job, Project, Region, job_named, no_such_job, say_causes

if TYPE_CHECKING:
    from components.batch.service import Service


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("tasks")(tasks)


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

    try:
        _print_tasks(live_service(), name, as_json=as_json)
    except Exception as error:
        if not told_by_service(error):
            raise
        raise service_error(error, name) from error


def _print_tasks(calls: Service, name: str, *, as_json: bool) -> None:
    from components.aggregate_results.spool import Spool
    from components.batch.look_into import look_at, look_into
    from components.batch.task_rows import rows_of
    from components.tables.text import json_text

    job = calls.job(name)
    with Spool() as spool:
        for row in rows_of(calls, name, job):
            spool.add(row)
        rows = spool.in_order({})
        if as_json:
            lines = (json_text(row) for row in rows)
            sys.stdout.write("[\n" + ",\n".join(lines) + "\n]\n")
            return
        sys.stdout.write(_line("task", "state", "exit", "tries", "time", "zone", "what it means"))
        for row in rows:
            sys.stdout.write(_task_line(row))
        sys.stdout.flush()
        failed = [row for row in spool.in_order({}) if row["state"] == "FAILED"]
    say_causes(look_at(calls, name, job, failed) if failed else look_into(name, calls))


def _task_line(row: dict[str, Any]) -> str:
    from components.tables.formats import duration

    code = "" if row["exit_code"] is None else row["exit_code"]
    time = duration(row["duration_s"])
    meaning = "" if row["exit_code"] == 0 else row["meaning"]
    return _line(row["index"], row["state"], code, row["attempts"], time, row["zone"], meaning)


def _line(
    index: object, state: object, code: object, tries: object, time: object, zone: object, why: str
) -> str:
    from components.tables.text import one_line

    line = f"{index:>6}  {state:<10}  {code:>5}  {tries:>5}  {time:>12}  {zone:<16}  {why}"
    return one_line(line).rstrip() + "\n"


def service_error(error: Exception, name: str) -> Exception:
    """What the services said of a job's tasks, as an error for a person."""
    from components.errors import Intent2BatchError, ServiceError

    if isinstance(error, Intent2BatchError):
        return error
    if getattr(error, "code", None) == 404:
        return no_such_job(name)
    return ServiceError(f"The tasks cannot be listed ({error})", where=name)
