"""Which row an answer belongs to: by the key that came back, else by the request that did.

An answer that neither proves is nobody's. Two rows that cannot be told apart asked the same, so
an answer to one is an answer to both; where as many answers came as there are such rows, each row
gets its own.
"""

from __future__ import annotations

import logging
from array import array
from collections.abc import Iterable
from typing import Protocol

from components.aggregate_results.predictions.asked_texts import UNKNOWN, ident_of_texts
from components.aggregate_results.predictions.decode import Line, decode, echo_of, request_of
from components.aggregate_results.predictions.jobs import UNKNOWN as UNKNOWN_JOB
from components.aggregate_results.predictions.jobs import Job, model_name
from components.aggregate_results.predictions.key_index import (
    NO_KEY,
    Ident,
    KeyIndex,
    ident_of_bytes,
    ident_of_key,
)
from components.aggregate_results.predictions.manifest_keys import manifest_keys
from components.aggregate_results.predictions.sources import RequestFile
from components.errors import Intent2BatchError
from components.rows.canonical import canonical, key_of_canonical
from components.storage import files
from components.storage.uris import join

log = logging.getLogger(__name__)

FOREIGN = -1
_UNCANONICAL = (ValueError, TypeError, AttributeError, RecursionError)
Groups = dict[int, list[int]]


class Joining(Protocol):
    """What the first pass asks."""

    rows: int
    groups: Groups
    one_answer_each: bool

    def find(self, line: Line, raw: bytes, job: Job, version: str) -> tuple[int, str]:
        """(place of the row from 0 on, how it was matched), or (FOREIGN, why it was not)."""

    def sure(self, line: Line, raw: bytes, job: Job, version: str) -> tuple[int, str]:
        """As `find`, in any order: FOREIGN also where order decides, or more has to be learned."""

    def forget(self) -> None:
        """All answers were found: give the memory back."""


def _grouped(pairs: Iterable[tuple[int, int]]) -> Groups:
    groups: Groups = {}
    for other, first in pairs:
        groups.setdefault(first, []).append(other)
    return groups


def _canonical(echo: bytes) -> bytes:
    """The canonical form of an echoed request; b"" where there is none."""
    request = request_of(echo) if echo else None
    if request is None:
        return b""
    try:
        return canonical(request)
    except _UNCANONICAL:
        return b""


class ManifestJoin:
    """Rows of a manifest: their keys are made of model and request; equal ones share an answer."""

    one_answer_each = False

    def __init__(self, uri: str, shards_uri: str = "", *, beside: bool = False) -> None:
        """Read the manifest.

        Args:
            uri: of the manifest.
            shards_uri: the folder of what was sent.
            beside: whether a second process is to help.

        Raises:
            InputError: it is damaged.
            ServiceError: the second process ended early.
        """
        self._index, self._models = manifest_keys(uri, beside=beside)
        self._shards_uri = shards_uri
        self._shards: dict[str, dict[Ident, int]] = {}
        self.rows = len(self._index)
        self.groups = _grouped(self._index.pairs())

    def find(self, line: Line, raw: bytes, job: Job, version: str) -> tuple[int, str]:
        """(place of the row from 0 on, how it was matched), or (FOREIGN, why it was not)."""
        key = line.key if isinstance(line.key, str) and line.key else line.echoed_key
        if key:
            place = self._index.find(ident_of_key(key))
            if place >= 0:
                return place, "key"
        request = _canonical(echo_of(raw))
        if not request:
            return FOREIGN, "unknown key" if key else "neither key nor request"
        found = self._of_request(request, job, version)
        if len(found) == 1:
            return found.pop(), "request"
        return FOREIGN, "asked of several models" if found else "unknown request"

    sure = find

    def place_of(self, key: str) -> int:
        """The place of the first row with this key, or FOREIGN."""
        return self._index.find(ident_of_key(key))

    def forget(self) -> None:
        """All answers were found: give the memory back."""
        self._index.forget()

    def _of_request(self, request: bytes, job: Job, version: str) -> set[int]:
        """The rows that may have asked it: none, one, or one of each of several models."""
        found = {
            place
            for model in self._candidates(job, version)
            if (place := self._index.find(ident_of_key(key_of_canonical(request, model)))) >= 0
        }
        if not found and (job.shard or job.input_uri):
            place = self._changed(job).get(ident_of_bytes(request), FOREIGN)
            found = {place} - {FOREIGN}
        return found

    def _changed(self, job: Job) -> dict[Ident, int]:
        """The rows of a job's own shard by their requests: those sent again were changed."""
        name = job.shard or job.input_uri
        known = self._shards.get(name)
        if known is None:
            known = self._shards[name] = {}
            try:
                for row, request in RequestFile(self._sent(job)).requests():
                    place = self._index.find(ident_of_key(row.key)) if row.key else FOREIGN
                    form = _canonical(request)
                    if place >= 0 and form:
                        known[ident_of_bytes(form)] = place
            except Intent2BatchError:
                log.info("%s could not be read", name, exc_info=True)
        return known

    def _sent(self, job: Job) -> str:
        """The job's shard in the run's folder; where it is gone, what the service read."""
        own = join(self._shards_uri, job.shard) if self._shards_uri and job.shard else ""
        return own if own and files.exists(own) else job.input_uri

    def _candidates(self, job: Job, version: str) -> list[str]:
        """The models that may have answered: that of the job, else those named like the version."""
        if job.model:
            return [model for model in self._models if model_name(model) == model_name(job.model)]
        name = model_name(version)
        return [model for model in self._models if name and model_name(model) == name] or (
            self._models
        )


