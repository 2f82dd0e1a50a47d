"""Files that people really send: one clear message each, within bounds."""

from __future__ import annotations

import csv as csv_module
import datetime
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.errors import Intent2BatchError
from components.prepare_requests.plan import Plan
from components.prepare_requests.prepare import prepare
from components.prepare_requests.settings import settings_from

TODAY = datetime.date(2026, 11, 21)
ROWS = "prompt,id\nétoile,1\n"


def run(tmp_path: Path, name: str, data: bytes, **given: Any) -> Plan:
    file = tmp_path / name
    file.write_bytes(data)
    return prepare([str(file)], str(tmp_path / "run"), settings_from(given, {}), today=TODAY)


def manifest(tmp_path: Path) -> list[dict[str, Any]]:
    lines = (tmp_path / "run/prepared/manifest.jsonl").read_bytes().splitlines()
    return [json.loads(line) for line in lines]


WHOLE_FILE = [
    ("empty.csv", b"", "empty.csv: The file is empty"),
    ("empty.jsonl", b"\n \n", "The file is empty"),
    ("mark.csv", b"\xef\xbb\xbf\r\n\r\n", "The file is empty"),
    ("header.csv", b"prompt,model\n", "The file has no rows"),
    ("header.csv", b"prompt,model", "The file has no rows"),
    (
        "no.csv",
        b"promt,model\nx,y\n",
        "No column holds the prompt; the columns are 'promt', 'model'",
    ),
    ("twice.csv", b"prompt,prompt\nx,y\n", "The column 'prompt' is there 2 times"),
    ("latin.csv", b"prompt\nok\ncaf\xe9\n", "latin.csv:3: It is not UTF-8 text (byte 0xe9)"),
    ("zeros.csv", b"\0" * 100_000, "It is no text: it is full of NUL bytes"),
    ("nul.csv", b"prompt\0,id\nx,1\n", "The header holds NUL bytes"),
    ("gz.csv", b"\x1f\x8b\x08aaaa", "It is a gzip file"),
    ("old.xls", b"\xd0\xcf\x11\xe0aaaa", "old Excel"),
    ("quote.csv", b'prompt,id\n"never ends,1\nx,2\n', "quote.csv:2: A quoted cell that begins"),
    ("list.json", b'[\n {"prompt": "x"}\n', "The JSON cannot be read: unexpected end"),
    ("one.json", b'{\n "nothing": "x"\n}\n', "The JSON holds no list of rows"),
    ("big.json", b"[" + b" " * 50_000_001, "one JSON document of more than 50,000,000 bytes"),
    ("deep.json", b"[" * 5000 + b"]" * 5000, "The JSON cannot be read: depth limit"),
    ("none.json", b"[]", "The file has no rows"),
    ("zip.xlsx", b"PK\x03\x04 broken", "The workbook cannot be read"),
    ("one.csv", b"prompt\n" + b"x" * 11_000_000, "one.csv:2: The line is longer than 10,000,000"),
    ("cell.csv", b'prompt\n"' + b"x\n" * 5_500_000, "A quoted cell that begins in this row"),
]


