"""One pass over the rows makes JSONL, CSV and XLSX that read back as what was written."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.tables.columns import Column, Row
from components.tables.csv_writer import CsvWriter
from components.tables.jsonl_writer import JsonlWriter, line_of
from components.tables.text import unguard
from components.tables.writers import write_rows, writers_for
from components.tables.xlsx_writer import MAX_CELL, XlsxWriter, cell_text

COLUMNS = (
    Column("n", "Number", "integer"),
    Column("text", "Text", "text", 30),
    Column("took", "Took", "seconds"),
    Column("at", "At", "time", 20),
    Column("more", "More"),
)
HOSTILE = [
    '=HYPERLINK("http://example.com","x")',
    "+1",
    "-2+3",
    "@SUM(A1)",
    "\tTAB",
    "\rCR",
    "'=quoted",
    'a "quoted", line\r\nand another',
    "http://example.com",
    "mailto:a@example.com",
    "<r><t>markup</t></r>",
    "<r>&</r>",
    "_x0041_ stays",
    "\x00\x01\x1b[31m",
    "\u202eright to left",
    "\ud83d",
    "00123",
    "1e5",
    "{=1+1}",
    " blanks ",
    "日本語 👩‍🔬",
]


def rows_of(texts: list[str]) -> Iterator[Row]:
    for number, text in enumerate(texts):
        yield {
            "n": number,
            "text": text,
            "took": number / 4,
            "at": "2026-11-21T10:30:05.250Z",
            "more": None,
        }


def sheet_rows(path: Path, sheet: str) -> list[tuple[Any, ...]]:
    book = openpyxl.load_workbook(path)
    return [tuple(cell.value for cell in row) for row in book[sheet].iter_rows()]


def test_one_pass_feeds_every_writer(tmp_path: Path) -> None:
    seen: list[int] = []
    writers = writers_for(("jsonl", "csv", "xlsx"), COLUMNS, f"{tmp_path}/t", sheet="Rows")
    count = write_rows(rows_of(HOSTILE), writers, also=lambda row: seen.append(row["n"]))
    assert count == len(HOSTILE) == len(seen)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.csv", "t.jsonl", "t.xlsx"]


def test_jsonl_holds_exactly_what_was_given(tmp_path: Path) -> None:
    with JsonlWriter(f"{tmp_path}/t.jsonl") as writer:
        for row in rows_of(HOSTILE):
            writer.write(row)
    lines = (tmp_path / "t.jsonl").read_bytes().decode().split("\n")
    assert [json.loads(line)["text"] for line in lines[:-1]] == HOSTILE


@given(st.dictionaries(st.text(), st.floats() | st.text() | st.lists(st.floats())))
def test_a_line_is_always_one_line_of_json(row: dict[str, Any]) -> None:
    line = line_of(row)
    assert line.count(b"\n") == 1
    json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_csv_reads_back(tmp_path: Path) -> None:
    with CsvWriter(f"{tmp_path}/t.csv", COLUMNS) as writer:
        for row in rows_of(HOSTILE):
            writer.write(row)
    raw = (tmp_path / "t.csv").read_bytes()
    assert raw.startswith(b"n,text,took,at,more\r\n")
    read = list(csv.DictReader(io.StringIO(raw.decode(), newline="")))
    wanted = [text.replace("\x00", "␀").replace("\ud83d", "?") for text in HOSTILE]
    assert [unguard(row["text"]) for row in read] == wanted
    assert not any(row["text"].startswith(("=", "+", "-", "@", "\t", "\r")) for row in read)
    assert [row["n"] for row in read] == [str(n) for n in range(len(HOSTILE))]


def test_csv_numbers_are_never_guarded(tmp_path: Path) -> None:
    with CsvWriter(f"{tmp_path}/t.csv", COLUMNS) as writer:
        writer.write({"n": -5, "text": "x", "took": -0.5, "at": "", "more": True})
    assert (tmp_path / "t.csv").read_text().splitlines()[1] == "-5,x,-0.5,,true"


def test_csv_begins_without_a_mark(tmp_path: Path) -> None:
    with CsvWriter(f"{tmp_path}/t.csv", COLUMNS):
        pass
    assert (tmp_path / "t.csv").read_bytes().startswith(COLUMNS[0].name.encode())


def test_xlsx_text_is_text(tmp_path: Path) -> None:
    with XlsxWriter(f"{tmp_path}/t.xlsx", COLUMNS) as writer:
        for row in rows_of(HOSTILE):
            writer.write(row)
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    sheet = book["Rows"]
    assert [cell.value for cell in sheet[1]] == ["Number", "Text", "Took", "At", "More"]
    for number, text in enumerate(HOSTILE):
        cell = sheet.cell(number + 2, 2)
        assert cell.data_type == "s"
        assert cell.hyperlink is None
        # Excel reads _x005F_ as the _ that it is; openpyxl leaves it.
        assert str(cell.value).replace("_x005F_", "_") == cell_text(text)
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == f"A1:E{len(HOSTILE) + 1}"
    assert sheet.column_dimensions["B"].width == pytest.approx(30.7, abs=0.1)


def test_xlsx_times_and_numbers_are_typed(tmp_path: Path) -> None:
    with XlsxWriter(f"{tmp_path}/t.xlsx", COLUMNS) as writer:
        writer.write({"n": 7, "took": 1.5, "at": "2026-11-21T10:30:05Z", "text": None})
        writer.write({"n": 2**63, "took": float("nan"), "at": "soon", "text": True})
    _, first, second = sheet_rows(tmp_path / "t.xlsx", "Rows")
    assert first[0] == 7
    assert first[2] == 1.5
    assert first[3].isoformat() == "2026-11-21T10:30:05"
    assert second[:4] == (str(2**63), "true", "nan", "soon")


def test_xlsx_rolls_over_to_further_sheets(tmp_path: Path) -> None:
    with XlsxWriter(f"{tmp_path}/t.xlsx", COLUMNS, sheet="Tasks", max_rows=4) as writer:
        for row in rows_of(["x"] * 8):
            writer.write(row)
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    assert book.sheetnames == ["Tasks", "Tasks (2)", "Tasks (3)"]
    numbers = [row[0] for name in book.sheetnames for row in sheet_rows(tmp_path / "t.xlsx", name)]
    assert [n for n in numbers if n != "Number"] == list(range(8))
    assert all(book[name].freeze_panes == "A2" for name in book.sheetnames)


def test_xlsx_summary_comes_first_and_knows_the_end(tmp_path: Path) -> None:
    counted: list[int] = []

    def summary() -> list[tuple[str, Any]]:
        return [("Rows", len(counted)), ("Formula", "=1+1"), ("Nothing", "")]

    writer = XlsxWriter(f"{tmp_path}/t.xlsx", COLUMNS, summary=summary)
    write_rows(rows_of(["x"] * 3), [writer], also=lambda row: counted.append(1))
    assert sheet_rows(tmp_path / "t.xlsx", "Summary")[:2] == [("Rows", 3), ("Formula", "=1+1")]
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    assert book.sheetnames[0] == "Summary"
    assert book["Summary"]["B2"].data_type == "s"


@pytest.mark.parametrize(
    "text", ["x" * 40_000, "😀" * 20_000, "x" + "😀" * 20_000, "\x00" * 40_000]
)
def test_over_long_text_is_cut_and_says_so(tmp_path: Path, text: str) -> None:
    cut = cell_text(text)
    assert len(cut.encode("utf-16-le")) // 2 <= MAX_CELL
    assert f"{len(text):,} characters; the whole text is in the JSONL]" in cut
    write_rows(
        [{"text": text}], writers_for(("jsonl", "xlsx"), COLUMNS, f"{tmp_path}/t", sheet="Rows")
    )
    assert sheet_rows(tmp_path / "t.xlsx", "Rows")[1][1] == cut
    assert json.loads((tmp_path / "t.jsonl").read_text())["text"] == text


@pytest.mark.parametrize("length", [MAX_CELL - 1, MAX_CELL])
def test_text_at_the_limit_is_whole(length: int) -> None:
    assert cell_text("x" * length) == "x" * length


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(), max_size=30), max_size=10))
def test_any_text_makes_a_workbook_that_opens(tmp_path: Path, texts: list[str]) -> None:
    with XlsxWriter(f"{tmp_path}/t.xlsx", COLUMNS) as writer:
        for row in rows_of(texts):
            writer.write(row)
    read = sheet_rows(tmp_path / "t.xlsx", "Rows")[1:]
    assert len(read) == len(texts)
    for row, text in zip(read, texts, strict=True):
        assert (row[1] or "").replace("_x005F_", "_") == cell_text(text)


def test_nothing_appears_when_a_row_is_broken(tmp_path: Path) -> None:
    def broken() -> Iterator[Row]:
        yield from rows_of(["x"])
        raise ValueError("the source broke")

    with pytest.raises(ValueError, match="the source broke"):
        write_rows(broken(), writers_for(("jsonl", "csv", "xlsx"), COLUMNS, f"{tmp_path}/t"))
    assert list(tmp_path.iterdir()) == []


def test_no_rows_make_files_with_a_header(tmp_path: Path) -> None:
    write_rows([], writers_for(("jsonl", "csv", "xlsx"), COLUMNS, f"{tmp_path}/t", sheet="Rows"))
    assert (tmp_path / "t.jsonl").read_bytes() == b""
    assert (tmp_path / "t.csv").read_bytes() == b"n,text,took,at,more\r\n"
    assert len(sheet_rows(tmp_path / "t.xlsx", "Rows")) == 1
