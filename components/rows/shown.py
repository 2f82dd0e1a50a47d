"""The beginning of a prompt, for people who look at results: the whole one is in their own file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SHOWN_CHARS = 500


def beginning(text: str) -> str:
    """The text, or its first 500 characters and an ellipsis."""
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"


def prompt_of(request: Mapping[str, Any]) -> str:
    """The beginning of what is asked in a request of any form."""
    return beginning(asked_in(request))


def asked_in(request: Mapping[str, Any]) -> str:
    """The texts of the last turn that is the user's, in a request of any form."""
    turns = request.get("contents")
    for turn in reversed(turns if isinstance(turns, list) else []):
        if isinstance(turn, dict) and turn.get("role", "user") == "user":
            parts = turn.get("parts")
            listed = [parts] if isinstance(parts, dict) else parts
            if not isinstance(listed, list):
                return ""
            texts = [part.get("text") for part in listed if isinstance(part, dict)]
            return "\n".join(text for text in texts if isinstance(text, str))
    return ""
