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
# What a plain text of YAML may hold outside of [ ], and not inside.
_ENDS_IN_FLOW = re.compile(r"^[^\"'].*[\[\]{},]|^[^\"'].*: ", re.DOTALL)
_NOT_PLAIN = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan", "inf"})


@dataclass(frozen=True)
class Edit:
    """Put `text` in place of what stands from `start` up to `end`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Mend:
    """Edits that belong together, and what they do, in words and as the value before and after.

    `alone` is true where no other mend may be made at the same time.
    """

    what: str
    edits: tuple[Edit, ...]
    before: Any = None
    after: Any = None
    alone: bool = False

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
            if not mapping and _ENDS_IN_FLOW.search(self.written):
                return (Edit(start, end, f"[{json.dumps(self.value, ensure_ascii=False)}]"),)
            return (Edit(start, start, "["), Edit(end, end, "]"))
        return self._dashed(start, end)

    def out_of_list(self) -> tuple[Edit, ...]:
        """Leave the one entry of a list without the list; none where that is not plain to do."""
        inner = self.read.spans.get((*self.path, 0))
        if inner is None or inner.start <= self.span.start:
            return ()
        before, after = (
            self.text[self.span.start : inner.start],
            self.text[inner.end : self.span.end],
        )
        if before.strip() == "[" and after.strip().lstrip(",").strip() == "]":
            return (Edit(self.span.start, inner.start, ""), Edit(inner.end, self.span.end, ""))
        if before.strip() == "-" and not isinstance(self.value[0], list):
            return (Edit(self.span.start, self.span.start + 1, " "),)
        return ()

    def wrapped(self, name: str) -> tuple[Edit, ...]:
        """Put an object into an object under that name."""
        start, end = self.span.start, self.span.end
        if self.in_flow or self.path in self.read.flow:
            key = json.dumps(name) if self.read.form == "json" else name
            return (Edit(start, start, "{" + f"{key}: "), Edit(end, end, "}"))
        column = self.column(start)
        if self.text[start - column : start].strip():
            return ()
        head = Edit(start, start, f"{name}:\n{' ' * (column + 2)}")
        return (head, *self.indented(start, end, 2))

    def column(self, offset: int) -> int:
        """How far an offset is from the beginning of its line."""
        return offset - (self.text.rfind("\n", 0, offset) + 1)

    def indented(self, start: int, end: int, by: int) -> tuple[Edit, ...]:
        """Indent the lines that begin after `start`, up to `end`, blank ones excepted."""
        edits = []
        end = start + len(self.text[start:end].rstrip())
        at = self.text.find("\n", start) + 1
        while 0 < at < end:
            if self.text[at : at + 1] not in ("\n", "\r", ""):
                edits.append(Edit(at, at, " " * by))
            at = self.text.find("\n", at) + 1
        return tuple(edits)

    def text_after_line(self, line: str) -> Edit | None:
        """Put a line before a text; None where that is not plain to do."""
        if self.is_block_text:
            first = self._first_line_of_block()
            if first is None or self.written[:1] != "|":
                return None
            indent = " " * (len(self.text[first:]) - len(self.text[first:].lstrip(" ")))
            return Edit(first, first, f"{indent}{line}\n")
        if self.written[:1] == '"':
            return Edit(self.span.start + 1, self.span.start + 1, f"{line}\\n")
        return self.replaced(f"{line}\n{self.value}")

    def text_from(self, at: int) -> Edit | None:
        """Leave the first characters of a text out; None where that is not plain to do."""
        if not self.is_block_text:
            return self.replaced(str(self.value)[at:])
        first, header = self._first_line_of_block(), self.text.find("\n", self.span.start) + 1
        if first is None or first == header or self.written[:1] != "|":
            return None
        return Edit(header, first, "")

    def _first_line_of_block(self) -> int | None:
        """Where the first line with words begins, of a text after | or >."""
        header = re.compile(r"[|>][-+]?[ \t]*(?:#[^\n]*)?\n").match(self.text, self.span.start)
        if header is None:  # an indentation given by number is rare, and left alone
            return None
        found = re.compile(r"(?:[ \t]*\n)*").match(self.text, header.end())
        return found.end() if found else header.end()

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
        return (Edit(start, start, "- "), *self.indented(start, end, 2))
