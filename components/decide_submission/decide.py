"""Whether a run may submit its job: a question, a refusal or an error in the job stops it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from components.errors import InputError
from components.storage.files import read_text, write_json
from components.storage.uris import join
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
    answer: Mapping[str, Any], findings: Sequence[Mapping[str, Any]], *, dry_run: bool
) -> Decision:
    """Decide about a job from what the intent became and what is wrong with it.

    Args:
        answer: the content of intent.json.
        findings: the content of findings.json.
        dry_run: whether the person wants to see the request only.
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
    if dry_run:
        return Decision("show", "This is a dry run: the request is shown, nothing is submitted")
    return Decision("submit", "The job has no errors and may be submitted")


def decide_run(run_uri: str, *, dry_run: bool) -> Decision:
    """Decide about the job in a run folder and leave gate.json there.

    Raises:
        InputError: the run must stop here; the message says why. Also if a file of the run
            folder is missing.
    """
    answer = json.loads(read_text(join(run_uri, "intent.json")))
    findings = json.loads(read_text(join(run_uri, "findings.json")))
    decision = decide(answer, findings, dry_run=dry_run)
    gate = {"go": decision.go, **asdict(decision)}
    write_json(join(run_uri, "gate.json"), gate)
    if decision.verdict == "stop":
        raise InputError(decision.reason, fix=decision.fix)
    return decision


def _quoted(text: object) -> str:
    """Somebody else's words in one short line without a final stop."""
    return brief(str(text or "").rstrip().rstrip("."), LONGEST_QUOTE)
