"""The texts that a request asks with, as a number: a tenth of the work of a canonical form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from components.aggregate_results.predictions.decode import request_of
from components.aggregate_results.predictions.key_index import ident_of_bytes

UNKNOWN = 0


class _Part(msgspec.Struct, gc=False):
    text: str | None = None


class _Turn(msgspec.Struct, gc=False):
    parts: list[_Part] | _Part | None = None


class _Asked(msgspec.Struct, gc=False):
    contents: list[_Turn] | _Turn | None = None


_decode = msgspec.json.Decoder(_Asked).decode


def ident_of_texts(request: bytes) -> int:
    """64 bits that stand for the texts of all turns of a request; UNKNOWN where there are none."""
    try:
        texts = list(_texts(_decode(request)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        texts = list(_texts_of_any(request_of(request) or {}))
    if not texts:
        return UNKNOWN
    return ident_of_bytes("\0".join(texts).encode("utf-8", "replace"))[1]


def _texts(asked: _Asked) -> Iterator[str]:
    contents = asked.contents
    for turn in [contents] if isinstance(contents, _Turn) else contents or ():
        for part in [turn.parts] if isinstance(turn.parts, _Part) else turn.parts or ():
            if part.text is not None:
                yield part.text


def _texts_of_any(request: dict[str, Any]) -> Iterator[str]:
    """As `_texts`, of a request that is not formed as the service has it."""
    for turn in _listed(request.get("contents")):
        for part in _listed(turn.get("parts")):
            if isinstance(text := part.get("text"), str):
                yield text


def _listed(value: Any) -> list[dict[str, Any]]:
    """Objects in a list, or the one that stands without."""
    return [
        item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict)
    ]
