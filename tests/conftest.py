"""What tests of every part share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest
from hypothesis import HealthCheck, settings

from emulator.launch import Emulator, start
from pipelines.access.tables import undocumented
from pipelines.light_kfp import import_light_kfp
from tests.scripted_model import Model

# The storage client's thread that looks up buckets outlives a test, and draws random numbers beside
# hypothesis, which takes that for a mistake of the strategy.
os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")

# Each step of a run is a process, and so is each command: where the environment forbids bytecode,
# as in many containers, all of them would compile the same modules again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Before any test module says `from kfp import dsl`.
import_light_kfp()

# Two cores and many processes: how long an example takes says nothing about the code.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")

# A local run makes the buckets that its files go to; where an object is missing in a bucket that it
# made, the library looks whether the bucket is still there.
ONLY_IN_STAND_INS = {"storage.buckets.insert", "storage.buckets.get"}


@pytest.fixture(scope="session", autouse=True)
def one_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One root certificate instead of all.

    Each Gemini client reads them twice, 40 ms each time, and no test speaks TLS.
    """
    end = "-----END CERTIFICATE-----\n"
    roots = Path(certifi.where()).read_text(encoding="utf-8")
    file = tmp_path_factory.mktemp("root") / "root.pem"
    file.write_text(roots.partition(end)[0] + end, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(file))
        yield


@pytest.fixture
def emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """A started emulator with empty state; the environment points clients at it."""
    with start(tmp_path / "emulator") as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running
        unexplained = set(undocumented(running.faults.callers()))
        assert unexplained <= ONLY_IN_STAND_INS


@pytest.fixture
def model(emulator: Emulator) -> Model:
    """The emulator's model, whose answers the test scripts."""
    return Model(emulator.urls["vertex"])
