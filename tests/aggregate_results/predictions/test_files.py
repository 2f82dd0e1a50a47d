"""What is written: the formats agree with each other and with the general writers."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.aggregate_results.predictions.aggregate import (
    Options,
    aggregate_outputs,
)
from components.aggregate_results.predictions.decode import literal_of, text_of
from components.aggregate_results.predictions.results import (
    CsvRows,
    Result,
    Row,
    as_cells,
    columns_with,
    json_lines,
)
from components.aggregate_results.predictions.summary import PredictionSummary
from components.rows.result_columns import COLUMNS
from components.tables.csv_writer import CsvWriter
from components.tables.jsonl_writer import JsonlWriter
from components.tables.writers import write_rows

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MARK = "document.title='HACKED'"
HOSTILE = (
    f'</script><script>{MARK}</script><img src=x onerror="{MARK}"><svg onload="{MARK}">'
    f'=HYPERLINK("http://x")"\'&\u202egnp.exe\u2066\x00\x07\x1b[31m'
)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NASTY = st.text(st.sampled_from("a=+-@'\"\t\r\n,;é…\x00\x07\u2028🙂"), max_size=12)


def test_the_columns_are_the_fields_of_a_result() -> None:
    assert [column.name for column in COLUMNS] == list(Result.__struct_encode_fields__)
    row = as_cells(Row(Result(1, "a", "ok"), ""))
    assert list(row) == [column.name for column in COLUMNS]


@settings(max_examples=80, deadline=None)
@given(
    texts=st.lists(st.tuples(NASTY, NASTY), min_size=1, max_size=4),
    fields=st.booleans(),
)
def test_csv_and_jsonl_read_like_those_of_the_general_writers(
    tmp_path_factory: pytest.TempPathFactory,
    texts: list[tuple[str, str]],
    fields: bool,
) -> None:
    folder = tmp_path_factory.mktemp("same")
    more = [{"answer.x": a, "answer.y": [1, {"z": b}]} if fields else None for a, b in texts]
    made = [_result(n, a, b) for n, (a, b) in enumerate(texts)]
    got = [Row(row.result, row.text, extra) for row, extra in zip(made, more, strict=True)]
    names = ["answer.x", "answer.y"] if fields else []
    table = CsvRows(names)
    (folder / "a.csv").write_bytes(table.head() + table.rows(got))
    (folder / "a.jsonl").write_bytes(json_lines(got))
    theirs = CsvWriter(str(folder / "b.csv"), columns_with(names))
    rows = [as_cells(row) for row in got]
    write_rows(rows, [theirs, JsonlWriter(str(folder / "b.jsonl"))])
    assert _cells(folder / "a.csv") == _cells(folder / "b.csv")
    assert _objects(folder / "a.jsonl") == _objects(folder / "b.jsonl")


@pytest.mark.parametrize("cost", [None, 0.0, 1e-05, 1.5e-07, 0.1, 12345.678, 1e16])
def test_a_line_of_jsonl_is_compact_json_of_the_exact_values(cost: float | None) -> None:
    row = _result(2**70, 'a"\\\n\x01\x7fé\u2028🙂', "b")
    row.result.cost_usd = cost
    cells = as_cells(row)
    line = json.dumps(cells, ensure_ascii=False, separators=(",", ":"))
    shortest = msgspec.json.encode(cost).decode()  # 1e-5, which is 1e-05 in Python's words
    line = line.replace(f'"cost_usd":{json.dumps(cost)}', f'"cost_usd":{shortest}')
    assert json_lines([row, row]).decode() == f"{line}\n" * 2
    assert json.loads(json_lines([row])) == cells
    more = json_lines([Row(row.result, row.text, {"answer.x": 1})]).decode()
    assert more == f'{line[:-1]},"answer.x": 1}}\n'


def test_half_a_surrogate_pair_in_the_name_of_a_source_is_a_question_mark() -> None:
    result = Result(1, "\udcff", "ok", reason="r\ud800", source="rows-\udcff.jsonl")
    table = CsvRows().rows([Row(result, "")]).decode()
    row = json.loads(json_lines([Row(result, "")]))
    assert (row["id"], row["reason"], row["source"]) == ("?", "r?", "rows-?.jsonl")
    cells = next(csv.reader([table]))
    assert (cells[1], cells[5], cells[16]) == ("?", "r?", "rows-?.jsonl")


def test_the_formula_guard_can_be_left_off(tmp_path: Path) -> None:
    for guard, text in ((True, "'=1+1"), (False, "=1+1")):
        _collect(tmp_path, [_answer("=1+1")], formats=("csv",), formula_guard=guard)
        assert _cells(tmp_path / "results.csv")[1][4] == text


def _result(number: int, a: str, b: str) -> Row:
    tokens, literal = (1, None, None, 0), msgspec.Raw(literal_of(a))
    made = Result(number, b, "ok", b, literal, b, "m", b, *tokens, 0.25, 1, "key", a, b, None)
    return Row(made, a)


def _cells(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_bytes().decode(), newline="")))


def _objects(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


@given(st.text())
def test_a_text_survives_as_json(text: str) -> None:
    assert text_of(literal_of(text))[0] == text.encode("utf-8", "replace").decode()


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        (b"", ""),
        (b'"a\\u00e9\\n"', "aé\n"),
        (b'"half \\ud83d"', "half \ufffd"),
        (b'"not utf-8 \xff"', "not utf-8 \ufffd"),
        (b'"raw \x07"', "raw \x07"),
    ],
)
def test_odd_literals_become_clean_text(literal: bytes, text: str) -> None:
    got, again = text_of(literal)
    assert got == text
    assert json.loads(again) == text
    assert msgspec.json.decode(again) == text


def _answer(text: str, finish: str = "STOP", model: str = "m-1") -> dict[str, Any]:
    return {
        "candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": finish}],
        "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 3},
        "modelVersion": model,
    }


def _collect(
    folder: Path, answers: list[Any], *, prompt: str = "", **options: Any
) -> PredictionSummary:
    turns = [{"role": "user", "parts": [{"text": prompt}]}] if prompt else []
    asked = [{"key": f"q{n}", "request": {"contents": turns}} for n in range(len(answers))]
    lines = [
        {"key": f"q{n}", **(a if "status" in a else {"status": "", "response": a})}
        for n, a in enumerate(answers)
    ]
    (folder / "out").mkdir(exist_ok=True)
    for name, rows in (("sent.jsonl", asked), ("out/p.jsonl", lines[::-1])):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return aggregate_outputs(
        str(folder / "sent.jsonl"), [str(folder / "out")], str(folder), options=Options(**options)
    )


def test_structured_answers_become_columns(tmp_path: Path) -> None:
    answers = [
        _answer('{"name": "Ann", "age": 3, "home": {"city": "Bern", "tags": ["a", "b"]}}'),
        _answer('```json\n{"name": "=Bob", "age": null}\n```'),
        _answer("no object"),
        _answer('{"name": "Cy", "age": 123456789012345678901234567890, "extra": true}'),
    ]
    summary = _collect(tmp_path, answers, formats=("jsonl", "csv", "xlsx"))
    assert summary.fields[0] == "answer.name"
    assert set(summary.fields) == {
        "answer.name", "answer.age", "answer.home.city", "answer.home.tags", "answer.extra",
    }  # fmt: skip
    text = (tmp_path / "results.csv").read_text(encoding="utf-8")
    table = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["answer.name"] for row in table] == ["Ann", "'=Bob", "", "Cy"]
    assert table[0]["answer.home.tags"] == '["a", "b"]'
    assert table[3]["answer.extra"] == "true"
    rows = _objects(tmp_path / "results.jsonl")
    assert rows[0]["answer.home.tags"] == ["a", "b"]
    assert rows[3]["answer.age"] == 123456789012345678901234567890
    assert "answer.name" not in rows[2]
    sheet = openpyxl.load_workbook(tmp_path / "results.xlsx")["Results"]
    assert [cell.value for cell in sheet[1]][len(COLUMNS) :] == [
        name.removeprefix("answer.") for name in summary.fields
    ]
    ages = [row[len(COLUMNS) + summary.fields.index("answer.age")].value for row in sheet.rows]
    assert ages == ["age", 3, None, None, "123456789012345678901234567890"]
    assert "not_json" in {finding["kind"] for finding in summary.findings}


def test_one_object_among_many_texts_makes_no_columns(tmp_path: Path) -> None:
    answers = [_answer("text")] * 30 + [_answer('{"a": 1}')]
    assert _collect(tmp_path, answers, formats=("jsonl",)).fields == ()


def test_a_long_answer_is_whole_where_it_can_be(tmp_path: Path) -> None:
    text = "x" * 40_000
    _collect(tmp_path, [_answer(text)], formats=("jsonl", "csv", "xlsx"), excel_mark=True)
    assert _objects(tmp_path / "results.jsonl")[0]["text"] == text
    raw = (tmp_path / "results.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfrow,id,status,prompt,text,reason")
    assert text.encode() in raw
    book = openpyxl.load_workbook(tmp_path / "results.xlsx")
    assert book.sheetnames == ["Summary", "Results"]
    assert "40,000 characters" in str(book["Results"]["E2"].value)


def test_what_stands_out_is_told(tmp_path: Path) -> None:
    answers: list[Any] = [_answer(f"A plain answer of some words, number {n}.") for n in range(40)]
    answers += [_answer("I'm sorry, but I cannot help with that.")] * 2
    answers += [_answer("long " * 2000), _answer("cut", "MAX_TOKENS"), _answer("", "SAFETY")]
    answers += [_answer(""), {"promptFeedback": {"blockReason": "OTHER"}}]
    answers += [{"status": '{"error": {"code": 429, "message": "busy"}}'}]
    answers += [_answer("from another version, as long as others", model="m-1@2")]
    summary = _collect(
        tmp_path, answers, formats=("html",), price=lambda model, *_, batch: {"m-1": 0.5}.get(model)
    )
    kinds = [finding["kind"] for finding in summary.findings]
    assert {"blocked", "empty", "failed", "truncated", "refusals", "long", "versions"} <= set(kinds)
    assert kinds.index("blocked") < kinds.index("refusals") < kinds.index("long")
    assert (summary.blocked, summary.failed, summary.truncated) == (2, 2, 1)
    assert summary.headline == "44 of 49 rows answered, 1 truncated, 2 blocked, 2 failed"
    page = (tmp_path / "report.html").read_text()
    assert "reached maxOutputTokens" in page
    assert "429" in page
    assert summary.spent_usd == pytest.approx(0.5 * 47)


def test_models_stand_side_by_side(tmp_path: Path) -> None:
    prepared = tmp_path / "prepared"
    out = tmp_path / "predictions" / "one"
    prepared.mkdir()
    out.mkdir(parents=True)
    from components.aggregate_results.predictions.aggregate import aggregate_predictions

    rows, lines = [], []
    for number in range(60):
        model = ("short-model", "long-model")[number % 2]
        key = f"k{number:024x}"
        rows.append({"row": number + 1, "id": number // 2, "model": model, "key": key})
        text = "brief" if number % 2 == 0 else "at great length, with many words " * 9
        lines.append({"key": key, "status": "", "response": _answer(text, model=model)})
    (prepared / "manifest.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    (out / "p.jsonl").write_text("".join(json.dumps(r) + "\n" for r in lines))
    summary = aggregate_predictions(str(tmp_path), options=Options(formats=("html",)))
    assert list(summary.models) == ["short-model", "long-model"]
    assert "drift" in {finding["kind"] for finding in summary.findings}
    page = (tmp_path / "report.html").read_text()
    assert "Side by side" in page
    assert "at great length" in page[page.index("Side by side") :]


def test_the_page_stays_small(tmp_path: Path) -> None:
    answers = [
        _answer(HOSTILE + f"<&>{n}" * 900, "STOP" if n % 2 else "SAFETY") for n in range(1500)
    ]
    _collect(tmp_path, answers, prompt=HOSTILE * 9, formats=("html",))
    assert (tmp_path / "report.html").stat().st_size < 5_000_000


@pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium is not installed (Debian: apt-get install chromium)"
)
def test_a_hostile_answer_does_nothing(tmp_path: Path) -> None:
    answers: list[Any] = [_answer(HOSTILE), _answer(HOSTILE, HOSTILE), {"status": HOSTILE}]
    answers += [_answer(json.dumps({HOSTILE: HOSTILE}), model=HOSTILE)]
    _collect(tmp_path, answers, prompt=HOSTILE, formats=("html",))
    page = tmp_path / "report.html"
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    done = subprocess.run(
        [str(CHROMIUM), *FLAGS, profile, "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    title = re.search(r"<title>(.*?)</title>", done.stdout, re.S)
    assert title is not None
    assert title[1] == "2 of 4 rows answered, 2 failed - intent2batch"
    assert "<img" not in done.stdout
    assert "\u202e" not in done.stdout
    assert "[U+202E]gnp.exe" in done.stdout
    assert 'placeholder="Filter rows"' in done.stdout
