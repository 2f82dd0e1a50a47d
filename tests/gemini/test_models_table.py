"""The dated table of models."""

from __future__ import annotations

import datetime

import pytest

from components.gemini import models

DAY = datetime.date(2026, 11, 21)


def test_the_table_is_whole() -> None:
    table = models.table()
    assert models.looked_up() == DAY.isoformat()
    assert sum(model.default for model in table.values()) == 1
    for model in table.values():
        assert model.replacement == "" or model.replacement in table
        assert model.retires is None or model.retires > model.released


def test_the_default_is_current_and_can_do_batch() -> None:
    name = models.default_model()
    assert models.warnings(name, DAY) == []
    assert models.table()[name].batch == "yes"


@pytest.mark.parametrize(
    ("model", "day", "said"),
    [
        ("gemini-2.5-pro", DAY, ["retired on 2026-10-20", "gemini-3.5-flash"]),
        ("gemini-2.5-pro", datetime.date(2026, 10, 1), ["retires on 2026-10-20"]),
        ("gemini-2.5-pro", datetime.date(2026, 10, 20), ["retired on"]),
        ("gemini-2.5-pro", datetime.date(2026, 1, 1), []),
        ("gemini-3.8-flash", DAY, []),
        ("gemini-3.5-flsh", DAY, ["not in our table of 2026-11-21", "gemini-3.5-flash?"]),
        ("palm", DAY, ["not in our table"]),
        ("projects/p/locations/l/models/7", DAY, []),
    ],
)
def test_warnings(model: str, day: datetime.date, said: list[str]) -> None:
    found = " ".join(models.warnings(model, day))
    assert bool(found) == bool(said)
    for words in said:
        assert words in found
