"""Mends of limits, forms and counts: clamped to the limit that the rule names."""

from __future__ import annotations

import re

from components.batch.durations import meant_seconds, written
from components.batch.findings import Finding, path_parts
from components.batch.rules.job import label_slug
from components.batch.rules.task_group import MOST_PARALLEL, MOST_TASKS
from components.batch.rules.view import GROUP, SPEC
from components.config.bench import Bench
from components.fix_config.mend_shape import Mender

# The rules that know the right value say it in their fix.
_SAID = re.compile(
    r"(?:use|write|mean|is|to|parallelism to) `?(?P<value>[A-Za-z0-9][\w./-]{0,200})`?"
)


def as_said(bench: Bench, finding: Finding) -> None:
    """Write the value that the rule's own fix names; a number where a number stands."""
    found = _SAID.search(finding.fix)
    if found is None:
        return
    value = found["value"].rstrip(".,;")
    path = path_parts(finding.path)
    new: str | int = int(value) if value.isdigit() else value
    certain = finding.fix.startswith("write")
    bench.put(path, new, finding.message, certain=certain, rule=finding.rule)


def count_of_tasks(bench: Bench, finding: Finding) -> None:
    """A count of tasks beyond the limits."""
    count = bench.view.group.get("taskCount", 1)
    new = MOST_TASKS if count > MOST_TASKS else 1
    reason = f"{finding.message}; {new} is the limit, {finding.fix}"
    bench.put((*GROUP, "taskCount"), new, reason, rule=finding.rule)


def in_order(bench: Bench, finding: Finding) -> None:
    """IN_ORDER keeps its word: one at a time."""
    bench.put((*GROUP, "parallelism"), 1, finding.message, rule=finding.rule)


def environments(bench: Bench, finding: Finding) -> None:
    """As many tasks as there are environments."""
    count = len(bench.view.group.get("taskEnvironments", ()))
    reason = f"{finding.message}; the environments decide"
    bench.put((*GROUP, "taskCount"), count, reason, rule=finding.rule)


def barrier(bench: Bench, finding: Finding) -> None:
    """All tasks at once where one waits for the others."""
    count = bench.view.task_count
    if bench.view.group.get("schedulingPolicy") == "IN_ORDER":
        bench.drop((*GROUP, "schedulingPolicy"), finding.message, rule=finding.rule)
    if count <= MOST_PARALLEL:
        bench.put((*GROUP, "parallelism"), count, finding.message, rule=finding.rule)


def positive(bench: Bench, finding: Finding) -> None:
    """Nothing, or less than nothing, of a resource: the default counts."""
    path = path_parts(finding.path)
    if "did you mean" in finding.message:
        as_said(bench, finding)
    else:
        reason = f"{finding.message}; without it the default of 2000 counts"
        bench.drop(path, reason, rule=finding.rule)


def duration(bench: Bench, finding: Finding) -> None:
    """A duration that cannot be read, or is negative: no limit of its own."""
    path = path_parts(finding.path)
    value = bench.get(path)
    meant = meant_seconds(value)
    if meant is not None:
        bench.put(path, written(meant), finding.message, certain=True, rule=finding.rule)
        return
    negative = re.fullmatch(r"\s*-\s*([0-9]{1,9})\s*s?\s*", str(value))
    if negative and int(negative[1]):
        bench.put(path, f"{negative[1]}s", finding.message, rule=finding.rule)
    else:
        bench.drop(path, f"{finding.message}; without it there is no limit of its own",
                   rule=finding.rule)  # fmt: skip


def label(bench: Bench, finding: Finding) -> None:
    """A label's key or value in the letters that labels may have."""
    path = path_parts(finding.path)
    key = str(path[-1])
    if finding.message.startswith("label key"):
        slug = label_slug(key, "label")
        taken = bench.get(path[:-1], {})
        free = slug if slug not in taken else f"{slug[:60]}-2"
        bench.rename(path, free, finding.message, certain=False, rule=finding.rule)
    else:
        value = label_slug(str(bench.get(path)), "")
        bench.put(path, value, finding.message, rule=finding.rule)


def taken_out(bench: Bench, finding: Finding) -> None:
    """What may not be there goes."""
    bench.drop(path_parts(finding.path), finding.message, rule=finding.rule)


def tag(bench: Bench, finding: Finding) -> None:
    """A network tag in the letters that tags may have."""
    path = path_parts(finding.path)
    slug = label_slug(str(bench.get(path)), "tag").replace("_", "-").strip("-")
    if slug:
        bench.put(path, slug, finding.message, rule=finding.rule)


def retries(bench: Bench, finding: Finding) -> None:
    """A number of retries within 0 and 10."""
    new = min(10, max(0, bench.view.retries))
    bench.put((*SPEC, "maxRetryCount"), new, finding.message, rule=finding.rule)


MENDERS: dict[str, Mender] = {
    "TC_RANGE": count_of_tasks,
    "PAR_RANGE": as_said,
    "PAR_GT_TC": as_said,
    "PAR_INORDER": in_order,
    "TENV_COUNT": environments,
    "TCPN_RANGE": as_said,
    "RETRY_RANGE": retries,
    "PRIORITY": as_said,
    "CR_POS": positive,
    "CR_CPU_UNIT": as_said,
    "TIMEOUT_FMT": duration,
    "LABEL_KEY": label,
    "LABEL_RESERVED": taken_out,
    "TAG_FORM": tag,
    "BAR_PAR": barrier,
}
