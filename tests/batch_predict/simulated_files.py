"""Files that live in memory, as a process in trouble sees them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from components.errors import InputError, ServiceError
from components.storage.versioned import Conflict, Version, Versioned


class Fates(Protocol):
    """What may happen at a call; raises if the process dies of it."""

    def touch(self, behind: str = "") -> None:
        """A call is made, or was made (`behind` says which)."""

    def storage(self) -> Literal["", "before", "after"]:
        """Whether the storage fails this time: before or after it did what was asked."""

    def note(self, fault: str) -> None:
        """Something went wrong."""

    def second(self) -> None:
        """Another process may do some of the work now."""


@dataclass
class Memory:
    """A `Files`; every call may fail, and may be the process's last."""

    fates: Fates
    on_written: Callable[[str, bytes], None]
    content: dict[str, bytes] = field(default_factory=dict)
    versions: Counter[str] = field(default_factory=Counter)
    writing: str = ""  # the file that a process is about to write

    def lines(self, uri: str) -> Iterator[bytes]:
        self._read(uri)
        if uri not in self.content:
            raise InputError("There is no such file", where=uri)
        return iter(self.content[uri].splitlines(keepends=True))

    @contextmanager
    def writer(self, uri: str) -> Iterator[Callable[[bytes], object]]:
        pieces: list[bytes] = []
        yield pieces.append
        self.writing = uri
        self.fates.second()  # what is written rests on what was read before
        self.writing = ""
        self.fates.touch()
        fails = self._storage(uri)
        self.content[uri] = b"".join(pieces)
        self.on_written(uri, self.content[uri])
        if fails:
            self.fates.note("file written, reply lost")
            raise ServiceError("reply lost", where=uri)
        self.fates.touch("killed behind the writing of a file")

    def below(self, folder: str) -> list[str]:
        self._read(folder)
        return sorted(uri for uri in self.content if uri.startswith(f"{folder}/"))

    def read(self, uri: str) -> Versioned | None:
        self._read(uri)
        if uri not in self.content:
            return None
        return Versioned(self.content[uri].decode(), Version(str(self.versions[uri])))

    def write(self, uri: str, text: str, version: Version | None) -> Version:
        self.fates.touch()
        fails = self._storage(uri)
        known = str(self.versions[uri]) if uri in self.content else None
        if known != version:
            self.fates.note("ledger written by somebody else")
            raise Conflict(uri)
        self.content[uri] = text.encode()
        self.versions[uri] += 1
        if fails:
            self.fates.note("ledger written, reply lost")
            raise ServiceError("reply lost", where=uri)
        self.fates.touch("killed behind the writing of the ledger")
        return Version(str(self.versions[uri]))

    def _read(self, uri: str) -> None:
        self.fates.second()
        self.fates.touch()
        self._storage(uri)

    def _storage(self, uri: str) -> bool:
        """Whether the reply is going to be lost."""
        fails = self.fates.storage()
        if fails == "before":
            self.fates.note("storage failed")
            raise ServiceError("503", where=uri)
        return fails == "after"
