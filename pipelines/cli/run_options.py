"""Options that a run and a schedule of runs take alike."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Pipeline = Annotated[
    str,
    typer.Argument(
        metavar="PIPELINE", help="intent-to-batch, batch-prediction, or a compiled spec."
    ),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option("-p", "--parameter", metavar="NAME=VALUE", help="A pipeline parameter."),
]
ParameterFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Parameters as YAML or JSON; -p wins.")
]
Template = Annotated[
    str,
    typer.Option(metavar="URL", help="The spec in Artifact Registry, or gs://BUCKET/FILE."),
]
ServiceAccount = Annotated[
    str, typer.Option("--service-account", metavar="EMAIL", help="Who runs the steps.")
]
NoCache = Annotated[
    bool, typer.Option("--no-cache", help="Run every step, also one that ran like this before.")
]
