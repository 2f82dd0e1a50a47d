"""Mends of names and places: fields misspelt, misplaced, given twice, or of another API."""

from __future__ import annotations

import re

from components.batch.findings import Finding, Path, path_parts
from components.batch.rules.names import nearest_field
from components.batch.rules.rule import shown
from components.batch.rules.view import ALLOCATION
from components.batch.schema import Field, fields_by_any_name, places, schema
from components.config.bench import Bench
from components.config.mends import message_at
from components.fix_config.mend_shape import Mender

# Names that stand in many places tell nothing about where a field belongs.
_TOO_COMMON = frozenset({"name", "type", "path", "text", "state", "action", "message", "labels"})
_NOT_A_HOME = ("JobStatus", "StatusEvent", "TaskExecution", "Environment.KMSEnvMap", "TaskGroup.")


def unknown_field(bench: Bench, finding: Finding) -> None:
    """Rename it, move it to where it belongs, or take it out and name what is near."""
    path = path_parts(finding.path)
    name, parent = str(path[-1]), path[:-1]
    message = message_at(parent)
    near = nearest_field(name[:100], message) if message else None
    holder = bench.get(parent)
    if near is not None and isinstance(holder, dict):
        if near.name not in holder and near.snake not in holder:
            new = near.snake if "_" in name else near.name
            bench.rename(path, new, f"{finding.message}; the field is {shown(new)}",
                         certain=True, rule=finding.rule)  # fmt: skip
        else:
            reason = f"{finding.message}; {shown(near.name)} is given already"
            bench.drop(path, reason, rule=finding.rule)
        return
    home = _home(bench, name, message, path)
    if home is not None and _move(bench, path, home, finding):
        return
    bench.drop(path, f"{finding.message}; {_instead(finding, message)}", rule=finding.rule)


def _instead(finding: Finding, message: str) -> str:
    names = ", ".join(schema().messages.get(message, {}))
    return finding.fix if "belongs in" in finding.fix else f"the fields here are {names}"


def _home(bench: Bench, name: str, message: str, path: Path) -> Path | None:
    """Where a field of that name belongs: below its place first, then anywhere in a job."""
    for child in schema().messages.get(message, {}).values():
        if child.kind != "message" or child.of.startswith(_NOT_A_HOME):
            continue
        below = nearest_field(name[:100], child.of)
        share = child.of == "NFS" and not bench.has((*path[:-1], "server"))
        if below is not None and not (share and below.name == "remotePath"):
            step: Path = (child.name, 0) if child.many == "list" else (child.name,)
            return (*path[:-1], *step, below.name)
    if name == "serviceAccountEmail":
        return (*ALLOCATION, "serviceAccount", "email")
    if name in _TOO_COMMON:
        return None
    for home, place in places().items():
        found = fields_by_any_name(home).get(name) or _same_letters(name, home)
        if found is not None and not home.startswith(_NOT_A_HOME) and home != message:
            return _beside((*path_parts(place), found.name), path)
    return None


def _same_letters(name: str, message: str) -> Field | None:
    folded = re.sub(r"[^a-z0-9]", "", name[:80].lower())
    fields = schema().messages[message].values()
    return next((field for field in fields if field.name.lower() == folded), None)


def _beside(home: Path, path: Path) -> Path:
    """The home with the numbers of the path where both go the same way."""
    found: list[str | int] = []
    for index, part in enumerate(home):
        same = index < len(path) and list(home[:index]) == found[:index]
        numbered = isinstance(part, int) and same and index < len(path)
        found.append(path[index] if numbered and isinstance(path[index], int) else part)
    return tuple(found)


def _move(bench: Bench, path: Path, home: Path, finding: Finding) -> bool:
    value = bench.get(path)
    there = bench.get(home)
    reason = f"moved here: {finding.message}"
    if there is None:
        bench.take(path)
        bench.put(home, value, reason, certain=True, rule=finding.rule)
        return bench.has(home)
    if isinstance(there, dict) and isinstance(value, dict):
        bench.take(path)
        for key, inner in value.items():
            if not bench.has((*home, key)):
                bench.put((*home, key), inner, reason, certain=True, rule=finding.rule)
        return True
    return False


def preview_field(bench: Bench, finding: Finding) -> None:
    """A field of v1alpha."""
    bench.drop(path_parts(finding.path), finding.message, certain=True, rule=finding.rule)


def given_twice(bench: Bench, finding: Finding) -> None:
    """CamelCase and snake_case of one field: the camelCase one stays."""
    path = path_parts(finding.path)
    parent, name = path[:-1], str(path[-1])
    holder = bench.get(parent) if parent else bench.job
    if not isinstance(holder, dict):
        return
    snake = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    same = holder.get(snake) == holder.get(name)
    reason = f"{finding.message}; {shown(name)} stays"
    bench.drop((*parent, snake), reason, certain=same, rule=finding.rule)


MENDERS: dict[str, Mender] = {
    "PARSE_UNKNOWN": unknown_field,
    "PARSE_ALPHA_FIELD": preview_field,
    "PARSE_CASE_DUP": given_twice,
}
