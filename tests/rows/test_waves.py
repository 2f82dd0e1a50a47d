"""The order of rows that need each other's answers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from components.rows.waves import Waves, in_waves


def waves(needs: dict[int, list[int]], invalid: set[int] | None = None, most: int = 20) -> Waves:
    return in_waves(needs, lambda row: row in (invalid or set()), max_waves=most)


def test_independent_rows_share_a_wave() -> None:
    out = waves({2: [1], 3: [1], 4: [2, 1], 9: [10]})
    assert out.wave == {2: 1, 3: 1, 4: 2, 9: 1}
    assert out.reason == {}
    assert out.count == 3


def test_no_references_are_one_wave() -> None:
    assert waves({}).count == 1


def test_rows_after_an_invalid_row_are_refused_with_the_reason() -> None:
    out = waves({2: [1], 3: [2], 4: [5]}, {1})
    assert out.wave == {4: 1}
    assert out.reason == {
        2: "failed_reference: row 1, which it needs, is not sent",
        3: "failed_reference: row 2, which it needs, is not sent",
    }


def test_circles_are_named_and_what_hangs_on_them_is_refused() -> None:
    out = waves({1: [2], 2: [3], 3: [1], 4: [3], 5: [5], 6: [4]})
    assert out.reason[1] == out.reason[2] == out.reason[3]
    assert out.reason[1] == "reference_cycle: rows 1, 2, 3 need each other's answers"
    assert out.reason[4] == "failed_reference: row 3, which it needs, is not sent"
    assert out.reason[5] == "reference_cycle: row 5 needs its own answer"
    assert out.reason[6] == "failed_reference: row 4, which it needs, is not sent"


def test_a_long_chain_is_cut_without_recursion() -> None:
    out = waves({row: [row - 1] for row in range(2, 50_001)}, most=10)
    assert max(out.wave.values()) == 9
    assert out.reason[11].startswith("too_many_waves: it would be sent in wave 11")
    assert out.reason[50_000].startswith("failed_reference: row 49999")


@given(
    st.dictionaries(
        st.integers(1, 12), st.lists(st.integers(1, 14), min_size=1, max_size=3), max_size=12
    )
)
def test_every_row_has_a_later_wave_than_its_needs_or_a_reason(needs: dict[int, list[int]]) -> None:
    out = waves(needs)
    for row, needed in needs.items():
        assert (row in out.wave) != (row in out.reason)
        for other in needed:
            if row in out.wave:
                assert other not in out.reason
                assert out.wave[row] > out.wave.get(other, 0)
