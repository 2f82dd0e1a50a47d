"""The content of objects: files with random names, written once and hashed on the way."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import google_crc32c

PIECE = 256 * 1024


@dataclass(frozen=True)
class Blob:
    """Content that is complete but not yet an object's; checksums in base64."""

    path: Path
    size: int
    crc32c: str
    md5: str


class Hashes:
    """crc32c and MD5, piece by piece."""

    def __init__(self) -> None:
        self._crc: Any = google_crc32c.Checksum()  # type: ignore[no-untyped-call]
        self._md5 = hashlib.md5(usedforsecurity=False)

    def update(self, piece: bytes) -> None:
        """Take the next piece."""
        self._crc.update(piece)
        self._md5.update(piece)

    def crc32c(self) -> str:
        """The checksum so far, as the JSON interface writes it."""
        return base64.b64encode(self._crc.digest()).decode()

    def md5(self) -> str:
        """The hash so far, as the JSON interface writes it."""
        return base64.b64encode(self._md5.digest()).decode()


class Readable(Protocol):
    """What a blob can be written from."""

    def read(self, size: int = ..., /) -> bytes:
        """At most `size` bytes, none at the end."""
        ...


class Blobs:
    """The folder of the files. What is being written lies apart from what belongs to objects."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept = folder / "content"
        self._incoming = folder / "incoming"
        self._kept.mkdir(parents=True, exist_ok=True)
        self._incoming.mkdir(exist_ok=True)

    def receive(self, source: Readable) -> Blob:
        """Write all that the source yields; nothing stays behind where the source fails."""
        return self.receive_pieces(iter(lambda: source.read(PIECE), b""))

    def receive_pieces(self, pieces: Iterator[bytes]) -> Blob:
        """Write the pieces; nothing stays behind where they fail."""
        path = self.new_incoming()
        hashes, size = Hashes(), 0
        try:
            with path.open("wb", buffering=0) as out:
                for piece in pieces:
                    hashes.update(piece)
                    out.write(piece)
                    size += len(piece)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return Blob(path, size, hashes.crc32c(), hashes.md5())

    def new_incoming(self) -> Path:
        """A path for content that arrives."""
        return self._incoming / secrets.token_hex(16)

    def incoming(self, name: str) -> Path:
        """The path of content that arrives, by its name."""
        return self._incoming / name

    def adopt(self, path: Path) -> str:
        """Make the file an object's own; returns the name to find it by."""
        name = secrets.token_hex(16)
        target = self._place(name)
        try:
            path.rename(target)
        except FileNotFoundError:
            target.parent.mkdir(exist_ok=True)
            path.rename(target)
        return name

    def duplicate(self, name: str) -> Path:
        """The same content once more, as incoming; costs no space (content never changes)."""
        path = self.new_incoming()
        os.link(self._place(name), path)
        return path

    def open(self, name: str) -> BinaryIO:
        """The content for reading; stays readable when the object is deleted meanwhile."""
        return self._place(name).open("rb")

    def discard(self, name: str) -> None:
        """Forget content."""
        self._place(name).unlink(missing_ok=True)

    def sweep(self, wanted: set[str]) -> None:
        """Remove what arrived for nobody, after a crash."""
        for path in self._incoming.iterdir():
            if path.name not in wanted:
                path.unlink()

    def _place(self, name: str) -> Path:
        return self._kept / name[:2] / name
