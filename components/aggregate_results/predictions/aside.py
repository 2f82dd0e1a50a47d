"""Lines put aside on disk, to be seen to when all others were."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator
from typing import Any

_HEAD = struct.Struct("=IQq")
_TOO_LONG = -1


class Aside:
    """Lines with the number of their file, from 0 on, and their own in it; None for one too long.

    Use as a context manager; the file goes with it.
    """

    def __enter__(self) -> Aside:
        self._file = tempfile.TemporaryFile(prefix="lines-")
        return self

    def __exit__(self, *args: Any) -> None:
        self._file.close()

    def add(self, file: int, number: int, line: bytes | None) -> None:
        """Put a line aside."""
        self._file.write(_HEAD.pack(file, number, _TOO_LONG if line is None else len(line)))
        self._file.write(line or b"")

    def settle(self) -> None:
        """All was added: another process finds it on the disk."""
        self._file.flush()

    def lines(self) -> Iterator[tuple[int, int, bytes | None]]:
        """File, number and line of each, in the order that they came; when all was settled."""
        self._file.seek(0)
        while head := self._file.read(_HEAD.size):
            file, number, length = _HEAD.unpack(head)
            yield file, number, None if length == _TOO_LONG else self._file.read(length)
