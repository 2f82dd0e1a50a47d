"""A result row, and its lines of JSONL and CSV, each made in one way only.

The writers of components/tables take any row and look at every value anew; these know the row and
write a long text once. What they write reads the same (a test holds them against each other).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import msgspec

from components.aggregate_results.predictions.flatten import field_columns
from components.rows.result_columns import COLUMNS
from components.tables.columns import Column, Row, as_text
from components.tables.jsonl_writer import line_of
from components.tables.text import guard


class Result(msgspec.Struct, gc=False):
    """One row of the results. Numbers that nobody told are null, never 0.

    Args:
        row: place in the input, from 1 on.
        status: ok, truncated, blocked, failed, missing or invalid.
        prompt: the beginning of what was asked.
        reason: why it is not ok.
        output_tokens: of the answer and of the thoughts before it: both are billed as output.
        cost_usd: of the answer shown; rows that share one answer pay once, the others 0.
        attempts: how often it was asked, as far as answers or jobs tell.
        matched_by: "key", "request" (the echoed request is the same), or "".
        literal: the text once more, as JSON, as it came.
    """

    row: int
    id: str | int | None
    status: str
    prompt: str = ""
    text: str = ""
    reason: str = ""
    model: str = ""
    finish_reason: str = ""
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    thinking_tokens: int | None = None
    cached_tokens: int | None = None
    cost_usd: float | None = None
    attempts: int = 0
    matched_by: str = ""
    model_version: str = ""
    source: str = ""
    line: int | None = None
    literal: bytes = b'""'


_GUARDED = ("=", "+", "-", "@", "\t", "\r", "'")


def columns_with(fields: Sequence[str]) -> list[Column]:
    """The columns, the fields of structured answers last."""
    return [*COLUMNS, *field_columns(list(fields))]


def as_row(result: Result, fields: dict[str, Any] | None) -> Row:
    """The result as the writers of components/tables take it."""
    r = result
    row: Row = {
        "row": r.row,
        "id": r.id,
        "status": r.status,
        "prompt": r.prompt,
        "text": r.text,
        "reason": r.reason,
        "model": r.model,
        "finish_reason": r.finish_reason,
        "prompt_tokens": r.prompt_tokens,
        "output_tokens": r.output_tokens,
        "thinking_tokens": r.thinking_tokens,
        "cached_tokens": r.cached_tokens,
        "cost_usd": r.cost_usd,
        "attempts": r.attempts,
        "matched_by": r.matched_by,
        "model_version": r.model_version,
        "source": r.source,
        "line": r.line,
    }
    if fields:
        row.update(fields)
    return row


def json_line(result: Result, fields: dict[str, Any] | None) -> bytes:
    """The exact values as a line of JSON, `fields` as further keys of the same object.

    The text stands in it as it came, without being encoded again.
    """
    r = result
    cost = None if r.cost_usd is None else msgspec.Raw(str(r.cost_usd).encode())
    line = _object(
        _JsonLine(
            r.row,
            r.id,
            r.status,
            r.prompt,
            msgspec.Raw(r.literal),
            r.reason,
            r.model,
            r.finish_reason,
            r.prompt_tokens,
            r.output_tokens,
            r.thinking_tokens,
            r.cached_tokens,
            cost,
            r.attempts,
            r.matched_by,
            r.model_version,
            r.source,
            r.line,
        )
    )
    return line[:-1] + b"," + line_of(fields)[1:] if fields else line + b"\n"


# A struct is encoded in C: half the time of a line put together here.
_JsonLine = cast(
    Callable[..., msgspec.Struct],
    msgspec.defstruct("_JsonLine", [column.name for column in COLUMNS], gc=False),
)
_encode = msgspec.json.Encoder().encode


def _object(line: msgspec.Struct) -> bytes:
    """The line as JSON; half a surrogate pair, as in the name of a file, becomes `?`."""
    try:
        return _encode(line)
    except UnicodeEncodeError:
        for name in line.__struct_fields__:
            value = getattr(line, name)
            if isinstance(value, str):
                setattr(line, name, value.encode("utf-8", "replace").decode())
        return _encode(line)


class CsvRows:
    """Rows of CSV by RFC 4180, with the same rules as `components.tables.csv_writer`.

    Args:
        fields: names of the columns of structured answers.
        formula_guard: put `'` before text that a spreadsheet would run.
    """

    def __init__(self, fields: Sequence[str] = (), *, formula_guard: bool = True) -> None:
        self._fields = fields
        self._cell = Cells(formula_guard)
        self._known = Known(self._cell)

    def head(self, *, excel_mark: bool = False) -> bytes:
        """The names of the columns; with a byte order mark before them if Excel is to read it."""
        names = [column.name for column in columns_with(self._fields)]
        return _utf8("\ufeff" * excel_mark + ",".join(map(self._cell, names)) + "\r\n")

    def row(self, result: Result, fields: dict[str, Any] | None) -> bytes:
        """One row."""
        r, known = result, self._known
        prompt, output, thinking = r.prompt_tokens, r.output_tokens, r.thinking_tokens
        cached, cost, line = r.cached_tokens, r.cost_usd, r.line
        asked = self._cell(r.prompt) if r.prompt else ""
        before = f"{r.row},{self._any(r.id)},{known[r.status]},{asked},"
        after = (
            f",{self._cell(r.reason) if r.reason else ''},{known[r.model]},{known[r.finish_reason]}"
            f",{'' if prompt is None else prompt},{'' if output is None else output}"
            f",{'' if thinking is None else thinking},{'' if cached is None else cached}"
            f",{'' if cost is None else cost},{r.attempts},{known[r.matched_by]}"
            f",{known[r.model_version]},{known[r.source]},{'' if line is None else line}"
        )
        if self._fields:
            got = fields or {}
            after = ",".join([after, *(self._any(got.get(name)) for name in self._fields)])
        return b"%b%b%b\r\n" % (_utf8(before), self._text(r.text), _utf8(after))

    def _text(self, text: str) -> bytes:
        """The answer, always in quotes: most hold a comma or a line feed.

        By itself, in bytes, which is faster by a third.
        """
        if not text:
            return b""
        if text[0] in _GUARDED or "\x00" in text:
            return _utf8(self._cell(text))
        return b'"%b"' % _utf8(text).replace(b'"', b'""')

    def _any(self, value: Any) -> str:
        if isinstance(value, str):
            return self._cell(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return str(value)
        return self._cell(as_text(value))


def _utf8(text: str) -> bytes:
    """Half a surrogate pair becomes `?`; the plain way first, which is a third faster."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


class Cells:
    """Text as a cell of CSV."""

    def __init__(self, formula_guard: bool) -> None:
        self._guard = formula_guard

    def __call__(self, text: str) -> str:
        """The cell."""
        if "\x00" in text:
            text = text.replace("\x00", "␀")
        if self._guard and text.startswith(_GUARDED):
            text = guard(text)
        if '"' in text:
            return '"' + text.replace('"', '""') + '"'
        if "," in text or "\n" in text or "\r" in text:
            return f'"{text}"'
        return text


class Known(dict[str, Any]):
    """What is written for texts that many rows share, each made once."""

    def __init__(self, make: Callable[[str], Any]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, text: str) -> Any:
        made = self._make(text)
        if len(self) < 1_000:
            self[text] = made
        return made
