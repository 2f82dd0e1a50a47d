"""`intent2batch run`: a whole pipeline, from words or rows to a report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

NOT_THERE_YET = (
    "Running on Vertex AI or Kubeflow from the command is not there yet. Write the spec with "
    "`python compile.py --image NAME@sha256:…`, then upload dist/*.yaml in the console "
    "(Vertex AI > Pipelines > Create run, or Kubeflow > Upload pipeline). "
    "Add --local to run it on this machine"
)


def run(
    pipeline: Annotated[
        str, typer.Argument(help="intent-to-batch, batch-prediction, or a compiled spec.")
    ],
    text: Annotated[
        list[str] | None,
        typer.Argument(help="What should run, in words; for batch-prediction, files of rows."),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", metavar="NAME=VALUE", help="A pipeline parameter."),
    ] = None,
    params: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Parameters as YAML or JSON; -p wins.")
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Run on this machine, against stand-ins.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The run's folder, new or empty [runs/PIPELINE-TIME]."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be sent; send nothing.")
    ] = False,
    upload: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE=gs://BUCKET/PATH", help="Put a file into a stand-in bucket first."
        ),
    ] = None,
) -> None:
    """Run a pipeline: words in, a finished Batch job out; or rows in, answers out."""
    from components.errors import WrongUse

    if not local:
        raise WrongUse(NOT_THERE_YET)
    from pipelines.cli.streams import tell
    from pipelines.local_results import show
    from pipelines.request import Request
    from pipelines.running import run_here

    code = run_here(
        Request(
            pipeline=pipeline,
            text=" ".join(text) if text else None,
            sources=tuple(text or ()),
            words=tuple(parameter or ()),
            parameter_file=params,
            out=out,
            dry_run=dry_run,
            uploads=tuple(upload or ()),
        ),
        say=tell,
        show=lambda outcome: show(outcome, out=sys.stdout, say=tell),
    )
    sys.exit(code)


def register(app: typer.Typer) -> None:
    """Add `run` to the command."""
    app.command()(run)
