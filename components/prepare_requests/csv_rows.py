"""CSV as a stream of rows: any of the usual delimiters, quoted line ends, ragged rows reported."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

from components.errors import InputError
from components.prepare_requests.tables import MAX_COLUMNS, Note, Row, Table
from components.prepare_requests.text import MAX_LINE, bounded_lines

_DELIMITERS = ",;\t|"
_BLANK = f"{_DELIMITERS}\r\n "
_MAX_ROW = 2 * MAX_LINE  # characters; quoted cells of many lines make a row of any length


def read_csv(stream: BinaryIO, encoding: str, delimiter: str, where: str, note: Note) -> Table:
    """The table in the stream.

    Args:
        stream: the file's bytes.
        encoding: of the text.
        delimiter: empty: whichever the header line has most of.
        where: the file's name, for errors.
        note: takes warnings.

    Raises:
        InputError: the file is empty, or holds a line or a quoted cell without end.
    """
    lines = bounded_lines(stream, encoding, where)
    above, first = _first(lines, 0)
    if first.lower().startswith("sep=") and len(first.rstrip("\r\n")) == 5:  # a line for Excel
        delimiter = delimiter or first[4]
        above, first = _first(lines, above + 1)
    if not first:
        raise InputError("The file is empty", where=where, fix="Give a header and a row at least.")
    mark = delimiter or _delimiter_of(first)
    room = [_MAX_ROW]
    bounded = _within(chain([first], lines), room, where, above)
    reader = csv.reader(bounded, delimiter=mark, strict=True)
    csv.field_size_limit(MAX_LINE)
    header = _header(reader, f"{where}:{above + 1}")
    if "\0" in first:
        raise InputError(
            "The header holds NUL bytes", where=f"{where}:{above + 1}", fix="Save it as UTF-8."
        )
    return Table(header, _rows(reader, len(header), where, room, above))


def _first(lines: Iterator[str], above: int) -> tuple[int, str]:
    """The first line in which a cell holds something ("" for none), and how many are above it."""
    for line in lines:
        if line.strip(_BLANK):
            return above, line
        above += 1
    return above, ""


def _within(lines: Iterator[str], room: list[int], where: str, above: int) -> Iterator[str]:
    """The lines, as long as those of one row are no longer than there is room for it."""
    for number, line in enumerate(lines, start=above + 1):
        room[0] -= len(line)
        if room[0] < 0:
            raise InputError(
                f"The row that ends here is longer than {_MAX_ROW:,} characters",
                where=f"{where}:{number}",
                fix='Check its quotes; a quote inside of a cell is written twice ("").',
            )
        yield line


def _delimiter_of(header: str) -> str:
    outside = "".join(header.split('"')[0::2])
    return max(_DELIMITERS, key=lambda mark: (outside.count(mark), -_DELIMITERS.index(mark)))


def _header(reader: csv.reader, where: str) -> list[str]:  # type: ignore[valid-type]
    try:
        header: list[str] = next(reader)
    except (csv.Error, StopIteration) as error:
        raise InputError(
            f"The header cannot be read: {error}", where=where, fix="Check its quotes."
        ) from error
    while header and not header[-1].strip():
        header.pop()
    if len(header) > MAX_COLUMNS:
        raise InputError(f"The header has {len(header):,} columns", where=where)
    return [name.strip() for name in header]


def _rows(
    reader: csv.reader,  # type: ignore[valid-type]
    width: int,
    where: str,
    room: list[int],
    above: int,
) -> Iterator[Row]:
    before = above + reader.line_num  # type: ignore[attr-defined]
    take = reader.__next__  # type: ignore[attr-defined]
    nothing: list[str] = []
    while True:
        room[0] = _MAX_ROW
        try:
            cells = take()
        except StopIteration:
            return
        except csv.Error as error:
            _refuse_endless(error, before + 1, where)
            yield Row(before + 1, nothing, None, f"bad_csv: {error}")
            before = above + reader.line_num  # type: ignore[attr-defined]
            continue
        line, before = before + 1, above + reader.line_num  # type: ignore[attr-defined]
        if not any(cells):  # a blank row of a sheet that became `,,`
            continue
        yield Row(line, cells) if len(cells) == width else _ragged(line, cells, width)


def _ragged(line: int, cells: list[str], width: int) -> Row:
    """Empty cells beyond the header, as spreadsheets leave them, are no cells."""
    if len(cells) > width and not any(cells[width:]):
        return Row(line, cells[:width])
    words = f"{len(cells)} cell{'' if len(cells) == 1 else 's'}, and the header has {width}"
    return Row(line, [], None, f"ragged_row: {words}")


def _refuse_endless(error: csv.Error, line: int, where: str) -> None:
    """A quote that nobody closes would swallow all rows after it."""
    if "field limit" in str(error) or "unexpected end" in str(error):
        raise InputError(
            "A quoted cell that begins in this row does not end",
            where=f"{where}:{line}",
            fix='Close the quote; a quote inside of a cell is written twice ("").',
        ) from error
