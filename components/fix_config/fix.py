"""Fixes a broken job: reads it whatever it takes, mends what the validator finds and the complaint
means, and tells every change with its reason.

Order: the text is made readable; `config.fix` mends what has one meaning; the errors that are left
are mended with stated assumptions; then what the complaint speaks of. The validator judges every
step, and none is kept that leaves more errors than there were.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from components.batch.findings import Finding, path_text
from components.batch.policy import POLICY_RULES
from components.config.bench import Bench, Change, told_once
from components.config.check import JOB_ALONE, Against, validate_text
from components.config.fix import fix_text
from components.config.source import read_source
from components.config.write_back import written_anew, written_back
from components.fix_config.answer import Answer
from components.fix_config.diagnose import Diagnosed, diagnosed, explained, plain_complaint
from components.fix_config.mend import findings_of, mend_findings
from components.fix_config.reading import JobText, decoded, job_inside, job_text, looks_like_job

# Warnings that make jobs fail: mended where a complaint says that the job fails, and nothing more.
_OFTEN_IT = frozenset(
    {"ACC_DRV", "ACC_DRV_OLD", "CR_CPU_UNIT", "CR_FIT", "CR_POS", "CTR_CMD_SPLIT", "CTR_EXPAND",
     "CTR_ENTRYPOINT", "CTR_OPT_VOL", "CTR_VOL", "DISK_UNMOUNTED", "LOGS_NONE", "LP_NO_RETRY",
     "MT_KNOWN", "MT_METAL", "PACK_MEM", "PM_SPOT_TYPE", "SCRIPT_PATH",
     "SCRIPT_SHEBANG_POS", "SCRIPT_SHELL", "TCPN_FIT", "VOL_COS"}
)  # fmt: skip

# A proposal for a job: the job, the complaint, what rules decided -> (new job, what it says).
Suggest = Callable[[Bench], Bench]


def fix_job(
    data: bytes,
    file: str,
    complaint: str = "",
    *,
    against: Against = JOB_ALONE,
    suggest: Suggest | None = None,
) -> Answer:
    """Fix a job.

    Args:
        data: a file with a job: JSON or YAML, or what was meant as such.
        file: its name.
        complaint: the error, the events or the trouble in words; may be empty.
        against: where the job is to be submitted, and the organisation's policy; what breaks the
            policy is told, not mended.
        suggest: adds proposals after the rules have had their say.

    Returns:
        The answer; a job without errors and without a complaint comes back as it is.
    """
    region = against.region
    text, changes = decoded(data)
    complaint = plain_complaint(complaint).strip()
    read = job_text(text, file)
    value, path = job_inside(read.source.value)
    if not isinstance(value, Mapping) or not (looks_like_job(value) or value == {}):
        return _no_job(read, text, file)
    if path:
        read = _unwrapped(read, dict(value), path)
    bench = Bench(dict(read.source.value or {}), complaint, [*changes, *read.changes])
    if not complaint and not bench.changes and not read.source.findings:
        found = findings_of(bench, region)
        if not any(finding.severity == "error" for finding in found):
            return _answer(bench, read, text, [], against)
    return _fixed(bench, read, text, file, against, suggest)


def _fixed(
    bench: Bench,
    read: JobText,
    text: str,
    file: str,
    against: Against,
    suggest: Suggest | None,
) -> Answer:
    region = against.region
    was_right = _errors(bench, region) == 0 and not bench.changes
    first = fix_text(read.text, file)
    source = read_source(first.text, file)
    job = source.value if isinstance(source.value, dict) else bench.job
    read, twice = _once(replace(read, text=first.text, source=source), job)
    mended = [
        Change(c.path, c.before, c.after, c.what, True, c.rule) for c in first.changes
    ]  # fmt: skip
    bench = Bench(job, bench.complaint, [*bench.changes, *mended, *twice])
    bench = mend_findings(bench, region=region)
    bench = mend_findings(bench, asked=_following(bench.changes), region=region)
    rows = diagnosed(bench.complaint) if bench.complaint else []
    # Words that say no more than that it fails, of a job without errors: what often is the reason.
    often = _OFTEN_IT if was_right and not rows else frozenset()
    bench = _complaint_heard(bench, rows, often, region)
    if suggest is not None:
        bench = suggest(bench)
    return _answer(bench, read, text, rows, against)


def _once(read: JobText, job: dict[str, Any]) -> tuple[JobText, list[Change]]:
    """The text with each name once in an object; of two values the last is what parsers keep."""
    found = [f for f in read.source.findings if f.rule == "PARSE_DUP_KEY"]
    if not found:
        return read, []
    text = written_anew(read.source, job)
    told = [
        Change("", None, None, f"line {f.line}: {f.message}; the last one is kept", False, f.rule)
        for f in found
    ]  # fmt: skip
    return replace(read, text=text, source=read_source(text, read.source.file)), told


def _following(changes: list[Change]) -> set[str]:
    """Rules that changes call for: units of renamed fields, words of a command, drivers."""
    rules: set[str] = set()
    for change in changes:
        if change.rule == "PARSE_UNKNOWN" and re.search(r"(?i)cpu|memory", change.path):
            rules |= {"CR_CPU_UNIT", "CR_POS"}
        if "commands" in change.path or change.after == "commands":
            rules |= {"CTR_CMD_SPLIT", "CTR_EXPAND"}
        if "accelerators" in change.path or change.rule.startswith("ACC_"):
            rules |= {"ACC_DRV", "ACC_DRV_OLD"}
    return rules


def _complaint_heard(
    bench: Bench, rows: list[Diagnosed], often: frozenset[str], region: str | None
) -> Bench:
    """The job with what the complaint asks for."""
    if not bench.complaint:
        return bench
    asked = {*often, *(rule for row in rows for rule in row.symptom.rules)}
    bench = mend_findings(bench, asked=asked, region=region)
    for row in rows:
        change = row.symptom.change
        if change is None:
            continue
        trial = bench.copy()
        change(trial, row.found)
        if trial.job != bench.job and _errors(trial, region) <= _errors(bench, region):
            bench = trial
    return mend_findings(bench, asked=asked, region=region)


def _errors(bench: Bench, region: str | None) -> int:
    return sum(finding.severity == "error" for finding in findings_of(bench, region))


def _unwrapped(read: JobText, job: dict[str, Any], path: tuple[str | int, ...]) -> JobText:
    text = json.dumps(job, ensure_ascii=False, indent=2) + "\n"
    reason = f"took the job out of `{path_text(path)}`, in which it stood"
    change = Change("", None, None, reason, True)
    return JobText(text, read_source(text, read.source.file), [*read.changes, change])


def _answer(
    bench: Bench,
    read: JobText,
    given: str,
    rows: list[Diagnosed],
    against: Against,
) -> Answer:
    file = read.source.file
    changes = told_once(bench.changes)
    changed = bool(changes) or bench.job != read.source.value
    text = written_back(read.source, bench.job) if changed else given
    findings = [*read_source(text, file).findings, *findings_of(bench, against.region)]
    if against.policy is not None:
        told = validate_text(text, file, against=against).findings
        findings += [finding for finding in told if finding.rule in POLICY_RULES]
    left = [finding for finding in findings if finding.severity == "error"]
    return Answer(
        job=bench.job,
        text=text,
        given=given,
        file=file,
        changes=changes,
        says=_says(bench, rows, changes or left),
        remedies=list(dict.fromkeys(row.remedy for row in rows if row.remedy))[:4],
        left=left,
        doubts=[finding for finding in findings if finding.severity == "warning"],
    )


def _says(bench: Bench, rows: list[Diagnosed], to_tell: Sequence[object]) -> list[str]:
    says = [row.says for row in rows][:4]
    if bench.complaint and not rows:
        says = list(explained(bench.complaint))[:3] or [
            "These words match none of the known troubles. Its exit code, its events and the last "
            "lines of its log say why a task fails: intent2batch tasks JOB."
        ]
    elif not bench.complaint and not to_tell:
        says = ["No error was found in the job, and no complaint was given."]
    return [*says, *bench.notes]


def _no_job(read: JobText, text: str, file: str) -> Answer:
    found = [f for f in read.source.findings if f.severity == "error"]
    said = [_placed(finding) for finding in found[:3]]
    return Answer(
        None, text, text, file, left=found, says=["The text holds no Batch job.", *said]
    )  # fmt: skip


def _placed(finding: Finding) -> str:
    return f"Line {finding.line}, column {finding.column}: {finding.message}."
