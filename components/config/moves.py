"""Moves a field to where it belongs: `machineType` into `policy`, a lost indentation back.

A field moves only where its name belongs to one message of the whole job, that message has one
place near by, and the field is not given there already.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from components.batch.findings import Path, path_text
from components.batch.rules.rule import shown
from components.batch.schema import Field, fields_by_any_name, schema
from components.config.edits import Edit, Mend, Place
from components.config.spans import value_at

# Written by the service, or not in a job at all.
_NO_HOMES = ("JobStatus", "StatusEvent", "TaskExecution")
_MOST_STEPS = 5


def home_of(
    name: str, path: Path, message_at: Callable[[Path], str]
) -> tuple[Path, tuple[Field, ...]] | None:
    """Where a field belongs: the nearest object around it from which fields lead there.

    Args:
        name: of the field, which is unknown where it stands.
        path: where it stands, names as written.
        message_at: the message that stands at a path; empty where there is none.
    """
    homes = [
        message
        for message in schema().messages
        if name in fields_by_any_name(message) and not message.startswith(_NO_HOMES)
    ]
    if len(homes) != 1:
        return None
    for length in range(len(path) - 1, -1, -1):
        around = path[:length]
        if length and isinstance(around[-1], str) and isinstance(path[length], int):
            continue  # a list, not an object
        message = message_at(around)
        steps = _steps(message, homes[0]) if message else None
        if steps is not None:
            return around, steps
    return None


def _steps(message: str, home: str) -> tuple[Field, ...] | None:
    """The fields that lead from one message to another; the shortest way, None where none does."""
    waiting: list[tuple[str, tuple[Field, ...]]] = [(message, ())]
    for here, steps in waiting:
        if here == home:
            return steps
        for field in schema().messages[here].values():
            inner = field.kind == "message" and field.many != "map"
            if inner and len(steps) < _MOST_STEPS and not field.of.startswith(_NO_HOMES):
                waiting.append((field.of, (*steps, field)))
    return None


def moved(place: Place, around: Path, steps: tuple[Field, ...]) -> Mend | None:
    """Move a field into the object that the steps lead to from the object around it."""
    name = str(place.path[-1])
    target = _go(place, around, steps)
    if target is None:
        return None
    at, left = target
    there = value_at(place.read.value, at)
    if not left and isinstance(there, dict) and name in there:
        return None
    flow = place.in_flow
    if left and at == place.path[:-1]:
        edits = _wrapped_in_flow(place, left) if flow else _wrapped_in_block(place, left)
    else:
        edits = _put_in_flow(place, at, left) if flow else _put_in_block(place, at, left)
    parts = [part for step in steps for part in ((step.name, 0) if step.many else (step.name,))]
    where = path_text((*around, *parts))
    what = f"moved {shown(name)} to {shown(where)}" if where else f"moved {shown(name)} to the top"
    return Mend(what, edits, place.value, alone=True) if edits else None


def _go(place: Place, around: Path, steps: tuple[Field, ...]) -> tuple[Path, list[Field]] | None:
    """How far the steps lead over what is written, and the steps that are left."""
    at = around
    for number, step in enumerate(steps):
        here = value_at(place.read.value, at)
        if not isinstance(here, dict):
            return (at, list(steps[number:])) if here is None and number else None
        key = next((key for key in (step.name, step.snake) if key in here), None)
        if key is None:
            return at, list(steps[number:])
        at = (*at, key)
        if here[key] is None:
            rest = list(steps[number + 1 :])
            return (at, rest) if not step.many else None
        if step.many:
            if not isinstance(here[key], list) or len(here[key]) != 1:
                return None
            at = (*at, 0)
    here = value_at(place.read.value, at)
    return (at, []) if isinstance(here, dict) or here is None else None


# --- JSON, and YAML in { } ------------------------------------------------------------------------


def _nested(place: Place, entry: str, steps: list[Field]) -> str:
    for step in reversed(steps):
        key = json.dumps(step.name) if place.read.form == "json" else step.name
        entry = f"{key}: " + ("[{" + entry + "}]" if step.many else "{" + entry + "}")
    return entry


def _entry(place: Place) -> str:
    return place.text[place.span.key_start : place.span.end]


def _wrapped_in_flow(place: Place, steps: list[Field]) -> tuple[Edit, ...]:
    nested = _nested(place, _entry(place), steps)
    return (Edit(place.span.key_start, place.span.end, nested),)


def _put_in_flow(place: Place, at: Path, steps: list[Field]) -> tuple[Edit, ...]:
    home = Place(place.text, place.read, at)
    removed, entry = place.removed(), _nested(place, _entry(place), steps)
    if removed is None or home.is_alias or not (home.in_flow or at in place.read.flow):
        return ()
    if home.value is None:
        return (removed, Edit(home.span.start, home.span.end, "{" + entry + "}"))
    comma = ", " if home.value else ""
    return (removed, Edit(home.span.start + 1, home.span.start + 1, entry + comma))


# --- YAML in lines --------------------------------------------------------------------------------


def _heads(column: int, steps: list[Field]) -> tuple[str, int]:
    """The lines that open the steps, the first without its indentation; the column they end at."""
    text = ""
    for step in steps:
        column += 4 if step.many else 2
        text += f"{step.name}:\n" + " " * (column - 2 * bool(step.many)) + "- " * bool(step.many)
    return text, column


def _wrapped_in_block(place: Place, steps: list[Field]) -> tuple[Edit, ...]:
    start = place.span.key_start
    column = place.column(start)
    text, ends_at = _heads(column, steps)
    return (Edit(start, start, text), *place.indented(start, place.span.end, ends_at - column))


def _put_in_block(place: Place, at: Path, steps: list[Field]) -> tuple[Edit, ...]:
    home = Place(place.text, place.read, at)
    removed = place.removed()
    if removed is None or home.is_alias or home.in_flow or (home.value and at in place.read.flow):
        return ()
    if home.value:
        column, where = home.column(home.span.start), _end_of_block(home)
        empty: tuple[Edit, ...] = ()
    elif home.span.key_start >= 0:  # nothing is written there, or {}
        column = home.column(home.span.key_start) + 2
        where = place.text.find("\n", home.span.key_start) + 1 or len(place.text)
        empty = (Edit(home.span.start, home.span.end, ""),) if home.written.strip() else ()
    else:
        return ()
    lines = _lines_at(place, removed, column, steps)
    inside = removed.start < where < removed.end
    if lines is None or inside:
        return ()
    before = "" if place.text[where - 1 : where] == "\n" else "\n"
    return (*empty, Edit(where, where, before + lines), removed)


def _end_of_block(home: Place) -> int:
    """Where the line after an object begins."""
    end = home.span.end
    if end >= len(home.text) and not home.text.endswith("\n"):
        return len(home.text)
    return home.text.rfind("\n", 0, end) + 1


def _lines_at(place: Place, removed: Edit, column: int, steps: list[Field]) -> str | None:
    """The lines of a field, indented to a column, with the steps that lead to it before them."""
    old = place.column(place.span.key_start)
    text, ends_at = _heads(column, steps)
    lines = []
    for line in place.text[removed.start : removed.end].splitlines():
        if line.strip() and line[:old].strip():
            return None
        lines.append(" " * ends_at + line[old:] if line.strip() else "")
    lines[0] = " " * column + text + lines[0][ends_at:]
    return "\n".join(lines) + "\n"
