"""CSV by RFC 4180: CRLF, quotes doubled, UTF-8."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from components.storage import files
from components.tables.columns import Column, Row, as_text
from components.tables.text import guard
from components.tables.writers import CSV_TYPE


class CsvWriter:
    """Writes rows to a path or `gs://` URI as CSV.

    Args:
        uri: where.
        columns: the header line holds their names, not their titles: programs read CSV.
        excel_mark: begin with a byte order mark, without which Excel reads UTF-8 as its own
            code page. Off, because other readers then see it as a part of the first name.
        formula_guard: put `'` before text that a spreadsheet would run; `text.unguard` is the
            way back. Numbers are never guarded.

    Only NUL is changed (to `␀`): many readers end the file there. Half a surrogate pair becomes
    `?`. The JSONL beside it holds both as they were.
    """

    def __init__(
        self,
        uri: str,
        columns: Sequence[Column],
        *,
        excel_mark: bool = False,
        formula_guard: bool = True,
    ) -> None:
        self._uri = uri
        self._columns = columns
        self._encoding = "utf-8-sig" if excel_mark else "utf-8"
        self._guard = formula_guard
        self._stack = ExitStack()
        self._text: io.TextIOWrapper

    def __enter__(self) -> CsvWriter:
        out = self._stack.enter_context(files.open_write(self._uri, CSV_TYPE))
        self._text = io.TextIOWrapper(out, self._encoding, errors="replace", newline="")
        self._csv = csv.writer(self._text, lineterminator="\r\n")
        self._csv.writerow([column.name for column in self._columns])
        return self

    def __exit__(self, *args: Any) -> bool | None:
        # Detach even after an error: a text wrapper that is collected closes what it wraps.
        self._text.detach()
        return self._stack.__exit__(*args)

    def write(self, row: Row) -> None:
        """Append one row."""
        self._csv.writerow([self._cell(row.get(column.name)) for column in self._columns])

    def _cell(self, value: Any) -> Any:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return value
        text = as_text(value)
        if "\x00" in text:
            text = text.replace("\x00", "␀")
        return guard(text) if self._guard else text
