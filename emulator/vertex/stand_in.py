"""The stand-in model: no model at all, and every answer says so.

Tests script it: a queue of answers, rules by words of the last turn, an answer for the rest. What
it says without a script is in `unscripted`; the model's version tells the two apart, so that a
caller that would act on an answer can refuse one that was made up.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.http import ApiError

MODEL_VERSION = "local-stand-in"
SCRIPTED_VERSION = "local-stand-in/scripted"
CHARS_PER_TOKEN = 4
_KEPT_REQUESTS = 1000
_ANSWER_KEYS = {
    "text",
    "json",
    "parts",
    "thought",
    "finish_reason",
    "block_reason",
    "empty",
    "error",
    "times",
}


@dataclass(frozen=True)
class Answer:
    """One answer, of a script or of whatever else answers.

    Attributes:
        parts: what the candidate says.
        finish_reason: as the service names it.
        block_reason: not empty: the prompt was blocked, and there is no candidate.
        empty: there is no candidate, and no reason either.
        error: code, status and message of an error in place of an answer.
        model_version: who answers.
        tokens: of prompt and answer, where something counted them; otherwise they are estimated.
    """

    parts: list[dict[str, Any]] = field(default_factory=list)
    finish_reason: str = "STOP"
    block_reason: str = ""
    empty: bool = False
    error: Mapping[str, Any] | None = None
    model_version: str = MODEL_VERSION
    tokens: tuple[int, int] | None = None

    @staticmethod
    def from_json(data: Any) -> Answer:
        """The answer that the JSON object describes.

        Raises:
            ValueError: an unknown key, or two of text, json and parts.
        """
        if not isinstance(data, Mapping):
            raise ValueError("an answer is an object")
        if unknown := sorted(set(data) - _ANSWER_KEYS):
            raise ValueError(f"an answer has no '{unknown[0]}'")
        if len(data.keys() & {"text", "json", "parts"}) > 1:
            raise ValueError("an answer has one of text, json and parts")
        parts: list[dict[str, Any]] = list(data.get("parts", []))
        if "thought" in data:
            parts.append({"text": str(data["thought"]), "thought": True})
        if "text" in data:
            parts.append({"text": str(data["text"])})
        if "json" in data:
            parts.append({"text": json.dumps(data["json"], ensure_ascii=False)})
        return Answer(
            parts=parts,
            finish_reason=str(data.get("finish_reason", "STOP")),
            block_reason=str(data.get("block_reason", "")),
            empty=bool(data.get("empty", False)),
            error=data.get("error"),
            model_version=SCRIPTED_VERSION,
        )


@dataclass(frozen=True)
class Script:
    """What the stand-in answers: first the queue, then the first rule that matches, then the rest.

    JSON: `{"answers": [ANSWER, ...], "rules": [{"match": "words", "answer": ANSWER}, ...],
    "otherwise": ANSWER}`. An ANSWER in the queue may have `"times": n`. A rule matches where its
    words stand in the last turn of the user.
    """

    queue: list[Answer] = field(default_factory=list)
    rules: list[tuple[str, Answer]] = field(default_factory=list)
    otherwise: Answer | None = None

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Script:
        """The script that the JSON object describes.

        Raises:
            ValueError: it is none; the text says why.
        """
        if unknown := sorted(set(data) - {"answers", "rules", "otherwise"}):
            raise ValueError(f"a script has no '{unknown[0]}'")
        queue = [
            Answer.from_json(entry)
            for entry in data.get("answers", [])
            for _ in range(_times(entry))
        ]
        rules = [_rule(entry) for entry in data.get("rules", [])]
        rest = Answer.from_json(data["otherwise"]) if "otherwise" in data else None
        return Script(queue, rules, rest)


def _rule(entry: Any) -> tuple[str, Answer]:
    if not isinstance(entry, Mapping) or set(entry) != {"match", "answer"}:
        raise ValueError("a rule has 'match' and 'answer'")
    return str(entry["match"]), Answer.from_json(entry["answer"])


def _times(entry: Any) -> int:
    times = entry.get("times", 1) if isinstance(entry, Mapping) else 1
    if isinstance(times, bool) or not isinstance(times, int) or not 1 <= times <= 10_000:
        raise ValueError("'times' is a whole number from 1 to 10000")
    return times


class StandIn:
    """The script being played and the requests that were seen; safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: deque[Answer] = deque()
        self._script = Script()
        self._seen: deque[dict[str, Any]] = deque(maxlen=_KEPT_REQUESTS)

    def play(self, script: Script) -> None:
        """Begin a script; what was left of the former one is forgotten, the requests are not."""
        with self._lock:
            self._script = script
            self._queue = deque(script.queue)

    def clear(self) -> None:
        """Forget script and requests."""
        with self._lock:
            self._script = Script()
            self._queue.clear()
            self._seen.clear()

    def seen(self) -> dict[str, Any]:
        """The last requests, oldest first, and the number of queued answers left."""
        with self._lock:
            return {"requests": list(self._seen), "answers_left": len(self._queue)}

    def next_answer(self, request: dict[str, Any], words: str) -> Answer | None:
        """The scripted answer to a request whose last turn says `words`; None without one."""
        with self._lock:
            self._seen.append(request)
            if self._queue:
                return self._queue.popleft()
            return self._by_rules(words)

    def answer_by_rules(self, words: str) -> Answer | None:
        """The same for a row of a batch prediction, which takes nothing from the queue.

        Rows are answered in no order that a test could count on, and are not kept.
        """
        with self._lock:
            return self._by_rules(words)

    def _by_rules(self, words: str) -> Answer | None:
        for match, answer in self._script.rules:
            if match in words:
                return answer
        return self._script.otherwise


