"""An expression of the reader is compiled when first used, and then does what one of re does."""

from __future__ import annotations

import re

import pytest

from components.parse_intent.offline.pattern import Pattern

TEXT = "2 tasks, 30 Tasks and 4 task"
WORDS = r"(?P<n>\d+) tasks"


def test_it_is_compiled_when_it_is_first_used() -> None:
    wrong = Pattern(r"(")
    with pytest.raises(re.error):
        wrong.search(TEXT)


def test_what_a_text_must_hold_is_known_without_compiling() -> None:
    pattern = Pattern(WORDS, re.IGNORECASE)
    assert pattern.words == {" tasks"}
    assert "compiled" not in vars(pattern)


@pytest.mark.parametrize("flags", [0, re.IGNORECASE])
@pytest.mark.parametrize("places", [(), (1,), (9, 17)])
def test_matches_are_those_of_re(flags: int, places: tuple[int, ...]) -> None:
    ours, theirs = Pattern(WORDS, flags), re.compile(WORDS, flags)
    for name in ("search", "match", "fullmatch"):
        assert str(getattr(ours, name)(TEXT, *places)) == str(getattr(theirs, name)(TEXT, *places))
    found = [[m.span("n") for m in p.finditer(TEXT, *places)] for p in (ours, theirs)]
    assert found[0] == found[1]


@pytest.mark.parametrize("count", [0, 1])
def test_texts_are_taken_apart_as_by_re(count: int) -> None:
    ours, theirs = Pattern(WORDS, re.IGNORECASE), re.compile(WORDS, re.IGNORECASE)
    assert ours.findall(TEXT) == theirs.findall(TEXT) == ["2", "30"]
    assert ours.split(TEXT, maxsplit=count) == theirs.split(TEXT, maxsplit=count)
    assert ours.sub(r"\g<n>x", TEXT, count=count) == theirs.sub(r"\g<n>x", TEXT, count=count)
    assert ours.sub(lambda m: m["n"], TEXT, count) == theirs.sub(lambda m: m["n"], TEXT, count)
