"""Answers that were to be JSON: which requests ask for it, and what is wrong with a text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def wants_json(request: Mapping[str, Any]) -> bool:
    """Whether the request asks for an answer in JSON."""
    settings = request.get("generationConfig")
    if not isinstance(settings, dict):
        return False
    return settings.get("responseMimeType") == "application/json"


def json_trouble(text: str) -> str:
    """Why the text is no JSON; empty if it is."""
    try:
        json.loads(text)
    except RecursionError:
        return "nested too deeply"
    except ValueError as error:
        return str(error)
    return ""
