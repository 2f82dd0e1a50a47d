"""The rules of a Batch job: `check` says what is wrong with one, `all_rules` what is looked for.

A rule is a small pure function with an id, a severity and a source; the files beside this one
hold them by the part of the job that they look at. `shape` runs first: what it lets through has
the types of the proto, so no rule asks about types again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

from components.batch.findings import Finding, Path, path_parts, path_text, sorted_findings
from components.batch.rules.parsing import PARSING_RULES
from components.batch.rules.rule import MOST_FINDINGS, Rule
from components.batch.rules.shape import read_shape
from components.batch.rules.view import JobView

RULE_FILES = (
    "job",
    "task_group",
    "runnables",
    "containers",
    "scripts",
    "retries",
    "environment",
    "compute",
    "volumes",
    "machine_type",
    "accelerators",
    "disks",
    "placement",
    "network",
    "blanks",
)


@lru_cache(maxsize=1)
def job_rules() -> tuple[Rule, ...]:
    """The rules that look at a job that was read, in the order of the files."""
    modules = (import_module(f"{__name__}.{name}") for name in RULE_FILES)
    return tuple(rule for module in modules for rule in module.RULES.rules)


def all_rules() -> dict[str, Rule]:
    """Every rule that `check` may report, by id."""
    return {**PARSING_RULES, **{rule.id: rule for rule in job_rules()}}


@dataclass(frozen=True)
class Examined:
    """What looking at a job gave.

    Attributes:
        findings: errors first, then by path.
        names: names as they were written, by path, where they differ from the JSON names.
    """

    findings: list[Finding]
    names: dict[Path, str]


def check(job: Mapping[str, Any]) -> list[Finding]:
    """What is wrong with a job.

    Args:
        job: a Batch v1 Job as JSON data, in camelCase or snake_case. Any JSON value is taken:
            what is no job gives findings, never an exception.

    Returns:
        Findings, errors first and then by path. A job without errors parses strictly as
        `google.cloud.batch_v1.Job`.
    """
    return examine(job).findings


def examine(job: object, most: int = MOST_FINDINGS) -> Examined:
    """`check`, and how the job's names were read, for whoever looks them up in a text.

    Args:
        job: any JSON value.
        most: findings of one rule, and of the reading; what is beyond is not told.
    """
    shape = read_shape(job, most)
    if () in shape.lost:  # no object at all: nothing else can be said
        return Examined(sorted_findings(shape.findings), {})
    view = JobView(shape.job, size_bytes=_compact_size(job), lost=shape.lost)
    found = [finding for rule in job_rules() for finding in rule.findings(view, most)]
    blanks = {f.path for f in found if f.rule == "PLACEHOLDER" and f.severity == "error"}
    lost = {path_text(path) for path in shape.lost}
    holders = {path_text(path[:-1]) for path in shape.lost}
    kept = [f for f in found if not _said_already(f, blanks, lost, holders)]
    return Examined(sorted_findings([*shape.findings, *kept]), shape.names)


def _compact_size(job: object) -> int:
    try:
        text = json.dumps(job, separators=(",", ":"), ensure_ascii=False, default=str)
    except (ValueError, RecursionError):  # numbers of thousands of digits; absurd nesting
        return 0
    return len(text.encode("utf-8", "replace"))


def _said_already(finding: Finding, blanks: set[str], lost: set[str], holders: set[str]) -> bool:
    """Whether a finding only repeats that a blank stands there, or that a value was unreadable.

    Args:
        finding: of a rule, not of the reading.
        blanks: paths of values that hold a blank.
        lost: paths of unreadable values.
        holders: paths of what the unreadable values stand in.
    """
    if finding.path in blanks:
        return finding.rule != "PLACEHOLDER"
    if not lost or not finding.path:
        return False
    parts = path_parts(finding.path)
    above = {path_text(parts[:length]) for length in range(1, len(parts) + 1)}
    return finding.path in holders or not lost.isdisjoint(above)
