"""Lines of a file of any size, in bounded memory, also those of a part of it."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from components.errors import InputError
from components.storage import files

MAX_LINE = 64 * 1024 * 1024
_BLOCK_BYTES = 64 * 1024
_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Span:
    """The lines of a file that begin at byte `start` or later, and before byte `end`.

    Args:
        file: which of several files, from 0 on.
        uri: of the file.
        start: 0 for the first line.
        end: None for all that follow.
    """

    file: int
    uri: str
    start: int = 0
    end: int | None = None

    def lines(self) -> Iterator[bytes | None]:
        """Each line with its line feed; None for one over the limit.

        Raises:
            InputError: there is no such file, or it is UTF-16.
        """
        with files.open_read(self.uri) as stream:
            yield from lines_of(stream, self.uri, start=self.start, end=self.end)


def whole(uris: Sequence[str]) -> list[Span]:
    """All lines of the files."""
    return [Span(file, uri) for file, uri in enumerate(uris)]


def halves(uris: Sequence[str]) -> tuple[list[Span], list[Span]]:
    """The files in two parts of about as many bytes, the second behind the first.

    Raises:
        InputError: there is no such file.
    """
    sizes = [files.size(uri) for uri in uris]
    left = sum(sizes) // 2
    first: list[Span] = []
    spans = whole(uris)
    for span, size in zip(spans, sizes, strict=True):
        if size > left:
            cut = [Span(span.file, span.uri, left)] if left else [span]
            first += [Span(span.file, span.uri, 0, left)] * bool(left)
            return first, [*cut, *spans[span.file + 1 :]]
        first.append(span)
        left -= size
    return first, []


def numbered_lines(uri: str) -> Iterator[tuple[int, bytes | None]]:
    """The lines of a file that are not blank, with their numbers; None for one over the limit.

    Raises:
        InputError: there is no such file, or it is UTF-16.
    """
    for number, line in enumerate(Span(0, uri).lines(), 1):
        if line is None or line[:1] == b"{" or not line.isspace():
            yield number, line


def lines_of(
    stream: BinaryIO, name: str = "", limit: int = MAX_LINE, start: int = 0, end: int | None = None
) -> Iterator[bytes | None]:
    """Each line with its line feed; None for a line over the limit, which is passed over.

    Blocks are read and split: asking the stream for each line takes three times as long.

    Args:
        stream: stands at its beginning.
        name: of the file, for the error.
        limit: bytes that a line may have.
        start: lines that begin before this byte are left out.
        end: and those that begin at it or later.

    Raises:
        InputError: the file is UTF-16, where a line feed is not one byte.
    """
    begun: list[bytes] = []  # of a line that goes on in the next block
    length = 0
    for block in _blocks(stream, name, min(_BLOCK_BYTES, limit), start, end):
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
    if begun:
        yield b"".join(begun) if length < limit else None


def _blocks(stream: BinaryIO, name: str, size: int, start: int, end: int | None) -> Iterator[bytes]:
    """What the lines that begin between `start` and `end` hold, in blocks without a bound."""
    at, block = _first(stream, name, size, start)
    if end is not None and end <= (at if start else 0):  # a byte order mark is of the first line
        return
    while block and (end is None or at + len(block) < end):
        yield block
        at += len(block)
        block = stream.read(size)
    if end is None:
        return
    # The last line is the one that the byte before `end` belongs to.
    over = block.find(b"\n", max(end - 1 - at, 0)) + 1
    while block and not over:
        yield block
        block = stream.read(size)
        over = block.find(b"\n") + 1
    if over:
        yield block[:over]


def _first(stream: BinaryIO, name: str, size: int, start: int) -> tuple[int, bytes]:
    """Where the first line begins, and the block that begins with it."""
    if not start:
        block = stream.read(size)
        if block.startswith(_UTF_16):
            raise InputError("It is UTF-16, not UTF-8", where=name, fix="Save it as UTF-8.")
        if block.startswith(_BOM):
            return len(_BOM), block.removeprefix(_BOM) or stream.read(size)
        return 0, block
    at = start - 1  # a line feed there is the end of the line before
    stream.seek(at)
    while block := stream.read(size):
        if over := block.find(b"\n") + 1:
            return at + over, block[over:] or stream.read(size)
        at += len(block)
    return at, b""
