"""Whether a run may submit its job: a question, a refusal, an error in it or its cost stops it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from components.batch.budget import check_budget, over_budget, within_budget
from components.batch.forecast import Assumptions, Forecast, forecast
from components.batch.forecast_words import one_line, page
from components.batch.vm_prices import load_vm_prices
from components.errors import InputError
from components.storage.files import exists, read_text, write_json, write_text
from components.storage.uris import join
from components.tables.markdown import plain
from components.tables.text import brief

# The console shows an error in one line; the report holds all of it.
LONGEST_QUOTE = 300
# The rules of an organisation's policy file (components/batch/policy.py) begin with it.
POLICY_RULE = "POLICY_"


@dataclass(frozen=True)
class Decision:
    """What happens to the job of a run.

    Args:
        verdict: `submit` it, `show` the request only (a dry run), or `stop` with an error.
        reason: one sentence that says why, for the person who started the run.
        fix: what that person can do next; empty unless the run stops.
    """

    verdict: Literal["submit", "show", "stop"]
    reason: str
    fix: str = ""

    @property
    def go(self) -> bool:
        """Whether the job is submitted."""
        return self.verdict == "submit"


def decide(
    answer: Mapping[str, Any],
    findings: Sequence[Mapping[str, Any]],
    *,
    dry_run: bool,
    told: Forecast | None = None,
    max_cost_usd: float = 0.0,
) -> Decision:
    """Decide about a job from what the intent became, what is wrong with it and what it costs.

    Args:
        answer: the content of intent.json.
        findings: the content of findings.json.
        dry_run: whether the person wants to see the request only.
        told: the job's forecast; None where there is no job.
        max_cost_usd: what the job may cost at worst; 0 sets no limit.
    """
    if answer.get("outcome") == "clarify":
        asked = " ".join(str(question) for question in answer.get("questions") or ())
        return Decision(
            "stop",
            "The intent leaves questions open, so no job was submitted: "
            + _quoted(asked or answer.get("message")),
            "Answer in the intent and run again.",
        )
    if answer.get("outcome") != "config":
        return Decision(
            "stop",
            "No Batch job can be made of this intent: " + _quoted(answer.get("message")),
        )
    errors = [finding for finding in findings if finding.get("severity") == "error"]
    if errors:
        first = errors[0]
        place = f"{first['path']}: " if first.get("path") else ""
        count = "an error" if len(errors) == 1 else f"{len(errors)} errors, the first of them"
        what = f"The job has {count} and was not submitted: "
        if all(str(error.get("rule", "")).startswith(POLICY_RULE) for error in errors):
            what = "The organisation's policy does not allow the job, so it was not submitted: "
        return Decision(
            "stop",
            what + _quoted(f"{place}{first.get('message', '')}"),
            _quoted(first.get("fix")),
        )
    over = over_budget(told, max_cost_usd) if told is not None else ""
    if told is not None and over:
        return Decision("stop", f"The job was not submitted. {over}", within_budget(told))
    if dry_run:
        return Decision("show", "This is a dry run: the request is shown, nothing is submitted")
    return Decision("submit", "The job has no errors and may be submitted")


def decide_run(
    run_uri: str,
    *,
    dry_run: bool,
    region: str = "",
    max_cost_usd: float = 0.0,
    prices_uri: str = "",
    page_path: str = "",
) -> Decision:
    """Decide about the job in a run folder and leave gate.json there, its forecast among it.

    Args:
        run_uri: the run folder.
        dry_run: whether the request is only shown.
        region: where the job is to be submitted; empty: where the job says.
        max_cost_usd: what the job may cost at worst; 0 sets no limit.
        prices_uri: a price file of VMs, local or gs://; empty for the shipped one.
        page_path: a file for the decision as a page; empty: none.

    Raises:
        InputError: the run must stop here; the message says why. Also if a file of the run
            folder is missing, or the prices cannot be read.
        WrongUse: max_cost_usd is no amount.
    """
    check_budget(max_cost_usd)
    answer = json.loads(read_text(join(run_uri, "intent.json")))
    findings = json.loads(read_text(join(run_uri, "findings.json")))
    job = _job(run_uri, answer)
    given = Assumptions(region=region)
    told = forecast(job, load_vm_prices(prices_uri), given) if job is not None else None
    decision = decide(answer, findings, dry_run=dry_run, told=told, max_cost_usd=max_cost_usd)
    gate: dict[str, Any] = {"go": decision.go, **asdict(decision)}
    if told is not None:
        gate |= {"forecast": {"line": one_line(told), **told.to_dict()}}
        gate["max_cost_usd"] = max_cost_usd
    write_json(join(run_uri, "gate.json"), gate)
    if page_path:
        write_text(page_path, as_markdown(decision, told))
    if decision.verdict == "stop":
        raise InputError(decision.reason, fix=decision.fix)
    return decision


_TITLES = {
    "submit": "The job is submitted",
    "show": "The request is only shown",
    "stop": "Nothing was submitted",
}


def as_markdown(decision: Decision, told: Forecast | None) -> str:
    """The decision as a page for the console, with the forecast of the job if there is one."""
    lines = [f"# {_TITLES[decision.verdict]}", "", f"{plain(decision.reason)}."]
    if decision.fix:
        lines += ["", f"{plain(decision.fix.rstrip('.'))}."]
    if told is not None:
        table, _, notes = "\n".join(page(told)).partition("\n\n")
        lines += ["", "## Forecast", "", *(f"    {line}" for line in table.splitlines()), ""]
        lines += [f"* {plain(note)}" for note in notes.splitlines()]
    return "\n".join(lines) + "\n"


def _job(run_uri: str, answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The job as it would be sent: job.json, which the checks may have mended."""
    place = join(run_uri, "job.json")
    job = json.loads(read_text(place)) if exists(place) else answer.get("job")
    return job if isinstance(job, dict) else None


def _quoted(text: object) -> str:
    """Somebody else's words in one short line without a final stop."""
    return brief(str(text or "").rstrip().rstrip("."), LONGEST_QUOTE)
