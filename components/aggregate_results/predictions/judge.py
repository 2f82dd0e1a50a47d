"""What an answer is worth: one status and a reason, whatever the model or the service says."""

from __future__ import annotations

import re

import msgspec
from msgspec import UNSET

from components.aggregate_results.predictions.decode import (
    Candidate,
    Feedback,
    Line,
    Part,
    Response,
    literal_of,
    text_of,
)
from components.gemini.finish_reasons import BLOCKING
from components.rows.row_status import is_fine

STATUSES = ("ok", "truncated", "blocked", "failed", "missing", "invalid")
# Of two answers to one row the better one counts.
GRADES = {"ok": 4, "truncated": 3, "blocked": 2, "failed": 1}

_FINE = frozenset({"STOP", "", "FINISH_REASON_UNSPECIFIED"})
_CODE = re.compile(r'"?code"?\s*[:=]\s*(\d{3})\b|\b([45]\d\d)\b')
_REASON_CHARS = 2_000
_NO_RESPONSE = Response()


class Answer(msgspec.Struct, array_like=True, gc=False):
    """One answer as it is set down between the passes; `literal` is its text as JSON or b""."""

    status: str
    literal: bytes
    reason: str
    finish_reason: str
    model_version: str
    prompt_tokens: int | None
    output_tokens: int | None
    thinking_tokens: int | None
    cached_tokens: int | None
    matched_by: str = ""
    attempt: int = 1
    batch: bool = True
    cost_usd: float | None = None


def judge(line: Line) -> Answer:
    """The answer of a line.

    All text parts that are not thoughts are joined. A row with a status is an error row whatever
    else it holds (docs: "otherwise details are in status"). Tokens of thoughts are billed as
    output and are counted in `output_tokens`.
    """
    response, told, finish, literal = line.response, line.status, "", b""
    if response is None or response is UNSET:
        response = _NO_RESPONSE
    if response.candidates:
        candidate = response.candidates[0]
        finish = candidate.finishReason or ""
        literal = literal_of_answer(candidate)
        status, reason = "ok", ""
        if finish != "STOP" or not literal:
            status, reason = _finished(finish, literal, candidate)
    else:
        status, reason = _without_candidate(response.promptFeedback)
    if told and isinstance(told, str) and not is_fine(told):
        status, reason = "failed", _told(told)
    version, usage = response.modelVersion or "", response.usageMetadata
    if usage is None:
        return Answer(status, literal, reason, finish, version, None, None, None, None)
    output, thoughts = usage.candidatesTokenCount, usage.thoughtsTokenCount
    if thoughts is not None:
        output = (output or 0) + thoughts
    prompt, cached = usage.promptTokenCount, usage.cachedContentTokenCount
    return Answer(status, literal, reason, finish, version, prompt, output, thoughts, cached)


def literal_of_answer(candidate: Candidate) -> bytes:
    """All text parts that are not thoughts, as one JSON string; b"" where there is no text.

    Where there is none but there are function calls, these are the text, as JSON.
    """
    parts = candidate.content.parts if candidate.content else None
    if not parts:
        return b""
    if type(parts) is list and len(parts) == 1 and not parts[0].thought:
        only = _literal(parts[0])
        if only:
            return only
    if isinstance(parts, Part):
        parts = [parts]
    literals = [text for part in parts if not part.thought and (text := _literal(part))]
    if len(literals) == 1:
        return literals[0]
    if literals:
        return literal_of("".join(text_of(literal)[0] for literal in literals))
    calls = [bytes(part.functionCall) for part in parts if part.functionCall]
    calls = [call for call in calls if call != b"null"]
    return literal_of(b"\n".join(calls).decode("utf-8", "replace")) if calls else b""


def _literal(part: Part) -> bytes:
    literal = bytes(part.text)
    return literal if literal[:1] == b'"' and literal != b'""' else b""


def _finished(finish: str, text: bytes, candidate: Candidate) -> tuple[str, str]:
    if finish in _FINE:
        return ("ok", "") if text else ("failed", "empty answer: it has no text")
    said = f": {candidate.finishMessage}" if candidate.finishMessage else ""
    if finish == "MAX_TOKENS":
        return "truncated", "the answer reached maxOutputTokens" + ("" if text else " with no text")
    if finish in BLOCKING:
        return "blocked", f"{finish}{said}"[:_REASON_CHARS]
    return "failed", f"finish reason {finish}{said}"[:_REASON_CHARS]


def _without_candidate(feedback: Feedback | None) -> tuple[str, str]:
    if feedback and feedback.blockReason:
        said = f": {feedback.blockReasonMessage}" if feedback.blockReasonMessage else ""
        return "blocked", f"prompt blocked, {feedback.blockReason}{said}"[:_REASON_CHARS]
    return "failed", "the row came back without an answer and without a reason"


def _told(status: str) -> str:
    """The service's words, its HTTP code first where one can be read."""
    found = _CODE.search(status)
    code = (found[1] or found[2]) if found else ""
    text = status[:_REASON_CHARS]
    return f"{code}: {text}" if code and not text.startswith(code) else text
