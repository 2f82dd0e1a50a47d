"""Rows set down on disk and taken up again in index order.

Batch lists tasks in no promised order, and which tasks failed is known only at the end; holding
100,000 rows in memory would cost more than all the rest.
"""

from __future__ import annotations

import json
import tempfile
from array import array
from collections.abc import Iterator, Mapping
from typing import IO, Any

from components.tables.columns import Row


class Spool:
    """Takes rows in any order, gives them back by index.

    A row whose index was given before is not taken: a task may move from one page to the next
    while they are listed. Use as a context manager; the file goes with it.
    """

    def __init__(self) -> None:
        self._indexes = array("q")
        self._offsets = array("q")
        self._seen: set[int] = set()
        self._end = 0

    def __enter__(self) -> Spool:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="rows-")
        return self

    def __exit__(self, *args: Any) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._indexes)

    def add(self, row: Row) -> bool:
        """Set a row down; False if there is one with its index."""
        if row["index"] in self._seen:
            return False
        self._seen.add(row["index"])
        line = json.dumps(row, separators=(",", ":")).encode() + b"\n"
        self._indexes.append(row["index"])
        self._offsets.append(self._end)
        self._end += len(line)
        self._file.write(line)
        return True

    def in_order(self, tails: Mapping[int, str]) -> Iterator[Row]:
        """The rows by index, with the output of their tasks filled in."""
        self._file.seek(0)
        at = 0
        for place in sorted(range(len(self)), key=self._indexes.__getitem__):
            offset = self._offsets[place]
            if offset != at:
                self._file.seek(offset)
            line = self._file.readline()
            at = offset + len(line)
            row = json.loads(line)
            tail = tails.get(row["index"])
            if tail:
                row["output_tail"] = tail
            yield row
