"""What is wrong with a draft that a model gave: its types, its evidence, the job it makes.

Findings whose path begins with "draft" speak of the draft, the others of the job.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from components.batch.findings import Finding, path_parts, path_text
from components.parse_intent import evidence
from components.parse_intent.build import build
from components.parse_intent.cross_check import cross_check
from components.parse_intent.draft import Draft
from components.parse_intent.evidence import Words

# Rules about how a value is written: its form, its resource name, its path.
_ABOUT_FORM = re.compile(r"^PARSE_|_(FORM|FMT|REF|PATH|GCS|NFS|TYPE|TOPIC|EXIST|IMAGE)$")


def as_draft(data: Any) -> tuple[dict[str, Any], list[Finding]]:
    """A model's answer as a draft in JSON form, or what keeps it from being one."""
    try:
        return evidence.as_data(Draft.model_validate(data, strict=True)), []
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        return {}, [_type_problem(fault) for fault in faults]


def _type_problem(fault: Any) -> Finding:
    place = path_text(("draft", *fault["loc"]))
    fix = "Use the fields and types of the draft; the job itself is built from it by a program"
    return Finding("DRAFT", "error", place, str(fault["msg"]), fix)


def checked(
    data: Mapping[str, Any], former: Mapping[str, Any], said: Sequence[str]
) -> list[Finding]:
    """What is wrong with a draft that is one, errors first; nothing where it asks or refuses.

    Args:
        data: the draft in JSON form.
        former: the draft before the last turn; empty for the first turn.
        said: the person's turns.
    """
    if data.get("questions") or data.get("refusals"):
        return []
    words = words_of(data, said)
    problems = unfounded(data, said)
    if former:
        problems += evidence.changed_unasked(former, data, words[-1])
    if not data.get("steps"):
        fix = "Where the person does not say what to run, ask for it in questions."
        problems.append(Finding("STEPS", "error", "draft.steps", "nothing is run", fix))
    known = bool(former) and not former.get("questions")
    problems = problems or _job_problems(data, words)
    return [*problems, *cross_check(data, said, last_only=known)]


def unfounded(data: Mapping[str, Any], said: Sequence[str]) -> list[Finding]:
    """Values of the draft that the person's words do not carry."""
    words = words_of(data, said)
    return [*evidence.unproved(data, words), *evidence.unnamed(data, words)]


def words_of(data: Mapping[str, Any], said: Sequence[str]) -> list[Words]:
    """Each turn as words in which the quotes of this draft can be looked up."""
    return [Words(turn, data) for turn in said]


def _job_problems(data: Mapping[str, Any], words: Sequence[Words]) -> list[Finding]:
    """Errors of the job that the draft makes, without those that the ask itself is to blame for.

    A value that the person said as it stands is theirs, and a model that is told of it would only
    bend it. Those errors are told to the person, by the validator. The form in which the value is
    written is the model's all the same.
    """
    from components.batch.rules import check
    from components.parse_intent.answer import REFUSED_RULES

    job = build(Draft.model_validate(data)).job
    return [
        finding
        for finding in check(job)
        if finding.severity == "error"
        and finding.rule not in REFUSED_RULES
        and (_ABOUT_FORM.search(finding.rule) or not _said(job, finding.path, words))
    ]


def _said(job: Any, path: str, words: Sequence[Words]) -> bool:
    """Whether the value at this path of the job stands in the person's words as it is."""
    value = job
    for part in path_parts(path):
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):  # what is said to be missing
            return False
    if isinstance(value, bool) or not isinstance(value, str | int):
        return False
    return not evidence.unsaid(str(value), words)
