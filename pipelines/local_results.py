"""What a run on this machine came to, for the person who waited for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

from components.storage.uris import join, name_of
from pipelines.run_results import print_results
from pipelines.running import Outcome


def show(outcome: Outcome, *, out: TextIO, say: Callable[[str], None]) -> int:
    """Print the table of tasks and how the run ended; returns the exit code.

    Args:
        outcome: how the run ended.
        out: where the table goes.
        say: shows one line beside it.
    """
    told = outcome.run_uri and print_results(outcome.run_uri, out, shown=_short(outcome))
    if outcome.signal:
        say(_cancelled(outcome))
        return 128 + outcome.signal
    if outcome.failed:
        sentence = outcome.sentence or "it broke, which is a defect of the step"
        say(f"The run failed at '{outcome.failed}'" + ("" if told else f": {sentence}"))
        say(f"All that was written: {outcome.folder / 'run.log'}")
        return 1
    return 0


def _short(outcome: Outcome) -> Callable[[str], str]:
    """The short way to a file of the run, where there is one."""
    link = outcome.folder / "results"
    return (lambda uri: str(link / name_of(uri))) if link.is_symlink() else str


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
