"""Lines of a file of any size, in bounded memory."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

from components.errors import InputError
from components.storage import files

MAX_LINE = 64 * 1024 * 1024
_BLOCK_BYTES = 64 * 1024
_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def numbered_lines(uri: str) -> Iterator[tuple[int, bytes | None]]:
    """The lines of a file that are not blank, with their numbers; None for one over the limit.

    Raises:
        InputError: there is no such file, or it is UTF-16.
    """
    with files.open_read(uri) as stream:
        for number, line in enumerate(lines_of(stream, uri), 1):
            if line is None or line[:1] == b"{" or not line.isspace():
                yield number, line


def lines_of(stream: BinaryIO, name: str = "", limit: int = MAX_LINE) -> Iterator[bytes | None]:
    """Each line with its line feed; None for a line over the limit, which is passed over.

    Blocks are read and split: asking the stream for each line takes three times as long.

    Args:
        stream: read from where it stands.
        name: of the file, for the error.
        limit: bytes that a line may have.

    Raises:
        InputError: the file is UTF-16, where a line feed is not one byte.
    """
    size = min(_BLOCK_BYTES, limit)
    block = stream.read(size)
    if block.startswith(_UTF_16):
        raise InputError("It is UTF-16, not UTF-8", where=name, fix="Save it as UTF-8.")
    block = block.removeprefix(_BOM) or stream.read(size)
    begun: list[bytes] = []  # of a line that goes on in the next block
    length = 0
    while block:
        lines = io.BytesIO(block).readlines()
        if begun:
            length += len(lines[0])
            begun.append(lines[0])
            if length > limit:
                begun = [b""]
            if lines.pop(0)[-1:] == b"\n":
                yield b"".join(begun) if length <= limit else None
                begun, length = [], 0
        if lines and lines[-1][-1:] != b"\n":
            begun = [lines.pop()]
            length = len(begun[0])
        yield from lines
        block = stream.read(size)
    if begun:
        yield b"".join(begun) if length < limit else None
