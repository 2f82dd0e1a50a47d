"""The step of a run that checks the job: reads it, mends it, leaves findings in the run folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from components.batch.findings import Finding
from components.batch.worst_cost import worst_cost
from components.config.check import Against, validate_bytes
from components.config.fix import Change, fix_text
from components.config.policy_file import read_policy
from components.config.source import decode
from components.storage.files import write_json, write_text
from components.storage.uris import join
from components.tables.markdown import plain
from components.tables.text import json_text
from components.validate_config.formats import summary

JOB_FILE = "job.json"
FINDINGS_FILE = "findings.json"


@dataclass(frozen=True)
class Checked:
    """What the step found.

    Attributes:
        job_text: the job as JSON text, mended; `null` where there is no job.
        findings: about the job after mending.
        changes: what was mended.
    """

    job_text: str
    findings: list[Finding]
    changes: list[Change]

    @property
    def errors(self) -> int:
        """How many findings stop the run."""
        return sum(finding.severity == "error" for finding in self.findings)


def check_step(
    job_path: str,
    run_uri: str,
    *,
    region: str,
    strict: bool,
    policy_uri: str = "",
    prices_uri: str = "",
) -> Checked:
    """Check the job that a step before wrote; write findings.json, and job.json where mended.

    Args:
        job_path: a local file with the job; empty or `null` where the intent gave no job, which
            is for the gate to tell, so there are no findings then.
        run_uri: the run's folder, local or gs://.
        region: where the job is to be submitted; empty: where the job says.
        strict: whether warnings count as errors.
        policy_uri: the organisation's policy file, local or gs://; empty: there is none.
        prices_uri: a price file of VMs, for a policy that limits the cost; empty: the shipped one.

    Raises:
        InputError: there is no such policy file or price file, or it is none.
    """
    data = Path(job_path).read_bytes()
    none = data.strip() in (b"", b"null")
    # Read also where there is no job: a policy that cannot be read shall not wait to be noticed.
    policy = read_policy(policy_uri) if policy_uri else None
    cost_of = worst_cost(region, prices_uri) if policy and policy.max_cost_usd is not None else None
    against = Against(region=region, policy=policy, cost_of=cost_of)
    checked = Checked("null\n", [], []) if none else check_job(data, against)
    if strict:
        checked = replace(checked, findings=[_stricter(finding) for finding in checked.findings])
    write_json(join(run_uri, FINDINGS_FILE), [finding.to_dict() for finding in checked.findings])
    if checked.changes:
        write_text(join(run_uri, JOB_FILE), checked.job_text, content_type="application/json")
    return checked


def check_job(data: bytes, against: Against) -> Checked:
    """Mend and check the bytes of a job file."""
    text, slip = decode(data)
    if slip is not None:
        return Checked("null\n", validate_bytes(data, JOB_FILE, against=against).findings, [])
    fixed = fix_text(text, JOB_FILE)
    validated = validate_bytes(fixed.text.encode(), JOB_FILE, against=against)
    job_text = json_text(validated.job, indent=2) + "\n"
    return Checked(job_text, validated.findings, fixed.changes)


def _stricter(finding: Finding) -> Finding:
    return replace(finding, severity="error") if finding.severity == "warning" else finding


def as_markdown(checked: Checked) -> str:
    """The findings as a page for the console: a summary, a table, what was mended."""
    title = "No job to check" if checked.job_text == "null\n" and not checked.findings else ""
    lines = [f"# {title or summary(checked.findings, [JOB_FILE])}", ""]
    if checked.findings:
        lines += ["| severity | rule | where | what | fix |", "|---|---|---|---|---|"]
        lines += [_row(finding) for finding in checked.findings]
    if checked.changes:
        lines += ["", "## Mended", ""]
        lines += [f"* {plain(change.path)}: {plain(change.what)}" for change in checked.changes]
    return "\n".join(lines) + "\n"


def _row(finding: Finding) -> str:
    cells: Sequence[str] = (
        finding.severity,
        finding.rule,
        finding.path,
        finding.message,
        finding.fix,
    )
    return "| " + " | ".join(plain(cell) for cell in cells) + " |"