def stood_in(body: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
    """The response of generateContent to a checked body.

    Raises:
        ApiError: the answer is an error.
    """
    if answer.error is not None:
        error = answer.error
        raise ApiError(
            int(error.get("code", 500)),
            str(error.get("status", "")),
            str(error.get("message", "scripted error")),
        )
    spoken = sum(len(str(part.get("text", ""))) for part in answer.parts)
    asked, said = answer.tokens or (token_count(body), _tokens(spoken))
    response: dict[str, Any] = {
        "modelVersion": answer.model_version,
        "responseId": _response_id(body, answer),
        "createTime": datetime.datetime.now(datetime.UTC).isoformat().replace("+00:00", "Z"),
        "usageMetadata": {"promptTokenCount": asked, "totalTokenCount": asked},
    }
    if answer.block_reason:
        return response | {"promptFeedback": {"blockReason": answer.block_reason}}
    if answer.empty:
        return response
    candidate: dict[str, Any] = {"index": 0, "finishReason": answer.finish_reason}
    if answer.parts:
        candidate["content"] = {"role": "model", "parts": answer.parts}
    response["candidates"] = [candidate]
    response["usageMetadata"] |= {"candidatesTokenCount": said, "totalTokenCount": asked + said}
    return response


def _response_id(body: Mapping[str, Any], answer: Answer) -> str:
    said = json.dumps([body, answer.parts], sort_keys=True)
    return "local-" + hashlib.sha256(said.encode()).hexdigest()[:16]


def text_length(body: Mapping[str, Any]) -> int:
    """Characters of all text parts, the system instruction included."""
    contents = [*body.get("contents", []), body.get("systemInstruction", {})]
    return sum(len(p.get("text", "")) for c in contents for p in c.get("parts", []))


def token_count(body: Mapping[str, Any]) -> int:
    """A heuristic and no tokenizer: four characters make a token."""
    return _tokens(text_length(body))


def _tokens(characters: int) -> int:
    return -(-characters // CHARS_PER_TOKEN)


def last_user_text(body: Mapping[str, Any]) -> str:
    """The text of the last turn that is not the model's."""
    turns = [c for c in body["contents"] if c.get("role", "user") == "user"]
    return "\n".join(p.get("text", "") for p in turns[-1]["parts"]) if turns else ""
