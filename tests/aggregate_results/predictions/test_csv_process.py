"""A CSV made by a process of its own is the one that would have been made here, or none."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.aggregate_results.predictions import csv_process
from components.aggregate_results.predictions.csv_process import CsvProcess, write_csv
from components.aggregate_results.predictions.decode import literal_of, text_of
from components.aggregate_results.predictions.results import Result, ResultsCsv, json_line
from components.errors import ServiceError

WAYS = [(False, True), (True, False)]
TEXTS = ("", "=1+1", 'a "b"\r\n\x00\\n', "naïve 🙂\u2028", "\tx", '{"n": 1}', "''", "\udcff")
FIELDS: list[dict[str, Any] | None] = [
    None,
    {"answer.x": 2**70, "answer.y": [1, {"z": None}]},
    {"answer.x": 1e-7, "answer.y": True},
    {"answer.y": "=2"},
]


def _result(number: int, text: str) -> Result:
    text, literal = text_of(literal_of(text))
    result = Result(number, f"q{number}", "ok", prompt=text, text=text, literal=literal)
    result.reason = result.model = result.source = text
    result.cost_usd = number / 7
    return result


def _here(path: Path, rows: list[tuple[Result, Any]], names: list[str], **how: bool) -> bytes:
    with ResultsCsv(str(path), names, **how) as table:
        for result, fields in rows:
            table.write(result, fields)
    return path.read_bytes()


def _stream(uri: Path, rows: list[tuple[Result, Any]], names: list[str], **how: bool) -> io.BytesIO:
    order = {"uri": str(uri), "fields": names, **how}
    lines = [json_line(result, fields) for result, fields in rows]
    return io.BytesIO(b"".join([csv_process.msgspec.json.encode(order), b"\n", *lines, b"\n"]))


@pytest.mark.parametrize(("mark", "guard"), WAYS)
def test_the_process_writes_what_would_be_written_here(
    tmp_path: Path, mark: bool, guard: bool
) -> None:
    rows = [
        (_result(number, text), FIELDS[number % len(FIELDS)])
        for number, text in enumerate(TEXTS * 2, 1)
    ]
    names = ["answer.x", "answer.y"]
    how = {"excel_mark": mark, "formula_guard": guard}
    with CsvProcess() as process, process.table(str(tmp_path / "b.csv"), names, **how) as take:
        for result, fields in rows:
            take(json_line(result, fields))
    assert (tmp_path / "b.csv").read_bytes() == _here(tmp_path / "a.csv", rows, names, **how)


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.text(), max_size=3), structured=st.booleans())
def test_any_text_comes_through_the_lines(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], structured: bool
) -> None:
    folder = tmp_path_factory.mktemp("lines")
    names = ["answer.x"] if structured else []
    rows: list[tuple[Result, Any]] = [
        (_result(number, text), {"answer.x": text} if structured else None)
        for number, text in enumerate(texts, 1)
    ]
    how = {"excel_mark": False, "formula_guard": True}
    write_csv(_stream(folder / "b.csv", rows, names, **how))
    assert (folder / "b.csv").read_bytes() == _here(folder / "a.csv", rows, names, **how)


def _give_many(take: Any) -> None:
    """More than the pipe holds."""
    line = json_line(_result(1, "x" * 10_000), None)
    for _ in range(300):
        take(line)


def test_there_is_no_file_where_the_rows_do_not_end(tmp_path: Path) -> None:
    def fail(take: Any) -> None:
        _give_many(take)
        raise ValueError("the input is damaged")

    wanted = tmp_path / "results.csv"
    with (
        pytest.raises(ValueError, match="damaged"),
        CsvProcess() as process,
        process.table(str(wanted), [], excel_mark=False, formula_guard=True) as take,
    ):
        fail(take)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file")
    wanted = tmp_path / "folder" / "results.csv"
    with (
        pytest.raises(ServiceError) as told,
        CsvProcess() as process,
        process.table(str(wanted), [], excel_mark=False, formula_guard=True) as take,
    ):
        _give_many(take)
    assert told.value.where == str(wanted)
    assert "Traceback" not in str(told.value)
    assert "Cannot write" in told.value.what


def test_a_process_that_gets_no_rows_ends() -> None:
    with CsvProcess() as process:
        pass
    assert process._process.returncode == 0
