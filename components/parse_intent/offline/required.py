"""Which words a text must hold for an expression to match: most texts lack them, and are skipped.

An expression over a whole text takes tens of microseconds, looking for a word in it one tenth of
one; a reader has some two hundred expressions, of which a text meets a handful.
"""

from __future__ import annotations

from collections.abc import Iterable
from re import _constants as constants  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_MOST = 150  # words; beyond that they are no quicker than the expression
_OF_ONE = {constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT}
Words = frozenset[str]


def required(pattern: str, flags: int) -> Words:
    """Words in lower case of which every text that the expression matches holds at least one.

    Empty where nothing can be said. The text is to be in lower case as well; letters that only
    their case mapping makes equal to one of ASCII (U+017F, U+212A) are not thought of.
    """
    found = _of_sequence(parser.parse(pattern, flags))
    return found if len(found) <= _MOST else frozenset()


def _of_sequence(items: Iterable[Any]) -> Words:
    """The best of what the parts of a sequence require: the longest words, then the fewest."""
    found: list[Words] = []
    run = ""
    for kind, value in [*items, (None, None)]:
        if kind is constants.LITERAL:
            run += chr(value).lower()
            continue
        if run:
            found.append(frozenset({run}))
            run = ""
        if kind is not None:
            found.append(_of_part(kind, value))
    return max((words for words in found if words), key=_worth, default=frozenset())


def _worth(words: Words) -> tuple[int, int]:
    return min(map(len, words)), -len(words)


def _of_part(kind: Any, value: Any) -> Words:
    if kind is constants.SUBPATTERN:
        return _of_sequence(value[-1])
    if kind is constants.ATOMIC_GROUP:
        return _of_sequence(value)
    if kind in _OF_ONE:
        least, _, body = value
        return _of_sequence(body) if least else frozenset()
    if kind is constants.BRANCH:
        ways = [_of_sequence(way) for way in value[1]]
        return frozenset().union(*ways) if all(ways) else frozenset()
    if kind is constants.ASSERT and value[0] == 1:
        return _of_sequence(value[1])
    return frozenset()
