"""Proposals of a model for a broken job, taken only where rules and validator agree.

A model may add; it may not change what a rule decided, what is run, or whom it runs as. What is not
taken is told with the reason. Without an answer the rules' own fix stands.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from components.batch.findings import Path, path_parts
from components.config.bench import Bench
from components.errors import ServiceError
from components.fix_config.mend import findings_of
from components.gemini import models
from components.gemini.client import Retry, gemini_client
from components.gemini.generate import Turn, generate_json
from components.gemini.schema import response_schema
from components.gemini.secrets import masked, unmasked
from components.gemini.settings import GeminiSettings
from components.tables.text import brief
from prompts.loader import fenced, load

if TYPE_CHECKING:
    from google import genai

_MOST_PROPOSALS = 5
_MOST_JOB = 100_000  # characters of a job that are shown to a model
_SAID = 400
# What is run, and as whom: a log that a model reads may have been written to change that.
_NOT_BY_A_MODEL = frozenset(
    {"script", "container", "environment", "taskEnvironments", "serviceAccount", "runnables",
     "environments", "instanceTemplate"}
)  # fmt: skip
# Where a time limit of a step stands, a model may speak of it.
_BUT = frozenset({"timeout", "alwaysRun", "ignoreExitStatus", "background", "barrier"})


class Proposal(BaseModel):
    """One change that a model proposes."""

    model_config = ConfigDict(extra="forbid")

    reason: str = ""
    path: str = ""
    value: str = ""


class Suggestions(BaseModel):
    """A model's answer."""

    model_config = ConfigDict(extra="forbid")

    says: str = ""
    proposals: list[Proposal] = []


def suggestions_of(
    bench: Bench,
    settings: GeminiSettings,
    *,
    client: genai.Client | None = None,
    retry: Retry | None = None,
) -> Bench:
    """The job with what a model adds and the validator agrees to.

    Args:
        bench: the job as the rules left it.
        settings: where Gemini is called.
        client: to use; made from the settings where None.
        retry: how often a failed call is repeated.
    """
    if client is None:
        with gemini_client(settings.project, settings.location) as made:
            return suggestions_of(bench, settings, client=made, retry=retry)
    try:
        answer, secrets = _asked(bench, settings, client, retry or Retry())
        answer = Suggestions.model_validate(unmasked(answer, secrets))
    except ServiceError as error:
        return _noted(bench, f"Gemini was not heard ({brief(str(error), _SAID)}).")
    except ValidationError:
        return _noted(bench, "Gemini's answer could not be read.")
    return _taken(bench, answer)


def _asked(
    bench: Bench, settings: GeminiSettings, client: genai.Client, retry: Retry
) -> tuple[object, dict[str, str]]:
    prompt = load("fix_job")
    known = [f"changed {c.path}: {c.reason}" for c in bench.changes if c.path]
    known += [f"{f.severity} at {f.path}: {f.message}" for f in bench.findings()][:30]
    job = json.dumps(bench.job, ensure_ascii=False, indent=1)[:_MOST_JOB]
    hidden = masked([bench.complaint, job, "\n".join(known)])
    complaint, job, told = hidden.texts
    system, user = prompt.filled(
        {
            "complaint": fenced(complaint, "complaint"),
            "job": fenced(job, "job"),
            "known": fenced(told, "known"),
        }
    )
    generated = generate_json(
        client,
        settings.model or prompt.model or models.default_model(),
        system.strip(),
        [Turn("user", user)],
        response_schema(Suggestions, first=("reason",)),
        temperature=settings.temperature,
        max_output_tokens=prompt.max_output_tokens,
        retry=retry,
    )
    return generated.data, dict(hidden.secrets)


def _taken(bench: Bench, answer: Suggestions) -> Bench:
    """The job with the proposals that hold, and a note of what the model said."""
    decided = [path_parts(change.path) for change in bench.changes if change.path]
    if answer.says.strip():
        bench = _noted(bench, f"Gemini says: {brief(answer.says, _SAID)}")
    for proposal in answer.proposals[:_MOST_PROPOSALS]:
        trial, why = _tried(bench, proposal, decided)
        if trial is None:
            what = brief(f"{proposal.path} = {proposal.value}", 120)
            bench = _noted(bench, f"Gemini also proposed {what}; not taken: {why}.")
        else:
            bench = trial
    return bench


def _tried(bench: Bench, proposal: Proposal, decided: list[Path]) -> tuple[Bench | None, str]:
    """The job with one proposal; None and the reason where it may not be taken."""
    try:
        path = path_parts(proposal.path)
    except ValueError:
        path = ()
    if not path or not proposal.reason.strip():
        return None, "it names no field or no reason"
    if any(path[: len(other)] == other or other[: len(path)] == path for other in decided):
        return None, "a rule has decided that"
    if _NOT_BY_A_MODEL.intersection(map(str, path)) and str(path[-1]) not in _BUT:
        return None, "what runs, and as whom, is for a person to change"
    trial = bench.copy()
    reason = f"Gemini: {brief(proposal.reason, _SAID)}"
    if not proposal.value.strip():
        trial.drop(path, reason)
    else:
        try:
            value = json.loads(proposal.value)
        except (ValueError, RecursionError):
            return None, "its value is no JSON"
        trial.put(path, value, reason)
    if trial.job == bench.job:
        return None, "it changes nothing"
    before = {(f.rule, f.path) for f in findings_of(bench, None) if f.severity == "error"}
    errors = [f for f in findings_of(trial, None) if f.severity == "error"]
    new = [f for f in errors if (f.rule, f.path) not in before]
    if new:
        return None, f"the validator refuses it ({new[0].rule}: {brief(new[0].message, 120)})"
    return trial, ""


def _noted(bench: Bench, note: str) -> Bench:
    noted = bench.copy()
    noted.notes.append(re.sub(r"\s+", " ", note))
    return noted
