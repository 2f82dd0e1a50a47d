"""Reads what was meant as YAML: mends the line at which the parser stops, as often as it helps.

YAML gives the line and a reason; each reason has a few usual causes (a tab, a missing space after
the colon, a value that needs quotes, a line that stands a space off). A mend stays only if the
parser gets further with it, so what was right is never touched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from components.batch.schema import schema
from components.config.spans import CannotRead, Slip
from components.config.yaml_text import read_yaml
from components.fix_config.loose_json import Repaired
from components.fix_config.loose_tokens import Repair

MOST_CHARACTERS = 200_000  # every mend reads the text again
_MOST_MENDS = 40
_LINE = re.compile(r"(?P<indent> *)(?P<dash>(?:- +)?)(?P<key>[\w.\"'-]{1,80}):(?P<rest>.*)\Z")
_SMART = {"\u201c": '"', "\u201d": '"', "\u201e": '"', "\u2018": "'", "\u2019": "'"}
Mended = tuple[str, str]


def repaired_yaml(text: str) -> Repaired | None:
    """The text as YAML; None where that cannot be.

    Args:
        text: anything.
    """
    if len(text) > MOST_CHARACTERS:
        return None
    lines = text.split("\n")
    original = list(lines)
    said: dict[int, str] = {}
    for number, line in enumerate(lines):
        for mended, what in _plain_mends(line):
            lines[number], said[number] = mended, what
    for _ in range(_MOST_MENDS):
        stop = _first_stop(lines)
        if stop is None:
            return Repaired("\n".join(lines), tuple(_repairs(original, lines, said)))
        if not _mend_at(lines, stop, said):
            return None
    return None


def _repairs(original: list[str], lines: list[str], said: dict[int, str]) -> Iterator[Repair]:
    offset = 0
    for number, line in enumerate(original):
        if line != lines[number]:
            yield Repair(offset, line, lines[number], said[number])
        offset += len(line) + 1


def _first_stop(lines: list[str]) -> Slip | None:
    try:
        read_yaml("\n".join(lines))
    except CannotRead as error:
        return error.slip
    return None


def _plain_mends(line: str) -> Iterator[Mended]:
    """What is never right outside of texts of several lines: tabs before a name, `name:value`."""
    indent = re.match(r"[ \t]{0,400}", line)
    if indent and "\t" in indent[0]:
        line = indent[0].replace("\t", "  ") + line[indent.end() :]
        yield line, "indented with spaces, as YAML takes no tabs"
    field = re.match(r"( *(?:- +)?)([A-Za-z_]{2,40})(:|\s?=\s?)(?=[^\s/:=])", line)
    if field and field[2] in _field_names():
        line = f"{field[1]}{field[2]}: {line[field.end() :]}"
        yield line, "put : and a space after the name"
    known = _LINE.match(line)
    if known and known["key"].strip("\"'") in _field_names():
        rest = known["rest"].strip()
        plain = "".join(_SMART.get(c, c) for c in rest)
        if plain != rest and plain[:1] in "\"'":
            line = f"{known['indent']}{known['dash']}{known['key']}: {plain}"
            yield line, "wrote plain quotes"


@lru_cache(maxsize=1)
def _field_names() -> frozenset[str]:
    fields = [field for message in schema().messages.values() for field in message.values()]
    return frozenset({f.name for f in fields} | {f.snake for f in fields})


def _mend_at(lines: list[str], stop: Slip, said: dict[int, str]) -> bool:
    """Make the first mend near the stop with which the parser gets further."""
    at = "\n".join(lines)[: stop.offset].count("\n")
    for number in (at, at - 1):
        if not 0 <= number < len(lines):
            continue
        for mender in _MENDERS:
            for mended, what in mender(lines, number):
                trial = [*lines[:number], mended, *lines[number + 1 :]]
                after = _first_stop(trial)
                if after is None or after.offset - len(mended) > stop.offset - len(lines[number]):
                    lines[number], said[number] = mended, what
                    return True
    return False


def _quoted(lines: list[str], number: int) -> Iterator[Mended]:
    """Quotes around a value: it begins with a sign of YAML's own, or holds a colon."""
    found = _LINE.match(lines[number])
    value = found["rest"].strip() if found else ""
    if found and value and value[0] not in "|>":
        inner = value.strip(value[0]) if value[0] in "\"'" else value
        quoted = json.dumps(inner, ensure_ascii=False)
        yield (
            f"{found['indent']}{found['dash']}{found['key']}: {quoted}",
            "put quotes around a text",
        )
    item = re.match(r"( *- +)(.+)\Z", lines[number])
    if item and not found:
        quoted = json.dumps(item[2].strip().strip("\"'"), ensure_ascii=False)
        yield f"{item[1]}{quoted}", "put quotes around a text"


def _colon(lines: list[str], number: int) -> Iterator[Mended]:
    found = re.match(r"( *(?:- +)?)([A-Za-z_]{2,40})(?:\s+(\S.*))?\Z", lines[number])
    if found and found[2] in _field_names():
        value = f" {found[3]}" if found[3] else ""
        yield f"{found[1]}{found[2]}:{value}", "a colon was missing"


def _indented(lines: list[str], number: int) -> Iterator[Mended]:
    """The line moved to where a line before it begins, nearest first."""
    line = lines[number].lstrip(" ")
    mine = len(lines[number]) - len(line)
    if not line:
        return
    before = [other for other in lines[:number] if other.strip()]
    used: set[int] = set()
    for other in before:
        dash = re.match(r"( *)(- +)?", other)
        if dash:
            used.add(len(dash[1]))
            used.add(len(dash[0]))
    for indent in sorted(used - {mine}, key=lambda column: (abs(column - mine), column)):
        if abs(indent - mine) <= 4:
            yield " " * indent + line, "moved the line to where its neighbours begin"


def _no_comma(lines: list[str], number: int) -> Iterator[Mended]:
    line = lines[number].rstrip()
    if line.endswith((",", "}", "]", ";")) and ":" in line:
        yield line.rstrip(",}];"), "took away a sign that YAML does not need"


_MENDERS: tuple[Callable[[list[str], int], Iterator[Mended]], ...] = (
    _colon,
    _quoted,
    _indented,
    _no_comma,
)
