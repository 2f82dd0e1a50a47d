"""What tests of every part share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from emulator.launch import Emulator, start
from pipelines.access.tables import undocumented

# The storage client's thread that looks up buckets outlives a test, and draws random numbers beside
# hypothesis, which takes that for a mistake of the strategy.
os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")

# Two cores and many processes: how long an example takes says nothing about the code.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")

# A local run makes the buckets that its files go to.
ONLY_IN_STAND_INS = {"storage.buckets.insert"}


@pytest.fixture
def emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """A started emulator with empty state; the environment points clients at it."""
    with start(tmp_path / "emulator") as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running
        unexplained = set(undocumented(running.faults.callers()))
        assert unexplained <= ONLY_IN_STAND_INS
