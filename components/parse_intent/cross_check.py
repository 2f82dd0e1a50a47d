"""Holds a model's draft against what the offline reader finds in the same words.

Its rules know less than a model, and never make anything up: what they find and the draft has not
got is worth one more look. So these findings warn: the model may keep its reading.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.batch.findings import Finding, path_text
from components.parse_intent import evidence
from components.parse_intent.evidence import Leaf, Words
from components.tables.text import brief

# Values that both readers write alike, so that a difference means something.
_COMPARED = frozenset(
    {
        *("task_count", "parallelism", "tasks_per_node", "cpu_milli", "memory_mib", "max_run_s"),
        *("max_retries", "priority", "machine_type", "provisioning", "min_cpu_platform"),
        "machine_series",
    }
)
_BETWEEN_WORDS = re.compile(r"[\s\"'`();|&<>=,]+")
_LOOK_AGAIN = (
    "Read these words once more. Where they mean what the draft has, keep it; where they fit no "
    "field, copy them into unread"
)
_MOST = 10


def cross_check(
    data: Mapping[str, Any], said: Sequence[str], *, last_only: bool = False
) -> list[Finding]:
    """What stands in the person's words by fixed rules, and not in the draft.

    Args:
        data: a model's draft in JSON form, without questions and refusals.
        said: the person's turns.
        last_only: whether what earlier turns asked for was checked before.

    Returns:
        Warnings: DIFFERS (another value), MISSED (a number, place, machine, image, path or
        switch that reached no field), REFUSED (what fixed rules refuse); at most ten.
    """
    other = _read_by_rules(tuple(said))
    if other.get("refusals"):
        return [_warning("REFUSED", "draft", _refused(text)) for text in other["refusals"]][:_MOST]
    last = Words(said[-1], data)
    asked = [leaf for leaf in evidence.leaves(other) if not last_only or last.hold(leaf.quote)]
    found = [*_differing(data, asked), *_missing(data, asked), *_unused(data, asked, last)]
    return found[:_MOST]


@functools.lru_cache(maxsize=2)  # the same words for each answer of a model
def _read_by_rules(said: tuple[str, ...]) -> dict[str, Any]:
    from components.parse_intent.offline import reader

    return evidence.as_data(reader.read(said).draft)


def _refused(text: str) -> str:
    return f"the offline reader refuses this: {brief(text, 300).rstrip('.')}"


def _warning(rule: str, path: str, message: str) -> Finding:
    return Finding(rule, "warning", path, message, _LOOK_AGAIN)


def _differing(data: Mapping[str, Any], asked: Sequence[Leaf]) -> Iterator[Finding]:
    for leaf in asked:
        name = leaf.kind[0]
        ours = (data.get(name) or {}).get("value") if name in _COMPARED else leaf.value
        if ours != leaf.value:
            has = "nothing" if ours is None else str(ours)
            message = f"the draft has {has}, the offline reader reads {leaf.value}"
            yield _warning("DIFFERS", f"draft.{name}", message + _quoted(leaf.quote))


def _quoted(words: str) -> str:
    return f" in '{brief(words, 80)}'" if words.strip() else ""


def _missing(data: Mapping[str, Any], asked: Sequence[Leaf]) -> Iterator[Finding]:
    """Names, switches and what a command speaks of, wherever in the draft they would stand."""
    everything = " ".join(evidence.values(data)).lower()
    # The name of a region stands in addresses of images too.
    places = " ".join(evidence.values([data.get("locations"), data.get("unread")])).lower()
    kinds = {leaf.kind for leaf in evidence.leaves(data)}
    for leaf in asked:
        if leaf.kind[0] in _COMPARED:
            continue
        has = places if leaf.kind[0] == "locations" else everything
        lost = next((name for name in _names(leaf) if not _stands(name.lower(), has)), "")
        if leaf.value is True and leaf.kind not in kinds:
            lost = leaf.kind[-1]
        if lost:
            message = f"'{brief(lost, 80)}' is missing; the offline reader reads it"
            path = path_text(("draft", *leaf.place))
            yield _warning("MISSED", path, message + _quoted(leaf.quote))


def _names(leaf: Leaf) -> Iterator[str]:
    """What of a value must stand in a draft that has it too."""
    if leaf.kind[0] == "steps" and leaf.kind[-1] in ("text", "commands"):
        command = leaf.value if isinstance(leaf.value, str) else " ".join(leaf.value)
        given = leaf.quote and " ".join(command.split()) in " ".join(leaf.quote.split())
        # What the person only described may well be written in another way.
        words = command.split() if given else _naming(command)
        yield from words
        return
    for value in evidence.values(leaf.value):
        if value not in ("", "True", "False"):
            # regions/R and zones/Z: a model may have left out the first part.
            yield value.rsplit("/", 1)[-1] if leaf.kind[0] == "locations" else value


def _naming(command: str) -> Iterator[str]:
    """Words of a command that name something: a path, an address, an image, a file."""
    for word in _BETWEEN_WORDS.split(command):
        if ("/" in word or "." in word) and any(sign.isalnum() for sign in word):
            yield word.rstrip(".:")


def _stands(name: str, has: str) -> bool:
    if name.isdecimal():
        return re.search(rf"(?<!\d){name}(?!\d)", has) is not None
    return name in has


def _unused(data: Mapping[str, Any], asked: Sequence[Leaf], last: Words) -> Iterator[Finding]:
    """Numbers of the last turn that neither reader read."""
    read = [*data.get("unread", []), *(leaf.quote for leaf in asked)]
    for context in evidence.unused_numbers({**data, "unread": read}, [last]):
        yield _warning("MISSED", "draft", f"a number reached no field: {context}")
