"""Answers set down on disk in any order and taken up again by ranges of rows.

Each range of rows has a buffer; a full one goes to the end of one file. Taking a range up reads
its pieces: large sequential reads, where one seek a row would be a million of them.
"""

from __future__ import annotations

import os
import struct
import tempfile
from array import array
from typing import IO, Any

MOST_RANGES = 512
LEAST_ROWS = 4096
_BUFFERED_BYTES = 4 * 1024 * 1024  # of all ranges together
_HEAD = struct.Struct("<II")


class Spill:
    """Takes records by row number, gives back a range of rows at a time.

    Args:
        rows: how many rows there are.

    Use as a context manager; the file goes with it.
    """

    def __init__(self, rows: int) -> None:
        self.size = max(LEAST_ROWS, -(-rows // MOST_RANGES))
        self.ranges = -(-rows // self.size)
        self._piece = min(_BUFFERED_BYTES // max(self.ranges, 1), 64 * 1024)
        self._buffers = [bytearray() for _ in range(self.ranges)]
        self._offsets = [array("Q") for _ in range(self.ranges)]
        self._lengths = [array("I") for _ in range(self.ranges)]
        self._end = 0

    def __enter__(self) -> Spill:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="answers-")
        return self

    def __exit__(self, *args: Any) -> None:
        self._file.close()

    def add(self, row: int, record: bytes) -> None:
        """Set a record down. A later record of the row takes the place of an earlier one."""
        self.add_to_range(row // self.size, row, record)

    def add_to_range(self, number: int, row: int, record: bytes) -> None:
        """Set a record down where another range of rows will look for it."""
        buffer = self._buffers[number]
        buffer += _HEAD.pack(row, len(record))
        buffer += record
        if len(buffer) >= self._piece:
            self._offsets[number].append(self._end)
            self._lengths[number].append(len(buffer))
            self._file.write(buffer)
            self._end += len(buffer)
            self._buffers[number] = bytearray()

    def take(self, number: int) -> dict[int, memoryview]:
        """The records of a range by row number. Take each range once, when all was added."""
        found: dict[int, memoryview] = {}
        for piece in self._pieces(number):
            view = memoryview(piece)
            at = 0
            while at < len(piece):
                row, length = _HEAD.unpack_from(piece, at)
                at += _HEAD.size
                found[row] = view[at : at + length]
                at += length
        return found

    def _pieces(self, number: int) -> list[bytes]:
        self._file.flush()
        places = zip(self._offsets[number], self._lengths[number], strict=True)
        held = [os.pread(self._file.fileno(), length, offset) for offset, length in places]
        held.append(bytes(self._buffers[number]))
        self._buffers[number] = bytearray()
        return held
