"""Edits of a text at the places of its values: replace, rename, remove, put into a list."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from components.batch.findings import Path
from components.config.spans import Read, Span, value_at

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*\Z")
_NOT_PLAIN = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan", "inf"})


@dataclass(frozen=True)
class Edit:
    """Put `text` in place of what stands from `start` up to `end`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Mend:
    """Edits that belong together, and what they do, in words and as the value before and after."""

    what: str
    edits: tuple[Edit, ...]
    before: Any = None
    after: Any = None

    @property
    def start(self) -> int:
        """Where the first edit begins."""
        return min(edit.start for edit in self.edits)

    @property
    def end(self) -> int:
        """Where the last edit ends."""
        return max(edit.end for edit in self.edits)


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """The text with the edits, which must not overlap."""
    pieces, at = [], 0
    for edit in sorted(edits, key=lambda e: (e.start, e.end)):
        pieces += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*pieces, text[at:]])


@dataclass(frozen=True)
class Place:
    """One value in a text: what may be done to it.

    Attributes:
        text: the whole text.
        read: the text as it was read.
        path: of the value, in the names as written.
    """

    text: str
    read: Read
    path: Path

    @property
    def span(self) -> Span:
        """Where it stands."""
        return self.read.spans[self.path]

    @property
    def value(self) -> Any:
        """What it is."""
        return value_at(self.read.value, self.path)

    @property
    def written(self) -> str:
        """The value as it stands in the text."""
        return self.text[self.span.start : self.span.end]

    @property
    def in_flow(self) -> bool:
        """Whether it stands in { } or [ ], as everything in JSON does."""
        if self.read.form == "json":
            return True
        return any(self.path[:length] in self.read.flow for length in range(len(self.path)))

    @property
    def is_block_text(self) -> bool:
        """Whether it is a text of several lines after | or >."""
        return self.read.form == "yaml" and self.written[:1] in ("|", ">")

    @property
    def is_alias(self) -> bool:
        """Whether it only points to a value elsewhere in the text."""
        return self.read.form == "yaml" and self.written[:1] in ("*", "&", "!")

    def replaced(self, value: object) -> Edit:
        """Write another value in its place."""
        return Edit(self.span.start, self.span.end, self._scalar(value))

    def renamed(self, name: str) -> Edit:
        """Give its field another name."""
        old = self.text[self.span.key_start : self.span.key_end]
        new = json.dumps(name, ensure_ascii=False) if old[:1] in ('"', "'") else name
        return Edit(self.span.key_start, self.span.key_end, new)

    def removed(self) -> Edit | None:
        """Take field and value out; None where that is not plain to do."""
        if self.span.key_start < 0:
            return None
        return self._removed_in_flow() if self.in_flow else self._removed_in_block()

    def in_list(self) -> tuple[Edit, ...]:
        """Put it into a list of one."""
        start, end = self.span.start, self.span.end
        mapping = isinstance(self.value, dict)
        if self.in_flow or self.path in self.read.flow or not mapping:
            if self.is_block_text:
                return ()
            return (Edit(start, start, "["), Edit(end, end, "]"))
        return self._dashed(start, end)

    def _scalar(self, value: object) -> str:
        if not isinstance(value, str) or self.read.form == "json":
            return json.dumps(value, ensure_ascii=False)
        plain_before = self.written[:1] not in ('"', "'", "|", ">")
        plain = _PLAIN.match(value) and value.lower() not in _NOT_PLAIN and not self.in_flow
        return value if plain and plain_before else json.dumps(value, ensure_ascii=False)

    def _removed_in_flow(self) -> Edit:
        start, end = self.span.key_start, self.span.end
        after = re.compile(r"\s*,").match(self.text, end)
        if after is not None:
            following = re.compile(r"\s*").match(self.text, after.end())
            return Edit(start, following.end() if following else after.end(), "")
        before = self.text.rfind(",", 0, start)
        between = self.text[before + 1 : start] if before >= 0 else "{"
        return Edit(before if not between.strip() else start, end, "")

    def _removed_in_block(self) -> Edit | None:
        line = self.text.rfind("\n", 0, self.span.key_start) + 1
        if self.text[line : self.span.key_start].strip():
            return None  # it shares its line with a dash
        end = self.span.end
        if isinstance(self.value, dict | list) or self.is_block_text:
            end = self.text.rfind("\n", 0, end) + 1 if end < len(self.text) else end
        else:
            newline = self.text.find("\n", end)
            end = newline + 1 if newline >= 0 else len(self.text)
        return Edit(line, end, "") if end > line else None

    def _dashed(self, start: int, end: int) -> tuple[Edit, ...]:
        """Indent the lines of a block object by two and put a dash before the first."""
        line = self.text.rfind("\n", 0, start) + 1
        if self.text[line:start].strip():
            return ()
        edits = [Edit(start, start, "- ")]
        at = self.text.find("\n", start) + 1
        while 0 < at < end and self.text[at:end].strip():
            if self.text[at : at + 1] not in ("\n", "\r", ""):
                edits.append(Edit(at, at, "  "))
            at = self.text.find("\n", at) + 1
        return tuple(edits)
