"""Which row has a key: a hash table in flat arrays, some fourteen bytes a row.

A dict of a million keys would take over a hundred megabytes. A key is known by 96 bits: those of
our own keys (24 hexadecimal digits of a SHA-256), else of a BLAKE2b hash. 32 of them choose where
in the table a search begins, the other 64 are compared there: for a million rows the chance that
any two keys are taken for one is below 1e-13.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from hashlib import blake2b

_BYTES = 12
_OUR_LENGTH = 1 + 2 * _BYTES
_parts = struct.Struct(">IQ").unpack
_ROOM = 1.4  # places of the table a row
_MANY = 16_384


Ident = tuple[int, int]
"""96 bits: 32 and 64."""

NO_KEY: Ident = (0, 0)


def ident_of_key(key: str) -> Ident:
    """What stands for a key."""
    if len(key) == _OUR_LENGTH and key[0] == "k" and key.islower():  # `k` is, so digits may be
        try:
            digits = bytes.fromhex(key[1:])
        except ValueError:
            digits = b""
        if len(digits) == _BYTES:  # it passes over blanks
            return _parts(digits)
    return ident_of_bytes(key.encode("utf-8", "replace"))


def ident_of_bytes(data: bytes) -> Ident:
    """What stands for the bytes."""
    return _parts(blake2b(data, digest_size=_BYTES).digest())


class KeyIndex:
    """Add the rows in order, `build`, then `find`.

    Rows with equal keys are one: `find` gives the first of them, `pairs` gives (row, first row)
    for all the others.
    """

    def __init__(self) -> None:
        self._low = array("Q")
        self._high = array("I")  # until the table is built
        self._table = array("I")  # rows from 1 on, 0 where there is none
        self._others = array("I")

    def __len__(self) -> int:
        return len(self._low)

    def add(self, ident: Ident) -> None:
        """The next row; `NO_KEY` for a row that has none."""
        high, low = ident
        self._high.append(high)
        self._low.append(low)

    def told(self) -> Iterator[bytes]:
        """What was added, for `learn`, in pieces."""
        for flat in (self._low, self._high):
            for at in range(0, len(flat), _MANY):
                yield flat.typecode.encode() + flat[at : at + _MANY].tobytes()

    def learn(self, piece: bytes | memoryview) -> None:
        """The next rows are those that another index tells; take up all of its pieces."""
        flat = self._low if piece[:1] == b"Q" else self._high
        flat.frombytes(piece[1:])

    def build(self) -> None:
        """Make the table. Call once, after the last row."""
        size = int(len(self._low) * _ROOM) + 1
        self._table = table = array("I", (0,)) * size
        lows, others = self._low, self._others
        for number, (low, high) in enumerate(zip(lows, self._high, strict=True), 1):
            if not low and not high:
                continue
            place = high % size
            while held := table[place]:
                if lows[held - 1] == low:
                    others.append(number - 1)
                    others.append(held - 1)
                    break
                place = place + 1 if place + 1 < size else 0
            else:
                table[place] = number
        del self._high[:]

    def find(self, ident: Ident) -> int:
        """The first row with the key, or -1."""
        table, lows, (high, low) = self._table, self._low, ident
        size = len(table)
        if not size:
            return -1
        place = high % size
        while held := table[place]:
            if lows[held - 1] == low:
                return held - 1
            place = place + 1 if place + 1 < size else 0
        return -1

    def forget(self) -> None:
        """Give the memory back; nothing is found any more."""
        for flat in (self._low, self._table):
            del flat[:]

    def pairs(self) -> list[tuple[int, int]]:
        """(row, first row with its key) of every row whose key was there before."""
        flat = self._others
        return list(zip(flat[::2], flat[1::2], strict=True))
