"""The Gemini reader: words -> draft, by a model, checked and sent back until it holds.

The model fills the draft and nothing else. Every answer goes through checks that need no model:
the draft's own types, the quotes (`evidence.py`), the rules of the job that is built from it, and
what the offline reader finds in the same words (`cross_check.py`). What fails is told to the model
by rule, place, reason and fix. In the end a value that the words do not carry is dropped with a
warning, or asked for; what the cross-check holds is told to the person; any other error means that
there is no job.
"""

from __future__ import annotations

import datetime
import functools
import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from components.batch.findings import Finding, path_parts
from components.errors import ServiceError, WrongUse
from components.gemini import models
from components.gemini.client import Retry, gemini_client
from components.gemini.generate import AnswerUnusable, Turn, Usage, generate_json
from components.gemini.schema import response_schema
from components.gemini.secrets import masked, unmasked
from components.gemini.settings import GeminiSettings
from components.parse_intent import evidence
from components.parse_intent.draft import Draft
from components.parse_intent.evidence import Words
from components.parse_intent.gemini_checks import (
    as_draft,
    checked,
    unfounded,
    words_of,
)
from components.parse_intent.reading import Reading
from components.tables.formats import plural
from prompts.loader import Prompt, fenced, load

if TYPE_CHECKING:
    from google import genai

log = logging.getLogger(__name__)

_MOST_OUTPUT_TOKENS = 65_536
_PROBLEMS_SAID = 5  # to a person, in one message
_PROBLEMS_TOLD = 20  # a model mends the first ones and loses sight of the rest
_ECHO_CHARACTERS = 20_000  # of a wrong answer that is shown to the model again
_SAID_CHARACTERS = 500  # of one question or refusal
_SAID_COUNT = 8

# What the person has to name when the model could not read it from their words.
_ASK_FOR = {
    "text": "What should the job run? Give the command or the script.",
    "path": "What should the job run? Give the command or the script.",
    "image": "Which container image should run? Give its full name.",
    "volumes": "Which bucket or share should be mounted? Give its name.",
    "instance_template": "Which instance template should be used? Give its name.",
    "notifications": "Which Pub/Sub topic should be told? Give its name.",
    "secret_env": "Which secret should be used? Give its project and name.",
    "password": "Which secret holds the password? Give its project and name.",
}
_WHAT_TO_RUN = "What should the job run? Give a command, a script or a container image."


@dataclass(frozen=True)
class Attempt:
    """One answer of the model, and what is wrong with it.

    Attributes:
        data: the draft in JSON form; None where the answer was none.
        problems: what the checks say; empty where all is well.
        text: what the model said.
    """

    data: dict[str, Any] | None
    problems: list[Finding]
    text: str

    @property
    def weight(self) -> tuple[int, int]:
        """How bad the problems are: errors, then warnings."""
        errors = sum(problem.severity == "error" for problem in self.problems)
        return errors, len(self.problems) - errors

    def key(self) -> frozenset[tuple[str, str, str]]:
        """What makes two attempts fail in the same way."""
        return frozenset((p.rule, p.path, p.message) for p in self.problems)


@dataclass
class _Talk:
    """What one reading carries along: the model, the conversation, the words, the cost."""

    client: genai.Client
    model: str
    temperature: float | None
    retry: Retry
    max_turns: int
    prompt: Prompt
    system: str
    history: list[Turn] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    notes: list[str] = field(default_factory=list)


def read(
    turns: Sequence[str],
    settings: GeminiSettings | None,
    *,
    known: Sequence[Mapping[str, Any]] = (),
    client: genai.Client | None = None,
    retry: Retry | None = None,
    today: datetime.date | None = None,
) -> Reading:
    """Read all turns of a person with Gemini; each later turn changes the draft of the former.

    Args:
        turns: the person's words; blank turns are passed over.
        settings: where Gemini is called, and how it is asked. Needed.
        known: `drafts` of the reading of the first turns, none of them blank: they are not read
            again.
        client: a client to use; made from the settings where None.
        retry: how often a failed call is repeated.
        today: the day by which models are judged as retired; the real one where None.

    Raises:
        WrongUse: no settings, or settings that cannot be.
        ServiceError: Gemini did not answer, or gave no draft of a job that holds.
    """
    if settings is None or settings.max_turns < 1:
        raise WrongUse(
            "the Gemini reader needs a project and at least one turn",
            fix="Give --project, and max_turns of 1 or more.",
        )
    if client is None:
        with gemini_client(settings.project, settings.location) as made:
            return read(turns, settings, known=known, client=made, retry=retry, today=today)
    talk = _talk(client, settings, retry or Retry())
    today = today or datetime.datetime.now(datetime.UTC).date()
    hidden = masked([turn for turn in turns if turn.strip()])
    if hidden.secrets:
        talk.notes.append(
            f"{len(hidden.secrets)} value(s) that look like secrets stand in the intent in plain "
            "text. They were not sent to Gemini, but they stand in the job: use Secret Manager."
        )
    hiding = {secret: word for word, secret in hidden.secrets.items()}
    drafts: list[dict[str, Any]] = [unmasked(draft, hiding) for draft in known]
    for number, turn in enumerate(hidden.texts):
        former = drafts[number - 1] if number else {}
        if number < len(known):
            _remember(talk, turn, former, drafts[number])
            continue
        try:
            drafts.append(_read_turn(talk, turn, former))
        except AnswerUnusable as error:
            if error.reason != "blocked":
                raise
            drafts.append({"refusals": [f"{error.what}. {error.fix}"]})
            break
    data = drafts[-1] if drafts else {}
    log.info("read %d turn(s) with %s: %s", len(hidden.texts), talk.model, talk.usage)
    draft = Draft.model_validate(unmasked(_spoken(data, talk.system), hidden.secrets))
    warnings = [*models.warnings(talk.model, today), *talk.notes]
    shown = tuple(unmasked(draft, hidden.secrets) for draft in drafts)
    return Reading(draft, "gemini", tuple(warnings), drafts=shown)


