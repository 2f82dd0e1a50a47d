"""One structured answer of a Gemini model: JSON that was asked for by schema.

The schema does not make the answer certain. A prompt may be blocked, an answer cut off, empty,
wrapped in a Markdown fence or no JSON at all; each is told apart here.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from components.errors import ServiceError
from components.gemini.client import GeminiRefused, Retry, retried
from components.gemini.endpoint import MADE_UP_BY
from components.gemini.finish_reasons import BLOCKING

if TYPE_CHECKING:
    from google import genai
    from google.genai import types

log = logging.getLogger(__name__)

Unusable = Literal["blocked", "truncated", "empty", "not_json"]
_FENCE = re.compile(r"```[a-zA-Z0-9_-]*[ \t\r]*\n")
# Possessive (`*+`): a model that never closes a string must not make this try again and again.
_MARK = re.compile(r'"(?:[^"\\]|\\.|\\\Z)*+(?:"|\Z)|[\[{]|[\]}]', re.DOTALL)
_MAX_DEPTH = 200


@dataclass(frozen=True)
class Turn:
    """One turn of a conversation."""

    role: Literal["user", "model"]
    text: str


@dataclass(frozen=True)
class Usage:
    """Tokens that one answer cost; 0 where the service does not say."""

    prompt_tokens: int = 0
    output_tokens: int = 0
    thought_tokens: int = 0
    cached_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.output_tokens + other.output_tokens,
            self.thought_tokens + other.thought_tokens,
            self.cached_tokens + other.cached_tokens,
        )


@dataclass(frozen=True)
class Generated:
    """A structured answer.

    Attributes:
        data: the JSON value.
        text: the text that held it, thoughts left out.
        usage: what it cost.
        finish_reason: as the service names it, normally "STOP".
        model_version: what answered, as the service says.
    """

    data: Any
    text: str
    usage: Usage
    finish_reason: str
    model_version: str


class AnswerUnusable(ServiceError):  # noqa: N818 - reads as what it is
    """The model answered, but not with what was asked for.

    Attributes:
        reason: blocked (by the service's judgement of prompt or answer), truncated (no room),
            empty, or not_json.
        detail: the service's own word for it, or what the JSON reader says.
        text: what there is of the answer.
        usage: what it cost all the same.
    """

    def __init__(
        self,
        reason: Unusable,
        detail: str,
        *,
        where: str,
        text: str = "",
        usage: Usage | None = None,
    ) -> None:
        super().__init__(_SAID[reason].format(detail=detail), where=where, fix=_FIX[reason])
        self.reason: Unusable = reason
        self.detail = detail
        self.text = text
        self.usage = usage or Usage()


_SAID: dict[Unusable, str] = {
    "blocked": "Gemini blocked the request or its answer ({detail})",
    "truncated": "Gemini's answer was cut off ({detail})",
    "empty": "Gemini gave an empty answer ({detail})",
    "not_json": "Gemini's answer is no JSON ({detail})",
}
_FIX: dict[Unusable, str] = {
    "blocked": "Say it in other words, or use the offline reader.",
    "truncated": "Allow more output tokens, or ask for less at once.",
    "empty": "Try again, or try another model.",
    "not_json": "Try again, or try another model.",
}


def generate_json(
    client: genai.Client,
    model: str,
    system: str,
    turns: Sequence[Turn],
    schema: Mapping[str, Any],
    *,
    temperature: float | None = None,
    max_output_tokens: int = 8192,
    retry: Retry | None = None,
) -> Generated:
    """Ask `model` for JSON that fits `schema`.

    Args:
        client: from `gemini_client`.
        model: the id of a model on Vertex AI.
        system: the system instruction; empty for none.
        turns: the conversation, the last turn by the user.
        schema: a response schema in Vertex's words, as `schema.response_schema` makes it.
        temperature: None leaves it to the service.
        max_output_tokens: room for the answer, thoughts included.
        retry: how often a call that failed is repeated.

    Raises:
        AnswerUnusable: an answer came, but it is none.
        ServiceError: no answer came, or one that a stand-in made up.
    """
    where = f"model {model}"
    request = _Request(client, model, turns, temperature, max_output_tokens, retry or Retry())
    try:
        response = request.send(system, schema, where)
    except GeminiRefused as refused:
        if refused.status != "INVALID_ARGUMENT" or "schema" not in refused.said.lower():
            raise
        # "The specified schema produces a constraint that has too many states for serving": the
        # limit is not stated and differs by model. Then the schema is told, and checked by us.
        log.info("%s refuses the response schema; it is put into words", where)
        told = f"{system}\n\n# Schema of the answer\n{json.dumps(schema, ensure_ascii=False)}"
        response = request.send(told.strip(), None, where)
    if response.model_version == MADE_UP_BY:
        raise ServiceError(
            "What answers in place of Gemini is the local stand-in, which has no model",
            where=where,
            fix="Use the offline reader, or start it with a server that has one: "
            "intent2batch emulate --upstream URL.",
        )
    generated = _read(response, where)
    log.info("%s answered (%s, %s)", where, generated.model_version, generated.usage)
    return generated


@dataclass(frozen=True)
class _Request:
    """A request, but for its system instruction and its schema."""

    client: genai.Client
    model: str
    turns: Sequence[Turn]
    temperature: float | None
    max_output_tokens: int
    retry: Retry

    def send(
        self, system: str, schema: Mapping[str, Any] | None, where: str
    ) -> types.GenerateContentResponse:
        """Send it, as often as need be."""
        from google.genai import types

        config = types.GenerateContentConfig(
            system_instruction=system or None,
            temperature=self.temperature,
            max_output_tokens=self.max_output_tokens,
            response_mime_type="application/json",
            response_schema=None if schema is None else types.Schema.model_validate(schema),
        )
        contents: list[types.ContentUnion] = [
            types.Content(role=turn.role, parts=[types.Part(text=turn.text)]) for turn in self.turns
        ]
        ask = self.client.models.generate_content
        try:
            return retried(
                lambda: ask(model=self.model, contents=contents, config=config),
                self.retry,
                doing="ask Gemini",
                where=where,
            )
        except RecursionError as error:  # the library reads the JSON too, however deep it is
            raise AnswerUnusable("not_json", "nested too deeply", where=where) from error


def _read(response: types.GenerateContentResponse, where: str) -> Generated:
    usage = usage_of(response)
    feedback = response.prompt_feedback
    if feedback is not None and feedback.block_reason is not None:
        detail = f"prompt: {_name(feedback.block_reason)}"
        raise AnswerUnusable("blocked", detail, where=where, usage=usage)
    if not response.candidates:
        raise AnswerUnusable("empty", "no candidate", where=where, usage=usage)
    candidate = response.candidates[0]
    reason = _name(candidate.finish_reason)
    parts = (candidate.content.parts if candidate.content else None) or []
    # Parts marked as thoughts are the model's notes to itself, and may be no JSON.
    text = "".join(part.text or "" for part in parts if not part.thought)
    if reason in BLOCKING:
        raise AnswerUnusable("blocked", f"answer: {reason}", where=where, text=text, usage=usage)
    if reason == "MAX_TOKENS":
        raise AnswerUnusable("truncated", reason, where=where, text=text, usage=usage)
    if not text.strip():
        raise AnswerUnusable("empty", reason or "no text", where=where, usage=usage)
    try:
        data = json_of(text)
    except ValueError as error:
        raise AnswerUnusable("not_json", str(error), where=where, text=text, usage=usage) from error
    return Generated(data, text, usage, reason, response.model_version or "")


def _name(reason: Any) -> str:
    """The service's word; a new word that the library does not know arrives as it is."""
    return str(getattr(reason, "value", reason) or "")


def usage_of(response: types.GenerateContentResponse) -> Usage:
    """What the service says that the answer cost."""
    said = response.usage_metadata
    if said is None:
        return Usage()
    return Usage(
        prompt_tokens=said.prompt_token_count or 0,
        output_tokens=said.candidates_token_count or 0,
        thought_tokens=said.thoughts_token_count or 0,
        cached_tokens=said.cached_content_token_count or 0,
    )


def json_of(text: str) -> Any:
    """The one JSON value that `text` is, perhaps inside one Markdown fence.

    Raises:
        ValueError: it is none, or it is nested so deeply that no honest answer would be.
    """
    inside = text.strip()
    fence = _FENCE.match(inside)
    if fence and inside.endswith("```"):
        inside = inside[fence.end() : -3]
    if _depth(inside) > _MAX_DEPTH:
        raise ValueError(f"nested more than {_MAX_DEPTH} deep")
    return json.loads(inside, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _depth(text: str) -> int:
    """The deepest run of open brackets, strings left out: cheap, before any recursion."""
    deepest = depth = 0
    for mark in _MARK.finditer(text):
        if mark.group() in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark.group() in "]}":
            depth -= 1
    return deepest
