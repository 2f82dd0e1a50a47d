"""Long runs of blanks: cut short for the patterns, and put back where they stand in a script."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from components.parse_intent.draft import Asked, Draft
from components.parse_intent.offline.pattern import Pattern

MOST = 200
LONG = Pattern(rf"\s{{{MOST + 1},}}")
CUT = Pattern(rf"(?<!\s)\s{{{MOST}}}(?!\s)")
CONTEXT = 40  # characters of the same line on each side, by which a run is known again


@dataclass(frozen=True)
class Run:
    """A run of blanks of a turn, with the words of its line on both sides."""

    before: str
    blanks: str
    after: str


def shortened(turn: str) -> str:
    """A turn in which no run of blanks is so long that patterns go over it again and again."""
    return LONG.sub(lambda match: _cut(match[0]), turn)


def _cut(blanks: str) -> str:
    return blanks[: MOST // 2] + blanks[-MOST // 2 :]


def long_runs(turns: Sequence[str]) -> list[Run]:
    """The runs that `shortened` cuts."""
    return [
        Run(_left(turn, match.start()), match[0], _right(turn, match.end()))
        for turn in turns
        for match in LONG.finditer(turn)
    ]


def _left(text: str, at: int) -> str:
    return text[max(0, at - CONTEXT) : at].rpartition("\n")[2]


def _right(text: str, at: int) -> str:
    return text[at : at + CONTEXT].partition("\n")[0]


def put_back(draft: Draft, runs: Sequence[Run]) -> bool:
    """Give scripts and commands the blanks that were cut, in place.

    Returns:
        Whether each cut run in them was known again.
    """
    whole = True
    for step in draft.steps:
        if step.text is not None:
            text, known = _restored(step.text.value, runs)
            step.text = Asked(value=text, quote=step.text.quote)
            whole = whole and known
        if step.commands is not None:
            parts = [_restored(part, runs) for part in step.commands.value]
            step.commands = Asked(value=[text for text, _ in parts], quote=step.commands.quote)
            whole = whole and all(known for _, known in parts)
    return whole


def _restored(text: str, runs: Sequence[Run]) -> tuple[str, bool]:
    known = True

    def original(match: re.Match[str]) -> str:
        nonlocal known
        left, right = _left(text, match.start()), _right(text, match.end())
        for run in runs:
            sides = run.before.endswith(left) and run.after.startswith(right)
            if sides and _cut(run.blanks) == match[0]:
                return run.blanks
        known = False
        return match[0]

    return CUT.sub(original, text), known
