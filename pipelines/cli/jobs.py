"""`intent2batch submit`, `watch` and `cancel`: one Batch job without a pipeline."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.policy import PolicyFile, held_against

if TYPE_CHECKING:
    from components.batch.look_into import Look
    from components.config.check import Against
    from components.supervision.ledger import Ledger

_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")

Job = Annotated[
    str, typer.Argument(metavar="JOB", help="projects/P/locations/R/jobs/ID, or only ID.")
]
Project = Annotated[
    str, typer.Option("--project", help="Id of the project [GOOGLE_CLOUD_PROJECT].")
]
Region = Annotated[
    str, typer.Option("--region", help="Region of the job, where JOB is only ID [us-central1].")
]
MaxWait = Annotated[
    str, typer.Option("--max-wait", metavar="TIME", help="How long to wait: 90s, 30m, 2h, 1d.")
]
Prices = Annotated[
    str,
    typer.Option("--prices", metavar="FILE", help="Price file of VMs, not the shipped one."),
]
TaskTime = Annotated[
    str,
    typer.Option("--task-time", metavar="TIME", help="How long a task runs: 90s, 10m, 2h."),
]


def register(app: typer.Typer) -> None:
    """Add the three verbs."""
    app.command("submit")(submit)
    app.command("watch")(watch)
    app.command("cancel")(cancel)


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
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Return as soon as the job is made.")
    ] = False,
    max_wait: MaxWait = "",
    leave: Annotated[
        bool, typer.Option("--leave", help="Leave the job running when --max-wait is over.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Submit although Batch's rules find errors.")
    ] = False,
    policy: PolicyFile = "",
    max_cost: Annotated[
        float,
        typer.Option(
            "--max-cost", metavar="USD", min=0, help="Send nothing that may cost more at worst."
        ),
    ] = 0.0,
    task_time: TaskTime = "",
    prices: Prices = "",
) -> None:
    """Submit a Batch job and wait for it; Ctrl-C cancels it.

    Prints the job's full name. The same command with the same --run goes on where it was.
    """
    from components.batch.locations import job_region
    from components.submit_batch_job.outcome import check_outcome
    from components.submit_batch_job.submit import Waiting, submit_and_watch
    from pipelines.cli.streams import print_json, say

    project = checked_project(project, region)
    content = _checked(job_file, held_against(policy, region, prices), force=force)
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
            sys.stdout.write(f"{told.job_name}\n")
            sys.stdout.flush()
            say(f"  watch it:  intent2batch watch {told.job_name}")
            say(f"  cancel it: intent2batch cancel {told.job_name}")

    told = submit_and_watch(
        content,
        project=project,
        region=region,
        run=run,
        ledger_uri=ledger if kept else "",
        dry_run=dry_run,
        waiting=Waiting(
            until_ended=not no_wait,
            max_wait_s=seconds_of(max_wait),
            leave_at_deadline=leave,
            say=say,
            on_change=announce,
        ),
    )
    if dry_run:
        print_json(told.request)
    _say_end(told)
    check_outcome(told)


def watch(job: Job, project: Project = "", region: Region = "", max_wait: MaxWait = "") -> None:
    """Follow a job to its end; Ctrl-C ends the watching, not the job."""
    from pipelines.cli.streams import say

    name = job_named(job, project, region)

    from components.submit_batch_job import submit as steps
    from components.submit_batch_job.outcome import check_outcome

    waiting = steps.Waiting(max_wait_s=seconds_of(max_wait), say=say)
    told = _existing(steps.watch(name, waiting=waiting))
    sys.stdout.write(f"{told.state} {name}\n")
    say_why(told)
    check_outcome(told)


def cancel(job: Job, project: Project = "", region: Region = "") -> None:
    """Cancel a job and wait until it is at rest; a job that has ended stays as it is."""
    from pipelines.cli.streams import say

    name = job_named(job, project, region)

    from components.submit_batch_job import submit as steps
    from components.submit_batch_job.outcome import failure

    told = _existing(steps.cancel(name, waiting=steps.Waiting(say=say)))
    if told.outcome == "refused":
        error = failure(told)
        if error is not None:
            raise error
    sys.stdout.write(f"{told.state} {name}\n")


def checked_project(project: str, region: str) -> str:
    """The project to use; the region is only looked at."""
    from components.batch.locations import DEFAULT_REGION
    from components.batch.names import parent_name
    from components.project import project_here

    project = project or project_here()
    parent_name(project, region or DEFAULT_REGION)
    return project


def job_named(job: str, project: str, region: str) -> str:
    """The full name of the job that was meant."""
    from components.batch.locations import DEFAULT_REGION
    from components.batch.names import job_name
    from pipelines.cli.streams import say

    if "/" not in job:
        project = checked_project(project, region)
        if not region:
            region = DEFAULT_REGION
            say(f"region {region} (--region names another)")
    return job_name(job, project=project, region=region)


def _checked(job_file: str, against: Against, *, force: bool) -> dict[str, Any]:
    """The job in the file, if the checks find no error in it.

    Raises:
        WrongUse: the file cannot be read.
        InputError: as `checked_job`.
    """
    from pipelines.cli.files import read_file, shown_name

    return checked_job(read_file(job_file), shown_name(job_file), against, force=force)


def checked_job(data: bytes, shown: str, against: Against, *, force: bool) -> dict[str, Any]:
    """The job in a text, if the checks find no error in it.

    Raises:
        InputError: there is no job in it, or one with errors; with `force`, one that breaks the
            policy. All of them stand on standard error.
    """
    from components.batch.policy import POLICY_RULES
    from components.config.check import validate_bytes
    from components.errors import InputError
    from components.validate_config import formats

    checked = validate_bytes(data, shown, against=against)
    errors = checked.errors
    if errors:
        sys.stderr.write(formats.as_text(errors, [shown]))
    forbidden = any(error.rule in POLICY_RULES for error in errors)
    if checked.job is None or forbidden or (errors and not force):
        fix = "Mend the job (`intent2batch validate --fix` mends some), or submit with --force."
        raise InputError(
            "The job has an error and was not submitted"
            if len(errors) == 1
            else f"The job has {len(errors)} errors and was not submitted",
            where=shown,
            fix="Change what breaks the policy; --force does not pass it." if forbidden else fix,
        )
    return checked.job


def tell_cost(
    job: dict[str, Any], region: str, *, max_cost: float, task_time: str, prices: str
) -> None:
    """Say what the job will cost.

    Raises:
        InputError: at worst more than it may, or nobody knows how much.
    """
    from components.batch.budget import check_budget, over_budget, within_budget
    from components.batch.forecast_words import one_line
    from components.errors import InputError
    from pipelines.cli.forecast import forecast_of
    from pipelines.cli.streams import say

    check_budget(max_cost)
    told = forecast_of(job, prices=prices, task_time=task_time, region=region)
    say(f"forecast: {one_line(told)}")
    over = over_budget(told, max_cost)
    if over:
        raise InputError(f"Nothing was submitted. {over}", fix=within_budget(told))


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


def seconds_of(text: str) -> float | None:
    """`90s`, `30m`, `2h`, `1d` in seconds; None for nothing.

    Raises:
        WrongUse: it is no time.
    """
    from components.batch.durations import meant_seconds
    from components.errors import WrongUse

    if not text:
        return None
    found = meant_seconds(text)
    if not found:
        raise WrongUse(f"{text!r} is not a time", fix="Write 90s, 30m, 2h or 1d.")
    return found


def _existing(told: Ledger) -> Ledger:
    """The ledger of a job that there was.

    Raises:
        InputError: the service knows no such job.
    """
    if told.outcome == "deleted" and not told.state:
        raise no_such_job(told.job_name)
    return told


def no_such_job(name: str) -> Exception:
    """The error of a job that the service does not know."""
    from components.errors import InputError

    return InputError(
        "There is no such job",
        where=name,
        fix="Batch deletes jobs 60 days after they end; check project and region.",
    )


def _say_end(told: Ledger) -> None:
    from pipelines.cli.streams import say

    if told.outcome == "succeeded":
        say(f"succeeded; what each task did: intent2batch tasks {told.job_name}")
    elif told.outcome is None:
        say("the job goes on")
    say_why(told)


def say_why(told: Ledger) -> None:
    """Say why a job failed, by its tasks' exit codes and last lines; nothing of any other end."""
    if told.outcome != "failed":
        return
    from components.batch.look_into import look_into

    say_causes(look_into(told.job_name))


def say_causes(found: Look) -> None:
    """Tell what was found of why tasks, or their job, failed."""
    from components.batch.diagnosis import cause_lines
    from pipelines.cli.streams import tell

    for line in [*cause_lines([cause.to_dict() for cause in found.causes]), *found.notes]:
        tell(line)
