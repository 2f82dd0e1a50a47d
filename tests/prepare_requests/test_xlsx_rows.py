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
        "||",
        "x|  last  |",
    ]
    assert reasons == [""] * 5
    assert plan.finding_counts == {"one_sheet": 1}
    plan, _, _ = prepared(tmp_path, tmp_path / "a.xlsx", sheet="Fragen")
    assert plan.finding_counts == {"empty_prompt": 1}
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
