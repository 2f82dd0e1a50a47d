"""Answers set down on disk in any order and taken up again by ranges of rows.

Each range of rows has a buffer; a full one goes to the end of a file as one piece. Taking a range
up reads its pieces: large sequential reads, where one seek a row would be a million of them.
Neighbouring ranges share a file, which goes as soon as they are taken up: what was set down makes
room for what is written of it, on the disk and in the page cache, and much of it never reaches the
disk.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from contextlib import ExitStack
from itertools import accumulate, repeat
from typing import IO, Any

MOST_RANGES = 512
LEAST_ROWS = 8192
MOST_FILES = 32
_BUFFERED_BYTES = 8 * 1024 * 1024  # of all ranges together


class _Range:
    """The records of a range that are not on disk yet, and where its pieces lie there."""

    def __init__(self) -> None:
        self.rows = array("I")
        self.records: list[bytes] = []
        self.size = 0
        self.offsets = array("Q")
        self.lengths = array("I")

    def to_piece(self) -> bytes:
        """The records as one piece, no longer held: count, rows, lengths, then the records."""
        records = self.records
        lengths = array("I", map(len, records))
        piece = b"".join((array("I", (len(records),)), self.rows, lengths, *records))
        self.rows, self.records, self.size = array("I"), [], 0
        return piece


class Taken:
    """The records of a range of rows; to leave half of them costs little."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}  # of the record of each row
        self._pieces: list[memoryview] = []  # by number, as the bounds are
        self._bounds: list[int] = []

    def add(self, piece: bytes) -> None:
        """Take up the records of a piece; a later one of a row takes the place of an earlier."""
        view = memoryview(piece)
        count = view[:4].cast("I")[0]
        start = 4 + 8 * count
        rows, lengths = view[4 : 4 + 4 * count], view[4 + 4 * count : start]
        first = len(self._bounds)
        self._numbers.update(zip(rows.cast("I"), range(first, first + count), strict=True))
        self._bounds.extend(accumulate(lengths.cast("I"), initial=start))
        self._pieces.extend(repeat(view, count + 1))

    def get(self, row: int) -> memoryview | None:
        """The record of a row, None where there is none."""
        number = self._numbers.get(row)
        if number is None:
            return None
        return self._pieces[number][self._bounds[number] : self._bounds[number + 1]]


class Spill:
    """Takes records by row number, gives back a range of rows at a time.

    Args:
        rows: how many rows there are.

    Use as a context manager; the files go with it.
    """

    def __init__(self, rows: int) -> None:
        self.size = max(LEAST_ROWS, -(-rows // MOST_RANGES))
        self.ranges = -(-rows // self.size)
        self._together = -(-self.ranges // MOST_FILES) or 1  # ranges that share a file
        self._piece = min(_BUFFERED_BYTES // max(self.ranges, 1), 64 * 1024)
        self._ranges = [_Range() for _ in range(self.ranges)]
        self._files: list[IO[bytes]] = []
        self._stack = ExitStack()

    def __enter__(self) -> Spill:
        for _ in range(0, self.ranges, self._together):
            file = tempfile.TemporaryFile(prefix="answers-")
            self._files.append(self._stack.enter_context(file))
        return self

    def __exit__(self, *args: Any) -> None:
        self._stack.close()

    def add(self, row: int, record: bytes) -> None:
        """Set a record down. A later record of the row takes the place of an earlier one."""
        self.add_to_range(row // self.size, row, record)

    def add_to_range(self, number: int, row: int, record: bytes) -> None:
        """Set a record down where another range of rows will look for it."""
        held = self._ranges[number]
        held.rows.append(row)
        held.records.append(record)
        held.size += len(record)
        if held.size >= self._piece:
            self._write(number, held)

    def _write(self, number: int, held: _Range) -> None:
        piece = held.to_piece()
        file = self._files[number // self._together]
        held.offsets.append(file.tell())
        held.lengths.append(len(piece))
        file.write(piece)

    def settle(self) -> None:
        """All was added: it goes to the disk, where other processes find it, too."""
        for number, held in enumerate(self._ranges):
            if held.records:
                self._write(number, held)
        for file in self._files:
            file.flush()

    @property
    def pieces(self) -> list[tuple[array[int], array[int]]]:
        """Where the pieces of each range lie: offsets and lengths."""
        return [(held.offsets, held.lengths) for held in self._ranges]

    def learn(self, pieces: list[tuple[array[int], array[int]]]) -> None:
        """Learn where a fork of this process has set down what was added there."""
        for held, (offsets, lengths) in zip(self._ranges, pieces, strict=True):
            held.offsets, held.lengths = offsets, lengths

    def take(self, number: int) -> Taken:
        """The records of a range.

        Take each range once, the first one first, when all was added and settled.
        """
        taken = Taken()
        held = self._ranges[number]
        file = self._files[number // self._together]
        for offset, length in zip(held.offsets, held.lengths, strict=True):
            taken.add(os.pread(file.fileno(), length, offset))
        if (number + 1) % self._together == 0:
            file.close()
        return taken
