"""`intent2batch schedule`: what recurs on Vertex AI."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.run_options import (
    NoCache,
    ParameterFile,
    Parameters,
    Pipeline,
    ServiceAccount,
    Template,
)

if TYPE_CHECKING:
    from pipelines.schedules.vertex import Schedules
    from pipelines.schedules.wanted import WantedSchedule

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the schedule.")]
Project = Annotated[str, typer.Option(help="Id of the project [GOOGLE_CLOUD_PROJECT].")]
Region = Annotated[str, typer.Option(help="Region of the schedules [us-central1].")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

group = typer.Typer(
    help="Schedules on Vertex AI: set one, or keep many in a file; list, pause, resume, delete. "
    "Those of Kubeflow are made by kfp's own client (docs/schedules.md).",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.add_typer(group, name="schedule", short_help="Run a pipeline again and again on Vertex AI.")


@group.command("set")
def set_one(
    name: Name,
    pipeline: Pipeline,
    cron: Annotated[
        str,
        typer.Option(
            metavar="CRON", help='When: "TZ=Europe/London 0 3 * * *"; in UTC without TZ=ZONE.'
        ),
    ],
    parameter: Parameters = None,
    params: ParameterFile = None,
    project: Project = "",
    region: Region = "",
    template: Template = "",
    root: Annotated[
        str,
        typer.Option(metavar="gs://…", help="Folder for the runs' files [INTENT2BATCH_ROOT]."),
    ] = "",
    service_account: ServiceAccount = "",
    label: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A label of the runs.")
    ] = None,
    no_cache: NoCache = False,
    at_once: Annotated[int, typer.Option(help="Runs that may be under way at once.")] = 1,
    queue: Annotated[
        bool, typer.Option("--queue", help="Let a run wait for room; else it is left out.")
    ] = False,
    max_runs: Annotated[int, typer.Option(help="End after so many runs; 0 goes on.")] = 0,
    start: Annotated[str, typer.Option(metavar="TIME", help="No run before.")] = "",
    end: Annotated[
        str, typer.Option(metavar="TIME", help="No run after; 2026-01-31T03:00:00Z.")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done; do nothing.")
    ] = False,
) -> None:
    """Make a schedule, or change the one of this name where it differs.

    A second time the same command changes nothing. One run at a time, unless told otherwise.
    """
    import datetime

    from components.errors import WrongUse
    from components.gemini.endpoint import is_local
    from pipelines.remote.starting import Asked
    from pipelines.request import Request
    from pipelines.schedules.wanted import Description, Limits, read_time, wanted_schedule

    described = Description(
        name=name,
        cron=cron,
        request=Request(pipeline, words=tuple(parameter or ()), parameter_file=params),
        asked=Asked(
            template=template,
            root=root,
            service_account=service_account,
            labels=tuple(label or ()),
            caching=not no_cache,
        ),
        limits=Limits(
            at_once, queue, max_runs, read_time(start, "--start"), read_time(end, "--end")
        ),
    )
    if described.limits.end and described.limits.end <= datetime.datetime.now(datetime.UTC):
        raise WrongUse("The schedule would have ended already", where="--end")
    wanted = wanted_schedule(described, stand_in=is_local())
    _bring_about([wanted], _schedules(project, region), only=name, dry_run=dry_run)


@group.command()
def apply(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="schedules.yaml, see docs/schedules.md.")
    ],
    project: Project = "",
    region: Region = "",
    tag: Annotated[
        str, typer.Option(metavar="TAG", help="Takes the place of {tag} in the file's templates.")
    ] = "",
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Delete what an earlier state of the file made."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done; do nothing.")
    ] = False,
) -> None:
    """Bring about the schedules of a file; what is as it should be is left alone."""
    from components.errors import Intent2BatchError
    from components.gemini.endpoint import is_local
    from pipelines.remote.starting import spec_of
    from pipelines.schedules.file import read_schedules
    from pipelines.schedules.wanted import wanted_schedule

    read = read_schedules(file, tag)
    find = functools.cache(spec_of)  # many schedules of one spec
    wanted = []
    for described in read.schedules:
        try:
            wanted.append(wanted_schedule(described, stand_in=is_local(), find=find))
        except Intent2BatchError as error:
            error.where = _place(described.where, error)
            raise
    schedules = _schedules(project or read.project, region or read.region)
    _bring_about(wanted, schedules, prune=read.group if prune else "", dry_run=dry_run)


@group.command("list")
def list_all(project: Project = "", region: Region = "", as_json: AsJson = False) -> None:
    """List the schedules: name, state, when, the next run, pipeline."""
    from pipelines.cli.streams import print_json, say
    from pipelines.schedules import words

    schedules = _schedules(project, region)
    found = list(schedules.all())
    if as_json:
        print_json([words.as_json(each, schedules) for each in found])
        return
    if not found:
        say("there are no schedules here; `intent2batch schedule set` makes one")
    sys.stdout.writelines(f"{line}\n" for line in words.lines(found))


@group.command()
def show(name: Name, project: Project = "", region: Region = "", as_json: AsJson = False) -> None:
    """Show a schedule: its next runs, what they run and with which parameters."""
    from pipelines.cli.streams import print_json
    from pipelines.schedules import words

    schedules = _schedules(project, region)
    found = schedules.named(name)
    if as_json:
        print_json(words.as_json(found, schedules))
        return
    sys.stdout.writelines(f"{line}\n" for line in words.shown(found, schedules))


@group.command()
def pause(name: Name, project: Project = "", region: Region = "") -> None:
    """Let a schedule rest; runs that are under way go on."""
    from pipelines.schedules.vertex import ACTIVE

    schedules = _schedules(project, region)
    found = schedules.named(name)
    if found.state == ACTIVE:
        schedules.pause(found)
    _end("paused", name, found.state == ACTIVE, f"it is {found.state.lower()}")


@group.command()
def resume(
    name: Name,
    project: Project = "",
    region: Region = "",
    catch_up: Annotated[
        bool, typer.Option("--catch-up", help="Also make the runs that were missed meanwhile.")
    ] = False,
) -> None:
    """Let a paused schedule go on."""
    from components.errors import InputError
    from pipelines.schedules.vertex import COMPLETED, PAUSED

    schedules = _schedules(project, region)
    found = schedules.named(name)
    if found.state == COMPLETED:
        raise InputError(
            "The schedule has ended", where=name, fix="`schedule set` makes it anew, as does apply."
        )
    if found.state == PAUSED:
        schedules.resume(found, catch_up=catch_up)
    _end("resumed", name, found.state == PAUSED, f"it is {found.state.lower()}")


@group.command()
def delete(name: Name, project: Project = "", region: Region = "") -> None:
    """Delete a schedule; runs that are under way go on."""
    schedules = _schedules(project, region)
    schedules.delete(schedules.named(name))
    sys.stdout.write(f"deleted  {name}\n")


@group.command("run-now")
def run_now(
    name: Name,
    project: Project = "",
    region: Region = "",
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Return as soon as the run is made.")
    ] = False,
) -> None:
    """Start a run like those of the schedule, without waiting for its time."""
    import datetime
    import secrets

    from pipelines.cli.streams import ask, tell, write_name
    from pipelines.remote.starting import start
    from pipelines.remote.vertex import Vertex
    from pipelines.remote.wanted import run_id

    schedules = _schedules(project, region)
    found = schedules.named(name)
    now = datetime.datetime.now(datetime.UTC)
    wanted = found.run(run_id("", found.pipeline, now, secrets.token_hex(2)))
    platform = Vertex(schedules.project, schedules.region, say=tell)
    sys.exit(
        start(
            platform, wanted, wait=not no_wait, name=write_name, out=sys.stdout, say=tell, ask=ask()
        )
    )


def _place(where: str, error: Exception) -> str:
    """The place in the file, and within it what the error names."""
    named = getattr(error, "where", "")
    return named if named.startswith(where) else f"{where}: {named}".rstrip(": ")


def _end(word: str, name: str, done: bool, otherwise: str) -> None:
    from pipelines.cli.streams import say

    if done:
        sys.stdout.write(f"{word}  {name}\n")
    else:
        say(f"{name} is left as it is: {otherwise}")


def _schedules(project: str, region: str) -> Schedules:
    from components.batch.locations import DEFAULT_REGION
    from components.project import project_here
    from pipelines.schedules.vertex import Schedules

    return Schedules(project or project_here(), region or DEFAULT_REGION)


def _bring_about(
    wanted: list[WantedSchedule],
    schedules: Schedules,
    *,
    only: str = "",
    prune: str = "",
    dry_run: bool = False,
) -> None:
    """Compare, then do; what is refused is refused before anything is done."""
    import datetime

    from pipelines.cli.streams import say
    from pipelines.remote.starting import check_bucket
    from pipelines.schedules.plan import CREATE, DELETE, KEEP, do, plan
    from pipelines.schedules.words import told

    actions = plan(wanted, schedules.all(only), datetime.datetime.now(datetime.UTC), prune=prune)
    changed = [each for each in actions if each.verb not in (KEEP, DELETE) and each.wanted]
    for root in sorted({each.wanted.run.root for each in changed if each.wanted}):
        check_bucket(root, schedules.project, schedules.region)
    for action in actions:
        if not dry_run:
            do(action, schedules, say)
        sys.stdout.write(told(action, dry_run=dry_run) + "\n")
        sys.stdout.flush()
    made = [each.name for each in actions if each.verb == CREATE]
    if made and not dry_run:
        say(f"its next runs: intent2batch schedule show {made[0]} {schedules.options}")
    if not actions:
        say("there is nothing to do")
