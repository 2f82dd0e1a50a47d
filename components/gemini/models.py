"""Which Gemini models exist, until when, and which is the default: a dated table."""

from __future__ import annotations

import csv
import datetime
import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import resources
from typing import Literal

WARN_BEFORE = datetime.timedelta(days=60)


@dataclass(frozen=True)
class Model:
    """A line of `models.csv`; `retires` is None where no date is announced."""

    model: str
    released: datetime.date
    retires: datetime.date | None
    batch: Literal["yes", "no", "unknown"]
    replacement: str
    default: bool


@functools.cache
def table() -> dict[str, Model]:
    """Every known model by its id."""
    text = resources.files("components.gemini").joinpath("models.csv").read_text("utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {row["model"]: _model(row) for row in rows}


def _model(row: dict[str, str]) -> Model:
    batch = row["batch"]
    if batch not in ("yes", "no", "unknown"):
        raise ValueError(f"models.csv: {row['model']}: batch is '{batch}'")
    return Model(
        model=row["model"],
        released=datetime.date.fromisoformat(row["released"]),
        retires=datetime.date.fromisoformat(row["retires"]) if row["retires"] else None,
        batch="yes" if batch == "yes" else "no" if batch == "no" else "unknown",
        replacement=row["replacement"],
        default=row["default"] == "yes",
    )


def default_model() -> str:
    """The id that is used where nobody names a model."""
    return next(model.model for model in table().values() if model.default)


def looked_up() -> str:
    """The day on which the table was looked up, as its first line says."""
    text = resources.files("components.gemini").joinpath("models.csv").read_text("utf-8")
    found = re.search(r"\d{4}-\d\d-\d\d", text.split("\n", 1)[0])
    return found.group() if found else "an unknown day"


def warnings(model: str, today: datetime.date) -> list[str]:
    """What should be said about the choice of `model` today; empty where nothing.

    Tuned models and models of other publishers (ids with a slash) are not in the table and are
    not judged.
    """
    if "/" in model:
        return []
    entry = table().get(model)
    if entry is None:
        return [f"Model '{model}' is not in our table of {looked_up()}.{_nearest(model, table())}"]
    if entry.retires is None:
        return []
    instead = f" Use {entry.replacement}." if entry.replacement else ""
    if entry.retires <= today:
        return [f"Model {model} retired on {entry.retires} and may answer 404.{instead}"]
    if entry.retires - today <= WARN_BEFORE:
        return [f"Model {model} retires on {entry.retires}.{instead}"]
    return []


def _nearest(model: str, names: Iterable[str]) -> str:
    close = get_close_matches(model, list(names), n=1, cutoff=0.75)
    return f" Did you mean {close[0]}?" if close else ""
