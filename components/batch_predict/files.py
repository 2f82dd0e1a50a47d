"""The files of a run as this step sees them: lines in, lines out, and one versioned text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from components.storage.versioned import Version, Versioned

Write = Callable[[bytes], object]


class Files(Protocol):
    """Where shards, outputs and the ledger lie. Failures are ServiceError and InputError."""

    def lines(self, uri: str) -> Iterator[bytes]:
        """The lines of a file, with their ends; InputError where there is none."""

    def writer(self, uri: str) -> AbstractContextManager[Write]:
        """Writes a file that appears when the block ends without an error."""

    def below(self, folder: str) -> list[str]:
        """The files below a folder, in name order."""

    def read(self, uri: str) -> Versioned | None:
        """A small text with its version."""

    def write(self, uri: str, text: str, version: Version | None) -> Version:
        """Write the text if it still is at `version`; raises `Conflict` if it is not."""


class StoredFiles:
    """Files at local paths and gs:// URIs."""

    def lines(self, uri: str) -> Iterator[bytes]:
        """The lines of a file, with their ends; InputError where there is none."""
        from components.storage.files import open_read

        with open_read(uri) as stream:
            yield from stream

    @contextmanager
    def writer(self, uri: str) -> Iterator[Write]:
        """Writes a file that appears when the block ends without an error."""
        from components.storage.files import open_write

        with open_write(uri, "application/jsonl") as out:
            yield out.write

    def below(self, folder: str) -> list[str]:
        """The files below a folder, in name order."""
        from components.storage.files import list_uris

        return list(list_uris(folder))

    def read(self, uri: str) -> Versioned | None:
        """A small text with its version."""
        from components.storage import versioned

        return versioned.read(uri)

    def write(self, uri: str, text: str, version: Version | None) -> Version:
        """Write the text if it still is at `version`; raises `Conflict` if it is not."""
        from components.storage import versioned

        return versioned.write(uri, text, version)


class Unwritten:
    """Files that are read as they are, and written nowhere: for a look at what would be."""

    def __init__(self, files: Files) -> None:
        self.lines = files.lines
        self.below = files.below
        self.read = files.read

    @contextmanager
    def writer(self, uri: str) -> Iterator[Write]:
        """Takes what is written, and keeps nothing."""
        yield len

    def write(self, uri: str, text: str, version: Version | None) -> Version:
        """Not of use here."""
        raise AssertionError(f"{uri} was to be written")
