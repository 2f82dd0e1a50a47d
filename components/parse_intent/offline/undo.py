"""What a person takes back: a whole turn, or one field to what it was."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

from components.parse_intent.draft import Draft
from components.parse_intent.offline.field_words import fields_in
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern

WHOLE = Pattern(
    r"\b(?:undo|revert|roll ?back|take (?:that|it|this) back|go back to (?:what|how|the previous"
    r"|the last)[^.;\n]{0,30}|(?:back )?as (?:it|that) was(?: before)?|scratch (?:that|the last)"
    r"|forget (?:that|the last|what i just)\b[^.;\n]{0,20}|no,? don't do that)\b"
    r"|^\W*never ?mind\b(?: that| the last)?",
    re.IGNORECASE,
)
REST = Pattern(
    r"[.;\n]|,(?=\s)|\b(?:but|and|then)\b(?! (?:everything|all|the other|both))", re.IGNORECASE
)
HOW_MANY = Pattern(
    r"\b(?:(?P<all>everything|all(?: of it| that| changes)?)|both|last (?P<n>two|2|three|3)"
    r"|(?P<m>two|2|three|3) (?:last )?(?:changes|turns|edits|times))\b",
    re.IGNORECASE,
)
NUMBERS = {"two": 2, "2": 2, "three": 3, "3": 3}
BACK = Pattern(
    r"\b(?:go|goes|put|set|switch|change|turn|bring|take|move|get|return|restore|undo|revert"
    r"|reset)\b"
    r"[^.;\n]{0,50}?\b(?:back|previous|original|earlier|before|old|was|were|initial)\b"
    r"|\bback (?:to|down to|up to)\b|\b(?:restore|undo|revert|reset)\b"
    r"|\b(?:as|what|like|how) (?:it|they|that|we|i) (?:was|were|had)\b"
    r"|\b(?:keep|use|want|take) the (?:old|previous|original|former)\b"
    r"|\bthe (?:old|previous|original|former|earlier)(?: \w+){1,3} (?:was|were|is) (?:just "
    r"|quite )?"
    r"(?:fine|ok|okay|good|better|right|enough|perfect|alright)\b",
    re.IGNORECASE,
)
FIRST = Pattern(
    r"\b(?:in the beginning|at (?:the )?(?:first|start|beginning)|original\w*|initial\w*"
    r"|to (?:start|begin) with|first (?:1|said|had))\b",
    re.IGNORECASE,
)
SERIES = Pattern(r"\bback to (?:the |an? |our )?(?P<s>[a-z]\d[a-z]?)\b", re.IGNORECASE)
MAX_BACK = 20
COUNTED = Pattern(r"\d\s*$")


def taken_back(turn: str, turns: int) -> tuple[int, str]:
    """How many turns the words take back, and what they say beside it.

    Args:
        turn: the person's words.
        turns: how many there were before.
    """
    match = WHOLE.search(turn)
    if match is None or turns < 1 or "```" in turn:
        return 0, turn
    start = max(turn.rfind(sign, 0, match.start()) for sign in ".;\n") + 1
    stop = REST.search(turn, match.end())
    end = stop.start() if stop else len(turn)
    said = turn[start:end]
    if fields_in(said) or "`" in said:
        return 0, turn  # one field is meant
    if re.search(r"\d", HOW_MANY.sub("", turn[match.end() : end])):
        return 0, turn
    many = HOW_MANY.search(said)
    number = 1
    if many is not None:
        word = (many["n"] or many["m"] or "2").lower()
        number = turns if many["all"] else NUMBERS[word]
    rest = turn[:start] + turn[end:].lstrip(" .,;")
    return min(number, turns), re.sub(r"^\s*(?:but|and|then)\s+", "", rest)


def put_back(page: Page, draft: Draft, earlier: Sequence[Draft]) -> None:
    """Give fields that the words put back the value that they had before, in place.

    Args:
        page: the turn.
        draft: what holds now.
        earlier: the drafts of the turns before, oldest first.
    """
    for match in islice(page.find(BACK, free=False), MAX_BACK):
        start, end = page.clause(match.start())
        end = max(end, match.end())
        said = page.norm[start:end]
        if not fields_in(said):  # "the memory was fine before, put that one back"
            start, end = page.sentence(match.start())
            said = page.norm[start:end]
        order = list(earlier) if FIRST.search(said) else list(reversed(earlier))
        series = SERIES.search(said)
        if series is not None:
            _machine(page, draft, order, series["s"], start + series.start("s"))
        for name, first, last in fields_in(said):
            at = start + first
            if COUNTED.search(page.norm[max(start, at - 12) : at]) or not page.is_free(
                at, start + last
            ):
                continue  # "back to 5 tasks" says what it should be
            was = [d for d in order if getattr(d, name) != getattr(draft, name)]
            if was:
                setattr(draft, name, getattr(was[0].model_copy(deep=True), name))
                page.take(at, start + last)


def _machine(page: Page, draft: Draft, order: list[Draft], series: str, at: int) -> None:
    for old in order:
        machine = old.machine_type
        if machine is not None and machine.value.startswith(f"{series.lower()}-"):
            draft.machine_type = machine.model_copy()
            page.take(at, at + len(series))
            return