@pytest.mark.parametrize(("name", "data", "words"), WHOLE_FILE, ids=range(len(WHOLE_FILE)))
def test_files_that_hold_no_rows(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    with pytest.raises(Intent2BatchError) as told:
        run(tmp_path, name, data)
    assert words in str(told.value)
    assert len(str(told.value)) < 400
    assert not (tmp_path / "run/prepared").is_dir() or not list(
        (tmp_path / "run/prepared").rglob("*.json*")
    )


@pytest.mark.parametrize(
    "data",
    [
        ROWS.encode(),
        ROWS.encode("utf-8-sig"),
        ROWS.encode("utf-16"),
        b"\xfe\xff" + ROWS.encode("utf-16-be"),
        ROWS.encode("utf-16-le"),
        ROWS.encode("utf-16-be"),
        ROWS.encode("utf-32"),
        ROWS.replace("\n", "\r\n").encode(),
        ROWS.replace("\n", "\r").encode(),
        b"\n\n" + ROWS.encode(),
        ROWS.replace(",", ";").encode(),
        ROWS.replace(",", "\t").encode(),
        b"sep=;\n" + ROWS.replace(",", ";").encode(),
        b" \r\n;;\nsep=;\n\n" + ROWS.replace(",", ";").encode(),
        b",,\r\n" + ROWS.encode(),
        ROWS.encode() + b"\n\n\n",
        ROWS.encode() + b",\n,,,\n",
    ],
)
def test_every_mark_and_delimiter_gives_the_same_rows(tmp_path: Path, data: bytes) -> None:
    plan = run(tmp_path, "rows.csv", data)
    assert (plan.rows, plan.ready) == (1, 1)
    [line] = manifest(tmp_path)
    assert line["id"] == "1"
    above = data.split(b"prompt")[0].count(b"\n") if b"prompt" in data else 0
    assert line["line"] == above + 2
    shard = (tmp_path / "run/prepared/shards" / line["shard"]).read_text("utf-8")
    assert "étoile" in shard


def test_an_encoding_can_be_named(tmp_path: Path) -> None:
    assert run(tmp_path, "a.csv", ROWS.encode("cp1252"), encoding="cp1252").ready == 1
    with pytest.raises(Intent2BatchError, match="no encoding 'klingon'"):
        run(tmp_path, "a.csv", ROWS.encode(), encoding="klingon")
    with pytest.raises(Intent2BatchError, match="no encoding 'zip'"):
        run(tmp_path, "a.csv", ROWS.encode(), encoding="zip")


def test_jsonl_takes_every_mark_too(tmp_path: Path) -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        assert run(tmp_path, "a.jsonl", '{"prompt": "é"}\n'.encode(encoding)).ready == 1


CSV_ROWS = [
    (b"a\n", "ragged_row: 1 cell, and the header has 2"),
    (b"a,b,c\n", "ragged_row: 3 cells, and the header has 2"),
    (b"a,b,,\n", ""),
    (b",b\n", "empty_prompt: the prompt is empty"),
    (b"a\0b,1\n", "control_character: the prompt holds a NUL character"),
    (b'"a" b,1\n', "bad_csv: ',' expected after '\"'"),
    (b'say "hi",1\n', ""),
    (b"=1+1,1\n", ""),
    (b"x," + b" " * 3_000_000 + b"\n", ""),
]


@pytest.mark.parametrize(("line", "reason"), CSV_ROWS, ids=range(len(CSV_ROWS)))
def test_a_bad_row_stops_only_itself(tmp_path: Path, line: bytes, reason: str) -> None:
    run(tmp_path, "rows.csv", b"prompt,id\nfirst,1\n" + line + b"last,3\n")
    lines = manifest(tmp_path)
    assert [entry["reason"] for entry in lines] == ["", reason, ""]
    assert [entry["line"] for entry in lines] == [2, 3, 4]


JSON_ROWS = [
    (b"{", "bad_json: the line ends in the middle"),
    (b'{"prompt": "x"', "bad_json: the line ends in the middle"),
    (b"5", "bad_json: the line holds no JSON object"),
    (b"{prompt: 1}", "bad_json: unexpected character"),
    (b'{"prompt": NaN}', "bad_json: unexpected character"),
    (b'{"prompt": "\xff"}', "not_utf8: the line is not UTF-8 text"),
    (b'{"prompt": "a\\ud83db"}', ""),
    (b'{"prompt": "a\\u0000b"}', "control_character"),
    (b'{"a":' * 5000 + b"1" + b"}" * 5000, "too_deep"),
    (b'{"request":' + b'{"a":' * 500 + b"1" + b"}" * 501, "too_deep"),
    (b'{"request":{"contents":[{"parts":{"text":"x"}}],"labels":' + b"[" * 500 + b"]" * 500 + b"}}",
     "too_deep"),
    (b'{"prompt": 1e999}', "bad_json"),
    (b'{"prompt": 12345678901234567890123}', ""),
    (b'{"prompt": ""}', "empty_prompt"),
    (b'{}', "no_prompt"),
    (b'{"prompt": "' + b"x" * 11_000_000 + b'"}', "line_too_long"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "reason"), JSON_ROWS, ids=range(len(JSON_ROWS)))
def test_a_bad_line_stops_only_itself(tmp_path: Path, line: bytes, reason: str) -> None:
    run(tmp_path, "rows.jsonl", b'{"prompt":"a"}\n' + line + b'\n{"prompt":"b"}')
    first, bad, last = manifest(tmp_path)
    assert (first["status"], last["status"]) == ("ready", "ready")
    assert bad["reason"].startswith(reason)
    assert (bad["status"] == "ready") == (reason == "")
    assert len(bad["reason"]) < 300


def test_a_json_list_is_read_too(tmp_path: Path) -> None:
    plan = run(
        tmp_path,
        "executions.json",
        b'{\n"executions": [{"prompt": "capital?"}, {"prompt": "of ${output.1}?"}, 5]}',
    )
    assert (plan.ready, plan.waiting, plan.invalid) == (1, 1, 1)
    assert [(f["file"], f["line"]) for f in plan.findings] == [("executions.json row 3", 0)]


def test_one_request_over_many_lines_is_one_row(tmp_path: Path) -> None:
    request = {
        "contents": [{"parts": [{"text": "a"}]}, {"role": "model", "parts": [{"text": "b"}]}]
    }
    for value in (request, {"request": request}, {"prompt": "a", "turns": []}):
        plan = run(tmp_path, "one.json", json.dumps(value, indent=1).encode())
        assert (plan.rows, plan.ready) == (1, 1)


def test_a_broken_last_line_is_told(tmp_path: Path) -> None:
    plan = run(tmp_path, "rows.jsonl", b'{"prompt":"a"}\n{"prompt":"b')
    [finding] = plan.findings
    assert (finding["line"], finding["rule"]) == (2, "bad_json")
    assert "cut short" in finding["message"]


def test_many_columns_and_many_field_sets_are_bounded(tmp_path: Path) -> None:
    wide = ",".join(f"c{n}" for n in range(20_000))
    with pytest.raises(Intent2BatchError, match="20,001 columns"):
        run(tmp_path, "wide.csv", f"prompt,{wide}\n".encode())
    lines = b"".join(b'{"prompt":"x","k%d":1}\n' % n for n in range(600))
    assert run(tmp_path, "sets.jsonl", lines).ready == 600


def test_many_models_are_refused(tmp_path: Path) -> None:
    lines = "prompt,model\n" + "".join(f"x,gemini-9.{n}\n" for n in range(70))
    with pytest.raises(Intent2BatchError, match="more than 64 models"):
        run(tmp_path, "models.csv", lines.encode())


def test_one_empty_file_among_others_is_a_warning(tmp_path: Path) -> None:
    for name, text in (("a.csv", ""), ("b.csv", "prompt\n"), ("c.csv", "prompt\nx\n")):
        (tmp_path / name).write_text(text)
    plan = prepare([str(tmp_path)], str(tmp_path / "out"), today=TODAY)
    assert plan.rows == 1
    assert set(plan.finding_counts) == {"empty_file", "no_rows"}
    with pytest.raises(Intent2BatchError, match="hold no rows"):
        prepare([str(tmp_path / "a.csv"), str(tmp_path / "b.csv")], str(tmp_path / "o"))
    with pytest.raises(Intent2BatchError, match="no folder with files of rows"):
        prepare([str(tmp_path / "*.tsv")], str(tmp_path / "o"))
    with pytest.raises(Intent2BatchError, match="no such file"):
        prepare([str(tmp_path / "none.csv")], str(tmp_path / "o"))
    with pytest.raises(Intent2BatchError, match="No source"):
        prepare([" "], str(tmp_path / "o"))


def test_the_csv_module_keeps_its_limit_high_enough(tmp_path: Path) -> None:
    text = "y" * 300_000
    assert run(tmp_path, "long.csv", f'prompt\n"{text}"\n'.encode()).ready == 1
    assert csv_module.field_size_limit() >= 300_000


def zipped(path: Path, **parts: bytes) -> bytes:
    names = {"workbook": "xl/workbook.xml", "rels": "xl/_rels/workbook.xml.rels",
             "sheet": "xl/worksheets/sheet1.xml", "texts": "xl/sharedStrings.xml"}  # fmt: skip
    plain = {
        "workbook": b'<workbook xmlns:r="r"><sheets><sheet name="S" r:id="r1"/></sheets>'
        b"</workbook>",
        "rels": b'<Relationships><Relationship Id="r1" Target="worksheets/sheet1.xml"/>'
        b"</Relationships>",
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for key, data in (plain | parts).items():
            out.writestr(names[key], data)
    return path.read_bytes()


def sheet(rows: bytes) -> bytes:
    return b"<worksheet><sheetData>" + rows + b"</sheetData></worksheet>"


HEAD = b'<row r="1"><c r="A1" t="inlineStr"><is><t>prompt</t></is></c></row>'
BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><worksheet>&b;</worksheet>'
# Made when their test runs: some are of 60 MB.
BOOKS: list[tuple[Callable[[], dict[str, bytes]], str]] = [
    (lambda: {"sheet": b"\0" * 60_000_000}, "sheet1.xml: not well-formed"),
    (lambda: {"sheet": b"<worksheet>" + b"<a/>" * 5_000_000}, "packed too densely"),
    (lambda: {"sheet": b" " * 60_000_000}, "packed too densely"),
    (lambda: {"sheet": b'<worksheet a="' + b"0" * 60_000_000}, "a tag does not end"),
    (lambda: {"sheet": b"<worksheet><!-- " + b"0" * 60_000_000}, "a tag does not end"),
    (lambda: {"sheet": BOMB}, "its XML has a document type"),
    (lambda: {"sheet": b"<worksheet><sheetData>"}, "no element found"),
    (lambda: {"sheet": sheet(b"")}, "The sheet is empty"),
    (lambda: {"sheet": sheet(HEAD)}, "The file has no rows"),
    (dict, "the sheet 'S' is not in it"),
    (lambda: {"workbook": b"<workbook/>"}, "it has no sheets"),
    (
        lambda: {
            "sheet": sheet(
                HEAD
                + b'<row r="2"><c t="str"><v>'
                + random.Random(1).randbytes(6_000_000).hex().encode()
            )
        },
        "a cell holds more than 10,000,000 characters",
    ),
]


@pytest.mark.parametrize(("parts", "words"), BOOKS, ids=range(len(BOOKS)))
def test_workbooks_that_are_none(
    tmp_path: Path, parts: Callable[[], dict[str, bytes]], words: str
) -> None:
    data = zipped(tmp_path / "made.zip", **parts())
    with pytest.raises(Intent2BatchError) as told:
        run(tmp_path, "book.xlsx", data)
    assert words in str(told.value)


def test_a_zip_is_no_workbook(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "made.zip", "w") as out:
        out.writestr("zeros", b"0")
    with pytest.raises(Intent2BatchError, match="a zip, and no workbook"):
        run(tmp_path, "book.xlsx", (tmp_path / "made.zip").read_bytes())
