"""The workbook before there are answers: the results' own columns, and nothing where answers go."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from components.errors import InputError, WrongUse
from components.prepare_requests.settings import settings_from
from components.prepare_requests.template_workbook import write_template
from components.rows.result_columns import COLUMNS
from components.storage import files
from components.tables.xlsx_writer import MAX_CELL

TODAY = datetime.date(2026, 11, 21)
FILLED = {"row", "id", "status", "prompt", "reason", "model", "source", "line"}


def template(tmp_path: Path, text: str, sheet_rows: int = 1000, **given: Any) -> list[Any]:
    """The sheets of rows, one after the other, as a list of rows by name of the column."""
    (tmp_path / "rows.csv").write_text(text, "utf-8")
    out = tmp_path / "template.xlsx"
    settings = settings_from(given, {})
    count = write_template(
        str(tmp_path / "rows.csv"), str(out), settings, today=TODAY, sheet_rows=sheet_rows
    )
    book = openpyxl.load_workbook(out)
    assert book.sheetnames[0] == "Summary"
    rows = []
    for name in book.sheetnames[1:]:
        head, *found = book[name].iter_rows()
        assert [cell.value for cell in head] == [column.title for column in COLUMNS]
        assert len(found) < sheet_rows
        for cells in found:
            assert all(cell.data_type in ("s", "n") for cell in cells), "a formula"
            rows.append({c.name: cell.value for c, cell in zip(COLUMNS, cells, strict=True)})
    assert count == len(rows)
    return rows


def test_rows_have_their_place_and_prompt_and_no_answer(tmp_path: Path) -> None:
    rows = template(
        tmp_path,
        "id,city,model\n=1+1,Paris,\nb,${output.1},gemini-3.8-flash\nc,x,nope\nd\n",
        template="=Where is {{city}}? ${output.1}",
    )
    assert [(r["row"], r["id"], r["line"], r["source"]) for r in rows] == [
        (1, "=1+1", 2, "rows.csv"), (2, "b", 3, "rows.csv"), (3, "c", 4, "rows.csv"),
        (4, None, 5, "rows.csv"),
    ]  # fmt: skip
    assert rows[0]["prompt"] == "=Where is Paris? ${output.1}"
    assert rows[1]["prompt"] == "=Where is $${output.1}? ${output.1}"
    assert [r["model"] for r in rows] == ["gemini-3.5-flash", "gemini-3.8-flash", None, None]
    assert [r["status"] for r in rows] == [None, None, "invalid", "invalid"]
    assert rows[2]["reason"] == "unknown_model: 'nope' is no Gemini model"
    assert rows[3]["reason"] == "ragged_row: 1 cell, and the header has 3"
    for row in rows:
        assert {name for name, value in row.items() if value is not None} <= FILLED


def test_the_summary_says_that_nothing_was_sent(tmp_path: Path) -> None:
    template(tmp_path, "prompt,model\na,\nb,nope\n")
    summary = openpyxl.load_workbook(tmp_path / "template.xlsx")["Summary"]
    told = dict(summary.iter_rows(values_only=True))
    assert "Nothing was sent" in told["What it is"]
    assert (told["Rows"], told["Cannot be sent"], told["gemini-3.5-flash"]) == (2, 1, 1)


def test_long_prompts_are_marked_and_many_rows_go_on_on_another_sheet(tmp_path: Path) -> None:
    long = "é" * 40_000
    rows = template(tmp_path, f"prompt\n{long}\n" + "x\n" * 7, sheet_rows=4)
    assert len(rows) == 8
    assert len(rows[0]["prompt"]) <= MAX_CELL
    assert rows[0]["prompt"].endswith("[cut: 40,000 characters; the whole text is in your file]")
    assert [row["row"] for row in rows] == list(range(1, 9))


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    rows = template(tmp_path, 'prompt\n"<r>&</r>"\n@SUM(A1)\nhttp://example.com\n"{=1}"\n\x1b[1m\n')
    assert [row["prompt"].strip() for row in rows] == [
        "<r>&</r>", "@SUM(A1)", "http://example.com", "{=1}", "␛[1m",
    ]  # fmt: skip


def test_conversations_and_ready_requests_show_what_is_asked(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"prompt":"now?","turns":[{"role":"user","text":"before"},{"role":"model","text":"x"}]}\n'
        '{"request":{"contents":[{"parts":[{"text":"one"},{"text":"two"}]}]},"key":"k"}\n'
    )
    (tmp_path / "b.csv").write_text("")
    out = tmp_path / "out.xlsx"
    assert write_template(f"{tmp_path}/a.jsonl\n{tmp_path}/b.csv", str(out), today=TODAY) == 2
    rows = list(openpyxl.load_workbook(out)["Results"].iter_rows(values_only=True))
    assert [row[3] for row in rows[1:]] == ["now?", "one\ntwo"]


@pytest.mark.parametrize(
    ("text", "given", "words"),
    [
        ("", {}, "The file is empty"),
        ("prompt\n", {}, "The sources hold no rows"),
        ("prompt\na\nb\n", {"max_rows": 1}, "rows.csv:3: There are more than 1 rows"),
        ("a,b\nx,y\n", {}, "No column holds the prompt"),
        ("a\nx\n", {"template": "{{b}} {{c}}"}, "{{b}}, {{c}}"),
    ],
)
def test_what_cannot_be_read_leaves_no_workbook(
    tmp_path: Path, text: str, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError) as told:
        template(tmp_path, text, **given)
    assert words in str(told.value)
    assert not (tmp_path / "template.xlsx").exists()


def test_a_table_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="not read here"):
        write_template("bq://p.d.t", str(tmp_path / "out.xlsx"))


@pytest.mark.usefixtures("emulator")
def test_a_prefix_on_cloud_storage(tmp_path: Path) -> None:
    from components.storage.client import storage_client

    storage_client().create_bucket("template")
    for name in ("part-1.csv", "part-2.csv", "other.csv"):
        files.write_text(f"gs://template/in/{name}", f"prompt\n{name}\n")
    out = "gs://template/out/template.xlsx"
    assert write_template("gs://template/in/part-", out) == 2
    (tmp_path / "t.xlsx").write_bytes(files.read_bytes(out))
    rows = list(openpyxl.load_workbook(tmp_path / "t.xlsx")["Results"].iter_rows(values_only=True))
    assert [row[3] for row in rows[1:]] == ["part-1.csv", "part-2.csv"]
