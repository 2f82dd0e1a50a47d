"""What came back for each request of a shard: a small, tolerant reader of output rows.

A row tells its request by the key that was sent with it, if the service gives that back, or else
by the canonical form of the echoed request. A row that proves neither belongs to nobody. The full
join, with the texts, is the work of the aggregating step.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from components.gemini.finish_reasons import BLOCKING
from components.rows.canonical import TooDeep, encoded, key_of
from components.rows.json_answers import json_trouble
from components.rows.prices import NO_TOKENS, Tokens
from components.rows.row_status import is_fine

Status = Literal[
    "ok", "truncated", "blocked", "transient", "refused", "bad_json", "empty", "odd", "missing"
]
_TRANSIENT_WORDS = re.compile(
    r"RESOURCE_EXHAUSTED|UNAVAILABLE|INTERNAL|DEADLINE_EXCEEDED|ABORTED|CANCELLED|UNKNOWN"
)
_REFUSED_WORDS = re.compile(
    r"INVALID_ARGUMENT|PERMISSION_DENIED|NOT_FOUND|FAILED_PRECONDITION|UNIMPLEMENTED"
    r"|UNAUTHENTICATED|OUT_OF_RANGE"
)
_HTTP = re.compile(r'"code"\s*:\s*(\d{3})\b|\b(4\d\d|5\d\d)\b')
# google.rpc.Code, as the number stands in a status object.
_RPC_TRANSIENT = frozenset({1, 2, 4, 8, 10, 13, 14})
_REASON_MAX = 300


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came back for one request.

    Attributes:
        status: ok; truncated (MAX_TOKENS); blocked; transient (429, 5xx); refused (other errors);
            bad_json (JSON was asked for); empty (no text); odd (another finish reason); missing.
        reason: the service's word for it, or what the JSON reader says; short.
        text: the answer's text; kept only where a policy or a later wave needs it.
        tokens: what was counted; billed also for answers that are of no use.
    """

    status: Status
    reason: str = ""
    text: str = ""
    tokens: Tokens = NO_TOKENS


MISSING = Outcome("missing", "no row came back")


class _Row(msgspec.Struct):
    request: msgspec.Raw = msgspec.Raw(b"null")
    status: Any = ""
    response: Any = None
    key: Any = None
    custom_id: Any = None
    id: Any = None


_decode = msgspec.json.Decoder(_Row).decode


def read_rows(
    lines: Iterable[bytes], model: str, keys: Mapping[str, bool], aliases: Mapping[str, str]
) -> Iterable[tuple[str, Outcome]]:
    """The rows that belong to a shard, each with its key; the others are passed over.

    Args:
        lines: lines of an output file.
        model: the shard's model, which is part of each key.
        keys: the keys of the shard, and whether JSON was asked for.
        aliases: keys of changed requests as they would be computed from an echo, to their own.
    """
    for line in lines:
        if not line.strip():
            continue
        row = _row(line)
        key = _key(row, model, keys, aliases) if row else None
        if row and key is not None:
            yield key, outcome_of(row.status, row.response, wants_json=keys[key])


def _row(line: bytes) -> _Row | None:
    """The row; None for a broken line, which proves nothing."""
    try:
        return _decode(line)
    except (msgspec.DecodeError, RecursionError):
        pass
    try:  # half a surrogate pair, which the strict reader refuses and the results show
        told = json.loads(line)
        row = _Row(**{name: told[name] for name in _Row.__struct_fields__ if name in told})
        row.request = msgspec.Raw(encoded(told.get("request")))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    return row


def _key(row: _Row, model: str, keys: Mapping[str, bool], aliases: Mapping[str, str]) -> str | None:
    for told in (row.key, row.custom_id, row.id):
        if isinstance(told, str) and told in keys:
            return told
    try:
        request = msgspec.json.decode(row.request)
        if not isinstance(request, dict) or not request:
            return None
        found = key_of(request, model)
    except (msgspec.DecodeError, TooDeep, RecursionError):
        return None
    found = aliases.get(found, found)
    return found if found in keys else None


