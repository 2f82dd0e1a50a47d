"""What an expression requires is in every text that it matches, so skipping the others is right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from components.parse_intent.offline import page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.reader import read
from components.parse_intent.offline.required import required

FOLDER = Path(__file__).parent


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (r"\bspot\b", {"spot"}),
        (r"\b(?:no|without) gpus?\b", {" gpu"}),
        (r"(?:tpu|gpu)s?", {"tpu", "gpu"}),
        (r"(?:x-)?disk|\d+", set()),
        (r"(?:gcs |gs )?bucket", {"bucket"}),
        (r"(?=instance)\w+", {"instance"}),
        (r"(?!instance)\w+", set()),
        (r"(?:ab){0,2}c", {"c"}),
        (r"(?:ab){1,2}", {"ab"}),
        (r"(?P<n>[A-Z])instanceTemplates/", {"instancetemplates/"}),
        (r"(?<=image=)a|b", {"a", "b"}),
        (r"(?>abc)|(?i:Def)", {"abc", "def"}),
        (r"a|\w", set()),
        (r"", set()),
    ],
)
def test_what_is_required(pattern: str, words: set[str]) -> None:
    assert required(pattern, 0) == words


def _turns() -> Iterator[str]:
    decode = msgspec.json.Decoder(dict).decode
    for path in sorted(FOLDER.glob("*.jsonl")):
        for line in path.read_bytes().splitlines()[::3]:
            case = decode(line)
            turns = case.get("turns") or [case.get("intent", "")]
            yield from (turn for turn in turns if isinstance(turn, str))


def test_no_match_in_an_intent_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: set[Pattern] = set()
    find = page.Page.find

    def noted(self: page.Page, pattern: Pattern, *, free: bool = True) -> Iterator[re.Match[str]]:
        asked.add(pattern)
        return find(self, pattern, free=free)

    monkeypatch.setattr(page.Page, "find", noted)
    turns = list(_turns())
    for turn in turns[::4]:
        read([turn])
    assert sum(bool(pattern.words) for pattern in asked) > 0.8 * len(asked) > 100
    text = "\n".join(turns)
    for pattern in asked:
        for match in pattern.finditer(text):
            words = pattern.words
            assert not words or any(word in match.group().lower() for word in words), (
                pattern.pattern
            )
