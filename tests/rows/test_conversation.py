"""Conversations under a budget: whole turns, the newest first, nothing lost silently."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.rows.conversation import (
    BadConversation,
    Turn,
    assembled,
    estimated_tokens,
    turns_of,
)


def test_turns_of_every_spelling() -> None:
    turns, system = turns_of(
        [
            {"role": "system", "content": "s"},
            {"role": "human", "text": "a"},
            {"role": "assistant", "content": [{"type": "text", "text": "b"}]},
            {"role": "user", "parts": {"text": "c"}},
            {"text": "d"},
        ]
    )
    assert turns == [Turn("user", "a"), Turn("model", "b"), Turn("user", "c"), Turn("user", "d")]
    assert system == "s"


@pytest.mark.parametrize(
    "value", ["x", [1], [{"role": "user"}], [{"role": "tool", "text": "x"}], [{"parts": [1]}]]
)
def test_what_is_no_conversation(value: object) -> None:
    with pytest.raises(BadConversation):
        turns_of(value)


def test_neighbours_of_one_role_become_one_turn() -> None:
    made = assembled([Turn("user", "a"), Turn("user", "b")], budget=100)
    assert made.contents == [{"role": "user", "parts": [{"text": "a"}, {"text": "b"}]}]


def test_tokens_of_other_scripts_count_more() -> None:
    assert estimated_tokens("abcd") == 1
    assert estimated_tokens("日本語四") == 3


@given(
    turns=st.lists(
        st.builds(Turn, st.sampled_from(["user", "model"]), st.text(max_size=40)), max_size=12
    ),
    budget=st.integers(1, 60),
    pinned=st.lists(st.text(min_size=1, max_size=20).filter(str.strip), max_size=2),
)
def test_what_is_kept_is_the_newest_and_within_the_budget(
    turns: list[Turn], budget: int, pinned: list[str]
) -> None:
    made = assembled(turns, pinned=pinned, budget=budget)
    kept = turns[made.dropped :]
    assert [p["text"] for t in made.contents for p in t["parts"]] == [t.text for t in kept]
    assert all(fact in made.system for fact in pinned)
    assert made.fits == (made.tokens <= budget)
    if not made.fits:
        assert len(kept) <= 1
    if len(kept) > 1:
        assert made.contents[0]["role"] == "user"