class RequestJoin:
    """Rows of a request file. Indexes of requests are made when the first answer needs them."""

    one_answer_each = True

    def __init__(self, file: RequestFile) -> None:
        self._file = file
        self._keys = KeyIndex()
        self._texts = array("Q")
        for row, request in file.requests():  # without the prompts, which the second pass shows
            self._keys.add(ident_of_key(row.key) if row.key else NO_KEY)
            self._texts.append(ident_of_texts(request) if row.key and request else UNKNOWN)
        self._keys.build()
        self.rows = len(self._keys)
        # Two requests under one key: the key proves nothing, the request may.
        self._ambiguous = frozenset(first for _, first in self._keys.pairs())
        self._bytes: KeyIndex | None = None
        self._canonical: KeyIndex | None = None
        self.groups: Groups = {}

    def find(self, line: Line, raw: bytes, job: Job, version: str) -> tuple[int, str]:
        """(place of the row from 0 on, how it was matched), or (FOREIGN, why it was not)."""
        echo = echo_of(raw)
        place = self._of_key(line)
        if place >= 0 and self._may_be_its(place, echo):
            return place, "key"
        if not echo:
            return FOREIGN, "unknown key" if line.echoed_key else "neither key nor request"
        asked = self._find_request(echo)
        if asked >= 0:
            return asked, "request"
        return FOREIGN, "key of another request" if place >= 0 else "unknown request"

    def sure(self, line: Line, raw: bytes, _job: Job, _version: str) -> tuple[int, str]:
        """By the key, or by a request that one row asked; which of several it is, order decides."""
        echo = echo_of(raw)
        place = self._of_key(line)
        if place >= 0 and self._may_be_its(place, echo):
            return place, "key"
        place = self._known_request(echo) if echo else FOREIGN
        return FOREIGN if place in self.groups else place, "request"

    def expect(self, lines: Iterable[bytes]) -> None:
        """Index requests now if lines like these need it, so that `sure` can find them."""
        for raw in lines:
            line = decode(raw)
            if line is not None and line.is_answer:
                self.find(line, raw, UNKNOWN_JOB, "")

    def _of_key(self, line: Line) -> int:
        key = line.echoed_key
        place = self._keys.find(ident_of_key(key)) if key else FOREIGN
        return FOREIGN if place in self._ambiguous else place

    def _may_be_its(self, place: int, echo: bytes) -> bool:
        """Whether the row asked with the texts that came back, as far as both are known.

        Keys such as "1" come again in the next job, whose outputs may lie in the same folder.
        """
        asked = self._texts[place]
        came = ident_of_texts(echo) if asked and echo else UNKNOWN
        return came in (asked, UNKNOWN)

    def forget(self) -> None:
        """All answers were found: give the memory back."""
        for index in (self._keys, self._bytes, self._canonical):
            if index is not None:
                index.forget()
        del self._texts[:]

    def _find_request(self, echo: bytes) -> int:
        """By the bytes as they are while that works; canonical forms take twenty times as long."""
        if self._bytes is None:
            self._bytes = self._indexed(by_bytes=True)
            self.groups = _grouped(self._bytes.pairs())
        place = self._known_request(echo)
        if place < 0 and self._canonical is None:
            self._canonical = self._indexed(by_bytes=False)
            # Forms that differ in bytes may be equal: these groups hold those of before.
            self.groups = _grouped(self._canonical.pairs())
            place = self._known_request(echo)
        return place

    def _known_request(self, echo: bytes) -> int:
        """By what is indexed so far."""
        if self._canonical is not None:
            form = _canonical(echo)
            return self._canonical.find(ident_of_bytes(form)) if form else FOREIGN
        return FOREIGN if self._bytes is None else self._bytes.find(ident_of_bytes(echo))

    def _indexed(self, *, by_bytes: bool) -> KeyIndex:
        index = KeyIndex()
        for _, request in self._file.requests():
            form = request if by_bytes else _canonical(request)
            index.add(ident_of_bytes(form) if form else NO_KEY)
        index.build()
        return index


def firsts(rows: int, groups: Groups) -> array[int] | None:
    """For each row the first row that asked the same; None where no two did."""
    if not groups:
        return None
    first_of = array("I", range(rows))
    for first, others in groups.items():
        for other in others:
            first_of[other] = first
    return first_of
