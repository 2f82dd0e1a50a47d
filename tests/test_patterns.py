"""No pattern that reads strangers' text goes over the same stretch in exponentially many ways."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import random
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import components

from re import _constants, _parser  # type: ignore[attr-defined]  # isort: skip

READERS = ("batch", "config", "fix_config", "gemini", "parse_intent", "validate_config")
REPEATS = (_constants.MAX_REPEAT, _constants.MIN_REPEAT)
CALLS = ("search", "match", "fullmatch", "finditer", "findall", "sub", "split")
SAMPLES, TIMES, SECONDS = 15, 25, 1
PICKS = {
    _constants.CATEGORY_SPACE: " \n",
    _constants.CATEGORY_WORD: "a1_",
    _constants.CATEGORY_DIGIT: "10",
    _constants.CATEGORY_NOT_SPACE: "a.",
    _constants.CATEGORY_NOT_WORD: " -",
    _constants.CATEGORY_NOT_DIGIT: "a ",
}


def patterns() -> set[tuple[str, int]]:
    """Every pattern of the modules that read: named ones, those in tables, those in calls."""
    found: set[tuple[str, int]] = set()
    for module in pkgutil.walk_packages(components.__path__, "components."):
        parts = module.name.split(".")
        if parts[1] in READERS and parts[-1] != "component":
            loaded = importlib.import_module(module.name)
            for value in vars(loaded).values():
                found |= {(p.pattern, p.flags) for p in within(value) if isinstance(p.pattern, str)}
            found |= set(in_calls(Path(str(loaded.__file__)).read_text(encoding="utf-8")))
    return found


def within(value: object, depth: int = 0) -> Iterator[re.Pattern[Any]]:
    """The patterns in a value of a module, in tables of it, and in the rows of those."""
    if isinstance(value, re.Pattern):
        yield value
    elif depth < 3 and isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from within(item, depth + 1)
    elif depth < 3 and isinstance(value, dict):
        yield from within(list(value.values()), depth + 1)
    elif isinstance(getattr(value, "compiled", None), re.Pattern):
        yield value.compiled  # type: ignore[attr-defined]


def in_calls(source: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {f"re.{c}" for c in CALLS}:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value, 0


def repeated(tree: Any, before: list[Any]) -> Iterator[tuple[list[Any], Any]]:
    """What is repeated without a narrow bound, each with what stands before it."""
    before = list(before)
    for op, value in tree:
        if op in REPEATS:
            if value[1] > 9:
                yield list(before), value[2]
            yield from repeated(value[2], before)
        for inner in branches(op, value):
            yield from repeated(inner, before)
        before.append((op, value))


def branches(op: Any, value: Any) -> list[Any]:
    if op is _constants.SUBPATTERN:
        return [value[3]]
    return list(value[1]) if op is _constants.BRANCH else []


def text_of(tree: Any, rng: random.Random) -> str:
    """A text that the pattern, or a piece of it, matches; assertions are left out of account."""
    text = ""
    for op, value in tree:
        if op is _constants.LITERAL:
            text += chr(value)
        elif op in (_constants.ANY, _constants.NOT_LITERAL):
            text += "a" if value != ord("a") else "b"
        elif op is _constants.IN:
            text += one_of(value, rng)
        elif inner := branches(op, value):
            text += text_of(rng.choice(inner), rng)
        elif op in (*REPEATS, _constants.POSSESSIVE_REPEAT):
            least = value[0] or rng.randint(0, min(1, value[1]))
            text += "".join(text_of(value[2], rng) for _ in range(least))
    return text


def one_of(items: Any, rng: random.Random) -> str:
    """A character of a class."""
    if items[0][0] is _constants.NEGATE:
        return "a"
    op, value = rng.choice(items)
    if op is _constants.CATEGORY:
        return rng.choice(PICKS[value])
    return chr(value if op is _constants.LITERAL else rng.choice(value))


def stop(number: int, frame: FrameType | None) -> None:
    raise TimeoutError


def is_explosive(pattern: str, flags: int) -> bool:
    """Whether 25 repetitions and an end that does not fit take it ages: 2 to the 25th steps."""
    rng = random.Random(1)
    compiled = re.compile(pattern, flags)
    texts = {
        text_of(before, rng) + (text_of(body, rng) or "a") * TIMES
        for before, body in repeated(_parser.parse(pattern, flags), [])
        for _ in range(SAMPLES)
    }
    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        for text in texts:
            compiled.search(f"{text}\x01")
    except TimeoutError:
        return True
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    return False


def test_no_pattern_explodes() -> None:
    found = patterns()
    assert len(found) > 500
    assert [pattern for pattern, flags in sorted(found) if is_explosive(pattern, flags)] == []


@pytest.mark.parametrize("pattern", [r"in (?:(?:strict|index|task|index) )*order", r"(\d+,?)+x"])
def test_what_explodes_is_seen(pattern: str) -> None:
    assert is_explosive(pattern, 0)
