"""What the stand-in model says where nothing is scripted: that it is one, and what it was asked.

The answer to a prompt is always the same. It repeats the first words of the last turn and names a
digest of the whole prompt, so that a person can tell which answer belongs to which row. Where a
schema must be met, the values are made up (`made_up`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from emulator.vertex.made_up import made_up
from emulator.vertex.schemas import schema_of
from emulator.vertex.stand_in import CHARS_PER_TOKEN, Answer, last_user_text, text_length

_PIECE = 60  # characters of the prompt that are repeated
_MOST_TOKENS = 65_536


def unscripted(body: Mapping[str, Any]) -> Answer:
    """The answer to a checked body of generateContent.

    Raises:
        ApiError: 400, a schema must be met that is not followed here.
    """
    config = body.get("generationConfig", {})
    text = _text(body, config.get("responseMimeType", "text/plain"))
    ends = [text.find(stop) for stop in config.get("stopSequences", [])]
    text = text[: min((end for end in ends if end >= 0), default=len(text))]
    limit = int(config.get("maxOutputTokens", _MOST_TOKENS)) * CHARS_PER_TOKEN
    finish = "MAX_TOKENS" if len(text) > limit else "STOP"
    return Answer([{"text": text[:limit]}] if text else [], finish)


def _text(body: Mapping[str, Any], mime_type: str) -> str:
    digest = _digest(body)
    schema = schema_of(body)
    if schema is not None:
        value = made_up(schema, digest)
        if mime_type == "text/x.enum":
            return str(value)
        return json.dumps(value, ensure_ascii=False)
    turns, characters = len(body["contents"]), text_length(body)
    if mime_type == "application/json":
        told = {"stand_in": True, "prompt": _piece(last_user_text(body))}
        told |= {"turns": turns, "characters": characters, "digest": digest}
        return json.dumps(told, ensure_ascii=False)
    files = sum("text" not in part for turn in body["contents"] for part in turn["parts"])
    also = f", {files} file(s) that nobody looked at" if files else ""
    return (
        f"[local stand-in, no model] Here would be the answer to: {_piece(last_user_text(body))} "
        f"({turns} turn(s), {characters} characters{also}, digest {digest})"
    )


def _piece(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _PIECE else words[:_PIECE].rstrip() + "…"


def _digest(body: Mapping[str, Any]) -> str:
    """Of what was said by whom; the same for a call and for a row of a batch prediction."""
    contents = [body.get("systemInstruction", {}), *body["contents"]]
    said = [[content.get("role", "user"), content.get("parts")] for content in contents]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:8]
