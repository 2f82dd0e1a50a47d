"""A list of runs, for people."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from components.tables.formats import duration
from components.tables.text import one_line
from pipelines.compiling import PIPELINES
from pipelines.remote.run import Platform, Run

MOST_LOOKED_AT = 1000  # runs of other pipelines that stand between ours


def youngest(platform: Platform, *, limit: int, every: bool) -> list[Run]:
    """The youngest runs, at most so many.

    Args:
        platform: where they ran.
        limit: how many.
        every: also runs of other pipelines.
    """
    looked_at = itertools.islice(platform.recent(), MOST_LOOKED_AT)
    ours = (run for run in looked_at if every or run.pipeline in PIPELINES)
    return list(itertools.islice(ours, limit))


def lines(runs: Sequence[Run]) -> Iterator[str]:
    """A line a run, below a line of heads."""
    if runs:
        yield _line("state", "began", "took", "run")
    for run in runs:
        began = f"{run.created.astimezone():%Y-%m-%d %H:%M}" if run.created else ""
        took = (
            duration((run.ended - run.created).total_seconds()) if run.ended and run.created else ""
        )
        yield _line(run.state, began, took, run.name)


def _line(state: str, began: str, took: str, name: str) -> str:
    return one_line(f"{state:<10}  {began:<16}  {took:>12}  {name}")
