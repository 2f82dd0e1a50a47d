"""What of a prompt stands beside its answer."""

from __future__ import annotations

from typing import Any

import pytest

from components.rows.shown import SHOWN_CHARS, beginning, prompt_of


def turn(role: str, *texts: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"text": text} for text in texts]}


@pytest.mark.parametrize(
    ("contents", "shown"),
    [
        ([turn("user", "one")], "one"),
        ([turn("user", "old"), turn("model", "answer"), turn("user", "a", "b")], "a\nb"),
        ([turn("user", "asked"), turn("model", "begun")], "asked"),
        ([{"parts": [{"text": "no role"}]}], "no role"),
        ([{"parts": {"text": "no list"}}], "no list"),
        ([{"role": "user", "parts": [{"fileData": {"fileUri": "gs://b/c"}}]}], ""),
        ([{"role": "user", "parts": "odd"}, 5], ""),
        ([{"role": "user", "parts": 5}], ""),
        ([], ""),
        (None, ""),
        ([turn("user", "x" * 501)], "x" * 500 + "…"),
    ],
)
def test_the_last_turn_of_the_user_counts(contents: Any, shown: str) -> None:
    assert prompt_of({"contents": contents}) == shown


def test_a_short_prompt_is_whole() -> None:
    assert beginning("é" * SHOWN_CHARS) == "é" * SHOWN_CHARS
