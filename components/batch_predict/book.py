"""The ledger of all jobs of a run (`predictions.json`), written by compare-and-swap.

A job's entry holds its life (the fields of the supervision's ledger) beside what was sent where.
Lives are versioned one by one: two jobs that change do not get in each other's way, two processes
with the same job do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from components.batch_predict.files import Files
from components.errors import InputError, ServiceError
from components.storage.versioned import Conflict, Version
from components.supervision import ledger as ledgers
from components.supervision.driver import Loaded, Lost, Saved
from components.supervision.ledger import Ledger
from components.supervision.life import Failed
from components.tables.text import json_text

VERSION = 1
CONFLICTS_MAX = 20
_OWN = ("shard", "wave", "attempt", "model", "display_name", "input_uri", "output_uri", "requests",
        "how", "stats", "counts", "tokens", "cost_usd")  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One shard that was sent, or is to be sent, once.

    Attributes:
        shard: the name of the shard's file.
        wave, attempt: which wave it belongs to (from 0), and which sending of it (from 1) this is.
        model: what is asked.
        display_name: names the job, and the folder of its outputs; from run, content and attempt.
        input_uri: the shard as the service reads it.
        output_uri: the folder that the service writes to.
        requests: how many the shard holds.
        how: as a batch job, or one by one online.
        ledger: the job's life and the request that makes it.
        stats: what the service says of the job: counts, times, where it wrote.
        counts: what came back, by status, and `resent`, `given_up`; None until it was read.
        tokens: what came back and went there: `input`, `output`, `cached`; empty until it was read.
        cost_usd: what that cost; None where it is not known.
    """

    shard: str
    wave: int
    attempt: int
    model: str
    display_name: str
    input_uri: str
    output_uri: str
    requests: int
    how: Literal["batch", "online"] = "batch"
    ledger: Ledger = field(default_factory=Ledger)
    stats: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, int] | None = None
    tokens: Mapping[str, int] = field(default_factory=dict)
    cost_usd: float | None = None

    @cached_property
    def line(self) -> str:
        """The entry as JSON text; worked out once, since an entry does not change."""
        own = json_text({name: getattr(self, name) for name in _OWN})
        return f"{own[:-1]}, {self.ledger.text[1:-1]}"


@dataclass(frozen=True)
class Doc:
    """Everything that `predictions.json` holds.

    Attributes:
        entries: in the order in which they came to be.
        deadline_at: when what still goes on is cancelled, Unix seconds.
        waves_done: so many waves have all their answers, or know why not.
        stopped: why the whole run was stopped; empty if it was not.
    """

    entries: tuple[Entry, ...] = ()
    deadline_at: float | None = None
    waves_done: int = 0
    stopped: str = ""

    def round(self, wave: int, attempt: int) -> list[Entry]:
        """The entries of one sending of one wave."""
        return [e for e in self.entries if (e.wave, e.attempt) == (wave, attempt)]

    @property
    def spent_usd(self) -> float:
        """What all that came back has cost, as far as it is known."""
        return round(sum(entry.cost_usd or 0.0 for entry in self.entries), 6)

    def with_entry(self, changed: Entry) -> Doc:
        """The same, but for the entry of that display name."""
        name = changed.display_name
        entries = [changed if entry.display_name == name else entry for entry in self.entries]
        return replace(self, entries=tuple(entries))


class Book:
    """The ledger at a URI."""

    def __init__(self, files: Files, uri: str) -> None:
        self._files = files
        self.uri = uri
        self.doc = Doc()  # as last read or written
        self._version: Version | None = None

    def load(self) -> Doc:
        """Read it; an empty one where there is none.

        Raises:
            InputError: what lies there is no ledger of predictions.
            ServiceError: it cannot be read.
        """
        found = self._files.read(self.uri)
        if found and found.version == self._version:
            return self.doc  # each job reads it at its beginning: many times the same
        self.doc = from_text(found.text, self.uri) if found else Doc()
        self._version = found.version if found else None
        return self.doc

    def update(self, change: Callable[[Doc], Doc]) -> Doc:
        """Change it; where somebody else wrote meanwhile, change what they wrote.

        Raises:
            ServiceError: it cannot be read or written.
        """
        for _ in range(CONFLICTS_MAX):
            changed = change(self.doc)
            if changed == self.doc and self._version is not None:
                return self.doc
            try:
                self._version = self._files.write(self.uri, to_text(changed), self._version)
            except Conflict:
                self.load()
                continue
            self.doc = changed
            return changed
        raise ServiceError("Others write the ledger all the time", where=self.uri)

    def entry(self, display_name: str) -> Entry | None:
        """The entry of that display name, as last read or written."""
        return next((e for e in self.doc.entries if e.display_name == display_name), None)


