"""multipart/related and multipart/mixed bodies, read as they arrive.

`gcloud` writes the boundary in single quotes and ends its lines with a bare line feed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from emulator.messages import ApiError
from emulator.streams import Body

_MAX_HEAD_BYTES = 64 * 1024


class Part:
    """One part: its headers in lower case, and its content once, piece by piece."""

    def __init__(self, headers: Mapping[str, str], pieces: Iterator[bytes]) -> None:
        self.headers = headers
        self.pieces = pieces

    def read(self, limit: int = 64 * 1024 * 1024) -> bytes:
        """All of the content that was not read yet."""
        data = bytearray()
        for piece in self.pieces:
            data += piece
            if len(data) > limit:
                raise _broken(f"a part is larger than {limit} bytes")
        return bytes(data)


def parts(content_type: str, body: Body) -> Iterator[Part]:
    """The parts in order; what is not read of one is skipped.

    Raises:
        ApiError: 400 where the body is not what the content type says.
    """
    found = re.search(r"boundary=(?:\"([^\"]+)\"|'([^']+)'|([^;\s]+))", content_type)
    if not found:
        raise _broken("the content type names no boundary")
    dashes = b"--" + next(group for group in found.groups() if group).encode()
    text = _Text(body)
    ending = text.line(dashes)
    while True:
        part = Part(_headers(text.head()), text.until(ending + dashes))
        yield part
        for _ in part.pieces:
            pass
        if text.ended():
            return


class _Text:
    """The body with a little looking ahead."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._buffer = b""

    def line(self, dashes: bytes) -> bytes:
        """Pass the first boundary; returns how the body ends its lines."""
        line = self._line() or self._line()  # an empty line may precede it
        if line.strip() != dashes:
            raise _broken("it does not begin with its boundary")
        return b"\r\n" if line.endswith(b"\r") else b"\n"

    def head(self) -> bytes:
        """The headers of a part, up to and with the empty line."""
        while not (found := re.search(rb"(?:^|\n)\r?\n", self._buffer)):
            if len(self._buffer) > _MAX_HEAD_BYTES:
                raise _broken("the headers of a part are too large")
            self._more()
        head, self._buffer = self._buffer[: found.end()], self._buffer[found.end() :]
        return head

    def until(self, mark: bytes) -> Iterator[bytes]:
        """The bytes before the mark, which is passed."""
        while (at := self._buffer.find(mark)) < 0:
            if safe := self._buffer[: 1 - len(mark)]:
                self._buffer = self._buffer[len(safe) :]
                yield safe
            self._more()
        piece, self._buffer = self._buffer[:at], self._buffer[at + len(mark) :]
        yield piece

    def ended(self) -> bool:
        """Whether the boundary that was passed last ends the body; passes its line else."""
        while len(self._buffer) < 2:
            self._more()
        if self._buffer.startswith(b"--"):
            return True
        self._line()
        return False

    def _line(self) -> bytes:
        """The next line; a carriage return at its end stays, unless it is all there is."""
        while b"\n" not in self._buffer:
            if len(self._buffer) > _MAX_HEAD_BYTES:
                raise _broken("a line is too long")
            self._more()
        line, _, self._buffer = self._buffer.partition(b"\n")
        return b"" if line == b"\r" else line

    def _more(self) -> None:
        piece = self._body.some()
        if not piece:
            raise _broken("it ends before its last boundary")
        self._buffer += piece


def _headers(head: bytes) -> dict[str, str]:
    pairs = (line.partition(":") for line in head.decode("utf-8", "replace").splitlines())
    return {name.strip().lower(): value.strip() for name, colon, value in pairs if colon}


def _broken(why: str) -> ApiError:
    return ApiError(400, "", f"The multipart body is broken: {why}.", "badContent")
