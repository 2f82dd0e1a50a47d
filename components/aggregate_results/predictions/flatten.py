"""Structured answers as columns: a JSON object's fields, nested ones by dotted names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from components.aggregate_results.predictions.decode import text_of
from components.tables.columns import Column
from components.tables.text import visible

PREFIX = "answer."
MAX_COLUMNS = 64
_MAX_DEPTH = 4
_MAX_NAMES = 1_000
_NAME_CHARS = 100
# Of the answers with text so many must be objects; one stray object makes no columns.
_SHARE = 0.1
_FENCE = re.compile(r"```(?:json)?(\s++)")  # possessive: models do emit endless blank lines
_MAY_BE_OBJECT = re.compile(rb'"(?: |\\[nrt])*(?:\{|```)')
_BEFORE_OBJECTS = frozenset((b"{", b"`", b" ", b"\\"))  # looked at first, which is faster
_decode = msgspec.json.Decoder().decode


def may_be_object(literal: bytes) -> bool:
    """Whether a JSON string begins as one that holds an object does."""
    return literal[1:2] in _BEFORE_OBJECTS and bool(_MAY_BE_OBJECT.match(literal))


def object_of(text: str) -> dict[str, Any] | None:
    """The JSON object that the answer is, also inside of a Markdown fence; else None."""
    start = text[:64].lstrip()
    if start.startswith("```"):
        text = text.strip()
        fence = _FENCE.match(text)
        if fence is None or "\n" not in fence[1] or not text.endswith("```", fence.end()):
            return None
        text = text[fence.end() : -3].strip()
    elif not start.startswith("{"):
        return None
    try:
        value = _decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def flat(value: dict[str, Any]) -> dict[str, Any]:
    """`{"a": {"b": 1}}` as `{"answer.a.b": 1}`; lists and what lies too deep stay JSON."""
    return dict(_flat(value, PREFIX, 1))


def _flat(value: dict[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        name = f"{prefix}{key}"
        if isinstance(item, dict) and item and depth < _MAX_DEPTH:
            yield from _flat(item, f"{name}.", depth + 1)
        else:
            yield _tame(name), item


def _tame(name: str) -> str:
    """A name that a header can hold on one line."""
    if len(name) <= _NAME_CHARS and name.isprintable():
        return name
    return visible(" ".join(name.split()))[:_NAME_CHARS]


class Fields:
    """Learns the names of the fields of all structured answers."""

    def __init__(self) -> None:
        self.objects = 0
        self.answers = 0
        self._seen: dict[str, list[int]] = {}
        self.left_out = 0

    def add(self, literal: bytes) -> None:
        """Look at an answer, a JSON string; b"" for one that holds no object."""
        self.answers += 1
        if not may_be_object(literal):
            return
        value = object_of(text_of(literal)[0])
        if value is None:
            return
        self.objects += 1
        for place, name in enumerate(flat(value)):
            seen = self._seen.get(name)
            if seen is not None:
                seen[0] += 1
                seen[1] += place
            elif len(self._seen) < _MAX_NAMES:
                self._seen[name] = [1, place]

    def add_all(self, others: Fields) -> None:
        """Add what was learned from answers behind these."""
        self.answers += others.answers
        self.objects += others.objects
        for name, (number, places) in others._seen.items():
            seen = self._seen.get(name)
            if seen is not None:
                seen[0] += number
                seen[1] += places
            elif len(self._seen) < _MAX_NAMES:
                self._seen[name] = [number, places]

    def names(self) -> list[str]:
        """The columns, in the order that the fields usually have; [] where few are objects."""
        if not self.objects or self.objects < _SHARE * self.answers:
            return []
        common = sorted(self._seen, key=lambda name: (-self._seen[name][0], name))
        self.left_out = max(len(common) - MAX_COLUMNS, 0)
        kept = common[:MAX_COLUMNS]
        return sorted(kept, key=lambda name: (self._seen[name][1] / self._seen[name][0], name))


def field_columns(names: list[str]) -> list[Column]:
    """The columns of the fields; numbers among their values stay numbers in a workbook."""
    return [Column(name, name.removeprefix(PREFIX), "number", 20) for name in names]
