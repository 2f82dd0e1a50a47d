"""One emulator for the tests of runs, as a run takes seconds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from emulator.launch import Emulator, start
from pipelines.access.tables import undocumented
from pipelines.remote.run import Run
from pipelines.remote.vertex import Vertex
from pipelines.remote.wanted import Wanted
from tests.emulator.pipelines.specs import compiled

PROJECT, REGION = "local-project", "us-central1"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with start(tmp_path_factory.mktemp("emulator")) as emulator:
        yield emulator


@pytest.fixture
def emulated(running: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """The environment points clients at the emulator, which has no faults set."""
    running.faults.clear()
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    yield running
    assert undocumented(running.faults.callers()) == []


class Here(Vertex):
    """Vertex AI as the emulator shows it; waits for nothing."""

    def __init__(self, region: str = REGION) -> None:
        self.said: list[str] = []
        super().__init__(PROJECT, region, say=self.said.append, sleep=lambda seconds: None)

    def ended(self, run: Run) -> Run:
        """The run, once it has ended; each look waits for up to a second in the emulator."""
        for _ in range(120):
            found = self.get(run.id)
            if found.has_ended:
                return found
        raise AssertionError(f"{run.name} does not end")


@pytest.fixture
def here(emulated: Emulator) -> Here:
    return Here()


def wanted(name: str, run_id: str, **parameters: object) -> Wanted:
    """A run of one of the small pipelines."""
    return Wanted(
        run_id=run_id,
        spec=yaml.safe_load(compiled(name)),
        parameters=parameters,
        root="gs://local-project-bucket/root",
    )
