"""`intent2batch watch` and `cancel`, and what the verbs about jobs share."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from components.batch.look_into import Look
    from components.config.check import Against
    from components.submit_batch_job.submit import Waiting
    from components.submit_batch_job.watch_many import Known
    from components.supervision.ledger import Ledger

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
    str,
    typer.Option(
        "--max-wait", metavar="TIME", help="Watch so long: 90s, 30m, 2h, 1d; the jobs go on."
    ),
]
CancelAfter = Annotated[
    str,
    typer.Option(
        "--max-wait", metavar="TIME", help="Cancel the job if it takes longer: 90s, 30m, 2h, 1d."
    ),
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Return as soon as the job is made.")]
Force = Annotated[
    bool, typer.Option("--force", help="Submit although the checks find errors; never a policy's.")
]
Prices = Annotated[
    str,
    typer.Option("--prices", metavar="FILE", help="Price file of VMs [the shipped one]."),
]
TaskTime = Annotated[
    str,
    typer.Option("--task-time", metavar="TIME", help="How long a task runs: 90s, 10m, 2h."),
]
Entrypoint = Annotated[
    str,
    typer.Option(
        "--entrypoint", metavar="PROGRAM", help="What its images start; none: they have none."
    ),
]
IndexUnused = Annotated[
    bool, typer.Option("--index-unused", help="Its tasks do not use BATCH_TASK_INDEX.")
]


def register(app: typer.Typer) -> None:
    """Add the two verbs."""
    app.command("watch", short_help="Follow jobs to their end.")(watch)
    app.command("cancel", short_help="Cancel a job and wait until it is at rest.")(cancel)


def watch(
    jobs: Annotated[
        list[str],
        typer.Argument(metavar="JOB", help="Full names or ids; - reads them, a line each."),
    ],
    project: Project = "",
    region: Region = "",
    max_wait: MaxWait = "",
) -> None:
    """Follow jobs to their end; Ctrl-C ends the watching, not the jobs.

    Prints the state and the name of each as it ends. Hundreds are followed by a few reads that
    serve all of them; ends with 1 where one did not succeed.
    """
    from components.errors import WrongUse
    from pipelines.cli.streams import say

    given = [line for job in jobs for line in (sys.stdin.read().split() if job == "-" else [job])]
    region = _said_region(given, region)
    names = list(dict.fromkeys(job_named(job, project, region) for job in given))

    from components.submit_batch_job import submit as steps
    from components.submit_batch_job.outcome import check_outcome

    if not names:
        raise WrongUse("No job is given", fix="Name one or more, or - and a name a line.")
    waiting = steps.Waiting(max_wait_s=seconds_of(max_wait), say=say)
    if len(names) != 1:
        _watch_all(names, waiting)
        return
    told = _existing(steps.watch(names[0], waiting=waiting))
    sys.stdout.write(f"{told.state} {names[0]}\n")
    say_why(told)
    check_outcome(told)


def _watch_all(names: list[str], waiting: Waiting) -> None:
    """Follow many jobs.

    Raises:
        WorkFailed: one of them did not succeed, or was left running.
        ServiceError: they cannot be read.
    """
    from components.errors import WorkFailed
    from components.submit_batch_job.watching import watch_jobs
    from pipelines.cli.streams import say

    def ended(job: Known) -> None:
        if job.ended:
            sys.stdout.write(f"{job.state} {job.name}\n")
            sys.stdout.flush()
        if job.why:
            say(f"{job.name.rpartition('/')[2]}: {job.why}")

    counts = watch_jobs(names, waiting=waiting, on_change=ended).counts
    others = sum(counts.values()) - counts["SUCCEEDED"]
    if others:
        states = ", ".join(f"{count:,} {state}" for state, count in counts.most_common())
        raise WorkFailed(f"{others:,} of {len(names):,} jobs have not succeeded: {states}")


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
    from components.batch.names import job_name

    if "/" not in job:
        project = checked_project(project, region)
        region = _said_region([job], region)
    return job_name(job, project=project, region=region)


def _said_region(jobs: list[str], region: str) -> str:
    """The region of jobs that are given by their ids; where none is given, it is said once."""
    from components.batch.locations import DEFAULT_REGION
    from pipelines.cli.streams import say

    if region or all("/" in job for job in jobs):
        return region
    say(f"region {DEFAULT_REGION} (--region names another)")
    return DEFAULT_REGION


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
    if not found or text.strip()[-1:].isdigit():  # 5 what? a guess may cancel a job
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


def say_end(told: Ledger) -> None:
    """Say how a job that was submitted ended, or that it goes on."""
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
