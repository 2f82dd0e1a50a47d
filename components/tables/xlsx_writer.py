"""XLSX through xlsxwriter in constant memory: rows go to disk as they come."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from components.storage import files
from components.tables.columns import Column, Row, as_text
from components.tables.text import printable
from components.tables.writers import XLSX_TYPE

MAX_ROWS = 1_048_576  # a sheet, with its header row (Excel specifications and limits)
MAX_CELL = 32_767  # UTF-16 units in a cell (the same page)
_EXACT = 2**53  # a cell holds a double: greater integers would lose digits
_MARK = " … [cut: {} characters; {}]"
_WHOLE = "the whole text is in the JSONL"

SummaryRows = Iterable[tuple[str, Any]]


class XlsxWriter:
    """Writes rows to a path or `gs://` URI as a workbook.

    Args:
        uri: where.
        columns: the header row holds their titles.
        sheet: name of the sheet of rows; further sheets get ` (2)`, ` (3)`, ….
        summary: called when all rows are written; gives the rows of a first sheet "Summary".
        max_rows: rows a sheet, header included (smaller in tests).
        whole: where a text stands whole that is too long for a cell, as its mark says it.

    Text is always text: never a formula, a link or a number. What XML cannot hold is drawn
    visibly; text over Excel's limit is cut and says so.
    """

    def __init__(
        self,
        uri: str,
        columns: Sequence[Column],
        *,
        sheet: str = "Rows",
        summary: Callable[[], SummaryRows] | None = None,
        max_rows: int = MAX_ROWS,
        whole: str = _WHOLE,
    ) -> None:
        self._uri = uri
        self._columns = columns
        self._sheet_name = sheet
        self._summary_rows = summary
        self._max_rows = max_rows
        self._whole = whole
        self._row = 0

    def __enter__(self) -> XlsxWriter:
        import xlsxwriter

        # xlsxwriter assembles a zip and needs a place that it can seek in.
        self._folder = tempfile.TemporaryDirectory(prefix="xlsx-")
        self._path = Path(self._folder.name) / "book.xlsx"
        options = {
            "constant_memory": True,
            "tmpdir": self._folder.name,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        self._book = xlsxwriter.Workbook(str(self._path), options)
        self._head = self._book.add_format(
            {"bold": True, "bg_color": "#EEF1F4", "bottom": 1, "valign": "top"}
        )
        self._formats = {
            "time": self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
            "seconds": self._book.add_format({"num_format": "0.0"}),
            "cut": self._book.add_format({"font_color": "#9C2B21"}),
        }
        self._summary = self._book.add_worksheet("Summary") if self._summary_rows else None
        self._sheets = 0
        self._add_sheet()
        return self

    def __exit__(self, kind: Any, *args: Any) -> bool | None:
        try:
            self._finish_sheet()
            if kind is None:
                self._write_summary()
            self._book.close()
            if kind is None:
                files.upload(self._path, self._uri, XLSX_TYPE)
        finally:
            self._folder.cleanup()
        return None

    def write(self, row: Row) -> None:
        """Append one row."""
        if self._row >= self._max_rows:
            self._finish_sheet()
            self._add_sheet()
        place = self._row
        for number, (name, put) in enumerate(self._cells):
            value = row.get(name)
            if value is not None and value != "":
                put(place, number, value)
        self._row = place + 1

    def _add_sheet(self) -> None:
        self._sheets += 1
        name = self._sheet_name if self._sheets == 1 else f"{self._sheet_name} ({self._sheets})"
        self._sheet = self._book.add_worksheet(name)
        self._sheet.freeze_panes(1, 0)
        for number, column in enumerate(self._columns):
            self._sheet.set_column(number, number, column.width, self._formats.get(column.kind))
        for number, column in enumerate(self._columns):
            self._sheet.write_string(0, number, column.title, self._head)
        self._cells = [(column.name, self._put(column)) for column in self._columns]
        self._row = 1

    def _finish_sheet(self) -> None:
        self._sheet.autofilter(0, 0, max(self._row - 1, 1), len(self._columns) - 1)

    def _put(self, column: Column) -> Callable[[int, int, Any], None]:
        """How a cell of this column is written, chosen once and not a cell at a time."""
        sheet = self._sheet
        cut = self._formats["cut"]
        whole = self._whole
        mark_end = f"; {whole}]"

        def put_text(row: int, column: int, value: Any) -> None:
            text = cell_text(value if isinstance(value, str) else as_text(value), whole)
            if len(text) > MAX_CELL // 2 and text.endswith(mark_end):
                sheet.write_string(row, column, text, cut)
            else:
                sheet.write_string(row, column, text)

        def put_number(row: int, column: int, value: Any) -> None:
            if is_cell_number(value):
                sheet.write_number(row, column, value)
            else:
                put_text(row, column, value)

        def put_time(row: int, column: int, value: Any) -> None:
            moment = _moment(value)
            if moment is None:
                put_text(row, column, value)
            else:
                sheet.write_datetime(row, column, moment)

        if column.kind == "time":
            return put_time
        return put_number if column.numeric else put_text

    def _write_summary(self) -> None:
        if self._summary is None or self._summary_rows is None:
            return
        bold = self._book.add_format({"bold": True, "valign": "top"})
        wrap = self._book.add_format({"text_wrap": True, "valign": "top", "align": "left"})
        self._summary.set_column(0, 0, 24)
        self._summary.set_column(1, 1, 90)
        for number, (label, value) in enumerate(self._summary_rows()):
            self._summary.write_string(number, 0, cell_text(label), bold)
            if is_cell_number(value):
                self._summary.write_number(number, 1, value, wrap)
            else:
                self._summary.write_string(number, 1, cell_text(as_text(value)), wrap)
        self._summary.activate()
        self._summary.set_first_sheet()


def cell_text(text: str, whole: str = _WHOLE) -> str:
    """The text as a cell can hold it; `whole` says where all of it stands."""
    text = printable(text)
    if len(text) > MAX_CELL // 2:
        text = _cut(text, whole)
    if text.startswith("<r>") and text.endswith("</r>"):
        # In constant memory xlsxwriter takes this for its own markup and writes it unescaped,
        # which breaks the file; a space at the end makes it text again.
        text += " "
    return text


def _cut(text: str, whole: str) -> str:
    """Cut to MAX_CELL UTF-16 units, which is what Excel counts, with a mark that says so."""
    encoded = text.encode("utf-16-le")
    if len(encoded) // 2 <= MAX_CELL:
        return text
    mark = _MARK.format(f"{len(text):,}", whole)
    # errors="ignore" drops half a surrogate pair at the cut.
    kept = encoded[: 2 * (MAX_CELL - len(mark))].decode("utf-16-le", errors="ignore")
    return kept + mark


def is_cell_number(value: Any) -> bool:
    """Whether a spreadsheet keeps this number exactly."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return math.isfinite(value) and abs(value) <= _EXACT


def _moment(value: Any) -> datetime | None:
    """An ISO 8601 text in UTC as what Excel calls a date, which knows no zone."""
    try:
        moment = datetime.fromisoformat(value)
    except (ValueError, TypeError):
        return None
    return moment.replace(tzinfo=None)
