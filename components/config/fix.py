"""Mends what is safe to mend: spelling, units, forms. Nothing that changes what the job means.

Mends are edits of the text at the places of the findings, so that comments, order and layout of
the file stay. Every edit is checked: the new text must read, have no more errors than before and
not the finding that it was made for; otherwise it is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from components.batch.findings import Finding, path_text
from components.config.check import Validated, validate_text
from components.config.edits import Mend, apply_edits
from components.config.mends import NEED_THE_WHOLE_JOB, mend_for

_MOST_ROUNDS = 60  # a guard: mends wait for those around them, and a job has about 10 levels
_ALL = 200_000  # findings of one rule, so that one round sees them all
_MOST_TRIES = 20  # of single mends in one round, each of which is read and checked


@dataclass(frozen=True)
class Change:
    """One thing that was mended: the rule that asked for it, where, and what was done.

    Attributes:
        before: the value, or the name of the field where that was mended; None where it is the
            text around the job that changed.
        after: what stands there now; None where it was taken out.
    """

    rule: str
    path: str
    what: str
    before: Any = None
    after: Any = None


@dataclass(frozen=True)
class Fixed:
    """The text after mending, and what was done to it; the same text where nothing was."""

    text: str
    changes: list[Change]


def fix_text(text: str, file: str) -> Fixed:
    """Mend the text of a job, JSON or YAML.

    Args:
        text: the job; whatever cannot be mended stays as it is.
        file: its name, which tells YAML by its ending.

    Returns:
        A text with no more errors than before. Mending it again changes nothing.
    """
    changes: list[Change] = []
    for _ in range(_MOST_ROUNDS):
        validated = validate_text(text, file, _ALL)
        if any(error.rule == "JOB_SIZE" for error in validated.errors):
            break  # it can never be sent, and to mend megabytes takes long
        step = _unwrap(validated) or _mend_all(validated, file) or _mend_one(validated, file)
        if step is None:
            break
        text = step.text
        changes += step.changes
    return Fixed(text, changes)


def _unwrap(validated: Validated) -> Fixed | None:
    """Take the job out of Markdown, and comments out of JSON."""
    source = validated.source
    if source is None or source.read is None or source.clean == source.text:
        return None
    lines = source.clean.splitlines()
    if source.read.form == "json":
        kept = [line.rstrip() for line in lines if line.strip()]
    else:
        first = next(number for number, line in enumerate(lines) if line.strip())
        kept = lines[first:]
    rules = dict.fromkeys(f.rule for f in source.findings if f.rule.startswith("PARSE_"))
    told = {
        "PARSE_FENCE": "took the job out of what stood around it",
        "PARSE_COMMENT": "removed comments and commas that JSON does not have",
    }
    text = "\n".join(kept).rstrip() + "\n"
    again = validate_text(text, source.file)
    if again.source is None or again.source.value != source.value:
        return None
    return Fixed(text, [Change(rule, "", told[rule]) for rule in rules if rule in told])


def _mends(validated: Validated) -> list[tuple[Finding, Mend]]:
    source = validated.source
    if source is None or source.read is None:
        return []
    found = []
    misread = any(error.rule.startswith("PARSE_") for error in validated.errors)
    for finding in validated.findings:
        if misread and finding.rule in NEED_THE_WHOLE_JOB:
            continue
        mend = mend_for(finding, source, validated.names)
        if mend is not None:
            found.append((finding, mend))
    return found


def _mend_all(validated: Validated, file: str) -> Fixed | None:
    """Make all mends at once that are not in each other."""
    chosen: list[tuple[Finding, Mend]] = []
    done = -1
    for finding, mend in sorted(_mends(validated), key=lambda pair: pair[1].start):
        if mend.start > done and not mend.alone:
            chosen.append((finding, mend))
            done = mend.end
    return _tried(validated, chosen, file) if chosen else None


def _mend_one(validated: Validated, file: str) -> Fixed | None:
    """Make the first single mend that does what it is for."""
    first = islice(_mends(validated), _MOST_TRIES)
    tries = (_tried(validated, [pair], file) for pair in first)
    return next((fixed for fixed in tries if fixed is not None), None)


def _tried(validated: Validated, chosen: Iterable[tuple[Finding, Mend]], file: str) -> Fixed | None:
    """The text with these mends; None where it would be no better."""
    chosen = list(chosen)
    source = validated.source
    if source is None:
        return None
    text = apply_edits(source.text, [edit for _, mend in chosen for edit in mend.edits])
    after = validate_text(text, file, _ALL)
    if after.job is None or len(after.errors) > len(validated.errors):
        return None
    left = {(finding.rule, finding.path, finding.message) for finding in after.findings}
    if any((f.rule, f.path, f.message) in left for f, _ in chosen):
        return None
    changes = [
        Change(f.rule, f.path or path_text(()), mend.what, mend.before, mend.after)
        for f, mend in chosen
    ]
    return Fixed(text, changes)
