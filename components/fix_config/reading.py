"""Any bytes to a text with a job in it: what stood around the job, and what broke it, mended.

First the strict reader of `config` is asked, which allows wrappings, comments and trailing commas.
Only what it cannot read goes to the loose readers.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from components.batch.rules.names import nearest_field
from components.batch.schema import fields_by_any_name, schema
from components.config.bench import Change
from components.config.source import Source, read_source
from components.config.spans import MOST_CHARACTERS, Lines
from components.fix_config.loose_json import Repaired, repaired_json
from components.fix_config.loose_tokens import Repair
from components.fix_config.loose_yaml import repaired_yaml

_FENCE = re.compile(
    r"^[ \t]{0,3}(?:```++|~~~++)[^\n]*+\n(.*?)(?:^[ \t]{0,3}(?:```|~~~)|\Z)", re.M | re.S
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_MOST_LEVELS = 6  # of what may be wrapped around a job
_MOST_LOOKED_AT = 2_000


@dataclass(frozen=True)
class JobText:
    """A text that can be read, and what had to be done for that.

    Attributes:
        text: JSON or YAML; the text as given where nothing was done.
        source: the text as it was read; its value may still be no job.
        changes: what was done.
    """

    text: str
    source: Source
    changes: list[Change]


def decoded(data: bytes) -> tuple[str, list[Change]]:
    """The bytes as text: UTF-8, or UTF-16 with its mark, or Latin-1; control characters go."""
    changes = []
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", "replace")
        changes.append(Change("", None, None, "the file was UTF-16; it is UTF-8 now", True))
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
            what = "the file was no UTF-8; it was read as Latin-1"
            changes.append(Change("", None, None, what, False))
    plain = _CONTROL.sub("", text)
    if plain != text:
        gone = len(text) - len(plain)
        what = f"took away {gone} control character{'s' if gone > 1 else ''}"
        changes.append(Change("", None, None, what, True))
    return plain, changes


def job_text(text: str, file: str) -> JobText:
    """The text in a form that can be read as a job, as far as that is possible.

    Args:
        text: what a person calls a job.
        file: its name, which tells YAML by its ending.
    """
    source = read_source(text, file)
    if isinstance(source.value, Mapping) or len(text) > MOST_CHARACTERS or not text.strip():
        return JobText(text, source, [])
    best: JobText | None = None
    for repaired, offset in _candidates(text):
        again = read_source(repaired.text, file)
        if not isinstance(again.value, Mapping | list) or not again.value:
            continue
        found = JobText(repaired.text, again, list(_told(text, repaired, offset)))
        if looks_like_job(again.value):
            return found
        best = best or found
    return best or JobText(text, source, [])


def _candidates(text: str) -> Iterator[tuple[Repaired, int]]:
    """The text repaired in one way after the other, and where in the text each begins."""
    fence = _FENCE.search(text)
    pieces = [(text, 0)]
    if fence is not None and fence[1].strip():
        pieces.insert(0, (fence[1], fence.start(1)))
    for piece, offset in pieces:
        braces = piece.lstrip()[:1] in ("{", "[", "")
        readers = [repaired_json, repaired_yaml] if braces else [repaired_yaml, repaired_json]
        for reader in readers:
            repaired = reader(piece)
            if repaired is not None:
                yield repaired, offset


def _told(text: str, repaired: Repaired, offset: int) -> Iterator[Change]:
    """The repairs as changes, with their lines; the same one in many places is told once."""
    lines = Lines(text)
    if offset:
        yield Change("", None, None, "took the job out of the Markdown around it", True)
    grouped: dict[str, list[tuple[int, Repair]]] = {}
    for repair in repaired.repairs:
        line = lines.place(offset + repair.offset)[0]
        grouped.setdefault(repair.what, []).append((line, repair))
    for what, found in grouped.items():
        line, first = found[0]
        numbers = [str(n) for n in dict.fromkeys(number for number, _ in found)]
        where = f"line {numbers[0]}" if len(numbers) == 1 else f"lines {', '.join(numbers[:12])}"
        more = f" and {len(numbers) - 12} more" if len(numbers) > 12 else ""
        certain = all(repair.certain for _, repair in found)
        yield Change(
            "", first.before[:200], first.after[:200], f"{where}{more}: {what}", certain, line=line
        )


def looks_like_job(value: Any) -> bool:
    """Whether an object has a field of a job, or one that is nearly named so."""
    if not isinstance(value, Mapping):
        return False
    known = fields_by_any_name("Job")
    names = [name for name in list(value)[:_MOST_LOOKED_AT] if isinstance(name, str)]
    return any(
        name in known or name in _telling_names() or nearest_field(name[:100], "Job") is not None
        for name in names
    )


@lru_cache(maxsize=1)
def _telling_names() -> frozenset[str]:
    """Names of fields that, at the wrong place, still tell that a job was meant."""
    homes = ("TaskGroup", "TaskSpec", "Runnable", "AllocationPolicy.InstancePolicy", "LogsPolicy",
             "AllocationPolicy", "ComputeResource")  # fmt: skip
    fields = [field for home in homes for field in schema().messages[home].values()]
    common = {"name", "labels", "tags", "network", "location", "volumes", "disks", "environment",
              "timeout", "policy", "destination", "environments", "container"}  # fmt: skip
    return frozenset({name for f in fields for name in (f.name, f.snake)} - common)


def job_inside(value: Any) -> tuple[Any, tuple[str | int, ...]]:
    """The job in what is wrapped around it (`{"job": …}`, a list of one, a workflow), and where.

    Returns:
        The value itself and `()` where it is a job, or where none is found in it.
    """
    if isinstance(value, Mapping) and any(name in value for name in ("taskGroups", "task_groups")):
        return value, ()
    waiting: deque[tuple[Any, tuple[str | int, ...]]] = deque([(value, ())])
    looked_at = 0
    while waiting and looked_at < _MOST_LOOKED_AT:
        found, path = waiting.popleft()
        looked_at += 1
        if isinstance(found, Mapping):
            if path and any(name in found for name in ("taskGroups", "task_groups")):
                return found, path
            entries: list[tuple[str | int, Any]] = list(found.items())[:200]
        elif isinstance(found, list):
            entries = list(enumerate(found[:20]))
        else:
            continue
        if len(path) < _MOST_LEVELS:
            waiting.extend((inner, (*path, key)) for key, inner in entries)
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], Mapping):
        return value[0], (0,)
    return value, ()
