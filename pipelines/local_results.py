"""What a run on this machine came to, for the person who waited for it."""

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
from components.storage.uris import join, name_of
from pipelines.running import Outcome


def show(outcome: Outcome, *, out: TextIO, say: Callable[[str], None]) -> int:
    """Print the table of tasks and how the run ended; returns the exit code.

    Args:
        outcome: how the run ended.
        out: where the table goes.
        say: shows one line beside it.
    """
    told = outcome.run_uri and (_tasks(outcome, out) or _answers(outcome, out))
    if outcome.signal:
        say(_cancelled(outcome))
        return 128 + outcome.signal
    if outcome.failed:
        sentence = outcome.sentence or "it broke, which is a defect of the step"
        say(f"The run failed at '{outcome.failed}'" + ("" if told else f": {sentence}"))
        say(f"All that was written: {outcome.folder / 'run.log'}")
        return 1
    return 0


def _tasks(outcome: Outcome, out: TextIO) -> bool:
    """Print the tasks and the summary; whether that told why the run ended as it did."""
    told = _summary(outcome, "summary.json")
    if told is None:
        return False
    summary = Summary(**told)
    terminal_table(read_rows(outcome.run_uri), out, summary=summary)
    return summary.outcome not in ("broken", "unfinished")


def _answers(outcome: Outcome, out: TextIO) -> bool:
    """Print what came of the rows; whether that told why the run ended as it did."""
    told = _summary(outcome, "results_summary.json")
    if told is None:
        return False
    summary = PredictionSummary(**told)
    print_answers(summary, out)
    return bool(summary.reason)


def _summary(outcome: Outcome, name: str) -> dict[str, Any] | None:
    """The summary of that name, with the short way to the run's files; None if there is none."""
    place = join(outcome.run_uri, name)
    if not files.exists(place):
        return None
    told: dict[str, Any] = json.loads(files.read_text(place))
    link = outcome.folder / "results"
    if link.is_symlink():
        told["files"] = {name: str(link / name_of(uri)) for name, uri in told["files"].items()}
    return told


def _cancelled(outcome: Outcome) -> str:
    if outcome.killed and (outcome.folder / "services").is_dir():
        return "The run was killed, and its job with the stand-ins that ran it"
    if outcome.killed:
        return (
            "The run was killed. A job that it had submitted to services outside of it may still "
            f"be there; its name is in {join(outcome.run_uri, 'submission.json')}"
            if outcome.run_uri
            else "The run was killed before it had submitted a job"
        )
    return (
        f"The run was cancelled; nothing of it is left running. Its log: {outcome.folder}/run.log"
    )
