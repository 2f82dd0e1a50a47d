"""A request that was made from a row, and the settings that a row carries in its cells."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

from components.rows.canonical import normalised
from components.rows.check import Problem


class Made(NamedTuple):
    """What became of a row.

    Attributes:
        id: the row's own id; may be empty.
        model: empty where the row is not sent.
        body: the request as it is sent, JSON; for a row with references its template.
        digest: first 12 bytes of the hash that the key shows; empty for a row with references.
        names: of the answers that it refers to.
        reason: typed reason why it is never sent; else empty.
        text_bytes: UTF-8 bytes of its texts, for the estimate.
        media: types of its media, for the estimate.
        max_output: `maxOutputTokens`, or 0.
        problems: everything that is wrong or doubtful with it, for the findings.
        prompt: the beginning of what is asked, as JSON, for people who look at results.
    """

    id: str
    model: str = ""
    body: bytes = b""
    digest: bytes = b""
    names: tuple[str, ...] = ()
    reason: str = ""
    text_bytes: int = 0
    media: tuple[str, ...] = ()
    max_output: int = 0
    problems: tuple[Problem, ...] = ()
    prompt: bytes = b'""'


class BadCell(ValueError):  # noqa: N818 - reads as what it is
    """A cell cannot be used; the message is a typed reason."""


def _number(text: str) -> float:
    value = float(text.replace(",", ".") if "," in text and "." not in text else text)
    if not math.isfinite(value):
        raise ValueError(text)
    return int(value) if value.is_integer() else value


def _whole(text: str) -> int:
    value = float(text)
    if not value.is_integer():
        raise ValueError(text)
    return int(value)


def _json(text: str) -> Any:
    return orjson.loads(text)


def _stops(text: str) -> list[str]:
    if text.lstrip().startswith("["):
        return [str(item) for item in orjson.loads(text)]
    return [text]


# Role of a column: field of generationConfig, reading, what is wanted.
GENERATION: dict[str, tuple[str, Callable[[str], Any], str]] = {
    "temperature": ("temperature", _number, "a number"),
    "top_p": ("topP", _number, "a number"),
    "top_k": ("topK", _number, "a number"),
    "max_output_tokens": ("maxOutputTokens", _whole, "a whole number"),
    "seed": ("seed", _whole, "a whole number"),
    "stop_sequences": ("stopSequences", _stops, "a text or a JSON list of texts"),
    "presence_penalty": ("presencePenalty", _number, "a number"),
    "frequency_penalty": ("frequencyPenalty", _number, "a number"),
    "thinking_budget": (
        "thinkingConfig",
        lambda text: {"thinkingBudget": _whole(text)},
        "a number",
    ),
    "thinking_level": (
        "thinkingConfig",
        lambda text: {"thinkingLevel": text.upper()},
        "a level",
    ),
    "response_schema": ("responseSchema", _json, "a JSON schema"),
    "response_json_schema": ("responseJsonSchema", _json, "a JSON schema"),
    "response_mime_type": ("responseMimeType", str, "a mime type"),
}


def _config(text: str) -> Mapping[str, Any]:
    value = orjson.loads(text)
    if not isinstance(value, dict):
        raise ValueError(text)
    found: Mapping[str, Any] = normalised({"generationConfig": value}).get("generationConfig", {})
    return found


def _read(cells: Mapping[str, str], role: str, read: Callable[[str], Any], wanted: str) -> Any:
    """What the cell of a role says; None where it is empty."""
    text = cells.get(role, "").strip()
    if not text:
        return None
    try:
        return read(text)
    except (ValueError, OverflowError) as error:
        shown = text if len(text) <= 40 else text[:37] + "…"
        raise BadCell(f"bad_setting: {role}: '{shown}' is not {wanted}") from error


def generation_of(cells: Mapping[str, str], base: Mapping[str, Any]) -> dict[str, Any]:
    """`generationConfig` from the cells of a row, over what holds for all rows.

    Args:
        cells: role to text; empty ones count as absent. `generation_config` holds any of the
            settings as a JSON object; a column of its own goes over it.
        base: `generationConfig` with camelCase names.

    Raises:
        BadCell: a cell cannot be read.
    """
    whole = _read(cells, "generation_config", _config, "a JSON object of settings")
    config: dict[str, Any] = {**base, **(whole or {})}
    for role, (name, read, wanted) in GENERATION.items():
        value = _read(cells, role, read, wanted)
        if value is None:
            continue
        if name == "thinkingConfig" and isinstance(config.get(name), dict):
            value = {**config[name], **value}
        config[name] = value
    has_schema = "responseSchema" in config or "responseJsonSchema" in config
    if has_schema and "responseMimeType" not in config:
        config["responseMimeType"] = "application/json"
    return config
