"""The name of a model in a row, judged: which model is meant, and whether batch jobs have it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from components.gemini import models

_OWN = re.compile(r"projects/[^/\s]+/locations/[^/\s]+/models/[^/\s]+\Z")
_PUBLISHED = re.compile(r"(?:publishers/google/)?models/([^/\s]+)\Z")
_ID = re.compile(r"[a-z0-9][a-z0-9.@_-]{0,62}\Z")


@dataclass(frozen=True)
class Choice:
    """What a row's model is taken for.

    Attributes:
        model: bare id of a Google model, or `projects/…/models/…`; empty where there is an error.
        error: typed reason why rows that name it are not sent: `unknown_model: …` or
            `model_without_batch: …`; else empty.
        warnings: sentences for the person, such as a date of retirement.
    """

    model: str
    error: str = ""
    warnings: list[str] = field(default_factory=list)


def bare(model: str) -> str:
    """`publishers/google/models/gemini-x` as `gemini-x`; other names as they are."""
    found = _PUBLISHED.match(model.strip())
    return found[1] if found else model.strip()


def choose(name: str, renamed: Mapping[str, str], default: str, today: datetime.date) -> Choice:
    """Which model a row means.

    Args:
        name: what the row says; empty where it says nothing.
        renamed: names of the file's author to model ids; "*" stands for every name that is not
            known. ("Granite 13B V2.1" means something only where the file was written.)
        default: for rows that name none.
        today: for dates of retirement.
    """
    wanted = bare(name) or default
    wanted = bare(renamed.get(name.strip(), renamed.get(wanted, wanted)))
    if not _known(wanted) and "*" in renamed:
        wanted = bare(renamed["*"])
    if not _known(wanted):
        return Choice("", _unknown(wanted))
    entry = models.table().get(wanted)
    if entry is not None and entry.batch == "no":
        instead = f"; {entry.replacement} does" if entry.replacement else ""
        return Choice("", f"model_without_batch: {wanted} does no batch prediction{instead}")
    return Choice(wanted, "", _warnings(wanted, today))


def _warnings(model: str, today: datetime.date) -> list[str]:
    told = models.warnings(model, today)
    entry = models.table().get(model)
    if "/" not in model and (entry is None or entry.batch == "unknown"):
        told = [*told, "Whether it does batch prediction is not known here."]
    return [" ".join(told)] if told else []


def _known(model: str) -> bool:
    """In our table, of the user's own, or at least of the family: the table may be older."""
    return model in models.table() or bool(
        _OWN.match(model) or (model.startswith("gemini-") and _ID.match(model))
    )


def _unknown(model: str) -> str:
    shown = model if len(model) <= 60 else model[:60] + "…"
    if model.startswith("publishers/"):
        return f"unknown_model: '{shown}' takes other request lines than Gemini's"
    plain = re.sub(r"[\s_]+", "-", model[:60].lower())
    close = get_close_matches(plain, list(models.table()), n=1, cutoff=0.75)
    meant = f"; did you mean {close[0]}?" if close else ""
    return f"unknown_model: '{shown}' is no Gemini model{meant}"