class EntryStore:
    """One job's life within the book; a `LedgerStore` of the supervision.

    Args:
        book: the ledger of all jobs.
        display_name: which entry; it must be in the book.
        stats: what the service said of the job last.
    """

    def __init__(
        self, book: Book, display_name: str, stats: Callable[[], Mapping[str, Any]]
    ) -> None:
        self._book = book
        self._display_name = display_name
        self._stats = stats

    def load(self) -> Loaded | Failed:
        """The life as it stands."""
        try:
            self._book.load()
        except ServiceError as error:
            return Failed(str(error))
        entry = self._book.entry(self._display_name)
        if entry is None:
            return Failed("the job's entry is gone from the ledger")
        return Loaded(entry.ledger, version_of(entry.ledger))

    def save(self, ledger: Ledger, version: str | None) -> Saved | Lost | Failed:
        """Write the life if nobody else has changed it."""

        def change(doc: Doc) -> Doc:
            entry = next((e for e in doc.entries if e.display_name == self._display_name), None)
            if entry is None or version_of(entry.ledger) != version:
                raise _Overtaken
            stats = {**entry.stats, **self._stats()}
            return doc.with_entry(replace(entry, ledger=ledger, stats=stats))

        try:
            self._book.update(change)
        except _Overtaken:
            return Lost()
        except ServiceError as error:
            return Failed(str(error))
        return Saved(version_of(ledger))


class _Overtaken(Exception):  # noqa: N818 - not a failure
    """Another process has changed the same life."""


def version_of(ledger: Ledger) -> str:
    """What tells one state of a life from another."""
    return ledger.text


def to_text(doc: Doc) -> str:
    """The document as JSON text."""
    head = {
        "version": VERSION,
        "spent_usd": doc.spent_usd,
        "waves_done": doc.waves_done,
        "stopped": doc.stopped,
        "deadline_at": None if doc.deadline_at is None else ledgers.to_time(doc.deadline_at),
    }
    # A line a job: readable, and only the jobs that have changed are encoded anew.
    jobs = ",\n".join(entry.line for entry in doc.entries)
    return f'{json_text(head)[:-1]}, "jobs": [\n{jobs}\n]}}\n'


def from_text(text: str, where: str = "") -> Doc:
    """The document from its JSON text; fields of later releases are passed over.

    Raises:
        InputError: it is no ledger of predictions, or one of a newer version.
    """
    try:
        told = json.loads(text)
        if told["version"] != VERSION:
            raise InputError(
                f"The ledger has version {told['version']!r}, this release reads {VERSION}",
                where=where,
                fix="Use the release that wrote it, or start a new run.",
            )
        deadline = told.get("deadline_at")
        return Doc(
            entries=tuple(_entry(job, where) for job in told["jobs"]),
            deadline_at=None if deadline is None else ledgers.from_time(deadline),
            waves_done=int(told.get("waves_done", 0)),
            stopped=str(told.get("stopped", "")),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"This is not the ledger of a run's predictions ({error})",
            where=where,
            fix="Start a new run.",
        ) from error


_KINDS: dict[str, Any] = {
    "wave": int,
    "attempt": int,
    "requests": int,
    "stats": dict,
    "counts": dict | None,
    "tokens": dict,
    "cost_usd": int | float | None,
}


def _entry(job: Mapping[str, Any], where: str) -> Entry:
    own = {name: job[name] for name in _OWN}
    for name, value in own.items():
        if not isinstance(value, _KINDS.get(name, str)):
            raise ValueError(f"{name} is {value!r}")
    return Entry(**own, ledger=ledgers.from_told(job, where))
