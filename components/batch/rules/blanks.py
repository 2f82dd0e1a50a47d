"""The rule of blanks that nobody filled in; `placeholders` knows what they look like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from components.batch.findings import Path
from components.batch.rules.environment import environments_at
from components.batch.rules.placeholders import (
    marked_placeholder_in,
    placeholder_in,
    plain_placeholder_in,
)
from components.batch.rules.rule import Problem, RuleSet, shown
from components.batch.rules.view import ALLOCATION, INSTANCE, POLICY, SPEC, JobView

RULES = RuleSet()


# A script that is one variable, which nothing in the job sets.
_ONE_VARIABLE = re.compile(r"\s*\$\{(?P<name>[A-Za-z_]\w{0,80})\}\s*\Z")

# Where the fields stand that name a resource of Google Cloud; `*` is every entry of a list or map.
_RUNNABLE: Path = (*SPEC, "runnables", "*")
_RESOURCE_FIELDS: tuple[Path, ...] = (
    (*_RUNNABLE, "container", "imageUri"),
    (*_RUNNABLE, "environment", "secretVariables", "*"),
    (*SPEC, "environment", "secretVariables", "*"),
    (*SPEC, "volumes", "*", "gcs", "remotePath"),
    (*SPEC, "volumes", "*", "nfs", "server"),
    (*SPEC, "volumes", "*", "nfs", "remotePath"),
    (*SPEC, "volumes", "*", "mountPath"),
    (*INSTANCE, "instanceTemplate"),
    (*POLICY, "machineType"),
    (*POLICY, "reservation"),
    (*POLICY, "bootDisk", "image"),
    (*POLICY, "bootDisk", "type"),
    (*POLICY, "accelerators", "*", "type"),
    (*POLICY, "disks", "*", "existingDisk"),
    (*POLICY, "disks", "*", "newDisk", "type"),
    (*ALLOCATION, "location", "allowedLocations", "*"),
    (*ALLOCATION, "network", "networkInterfaces", "*", "network"),
    (*ALLOCATION, "network", "networkInterfaces", "*", "subnetwork"),
    (*ALLOCATION, "serviceAccount", "email"),
    ("notifications", "*", "pubsubTopic"),
)


def _resources(view: JobView) -> Iterator[tuple[Path, str]]:
    """The fields that name a resource of Google Cloud, with their paths."""
    for pattern in _RESOURCE_FIELDS:
        for path, value in _matching(view.job, pattern, ()):
            if isinstance(value, str) and value != "NO_RESERVATION":
                yield path, value


def _without_capitals(path: Path, value: str) -> str:
    """The part of a name in which no real name has capitals: a bucket, but not its folders."""
    if path[-1] == "mountPath" or "nfs" in path:
        return ""
    if path[-1] == "remotePath":
        return value.removeprefix("gs://").split("/", 1)[0]
    if path[-1] == "imageUri":
        return re.sub(r":[^/:]*\Z", "", value)
    return re.split(r"/(?:topics|secrets)/", value, maxsplit=1)[0]


def _matching(value: Any, pattern: Path, path: Path) -> Iterator[tuple[Path, Any]]:
    if not pattern:
        yield path, value
        return
    step, rest = pattern[0], pattern[1:]
    if isinstance(value, dict):
        entries = value.items() if step == "*" else [(step, value[step])] if step in value else []
    elif isinstance(value, list) and (step == "*" or isinstance(step, int)):
        entries = [(i, v) for i, v in enumerate(value) if step in ("*", i)]
    else:
        entries = []
    for key, found in entries:
        yield from _matching(found, rest, (*path, key))


def _free_texts(view: JobView) -> Iterator[tuple[Path, str]]:
    """The fields in which anything may be written."""
    for path, script in view.scripts_at():
        yield (*path, "text"), script.get("text", "")
    for path, container in view.containers_at():
        for index, word in enumerate(container.get("commands", [])):
            yield (*path, "commands", index), word
    for path, environment in environments_at(view):
        for name, value in environment.get("variables", {}).items():
            yield (*path, "variables", name), value


@RULES.rule("PLACEHOLDER", "error", "use")
def blank(view: JobView) -> Iterator[Problem]:
    """A blank that nobody filled in."""
    for path, value in _resources(view):
        found = placeholder_in(_without_capitals(path, value)) or marked_placeholder_in(value)
        if found:
            yield Problem(
                path,
                f"{shown(value)} holds the blank {shown(found)} that nobody filled in",
                "write the real value in its place",
            )
    names = {name for _, env in environments_at(view) for kind in env.values() for name in kind}
    for path, value in _free_texts(view):
        whole = _ONE_VARIABLE.match(value[:200])
        lost = whole and path[-1] == "text" and whole["name"] not in names
        found = value.strip() if lost else plain_placeholder_in(value)
        if found:
            yield Problem(
                path,
                f"{shown(found)} looks like a blank that nobody filled in",
                "write the real value in its place",
                severity="warning",
            )
