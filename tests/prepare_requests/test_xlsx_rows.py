"""Workbooks as Excel and its libraries write them."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter

from components.errors import InputError
from components.prepare_requests.plan import Plan
from components.prepare_requests.prepare import prepare
from components.prepare_requests.settings import settings_from
from components.prepare_requests.xlsx_cells import Styles


def prepared(tmp_path: Path, book: Path, **given: Any) -> tuple[Plan, list[str], list[str]]:
    plan = prepare(
        [str(book)],
        str(tmp_path / "run"),
        settings_from(given, {}),
        today=datetime.date(2026, 11, 21),
    )
    base = tmp_path / "run" / "prepared"
    lines = (base / "manifest.jsonl").read_bytes().splitlines()
    sent = [
        json.loads(line)["request"]["contents"][0]["parts"][0]["text"]
        for shard in plan.shards
        for line in (base / "shards" / shard.name).read_bytes().splitlines()
    ]
    return plan, [json.loads(line)["reason"] for line in lines], sent


def test_cells_of_every_kind(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Fragen"
    sheet.append(["id", "prompt", "when"])
    sheet.append([1, "text with é & <b>", datetime.date(2026, 11, 21)])
    sheet.append([2.5, 7, datetime.datetime(2026, 11, 21, 10, 30)])  # noqa: DTZ001 - a sheet knows no zone
    sheet.append([True, "line\nfeed", datetime.time(9, 5)])
    sheet.append([None, None, None])
    sheet.append(["x", "  last  ", None])
    book.create_sheet("Other")
    book.save(tmp_path / "a.xlsx")
    plan, reasons, sent = prepared(
        tmp_path, tmp_path / "a.xlsx", template="{{id}}|{{prompt}}|{{when}}"
    )
    assert sent == [
        "1|text with é & <b>|2026-11-21",
        "2.5|7|2026-11-21 10:30:00",
        "true|line\nfeed|09:05:00",
        "x|  last  |",
    ]
    assert reasons == [""] * 4
    assert plan.finding_counts == {"one_sheet": 1}
    plan, _, _ = prepared(tmp_path, tmp_path / "a.xlsx", sheet="Fragen")
    assert plan.finding_counts == {}
    with pytest.raises(InputError, match=r"no sheet 'Nope'. Sheets: Fragen, Other"):
        prepared(tmp_path, tmp_path / "a.xlsx", sheet="Nope")


def test_formulas_give_their_stored_result_and_merged_cells_are_told(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "f.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["prompt", "id"])
        sheet.write_formula(1, 0, '="a"&"b"', None, "ab")
        sheet.merge_range(2, 0, 3, 0, "merged")
        sheet.write(3, 1, "below")
        sheet.write_rich_string(4, 0, "rich ", book.add_format({"bold": True}), "text")
        sheet.write(5, 0, "a\x01b_x0041_")
        sheet.write_formula(6, 0, "=1/0", None, "#DIV/0!")
        sheet.write_row(7, 0, ["x", "y", "z"])
    plan, reasons, sent = prepared(tmp_path, tmp_path / "f.xlsx")
    assert sent == ["ab", "merged", "rich text", "a\x01b_x0041_"]
    assert reasons[2] == "empty_prompt: the prompt is empty"
    assert reasons[5] == "bad_cell: column 1 holds the error #DIV/0!"
    assert reasons[6] == "ragged_row: 3 cells, and the header has 2"
    assert plan.finding_counts["formulas"] == plan.finding_counts["merged_cells"] == 1


def test_a_formula_that_was_never_calculated_is_no_text(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["prompt"])
    book.active.append(['="a"&"b"'])
    book.save(tmp_path / "n.xlsx")
    _, reasons, sent = prepared(tmp_path, tmp_path / "n.xlsx")
    assert sent == []
    assert reasons[0].startswith("formula_without_value: column 1")


def test_a_large_workbook_is_read_in_order(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "l.xlsx", {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "prompt")
        for row in range(1, 3001):
            sheet.write(row, 0, f"question {row}")
    _, _, sent = prepared(tmp_path, tmp_path / "l.xlsx")
    assert sent == [f"question {row}" for row in range(1, 3001)]


def test_merged_cells_are_told_once_and_empty_first_rows_are_passed_over(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in ([None], ["prompt", "id"], ["a", 1], ["b", 2], ["c", 3]):
        sheet.append(row)
    sheet.row_dimensions[1].height = 30  # as styled sheets have it: a row without cells
    sheet.merge_cells("B3:B4")
    book.save(tmp_path / "one.xlsx")
    sheet.merge_cells("C5:D5")
    book.save(tmp_path / "two.xlsx")
    words = []
    for name in ("one.xlsx", "two.xlsx"):
        plan, reasons, _ = prepared(tmp_path, tmp_path / name)
        assert (reasons, plan.finding_counts) == ([""] * 3, {"merged_cells": 1})
        words.append(plan.findings[0]["message"])
    assert words == [
        "cells B3:B4 are merged: only the first has the value",
        "cells B3:B4 and 1 more range are merged: only the first has the value",
    ]


def test_the_first_sheet_is_the_first_that_a_person_sees(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "h.xlsx") as book:
        book.add_chartsheet("Chart")
        for name in ("Lists", "Rows"):
            sheet = book.add_worksheet(name)
            sheet.write_column(0, 0, ["prompt", f"of {name}"])
        book.get_worksheet_by_name("Lists").hide()
        sheet.activate()
        chart = book.add_chart({"type": "column"})
        chart.add_series({"values": "=Rows!$A$1:$A$2"})
        book.get_worksheet_by_name("Chart").set_chart(chart)
    plan, _, sent = prepared(tmp_path, tmp_path / "h.xlsx")
    assert sent == ["of Rows"]
    assert [f["message"] for f in plan.findings] == ["only the sheet 'Rows' is read, of 2"]
    assert prepared(tmp_path, tmp_path / "h.xlsx", sheet="Lists")[2] == ["of Lists"]


def test_hidden_rows_are_read_and_told_and_blank_ones_are_no_rows(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "h.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_column(0, 0, ["prompt", "shown", "filtered out", None, "last"])
        sheet.set_row(2, None, None, {"hidden": True})
        sheet.set_row(3, 30)
    plan, _, sent = prepared(tmp_path, tmp_path / "h.xlsx", template="Say {{prompt}}")
    assert sent == ["Say shown", "Say filtered out", "Say last"]
    assert [f["message"] for f in plan.findings] == ["rows that the sheet hides are read too: 1"]


@pytest.mark.parametrize("since_1904", [False, True])
@pytest.mark.parametrize(
    ("number", "form", "shown"),
    [
        ("2958465.99999999", "yyyy-mm-dd", "2958465.99999999"),  # 10000-01-01, rounded to seconds
        ("2958465", "dd.mm.yyyy", "9999-12-31"),
        ("1.5", "[h]:mm", "36:00:00"),
        ("0.5", "[mm]:ss", "12:00:00"),
        ("0.5", "[Red]0.0", "0.5"),
        ("0.5", "[$-409]h:mm AM/PM", "12:00:00"),
    ],
)
def test_moments_at_the_edges(number: str, form: str, shown: str, *, since_1904: bool) -> None:
    found = [{"": "numFmt", "numFmtId": "200", "formatCode": form}, {"": "cellXfs"},
             {"": "xf", "numFmtId": "200"}]  # fmt: skip
    styles = Styles.of(found, since_1904=since_1904)
    if since_1904 and number.startswith("2958465"):
        assert styles.number(number, 0) == number  # no day of that calendar
    else:
        assert styles.number(number, 0) == shown
