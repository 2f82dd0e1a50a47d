"""What tests of every part share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.launch import Emulator, start


@pytest.fixture
def emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """A started emulator with empty state; the environment points clients at it."""
    with start(tmp_path / "emulator") as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running
