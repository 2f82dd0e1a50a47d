"""Mends of too much and too little: two fields where one may be, and what a job lacks."""

from __future__ import annotations

import re

from components.batch.exit_codes import LOST_VM
from components.batch.findings import Finding, path_parts
from components.batch.rules.rule import shown
from components.batch.rules.view import SPEC
from components.config.bench import Bench
from components.fix_config.mend_shape import Mender

# Where nothing says what to run, this shows where it belongs.
NOTHING_TO_RUN = "echo 'Put your command here'"
_COMMAND = re.compile(r"`([^`\n]{2,400})`")


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
