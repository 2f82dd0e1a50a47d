"""Which requests have a shard already: a hash table in a sparse file, so that memory stays flat.

A dict takes a hundred bytes for each request that differs, which a million rows make 100 MB. The
table has room for twice the rows that are allowed and never grows; what is read again soon is in
the system's page cache. Digests are hashes already: their own bits are the place in the table.
"""

from __future__ import annotations

import os
import tempfile
from typing import IO

DIGEST = 12  # bytes
_SLOT = 16  # a digest, and the number of its shard + 1: a slot of zeros is free
_READ = 4 * _SLOT  # at half load most digests stand in the first slots


class SentIndex:
    """Digests with the number of their shard. A context manager; the file goes with it.

    Args:
        most: how many digests there may be.
    """

    def __init__(self, most: int) -> None:
        self._slots = 1 << max(10, (2 * most - 1).bit_length())
        self._free: tuple[bytes, int] = (b"", 0)  # where the digest that was not found belongs

    def __enter__(self) -> SentIndex:
        self._file: IO[bytes] = tempfile.TemporaryFile(buffering=0, prefix="sent-")
        self._number = self._file.fileno()
        os.truncate(self._number, self._slots * _SLOT)
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def find(self, digest: bytes) -> int | None:
        """The number of the digest's shard; None if it is new."""
        slot = int.from_bytes(digest[:8], "little") & (self._slots - 1)
        while True:
            held = os.pread(self._number, _READ, slot * _SLOT)
            for at in range(0, len(held), _SLOT):
                end = at + DIGEST
                told = held[end : at + _SLOT]
                if told == b"\0\0\0\0":
                    self._free = (digest, slot * _SLOT + at)
                    return None
                if held[at:end] == digest:
                    return int.from_bytes(told, "little") - 1
            slot = (slot + len(held) // _SLOT) & (self._slots - 1)

    def add(self, digest: bytes, number: int) -> None:
        """Note the shard of a digest, of which `find` has just said that it is new."""
        looked_for, place = self._free
        if looked_for != digest:
            raise LookupError("find comes before add")
        os.pwrite(self._number, digest + (number + 1).to_bytes(4, "little"), place)
