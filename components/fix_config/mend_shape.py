"""Mends of shapes and types: lists, objects, numbers with units, the words of enums."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from components.batch.amounts import amount
from components.batch.findings import Finding, Path, path_parts
from components.batch.rules.names import nearest_word
from components.batch.schema import schema
from components.config.bench import Bench
from components.config.mends import field_at

Mender = Callable[[Bench, Finding], None]

# What people write for an object that they mean by one of its fields.
_SHORT_FORMS = {
    "Runnable": ("script", "text"),
    "Runnable.Script": ("text",),
    "Runnable.Container": ("imageUri",),
    "Runnable.Barrier": ("name",),
    "ServiceAccount": ("email",),
    "LogsPolicy": ("destination",),
    "GCS": ("remotePath",),
    "NFS": ("remotePath",),
    "AllocationPolicy.LocationPolicy": ("allowedLocations", 0),
    "AllocationPolicy.Accelerator": ("type",),
    "AllocationPolicy.InstancePolicy": ("machineType",),
    "AllocationPolicy.NetworkPolicy": ("networkInterfaces", 0, "network"),
    "AllocationPolicy.NetworkInterface": ("network",),
    "LifecyclePolicy": ("action",),
    "TaskSpec": ("runnables", 0, "script", "text"),
}
_ENUM_WORDS = {
    "ondemand": "STANDARD",
    "regular": "STANDARD",
    "normal": "STANDARD",
    "default": "STANDARD",
    "preempt": "SPOT",
    "stackdriver": "CLOUD_LOGGING",
    "logging": "CLOUD_LOGGING",
    "cloud": "CLOUD_LOGGING",
    "gcp": "CLOUD_LOGGING",
    "stdout": "CLOUD_LOGGING",
    "gcs": "PATH",
    "file": "PATH",
    "parallel": "AS_SOON_AS_POSSIBLE",
    "sequential": "IN_ORDER",
    "serial": "IN_ORDER",
    "fifo": "IN_ORDER",
    "retry": "RETRY_TASK",
    "restart": "RETRY_TASK",
    "fail": "FAIL_TASK",
    "stop": "FAIL_TASK",
}


def wrong_shape(bench: Bench, finding: Finding) -> None:
    """A list for one value, one value for a list, a word for an object."""
    path = path_parts(finding.path)
    value = bench.get(path)
    new: Any
    if "must be a list" in finding.message:
        new = [value] if value not in (None, "") else []
    elif "must be a value" in finding.message:
        bench.drop(path, finding.message, certain=True, rule=finding.rule)
        return
    elif path[-1] == "entrypoint" and isinstance(value, list) and value:
        program_of_several(bench, path, [str(word) for word in value], finding)
        return
    else:
        new = meant_object(path, value)
        if new is None and isinstance(value, list) and len(value) == 1:
            new = value[0]
    if new is None:
        if path and not isinstance(path[-1], int):
            bench.drop(path, finding.message, rule=finding.rule)
        return
    certain = "list" in finding.message
    bench.put(path, new, finding.message, certain=certain, rule=finding.rule)


def program_of_several(bench: Bench, path: Path, words: list[str], finding: Finding) -> None:
    """The first word is the program, the others go in front of the commands."""
    commands = (*path[:-1], "commands")
    given = bench.get(commands, [])
    rest = [str(word) for word in (given if isinstance(given, list) else [given])]
    reason = f"{finding.message}; the words after the program are arguments"
    bench.put(path, words[0], reason, rule=finding.rule)
    if words[1:]:
        bench.put(commands, [*words[1:], *rest], reason, rule=finding.rule)


def meant_object(path: Path, value: Any) -> dict[str, Any] | None:
    """The object that a word, a number or a list of pairs stands for."""
    field = field_at(path)
    if field is None:
        return None
    if field.many == "map":
        return _pairs(value)
    if field.kind != "message":
        return None
    if field.of == "Environment":
        pairs = _pairs(value)
        return {"variables": pairs} if pairs else None
    if field.of == "Runnable.Barrier" and not isinstance(value, str):
        return {}
    if field.of == "AllocationPolicy.Disk":
        size = amount("sizeGb", value)
        return {"sizeGb": size} if size else {"image": value} if isinstance(value, str) else None
    return _of_one_text(field.of, value) if isinstance(value, str) and value.strip() else None


def _of_one_text(message: str, value: str) -> dict[str, Any] | None:
    """The object that a text stands for: the field that people mean by it."""
    share = re.fullmatch(r"(?:nfs://)?([^\s:/]{1,200}):?(/\S{0,500})", value)
    if message == "NFS" and share:
        return {"server": share[1], "remotePath": share[2]}
    form = _SHORT_FORMS.get(message)
    if form is None:
        return None
    meant: Any = value
    for step in reversed(form):
        meant = [meant] if isinstance(step, int) else {step: meant}
    if message == "AllocationPolicy.Accelerator":
        meant["count"] = 1
    return dict(meant)


def _pairs(value: Any) -> dict[str, Any] | None:
    """Names and values of `[{"name": N, "value": V}]`, `["N=V"]`, `[{N: V}]` or `"N=V,M=W"`."""
    if isinstance(value, str) and re.fullmatch(
        r"\w{1,80}=[^,=]{0,400}(?:,\w{1,80}=[^,=]{0,400})*", value
    ):
        value = value.split(",")
    if not isinstance(value, list) or not value:
        return None
    pairs: dict[str, Any] = {}
    for item in value:
        if isinstance(item, str) and "=" in item:
            name, _, text = item.partition("=")
            pairs[name.strip()] = text
        elif isinstance(item, dict) and {"name", "value"} <= set(item):
            pairs[str(item["name"])] = item["value"]
        elif isinstance(item, dict) and {"key", "value"} <= set(item):
            pairs[str(item["key"])] = item["value"]
        elif isinstance(item, dict) and len(item) == 1:
            pairs |= {str(key): inner for key, inner in item.items()}
        else:
            return None
    return pairs


def wrong_type(bench: Bench, finding: Finding) -> None:
    """Numbers with units, yes and no, null."""
    path = path_parts(finding.path)
    value = bench.get(path)
    if value is None or "no value here" in finding.message:
        bench.drop(path, finding.message, certain=True, rule=finding.rule)
        return
    new: Any = None
    if "whole number" in finding.message:
        name = next((str(p) for p in reversed(path) if isinstance(p, str)), "")
        new = amount(name, value)
    elif "true or false" in finding.message:
        word = str(value).strip().lower()
        yes, no = word in ("yes", "true", "on", "1", "y"), word in ("no", "false", "off", "0", "n")
        new = yes if yes or no else None
    elif "must be a text" in finding.message and isinstance(value, int | float):
        new = str(value).lower() if isinstance(value, bool) else str(value)
    if new is not None:
        bench.put(path, new, finding.message, certain=True, rule=finding.rule)
    elif not isinstance(path[-1], int) and (
        not isinstance(value, str) or "true or false" in finding.message
    ):
        bench.drop(path, f"{finding.message}; without it the default counts", rule=finding.rule)


def unknown_word(bench: Bench, finding: Finding) -> None:
    """The enum's word that is meant; else the field goes, and the default counts."""
    path = path_parts(finding.path)
    field = field_at(path)
    value = bench.get(path)
    words = schema().enums.get(field.of, {}) if field else {}
    folded = re.sub(r"[^a-z]", "", str(value).lower())
    real = [word for word, number in words.items() if number]
    near = nearest_word(value, real) if isinstance(value, str) else None
    meant = near or next(
        (w for key, w in _ENUM_WORDS.items() if key in folded and w in words), None
    )
    if value is None and field is not None and field.of == "LifecyclePolicy.Action":
        bench.put(path, "RETRY_TASK", f"{finding.message}; RETRY_TASK is assumed",
                  rule=finding.rule)  # fmt: skip
    elif meant is not None:
        bench.put(path, meant, finding.message, certain=meant == near, rule=finding.rule)
    elif field is not None and field.of == "LifecyclePolicy.Action":
        bench.put(path, "RETRY_TASK", finding.message, rule=finding.rule)
    else:
        bench.drop(path, f"{finding.message}; without it the default counts", rule=finding.rule)


MENDERS: dict[str, Mender] = {
    "PARSE_SHAPE": wrong_shape,
    "PARSE_TYPE": wrong_type,
    "PARSE_ENUM": unknown_word,
    "PARSE_ENUM_NUM": unknown_word,
    "PM_ENUM": unknown_word,
    "LP_ACTION": unknown_word,
}