def better(one: Outcome | None, other: Outcome) -> Outcome:
    """Of two rows for the same request the one that answers it; the first, if both do or none."""
    if one is None or (one.status != "ok" and other.status == "ok"):
        return other
    return one


def outcome_of(status: Any, response: Any, *, wants_json: bool) -> Outcome:
    """What an output row says, whatever its shape.

    Args:
        status: the row's `status`: empty where it went well; text or a google.rpc.Status if not.
        response: the row's `response`: a GenerateContentResponse, as JSON or as its text; empty or
            absent on errors.
        wants_json: whether the request asked for JSON.
    """
    response = _object(_from_text(response))
    used = _usage(response)
    if not is_fine(status):
        return _of_error(status, used)
    feedback = _object(response.get("promptFeedback"))
    if feedback.get("blockReason"):
        return _outcome("blocked", f"prompt: {feedback['blockReason']}", used)
    candidates = response.get("candidates")
    first = _object(candidates[0]) if isinstance(candidates, list) and candidates else {}
    finish = str(first.get("finishReason") or "")
    text = _text(first)
    if finish in BLOCKING:
        return _outcome("blocked", f"answer: {finish}", used)
    if finish == "MAX_TOKENS":
        return _outcome("truncated", finish, used, text)
    if finish not in ("STOP", "", "FINISH_REASON_UNSPECIFIED"):
        return _outcome("odd", finish, used, text)
    if not text.strip():
        return _of_no_text(first, finish, used)
    if wants_json:
        trouble = json_trouble(text)
        if trouble:
            return _outcome("bad_json", trouble, used, text)
    return _outcome("ok", "", used, text)


def _of_no_text(candidate: Mapping[str, Any], finish: str, used: Tokens) -> Outcome:
    parts = _object(candidate.get("content")).get("parts")
    other = isinstance(parts, list) and any(
        isinstance(part, dict) and not part.get("thought") and set(part) - {"text", "thought"}
        for part in parts
    )  # a function call or an image is an answer too
    return _outcome("ok", "", used) if other else _outcome("empty", finish or "no text", used)


def _of_error(status: Any, used: Tokens) -> Outcome:
    code = status.get("code") if isinstance(status, dict) else None
    said = str(status.get("message") or "") if isinstance(status, dict) else str(status)
    reason = " ".join(said.split()) or f"code {code}"
    if isinstance(code, int) and code < 100:
        return _outcome("transient" if code in _RPC_TRANSIENT else "refused", reason, used)
    found = _HTTP.search(said) if code is None else None
    number = code if isinstance(code, int) else int(found[1] or found[2]) if found else 0
    if number in (408, 429, 499) or number >= 500:
        return _outcome("transient", reason, used)
    if number >= 400:
        return _outcome("refused", reason, used)
    if _REFUSED_WORDS.search(said) and not _TRANSIENT_WORDS.search(said):
        return _outcome("refused", reason, used)
    return _outcome("transient", reason, used)  # an error without a known word: it may pass


def _outcome(status: Status, reason: str, used: Tokens, text: str = "") -> Outcome:
    return Outcome(status, reason[:_REASON_MAX], text, used)


def _usage(response: Mapping[str, Any]) -> Tokens:
    told = _object(response.get("usageMetadata"))
    return Tokens(
        _count(told, "promptTokenCount"),
        _count(told, "candidatesTokenCount") + _count(told, "thoughtsTokenCount"),
        _count(told, "cachedContentTokenCount"),
    )


def _count(told: Mapping[str, Any], name: str) -> int:
    value = told.get(name)
    return value if isinstance(value, int) and value > 0 else 0


def _text(candidate: Mapping[str, Any]) -> str:
    parts = _object(candidate.get("content")).get("parts")
    parts = [parts] if isinstance(parts, dict) else parts if isinstance(parts, list) else []
    return "".join(
        str(part.get("text") or "")
        for part in parts
        if isinstance(part, dict) and not part.get("thought")
    )


def _from_text(response: Any) -> Any:
    """A response that came as JSON inside of text, as BigQuery exports it."""
    if not isinstance(response, str):
        return response
    try:
        return json.loads(response)
    except (ValueError, RecursionError):
        return None


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
