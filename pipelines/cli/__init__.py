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

# Module -> its verbs, in the order in which `--help` lists them.
VERBS = {
    "parse": ("parse",),
    "chat": ("chat",),
    "validate": ("validate",),
    "fix": ("fix",),
    "forecast": ("forecast",),
    "submit": ("submit",),
    "jobs": ("watch", "cancel"),
    "tasks": ("tasks", "tail"),
    "rerun": ("rerun",),
    "rows": ("prepare", "predict", "aggregate"),
    "run": ("run",),
    "runs": ("runs", "results"),
    "schedule": ("schedule",),
    "doctor": ("doctor",),
    "emulate": ("emulate",),
}


@functools.cache
def load_commands(verb: str = "") -> typer.Typer:
    """The command with the verb and those of its module; with all verbs where it is none.

    To declare all takes 0.1 s, longer than many a verb takes to run.
    """
    app = typer.Typer(
        name="intent2batch",
        help="From words to finished Google Cloud Batch jobs, and from rows of prompts to answers.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(lambda: None)  # typer would make a single verb the command itself
    for name in [name for name, verbs in VERBS.items() if verb in verbs] or VERBS:
        importlib.import_module(f"pipelines.cli.{name}").register(app)
    return app


def main() -> None:
    """Run the command line; errors that a person can mend are told in one message."""
    streams.prepare()
    try:
        streams.check_words(sys.argv[1:])
        try:
            load_commands(*sys.argv[1:2])()
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
