"""Workbooks as a stream of rows, within bounds of memory and of unpacked size.

A workbook is a zip of XML. It is read here, with the standard library alone, because a spreadsheet
of prompts may come from anybody: what is unpacked is counted as it comes (the sizes that a zip
states may lie), XML entities are refused, and shared texts go to a file on disk. Cells hold what
the spreadsheet last showed: of a formula its stored result.
"""

from __future__ import annotations

import re
import tempfile
import zipfile
import zlib
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO, NamedTuple
from xml.parsers import expat

from components.errors import InputError
from components.prepare_requests.tables import MAX_COLUMNS, Note, Row, Table
from components.prepare_requests.xlsx_cells import Styles, cell_text
from components.tables.formats import plural

MAX_UNPACKED = 2_000_000_000  # bytes of one part of the workbook
MAX_RATIO = 200  # unpacked to packed, beyond the first 10 MB; text packs at 5 to 40
_FREE = 10_000_000
_MAX_TEXT = 10_000_000  # characters of a cell
_MAX_TOKEN = 2_000_000  # bytes of one tag or comment
_MAX_ENTRIES = 5_000
_MAX_ELEMENTS = 100_000  # of one kind in the small parts
_MAX_ATTRIBUTE = 300  # characters that are kept; Excel's names and formats are shorter
_CHUNK = 1 << 18
_ROOM = re.compile(r"([A-Z]{1,3})\d*\Z")


