"""`intent2batch submit`: one Batch job without a pipeline."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.jobs import (
    CancelAfter,
    Entrypoint,
    Force,
    IndexUnused,
    NoWait,
    Prices,
    Project,
    TaskTime,
    checked_job,
    checked_project,
    say_end,
    seconds_of,
    tell_cost,
)
from pipelines.cli.policy import PolicyFile, held_against

if TYPE_CHECKING:
    from components.config.check import Against
    from components.supervision.ledger import Ledger

_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("submit", short_help="Submit a job and wait for it.")(submit)


def submit(
    job_file: Annotated[
        str,
        typer.Argument(
            metavar="JOB.json", help="The job, JSON or YAML: a file, a gs:// address, or -."
        ),
    ],
    project: Project = "",
    region: Annotated[
        str,
        typer.Option("--region", help="Region of the job [the one that it names, or us-central1]."),
    ] = "",
    run: Annotated[
        str, typer.Option("--run", help="Name of this run; the same run submits a job only once.")
    ] = "",
    ledger: Annotated[
        str,
        typer.Option("--ledger", metavar="PATH", help="Where the job's life is kept; local or gs."),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the exact request and call nothing.")
    ] = False,
    no_wait: NoWait = False,
    max_wait: CancelAfter = "",
    leave: Annotated[
        bool, typer.Option("--leave", help="Leave the job running when --max-wait is over.")
    ] = False,
    force: Force = False,
    policy: PolicyFile = "",
    max_cost: Annotated[
        float,
        typer.Option(
            "--max-cost",
            metavar="USD",
            min=0,
            show_default=False,
            help="Send nothing that may cost more at worst [no limit].",
        ),
    ] = 0.0,
    task_time: TaskTime = "",
    prices: Prices = "",
    adapt: Annotated[
        bool,
        typer.Option("--adapt", help="Run failed tasks again, changed, where that may help."),
    ] = False,
    adapt_rounds: Annotated[
        int, typer.Option("--adapt-rounds", min=1, max=10, help="So many times at most.")
    ] = 2,
    adapt_preemptions: Annotated[
        int,
        typer.Option("--adapt-preemptions", min=1, help="Standard VMs after so many preemptions."),
    ] = 2,
    adapt_time: Annotated[
        bool, typer.Option("--adapt-time", help="Tasks that ran out of time may have more.")
    ] = False,
    entrypoint: Entrypoint = "",
    index_unused: IndexUnused = False,
) -> None:
    """Submit a Batch job and wait for it; Ctrl-C cancels it.

    Prints the job's full name. The same command with the same --run goes on where it was. With
    --adapt, tasks that failed for want of memory, of Spot VMs or of machines run again with more
    or other ones, in a job of their own; --max-cost then holds all of these jobs together.
    """
    from components.batch.locations import job_region
    from components.batch.worst_cost import worst_cost
    from components.rounds.adapt import Adapt
    from components.rounds.payload import Choices
    from components.submit_batch_job.adapting import Bounds, submit_and_adapt
    from components.submit_batch_job.outcome import check_outcome
    from components.submit_batch_job.submit import Waiting
    from pipelines.cli import streams
    from pipelines.cli.streams import print_json, say

    adapted = adapt_time or (adapt_rounds, adapt_preemptions) != (2, 2)
    _check_together(adapt=adapt, adapted=adapted, no_wait=no_wait, leave=leave, max_wait=max_wait)
    project = checked_project(project, region)
    against = held_against(policy, region, prices)
    content = _checked(job_file, against, force=force)
    if not region:
        region = job_region(content)
        say(f"region {region} (--region names another)")
    tell_cost(content, region, max_cost=max_cost, task_time=task_time, prices=prices)
    kept = not dry_run or bool(ledger)
    run, ledger = _run_and_ledger(run, ledger, job_file)
    if kept:
        say(f"ledger {ledger}")
    announced = set[str]()

    def announce(told: Ledger) -> None:
        if told.job_name and told.job_name not in announced:
            announced.add(told.job_name)
            streams.write_name(told.job_name)
            say(f"  watch it:  intent2batch watch {told.job_name}")
            say(f"  cancel it: intent2batch cancel {told.job_name}")

    waiting = Waiting(
        until_ended=not no_wait,
        max_wait_s=seconds_of(max_wait),
        leave_at_deadline=leave,
        say=say,
        on_change=announce,
    )
    told = submit_and_adapt(
        content,
        project=project,
        region=region,
        run=run,
        ledger_uri=ledger if kept else "",
        dry_run=dry_run,
        waiting=waiting,
        bounds=Bounds(
            Adapt(adapt_rounds, adapt_preemptions, adapt_time),
            against,
            worst_cost(region, prices),
            max_cost,
            Choices(entrypoint, index_unused),
        )
        if adapt
        else None,
    ).ledger
    if dry_run:
        print_json(told.request)
    say_end(told)
    check_outcome(told)


def _check_together(
    *, adapt: bool, adapted: bool, no_wait: bool, leave: bool, max_wait: str
) -> None:
    """Refuse options that would do nothing.

    Raises:
        WrongUse: says which.
    """
    from components.errors import WrongUse

    if adapt and no_wait:
        raise WrongUse("--adapt waits for what a job comes to", fix="Leave out --no-wait.")
    if adapted and not adapt:
        raise WrongUse("--adapt-… says how --adapt does it", fix="Add --adapt.")
    if leave and not max_wait:
        raise WrongUse("--leave says what --max-wait does", fix="Add --max-wait TIME.")


def _checked(job_file: str, against: Against, *, force: bool) -> dict[str, Any]:
    """The job in the file, if the checks find no error in it.

    Raises:
        WrongUse: the file cannot be read.
        InputError: as `checked_job`.
    """
    from pipelines.cli.files import read_file, shown_name

    return checked_job(read_file(job_file), shown_name(job_file), against, force=force)


def _run_and_ledger(run: str, ledger: str, job_file: str) -> tuple[str, str]:
    """The run's name and where its ledger lies.

    A run without a name is new each time; with --ledger alone, the folder names the run, so that
    the same command goes on with the same job.
    """
    from components.errors import WrongUse
    from components.submit_batch_job.run_step import run_identity

    if ledger:
        folder = ledger.rsplit("/", 1)[0] if "/" in ledger else os.path.basename(os.getcwd())
        return run or run_identity(folder), ledger
    run = run or new_run(job_file)
    if not _RUN.fullmatch(run):
        raise WrongUse(
            f"{run!r} cannot be the name of a run",
            fix="Use letters, digits, dots, dashes and underscores.",
        )
    return run, f"runs/{run}/submission.json"


def new_run(job_file: str) -> str:
    """A name for a run that no other has: the file's, the time, and some chance."""
    import secrets
    from datetime import UTC, datetime
    from pathlib import PurePosixPath

    stem = re.sub(r"[^A-Za-z0-9]+", "-", PurePosixPath(job_file).stem).strip("-") or "job"
    return f"{stem[:40]}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
