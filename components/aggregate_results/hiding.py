"""Secrets that a person wrote into words or job, hidden in the report: a report is passed around.

The files of the run keep them, as the job cannot be made without.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from components.aggregate_results.run_folder import Run
from components.aggregate_results.summary import Summary
from components.gemini.secrets import masked
from components.tables.columns import Row
from components.tables.data_table import Sample

HIDDEN = "[hidden]"
_READ = 300_000  # characters that are searched; jobs hold more only in pasted scripts
_MOST = 200
_NOTE = "What looks like a secret is hidden on this page; the files of the run hold it."
_DEEPEST = 60


def secrets_of(run: Run) -> tuple[str, ...]:
    """What looks like a secret in words and job, at most 200, the longest first."""
    texts, room = [], _READ
    for text in _texts([run.intent.get("turns"), run.job], 0):
        texts.append(text[:room])
        room -= len(text)
        if room <= 0:
            break
    found = masked(texts).secrets.values()
    return tuple(sorted(set(found), key=lambda secret: (-len(secret), secret)))[:_MOST]


def _texts(value: Any, depth: int) -> Iterator[str]:
    """Every text in JSON data, that of an object as NAME=value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping) and depth < _DEEPEST:
        for name, inner in value.items():
            if isinstance(inner, str):
                yield f"{name}={inner}"
            else:
                yield from _texts(inner, depth + 1)
    elif isinstance(value, list) and depth < _DEEPEST:
        for inner in value:
            yield from _texts(inner, depth + 1)


def without(value: Any, secrets: Sequence[str], depth: int = 0) -> Any:
    """JSON data with the secrets hidden."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, HIDDEN)
        return value
    if depth > _DEEPEST:
        return HIDDEN
    if isinstance(value, Mapping):
        return {name: without(inner, secrets, depth + 1) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(without(inner, secrets, depth + 1) for inner in value)
    return value


def hidden_run(run: Run, secrets: Sequence[str]) -> Run:
    """The run as a report may show it."""
    if not secrets:
        return run
    return replace(
        run,
        intent=without(run.intent, secrets),
        findings=without(list(run.findings), secrets),
        gate=without(run.gate, secrets),
        ledger=without(run.ledger, secrets),
        rounds=without(list(run.rounds), secrets),
        job=without(run.job, secrets),
        pipeline_error=without(run.pipeline_error, secrets),
    )


def hidden_summary(summary: Summary, secrets: Sequence[str]) -> Summary:
    """The summary as a report may show it."""
    if not secrets:
        return summary
    return replace(
        summary,
        headline=without(summary.headline, secrets),
        reason=without(summary.reason, secrets),
        remedy=without(summary.remedy, secrets),
        causes=without(summary.causes, secrets),
        rounds=without(summary.rounds, secrets),
        notes=(*without(summary.notes, secrets), _NOTE),
    )


def hidden_sample(sample: Sample, secrets: Sequence[str]) -> Sample:
    """The tasks as a report may show them: a task may have printed what it was given."""
    if not secrets:
        return sample

    def rows(given: list[Row]) -> list[Row]:
        return [without(row, secrets) for row in given]

    return replace(sample, important=rows(sample.important), others=rows(sample.others))
