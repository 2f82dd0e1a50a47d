"""What is set down in any order comes back by ranges, and its files go as they are taken up."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.aggregate_results.predictions import spill as spilling
from components.aggregate_results.predictions.spill import Spill

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
    rows = {row: bytes(record) for found in taken for row, record in found.items()}
    assert rows == dict(records)
    assert all(row // 4 == number for number, found in enumerate(taken) for row in found)


def test_a_record_is_found_where_another_range_looks_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _small(monkeypatch, 1)
    with Spill(100) as spill:
        spill.add(3, b"three")
        spill.add_to_range(20, 3, b"three")
        spill.settle()
        found = [spill.take(number) for number in range(spill.ranges)]
    assert [number for number, rows in enumerate(found) if rows] == [0, 20]
    assert bytes(found[20][3]) == b"three"


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
            assert len(spill.take(number)) == 4
            still_open.append(sum(not file.closed for file in files))
    assert still_open[0] == len(files)
    assert still_open[-2] == 1
    assert all(file.closed for file in files)


def test_no_rows_are_no_ranges() -> None:
    with Spill(0) as spill:
        assert spill.ranges == 0


def _small(patch: pytest.MonkeyPatch, buffered: int) -> None:
    """Twenty-five ranges of four rows, in nine files of three ranges at most."""
    patch.setattr(spilling, "LEAST_ROWS", 4)
    patch.setattr(spilling, "MOST_FILES", 9)
    patch.setattr(spilling, "_BUFFERED_BYTES", buffered)
