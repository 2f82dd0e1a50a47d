"""What a person may choose about the preparation of rows."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from components.errors import WrongUse
from components.rows.limits import Limits, default_model_from, limits_from

ROLES = (
    "prompt",
    "system",
    "model",
    "id",
    "media",
    "mime_type",
    "turns",
    "temperature",
    "top_p",
    "top_k",
    "max_output_tokens",
    "seed",
    "stop_sequences",
    "presence_penalty",
    "frequency_penalty",
    "thinking_budget",
    "thinking_level",
    "response_schema",
    "response_json_schema",
    "response_mime_type",
    "generation_config",
)


@dataclass(frozen=True)
class Settings:
    """How rows become requests.

    Attributes:
        columns: which column has which role, where its name does not tell: `{"prompt": "Frage"}`.
        template: prompt over the row's columns, as in `Translate {{text}} to {{language}}`; empty:
            the prompt column is the prompt.
        system: system instruction of the rows that have none of their own.
        model: model of the rows that name none; empty for the default of the models table.
        models: names in the file to model ids; "*" stands for every name that is not known.
        generation: `generationConfig` of all rows; a row's own settings go over it. Ready requests
            are left as they are.
        safety: `safetySettings` of all rows.
        labels: `labels` of all requests, for the bill; never one that tells rows apart.
        history: URI of a stored conversation, JSON Lines of turns or a table with columns `role`
            and `text`; every row goes on from there.
        history_tokens: room for system text, pinned facts and turns of a conversation, and the
            prompt; older turns are dropped beyond.
        pinned: facts that stay in every conversation whatever is dropped.
        encoding: of text files; empty: by their byte order mark, else UTF-8.
        delimiter: of CSV; empty: whichever of `,;|` and tab the header has most of.
        sheet: name of the sheet in a workbook; empty: the first one.
        limits: rows, characters, requests at once.
        max_shard_requests: lines of a shard; a batch job takes 200,000.
        max_shard_bytes: bytes of a shard; a batch job takes 1 GB.
        max_waves: waves of rows that need answers of others.
        expected_output_tokens: of an answer, for the estimate.
        max_cost_usd: an estimate above is an error; 0: no limit.
        prices: a price file that replaces ours.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    template: str = ""
    system: str = ""
    model: str = ""
    models: Mapping[str, str] = field(default_factory=dict)
    generation: Mapping[str, Any] = field(default_factory=dict)
    safety: tuple[Mapping[str, Any], ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    history: str = ""
    history_tokens: int = 100_000
    pinned: tuple[str, ...] = ()
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    limits: Limits = field(default_factory=Limits)
    max_shard_requests: int = 199_999
    max_shard_bytes: int = 950_000_000
    max_waves: int = 20
    expected_output_tokens: int = 500
    max_cost_usd: float = 0.0
    prices: str = ""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            _check_type(name, value)
        for role in self.columns:
            _known(role, ROLES, "role of a column")
        for name in ("max_shard_requests", "max_shard_bytes", "max_waves", "history_tokens"):
            if getattr(self, name) < 1:
                raise WrongUse(f"{name} must be at least 1")
        if self.max_shard_requests > 200_000 or self.max_shard_bytes > 1_000_000_000:
            raise WrongUse("A shard holds at most 200,000 requests and 1,000,000,000 bytes")
        if self.delimiter and (len(self.delimiter) != 1 or self.delimiter in '"\r\n'):
            raise WrongUse(f"The delimiter must be one character, not {self.delimiter!r}")
        if not (math.isfinite(self.max_cost_usd) and self.max_cost_usd >= 0):
            raise WrongUse("max_cost_usd must be an amount of dollars, or 0 for no limit")

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON data."""
        return dataclasses.asdict(self)


def settings_from(given: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
    """Settings from plain data; what is not given comes from the environment, then from here.

    Args:
        given: fields of `Settings`, and of `Limits` beside them.
        environment: read for the variables of `components.rows.limits`.

    Raises:
        WrongUse: a name is not known or a value is not possible.
    """
    limits_given = {key: given[key] for key in given if key in Limits.__dataclass_fields__}
    rest = {key: value for key, value in given.items() if key not in limits_given}
    fields = [name for name in Settings.__dataclass_fields__ if name != "limits"]
    for name in rest:
        _known(name, [*fields, *Limits.__dataclass_fields__], "setting")
    for name in ("safety", "pinned"):
        if isinstance(rest.get(name), list):
            rest[name] = tuple(rest[name])
    rest.setdefault("model", default_model_from(environment))
    limits = dataclasses.replace(limits_from(environment), **limits_given)
    return Settings(**rest, limits=limits)


_TYPES: dict[str, tuple[type | tuple[type, ...], str]] = {
    **dict.fromkeys(("columns", "models", "labels"), (Mapping, "a map of texts")),
    "generation": (Mapping, "an object"),
    "safety": (tuple, "a list of objects"),
    "pinned": (tuple, "a list of texts"),
    "limits": (Limits, "limits"),
    "max_cost_usd": ((int, float), "a number"),
    **dict.fromkeys(
        (
            "history_tokens",
            "max_shard_requests",
            "max_shard_bytes",
            "max_waves",
            "expected_output_tokens",
        ),
        (int, "a whole number"),
    ),
}


def _check_type(name: str, value: Any) -> None:
    kind, words = _TYPES.get(name, (str, "a text"))
    fits = isinstance(value, kind) and not isinstance(value, bool)
    if words == "a map of texts":
        fits = fits and all(isinstance(text, str) for pair in value.items() for text in pair)
    elif isinstance(value, tuple):
        inner = str if words == "a list of texts" else Mapping
        fits = fits and all(isinstance(item, inner) for item in value)
    if not fits:
        raise WrongUse(f"The setting {name} must be {words}, not {str(value)[:40]!r}")


def _known(name: str, names: Any, what: str) -> None:
    if name in names:
        return
    close = get_close_matches(name, list(names), n=1)
    raise WrongUse(
        f"There is no {what} '{name[:60]}'",
        fix=f"Did you mean {close[0]}?" if close else f"Known: {', '.join(names)}.",
    )
