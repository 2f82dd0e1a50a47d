"""What a run left behind, read without trust: any piece may be missing, cut short or strange."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.errors import Intent2BatchError
from components.reporting import FAILURE_FILE
from components.storage import files
from components.storage.uris import join

# How the platform says that the steps before ended (dsl.PipelineTaskFinalStatus).
_STEP_FAILED = ("FAILED", "CANCELLED")


@dataclass(frozen=True)
class Run:
    """The pieces of a run folder; empty where a piece is missing. `notes` says what was wrong.

    `rounds` are those of rounds.json that were submitted, each with its `ledger`.
    """

    uri: str
    intent: Mapping[str, Any] = field(default_factory=dict)
    findings: Sequence[Mapping[str, Any]] = ()
    gate: Mapping[str, Any] = field(default_factory=dict)
    ledger: Mapping[str, Any] = field(default_factory=dict)
    job: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    pipeline_error: str = ""
    rounds: Sequence[Mapping[str, Any]] = ()

    @property
    def job_name(self) -> str:
        """`projects/P/locations/L/jobs/J`, or "" when no job is known to exist."""
        return text_of(self.ledger.get("job_name"))

    @property
    def outcome(self) -> str:
        """How the run ended, one of the keys of `outcomes.OUTCOMES`."""
        if self.ledger:
            return self._outcome_of_rounds() or "unfinished"
        intent = text_of(self.intent.get("outcome"))
        if intent in ("clarify", "reject"):
            return intent
        if any(finding.get("severity") == "error" for finding in self.findings):
            return "findings"
        if self.gate and not self.gate.get("go"):
            return "dry_run" if self.gate.get("verdict") == "show" else "stopped"
        return "broken"

    def _outcome_of_rounds(self) -> str:
        """That of the last job; where tasks were given up, a success is none of the whole."""
        if not self.rounds:
            return text_of(self.ledger.get("outcome"))
        last = self.rounds[-1]
        outcome = text_of(last["ledger"].get("outcome"))
        return "failed" if outcome == "succeeded" and last.get("given_up") else outcome

    def ledger_of(self, number: int) -> Mapping[str, Any]:
        """The life of a round's job; 0 is the first one."""
        ledger: Mapping[str, Any] = self.rounds[number - 1]["ledger"] if number else self.ledger
        return ledger

    def job_of(self, number: int) -> tuple[str, Sequence[int] | None]:
        """A round's job, and which tasks of the first one its tasks are; None: the same."""
        indexes = self.rounds[number - 1]["indexes"] if number else None
        return text_of(self.ledger_of(number).get("job_name")), indexes

    @property
    def last_ledger(self) -> Mapping[str, Any]:
        """The life of the last job."""
        return self.ledger_of(len(self.rounds))


def read_run(uri: str, *, pipeline_state: str = "", pipeline_error: str = "") -> Run:
    """The pieces of the run folder.

    Args:
        uri: the run folder.
        pipeline_state: how the platform says that the steps before ended.
        pipeline_error: and with which message; what the failed step left in the folder says more.
    """
    notes: list[str] = []
    intent = mapping_in_file(uri, "intent.json", notes)
    ledger = mapping_in_file(uri, "submission.json", notes)
    rounds = list(_rounds(uri, notes))
    stopped = pipeline_state in _STEP_FAILED
    left = text_of(mapping_in_file(uri, FAILURE_FILE, notes).get("message")) if stopped else ""
    job = _job_of(ledger) or mapping_in_file(uri, "job.json", notes) or _mapping_in(intent, "job")
    found = _read(uri, "findings.json", notes)
    findings = mappings_of(found)
    if found is not None and not isinstance(found, list):
        notes.append("findings.json is not a list of findings.")
    return Run(
        uri=uri,
        intent=intent,
        findings=findings,
        gate=mapping_in_file(uri, "gate.json", notes),
        ledger=ledger,
        job=job,
        notes=tuple(notes),
        pipeline_error=left or (pipeline_error if stopped else ""),
        rounds=rounds,
    )


def _rounds(uri: str, notes: list[str]) -> Iterator[Mapping[str, Any]]:
    """The rounds that were submitted, in order."""
    told = mapping_in_file(uri, "rounds.json", notes)
    for number, each in enumerate(mappings_of(told.get("rounds")), start=1):
        ledger = mapping_in_file(uri, f"rounds/{number}/submission.json", notes)
        if not text_of(ledger.get("job_name")):
            return
        indexes = each.get("indexes")
        if not isinstance(indexes, list) or not all(isinstance(i, int) for i in indexes):
            notes.append(f"rounds.json does not say which tasks round {number} ran.")
            return
        given_up = each.get("given_up")
        yield {
            **each,
            "ledger": ledger,
            "given_up": given_up if isinstance(given_up, list) else [],
        }


def _read(uri: str, name: str, notes: list[str]) -> Any:
    place = join(uri, name)
    try:
        if not files.exists(place):
            return None
        return json.loads(files.read_text(place))
    except ValueError:
        notes.append(f"{name} is cut short or damaged and was left out.")
    except (Intent2BatchError, RecursionError) as error:
        notes.append(f"{name} could not be read: {error}")
    return None


def mapping_in_file(uri: str, name: str, notes: list[str]) -> Mapping[str, Any]:
    """The JSON object in a file of the run folder; empty, with a note, where there is none."""
    value = _read(uri, name, notes)
    if value is None or isinstance(value, dict):
        return value or {}
    notes.append(f"{name} does not hold what it should and was left out.")
    return {}


def _job_of(ledger: Mapping[str, Any]) -> Mapping[str, Any]:
    return _mapping_in(_mapping_in(ledger, "request"), "job")


def _mapping_in(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    inner = value.get(key)
    return inner if isinstance(inner, dict) else {}


def text_of(value: Any) -> str:
    """A value that ought to be text; "" where it is none."""
    return value if isinstance(value, str) else ""


def texts_of(value: Any) -> list[str]:
    """A value that ought to be a list of texts."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def mappings_of(value: Any) -> list[Mapping[str, Any]]:
    """A value that ought to be a list of objects."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
