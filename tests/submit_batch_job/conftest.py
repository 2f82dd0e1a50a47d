"""A clock that lets the emulator work while someone sleeps, and short ways to submit."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from components.submit_batch_job.submit import Waiting, submit_and_watch
from components.supervision.ledger import Ledger
from emulator.launch import Emulator

PLACE = {"project": "local-project", "region": "us-central1"}
PARENT = "projects/local-project/locations/us-central1"


def job_of(script: str, **group: Any) -> dict[str, Any]:
    """A job of one script."""
    spec = {"runnables": [{"script": {"text": script}}], **group.pop("spec", {})}
    return {
        "taskGroups": [{"taskSpec": spec, **group}],
        "logsPolicy": {"destination": "CLOUD_LOGGING"},
    }


class StoryClock:
    """Time that passes only in sleeps; during one, the emulator's jobs go on to their end.

    It runs out: polling without end fails the test.

    Args:
        emulator: its jobs are waited for, if they can end.
        stop_at: the sleep in which someone asks to stop; 0: never.
        naps: how many sleeps there may be.
    """

    def __init__(self, emulator: Emulator, stop_at: int = 0, naps: int = 300) -> None:
        self.emulator = emulator
        self.stop_at = stop_at
        self.left = naps
        self.slept: list[float] = []
        self.jobs_may_end = True
        self._now = 1_800_000_000.0

    def now(self) -> float:
        self._now += 0.001
        return self._now

    def sleep(self, seconds: float) -> None:
        self.left -= 1
        assert self.left, f"it polls without end: {self.slept[-5:]}"
        self.slept.append(seconds)
        self._now += seconds
        for job in self.emulator.batch.book.jobs():
            if self.jobs_may_end:
                self.emulator.batch.wait_for(job.name)

    def stop_asked(self) -> str:
        return "SIGTERM" if 0 < self.stop_at <= len(self.slept) else ""


class Step:
    """One run's submission against the emulator, again and again."""

    def __init__(self, emulator: Emulator, folder: Path) -> None:
        self.emulator = emulator
        self.ledger = str(folder / "run" / "submission.json")
        self.lines: list[str] = []
        self.clock = StoryClock(emulator)

    def submit(self, job: Mapping[str, Any], **more: Any) -> Ledger:
        waiting = Waiting(
            say=self.lines.append,
            clock=self.clock,
            draw=lambda least, most: most,
            **more.pop("waiting", {}),
        )
        return submit_and_watch(
            job, **{**PLACE, "run": "run/1", "ledger_uri": self.ledger, "waiting": waiting, **more}
        )

    def made(self) -> list[Any]:
        """All jobs that were ever made."""
        return list(self.emulator.batch.book.everything())

    def calls(self, method: str) -> int:
        return self.emulator.faults.calls().get(f"batch.{method}", 0)

    def scenario(self, kind: str, **fields: Any) -> None:
        url = f"{self.emulator.urls['batch']}/_emulator/scenarios"
        body = json.dumps({"job_id": "*", "kind": kind, **fields}).encode()
        with urllib.request.urlopen(urllib.request.Request(url, body)) as answer:
            assert answer.status == 200


@pytest.fixture
def step(emulator: Emulator, tmp_path: Path) -> Step:
    return Step(emulator, tmp_path)
