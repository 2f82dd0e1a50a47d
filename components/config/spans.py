"""What reading a text gives: the value, and where in the text each part of it stands."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any

from components.batch.findings import Path

# A job is at most 1 MB (quotas page) as compact JSON; written out it may be larger.
MOST_CHARACTERS = 4_000_000
# The deepest field of a Job stands 10 levels down.
MOST_LEVELS = 100
MOST_VALUES = 200_000


@dataclass(frozen=True)
class Span:
    """Offsets of a value in its text, and of its key where it has one (-1 where not)."""

    start: int
    end: int
    key_start: int = -1
    key_end: int = -1


@dataclass(frozen=True)
class Slip:
    """Something wrong with the text itself, at an offset."""

    rule: str
    offset: int
    message: str
    fix: str = ""
    path: Path = ()


@dataclass(frozen=True)
class Read:
    """A text that was read.

    Attributes:
        form: `json` or `yaml`.
        value: plain JSON data.
        spans: where each value stands, by path; the whole under `()`.
        slips: what is wrong with the text, though it could be read.
        plain: YAML only: the words of unquoted values that YAML read as something else than text.
        flow: YAML only: paths of objects and lists that are written with { } or [ ].
    """

    form: str
    value: Any
    spans: dict[Path, Span]
    slips: list[Slip] = field(default_factory=list)
    plain: dict[Path, str] = field(default_factory=dict)
    flow: frozenset[Path] = frozenset()

    def below(self, start: Path) -> Read:
        """The part of it that stands at a path, with paths from there; slips are all kept."""
        size = len(start)

        def inner(path: Path) -> Path | None:
            return path[size:] if path[:size] == start else None

        return Read(
            self.form,
            value_at(self.value, start),
            {cut: span for path, span in self.spans.items() if (cut := inner(path)) is not None},
            [replace(slip, path=inner(slip.path) or slip.path) for slip in self.slips],
            {cut: word for path, word in self.plain.items() if (cut := inner(path)) is not None},
            frozenset(cut for path in self.flow if (cut := inner(path)) is not None),
        )


class CannotRead(Exception):  # noqa: N818 - reads as what it is
    """The text cannot be read; the slip says why and where."""

    def __init__(self, slip: Slip) -> None:
        super().__init__(slip.message)
        self.slip = slip


class Lines:
    """Finds the line and column of an offset, both counted from 1."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *accumulate(len(line) + 1 for line in text.split("\n")[:-1])]

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of the offset."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1


def value_at(value: Any, path: Path) -> Any:
    """The value at a path that exists."""
    for part in path:
        value = value[part]
    return value
