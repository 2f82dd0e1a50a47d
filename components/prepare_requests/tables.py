"""What every reader gives: a table of lines, or of objects, read as a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

MAX_COLUMNS = 16_384  # as in Excel

Note = Callable[[str, str, int, str], None]
"""Takes rule, message, line and fix of a warning about a file."""


class Row(NamedTuple):
    """One row of input: where it begins, its cells or its object, or why it cannot be read."""

    line: int
    cells: Sequence[str]
    value: Any = None
    reason: str = ""


@dataclass(frozen=True)
class Table:
    """A file that is open: `header` is None where rows are objects of their own."""

    header: list[str] | None
    rows: Iterator[Row] = field(repr=False)
