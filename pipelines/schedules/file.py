"""`schedules.yaml`: many schedules, kept by one file."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from components.errors import WrongUse
from components.storage.settings_file import read_settings
from pipelines.parameters import short
from pipelines.remote.starting import Asked
from pipelines.request import Request
from pipelines.schedules.wanted import Description, Limits, check_name, read_time

DEFAULT_GROUP = "schedules"
TOP: Mapping[str, type] = {
    "project": str,
    "region": str,
    "group": str,
    "defaults": dict,
    "schedules": list,
}
# What may also stand under `defaults`.
SHARED: dict[str, type] = {
    "template": str,
    "root": str,
    "service_account": str,
    "labels": dict,
    "parameters": dict,
    "caching": bool,
    "at_once": int,
    "queue": bool,
    "max_runs": int,
    "paused": bool,
}
ENTRY: dict[str, type] = SHARED | {
    "name": str,
    "pipeline": str,
    "cron": str,
    "start": object,
    "end": object,
}
KINDS = {
    str: "a text",
    dict: "names and values",
    list: "a list",
    bool: "true or false",
    int: "a whole number",
}


@dataclass(frozen=True)
class ScheduleFile:
    """What such a file says.

    Args:
        project: whose schedules; empty if it does not say.
        region: where; empty if it does not say.
        group: which schedules it keeps.
        schedules: each of them, not checked yet.
    """

    project: str
    region: str
    group: str
    schedules: tuple[Description, ...]


def read_schedules(path: str, tag: str = "") -> ScheduleFile:
    """The schedules in a file, YAML or JSON.

    Args:
        path: the file.
        tag: takes the place of `{tag}` in templates, so that a build can name what it uploaded.

    Raises:
        WrongUse: it cannot be read, or holds something else; says where.
    """
    found = read_settings(path, "The file of schedules")
    _check(found, TOP, path)
    group = found.get("group", DEFAULT_GROUP)
    check_name(group, f"{path}: group")
    defaults = found.get("defaults", {})
    _check(defaults, SHARED, f"{path}: defaults")
    entries = found.get("schedules")
    if entries is None:
        raise WrongUse("It has no list 'schedules'", where=path, fix="An empty one is [].")
    described = [
        _described(entry, defaults, f"{path}: schedule {number}", group)
        for number, entry in enumerate(entries, start=1)
    ]
    described = [_tagged(each, tag) for each in described]
    twice = [name for name, count in Counter(d.name for d in described).items() if count > 1]
    if twice:
        raise WrongUse(
            f"Two schedules are named '{short(twice[0])}'", where=path, fix="Give each its own."
        )
    return ScheduleFile(found.get("project", ""), found.get("region", ""), group, tuple(described))


def _described(entry: Any, defaults: Mapping[str, Any], where: str, group: str) -> Description:
    if not isinstance(entry, dict):
        raise WrongUse("It must be names and values", where=where, fix="Begin with `- name: …`.")
    name = entry.get("name")
    if isinstance(name, str):
        where = f"{where} ({short(name)})"
    _check(entry, ENTRY, where)
    for needed in ("name", "pipeline", "cron"):
        if not entry.get(needed):
            raise WrongUse(f"It has no '{needed}'", where=where, fix=f"Add `{needed}: …`.")
    said = {**defaults, **entry}
    for both in ("labels", "parameters"):
        said[both] = {**defaults.get(both, {}), **entry.get(both, {})}
    return Description(
        name=said["name"],
        cron=said["cron"],
        request=Request(said["pipeline"], given=said["parameters"]),
        asked=Asked(
            template=said.get("template", ""),
            root=said.get("root", ""),
            service_account=said.get("service_account", ""),
            labels=tuple(f"{key}={_text(value)}" for key, value in said["labels"].items()),
            caching=said.get("caching", True),
        ),
        limits=Limits(
            at_once=said.get("at_once", 1),
            queue=said.get("queue", False),
            runs=said.get("max_runs", 0),
            start=read_time(said.get("start"), f"{where}: start"),
            end=read_time(said.get("end"), f"{where}: end"),
        ),
        where=where,
        group=group,
        paused=said.get("paused"),
    )


def _tagged(described: Description, tag: str) -> Description:
    template = described.asked.template
    if "{tag}" not in template:
        return described
    if not tag:
        raise WrongUse("The template names no tag yet", where=described.where, fix="Give --tag.")
    return replace(
        described, asked=replace(described.asked, template=template.replace("{tag}", tag))
    )


def _text(value: Any) -> str:
    """A label's value; what is no text shows as what it is, and is refused as a label."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _check(found: Mapping[str, Any], known: Mapping[str, type], where: str) -> None:
    for name, value in found.items():
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            raise WrongUse(
                f"'{short(str(name))}' is not known here",
                where=where,
                fix=f"Did you mean '{near[0]}'?" if near else f"Known are: {', '.join(known)}.",
            )
        kind = known[name]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise WrongUse(f"'{name}' must be {KINDS[kind]}", where=where)
