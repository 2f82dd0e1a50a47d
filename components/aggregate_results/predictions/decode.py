"""One line of an output file as types: what the service writes today, wrote before, and may.

The typed decoder reads what is usual at full speed. Whatever it refuses goes through a slow one
that takes anything: `parts` as an object, snake_case, JSON inside of text, numbers as text.
Sources: the shapes of 2024-11 and 2025-12 on, `score` and `billablePromptUsage` as unknown
extras, nulls for every field that another row has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from json.encoder import encode_basestring
from typing import Annotated, Any

import msgspec

from components.rows.row_status import is_fine


class Part(msgspec.Struct, gc=False):
    """A piece of the answer. The text stays JSON: it is decoded once, when it is written."""

    text: msgspec.Raw = msgspec.Raw(b"")
    thought: bool | None = None
    functionCall: msgspec.Raw = msgspec.Raw(b"")  # noqa: N815 - the service's names


class Content(msgspec.Struct, gc=False):
    """The parts, as a list or (seen in 2024) as one object."""

    parts: list[Part] | Part | None = None


class Candidate(msgspec.Struct, gc=False):
    """One answer."""

    content: Content | None = None
    finishReason: str | None = None  # noqa: N815
    finishMessage: str | None = None  # noqa: N815


_MOST = 2**53  # what every reader of JSON takes for a whole number
_Count = Annotated[int, msgspec.Meta(ge=0, lt=_MOST)]


class Usage(msgspec.Struct, gc=False):
    """Tokens."""

    promptTokenCount: _Count | None = None  # noqa: N815
    candidatesTokenCount: _Count | None = None  # noqa: N815
    thoughtsTokenCount: _Count | None = None  # noqa: N815
    cachedContentTokenCount: _Count | None = None  # noqa: N815


class Feedback(msgspec.Struct, gc=False):
    """Why a prompt was refused."""

    blockReason: str | None = None  # noqa: N815
    blockReasonMessage: str | None = None  # noqa: N815


class Response(msgspec.Struct, gc=False):
    """What the model gave back."""

    candidates: list[Candidate] | None = None
    usageMetadata: Usage | None = None  # noqa: N815
    modelVersion: str | None = None  # noqa: N815
    promptFeedback: Feedback | None = None  # noqa: N815


class Line(msgspec.Struct, gc=False):
    """A line. `response` and `status` are UNSET in a line that is a request, not an answer."""

    key: str | int | None = None
    custom_id: str | int | None = None
    id: str | int | None = None
    status: str | msgspec.UnsetType | None = msgspec.UNSET
    response: Response | msgspec.UnsetType | None = msgspec.UNSET

    @property
    def is_answer(self) -> bool:
        """Whether the service wrote it."""
        return self.status is not msgspec.UNSET or self.response is not msgspec.UNSET

    @property
    def echoed_key(self) -> str:
        """The key that came back, "" where none did."""
        for value in (self.key, self.custom_id, self.id):
            if value is not None and value != "":
                return str(value)
        return ""


class _Echo(msgspec.Struct, gc=False):
    request: msgspec.Raw = msgspec.Raw(b"")


_decode_line = msgspec.json.Decoder(Line).decode
_decode_echo = msgspec.json.Decoder(_Echo).decode
_decode_text = msgspec.json.Decoder(str).decode
_NOT_DECODED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_SURROGATE = re.compile("[\ud800-\udfff]")
_SNAKE = re.compile(r"_([a-z])")


def decode(line: bytes) -> Line | None:
    """The line as types; None where it is no JSON object."""
    try:
        return _decode_line(line)
    except _NOT_DECODED:
        return _decode_anything(line)


def echo_of(line: bytes) -> bytes:
    """The bytes of the request that the line echoes; b"" where it echoes none."""
    try:
        raw = _decode_echo(line).request
    except _NOT_DECODED:
        return b""
    echo = bytes(raw)
    return b"" if echo == b"null" else echo


def request_of(echo: bytes) -> dict[str, Any] | None:
    """The echoed request as a dict, also where it is JSON inside of text; None if it is none."""
    value = _loads(echo)
    if isinstance(value, str):
        value = _loads(value.encode("utf-8", "replace"))
    return value if isinstance(value, dict) else None


def _loads(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _decode_anything(data: bytes) -> Line | None:
    raw = _loads(data)
    if not isinstance(raw, dict):
        return None
    line = Line()
    for name in ("key", "custom_id", "id"):
        if isinstance(raw.get(name), (str, int)):
            setattr(line, name, clean(str(raw[name])))
    if "status" in raw:
        line.status = _status(raw["status"])
    if "response" in raw:
        line.response = _response(raw["response"])
    return line


def text_of(literal: bytes) -> tuple[str, bytes]:
    """A JSON string as text, and as JSON that every reader takes; b"" is the empty text."""
    if not literal:
        return "", b'""'
    try:
        return _decode_text(literal), literal
    except _NOT_DECODED:
        pass
    try:
        text = json.loads(literal.decode("utf-8", "replace"), strict=False)
    except ValueError:
        text = literal.decode("utf-8", "replace")
    text = clean(str(text))
    return text, literal_of(text)


def literal_of(text: str) -> bytes:
    """The text as a JSON string."""
    return encode_basestring(text).encode("utf-8", "replace")


def _status(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return clean(value) if value else value
    if is_fine(value):
        return ""
    return clean(json.dumps(value, ensure_ascii=False))


def clean(text: str) -> str:
    """Half a surrogate pair, which no file of ours can hold, becomes U+FFFD."""
    return _SURROGATE.sub("\ufffd", text)


def _response(value: Any) -> Response | None:
    if isinstance(value, str):
        value = _loads(value.encode("utf-8", "replace"))
    if not isinstance(value, dict):
        return None
    value = _camel(value)
    candidates = value.get("candidates")
    used = _mapping(value.get("usageMetadata"))
    feedback = _mapping(value.get("promptFeedback"))
    return Response(
        candidates=[
            _candidate(_camel(item))
            for item in (candidates if isinstance(candidates, list) else [])
            if isinstance(item, dict)
        ],
        usageMetadata=Usage(*(_whole(used.get(name)) for name in Usage.__struct_fields__)),
        modelVersion=_text(value.get("modelVersion")),
        promptFeedback=Feedback(
            *(_text(feedback.get(name)) for name in Feedback.__struct_fields__)
        ),
    )


def _candidate(value: Mapping[str, Any]) -> Candidate:
    parts = _mapping(value.get("content")).get("parts")
    parts = [parts] if isinstance(parts, dict) else parts
    made = [
        _part(_camel(p)) for p in (parts if isinstance(parts, list) else []) if isinstance(p, dict)
    ]
    return Candidate(
        Content(made), _text(value.get("finishReason")), _text(value.get("finishMessage"))
    )


def _part(value: Mapping[str, Any]) -> Part:
    text, call = _text(value.get("text")), value.get("functionCall")
    return Part(
        msgspec.Raw(literal_of(text) if text is not None else b""),
        value.get("thought") is True,
        msgspec.Raw(clean(json.dumps(call)).encode() if isinstance(call, dict) else b""),
    )


def _camel(value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        _SNAKE.sub(lambda found: found[1].upper(), name): item
        for name, item in value.items()
        if item is not None or "_" not in name
    }


def _mapping(value: Any) -> dict[str, Any]:
    return _camel(value) if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return clean(value) if isinstance(value, str) else None


def _whole(value: Any) -> int | None:
    """A count that may have come as text or with a decimal point."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = int(value)
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number < _MOST else None