def _talk(client: genai.Client, settings: GeminiSettings, retry: Retry) -> _Talk:
    prompt = load("read_intent")
    values = {
        "rules": _rules_text(prompt) if settings.use_rules else "",
        "examples": _examples_text(prompt) if settings.use_examples else "",
    }
    system, _ = prompt.filled(values | {"intent": ""})
    chosen = settings.temperature if settings.temperature is not None else prompt.temperature
    return _Talk(
        client=client,
        model=settings.model or prompt.model or models.default_model(),
        temperature=chosen,
        retry=retry,
        max_turns=settings.max_turns,
        prompt=prompt,
        system=system.strip() if settings.use_prompt else "",
    )


def _rules_text(prompt: Prompt) -> str:
    return "\n# Rules\n" + "\n".join(f"- {rule.text}" for rule in prompt.rules) + "\n"


def _examples_text(prompt: Prompt) -> str:
    shown = ["\n# Examples"]
    for example in prompt.examples:
        shown += [fenced(turn, "person") for turn in example.turns]
        shown.append(json.dumps(example.answer, ensure_ascii=False))
    return "\n".join(shown) + "\n"


def _read_turn(talk: _Talk, turn: str, former: dict[str, Any]) -> dict[str, Any]:
    """The draft (in JSON form) after one more turn of the person."""
    asked = _asked(talk, turn, former)
    talk.said.append(turn)
    attempts, why = _attempts(talk, asked, former)
    data = _settled(talk, attempts, why, former)
    talk.history += [Turn("user", asked), Turn("model", _compact(data))]
    return data


def _remember(talk: _Talk, turn: str, former: dict[str, Any], data: dict[str, Any]) -> None:
    """Put a turn that was read before into the conversation."""
    talk.history += [Turn("user", _asked(talk, turn, former)), Turn("model", _compact(data))]
    talk.said.append(turn)


def _asked(talk: _Talk, turn: str, former: dict[str, Any]) -> str:
    fence = fenced(turn, "person")
    if former:
        return load("change_draft").filled({"intent": fence})[1]
    return talk.prompt.filled({"rules": "", "examples": "", "intent": fence})[1]


def _compact(data: Mapping[str, Any]) -> str:
    """The draft as the model is shown it: without empty fields."""
    return Draft.model_validate(data).model_dump_json(exclude_none=True, exclude_defaults=True)


def _attempts(talk: _Talk, asked: str, former: dict[str, Any]) -> tuple[list[Attempt], str]:
    """Ask, check, tell what is wrong, ask again; every attempt, and why there are no more.

    Ends when nothing is wrong, when an answer fails in the same way as an earlier one, and after
    `max_turns` answers.
    """
    conversation = [*talk.history, Turn("user", asked)]
    room = talk.prompt.max_output_tokens
    attempts: list[Attempt] = []
    while len(attempts) < talk.max_turns:
        attempt = _attempt(talk, conversation, room, former)
        again = any(attempt.key() == earlier.key() for earlier in attempts)
        attempts.append(attempt)
        if not attempt.problems:
            break
        if again:
            return attempts, f"after {len(attempts)} answers, as the same problems came back"
        if attempt.problems[0].rule == "TRUNCATED":
            room = min(2 * room, _MOST_OUTPUT_TOKENS)
        _, told = load("repair_draft").filled({"problems": _problems_text(attempt.problems)})
        echo = attempt.text[:_ECHO_CHARACTERS] or "(no answer)"
        conversation += [Turn("model", echo), Turn("user", told)]
    return attempts, f"after {plural(len(attempts), 'answer')}"


def _attempt(
    talk: _Talk, conversation: Sequence[Turn], room: int, former: dict[str, Any]
) -> Attempt:
    """One answer of the model, checked."""
    try:
        answer = generate_json(
            talk.client,
            talk.model,
            talk.system,
            conversation,
            _schema(),
            temperature=talk.temperature,
            max_output_tokens=room,
            retry=talk.retry,
        )
    except AnswerUnusable as error:
        talk.usage += error.usage
        if error.reason == "blocked":
            raise
        problem = Finding(error.reason.upper(), "error", "draft", error.what, _MENDS[error.reason])
        return Attempt(None, [problem], error.text)
    talk.usage += answer.usage
    data, problems = as_draft(answer.data)
    if problems:
        return Attempt(None, problems, answer.text)
    data = evidence.requoted(data, words_of(data, talk.said))
    return Attempt(data, checked(data, former, talk.said), answer.text)


