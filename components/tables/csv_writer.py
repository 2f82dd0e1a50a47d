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

    Text that a spreadsheet would run gets `'` in front; `text.unguard` is the way back. Else only
    NUL is changed (to `␀`): many readers end the file there. Half a surrogate pair becomes `?`. The
    JSONL beside it holds all as it was. There is no byte order mark: Excel wants one, but other
    readers see it as a part of the first name, and for Excel there is XLSX.
    """

    def __init__(self, uri: str, columns: Sequence[Column]) -> None:
        self._uri = uri
        self._columns = columns
        self._stack = ExitStack()
        self._text: io.TextIOWrapper

    def __enter__(self) -> CsvWriter:
        out = self._stack.enter_context(files.open_write(self._uri, CSV_TYPE))
        self._text = io.TextIOWrapper(out, "utf-8", errors="replace", newline="")
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
        return guard(as_text(value).replace("\x00", "␀"))
