"""The body of a request as a stream: counted, chunked or compressed on the wire."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import BinaryIO, Protocol

_PIECE = 256 * 1024


class BrokenBodyError(ConnectionError):
    """The framing or the compression is broken, or the body ends too early."""


class _Source(Protocol):
    """What yields at most n bytes a call, and nothing at the end."""

    def some(self, size: int) -> bytes: ...


class Body:
    """A readable stream that ends where the request's body ends."""

    def __init__(self, source: _Source) -> None:
        self._source = source
        self._left = b""

    def some(self, size: int = _PIECE) -> bytes:
        """At least one and at most `size` bytes; nothing at the end.

        Raises:
            BrokenBodyError: the client went away, or what it sends is no body.
        """
        data = self._left or self._source.some(size)
        self._left = data[size:]
        return data[:size]

    def read(self, size: int = -1) -> bytes:
        """`size` bytes, fewer only at the end; a negative size reads all."""
        pieces: list[bytes] = []
        missing = size
        while missing and (piece := self.some(_PIECE if size < 0 else min(missing, _PIECE))):
            pieces.append(piece)
            missing -= len(piece) if size > 0 else 0
        return b"".join(pieces)

    def drain(self) -> None:
        """Read and forget what is left."""
        while self.some():
            pass


def body_of(headers: Mapping[str, str], wire: BinaryIO) -> Body:
    """The body that the headers announce on the wire."""
    source: _Source
    if "chunked" in headers.get("Transfer-Encoding", "").lower():
        source = _Chunked(wire)
    else:
        length = headers.get("Content-Length", "0")
        source = _Counted(wire, int(length) if length.isascii() and length.isdigit() else 0)
    if headers.get("Content-Encoding", "").lower() == "gzip":
        source = _Gunzip(source)
    return Body(source)


class _Counted:
    def __init__(self, wire: BinaryIO, length: int) -> None:
        self._wire = wire
        self._missing = length

    def some(self, size: int) -> bytes:
        if not self._missing:
            return b""
        data = self._wire.read(min(size, self._missing))
        if not data:
            raise BrokenBodyError("the body ended too early")
        self._missing -= len(data)
        return data


class _Chunked:
    def __init__(self, wire: BinaryIO) -> None:
        self._wire = wire
        self._missing = 0
        self._ended = False

    def some(self, size: int) -> bytes:
        if not self._missing and not self._ended:
            self._begin()
        if self._ended:
            return b""
        data = self._wire.read(min(size, self._missing))
        if not data:
            raise BrokenBodyError("the body ended too early")
        self._missing -= len(data)
        if not self._missing:
            self._wire.readline(8)
        return data

    def _begin(self) -> None:
        line = self._wire.readline(1024)
        size = line.split(b";")[0].strip()
        if not size or size.strip(b"0123456789abcdefABCDEF"):
            raise BrokenBodyError("a chunk has no size")
        self._missing = int(size, 16)
        if not self._missing:
            self._ended = True
            while self._wire.readline(65536).strip():  # trailers
                pass


class _Gunzip:
    """gzip on the way, which the services undo before they look at the body."""

    def __init__(self, source: _Source) -> None:
        self._source = source
        self._decoder = zlib.decompressobj(wbits=31)

    def some(self, size: int) -> bytes:
        while True:
            packed = self._decoder.unconsumed_tail or self._source.some(size)
            if not packed:
                if not self._decoder.eof:
                    raise BrokenBodyError("the compressed body ended too early")
                return b""
            try:
                data = self._decoder.decompress(packed, size)
            except zlib.error as error:
                raise BrokenBodyError("the body is not gzip") from error
            if data:
                return data
