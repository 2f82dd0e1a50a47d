"""What a run came to, read from its folder: the same words after a local and a remote run."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TextIO

from components.aggregate_results.predictions.summary import PredictionSummary
from components.aggregate_results.predictions.terminal import print_answers
from components.aggregate_results.summary import Summary
from components.aggregate_results.tasks import read_rows
from components.aggregate_results.terminal import terminal_table
from components.storage import files
from components.storage.uris import join

SUMMARIES = ("summary.json", "results_summary.json")


def read_summary(run_uri: str) -> dict[str, Any] | None:
    """The summary in a run's folder, of tasks or of rows; None where the run left none."""
    for name in SUMMARIES:
        place = join(run_uri, name)
        if files.exists(place):
            told: dict[str, Any] = json.loads(files.read_text(place))
            return told
    return None


def print_results(run_uri: str, out: TextIO, *, shown: Callable[[str], str]) -> bool:
    """Print the table of tasks or of rows; whether that told why the run ended as it did.

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
