"""The ledger: what is written down of a job's life, so that any process can take it up again.

One JSON object (`submission.json` in the run folder). Times are RFC 3339; the life's fields lie at
the top level beside the request that made the job.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any, get_args

from components.errors import InputError
from components.supervision.life import Ask, Event, Life, Outcome, Phase
from components.tables.text import json_text

VERSION = 1
_WRITTEN = tuple(f.name for f in fields(Life) if f.compare and f.name != "events")
_TIMES = frozenset(
    {"asked_at", "unknown_since", "created_at", "deadline_at", "submitted_at", "ended_at"}
)
_TEXTS = tuple(f.name for f in fields(Life) if f.default == "")
_WORDS = {"phase": get_args(Phase), "asked": get_args(Ask), "outcome": get_args(Outcome)}


@dataclass(frozen=True)
class Ledger:
    """A job's life together with the request that makes the job.

    Attributes:
        life: what is known of the job.
        request: what is sent to create it, ids included; the same in every attempt.
        console_url: where a person sees the job.
    """

    life: Life = field(default_factory=Life)
    request: Mapping[str, Any] = field(default_factory=dict)
    console_url: str = ""

    @cached_property
    def text(self) -> str:
        """The ledger as JSON text; worked out once, since a ledger does not change."""
        return to_text(self)

    @property
    def job_name(self) -> str:
        """The service's name of the job; empty while none is known to exist."""
        return self.life.job_name

    @property
    def outcome(self) -> Outcome | None:
        """How the life ended; None while it goes on."""
        return self.life.outcome

    @property
    def reason(self) -> str:
        """Why it ended so; may be empty for a success."""
        return self.life.reason

    @property
    def state(self) -> str:
        """The service's own word for the job's last state."""
        return self.life.state

    @property
    def events(self) -> tuple[Event, ...]:
        """The job's status events, in the order of their first sight."""
        return self.life.events


def to_text(ledger: Ledger) -> str:
    """The ledger as JSON text."""
    life = ledger.life
    told: dict[str, Any] = {"version": VERSION}
    for name in _WRITTEN:
        value = getattr(life, name)
        told[name] = to_time(value) if name in _TIMES and value is not None else value
    told["console_url"] = ledger.console_url
    told["request"] = ledger.request
    told["events"] = [
        {"time": e.time, "type": e.type, "description": e.description} for e in life.events
    ]
    return json_text(told) + "\n"


def from_text(text: str, where: str = "") -> Ledger:
    """The ledger from its JSON text; fields of later releases are passed over.

    Raises:
        InputError: the text is not a ledger, or one of a newer version.
    """
    try:
        return from_told(json.loads(text), where)
    except (ValueError, RecursionError) as error:
        raise _no_ledger(error, where) from error


def from_told(told: Mapping[str, Any], where: str = "") -> Ledger:
    """The ledger from the object that its JSON text holds; see `from_text`.

    Raises:
        InputError: it is no ledger, or one of a newer version.
    """
    try:
        version = told["version"]
        if version != VERSION:
            raise InputError(
                f"The ledger has version {version!r}, this release reads version {VERSION}",
                where=where,
                fix="Use the release that wrote it, or start a new run.",
            )
        known = {name: told[name] for name in _WRITTEN if name in told}
        _check_kinds(known, told)
        for name in _TIMES & known.keys():
            if known[name] is not None:
                known[name] = from_time(known[name])
        events = tuple(
            Event(e["time"], e["type"], e["description"]) for e in told.get("events", ())
        )
        return Ledger(
            Life(**known, events=events), told.get("request", {}), told.get("console_url", "")
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _no_ledger(error, where) from error


def _no_ledger(error: Exception, where: str) -> InputError:
    return InputError(
        f"This is not the ledger of a job ({type(error).__name__}: {error})",
        where=where,
        fix="Start a new run; an existing job can be followed with `intent2batch watch`.",
    )


def _check_kinds(known: Mapping[str, Any], told: Mapping[str, Any]) -> None:
    """Refuse values that no release has written; the rest of the code trusts a ledger's types.

    Raises:
        ValueError: names the field.
    """
    texts = {name: known[name] for name in _TEXTS if name in known}
    for event in told.get("events", ()):
        texts |= {f"event {name}": event[name] for name in ("time", "type", "description")}
    texts["console_url"] = told.get("console_url", "")
    for name, value in texts.items():
        if not isinstance(value, str):
            raise ValueError(f"{name} is no text")
    for name, words in _WORDS.items():
        if known.get(name) is not None and known[name] not in words:
            raise ValueError(f"{name} has no such value")
    if not isinstance(told.get("request", {}), dict):
        raise ValueError("request is no object")


@lru_cache(maxsize=4096)
def to_time(seconds: float) -> str:
    """Unix seconds as RFC 3339 in UTC, to the microsecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def from_time(text: str) -> float:
    """Unix seconds of an RFC 3339 time."""
    return datetime.fromisoformat(text).timestamp()
