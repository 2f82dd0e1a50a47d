"""Which row has a key: a hash table in flat arrays, some twenty bytes a row.

A dict of a million keys would take over a hundred megabytes. Keys are compared by 96 bits of
theirs: those of our own keys (24 hexadecimal digits of a SHA-256), else of a BLAKE2b hash.
"""

from __future__ import annotations

from array import array
from contextlib import suppress
from hashlib import blake2b

_BYTES = 12
_OUR_LENGTH = 1 + 2 * _BYTES
_LOW = 2**64 - 1


def ident_of_key(key: str) -> int:
    """96 bits that stand for a key."""
    if len(key) == _OUR_LENGTH and key[0] == "k" and key.islower():  # `k` is, so digits may be
        with suppress(ValueError):
            digits = bytes.fromhex(key[1:])  # which passes over blanks
            if len(digits) == _BYTES:
                return int.from_bytes(digits)
    return ident_of_bytes(key.encode("utf-8", "replace"))


def ident_of_bytes(data: bytes) -> int:
    """96 bits that stand for the bytes."""
    return int.from_bytes(blake2b(data, digest_size=_BYTES).digest())


class KeyIndex:
    """Add the rows in order, `build`, then `find`.

    Rows with equal keys are one: `find` gives the first of them, `pairs` gives (row, first row)
    for all the others.
    """

    def __init__(self) -> None:
        self._low = array("Q")
        self._high = array("I")
        self._table = array("I")
        self._mask = 0
        self._others = array("I")

    def __len__(self) -> int:
        return len(self._low)

    def add(self, ident: int) -> None:
        """The next row; 0 for a row that has no key."""
        self._low.append(ident & _LOW)
        self._high.append(ident >> 64)

    def extend(self, others: KeyIndex) -> None:
        """The next rows are those of another one, which was not built."""
        self._low.extend(others._low)
        self._high.extend(others._high)

    def build(self) -> None:
        """Make the table. Call once, after the last row."""
        size = 1 << max((len(self._low) * 3 // 2).bit_length(), 3)
        self._mask = mask = size - 1
        self._table = table = array("I", (0,)) * size
        lows, highs, others = self._low, self._high, self._others
        for number, (low, high) in enumerate(zip(lows, highs, strict=True)):
            if not low and not high:
                continue
            place = low & mask
            while held := table[place]:
                if lows[held - 1] == low and highs[held - 1] == high:
                    others.append(number)
                    others.append(held - 1)
                    break
                place = (place + 1) & mask
            else:
                table[place] = number + 1

    def find(self, ident: int) -> int:
        """The first row with the key, or -1."""
        if not self._table:
            return -1
        low, high = ident & _LOW, ident >> 64
        lows, table, mask = self._low, self._table, self._mask
        place = low & mask
        while held := table[place]:
            held -= 1
            if lows[held] == low and self._high[held] == high:
                return held
            place = (place + 1) & mask
        return -1

    def forget(self) -> None:
        """Give the memory back; nothing is found any more."""
        for flat in (self._low, self._high, self._table):
            del flat[:]

    def pairs(self) -> list[tuple[int, int]]:
        """(row, first row with its key) of every row whose key was there before."""
        flat = self._others
        return list(zip(flat[::2], flat[1::2], strict=True))
