"""Reading an object of Cloud Storage as a file is read."""

from __future__ import annotations

import io
from typing import Any


class ObjectReader(io.RawIOBase):
    """What `io.BufferedReader` needs of an object, on top of the library's own stream.

    That one finds the end of a line byte by byte, a hundred times as slowly, and asks the service
    for the object's size before it tells where it is (google-cloud-storage 3.17).

    Args:
        stream: a `BlobReader`; closing it is the caller's.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._at = 0
        self._ended = False

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is, too."""
        return True

    def tell(self) -> int:
        """The place of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place; the first time, the service is asked for the size."""
        self._at, self._ended = self._stream.seek(offset, whence), False
        return self._at

    def readinto(self, into: Any) -> int:
        """Fill the buffer as far as there are bytes; 0 at the end."""
        # Behind the end each read is a call of the service.
        data = b"" if self._ended else self._stream.read(len(into))
        into[: len(data)] = data
        self._at += len(data)
        self._ended = not data
        return len(data)

    def readall(self) -> bytes:
        """The rest, in one call of the service."""
        data: bytes = self._stream.read()
        self._at += len(data)
        return data
