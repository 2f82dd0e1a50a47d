"""The rows that were asked: a manifest, or the request file itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import msgspec

from components.aggregate_results.predictions.decode import echo_of, request_of
from components.aggregate_results.predictions.lines import lines_of, numbered_lines
from components.errors import InputError
from components.rows.shown import prompt_of
from components.storage import files


class InputRow(msgspec.Struct, gc=False):
    """A row of the input, as a line of manifest.jsonl holds it."""

    row: int
    id: str | int | None = ""
    model: str | None = ""
    status: str | None = "ready"
    reason: str | None = ""
    key: str | None = ""
    shard: str | None = ""
    source: str | None = ""
    line: int | None = 0
    prompt: str | None = ""


Lines = Iterator[tuple[int, bytes | None]]
"""Lines with their numbers from 1 on; None for one that is too long."""


class Source(Protocol):
    """Something that gives the rows in input order, as often as it is asked."""

    uri: str

    def lines(self) -> Lines:
        """The line of each row, from the first on."""

    def row(self, place: int, number: int, line: bytes | None) -> InputRow:
        """The row at a place, from 0 on, that a line holds."""


class Manifest:
    """prepared/manifest.jsonl."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._decode = msgspec.json.Decoder(InputRow).decode

    def lines(self) -> Lines:
        """The line of each row, from the first on."""
        with files.open_read(self.uri) as stream:
            yield from enumerate(lines_of(stream, self.uri), 1)

    def row(self, place: int, number: int, line: bytes | None) -> InputRow:
        """The row at a place, from 0 on, that a line holds.

        Raises:
            InputError: the line is damaged.
        """
        try:
            return self._decode(line or b"")
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputError(
                "The line is damaged",
                where=f"{self.uri}:{number}",
                fix="Prepare the rows again.",
            ) from error


class _Asked(msgspec.Struct, gc=False):
    request: msgspec.Raw
    key: str | int | None = None
    custom_id: str | int | None = None
    id: str | int | None = None


class RequestFile:
    """The JSONL that was sent: `{"key", "request"}` a line, with or without the key."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._decode = msgspec.json.Decoder(_Asked).decode

    def lines(self) -> Lines:
        """The line of each row, from the first on; blank ones are none."""
        return numbered_lines(self.uri)

    def row(self, place: int, number: int, line: bytes | None) -> InputRow:
        """The row at a place, from 0 on, that a line holds; a damaged one is an invalid row."""
        row, request = self._row(place, number, line)
        row.prompt = prompt_of(request_of(request) or {}) if request else ""
        return row

    def requests(self) -> Iterator[tuple[InputRow, bytes]]:
        """Each row with the bytes of its request, b"" where it has none.

        Raises:
            InputError: there is no such file, or it is UTF-16.
        """
        for place, (number, line) in enumerate(self.lines()):
            yield self._row(place, number, line)

    def _row(self, place: int, number: int, line: bytes | None) -> tuple[InputRow, bytes]:
        row = InputRow(row=place + 1, source=self.uri, line=number)
        if line is None:
            row.status, row.reason = "invalid", "the line is too long"
            return row, b""
        try:
            asked = self._decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # A key that is no text, or half a surrogate pair: the request may still be there.
            request = echo_of(line)
            if not request:
                row.status, row.reason = "invalid", "the line is not a JSON object with a request"
            return row, request
        key = next((k for k in (asked.key, asked.custom_id, asked.id) if k not in (None, "")), "")
        row.id = row.key = str(key)
        return row, bytes(asked.request)
