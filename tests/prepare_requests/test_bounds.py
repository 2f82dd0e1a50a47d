"""Sources that were made to fill the memory or to take for ever: one clear message each.

Each is read in a process of its own with 1 GB of address space and 20 seconds of the processor
(`limited_step.py`); a source that takes more ends that process, and so fails the test.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CHILD = Path(__file__).with_name("limited_step.py")
SHEET = "xl/worksheets/sheet1.xml"
HEADER = b'<row r="1"><c r="A1" t="inlineStr"><is><t>prompt</t></is></c></row>'
OPEN, CLOSE = b"<worksheet><sheetData>" + HEADER, b"</sheetData></worksheet>"


def limited(tmp_path: Path, source: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(CHILD), str(source), str(tmp_path / "run")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def written(path: Path, pieces: Iterable[bytes]) -> Path:
    with path.open("wb") as out:
        out.writelines(pieces)
    return path


def book(path: Path, sheet: Iterable[bytes], **more: bytes) -> Path:
    """A workbook of one sheet; `more` are its other parts."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr(
            "xl/workbook.xml",
            '<workbook xmlns:r="r"><sheets><sheet name="S" r:id="r1"/></sheets></workbook>',
        )
        out.writestr(
            "xl/_rels/workbook.xml.rels",
            '<Relationships><Relationship Id="r1" Target="worksheets/sheet1.xml"/></Relationships>',
        )
        for name, data in more.items():
            out.writestr(f"xl/{name}.xml", data)
        with out.open(SHEET, "w") as part:
            for piece in sheet:
                part.write(piece)
    return path


def rows(count: int, cell: bytes) -> Iterator[bytes]:
    """A sheet of many rows with one cell each."""
    yield OPEN
    for row in range(2, count + 2):
        yield b'<row r="%d">%b</row>' % (row, cell)
    yield CLOSE