_MENDS = {
    "truncated": "Give the whole draft again, and be brief.",
    "empty": "Give the draft.",
    "not_json": "Answer with one JSON object, and nothing beside it.",
}


@functools.cache  # it is read only, and takes longer than all else but the call
def _schema() -> dict[str, Any]:
    # The quote comes before the value: first find the words, then say what they mean.
    return response_schema(Draft, first=("quote",))


def _problems_text(problems: Sequence[Finding]) -> str:
    lines = []
    for problem in problems[:_PROBLEMS_TOLD]:
        fix = f" Fix: {problem.fix}" if problem.fix else ""
        lines.append(f"- {problem.rule} at {problem.path}: {problem.message}.{fix}")
    if len(problems) > _PROBLEMS_TOLD:
        lines.append(f"- and {len(problems) - _PROBLEMS_TOLD} more")
    # The person's words stand in these messages too.
    return fenced("\n".join(lines), "problems")


def _settled(
    talk: _Talk, attempts: Sequence[Attempt], why: str, former: dict[str, Any]
) -> dict[str, Any]:
    """The draft that is taken of the best attempt, with notes of what was done to it.

    Raises:
        ServiceError: there is none, or none whose job holds.
    """
    drafts = [attempt for attempt in attempts if attempt.data is not None]
    if not drafts:
        raise _no_job(talk, attempts[-1].problems, why)
    best = min(reversed(drafts), key=lambda attempt: attempt.weight)
    data = dict(best.data or {})
    if former:
        data = _untouched_put_back(talk, data, former)
    data = _only_proved(talk, data)
    for name in evidence.taken_away(former, data):
        talk.notes.append(f"Turn {len(talk.said)} took away {name}.")
    left = checked(data, former, talk.said)
    if errors := [problem for problem in left if problem.severity == "error"]:
        raise _no_job(talk, errors, why)
    talk.notes += [
        f"Check {problem.path.removeprefix('draft.')}: {problem.message}." for problem in left
    ]
    if best.weight[0]:
        talk.notes.append(f"Gemini's reading had {plural(best.weight[0], 'error')} {why}.")
    return data


def _no_job(talk: _Talk, problems: Sequence[Finding], why: str) -> ServiceError:
    """One message with everything that is still wrong."""
    told = [f"{p.rule} at {p.path}: {p.message.rstrip('.')}" for p in problems[:_PROBLEMS_SAID]]
    if len(problems) > _PROBLEMS_SAID:
        told.append(f"and {len(problems) - _PROBLEMS_SAID} more")
    return ServiceError(
        f"Gemini gave no job that holds, {why}; still wrong: {'; '.join(told)}",
        where=f"model {talk.model}",
        fix="Say it in other words, try another model, or use the offline reader.",
    )


def _only_proved(talk: _Talk, data: dict[str, Any]) -> dict[str, Any]:
    """The draft without what the person's words do not carry, and with questions for it."""
    failed = {problem.path: problem for problem in unfounded(data, talk.said)}
    questions = list(data.get("questions", []))
    for problem in failed.values():
        talk.notes.append(f"Left out {problem.path.removeprefix('draft.')}: {problem.message}.")
    places = [path_parts(path)[1:] for path in failed]
    for place in places:
        ask = _ASK_FOR.get(str(place[-1])) or _ASK_FOR.get(str(place[0]))
        if ask and ask not in questions:
            questions.append(ask)
    kept = evidence.without(data, places)
    if not kept.get("steps") and not questions and not data.get("refusals"):
        questions = [_WHAT_TO_RUN]
    return {**kept, "questions": questions}


def _untouched_put_back(
    talk: _Talk, data: dict[str, Any], former: dict[str, Any]
) -> dict[str, Any]:
    """The draft with fields that the last turn did not speak of as they were before."""
    last = Words(talk.said[-1], data)
    result = dict(data)
    for problem in evidence.changed_unasked(former, data, last):
        name = str(path_parts(problem.path)[1])
        if name in former:
            result[name] = former[name]
        else:
            result.pop(name, None)
        talk.notes.append(f"Put back {name}: the last turn does not speak of it.")
    return result


def _spoken(data: dict[str, Any], system: str) -> dict[str, Any]:
    """Questions, refusals and unread words as plain short text, and never our own prompt."""
    ours = [line.strip() for line in system.splitlines() if len(line.strip()) >= 60]

    def plain(text: str) -> str:
        flat = re.sub(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+", " ", text)
        flat = " ".join(flat.split())[:_SAID_CHARACTERS]
        return "(left out)" if any(line[:60] in flat for line in ours) else flat

    cleaned = dict(data)
    for name in ("questions", "refusals", "unread"):
        said = [plain(text) for text in data.get(name, []) if text.strip()]
        cleaned[name] = said[:_SAID_COUNT]
    return cleaned
