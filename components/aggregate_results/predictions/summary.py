"""The result of collecting predictions in one small object: what results_summary.json holds."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class PredictionSummary:
    """What the rows came to.

    Args:
        headline: in one line.
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

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return dataclasses.asdict(self)

    def metrics(self) -> dict[str, float]:
        """The figures that the console shows beside a run."""
        names = ("rows", "ok", "truncated", "blocked", "failed", "missing", "invalid",
                 "duplicate", "foreign", "prompt_tokens", "output_tokens", "spent_usd")  # fmt: skip
        return {name: getattr(self, name) for name in names}

    @property
    def failed_ratio(self) -> float:
        """Share of the rows that have no usable answer: neither ok nor truncated."""
        return 1 - (self.ok + self.truncated) / self.rows if self.rows else 0.0
