"""A person's own job, changed in words: what is not spoken of stays as it was.

The job is read as a draft, the words edit the draft, and what differs between the two drafts as
built is made to the job itself. So an edit means the same here as in a later turn of an intent,
and fields that no draft knows are never touched.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from components.batch.findings import Finding, path_parts
from components.batch.rules import check
from components.batch.rules.shape import read_shape
from components.batch.vm_prices import VmPrices
from components.config.job_patch import patched
from components.parse_intent.answer import (
    REFUSED_RULES,
    Answer,
    check_size,
    summary,
    told_changes,
)
from components.parse_intent.build import INSTANCE, SPEC, Built, build
from components.parse_intent.draft import Draft
from components.parse_intent.offline import judge
from components.parse_intent.offline.open_questions import QUESTIONS
from components.parse_intent.offline.pasted import batch_job
from components.parse_intent.offline.pasted.json_tree import read_json
from components.parse_intent.offline.reader import read
from components.parse_intent.reading import Reading
from components.tables.text import brief

# What the builder adds to a part that was asked for; its other defaults are for new jobs.
PARTS = (f"{SPEC}.runnables", f"{SPEC}.volumes", f"{INSTANCE}.policy.disks")


def edit_job(
    job: Mapping[str, Any], turns: Sequence[str], prices: VmPrices | None = None
) -> Answer:
    """Change a Batch job as the words say.

    Args:
        job: JSON data of a Job, in camelCase or snake_case, with whatever it holds.
        turns: the edits in order; a later one may undo an earlier one. At least one.
        prices: what machines cost, where one is to be chosen; the shipped file if None.

    Returns:
        "config" with the new job and its `changes`; "clarify" where an edit does not say enough
        or does not fit this job; "reject" where the outcome could never run. `job` is not changed.

    Raises:
        InputError: the turns are too long, or no text.
    """
    said = [turn.replace("\r\n", "\n") for turn in turns]
    check_size(said)
    start = draft_of(job)
    reading = read(said, start)
    known = set(judge.broken_limits(start))
    draft = reading.draft
    refusals = [why for why in draft.refusals if why not in known]
    if refusals:
        return _open("reject", refusals, reading, said)
    # Where nothing of the job was read as a step, it runs something that no draft holds.
    questions = [q for q in draft.questions if start.steps or q != QUESTIONS["run"]]
    if questions:
        return _open("clarify", questions, reading, said)
    before, after = build(start, prices), build(draft, prices)
    new = patched(dict(job), _asked_for(before), _asked_for(after))
    found = told_changes(job, new, after.evidence)
    if not found and (draft.unread or not reading.heard):
        return _open("clarify", [_not_understood(draft)], reading, said)
    return _checked(job, new, found, after, reading, said)


def draft_of(job: Mapping[str, Any]) -> Draft:
    """What a draft can hold of a job; no field has words of a person."""
    tree, _ = read_json(json.dumps(job, ensure_ascii=False))
    draft = batch_job.read(tree).draft
    _forget_quotes(draft)
    return draft


def _forget_quotes(part: BaseModel) -> None:
    for name in type(part).model_fields:
        value = getattr(part, name)
        if name == "quote":
            part.quote = ""  # type: ignore[attr-defined]
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, BaseModel):
                _forget_quotes(item)


def _asked_for(built: Built) -> dict[str, Any]:
    """The built job without the defaults for new jobs."""
    job: dict[str, Any] = json.loads(json.dumps(built.job))
    for line in reversed(built.assumptions):
        if not line["path"].startswith(PARTS):
            _remove(job, path_parts(line["path"]))
    return job


def _remove(value: Any, path: Sequence[str | int]) -> None:
    """Take out what stands at a path, and what holds nothing else."""
    *above, last = path
    holders = [value]
    for part in above:
        holders.append(holders[-1][part])
    del holders[-1][last]
    for holder, part in zip(reversed(holders[:-1]), reversed(above), strict=True):
        if holder[part]:
            return
        del holder[part]


def _open(outcome: Any, sentences: Sequence[str], reading: Reading, turns: list[str]) -> Answer:
    return Answer(
        outcome,
        " ".join(sentences),
        reading.reader,
        turns,
        warnings=list(reading.warnings),
        questions=list(sentences) if outcome == "clarify" else [],
        unread=list(reading.draft.unread),
    )


def _not_understood(draft: Draft) -> str:
    heard = f' ("{brief(draft.unread[0], 80)}" was not understood)' if draft.unread else ""
    return f"What should be changed in the job{heard}? Name the field and what it should be."


def _checked(
    job: Mapping[str, Any],
    new: dict[str, Any],
    found: list[dict[str, Any]],
    built: Built,
    reading: Reading,
    turns: list[str],
) -> Answer:
    """The answer with the new job, after the rules have seen it."""
    had = {(f.rule, f.path) for f in check(job)}
    told = [f for f in check(new) if f.severity != "hint" and (f.rule, f.path) not in had]
    refused = [f"{f.message}." for f in told if f.severity == "error" and f.rule in REFUSED_RULES]
    if refused:
        return _open("reject", ["This cannot run as asked:", *refused], reading, turns)
    paths = {change["path"] for change in found}
    says = summary(read_shape(new, most=1).job)
    answer = Answer(
        "config",
        says if found else f"Nothing to change: {says}",
        reading.reader,
        turns,
        job=new,
        evidence=[line for line in built.evidence if line["quote"]],
        warnings=[*reading.warnings, *map(_warning, told)],
        unread=list(reading.draft.unread),
        changes=found,
    )
    return replace(answer, evidence=[e for e in answer.evidence if _under(e["path"], paths)])


def _under(path: str, paths: set[str]) -> bool:
    """Whether a path of the evidence lies above or below something that changed."""
    return any(path.startswith(one) or one.startswith(path) for one in paths)


def _warning(finding: Finding) -> str:
    fix = f" ({finding.fix})" if finding.fix else ""
    return f"{finding.severity} {finding.rule} {finding.path}: {finding.message}{fix}"
