"""Workbooks as a stream of rows, read with the standard library alone and in bounded memory.

Cells hold what the spreadsheet last showed: of a formula its stored result.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple
from xml.parsers import expat

from components.errors import InputError
from components.prepare_requests.tables import MAX_COLUMNS, Note, Row, Table
from components.prepare_requests.xlsx_cells import Styles, cell_text
from components.prepare_requests.xlsx_parts import Parts, sheet_part, styles_of
from components.prepare_requests.xlsx_texts import Texts, shared_texts
from components.tables.formats import plural

_ROOM = re.compile(r"([A-Z]{1,3})\d*\Z")


@contextmanager
def read_xlsx(stream: BinaryIO, sheet: str, where: str, note: Note) -> Iterator[Table]:
    """A sheet of a workbook as a table; the first row that holds anything is its header.

    Rows that a person has hidden, or a filter, are read as well.

    Args:
        stream: the file; it must be able to seek.
        sheet: name of the sheet; empty: the first that is shown.
        where: the file's name, for errors.
        note: takes warnings: formulas, merged cells, hidden rows, further sheets.

    Raises:
        InputError: it is no workbook, or unpacks to more than it should.
    """
    parts = Parts(stream, where)
    name = sheet_part(parts, sheet, where, note)
    with tempfile.TemporaryFile() as file:
        texts = shared_texts(parts, file)
        reader = _SheetReader(parts, styles_of(parts), note)
        rows = (_filled(row, texts, parts) for row in reader.rows(name))
        header = next((row for row in rows if row.cells or row.reason), None)
        if header is None:
            raise InputError("The sheet is empty", where=where, fix="Give a header and a row.")
        width = 1 + max(header.cells, default=-1)
        names = [header.cells.get(column, "").strip() for column in range(width)]
        yield Table(names, _padded(rows, width))


class _Sparse(NamedTuple):
    """A row as its cells that hold something: by column, counted from 0."""

    line: int
    cells: dict[int, str]
    reason: str


def _filled(row: _Raw, texts: Texts, parts: Parts) -> _Sparse:
    cells: dict[int, str] = {}
    reason = row.reason
    for column, value in row.cells:
        text = value
        if isinstance(text, int):
            try:
                text = parts.show(texts[text])
            except IndexError:
                reason = reason or f"bad_cell: column {column + 1} names no text"
                continue
        if text:
            cells[column] = text
    return _Sparse(row.line, cells, reason)


def _padded(rows: Iterator[_Sparse], width: int) -> Iterator[Row]:
    """Rows as wide as the header; one that holds nothing is none, as a blank line of a text."""
    for line, cells, reason in rows:
        beyond = max(cells, default=0)
        if not reason and beyond >= width:
            reason = f"ragged_row: {beyond + 1} cells, and the header has {width}"  # noqa: PLW2901
        if reason:
            yield Row(line, [], None, reason)
        elif cells:
            get = cells.get
            yield Row(line, [get(column, "") for column in range(width)])


class _Raw(NamedTuple):
    """A row as the sheet has it: column and text, or the number of a shared text.

    A few bytes of a sheet name a text of any length or a column far to the right, so rows stay like
    this until it is their turn: a chunk of a sheet holds thousands of them.
    """

    line: int
    cells: list[tuple[int, str | int]]
    reason: str


class _SheetReader:
    """Collects cells of one row after the other from the events of the parser."""

    def __init__(self, parts: Parts, styles: Styles, note: Note) -> None:
        self._parts = parts
        self._styles = styles
        self._note = note
        self._done: list[_Raw] = []
        self._cells: list[tuple[int, str | int]] = []
        self._merged = 0
        self._hidden = 0
        self._is_hidden = False
        self._first_merged = ""
        self._pieces: list[str] | None = None
        self._line = 0
        self._column = 0
        self._kind = ""
        self._style = 0
        self._value: str | None = None
        self._formula = False
        self._reason = ""
        self._formulas = 0
        self._size = 0
        self._phonetic = False

    def rows(self, name: str) -> Iterator[_Raw]:
        """Every row of the sheet."""
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        for _ in self._parts.parse(name, parser):
            done, self._done = self._done, []
            yield from done
        if self._formulas:
            words = f"{self._formulas:,} cells hold formulas; their stored results are sent"
            self._note("formulas", words, 0, "")
        if self._hidden:
            words = f"rows that the sheet hides are read too: {self._hidden:,}"
            self._note("hidden_rows", words, 0, "Delete them, or copy the shown ones elsewhere.")
        if self._merged:
            others = plural(self._merged - 1, "more range") if self._merged > 1 else ""
            more = f" and {others}" if others else ""
            words = f"cells {self._first_merged}{more} are merged: only the first has the value"
            self._note("merged_cells", words, 0, "Split them and fill in the values.")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        tag = tag.rsplit(":", 1)[-1]
        if tag == "c":
            self._kind = attributes.get("t", "n")
            style = attributes.get("s", "0")
            self._style = int(style) if style.isdigit() else 0
            self._place(attributes.get("r", ""))
            self._value, self._formula, self._size = None, False, 0
        elif tag in ("v", "t"):
            self._pieces = None if self._phonetic else []
        elif tag == "f":
            self._formula = True
        elif tag == "rPh":
            self._phonetic = True
        elif tag == "row":
            number = attributes.get("r", "")
            self._line = int(number) if number.isdigit() and len(number) < 9 else self._line + 1
            self._cells, self._column, self._reason = [], -1, ""
            self._is_hidden = attributes.get("hidden") in ("1", "true")
        elif tag == "mergeCell":
            self._merged += 1
            self._first_merged = self._first_merged or attributes.get("ref", "")[:30]

    def _place(self, room: str) -> None:
        match = _ROOM.match(room)
        if match is None:
            self._column += 1
            return
        column = 0
        for letter in match[1]:
            column = column * 26 + ord(letter) - 64
        self._column = column - 1

    def _end(self, tag: str) -> None:
        tag = tag.rsplit(":", 1)[-1]
        if tag in ("v", "t"):
            if self._pieces is not None:
                self._value = (self._value or "") + "".join(self._pieces)
            self._pieces = None
        elif tag == "c":
            self._take()
        elif tag == "rPh":
            self._phonetic = False
        elif tag == "row":
            self._done.append(_Raw(self._line, self._cells, self._reason))
            self._hidden += self._is_hidden and bool(self._cells)
            self._cells = []

    def _data(self, text: str) -> None:
        if self._pieces is not None:
            self._pieces.append(text)
            self._size += len(text)
            self._parts.check_length(self._size)

    def _take(self) -> None:
        shown = self._shown()
        self._formulas += self._formula
        if shown != "" and self._column < MAX_COLUMNS:
            self._cells.append((self._column, shown))

    def _shown(self) -> str | int:
        value = self._value
        if not value:
            if self._formula and self._kind != "str":
                self._reason = self._reason or (
                    f"formula_without_value: column {self._column + 1} holds a formula that was "
                    "never calculated; open and save the workbook"
                )
            return ""
        if self._kind == "s":
            if value.isascii() and value.isdigit() and len(value) < 12:
                return int(value)
            self._reason = f"bad_cell: column {self._column + 1} names no text"
            return ""
        if self._kind == "e":
            self._reason = f"bad_cell: column {self._column + 1} holds the error {value[:20]}"
            return ""
        if self._kind == "b":
            return "true" if value == "1" else "false"
        if self._kind in ("str", "inlineStr"):
            return cell_text(value)
        return self._styles.number(value, self._style)
