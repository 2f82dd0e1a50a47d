"""Mends of shape: names, places, types, two fields where one may be, what is missing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from components.batch.exit_codes import LOST_VM
from components.batch.findings import Finding, Path, path_parts
from components.batch.rules.names import nearest_field, nearest_word
from components.batch.rules.rule import shown
from components.batch.rules.view import ALLOCATION, SPEC
from components.batch.schema import Field, fields_by_any_name, places, schema
from components.config.bench import Bench
from components.config.mends import field_at, message_at
from components.fix_config.amounts import amount

Mender = Callable[[Bench, Finding], None]

# Where nothing says what to run, this shows where it belongs.
NOTHING_TO_RUN = "echo 'Put your command here'"
_COMMAND = re.compile(r"`([^`\n]{2,400})`")
# Names that stand in many places tell nothing about where a field belongs.
_TOO_COMMON = frozenset({"name", "type", "path", "text", "state", "action", "message", "labels"})
_NOT_A_HOME = ("JobStatus", "StatusEvent", "TaskExecution", "Environment.KMSEnvMap", "TaskGroup.")
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


# --- names ------------------------------------------------------------------------------------


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


# --- shapes and types -------------------------------------------------------------------------


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
    elif isinstance(value, list) and len(value) == 1:
        new = value[0]
    else:
        new = _meant_object(path, value)
    if new is None:
        if path and not isinstance(path[-1], int):
            bench.drop(path, finding.message, rule=finding.rule)
        return
    certain = "list" in finding.message
    bench.put(path, new, finding.message, certain=certain, rule=finding.rule)


def _meant_object(path: Path, value: Any) -> dict[str, Any] | None:
    """The object that a word, a number or a list of pairs stands for."""
    field = field_at(path)
    if field is None:
        return None
    if field.many == "map":
        return _pairs(value)
    if field.kind != "message":
        return None
    if field.of == "Environment" and (pairs := _pairs(value)):
        return {"variables": pairs}
    if field.of == "Runnable.Barrier" and not isinstance(value, str):
        return {}
    if field.of == "AllocationPolicy.Disk":
        size = amount("sizeGb", value)
        return {"sizeGb": size} if size else {"image": value} if isinstance(value, str) else None
    form = _SHORT_FORMS.get(field.of)
    if form is None or not isinstance(value, str) or not value.strip():
        return None
    meant: Any = value
    for step in reversed(form):
        meant = [meant] if isinstance(step, int) else {step: meant}
    if field.of == "AllocationPolicy.Accelerator":
        meant["count"] = 1
    return dict(meant)


def _pairs(value: Any) -> dict[str, Any] | None:
    """Names and values of `[{"name": N, "value": V}]`, `["N=V"]` or `[{N: V}]`."""
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


# --- one of two, and what is missing ----------------------------------------------------------


def two_of_one(bench: Bench, finding: Finding) -> None:
    """Two fields of which one may be given: the one that says more stays."""
    path = path_parts(finding.path)
    parent, names = path[:-1], re.findall(r"`(\w+)`", finding.message.split(" are both")[0])
    if "are both given" not in finding.message:
        if finding.rule == "BD_SNAPSHOT":
            bench.drop(path, f"{finding.message}; Batch's own image is assumed", rule=finding.rule)
        return
    empty = [name for name in names if not bench.get((*parent, name))]
    order = ["policy", "existingDisk", "text", "gcs", "deviceName", "image", *names]
    if re.search(r"(?i)\btemplate\b.{0,60}\b(?:should|want|must|need|use)", bench.complaint):
        order.insert(0, "instanceTemplate")
    kept = next(name for name in order if name in names and (name not in empty or len(empty) > 1))
    for name in names:
        if name != kept:
            reason = f"{finding.message}; {shown(kept)} is kept"
            bench.drop((*parent, name), reason, certain=name in empty, rule=finding.rule)


def runnable_of_two(bench: Bench, finding: Finding) -> None:
    """A runnable that is two things becomes two; one that is nothing goes."""
    path = path_parts(finding.path)
    if "are both given" not in finding.message:
        if bench.get((*path, "barrier"), 0) is None:
            bench.put((*path, "barrier"), {}, "a barrier is written as {}", rule=finding.rule)
        elif len(bench.get(path[:-1], [])) > 1:
            bench.drop(path, f"{finding.message}; it does nothing", certain=True, rule=finding.rule)
        return
    where, holder = path[:-1], path[:-2]
    runnable = bench.get(where)
    kinds = [kind for kind in ("script", "container", "barrier") if kind in runnable]
    empty = [kind for kind in kinds if not runnable[kind] and kind != "barrier"]
    if empty:
        bench.drop((*where, empty[0]), f"{finding.message}; this one is empty", rule=finding.rule)
        return
    shared = {key: value for key, value in runnable.items() if key not in kinds}
    order = [key for key in runnable if key in kinds]
    split = [{kind: runnable[kind], **shared} for kind in order]
    runnables = bench.get(holder)
    index = int(str(where[-1]))
    bench.put(
        holder,
        [*runnables[:index], *split, *runnables[index + 1 :]],
        f"{finding.message}; each became a step of its own, in the order in which they stood",
        rule=finding.rule,
    )


def script_missing(bench: Bench, finding: Finding) -> None:
    """A script with a text and a path keeps the text; an empty one goes if others run."""
    if "are both given" in finding.message:
        two_of_one(bench, finding)
        return
    path = path_parts(finding.path)
    runnables = path[:-2]
    if len(bench.get(runnables, [])) > 1:
        bench.drop(path[:-1], f"{finding.message}; it does nothing", rule=finding.rule)
    else:
        bench.put((*path, "text"), _command(bench), _command_reason(bench), rule=finding.rule)


def volume_without_source(bench: Bench, finding: Finding) -> None:
    """A volume that names no source: the disk that nothing mounts, where there is one."""
    if "are both given" in finding.message:
        two_of_one(bench, finding)
        return
    view = bench.view
    used = {volume.get("deviceName") for volume in view.volumes}
    free = [d.get("deviceName") for d in view.disks if d.get("deviceName") not in used]
    path = path_parts(finding.path)
    if len(free) == 1 and free[0]:
        reason = f"{finding.message}; disk {shown(free[0])} is mounted nowhere else"
        bench.put((*path, "deviceName"), free[0], reason, rule=finding.rule)


def disk_of_nothing(bench: Bench, finding: Finding) -> None:
    """A disk that is neither new nor existing becomes a new one."""
    path = path_parts(finding.path)
    if "are both given" in finding.message:
        two_of_one(bench, finding)
    elif "neither" in finding.message:
        new = {"type": "pd-balanced", "sizeGb": 100}
        reason = f"{finding.message}; a new one of 100 GB is assumed"
        bench.put((*path, "newDisk"), new, reason, rule=finding.rule)


def task_groups(bench: Bench, finding: Finding) -> None:
    """One task group: an empty job gets one, of several the first stays."""
    groups = bench.get(("taskGroups",))
    if isinstance(groups, list) and len(groups) > 1:
        left = len(groups) - 1
        reason = f"{finding.message}; the first is kept, make a job of each of the other {left}"
        bench.put(("taskGroups",), groups[:1], reason, rule=finding.rule)
        return
    runnables = [{"script": {"text": _command(bench)}}]
    bench.put((*SPEC, "runnables"), runnables, _command_reason(bench), rule=finding.rule)


def nothing_runs(bench: Bench, finding: Finding) -> None:
    """A task that runs nothing: the command that the complaint quotes, or a mark for it."""
    path = (*SPEC, "runnables")
    runnables = bench.get(path)
    if isinstance(runnables, list) and runnables:
        for index, runnable in enumerate(runnables):
            if isinstance(runnable, dict) and runnable.get("background"):
                bench.drop((*path, index, "background"), finding.message, rule=finding.rule)
                return
    first = {"script": {"text": _command(bench)}}
    kept = runnables if isinstance(runnables, list) else []
    bench.put(path, [*kept, first], _command_reason(bench), rule=finding.rule)


def _command(bench: Bench) -> str:
    found = _COMMAND.search(bench.complaint)
    return found[1].strip() if found and " " in found[1].strip() else NOTHING_TO_RUN


def _command_reason(bench: Bench) -> str:
    if _command(bench) != NOTHING_TO_RUN:
        return "the job runs nothing; this is the command in your words"
    return "the job runs nothing, and nothing says what it should run: put your command here"


def one_policy(bench: Bench, finding: Finding) -> None:
    """Several lifecycle policies become one with the codes of all that do the same."""
    path = (*SPEC, "lifecyclePolicies")
    policies = [p for p in bench.view.spec.get("lifecyclePolicies", []) if isinstance(p, dict)]
    action = policies[0].get("action", "RETRY_TASK")
    codes = [
        code
        for policy in policies
        if policy.get("action", action) == action
        for code in policy.get("actionCondition", {}).get("exitCodes", [])
    ]
    merged = {"action": action, "actionCondition": {"exitCodes": list(dict.fromkeys(codes))}}
    same = all(policy.get("action", action) == action for policy in policies)
    reason = f"{finding.message}; this one has the exit codes of all that {action}"
    bench.put(path, [merged], reason, certain=same, rule=finding.rule)


def policy_codes(bench: Bench, finding: Finding) -> None:
    """A policy without codes is for lost VMs; a number that is no exit code goes."""
    path = path_parts(finding.path)
    if isinstance(path[-1], int):
        bench.drop(path, finding.message, certain=True, rule=finding.rule)
    else:
        reason = f"{finding.message}; the codes of lost VMs are assumed"
        bench.put(path, list(LOST_VM), reason, rule=finding.rule)


def one_entry(bench: Bench, finding: Finding) -> None:
    """A list of which Batch takes the first entry only."""
    path = path_parts(finding.path)
    bench.put(path[:-1], bench.get(path[:-1])[:1], f"{finding.message}; the first is kept",
              rule=finding.rule)  # fmt: skip


MENDERS: dict[str, Mender] = {
    "PARSE_UNKNOWN": unknown_field,
    "PARSE_ALPHA_FIELD": preview_field,
    "PARSE_CASE_DUP": given_twice,
    "PARSE_SHAPE": wrong_shape,
    "PARSE_TYPE": wrong_type,
    "PARSE_ENUM": unknown_word,
    "PARSE_ENUM_NUM": unknown_word,
    "PM_ENUM": unknown_word,
    "LP_ACTION": unknown_word,
    "PARSE_ONEOF": two_of_one,
    "RUN_ONEOF": runnable_of_two,
    "SCRIPT_ONEOF": script_missing,
    "VOL_ONEOF": volume_without_source,
    "DISK_ONEOF": disk_of_nothing,
    "BD_SNAPSHOT": two_of_one,
    "TG_ONE": task_groups,
    "RUN_EMPTY": nothing_runs,
    "RUN_NO_WORK": nothing_runs,
    "LP_ONE": one_policy,
    "LP_CODES": policy_codes,
    "INST_ONEOF": two_of_one,
    "INST_ONE": one_entry,
    "ACC_ONE": one_entry,
}
