"""Reads JSON with the place of every value, duplicate keys told, nothing guessed.

Python's own parser decides what JSON is, so that its messages (`Expecting ',' delimiter: line 3
column 5`) are the ones that people know; the scanner here runs over text that it accepted. It
keeps a stack of its own, so depth costs no recursion.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from components.batch.findings import Path
from components.batch.rules.rule import shown
from components.batch.schema import schema
from components.config.spans import (
    MOST_LEVELS,
    MOST_VALUES,
    CannotRead,
    Read,
    Slip,
    Span,
)

# A string that never ends is matched to the end of the text, or every later quote would be tried.
_STRING = r'"(?:[^"\\]|\\.)*+"?'
_BRACKETS = re.compile(_STRING + r"|[\[{\]}]", re.DOTALL)
_NOT_JSON = re.compile(_STRING + r"|-?\b(?:NaN|Infinity)\b|-?[0-9]{1000,}", re.DOTALL)
_COMMENTS = re.compile(_STRING + r"|//[^\n]*|#[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_COMMAS = re.compile(_STRING + r"|,(?=\s*+[\]}])", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f]")
_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_BARE = re.compile(_STRING + r"|(?<![\w.+-])[A-Z]\w{3,60}(?=[\s,\]}])", re.DOTALL)
_BLANK = re.compile(
    r"\s*(\$\{[^}\n]{1,80}\}|<[^>\n]{1,80}>|\{\{[^}\n]{1,80}\}\}|\$?[A-Za-z_]\w{1,60})"
)
# The parser's own reader of strings: text, offset after the quote, strict -> string, offset.
_scan_string: Callable[[str, int, bool], tuple[str, int]] = json.decoder.scanstring  # type: ignore[attr-defined]
_PYTHON_WORDS = {"True": True, "False": False, "None": None}
_WORDS = {"t": ("true", True), "f": ("false", False), "n": ("null", None)}


def read_json(text: str) -> Read:
    """Read JSON text.

    Raises:
        CannotRead: it is not JSON, is nested too deep, or holds too many values.
    """
    _check_depth(text)
    try:
        json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        slip = _slip(text, error)
        bare = _bare_words(text)
        if _else_json(text, bare):
            return _Scanner(text, strict=False, said=slip.message, bare=bare).read()
        raise CannotRead(slip) from error
    except (ValueError, RecursionError) as error:  # NaN; numbers with thousands of digits
        raise CannotRead(_not_json(text, error)) from error
    return _Scanner(text).read()


def _bare_words(text: str) -> dict[int, tuple[str, Any]]:
    """Words without quotes of which the meaning is plain, by offset: `SPOT`, Python's `True`."""
    found: dict[int, tuple[str, Any]] = {}
    for match in _BARE.finditer(text):
        word = match[0]
        if word in _PYTHON_WORDS:
            found[match.start()] = (word, _PYTHON_WORDS[word])
        elif word in _enum_words():
            found[match.start()] = (word, word)
    return found


def _else_json(text: str, bare: dict[int, tuple[str, Any]]) -> bool:
    """Whether the text is JSON but for those words, and line breaks and tabs inside quotes."""
    pieces, at = [], 0
    for offset, (word, _) in bare.items():
        pieces += [text[at:offset], "null".ljust(len(word))]
        at = offset + len(word)
    try:
        json.loads("".join([*pieces, text[at:]]), parse_constant=_refuse, strict=False)
    except (ValueError, RecursionError):
        return False
    return True


@lru_cache(maxsize=1)
def _enum_words() -> frozenset[str]:
    return frozenset(w for words in schema().enums.values() for w in words if len(w) >= 4)


def without_comments(text: str) -> tuple[str, list[Slip]]:
    """The text with comments and trailing commas replaced by spaces, and what was replaced."""
    slips: list[Slip] = []

    def blank_comment(found: re.Match[str]) -> str:
        if found[0].startswith('"'):
            return found[0]
        slips.append(
            Slip("PARSE_COMMENT", found.start(), "JSON has no comments", "remove the comment")
        )
        return re.sub(r"[^\n]", " ", found[0])

    def blank_comma(found: re.Match[str]) -> str:
        if found[0].startswith('"'):
            return found[0]
        slips.append(
            Slip(
                "PARSE_COMMENT", found.start(), "a comma stands before the end", "remove the comma"
            )
        )
        return " "

    blanked = _COMMENTS.sub(blank_comment, text)
    blanked = _COMMAS.sub(blank_comma, blanked)
    return blanked, slips


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _check_depth(text: str) -> None:
    level = 0
    for found in _BRACKETS.finditer(text):
        if found[0] in "[{":
            level += 1
            if level > MOST_LEVELS:
                raise CannotRead(
                    Slip(
                        "PARSE_SYNTAX",
                        found.start(),
                        f"nested more than {MOST_LEVELS} levels deep; a job has about 10",
                        "check the brackets",
                    )
                )
        elif found[0] in "]}":
            level -= 1


def _slip(text: str, error: json.JSONDecodeError) -> Slip:
    message = f"not JSON: {error.msg}: line {error.lineno} column {error.colno}"
    fix = "correct the JSON here"
    blank = _BLANK.match(text, error.pos) if error.msg == "Expecting value" else None
    if blank is not None:
        message += f"; {shown(blank[1])} looks like a blank that nobody filled in"
        fix = f"write the value in place of {shown(blank[1])}"
        if blank[1].isalnum() and not blank[1].isupper():
            fix += ", in quotes if it is a text"
    elif error.msg.startswith("Invalid control character"):
        fix = "write a line break inside quotes as \\n, a tab as \\t"
    elif not text.strip():
        message, fix = "there is no text", "give a Batch job as JSON or YAML"
    return Slip("PARSE_SYNTAX", error.pos, message, fix)


