"""A message and the job before it, to the job after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from components.batch.findings import path_parts
from components.batch.rules.shape import read_shape
from components.parse_intent import gemini_reader
from components.parse_intent.answer import (
    Answer,
    answer_reading,
    check_size,
    summary,
    told_changes,
)
from components.parse_intent.edit_file import read_job_file
from components.parse_intent.edit_job import edit_job
from components.parse_intent.offline import reader as offline_reader
from components.parse_intent.reading import Reading
from pipelines.chat.state import Rules, State, Version

BY_HAND = "edited by hand"


def said(state: State, words: str, rules: Rules) -> Version:
    """The version after the person said something; a question or a refusal has no job.

    Words describe a job, or change the one that they described, until a job was edited by hand;
    from there on they change that job.

    Raises:
        InputError: the words are too long, or no text.
        ServiceError: the Gemini reader could not reach its model, or got no job of it.
    """
    last = state.versions[-1] if state.versions else None
    turns = (*(last.turns if last else ()), words.replace("\r\n", "\n"))
    if last is None or last.base is None:
        return _described(last, turns, rules)
    # A question is open: its turns go on. Otherwise the job is the new base.
    base, since = (last.answer.job, turns[-1:]) if last.answer.job else (last.base, turns)
    answer = edit_job(base, since, rules.prices)
    if rules.settings is not None:
        note = "The job was edited by hand, so the offline reader reads what changes it."
        answer = replace(answer, warnings=[note, *answer.warnings])
    return Version(_with_reasons(answer, state), since, base)


def _described(last: Version | None, turns: tuple[str, ...], rules: Rules) -> Version:
    check_size(turns)
    reading = _read(last, turns, rules)
    return Version(answer_reading(reading, list(turns), rules.prices), turns, drafts=reading.drafts)


def _read(last: Version | None, turns: tuple[str, ...], rules: Rules) -> Reading:
    if rules.settings is None:
        return offline_reader.read(list(turns))
    known = last.drafts if last else ()
    return gemini_reader.read(list(turns), rules.settings, known=known)


def from_file(state: State, data: bytes, name: str) -> Version:
    """The version after the person wrote a whole job.

    Raises:
        InputError: the file holds no job; the message names the line.
    """
    job: dict[str, Any] = dict(read_job_file(data, name).value)
    answer = Answer("config", summary(read_shape(job, most=1).job), "offline", [], job=job)
    return Version(_with_reasons(answer, state, BY_HAND), base=job)


def _with_reasons(answer: Answer, state: State, why: str = "") -> Answer:
    """The answer with the reasons of earlier messages, where their fields are still the same."""
    made = state.made
    if answer.job is None or made is None or made.answer.job is None:
        return answer
    changes = told_changes(made.answer.job, answer.job, answer.evidence)
    by_hand = [
        {"path": change["path"], "value": change["after"], "quote": why}
        for change in changes
        if why and change["after"] is not None
    ]
    now = [*answer.evidence, *by_hand]
    told = {line["path"] for line in now}

    def kept(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [line for line in lines if line["path"] not in told and _holds(answer.job, line)]

    return replace(
        answer,
        evidence=[*kept(made.answer.evidence), *now],
        assumptions=[*kept(made.answer.assumptions), *answer.assumptions],
        changes=changes,
    )


def _holds(job: Any, line: Mapping[str, Any]) -> bool:
    value = job
    for part in path_parts(line["path"]):
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return False
    return bool(value == line["value"])
