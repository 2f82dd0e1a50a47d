"""`intent2batch run`: a whole pipeline, from words or rows to a report."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from components.errors import WrongUse
from pipelines.cli.run_options import (
    NoCache,
    ParameterFile,
    Parameters,
    Pipeline,
    ServiceAccount,
    Template,
)

if TYPE_CHECKING:
    from pipelines.remote.starting import Asked
    from pipelines.request import Request

WHERE = (
    "Say where it should run: --project P --region R (Vertex AI), or --kfp-host URL (Kubeflow). "
    "Add --local to run it on this machine, with no account"
)


def run(
    pipeline: Pipeline,
    text: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TEXT]...",
            help="What should run, in words; for batch-prediction, files of rows.",
        ),
    ] = None,
    parameter: Parameters = None,
    params: ParameterFile = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be sent; send nothing.")
    ] = False,
    upload: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE=gs://BUCKET/PATH", help="Put a file into a bucket first."),
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Run on this machine, against stand-ins.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="--local: the run's folder [runs/PIPELINE-TIME]."),
    ] = None,
    project: Annotated[
        str,
        typer.Option(help="Run on Vertex AI in this project; with --kfp-host: the jobs' project."),
    ] = "",
    region: Annotated[str, typer.Option(help="Region of the run [us-central1].")] = "",
    kfp_host: Annotated[
        str, typer.Option("--kfp-host", metavar="URL", help="Run on this Kubeflow Pipelines.")
    ] = "",
    template: Template = "",
    root: Annotated[
        str,
        typer.Option(metavar="gs://…", help="Folder for the run's files [INTENT2BATCH_ROOT]."),
    ] = "",
    service_account: ServiceAccount = "",
    label: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A label of the run (Vertex AI).")
    ] = None,
    run_id: Annotated[
        str,
        typer.Option("--run-id", metavar="ID", help="Names the run; one id never makes two runs."),
    ] = "",
    no_cache: NoCache = False,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Return as soon as the run is made.")
    ] = False,
) -> None:
    """Run a pipeline: words in, a finished Batch job out; or rows in, answers out."""
    _check_place(local=local, remote=bool(project or region or kfp_host))

    from pipelines.request import Request

    request = Request(
        pipeline=pipeline,
        text=" ".join(text) if text else None,
        sources=tuple(text or ()),
        words=tuple(parameter or ()),
        parameter_file=params,
        out=out,
        dry_run=dry_run,
        uploads=tuple(upload or ()),
    )
    remote = {
        "--template": template,
        "--root": root,
        "--service-account": service_account,
        "--label": label,
        "--run-id": run_id,
        "--no-cache": no_cache,
        "--no-wait": no_wait,
    }
    if local:
        _refuse([name for name, value in remote.items() if value], "--local")
        sys.exit(_run_here(request))
    _refuse(["--out"] if out else [], "--project or --kfp-host")

    from pipelines.remote.starting import Asked

    asked = Asked(
        template=template,
        root=root,
        service_account=service_account,
        labels=tuple(label or ()),
        run_id=run_id,
        caching=not no_cache,
        wait=not no_wait,
    )
    if kfp_host:
        _refuse(["--region"] if region else [], "--kfp-host")
        sys.exit(_run_on_kubeflow(_with_project(request, project), asked, kfp_host))
    sys.exit(_run_on_vertex(request, asked, project, region))


def register(app: typer.Typer) -> None:
    """Add `run` to the command."""
    app.command("run", short_help="Run a whole pipeline: here, on Vertex AI or on Kubeflow.")(run)


def _check_place(*, local: bool, remote: bool) -> None:
    if not local and not remote:
        raise WrongUse(WHERE)
    if local and remote:
        raise WrongUse("--local goes with no other place", fix="Leave out one of them.")


def _with_project(request: Request, project: str) -> Request:
    """On Kubeflow nothing else tells the steps whose project the jobs are."""
    named = any(word.startswith("project=") for word in request.words)
    if not project or named:
        return request
    return dataclasses.replace(request, words=(*request.words, f"project={project}"))


def _refuse(given: list[str], place: str) -> None:
    if given:
        raise WrongUse(f"{', '.join(given)} does not go with {place}", fix="Leave it out.")


def _run_here(request: Request) -> int:
    from pipelines.cli.streams import tell
    from pipelines.local_results import show
    from pipelines.running import run_here

    return run_here(request, say=tell, show=lambda outcome: show(outcome, out=sys.stdout, say=tell))


def _run_on_vertex(request: Request, asked: Asked, project: str, region: str) -> int:
    from components.batch.locations import DEFAULT_REGION
    from components.gemini.endpoint import is_local
    from components.project import project_here
    from pipelines.cli.streams import ask, tell, write_name
    from pipelines.remote.starting import check_bucket, put_files, start, wanted_run

    project, region = project or project_here(), region or DEFAULT_REGION
    wanted = wanted_run(request, asked, stand_in=is_local(), root_needed=True)

    from pipelines.remote.vertex import Vertex

    platform = Vertex(project, region, say=tell)
    check_bucket(wanted.root, project, region)
    put_files(request.uploads)
    return start(
        platform, wanted, wait=asked.wait, name=write_name, out=sys.stdout, say=tell, ask=ask()
    )


def _run_on_kubeflow(request: Request, asked: Asked, host: str) -> int:
    from pipelines.cli.streams import ask, tell, write_name
    from pipelines.remote.kubeflow import Kubeflow, check_kubernetes_account, for_kubeflow
    from pipelines.remote.starting import put_files, start, wanted_run

    wanted = wanted_run(
        request,
        asked,
        stand_in=False,
        root_needed=False,
        account_check=check_kubernetes_account,
    )
    wanted = for_kubeflow(wanted)
    platform = Kubeflow(host, say=tell)
    put_files(request.uploads)
    return start(
        platform, wanted, wait=asked.wait, name=write_name, out=sys.stdout, say=tell, ask=ask()
    )
