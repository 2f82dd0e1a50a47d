"""`intent2batch rerun`: a new job with only those tasks of another that did not succeed."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.jobs import (
    CancelAfter,
    Entrypoint,
    Force,
    IndexUnused,
    Job,
    NoWait,
    Prices,
    Project,
    Region,
    TaskTime,
    checked_job,
    job_named,
    say_causes,
    seconds_of,
    tell_cost,
)
from pipelines.cli.policy import PolicyFile, held_against
from pipelines.cli.tasks import service_error

if TYPE_CHECKING:
    from components.rounds.following import NextRound
    from components.rounds.gather import Series
    from components.submit_batch_job.submit import Waiting
    from components.supervision.ledger import Ledger


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("rerun", short_help="Run only the failed tasks of a job again.")(rerun)


def rerun(
    job: Job,
    project: Project = "",
    region: Region = "",
    failed: Annotated[
        bool, typer.Option("--failed", help="The tasks that did not succeed (required).")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the exact request and make nothing.")
    ] = False,
    entrypoint: Entrypoint = "",
    index_unused: IndexUnused = False,
    manifest: Annotated[
        str,
        typer.Option("--manifest", metavar="gs://…", help="Folder for the indexes of over 200."),
    ] = "",
    no_wait: NoWait = False,
    max_wait: CancelAfter = "",
    max_cost: Annotated[
        float,
        typer.Option(
            "--max-cost",
            metavar="USD",
            min=0,
            show_default=False,
            help="Of the job and all its reruns, at worst [no limit].",
        ),
    ] = 0.0,
    task_time: TaskTime = "",
    prices: Prices = "",
    policy: PolicyFile = "",
    force: Force = False,
) -> None:
    """Run the failed tasks of a job again, in a new job; what succeeded stays as it is.

    Tasks that never ran count as failed. JOB may itself be such a rerun. The command said again
    takes a rerun that is still running up, or makes the next one of what is left.
    """
    from components.batch.service import live_service, told_by_service
    from components.errors import WrongUse
    from components.rounds.gather import gather
    from pipelines.cli.streams import say

    if not failed:
        raise WrongUse("What is to run again is not said", fix="Add --failed.")
    name = job_named(job, project, region)
    try:
        series = gather(name, live_service(say))
    except Exception as error:
        if not told_by_service(error):
            raise
        raise service_error(error, name) from error
    if not _something_to_do(series):
        return
    from components.submit_batch_job.submit import Waiting

    waiting = Waiting(until_ended=not no_wait, max_wait_s=seconds_of(max_wait), say=say)
    if not series.last.ended:
        _follow(series, waiting)
        return
    made = _prepared(series, entrypoint, index_unused, manifest)
    region = series.first.name.split("/")[3]
    shown = f"rerun {made.number} of {series.first.name}"
    data = json.dumps(made.job, ensure_ascii=False).encode()
    content = checked_job(data, shown, held_against(policy, region, prices), force=force)
    _hold_to_budget(series, content, region, max_cost=max_cost, task_time=task_time, prices=prices)
    _submit(series, made, dry_run=dry_run, waiting=waiting)


def _something_to_do(series: Series) -> bool:
    """Whether there is something to run again; says what there is.

    Raises:
        InputError: the first job has not ended.
    """
    from components.errors import InputError
    from components.tables.formats import plural, ranges
    from pipelines.cli.streams import say

    if not series.first.ended:
        raise InputError(
            f"The job has not ended (state {series.first.state})",
            where=series.first.name,
            fix=f"Wait for it: intent2batch watch {series.first.name}",
        )
    for each in series.rounds:
        what = f"rerun {each.number}" if each.number else "first run"
        say(
            f"{what}: {len(each.succeeded):,} of {plural(len(each.indexes), 'task')} succeeded "
            f"({each.name.rpartition('/')[2]}, {each.state})"
        )
    left = series.left
    if not left:
        say("every task has succeeded; there is nothing to run again")
        return False
    new = "" if len(left) == len(series.first.indexes) else "; Batch counts them from 0 again"
    say(f"to run again: {plural(len(left), 'task')} ({ranges(left)}){new}")
    return True


def _follow(series: Series, waiting: Waiting) -> None:
    """Follow a rerun that somebody made already."""
    from components.submit_batch_job import submit as steps
    from components.submit_batch_job.outcome import check_outcome
    from pipelines.cli.streams import say

    last = series.last
    say(
        f"rerun {last.number} is under way and is followed; Ctrl-C and --max-wait end "
        "the following only"
    )
    sys.stdout.write(f"{last.name}\n")
    sys.stdout.flush()
    if not waiting.until_ended:
        return
    told = steps.watch(last.name, waiting=waiting)
    _say_end(told, series, last.indexes)
    check_outcome(told)


def _prepared(series: Series, entrypoint: str, index_unused: bool, manifest: str) -> NextRound:
    from components.errors import WrongUse
    from components.rounds.following import next_round
    from components.rounds.payload import Choices
    from components.storage.uris import is_gcs, split_gcs

    if manifest:
        if not is_gcs(manifest):
            raise WrongUse("--manifest is no place on Cloud Storage", fix="Give gs://BUCKET/FOLDER")
        split_gcs(manifest)
    return next_round(series, Choices(entrypoint, index_unused), folder=manifest)


def _hold_to_budget(
    series: Series,
    content: dict[str, Any],
    region: str,
    *,
    max_cost: float,
    task_time: str,
    prices: str,
) -> None:
    from components.batch.budget import check_budget
    from components.batch.worst_cost import worst_cost
    from components.errors import InputError
    from components.rounds.following import over_all

    check_budget(max_cost)
    tell_cost(content, region, max_cost=0.0, task_time=task_time, prices=prices)
    jobs = [*(each.job for each in series.rounds), content]
    over = over_all(jobs, worst_cost(region, prices), max_cost)
    if over:
        raise InputError(
            f"Nothing was submitted. {over}",
            fix="Allow more, or shorten maxRunDuration in a job of its own for what is left.",
        )


def _submit(series: Series, made: NextRound, *, dry_run: bool, waiting: Waiting) -> None:
    from dataclasses import replace

    from components.submit_batch_job.outcome import check_outcome
    from components.submit_batch_job.submit import submit_named
    from pipelines.cli import streams
    from pipelines.cli.streams import print_json, say

    ledger = f"runs/{made.names.job_id}/submission.json"
    if not dry_run:
        _check_not_gone(ledger)
        made.write_manifest()
        say(f"ledger {ledger}")
    announced = set[str]()

    def announce(told: Ledger) -> None:
        if told.job_name and told.job_name not in announced:
            announced.add(told.job_name)
            streams.write_name(told.job_name)

    told = submit_named(
        made.job,
        made.names,
        ledger_uri="" if dry_run else ledger,
        dry_run=dry_run,
        waiting=replace(waiting, on_change=announce),
    )
    if dry_run:
        if made.manifest:
            say(f"the indexes would be written to {made.manifest}")
        print_json(told.request)
        return
    _say_end(told, series, made.indexes)
    check_outcome(told)


def _check_not_gone(ledger: str) -> None:
    """Refuse a round that ended and was deleted since: its tasks' results are not known any more.

    Raises:
        InputError: says so.
    """
    from components.errors import InputError
    from components.supervision.driver import FileStore, Loaded

    found = FileStore(ledger).load()
    told = found.ledger if isinstance(found, Loaded) else None
    if told is not None and told.outcome not in (None, "refused", "dry_run"):
        raise InputError(
            f"This rerun was made already, {told.outcome}, and its job is gone",
            where=ledger,
            fix="Remove the ledger to run its tasks once more.",
        )


def _say_end(told: Ledger, series: Series, indexes: Any) -> None:
    """Say what came of it, with the indexes of the first job."""
    from dataclasses import replace

    from components.batch.look_into import look_into
    from components.tables.formats import plural
    from pipelines.cli.streams import say

    if told.outcome == "succeeded":
        left = len(set(series.left) - set(indexes))
        rest = f"still to run again: {plural(left, 'task')}" if left else "with it every task has"
        say(f"succeeded; {rest}")
    elif told.outcome is None:
        say("the job goes on")
    elif told.outcome == "failed":
        found = look_into(told.job_name)
        named = [
            replace(cause, tasks=[indexes[at] for at in cause.tasks if at < len(indexes)])
            for cause in found.causes
        ]
        say_causes(replace(found, causes=named))
