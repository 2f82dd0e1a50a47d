"""What is wrong with a draft that a model gave: its types, its evidence, the job it makes.

Findings whose path begins with "draft" speak of the draft, the others of the job.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from components.batch.findings import Finding, path_parts, path_text
from components.parse_intent import evidence
from components.parse_intent.build import build
from components.parse_intent.draft import Draft
from components.parse_intent.evidence import Words

# Rules about how a value is written: its form, its resource name, its path.
_ABOUT_FORM = re.compile(r"^PARSE_|_(FORM|FMT|REF|PATH|GCS|NFS|TYPE|TOPIC|EXIST|IMAGE)$")


def as_draft(data: Any) -> tuple[dict[str, Any] | None, list[Finding]]:
    """A model's answer as a draft in JSON form, and what keeps it from being one.

    Where something does, the draft is what could be saved of the answer, or None.
    """
    problems: list[Finding] = []
    for _ in range(5):  # each pass takes out what does not belong
        try:
            draft = Draft.model_validate(data, strict=True)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_input=False)
            problems = problems or [_type_problem(fault) for fault in faults]
            if not isinstance(data, dict):
                return None, problems
            data = _pruned(data, [fault["loc"] for fault in faults])
        else:
            made = evidence.as_data(draft)
            return (made if _says_something(made) else None if problems else made), problems
    return None, problems


def _type_problem(fault: Any) -> Finding:
    place = path_text(("draft", *fault["loc"]))
    fix = "Use the fields and types of the draft; the job itself is built from it by a program."
    return Finding("DRAFT", "error", place, str(fault["msg"]), fix)


def _pruned(data: dict[str, Any], places: Sequence[tuple[int | str, ...]]) -> dict[str, Any]:
    """The answer without the parts that these errors point to."""
    result: dict[str, Any] = json.loads(json.dumps(data))
    for place in sorted(places, key=lambda p: [str(part).zfill(6) for part in p], reverse=True):
        node: Any = result
        for part in place[:-1]:
            node = node[part] if _has(node, part) else None
        if _has(node, place[-1]):
            del node[place[-1]]
        else:  # a field is missing: what should hold it goes
            result.pop(str(place[0]), None)
    return result


def _has(node: Any, part: int | str) -> bool:
    if isinstance(node, dict):
        return part in node
    return isinstance(node, list) and isinstance(part, int) and part < len(node)


def _says_something(data: Mapping[str, Any]) -> bool:
    return any(value for value in data.values())


def checked(
    data: Mapping[str, Any], former: Mapping[str, Any], said: Sequence[str]
) -> list[Finding]:
    """What is wrong with a draft that is one; nothing where it asks or refuses.

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
    return problems or _job_problems(data, words)


def unfounded(data: Mapping[str, Any], said: Sequence[str]) -> list[Finding]:
    """Values of the draft that the person's words do not carry."""
    words = words_of(data, said)
    return [*evidence.unproved(data, words), *evidence.unnamed(data, words)]


def words_of(data: Mapping[str, Any], said: Sequence[str]) -> list[Words]:
    """Each turn as words in which the quotes of this draft can be looked up."""
    return [Words(turn, data) for turn in said]


# Fields that both readers read alike, so that a difference means something.
_COMPARED = (
    "task_count",
    "parallelism",
    "cpu_milli",
    "memory_mib",
    "max_retries",
    "max_run_s",
    "priority",
    "machine_type",
    "provisioning",
)


def disagreements(data: Mapping[str, Any], said: Sequence[str]) -> list[str]:
    """Where the offline reader reads another value out of the same words, as sentences.

    Its rules know less than a model, and never make anything up: a difference is worth a look.
    """
    from components.parse_intent.offline import reader

    other = evidence.as_data(reader.read(list(said)).draft)
    if any(draft.get(name) for draft in (data, other) for name in ("questions", "refusals")):
        return []
    found = []
    for name in _COMPARED:
        ours, theirs = ((draft.get(name) or {}).get("value") for draft in (data, other))
        if theirs is not None and ours != theirs:
            mine = "nothing" if ours is None else str(ours)
            found.append(f"Check {name}: Gemini reads {mine}, the offline reader {theirs}.")
    return found


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
        if not _has(value, part):
            return False
        value = value[part]
    if isinstance(value, bool) or not isinstance(value, str | int):
        return False
    return not evidence.unsaid(str(value), words)
