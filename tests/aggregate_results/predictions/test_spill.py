"""What is set down in any order comes back by ranges, and its files go as they are taken up."""

from __future__ import annotations

import pickle
import random
from collections.abc import Iterator
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.aggregate_results.predictions import spill as spilling
from components.aggregate_results.predictions.beside import made_beside
from components.aggregate_results.predictions.spill import Spill, Taken

RECORDS = st.lists(st.tuples(st.integers(0, 99), st.binary(max_size=40)), max_size=300)


@given(records=RECORDS, buffered=st.sampled_from([1, 200, 100_000]))
def test_the_last_record_of_each_row_comes_back(
    records: list[tuple[int, bytes]], buffered: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        _small(patch, buffered)
        with Spill(100) as spill:
            for row, record in records:
                spill.add(row, record)
            spill.settle()
            taken = [spill.take(number) for number in range(spill.ranges)]
    for number, found in enumerate(taken):
        mine = {row: record for row, record in records if row // 4 == number}
        assert _all(found) == mine


def test_a_record_is_found_where_another_range_looks_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _small(monkeypatch, 1)
    with Spill(100) as spill:
        spill.add(3, b"three")
        spill.add_to_range(20, 3, b"three")
        spill.settle()
        found = [_all(spill.take(number)) for number in range(spill.ranges)]
    assert [number for number, rows in enumerate(found) if rows] == [0, 20]
    assert found[20] == {3: b"three"}


def test_a_file_goes_when_the_last_of_its_ranges_was_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _small(monkeypatch, 200)
    with Spill(100) as spill:
        for row in random.Random(1).sample(range(100), 100):
            spill.add(row, b"x" * 50)
        spill.settle()
        files = list(spill._files)
        assert 1 < len(files) <= spilling.MOST_FILES
        still_open = []
        for number in range(spill.ranges):
            assert len(_all(spill.take(number))) == 4
            still_open.append(sum(not file.closed for file in files))
    assert still_open[0] == len(files)
    assert still_open[-2] == 1
    assert all(file.closed for file in files)


def test_no_rows_are_no_ranges() -> None:
    with Spill(0) as spill:
        assert spill.ranges == 0


def test_what_a_fork_set_down_is_taken_up_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which shares the files and knows by itself where the pieces lie."""
    _small(monkeypatch, 50)
    with Spill(100) as spill:
        with made_beside(partial(_set_down, spill), "sets records down") as products:
            spill.learn(pickle.loads(next(products)))
        found = [_all(spill.take(number)) for number in range(spill.ranges)]
    rows = {row: record for taken in found for row, record in taken.items()}
    assert rows == {row: b"of row %d" % row for row in range(0, 100, 3)}


def _set_down(spill: Spill) -> Iterator[list[bytes]]:
    for row in range(0, 100, 3):
        spill.add(row, b"of row %d" % row)
    spill.settle()
    yield [pickle.dumps(spill.pieces)]


def _all(taken: Taken) -> dict[int, bytes]:
    found = {row: taken.get(row) for row in range(100)}
    return {row: bytes(record) for row, record in found.items() if record is not None}


def _small(patch: pytest.MonkeyPatch, buffered: int) -> None:
    """Twenty-five ranges of four rows, in nine files of three ranges at most."""
    patch.setattr(spilling, "LEAST_ROWS", 4)
    patch.setattr(spilling, "MOST_FILES", 9)
    patch.setattr(spilling, "_BUFFERED_BYTES", buffered)
