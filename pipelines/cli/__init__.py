"""The `intent2batch` command. Each module here holds one verb or one family of verbs.

Command modules import only typer and the standard library at the top, so that `--help` stays
fast; what a verb needs is imported inside it. Results go to stdout, everything else to stderr.
"""

from __future__ import annotations

import functools
import importlib
import sys

import typer

from components.errors import Intent2BatchError
from pipelines.cli import streams

app = typer.Typer(
    name="intent2batch",
    help="From words to finished Google Cloud Batch jobs, and from rows of prompts to answers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

# In the order in which `--help` lists them.
COMMAND_MODULES = (
    "parse",
    "chat",
    "validate",
    "fix",
    "forecast",
    "submit",
    "jobs",
    "tasks",
    "rerun",
    "rows",
    "run",
    "runs",
    "schedule",
    "doctor",
    "emulate",
)


@functools.cache
def load_commands() -> typer.Typer:
    """Let each command module add its verbs to the app; returns the app."""
    for name in COMMAND_MODULES:
        importlib.import_module(f"pipelines.cli.{name}").register(app)
    return app


def main() -> None:
    """Run the command line; errors that a person can mend are told in one message."""
    streams.prepare()
    try:
        streams.check_words(sys.argv[1:])
        try:
            load_commands()()
        finally:
            sys.stdout.flush()  # what cannot be written shows here at the latest
    except Intent2BatchError as error:
        streams.tell(f"intent2batch: {error}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        streams.tell("intent2batch: interrupted")
        sys.exit(130)
    except BrokenPipeError:
        streams.let_go(sys.stdout)
        sys.exit(1)
    except OSError as error:
        if error.errno not in streams.FULL:
            raise
        streams.let_go(sys.stdout)
        streams.tell(f"intent2batch: {streams.full(error)}")
        sys.exit(1)
