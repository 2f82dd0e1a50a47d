"""Lines of a file of any size, in bounded memory."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO, cast

from components.errors import InputError
from components.storage import files

MAX_LINE = 64 * 1024 * 1024
_BUFFER_BYTES = 256 * 1024
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

    Args:
        stream: read from where it stands, through a larger buffer than files have.
        name: of the file, for the error.
        limit: bytes that a line may have.

    Raises:
        InputError: the file is UTF-16, where a line feed is not one byte.
    """
    raw = stream.raw if isinstance(stream, io.BufferedReader) else stream
    reader = io.BufferedReader(cast(io.RawIOBase, raw), _BUFFER_BYTES)
    try:
        head = reader.peek(3)[:3]
        if head.startswith(_UTF_16):
            raise InputError("It is UTF-16, not UTF-8", where=name, fix="Save it as UTF-8.")
        if head == _BOM:
            reader.read(3)
        readline = reader.readline
        while line := readline(limit):
            if len(line) == limit and line[-1:] != b"\n":
                while (line := readline(limit)) and line[-1:] != b"\n":
                    pass
                yield None
            else:
                yield line
    finally:
        reader.detach()  # or it would close what it wraps
