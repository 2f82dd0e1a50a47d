"""Fields given as `key: value` or `key=value`, by the names that people call them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from components.parse_intent.draft import Asked
from components.parse_intent.offline.amounts import durations, sizes
from components.parse_intent.offline.normal import FILL
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern

KEYED = Pattern(
    r"(?:^|[\n;,|/.({\[]\s*|\s[-*•>]+\s+|\n[ \t>*•-]*)[\"']?(?P<k>[a-z][a-z0-9 _/-]{1,40}?)[\"']?"
    r"[ \t]*(?:[:=]|=>|->)[ \t]*[\"']?"
    r"(?P<v>[-\w.+%:½ ]{1,30}?)[\"']?(?=[ \t]*(?:$|[\n;,|/(}\]]|\.(?:\s|$)))"
    rf"(?!\.\s*{FILL})",  # "Per task: 1. `a.sh` 2. `b.sh`" is a list
    re.IGNORECASE,
)
# Words that say nothing about which field is meant.
FILLING = Pattern(
    r"\b(?:max(?:imum)?|number|num|no|of|the|count|per task|each|for each|every|allowed|limit"
    r"|per job"
    r"|task|tasks'?|hard|total|up to|my|our|gce|batch|vm)\b"
)
COUNT = (
    "",
    "size of array",
    "array",
    "array size",
    "array length",
    "how many",
    "quantity",
    "qty",
    "n",
    "ntasks",
    "completions",
)
NAMES: dict[str, tuple[str, ...]] = {
    "parallelism": (
        "parallel",
        "parallelism",
        "concurrent",
        "concurrency",
        "simultaneous",
        "simultaneously",
        "at once",
        "in parallel",
        "width",
        "in flight",
        "running",
        "at a time",
        "at the same time",
        "parallel runs",
        "parallel jobs",
        "concurrent runs",
        "slots",
        "workers",
        "throttle",
        "together",
        "side by side",
        "degree of parallelism",
        "parallel degree",
        "fan out",
        "fan-out",
        "par",
        "conc",
    ),
    "task_count": ("count", "task", "tasks", *COUNT),
    "max_retries": (
        "retry",
        "retries",
        "reruns",
        "re-runs",
        "restarts",
        "attempts again",
        "max retry",
        "retry attempts",
        "on failure retry",
        "retries on failure",
        "on error retry",
    ),
    "cpu_milli": ("cpu", "cpus", "vcpu", "vcpus", "core", "cores", "processors", "cpu cores"),
    "memory_mib": ("memory", "ram", "mem"),
    "max_run_s": (
        "timeout",
        "time out",
        "time",
        "run time",
        "runtime",
        "walltime",
        "wall time",
        "wall clock",
        "duration",
        "run duration",
        "deadline",
        "time budget",
        "time cap",
        "ttl",
        "run",
        "wallclock",
        "kill after",
        "stop after",
        "time per",
        "cutoff",
        "cut-off",
    ),
    "tasks_per_node": (
        "per vm",
        "per node",
        "per machine",
        "per host",
        "per instance",
        "packing",
        "per box",
        "tasks on a vm",
        "density",
    ),
    "priority": ("priority", "prio", "job priority"),
    "provisioning": (
        "spot",
        "preemptible",
        "preemptibles",
        "use spot",
        "interruptible",
        "spot vms",
    ),
}
FIELD_OF = {name: field for field, names in NAMES.items() for name in names}
YES = Pattern(
    r"(?:yes|y|true|on|ok|okay|fine|sure|please|1|allowed|wanted|enabled)\b", re.IGNORECASE
)
NO = Pattern(
    r"(?:no|n|false|off|none|never|0|not|nope|disabled|unwanted|forbidden|don't)\b", re.IGNORECASE
)
WHOLE = Pattern(r"(?P<n>-?\d{1,9})(?: ?(?:x|times|tasks?|runs|at once|parallel|cores?|v?cpus?))?")
DECIMAL = Pattern(r"(?P<n>\d{1,4}(?:\.\d{1,3})?)(?: ?(?:x|v?cpus?|cores?|vcores?))?")


def _whole(value: str) -> int | None:
    match = WHOLE.fullmatch(value)
    return int(match["n"]) if match else None


def _retries(value: str) -> int | None:
    return 0 if NO.fullmatch(value) else _whole(value)


def _cpu(value: str) -> int | None:
    match = DECIMAL.fullmatch(value)
    return round(float(match["n"]) * 1000) or None if match else None


def _memory(value: str) -> int | None:
    found = sizes(value)
    alone = len(found) == 1 and found[0].start == 0 and found[0].end == len(value)
    return max(1, round(found[0].value)) if alone else None


def _time(value: str) -> int | None:
    found = durations(value)
    alone = len(found) == 1 and found[0].start == 0 and found[0].end == len(value)
    return max(1, round(found[0].value)) if alone else None


def _spot(value: str) -> str | None:
    if NO.match(value):
        return "STANDARD"
    return "SPOT" if YES.match(value) else None


PARSERS: dict[str, Callable[[str], Any]] = {
    "parallelism": _whole,
    "task_count": _whole,
    "max_retries": _retries,
    "cpu_milli": _cpu,
    "memory_mib": _memory,
    "max_run_s": _time,
    "tasks_per_node": _whole,
    "priority": _whole,
    "provisioning": _spot,
}


def field_named(key: str) -> str:
    """The field of the draft that a key means; "" for none."""
    plain = " ".join(key.lower().replace("_", " ").split())
    bare = " ".join(FILLING.sub(" ", plain).split())
    for name in (plain, bare):
        if name in FIELD_OF and (name or "task" in plain):
            return FIELD_OF[name]
    return ""


def _counts_tasks(page: Page, match: re.Match[str], value: int) -> bool:
    """Whether a bare "count: 4" counts tasks and not the GPUs or disks before it."""
    before = page.norm[max(0, match.start("k") - 60) : match.start("k")]
    parts = re.search(r"\b(?:gpus?|accelerators?|disks?|ssds?|type)\b", before, re.IGNORECASE)
    return value > 0 and (parts is None or "task" in match["k"].lower())


def read_fields(page: Page) -> None:
    """Fill what the turn gives as key and value; the first value of a field holds."""
    for match in page.find(KEYED):
        field = field_named(match["k"])
        if not field or getattr(page.draft, field) is not None:
            continue
        value = PARSERS[field](match["v"].strip())
        if value is None or (field == "task_count" and not _counts_tasks(page, match, value)):
            continue
        quote = page.take(match.start("k"), match.end("v"))
        setattr(page.draft, field, Asked(value=value, quote=quote))
