"""The result of collecting predictions in one small object: what results_summary.json holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from components.aggregate_results.predictions.around import Around
from components.tables.charts import Tone
from components.tables.formats import count, dollars, plural

# How a collection can end, and how the page shows it.
OUTCOMES: Mapping[str, tuple[Tone, str]] = {
    "complete": ("ok", "Complete"),
    "incomplete": ("warn", "Incomplete"),
    "none": ("bad", "No answers"),
    "dry_run": ("run", "Dry run"),
    "unsent": ("bad", "Not sent"),
    "stopped": ("warn", "Stopped"),
    "empty": ("idle", "No rows"),
}
_NOT_OK = ("truncated", "blocked", "failed", "missing", "invalid")


@dataclass(frozen=True)
class PredictionSummary:
    """What the rows came to.

    Args:
        headline: in one line.
        outcome: a key of `OUTCOMES`.
        reason: why nothing was sent, or why the run ended early.
        estimate: tokens and cost as they were estimated before.
        rows: rows of the input; equals the sum of the six statuses.
        ok: rows with a whole answer; and so on for the other statuses.
        lines: lines read from the output files.
        matched: rows that got an answer of their own.
        duplicate: further answers of the same attempt.
        retried: further answers of other attempts.
        foreign: answers that are no row's, or whose row cannot be proved.
        unreadable: lines that are no JSON object.
        shared: rows that share the answer of an equal row, sent once.
        matched_by: how many answers were matched in which way.
        spent_usd: cost of every answer, also of those that gave way to better ones.
        cost_usd: cost of the answers shown.
        unpriced: answers whose cost is unknown and in no sum.
        models: the figures of each model.
        findings: what stands out: kind, severity, title, text, rows.
        structured: answers that are JSON objects; `fields` the columns made of them.
        files: name -> URI of what was written.
        notes: what is missing from this result, and why.
    """

    headline: str
    rows: int
    ok: int
    truncated: int
    blocked: int
    failed: int
    missing: int
    invalid: int
    files_read: int = 0
    lines: int = 0
    matched: int = 0
    duplicate: int = 0
    retried: int = 0
    foreign: int = 0
    unreadable: int = 0
    shared: int = 0
    matched_by: dict[str, int] = field(default_factory=dict)
    prompt_tokens: int = 0
    output_tokens: int = 0
    spent_usd: float = 0.0
    cost_usd: float = 0.0
    unpriced: int = 0
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    findings: tuple[dict[str, Any], ...] = ()
    structured: int = 0
    fields: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    outcome: str = ""
    reason: str = ""
    estimate: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return dataclasses.asdict(self)

    def metrics(self) -> dict[str, float]:
        """The figures that the console shows beside a run."""
        names = ("rows", "ok", "truncated", "blocked", "failed", "missing", "invalid",
                 "duplicate", "foreign", "prompt_tokens", "output_tokens", "spent_usd")  # fmt: skip
        return {name: getattr(self, name) for name in names}


def ended(summary: PredictionSummary, around: Around) -> PredictionSummary:
    """The summary with what the run came to, in a word, a line and the reason."""
    outcome = _outcome(summary, around)
    return replace(
        summary,
        outcome=outcome,
        headline=_headline(summary, outcome, around),
        reason=around.unsent or around.stopped,
        estimate=dict(around.estimate),
        notes=(*around.notes, *summary.notes),
    )


def _outcome(summary: PredictionSummary, around: Around) -> str:
    if around.dry_run:
        return "dry_run"
    if around.unsent:
        return "unsent"
    if around.stopped and summary.ok < summary.rows:
        return "stopped"
    if not summary.rows:
        return "none" if around.table else "empty"
    if summary.ok == summary.rows:
        return "complete"
    return "incomplete" if summary.ok or summary.truncated else "none"


def _headline(summary: PredictionSummary, outcome: str, around: Around) -> str:
    rows = plural(summary.rows, "row")
    if outcome in ("dry_run", "unsent"):
        cost = around.estimate.get("cost_batch_usd")
        about = "the cost is unknown" if cost is None else f"about {dollars(cost)}"
        what = f"{rows}, {about}" if summary.rows else around.table or "No rows"
        return f"{what}; nothing was sent"
    if not summary.rows:
        return f"{around.table}: no answers" if around.table else "There are no rows"
    if summary.ok == summary.rows:
        return f"{rows}, each with its answer"
    others = ", ".join(
        f"{count(getattr(summary, name))} {name}" for name in _NOT_OK if getattr(summary, name)
    )
    return f"{count(summary.ok)} of {rows} answered, {others}"
