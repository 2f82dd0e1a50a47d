"""Answers that were to be JSON and are not.

The sending step knows the requests, and notes each such answer in
prepared/decisions/w<wave>-a<attempt>.jsonl. Where it was stopped before it had judged a job's
answers, they are judged here. The text of such an answer stays; it does not count as ok.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from components.aggregate_results.predictions.decode import text_of
from components.aggregate_results.predictions.jobs import Job
from components.aggregate_results.predictions.lines import lines_of
from components.errors import InputError
from components.rows.json_answers import json_trouble, wants_json
from components.storage import files
from components.storage.uris import join, name_of

log = logging.getLogger(__name__)

_FILE = re.compile(r"w\d+-a(\d+)\.jsonl")


class _Decided(msgspec.Struct):
    key: str
    status: str = ""
    reason: str = ""


class _Sent(msgspec.Struct):
    key: str
    request: dict[str, Any]


class JsonFaults:
    """What is wrong with answers that were to be JSON.

    Args:
        run_uri: the run folder.
        jobs: of the ledger.
        place_of: the place of the first row with a key, negative for none.
        rows: how many there are.
    """

    def __init__(
        self, run_uri: str, jobs: Sequence[Job], place_of: Callable[[str], int], rows: int
    ) -> None:
        self._told = {
            (place_of(key), attempt): fault or "no reason is told"
            for key, attempt, fault in broken_json(run_uri)
        }
        self._unjudged: dict[int, bytearray] = {}  # by attempt, a mark a place
        for job in jobs:
            for key in () if job.settled else asked_for_json(run_uri, job):
                if (place := place_of(key)) >= 0:
                    self._unjudged.setdefault(job.attempt, bytearray(rows))[place] = 1

    def __bool__(self) -> bool:
        return bool(self._told or self._unjudged)

    def of(self, place: int, attempt: int, literal: bytes) -> str:
        """What is wrong with the answer of a row to an attempt; empty if nothing is known to be.

        Args:
            place: of the first row that asked so.
            attempt: which sending.
            literal: the text of the answer as a JSON string.
        """
        marks = self._unjudged.get(attempt)
        if marks and marks[place]:
            return json_trouble(text_of(literal)[0])
        return self._told.get((place, attempt), "")


def asked_for_json(run_uri: str, job: Job) -> Iterator[str]:
    """The keys of a job's requests that ask for JSON; damaged lines are passed over."""
    decode = msgspec.json.Decoder(_Sent).decode
    uri = join(run_uri, "prepared", "shards", job.shard)
    try:
        with files.open_read(uri) as stream:
            for raw in lines_of(stream, uri):
                try:
                    line = decode(raw or b"")
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    continue
                if wants_json(line.request):
                    yield line.key
    except InputError:
        log.info("%s is not there", uri, exc_info=True)


def broken_json(run_uri: str) -> Iterator[tuple[str, int, str]]:
    """The key, the attempt and the fault of each; damaged lines are passed over."""
    decode = msgspec.json.Decoder(_Decided).decode
    for uri in files.list_uris(join(run_uri, "prepared", "decisions")):
        named = _FILE.fullmatch(name_of(uri))
        if named is None:
            continue
        with files.open_read(uri) as stream:
            for raw in lines_of(stream, uri):
                try:
                    line = decode(raw or b"")
                except (msgspec.DecodeError, UnicodeDecodeError):
                    continue
                if line.status == "bad_json":
                    yield line.key, int(named[1]), line.reason
