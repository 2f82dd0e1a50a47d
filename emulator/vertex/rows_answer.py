"""The answer of one row of a batch prediction: its `status` and its `response`.

The response has what rows of the service have beyond an online answer (`score`, `avgLogprobs`,
details of the usage), because those fields break decoders that are strict. Their numbers mean
nothing here. How the service words the status of a failed row is not known in general; the form is
that of the one public sample, of status 429.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from emulator.http import ApiError
from emulator.vertex.batch_jobs_scenarios import ANSWERS, Scenario
from emulator.vertex.fields import checked_generate
from emulator.vertex.stand_in import Answer, last_user_text, stood_in, text_length

_FAILS_WITH = 429


class RowAnswer(NamedTuple):
    """Status (empty: all is well) and response of a row; words are those of its last turn."""

    status: str
    response: dict[str, Any]
    words: str


Model = Callable[[Mapping[str, Any], str], Answer]  # a checked body and the words of its last turn


def answered(
    request: Mapping[str, Any], place: int, scenarios: Sequence[Scenario], model: Model
) -> RowAnswer:
    """What the service would write for the request.

    Args:
        request: as in the input.
        place: of the row in the input, from 1.
        scenarios: of the job.
        model: what answers where no scenario does.
    """
    words = ""
    try:
        body = checked_generate(request)
        words = last_user_text(body)
        answer = _answer(body, words, place, scenarios, model)
        return RowAnswer("", _as_in_rows(stood_in(body, answer), body), words)
    except ApiError as error:
        return RowAnswer(status_text(error), {}, words)


def status_text(error: ApiError) -> str:
    """The status of a row that failed."""
    return f"{error.status} error occurred: {json.dumps(error.body())}"


def _answer(
    body: Mapping[str, Any],
    words: str,
    place: int,
    scenarios: Sequence[Scenario],
    model: Model,
) -> Answer:
    for scenario in scenarios:
        if scenario.kind in ANSWERS and scenario.points_at(place, words):
            if scenario.kind == "max_tokens":
                if _has_room(body, scenario.below):
                    continue
                return _cut(model(body, words))
            return _spoilt(scenario)
    return model(body, words)


def _has_room(body: Mapping[str, Any], below: int) -> bool:
    return bool(below) and body.get("generationConfig", {}).get("maxOutputTokens", 0) > below


def _cut(answer: Answer) -> Answer:
    texts = [dict(part) for part in answer.parts]
    if texts and isinstance(text := texts[-1].get("text"), str):
        texts[-1]["text"] = text[: len(text) // 2]
    return dataclasses.replace(answer, parts=texts, finish_reason="MAX_TOKENS")


def _spoilt(scenario: Scenario) -> Answer:
    match scenario.kind:
        case "blocked":
            return Answer(block_reason=scenario.reason or "PROHIBITED_CONTENT")
        case "finish":
            return Answer(finish_reason=scenario.reason or "RECITATION")
        case "empty":
            return Answer(empty=True)
        case "no_parts":
            return Answer()
        case "broken_json":
            return Answer([{"text": '{"stand_in": true, "cut": "her'}])
    code = scenario.code or _FAILS_WITH
    text = scenario.message or "The row fails on request (_emulator)."
    raise ApiError(code, "", text)


def _as_in_rows(response: dict[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    usage = response["usageMetadata"]
    asked, said = usage["promptTokenCount"], usage.get("candidatesTokenCount")
    usage["promptTokensDetails"] = [{"modality": "TEXT", "tokenCount": asked}]
    usage["billablePromptUsage"] = {"textCount": text_length(body)}
    usage["trafficType"] = "ON_DEMAND"
    if said is not None:
        usage["candidatesTokensDetails"] = [{"modality": "TEXT", "tokenCount": said}]
    for candidate in response.get("candidates", []):
        del candidate["index"]
        if "content" in candidate:
            candidate |= {"avgLogprobs": -0.25, "score": -0.25 * (said or 0)}
        elif candidate["finishReason"] == "STOP":
            candidate["content"] = {"role": "model"}
    return response
