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
from itertools import accumulate
from typing import IO, Any

MOST_RANGES = 512
LEAST_ROWS = 4096
MOST_FILES = 32
_BUFFERED_BYTES = 4 * 1024 * 1024  # of all ranges together


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


def _found_in(piece: bytes, found: dict[int, memoryview]) -> None:
    """Put the records of a piece to those that were found."""
    view = memoryview(piece)
    count = view[:4].cast("I")[0]
    at = 4 + 8 * count
    lengths = view[4 + 4 * count : at].cast("I")
    starts = list(accumulate(lengths, initial=at))
    records = map(view.__getitem__, map(slice, starts, starts[1:]))
    found.update(zip(view[4 : 4 + 4 * count].cast("I"), records, strict=True))


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

    def take(self, number: int) -> dict[int, memoryview]:
        """The records of a range by row number.

        Take each range once, the first one first, when all was added and settled.
        """
        found: dict[int, memoryview] = {}
        held = self._ranges[number]
        file = self._files[number // self._together]
        for offset, length in zip(held.offsets, held.lengths, strict=True):
            _found_in(os.pread(file.fileno(), length, offset), found)
        if (number + 1) % self._together == 0:
            file.close()
        return found
