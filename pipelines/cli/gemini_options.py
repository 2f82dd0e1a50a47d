"""Options of every verb that can ask Gemini, declared once."""

from __future__ import annotations

from typing import Annotated

import typer

Reader = Annotated[str, typer.Option(help="Who reads: offline (rules, no network) or gemini.")]
Project = Annotated[
    str, typer.Option("--project", help="Project that pays for Gemini [GOOGLE_CLOUD_PROJECT].")
]
Location = Annotated[str, typer.Option("--location", help="Vertex AI location of Gemini.")]
Model = Annotated[str, typer.Option("--model", help="Gemini model [the default one].")]
Temperature = Annotated[
    float,
    typer.Option(
        "--temperature",
        min=-1.0,
        max=2.0,
        show_default=False,
        help="Gemini's temperature; below 0 and by default the model's own.",
    ),
]
Without = Annotated[
    str,
    typer.Option(
        "--without",
        metavar="PARTS",
        help="Parts of Gemini's prompt to leave out: prompt (all of it), rules, examples.",
    ),
]
Answers = Annotated[
    int,
    typer.Option(
        "--answers",
        min=0,
        max=20,
        show_default=False,
        help="Answers to ask Gemini for at most, repairs too [4].",
    ),
]