def _not_json(text: str, error: Exception) -> Slip:
    offset = next((m.start() for m in _NOT_JSON.finditer(text) if not m[0].startswith('"')), 0)
    what = "a number of too many digits" if "digits" in str(error) else str(error)
    return Slip("PARSE_SYNTAX", offset, f"not JSON: {what}", "write a plain number or text")


class _Scanner:
    """Walks over valid JSON and notes where each value stands.

    With `strict` off, line breaks and tabs inside quotes are read and told, and so are the words
    without quotes that stand in `bare`; `said` is what the parser says of the first of them.
    """

    def __init__(
        self,
        text: str,
        *,
        strict: bool = True,
        said: str = "",
        bare: Mapping[int, tuple[str, Any]] | None = None,
    ) -> None:
        self.text = text
        self.strict = strict
        self.said = said
        self.bare = bare or {}
        self.at = 0
        self.spans: dict[Path, Span] = {}
        self.slips: list[Slip] = []

    def read(self) -> Read:
        stack: list[_Open] = []
        value = self._begin(stack, (), -1, -1)
        while stack:
            top = stack[-1]
            self._space()
            if self.text[self.at] == ",":
                self.at += 1
                self._space()
            if self.text[self.at] in "]}":
                self.at += 1
                self.spans[top.path] = Span(top.start, self.at, top.key_start, top.key_end)
                stack.pop()
                continue
            self._entry(stack, top)
        return Read("json", value, self.spans, self.slips)

    def _entry(self, stack: list[_Open], top: _Open) -> None:
        if isinstance(top.value, list):
            path = (*top.path, len(top.value))
            top.value.append(self._begin(stack, path, -1, -1))
            return
        key_start = self.at
        key, self.at = _scan_string(self.text, self.at + 1, self.strict)
        key_end = self.at
        self._space()
        self.at += 1  # the colon
        self._space()
        path = (*top.path, key)
        start = self.at
        known = key in top.value
        earlier = self.spans.get(path)
        top.value[key] = self._begin(stack, path, key_start, key_end)
        if known:
            self._twice(path, key, key_start, start, earlier)

    def _twice(
        self, path: Path, key: str, key_start: int, start: int, earlier: Span | None
    ) -> None:
        first = self.text[earlier.start : earlier.end] if earlier else ""
        message = f"{shown(key)} is given twice; the first, {shown(first, 30)}, would be lost"
        self.slips.append(Slip("PARSE_DUP_KEY", key_start, message, "keep one of them", path))

    def _begin(self, stack: list[_Open], path: Path, key_start: int, key_end: int) -> Any:
        """Read the value that begins here; of an object or list only the opening bracket."""
        self._space()
        start, first = self.at, self.text[self.at]
        if len(self.spans) > MOST_VALUES:
            raise CannotRead(
                Slip("JOB_SIZE", start, f"more than {MOST_VALUES} values", "split the job")
            )
        if first in "[{":
            self.at += 1
            value: Any = {} if first == "{" else []
            self.spans[path] = Span(start, start + 1, key_start, key_end)
            stack.append(_Open(path, value, start, key_start, key_end))
            return value
        value = self._scalar(first)
        self.spans[path] = Span(start, self.at, key_start, key_end)
        if not self.strict:
            self._tell_what_is_no_json(path, start)
        return value

    def _tell_what_is_no_json(self, path: Path, start: int) -> None:
        found = _CONTROL.search(self.text, start, self.at)
        if start in self.bare:
            word, value = self.bare[start]
            message, fix = f"{word} stands without quotes", f"write {json.dumps(value)}"
        elif found is not None and self.text[start] == '"':
            start = found.start()
            message = "another line break or tab stands inside quotes"
            fix = "write a line break inside quotes as \\n, a tab as \\t"
        else:
            return
        self.slips.append(Slip("PARSE_SYNTAX", start, self.said or message, fix, path))
        self.said = ""

    def _scalar(self, first: str) -> Any:
        if self.at in self.bare:
            word, value = self.bare[self.at]
            self.at += len(word)
            return value
        if first == '"':
            text, self.at = _scan_string(self.text, self.at + 1, self.strict)
            return text
        if first in _WORDS:
            word, value = _WORDS[first]
            self.at += len(word)
            return value
        number = _NUMBER.match(self.text, self.at)
        if number is None:  # json.loads accepted the text, so this cannot be
            raise CannotRead(Slip("PARSE_SYNTAX", self.at, "not JSON"))
        self.at = number.end()
        return float(number[0]) if number[1] or number[2] else int(number[0])

    def _space(self) -> None:
        found = _SPACE.match(self.text, self.at)
        if found is not None:
            self.at = found.end()


class _Open:
    """An object or list whose end is still to come."""

    __slots__ = ("key_end", "key_start", "path", "start", "value")

    def __init__(self, path: Path, value: Any, start: int, key_start: int, key_end: int) -> None:
        self.path = path
        self.value = value
        self.start = start
        self.key_start = key_start
        self.key_end = key_end
