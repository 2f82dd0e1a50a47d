"""Rows of the results, and their lines of JSONL and CSV, each made in one way only.

The writers of components/tables take any row and look at every value anew; these know the row and
write a long text once. What they write reads the same (a test holds them against each other).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

import msgspec

from components.aggregate_results.predictions.flatten import field_columns
from components.rows.result_columns import COLUMNS
from components.tables.columns import Column, as_text
from components.tables.columns import Row as Cells
from components.tables.jsonl_writer import line_of
from components.tables.text import guard


class Result(msgspec.Struct, gc=False):
    """One row of the results, but for its text, which goes beside it. Numbers not told are null.

    It is encoded to JSON as it is: its fields are the columns, in their order.

    Args:
        row: place in the input, from 1 on.
        status: ok, truncated, blocked, failed, missing or invalid.
        prompt: the beginning of what was asked.
        literal: the text as JSON, as it came.
        reason: why it is not ok.
        output_tokens: of the answer and of the thoughts before it: both are billed as output.
        cost_usd: of the answer shown; rows that share one answer pay once, the others 0.
        attempts: how often it was asked, as far as answers or jobs tell.
        matched_by: "key", "request" (the echoed request is the same), or "".
    """

    row: int
    id: str | int | None
    status: str
    prompt: str = ""
    literal: msgspec.Raw = msgspec.field(default=msgspec.Raw(b'""'), name="text")
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


class Row(msgspec.Struct, gc=False):
    """A row of the results.

    Args:
        result: all but the text.
        text: of the answer.
        fields: of a structured answer, None for any other.
        shared: whether another row pays for the answer.
    """

    result: Result
    text: str
    fields: dict[str, Any] | None = None
    shared: bool = False


_GUARDED = ("=", "+", "-", "@", "\t", "\r", "'")


def columns_with(fields: Sequence[str]) -> list[Column]:
    """The columns, the fields of structured answers last."""
    return [*COLUMNS, *field_columns(list(fields))]


def as_cells(row: Row) -> Cells:
    """The row as the writers of components/tables take it."""
    r = row.result
    cells: Cells = {
        "row": r.row,
        "id": r.id,
        "status": r.status,
        "prompt": r.prompt,
        "text": row.text,
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
    if row.fields:
        cells.update(row.fields)
    return cells


_encoder = msgspec.json.Encoder()


def json_lines(rows: Sequence[Row]) -> bytes:
    """The exact values as lines of JSON, `fields` as further keys of the same object.

    The text stands in it as it came, without being encoded again. All lines at once take a third
    of the time that one by one do.
    """
    if not any(row.fields for row in rows):
        with suppress(UnicodeEncodeError):
            return _encoder.encode_lines([row.result for row in rows])
    return b"".join(_json_line(row) for row in rows)


def _json_line(row: Row) -> bytes:
    line = _object(row.result)
    return line[:-1] + b"," + line_of(row.fields)[1:] if row.fields else line + b"\n"


def _object(result: Result) -> bytes:
    """The result as JSON; half a surrogate pair, as in the name of a file, becomes `?`."""
    try:
        return _encoder.encode(result)
    except UnicodeEncodeError:
        for name in result.__struct_fields__:
            value = getattr(result, name)
            if isinstance(value, str):
                setattr(result, name, value.encode("utf-8", "replace").decode())
        return _encoder.encode(result)


class CsvRows:
    """Rows of CSV by RFC 4180, with the same rules as `components.tables.csv_writer`.

    Args:
        fields: names of the columns of structured answers.
        formula_guard: put `'` before text that a spreadsheet would run.
    """

    def __init__(self, fields: Sequence[str] = (), *, formula_guard: bool = True) -> None:
        self._fields = fields
        self._guard = formula_guard
        self._known = Known(self._cell)

    def head(self, *, excel_mark: bool = False) -> bytes:
        """The names of the columns; with a byte order mark before them if Excel is to read it."""
        names = [column.name for column in columns_with(self._fields)]
        return _quoted("\ufeff" * excel_mark + ",".join(map(self._cell, names)) + "\r\n")

    def rows(self, rows: Sequence[Row]) -> bytes:
        """The rows; all at once, which takes two thirds of the time."""
        return _quoted("".join(chain.from_iterable([self._row(row) for row in rows])))

    def _row(self, row: Row) -> tuple[str, str, str]:
        """The row for `_quoted`; the text by itself, which is long and so copied once less."""
        r, text = row.result, row.text
        quote = "\0" if text else ""  # whatever it is: most hold a comma or a line feed
        if text and (text[0] in _GUARDED or "\0" in text):
            text = self._tamed(text)
        known, more = self._known, ""
        prompt, output, thinking = r.prompt_tokens, r.output_tokens, r.thinking_tokens
        cached, cost, line = r.cached_tokens, r.cost_usd, r.line
        asked = self._cell(r.prompt) if r.prompt else ""
        if self._fields:
            got = row.fields or {}
            more = "," + ",".join([self._any(got.get(name)) for name in self._fields])
        return (
            f"{r.row},{self._any(r.id)},{known[r.status]},{asked},{quote}",
            text,
            f"{quote},{self._cell(r.reason) if r.reason else ''}"
            f",{known[r.model]},{known[r.finish_reason]}"
            f",{'' if prompt is None else prompt},{'' if output is None else output}"
            f",{'' if thinking is None else thinking},{'' if cached is None else cached}"
            f",{'' if cost is None else cost},{r.attempts},{known[r.matched_by]}"
            f",{known[r.model_version]},{known[r.source]},{'' if line is None else line}{more}\r\n",
        )

    def _any(self, value: Any) -> str:
        if isinstance(value, str):
            return self._cell(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return str(value)
        return self._cell(as_text(value))

    def _cell(self, text: str) -> str:
        """The text as a cell for `_quoted`."""
        if text.isalnum():
            return text
        text = self._tamed(text)
        if '"' in text or "," in text or "\n" in text or "\r" in text:
            return f"\0{text}\0"
        return text

    def _tamed(self, text: str) -> str:
        """The text without what a spreadsheet would run, or a reader of CSV not take."""
        if "\0" in text:
            text = text.replace("\0", "␀")
        return guard(text) if self._guard and text.startswith(_GUARDED) else text


def _quoted(text: str) -> bytes:
    """Rows in which each NUL is a quote around a cell, and each quote one inside of it."""
    return _utf8(text).replace(b'"', b'""').replace(b"\0", b'"')


def _utf8(text: str) -> bytes:
    """Half a surrogate pair becomes `?`; the plain way first, which is a third faster."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


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
