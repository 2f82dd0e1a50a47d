"""Mends of names and places: fields misspelt, misplaced, given twice, or of another API."""

from __future__ import annotations

import re
from typing import Any

from components.batch.amounts import amount, amount_named
from components.batch.findings import Finding, Path, path_parts
from components.batch.rules.containers import split_command
from components.batch.rules.names import nearest_field
from components.batch.rules.rule import shown
from components.batch.rules.view import ALLOCATION, POLICY
from components.batch.schema import Field, fields_by_any_name, places, schema
from components.config.bench import Bench
from components.config.mends import message_at
from components.fix_config.mend_shape import Mender, meant_object

# Names that stand in many places tell nothing about where a field belongs.
_TOO_COMMON = frozenset({"name", "type", "path", "text", "state", "action", "message", "labels"})
_NOT_A_HOME = ("JobStatus", "StatusEvent", "TaskExecution", "Environment.KMSEnvMap", "TaskGroup.")


def unknown_field(bench: Bench, finding: Finding) -> None:
    """Rename it, move it to where it belongs, or take it out and name what is near."""
    path = path_parts(finding.path)
    name, parent = str(path[-1]), path[:-1]
    message = message_at(parent)
    if _meant_otherwise(bench, path, message, finding):
        return
    near = nearest_field(name[:100], message) if message else None
    holder = bench.get(parent)
    if near is not None and isinstance(holder, dict):
        _renamed(bench, path, near, finding)
        return
    home = _home(bench, name, message, path)
    if home is not None and _moved(bench, path, home, finding):
        return
    bench.drop(path, f"{finding.message}; {_instead(finding, message)}", rule=finding.rule)


def _renamed(bench: Bench, path: Path, near: Field, finding: Finding) -> None:
    """The field by its own name; where that is given already the second one goes."""
    name, parent = str(path[-1]), path[:-1]
    holder = bench.get(parent)
    if near.name in holder or near.snake in holder:
        reason = f"{finding.message}; {shown(near.name)} is given already"
        bench.drop(path, reason, rule=finding.rule)
        return
    new = near.snake if "_" in name else near.name
    reason = f"{finding.message}; the field is {shown(new)}"
    counted = amount_named(name, near.name, holder[name])
    bench.rename(path, new, reason, certain=True, rule=finding.rule)
    if counted is not None:
        bench.put((*parent, new), counted, reason, certain=True, rule=finding.rule)


def _meant_otherwise(bench: Bench, path: Path, message: str, finding: Finding) -> bool:
    """Forms of other services, said in the fields of Batch."""
    name, parent = str(path[-1]), path[:-1]
    value = bench.get(path)
    near = nearest_field(name[:100], message) if message else None
    if message == "Environment" and near is None and isinstance(value, str | int | float):
        return _moved(bench, path, (*parent, "variables", name), finding)
    if message == "Runnable.Container" and name in ("command", "args"):
        return _command_and_args(bench, parent, finding)
    if message in ("Runnable.Container", "Runnable.Script"):
        return _variables_of_step(bench, path, finding)
    if message == "ComputeResource" and name in ("requests", "limits"):
        return _requests(bench, path, finding)
    if name.lower().replace("_", "") in _SPOT_WORDS and value is True:
        bench.take(path)
        reason = f"{finding.message}; provisioningModel says that"
        bench.put((*POLICY, "provisioningModel"), "SPOT", reason, rule=finding.rule)
        return True
    return False


def _variables_of_step(bench: Bench, path: Path, finding: Finding) -> bool:
    """Variables of a container or script are those of its runnable."""
    field = nearest_field(str(path[-1])[:100], "Runnable")
    if field is None or field.name != "environment":
        return False
    home = (*path[:-2], "environment")
    value = bench.get(path)
    plain = isinstance(value, dict) and not _any_near(value, "Environment")
    meant = {"variables": value} if plain else meant_object(home, value) or value
    return _moved(bench, path, home, finding, meant)


def _any_near(value: dict[str, object], message: str) -> bool:
    """Whether a name of the object is one of the message's fields, or near one."""
    return any(nearest_field(str(name)[:100], message) is not None for name in value)


def _requests(bench: Bench, path: Path, finding: Finding) -> bool:
    """`requests` and `limits` of Kubernetes: what stands in them is what the task asks for."""
    asked = bench.get(path)
    if not isinstance(asked, dict):
        return False
    bench.take(path)
    for key, value in asked.items():
        field = nearest_field(str(key)[:100], "ComputeResource")
        name = field.name if field else str(key)
        if not bench.has((*path[:-1], name)):
            new = amount_named(str(key), name, value) or amount(name, value) or value
            reason = f"{finding.message}; {shown(name)} says it"
            bench.put((*path[:-1], name), new, reason, rule=finding.rule)
    return True


_SPOT_WORDS = frozenset({"spot", "preemptible", "usespot", "usepreemptible", "isspot"})


def _command_and_args(bench: Bench, container: Path, finding: Finding) -> bool:
    """As Kubernetes has it: the command is the program, and args follow it."""
    command, args = bench.get((*container, "command")), bench.get((*container, "args"))
    if isinstance(command, list) and len(command) == 1:
        command = str(command[0])  # a program and its arguments in one
    both = [_words(command), _words(args)]
    if (
        not all(both)
        or bench.has((*container, "commands"))
        or bench.has((*container, "entrypoint"))
    ):
        return False
    for name in ("command", "args"):
        bench.take((*container, name))
    program, *words = [*both[0], *both[1]]
    reason = f"{finding.message}; the first word is the program"
    bench.put((*container, "entrypoint"), program, reason, rule=finding.rule)
    bench.put((*container, "commands"), words, reason, rule=finding.rule)
    return True


def _words(value: object) -> list[str]:
    if isinstance(value, str):
        return split_command(value)
    return [str(word) for word in value] if isinstance(value, list) else []


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


def _moved(bench: Bench, path: Path, home: Path, finding: Finding, value: Any = None) -> bool:
    """Put the field, or the value that it stands for, where it belongs, if that is free."""
    value = bench.get(path) if value is None else value
    if not _has_room(bench.get(home), value):
        return False
    bench.take(path)
    _put_in(bench, home, value, f"moved here: {finding.message}", finding.rule)
    return bench.has(home)


def _has_room(there: Any, value: Any) -> bool:
    if isinstance(there, dict) and isinstance(value, dict):
        return all(_has_room(there.get(key), inner) for key, inner in value.items())
    return there is None or there == value


def _put_in(bench: Bench, home: Path, value: Any, reason: str, rule: str) -> None:
    if isinstance(bench.get(home), dict) and isinstance(value, dict):
        for key, inner in value.items():
            _put_in(bench, (*home, key), inner, reason, rule)
    else:
        bench.put(home, value, reason, certain=True, rule=rule)


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
