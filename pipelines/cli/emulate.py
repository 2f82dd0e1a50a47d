"""`intent2batch emulate`: stand-ins for the Google services, on this machine."""

from __future__ import annotations

import json
import shlex
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from emulator.launch import Emulator

_NOTICE = """\
These are stand-ins, served on 127.0.0.1 only, for Batch, Cloud Storage, Cloud Logging, Gemini,
Vertex AI Pipelines, their schedules and their repositories. Tasks of Batch jobs and steps of
pipelines really run, as processes of this machine, with your rights. Not emulated: permissions,
quotas, machine types, images, regions, prices, GPUs, object versions; what is not emulated is
refused.
"""
_MADE_UP = "Answers of models are made up, online and in batch predictions, and say so.\n"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("emulate", short_help="Start stand-ins for the Google services on this machine.")(
        emulate
    )


def emulate(
    state: Annotated[
        Path | None,
        typer.Option(help="Folder that keeps the state. Without it, nothing is kept."),
    ] = None,
    port: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SERVICE=N",
            help="Port of a service (storage, batch, vertex, logging, registry); the others take "
            "free ones.",
        ),
    ] = None,
    project: Annotated[str, typer.Option(help="Project that clients name.")] = "local-project",
    upstream: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="Server on this machine that answers all prompts: any that speaks OpenAI's form "
            "(Ollama, llama.cpp, vLLM), as in http://127.0.0.1:11434/v1. Without one, answers are "
            "made up.",
        ),
    ] = "",
    upstream_model: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Which of its models answers, for every Gemini model alike; by default the first "
            "that it lists.",
        ),
    ] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the environment as one line of JSON.")
    ] = False,
) -> None:
    """Start stand-ins for the Google services and print the environment that points at them.

    In another terminal, paste what is printed; or start with `--json` from a program. Ctrl-C ends.
    """
    from components.errors import WrongUse
    from emulator.__main__ import service_port
    from emulator.launch import serve_until_signalled

    announce = _as_json if as_json else _as_exports
    try:
        ports = dict(service_port(text) for text in port or [])
        with tempfile.TemporaryDirectory(prefix="intent2batch-") as scratch:
            folder = state or Path(scratch)
            serve_until_signalled(folder, project, ports, announce, upstream, upstream_model)
    except OSError as error:
        raise WrongUse(_plain(error)) from error
    except ValueError as error:
        raise WrongUse(str(error)) from error


def _plain(error: OSError) -> str:
    text = error.strerror or str(error)
    return f"{error.filename}: {text}" if error.filename else text.rstrip(".")


def _as_exports(emulator: Emulator) -> None:
    for name, value in emulator.environment.items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
    _told(emulator)


def _as_json(emulator: Emulator) -> None:
    sys.stdout.write(json.dumps(emulator.environment) + "\n")
    _told(emulator)


def _told(emulator: Emulator) -> None:
    sys.stdout.flush()
    sys.stderr.write(_NOTICE + _who_answers(emulator))
    sys.stderr.write(f"A first bucket: gs://{emulator.project}-bucket. Ctrl-C ends.\n")
    sys.stderr.flush()


def _who_answers(emulator: Emulator) -> str:
    """Who answers prompts; asks the upstream server, which may not be up yet."""
    from emulator.http import ApiError

    if emulator.upstream is None:
        return _MADE_UP
    told = f"Prompts, whatever Gemini model they name, are sent to {emulator.upstream.url}"
    try:
        return f"{told}, model {emulator.upstream.ready()}.\n"
    except ApiError as error:
        return f"{told}.\nNow it does not answer; rows and calls fail until it does: {error}\n"
