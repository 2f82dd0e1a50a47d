"""Bytes as text: which encoding, told by its mark or by the person, and lines of bounded length."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from typing import BinaryIO

from components.errors import InputError, WrongUse
from components.prepare_requests.tables import Note

MAX_LINE = 10_000_000  # characters; a request with inline data is smaller than this too

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def encoding_of(start: bytes, given: str, where: str, note: Note) -> str:
    """The encoding of a file that begins with `start`.

    Raises:
        InputError: it is no text.
        WrongUse: there is no encoding of the given name.
    """
    for mark, name in _MARKS:
        if start.startswith(mark):
            return name
    if given:
        return _known(given)
    if b"\0" not in start:
        return "utf-8"
    even, odd = start[0::2].count(0), start[1::2].count(0)
    for nulls, others, name in ((odd, even, "utf-16-le"), (even, odd, "utf-16-be")):
        if nulls > len(start) // 4 and others <= nulls // 8:
            note("no_byte_order_mark", f"the file is read as {name.upper()}", 1, "Save as UTF-8.")
            return name
    if even + odd > len(start) // 4:
        raise InputError(
            "It is no text: it is full of NUL bytes", where=where, fix="Give CSV, XLSX or JSONL."
        )
    return "utf-8"


def _known(name: str) -> str:
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError):
        info = None
    if info is None or not info._is_text_encoding:
        raise WrongUse(f"There is no encoding '{name[:40]}'", fix="For example utf-8 or cp1252.")
    return info.name


def bounded_lines(stream: BinaryIO, encoding: str, where: str) -> Iterator[str]:
    """The lines with their ends, as the csv module wants them.

    Raises:
        InputError: a line is longer than `MAX_LINE`, or not of the encoding.
    """
    text = io.TextIOWrapper(stream, encoding=encoding, newline="")
    readline = text.readline
    number = 0
    try:
        while line := readline(MAX_LINE):
            if len(line) >= MAX_LINE and line[-1] not in "\r\n":
                raise InputError(
                    f"The line is longer than {MAX_LINE:,} characters",
                    where=f"{where}:{number + 1}",
                    fix="Check that the file is what you meant, and that it has line ends.",
                )
            number += 1
            yield line
    except UnicodeDecodeError as error:
        raise _not_of(error, encoding, where, number) from error
    finally:
        if not stream.closed:
            text.detach()  # the stream belongs to the caller


def _not_of(error: UnicodeDecodeError, encoding: str, where: str, lines: int) -> InputError:
    name = encoding.upper().removesuffix("-SIG")
    line = lines + error.object[: error.start].count(b"\n") + 1
    found = error.object[error.start : error.start + 1].hex()
    return InputError(
        f"It is not {name} text (byte 0x{found})",
        where=f"{where}:{line}",
        fix='Save it as "CSV UTF-8", or name its encoding (for example encoding=cp1252).',
    )


def bounded_raw_lines(stream: BinaryIO, limit: int = MAX_LINE) -> Iterator[bytes | None]:
    """The lines of UTF-8 bytes; None for one that is longer than `limit`, which is skipped."""
    while line := stream.readline(limit + 1):
        if len(line) <= limit or line.endswith(b"\n"):
            yield line
            continue
        while (rest := stream.readline(limit + 1)) and not rest.endswith(b"\n"):
            pass
        yield None
