"""Compare-and-swap, alike on a local path and at gs://."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from components.storage import versioned


@pytest.fixture(params=["local", "gs"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place where nothing lies yet."""
    if request.param == "local":
        return str(tmp_path / "run" / "ledger.json")
    request.getfixturevalue("emulator")
    return "gs://local-project-bucket/run/ledger.json"


def test_compare_and_swap(uri: str) -> None:
    assert versioned.read(uri) is None
    first = versioned.write(uri, "1", None)
    with pytest.raises(versioned.Conflict):
        versioned.write(uri, "2", None)
    second = versioned.write(uri, "2", first)
    with pytest.raises(versioned.Conflict):
        versioned.write(uri, "3", first)
    assert versioned.read(uri) == versioned.Versioned("2", second)


def test_of_many_first_writers_one_wins(uri: str) -> None:
    def attempt(writer: int) -> bool:
        try:
            versioned.write(uri, str(writer), None)
        except versioned.Conflict:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        wins = list(pool.map(attempt, range(16)))
    assert sum(wins) == 1
    assert versioned.read(uri).text == str(wins.index(True))  # type: ignore[union-attr]
