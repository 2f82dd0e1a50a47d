"""What a run came to, read from its folder: the same words after a local and a remote run."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any, TextIO

from components.aggregate_results.predictions.summary import PredictionSummary
from components.aggregate_results.predictions.terminal import print_answers
from components.aggregate_results.summary import Summary
from components.aggregate_results.tasks import read_rows
from components.aggregate_results.terminal import terminal_table
from components.errors import InputError
from components.storage import files
from components.storage.uris import join

SUMMARIES = ("summary.json", "results_summary.json")


def read_summary(run_uri: str) -> dict[str, Any] | None:
    """The summary in a run's folder, of tasks or of rows; None where the run left none.

    Raises:
        InputError: it cannot be read.
    """
    for name in SUMMARIES:
        place = join(run_uri, name)
        if files.exists(place):
            return _parsed(files.read_text(place), place)
    return None


def _parsed(text: str, place: str) -> dict[str, Any]:
    """A summary, of this release or another: what only the other knows is left out.

    Raises:
        InputError: it is none.
    """
    try:
        told = json.loads(text)
        kind = PredictionSummary if "rows" in told else Summary
        known = {field.name for field in dataclasses.fields(kind)}
        summary = kind(**{name: value for name, value in told.items() if name in known})
        if not all(isinstance(uri, str) for uri in summary.files.values()):
            raise TypeError("files")
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(
            "The summary of the run cannot be read",
            where=place,
            fix="It may be of another release; the report beside it is a page.",
        ) from error
    return dataclasses.asdict(summary)


def print_results(run_uri: str, out: TextIO, *, shown: Callable[[str], str]) -> bool:
    """Print the table of tasks or of rows; whether that told why the run ended as it did.

    Raises:
        InputError: a file of the run cannot be read.

    Args:
        run_uri: the run's folder, local or gs://.
        out: where the table goes.
        shown: the place of a file as it is told to the person.
    """
    told = read_summary(run_uri)
    if told is None:
        return False
    told["files"] = {name: shown(uri) for name, uri in told["files"].items()}
    if "rows" in told:
        rows = PredictionSummary(**told)
        print_answers(rows, out)
        return bool(rows.reason)
    tasks = Summary(**told)
    terminal_table(read_rows(run_uri), out, summary=tasks)
    return tasks.outcome not in ("broken", "unfinished")
