"""The rules of a Batch job: `check` says what is wrong with one, `all_rules` what is looked for.

A rule is a small pure function with an id, a severity and a source; the files beside this one
hold them by the part of the job that they look at. `shape` runs first: what it lets through has
the types of the proto, so no rule asks about types again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any

from components.batch.findings import Finding, sorted_findings
from components.batch.rules.rule import Rule
from components.batch.rules.shape import PARSING_RULES, read_shape
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


def check(job: Mapping[str, Any]) -> list[Finding]:
    """What is wrong with a job.

    Args:
        job: a Batch v1 Job as JSON data, in camelCase or snake_case. Any JSON value is taken:
            what is no job gives findings, never an exception.

    Returns:
        Findings, errors first and then by path. A job without errors parses strictly as
        `google.cloud.batch_v1.Job`.
    """
    read, findings = read_shape(job)
    view = JobView(read, size_bytes=_compact_size(job))
    for rule in job_rules():
        findings.extend(rule.findings(view))
    return sorted_findings(_once(findings))


def _compact_size(job: object) -> int:
    try:
        return len(
            json.dumps(job, separators=(",", ":"), ensure_ascii=False, default=str).encode(
                "utf-8", "replace"
            )
        )
    except (ValueError, RecursionError):  # numbers of thousands of digits; absurd nesting
        return 0


def _once(findings: list[Finding]) -> list[Finding]:
    """Drop what says again, of the same place, that a blank stands there."""
    blanks = {f.path for f in findings if f.rule == "PLACEHOLDER" and f.severity == "error"}
    return [
        f
        for f in findings
        if f.rule == "PLACEHOLDER" or f.severity != "error" or f.path not in blanks
    ]
