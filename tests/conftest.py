"""What tests of every part share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from emulator.launch import Emulator, start

# Two cores and many processes: how long an example takes says nothing about the code.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")


@pytest.fixture
def emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """A started emulator with empty state; the environment points clients at it."""
    with start(tmp_path / "emulator") as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running
