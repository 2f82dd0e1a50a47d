"""What a person may choose about a Gemini call."""

from __future__ import annotations

from typing import Any

import pytest

from components.errors import WrongUse
from components.gemini.settings import GeminiSettings, gemini_settings


def test_nothing_chosen_is_the_default() -> None:
    assert gemini_settings("p") == GeminiSettings("p")


@pytest.mark.parametrize(
    ("given", "means"),
    [
        ({"temperature": 0.0}, {"temperature": 0.0}),
        ({"location": "us-central1", "model": "m"}, {"location": "us-central1", "model": "m"}),
        ({"without": "examples, rules"}, {"use_examples": False, "use_rules": False}),
        ({"without": "prompt"}, {"use_prompt": False}),
        ({"max_turns": 1}, {"max_turns": 1}),
    ],
)
def test_each_choice(given: dict[str, Any], means: dict[str, Any]) -> None:
    assert gemini_settings("p", **given) == GeminiSettings("p", **means)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"temperature": 2.5}, "no temperature"),
        ({"temperature": float("nan")}, "no temperature"),
        ({"without": "system"}, "no part 'system'"),
        ({"max_turns": -1}, "cannot be asked for"),
        ({"max_turns": 21}, "Give 1 to 20"),
    ],
)
def test_what_cannot_be_chosen(given: dict[str, Any], told: str) -> None:
    with pytest.raises(WrongUse) as caught:
        gemini_settings("p", **given)
    assert told in str(caught.value)


def test_a_project_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    with pytest.raises(WrongUse, match="needs a project"):
        gemini_settings("")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "from-here")
    assert gemini_settings("").project == "from-here"
