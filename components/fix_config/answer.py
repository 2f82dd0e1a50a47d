"""The answer to a person who asked for a fix: the job, the diff, the reasons, what is left."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from components.batch.findings import Finding
from components.config.bench import Change
from components.config.text_diff import text_diff
from components.tables.formats import plural
from components.tables.text import brief, json_text

_MOST_TOLD = 30


@dataclass(frozen=True)
class Answer:
    """What came of a fix.

    Attributes:
        job: the fixed job as JSON data, with the names that the person used; None where the text
            holds no job.
        text: the text of the fixed job, in the form and layout of the one given.
        given: the text as given.
        file: its name.
        changes: each with its reason.
        says: what was wrong, in plain words.
        remedies: what has to be done beside the job.
        left: the errors that are still in the job.
        doubts: warnings about the fixed job.
    """

    job: dict[str, Any] | None
    text: str
    given: str
    file: str
    changes: list[Change] = field(default_factory=list)
    says: list[str] = field(default_factory=list)
    remedies: list[str] = field(default_factory=list)
    left: list[Finding] = field(default_factory=list)
    doubts: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether the validator finds no error in the fixed job."""
        return self.job is not None and not self.left

    @property
    def message(self) -> str:
        """All of it in plain sentences."""
        return "\n".join(message_lines(self))

    def to_dict(self) -> dict[str, Any]:
        """`{job, changes, message}`."""
        return {
            "job": self.job,
            "changes": [change.to_dict() for change in self.changes],
            "message": self.message,
        }


def message_lines(answer: Answer) -> list[str]:
    """What is wrong, what was changed, what is to be done, what is left; a line each."""
    lines = [f"{line}" for line in answer.says]
    if answer.job is None:
        return lines or ["The text holds no job."]
    lines.append(_changed(answer))
    lines += [_change_line(change) for change in answer.changes[:_MOST_TOLD]]
    if len(answer.changes) > _MOST_TOLD:
        lines.append(f"- and {len(answer.changes) - _MOST_TOLD} more")
    if answer.remedies:
        lines.append("To do beside the job:")
        lines += [f"- {remedy}" for remedy in answer.remedies]
    if answer.left:
        lines.append(f"Still wrong, and only you can say how it should be ({len(answer.left)}):")
        lines += [_finding_line(finding) for finding in answer.left[:_MOST_TOLD]]
    elif answer.doubts:
        lines.append("Worth a look:")
        lines += [_finding_line(finding) for finding in answer.doubts[:5]]
    return lines


def _changed(answer: Answer) -> str:
    if not answer.changes:
        return "Nothing in the job was changed."
    assumed = sum(not change.certain for change in answer.changes)
    tail = f" ({assumed} assumed: look at those)" if assumed else ""
    return f"{plural(len(answer.changes), 'change')}{tail}:"


def _change_line(change: Change) -> str:
    if change.line:
        return f"- {change.reason}"
    where = change.path or "the text"
    assumed = "" if change.certain else " (assumed)"
    return f"- {where}: {_values(change)}{change.reason}{assumed}"


def _values(change: Change) -> str:
    if change.before is None and change.after is None:
        return ""
    before, after = (brief(json_text(value), 70) for value in (change.before, change.after))
    if change.before is None:
        return f"added {after}; "
    return f"removed {before}; " if change.after is None else f"{before} -> {after}; "


def _finding_line(finding: Finding) -> str:
    fix = f" ({brief(finding.fix, 120)})" if finding.fix else ""
    return f"- {finding.path or 'the job'}: {brief(finding.message, 200)}{fix}"


def unified_diff(answer: Answer) -> str:
    """The difference between the text as given and the fixed one; empty where there is none."""
    return text_diff(answer.given, answer.text, answer.file, "fixed")