class _Parts:
    """The parts of the zip, each read as a stream with a bound."""

    def __init__(self, stream: BinaryIO, where: str) -> None:
        self._where = where
        try:
            self._zip = zipfile.ZipFile(stream)
            entries = self._zip.infolist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
            raise self.broken(str(error)) from error
        if len(entries) > _MAX_ENTRIES:
            raise self.broken(f"it has {len(entries):,} parts")
        self.sizes = {entry.filename: entry.compress_size for entry in entries}
        self._shown = 0
        if "xl/workbook.xml" not in self.sizes:
            raise InputError(
                "It is a zip, and no workbook", where=where, fix="Give CSV, XLSX or JSONL."
            )

    def broken(self, why: str) -> InputError:
        return InputError(f"The workbook cannot be read: {why}", where=self._where)

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of a part; InputError where they are too many for what is packed."""
        done = 0
        most = min(MAX_UNPACKED, _FREE + MAX_RATIO * self.sizes[name])
        try:
            with self._zip.open(name) as part:
                while chunk := part.read(_CHUNK):
                    done += len(chunk)
                    if done > most:
                        raise InputError(
                            f"The workbook is packed too densely: more than {most:,} bytes "
                            f"come out of {self.sizes[name]:,}",
                            where=self._where,
                            fix="Save the rows as CSV.",
                        )
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError) as error:
            raise self.broken(str(error)) from error
        except NotImplementedError as error:
            raise self.broken("it is packed in a way that is not known") from error

    def parse(self, name: str, parser: expat.XMLParserType) -> Iterator[None]:
        """Feed a part to a parser, giving control back after each chunk."""
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse_entities
        try:
            fed = 0
            for chunk in self.chunks(name):
                parser.Parse(chunk, False)
                fed += len(chunk)
                if fed - parser.CurrentByteIndex > _MAX_TOKEN:
                    # The parser begins again with every piece of a tag or comment that goes on.
                    raise self.broken(f"{name}: a tag does not end")
                yield
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise self.broken(f"{name}: {error}") from error
        yield

    def parse_all(self, name: str, parser: expat.XMLParserType) -> None:
        for _ in self.parse(name, parser):
            pass

    def check_length(self, size: int) -> None:
        """Refuse a text without end."""
        if size > _MAX_TEXT:
            raise self.broken(f"a cell holds more than {_MAX_TEXT:,} characters")

    def show(self, text: str) -> str:
        """A shared text, counted: many cells may name one that is long."""
        self._shown += len(text)
        if self._shown > MAX_UNPACKED:
            raise self.broken(f"its cells show more than {MAX_UNPACKED:,} characters")
        return text

    def _refuse_entities(self, *_: object) -> None:
        raise self.broken("its XML has a document type, which workbooks never have")


class _Texts:
    """Texts on disk, found by number: 8 bytes of memory each."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._ends = array("Q", [0])

    def add(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        self._file.write(data)
        self._ends.append(self._ends[-1] + len(data))

    def __getitem__(self, number: int) -> str:
        if not 0 <= number < len(self._ends) - 1:
            raise IndexError(number)
        start = self._ends[number]
        self._file.seek(start)
        return self._file.read(self._ends[number + 1] - start).decode()


@contextmanager
def read_xlsx(stream: BinaryIO, sheet: str, where: str, note: Note) -> Iterator[Table]:
    """A sheet of a workbook as a table; the first row that holds anything is its header.

    Args:
        stream: the file; it must be able to seek.
        sheet: name of the sheet; empty: the first.
        where: the file's name, for errors.
        note: takes warnings: formulas, merged cells, further sheets.

    Raises:
        InputError: it is no workbook, or unpacks to more than it should.
    """
    parts = _Parts(stream, where)
    name = _sheet_part(parts, sheet, where, note)
    with tempfile.TemporaryFile() as file:
        texts = _shared_texts(parts, file)
        reader = _SheetReader(parts, _styles(parts), note)
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


def _filled(row: _Raw, texts: _Texts, parts: _Parts) -> _Sparse:
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
    """Rows as wide as the header; rows that hold nothing count only where others follow."""
    empty: list[int] = []
    for line, cells, reason in rows:
        if not reason and not cells:
            empty.append(line)
            continue
        for earlier in empty:
            yield Row(earlier, [""] * width)
        empty.clear()
        beyond = max(cells, default=0)
        if not reason and beyond >= width:
            reason = f"ragged_row: {beyond + 1} cells, and the header has {width}"  # noqa: PLW2901
        if reason:
            yield Row(line, [], None, reason)
        else:
            get = cells.get
            yield Row(line, [get(column, "") for column in range(width)])


def _attributes(parts: _Parts, name: str, *elements: str) -> list[dict[str, str]]:
    """The attributes of every such element of a small part, in order."""
    found: list[dict[str, str]] = []
    if name not in parts.sizes:
        return found
    parser = expat.ParserCreate()

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag.rsplit(":", 1)[-1] in elements and len(found) < _MAX_ELEMENTS:
            kept = {k: v[:_MAX_ATTRIBUTE] for k, v in attributes.items() if _is_read(k)}
            found.append({"": tag.rsplit(":", 1)[-1], **kept})

    parser.StartElementHandler = start
    parts.parse_all(name, parser)
    return found


def _is_read(attribute: str) -> bool:
    return attribute in _ATTRIBUTES or (attribute.endswith(":id") and len(attribute) < 20)


_ATTRIBUTES = frozenset({"name", "Id", "Target", "numFmtId", "formatCode", "date1904"})


def _sheet_part(parts: _Parts, sheet: str, where: str, note: Note) -> str:
    sheets = [
        (found.get("name", ""), next((v for k, v in found.items() if k.endswith(":id")), ""))
        for found in _attributes(parts, "xl/workbook.xml", "sheet")
    ]
    if not sheets:
        raise parts.broken("it has no sheets")
    chosen = next((found for found in sheets if found[0] == sheet), sheets[0])
    if sheet and chosen[0] != sheet:
        names = ", ".join(name[:40] for name, _ in sheets[:10])
        raise InputError(f"There is no sheet '{sheet[:60]}'", where=where, fix=f"Sheets: {names}.")
    if len(sheets) > 1 and not sheet:
        others = f"only the first of {len(sheets)} sheets, '{chosen[0][:60]}', is read"
        note("one_sheet", others, 0, "Name another one (sheet).")
    links = _attributes(parts, "xl/_rels/workbook.xml.rels", "Relationship")
    target = next((link.get("Target", "") for link in links if link.get("Id") == chosen[1]), "")
    name = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    if name not in parts.sizes:
        raise parts.broken(f"the sheet '{chosen[0][:60]}' is not in it")
    return name


def _shared_texts(parts: _Parts, file: IO[bytes]) -> _Texts:
    texts = _Texts(file)
    name = next((n for n in parts.sizes if n.lower() == "xl/sharedstrings.xml"), "")
    if not name:
        return texts
    parser = expat.ParserCreate()
    pieces: list[str] = []
    state = {"text": 0, "phonetic": 0, "size": 0}

    def start(tag: str, _: dict[str, str]) -> None:
        tag = tag.rsplit(":", 1)[-1]
        if tag == "si":
            pieces.clear()
            state["size"] = 0
        state["phonetic"] |= tag == "rPh"
        state["text"] = tag == "t" and not state["phonetic"]

    def end(tag: str) -> None:
        tag = tag.rsplit(":", 1)[-1]
        state["text"] = 0
        if tag == "rPh":
            state["phonetic"] = 0
        elif tag == "si":
            texts.add(cell_text("".join(pieces)))

    def data(text: str) -> None:
        if state["text"]:
            pieces.append(text)
            state["size"] += len(text)
            parts.check_length(state["size"])

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = data
    parts.parse_all(name, parser)
    file.flush()
    return texts


def _styles(parts: _Parts) -> Styles:
    found = _attributes(parts, "xl/styles.xml", "numFmt", "cellXfs", "xf", "cellStyles")
    dates = _attributes(parts, "xl/workbook.xml", "workbookPr")
    return Styles.of(found, since_1904=any(d.get("date1904") in ("1", "true") for d in dates))


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

    def __init__(self, parts: _Parts, styles: Styles, note: Note) -> None:
        self._parts = parts
        self._styles = styles
        self._note = note
        self._done: list[_Raw] = []
        self._cells: list[tuple[int, str | int]] = []
        self._merged = 0
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
        """Every row that holds a cell, and the empty ones between them."""
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
