"""Checks the text or file of a Batch job: every finding with its file, line and column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from components.batch.findings import Finding, Path, path_parts, path_text, sorted_findings
from components.batch.locations import job_region, region_of
from components.batch.policy import CostOf, Policy, check_policy
from components.batch.rules import Examined, examine
from components.batch.rules.request import check_request
from components.batch.rules.rule import MOST_FINDINGS, shown
from components.config.source import (
    Source,
    decode,
    locate,
    read_source,
    slip_finding,
    written_path,
)
from components.config.spans import Lines, Read, value_at


@dataclass(frozen=True)
class Validated:
    """What checking gave.

    Attributes:
        job: the job as JSON data, as it was written, without the request around it where there
            is one; None where the text holds no object.
        findings: errors first.
        source: the text and the places in it; None where the file is no text.
        names: names as written, by path, where they differ from the JSON names.
    """

    job: dict[str, Any] | None
    findings: list[Finding]
    source: Source | None = None
    names: dict[Path, str] = field(default_factory=dict)

    @property
    def errors(self) -> list[Finding]:
        """The findings that are errors."""
        return [finding for finding in self.findings if finding.severity == "error"]


@dataclass(frozen=True)
class Against:
    """What a job is held against beside the rules of Batch.

    Attributes:
        region: where the job is to be submitted, to be checked too; empty: where the job says.
            None: nothing is to be submitted.
        taken: full names of jobs that a request may not ask for again, each with where it is.
        policy: the organisation's; None: there is none.
        cost_of: tells the most that a job may cost, for a policy that limits it.
    """

    region: str | None = None
    taken: Mapping[str, str] = field(default_factory=dict)
    policy: Policy | None = None
    cost_of: CostOf | None = None


JOB_ALONE = Against()


def validate_text(
    text: str,
    file: str,
    most: int = MOST_FINDINGS,
    *,
    against: Against = JOB_ALONE,
) -> Validated:
    """Check the text of a job.

    Args:
        text: JSON or YAML, a job or a request to create one (parent, jobId, requestId, job);
            anything is taken, and what cannot be read is one finding.
        file: its name, for the findings and for telling YAML by its ending.
        most: findings of one rule; what is beyond is not told.
        against: what the job is held against beside the rules of Batch.

    Returns:
        The job and the findings, each with line and column of the field, or of what the
        missing field belongs into.
    """
    source = read_source(text, file, most)
    if source.read is None:
        return Validated(None, source.findings, source)
    examined = examine(source.value, most)
    lines = Lines(source.text)
    told = [_yaml_trap(finding, source.read, examined) for finding in examined.findings]
    told += _silent_traps(source.read, {f.path for f in told if f.rule == "PARSE_YAML_TRAP"})
    job = source.value if isinstance(source.value, dict) else None
    findings = [_placed(finding, source.read, examined.names, lines, file) for finding in told]
    if job is not None:
        for finding in _beside_the_rules(job, source, against):
            beside = finding.path in ("parent", "jobId", "requestId")
            read = source.whole if beside and source.whole else source.read
            findings.append(_placed(finding, read, examined.names, lines, file))
    return Validated(job, sorted_findings([*source.findings, *findings]), source, examined.names)


def _beside_the_rules(job: dict[str, Any], source: Source, against: Against) -> list[Finding]:
    """What the request and the organisation's policy have to say."""
    request, found = source.request, []
    parent = request.region if request is not None and request.parent else ""
    if request is not None:
        asked = parent or job_region(job, against.region or "")
        found = check_request(job, region=asked, request=request, taken=against.taken)
    elif against.region is not None:
        found = check_request(job, region=job_region(job, against.region))
    if against.policy is not None:
        asked = region_of(parent) or against.region or ""
        found += check_policy(job, against.policy, region=asked, cost_of=against.cost_of)
    return found


def validate_bytes(data: bytes, file: str, *, against: Against = JOB_ALONE) -> Validated:
    """Check the bytes of a file; what is no UTF-8 text is one finding."""
    text, slip = decode(data)
    if slip is not None:
        return Validated(None, [slip_finding(slip, text, file)])
    return validate_text(text, file, against=against)


def _placed(
    finding: Finding, read: Read, names: Mapping[Path, str], lines: Lines, file: str
) -> Finding:
    span = locate(read, path_parts(finding.path), names)
    if span is None:
        return replace(finding, file=file, line=1, column=1)
    line, column = lines.place(span.key_start if span.key_start >= 0 else span.start)
    return replace(finding, file=file, line=line, column=column)


def _yaml_trap(finding: Finding, read: Read, examined: Examined) -> Finding:
    """Say of a wrong type that YAML made it, where it did: `yes` is true, 12:30 is 750."""
    if finding.rule != "PARSE_TYPE" or not read.plain or "must be a text" not in finding.message:
        return finding
    path = written_path(read, path_parts(finding.path), examined.names)
    word = read.plain.get(path) if path is not None else None
    if word is None:
        return finding
    return replace(
        finding,
        rule="PARSE_YAML_TRAP",
        message=f"{shown(word)} without quotes is not a text to YAML, and a text is needed here",
        fix=f'write "{word}"',
    )


def _silent_traps(read: Read, told: set[str]) -> list[Finding]:
    """Numbers that YAML silently changed (`010` is 8, `1:30` is 90), at paths not yet told."""
    found = []
    for path, word in read.plain.items():
        value = _value(read, path)
        changed = isinstance(value, int) and not isinstance(value, bool)
        if (
            changed
            and path_text(path) not in told
            and word.lstrip("+-").replace("_", "") != str(abs(value))
        ):
            found.append(
                Finding(
                    "PARSE_YAML_TRAP",
                    "warning",
                    path_text(path),
                    f"YAML reads {shown(word)} as {value}",
                    f"write {value}, or quotes around it",
                )
            )
    return found


def _value(read: Read, path: Path) -> Any:
    try:
        return value_at(read.value, path)
    except (KeyError, IndexError, TypeError):  # a duplicate key hid it
        return None