def gigabyte(path: Path, sign: bytes) -> Path:
    """A workbook whose sheet is 1 GB of one sign; made in a moment from one packed megabyte.

    A deflate stream may repeat a block that ends at a byte and refers to nothing before it.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(sign * 1_000_000) + packer.flush(zlib.Z_FULL_FLUSH)
    data = block * 1000 + packer.flush()
    book(path, [])
    with zipfile.ZipFile(path) as made:
        kept = {name: made.read(name) for name in made.namelist() if name != SHEET}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as out:
        for name, part in kept.items():
            out.writestr(name, part)
        out.writestr(SHEET, data)
        at = out.getinfo(SHEET).header_offset
    raw = bytearray(path.read_bytes())
    entry = raw.rindex(b"PK\x01\x02")
    for start in (at + 8, entry + 10):
        raw[start : start + 2] = struct.pack("<H", zipfile.ZIP_DEFLATED)
    for start in (at + 22, entry + 24):
        raw[start : start + 4] = struct.pack("<I", 1_000_000_000)
    path.write_bytes(raw)
    return path


FORMAT = (
    b'<styleSheet><numFmts><numFmt numFmtId="200" formatCode="%b"/></numFmts>'
    b'<cellXfs><xf numFmtId="200"/></cellXfs></styleSheet>'
)
ROW = b'<row r="2"><c><v>1</v></c></row>'
REQUEST = b'{"request":{"contents":['
TURN = b'{"role":"model","text":""},'
REFUSED = {
    "a line of 50 MB": (
        lambda path: written(path / "a.csv", [b"prompt\n", b"x" * 50_000_000]),
        "a.csv:2: The line is longer than 10,000,000 characters",
    ),
    "a line of 50 MB in UTF-16": (
        lambda path: written(path / "a.jsonl", [("x" * 25_000_000).encode("utf-16")]),
        "a.jsonl:1: The line is longer than 10,000,000 characters",
    ),
    "a row of endless quoted cells": (
        lambda path: written(path / "a.csv", [b"prompt,id\n", b'"\n",' * 6_000_000]),
        "The row that ends here is longer than 20,000,000 characters",
    ),
    "a document of empty objects": (
        lambda path: written(path / "a.json", [b"[", b"{}," * 16_000_000, b"{}]"]),
        "one JSON document of more than 2,000,000 values",
    ),
    "a document of short texts": (
        lambda path: written(path / "a.json", [b"[", b'"ab",' * 9_900_000, b"{}]"]),
        "one JSON document of more than 2,000,000 values",
    ),
    "a document of brackets": (
        lambda path: written(path / "a.json", [b"[" * 900_000, b"]" * 900_000]),
        "The JSON cannot be read: depth limit exceeded",
    ),
    "1 GB of zeros": (lambda path: gigabyte(path / "a.xlsx", b"\0"), "not well-formed"),
    "1 GB of blanks": (lambda path: gigabyte(path / "a.xlsx", b" "), "packed too densely"),
    "1 GB of zeros that is no workbook": (
        lambda path: written(path / "a.csv", [b"\0" * 1_000_000] * 20),
        "It is no text: it is full of NUL bytes",
    ),
    "a long text that every cell names": (
        lambda path: book(
            path / "a.xlsx",
            rows(100_000, b'<c t="s"><v>0</v></c>'),
            sharedStrings=b"<sst><si><t>" + b"ab " * 3_000_000 + b"</t></si></sst>",
        ),
        "its cells show more than 2,000,000,000 characters",
    ),
}
TOLD = {
    "a line of 50 MB among others": (
        lambda path: written(
            path / "a.jsonl", [b'{"prompt":"a"}\n"', b"x" * 50_000_000, b'"\n{"prompt":"b"}']
        ),
        {"line_too_long": 1},
        2,
    ),
    "a line of empty objects": (
        lambda path: written(
            path / "a.jsonl", [REQUEST, b"{}," * 3_200_000, b'{}]}}\n{"prompt":"a"}']
        ),
        {"too_many_values": 1},
        1,
    ),
    "a line of fewer empty objects": (
        lambda path: written(
            path / "a.jsonl", [REQUEST, b"{}," * 400_000, b'{}]}}\n{"prompt":"a"}']
        ),
        {"empty_prompt": 20},
        1,
    ),
    "a row of ever so many fields": (
        lambda path: written(
            path / "a.jsonl",
            [b'{"prompt":"a"', *(b',"k%d":1' % field for field in range(300_000)), b"}\n"],
        ),
        {"too_many_fields": 1},
        0,
    ),
    "a conversation of the model alone": (
        lambda path: written(
            path / "a.jsonl",
            [b'{"prompt":"a","turns":[', TURN * 200_000, b'{"text":""}]}'],
        ),
        {"history_cut": 1},
        1,
    ),
    "a deeply nested line": (
        lambda path: written(
            path / "a.jsonl", [b'{"a":' * 900_000, b"1", b"}" * 900_000, b'\n{"prompt":"a"}']
        ),
        {"too_deep": 1},
        1,
    ),
    "rows with a cell far to the right": (
        lambda path: book(path / "a.xlsx", rows(50_000, b'<c r="XFD2"><v>1</v></c>')),
        {"ragged_row": 50_000},
        0,
    ),
    "a number format of brackets": (
        lambda path: book(
            path / "a.xlsx", rows(1, b'<c s="0"><v>1</v></c>'), styles=FORMAT % (b"[" * 1_000_000)
        ),
        {},
        1,
    ),
    "many merged ranges": (
        lambda path: book(
            path / "a.xlsx",
            [OPEN, ROW, b'<mergeCell ref="A2:A3"/>' * 50_000, CLOSE],
        ),
        {"merged_cells": 1},
        1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_says_so_within_its_bounds(tmp_path: Path, case: str) -> None:
    make, words = REFUSED[case]
    told = limited(tmp_path, make(tmp_path))
    assert words in told["error"]
    assert len(told["error"]) < 300


@pytest.mark.parametrize("case", TOLD)
def test_a_row_that_is_too_much_stops_only_itself(tmp_path: Path, case: str) -> None:
    make, counts, ready = TOLD[case]
    told = limited(tmp_path, make(tmp_path))
    assert (told.get("counts"), told.get("ready")) == (counts, ready), told
    assert all(len(json.dumps(finding)) < 800 for finding in told["findings"])
