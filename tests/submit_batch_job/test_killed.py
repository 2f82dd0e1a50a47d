"""SIGKILL at each of the step's calls; the step run again never makes a second job."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from emulator.launch import Emulator

SCRIPT = Path(__file__).with_name("killed_step.py")
ROOT = SCRIPT.parents[2]


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_call_and_run_again(emulator: Emulator, tmp_path: Path, when: str) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path), when],
        env={**os.environ, **emulator.environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    points = [json.loads(line) for line in done.stdout.splitlines()]
    # Load, find, create, looks, and the writes between them.
    assert len(points) > 6
    assert [point["first"] for point in points[:-1]] == [signal.SIGKILL] * (len(points) - 1)
    assert [point["second"] for point in points] == [0] * len(points)
    made = Counter(
        job.spec["labels"]["intent2batch-run"] for job in emulator.batch.book.everything()
    )
    assert len(made) == len(points)
    assert set(made.values()) == {1}
    for point in points:
        ledger = json.loads(
            (tmp_path / str(point["point"]) / "run" / "submission.json").read_text()
        )
        assert (ledger["phase"], ledger["outcome"]) == ("ended", "succeeded")
        told = json.loads((tmp_path / str(point["point"]) / "gcp_resources").read_text())
        assert told["resources"][0]["resourceUri"].endswith(ledger["job_name"])
