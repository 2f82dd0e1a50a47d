"""`intent2batch runs` and `results`: what ran on Vertex AI or Kubeflow, and what came of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pipelines.remote.run import Platform, Run

RunName = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="projects/P/locations/R/pipelineJobs/ID, or only ID; Kubeflow's run id."
    ),
]
Project = Annotated[str, typer.Option(help="Id of the project [GOOGLE_CLOUD_PROJECT].")]
Region = Annotated[str, typer.Option(help="Region of the runs [us-central1].")]
KfpHost = Annotated[
    str, typer.Option("--kfp-host", metavar="URL", help="Kubeflow Pipelines, not Vertex AI.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

group = typer.Typer(
    help="Runs on Vertex AI or Kubeflow: lists the youngest, or watches or cancels one.",
    invoke_without_command=True,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Add both verbs."""
    app.add_typer(
        group, name="runs", short_help="List, watch or cancel runs on Vertex AI or Kubeflow."
    )
    app.command("results", short_help="Fetch the tables and the report of such a run.")(results)


@group.callback()
def list_runs(
    context: typer.Context,
    project: Project = "",
    region: Region = "",
    kfp_host: KfpHost = "",
    every: Annotated[
        bool, typer.Option("--all", help="Also runs of pipelines that are not intent2batch's.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the youngest runs: state, when it began, how long it took, name."""
    if context.invoked_subcommand:
        return
    from pipelines.cli.streams import print_json, say
    from pipelines.remote.listing import lines, youngest
    from pipelines.remote.results import run_json

    found = youngest(_platform(project, region, kfp_host), limit=limit, every=every)
    if as_json:
        print_json([run_json(run, steps=False) for run in found])
        return
    if not found:
        say("there are no runs here; `intent2batch run` starts one")
    sys.stdout.writelines(f"{line}\n" for line in lines(found))


@group.command()
def watch(run: RunName, project: Project = "", region: Region = "", kfp_host: KfpHost = "") -> None:
    """Follow a run to its end; Ctrl-C ends the watching, and asks about the run."""
    from pipelines.cli.streams import ask, tell
    from pipelines.remote.starting import finish

    platform, found = _found(run, project, region, kfp_host)
    sys.exit(finish(platform, found, out=sys.stdout, say=tell, ask=ask()))


@group.command()
def cancel(
    run: RunName, project: Project = "", region: Region = "", kfp_host: KfpHost = ""
) -> None:
    """Cancel a run and wait until it is at rest; one that has ended stays as it is."""
    from pipelines.cli.streams import tell
    from pipelines.remote.starting import end

    platform, found = _found(run, project, region, kfp_host)
    ended = end(platform, found, say=tell)
    sys.stdout.write(f"{ended.state} {ended.name}\n")


def results(
    run: RunName,
    project: Project = "",
    region: Region = "",
    kfp_host: KfpHost = "",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the files go [runs/ID].")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch the tables and the report of a run, and say how it stands and why it failed."""
    from pipelines.cli.streams import print_json, tell
    from pipelines.remote import results as fetched_results

    _, found = _found(run, project, region, kfp_host)
    fetched_results.check_ours(found)
    folder = fetched_results.results_folder(found)
    fetched = fetched_results.fetch(folder, out or Path("runs", found.id)) if folder else {}
    if as_json:
        print_json(fetched_results.as_json(found, folder, fetched))
        sys.exit(fetched_results.exit_code(found))
    if not fetched:
        tell(fetched_results.no_files(found, folder))
    sys.exit(fetched_results.show(found, folder, fetched, sys.stdout, tell))


def _found(run: str, project: str, region: str, kfp_host: str) -> tuple[Platform, Run]:
    """A run, and where it runs; what its name says wins over the options."""
    if kfp_host:
        platform = _platform("", "", kfp_host)
        return platform, platform.get(run)
    from pipelines.remote.vertex import name_of_run

    named_project, named_region, run_id = name_of_run(run)
    platform = _platform(named_project or project, named_region or region, "")
    return platform, platform.get(run_id)


def _platform(project: str, region: str, kfp_host: str) -> Platform:
    from pipelines.cli.streams import tell

    if kfp_host:
        from pipelines.remote.kubeflow import Kubeflow

        return Kubeflow(kfp_host, say=tell)
    from components.batch.locations import DEFAULT_REGION
    from components.project import project_here
    from pipelines.remote.vertex import Vertex

    return Vertex(project or project_here(), region or DEFAULT_REGION, say=tell)
