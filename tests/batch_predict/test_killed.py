"""SIGKILL behind each of the step's calls; the step run again never makes a job twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from components.storage import files
from tests.batch_predict.conftest import BUCKET, Run

SCRIPT = Path(__file__).with_name("killed_step.py")
ROOT = SCRIPT.parents[2]
STRIDE = 3


@pytest.mark.parametrize("first", range(1, 1 + STRIDE))
def test_killed_behind_any_call_and_run_again(run: Run, first: int) -> None:
    # In every run one row is missing at first, so that there is a second sending.
    run.scenario("missing", rows=[1], display_name="*-w000-a-a1-*")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), BUCKET, "killed", str(first), str(STRIDE)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    points = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(points) > 8
    assert [point["first"] for point in points[:-1]] == [signal.SIGKILL] * (len(points) - 1)
    assert [point["second"] for point in points] == [0] * len(points), done.stderr
    made = Counter(job["spec"]["displayName"] for job in run.held())
    assert set(made.values()) == {1}  # no job was ever made twice
    for point in points:
        ledger = json.loads(files.read_text(f"{point['run']}/predictions.json"))
        sent = [(job["shard"].split("-")[1], job["requests"]) for job in ledger["jobs"]]
        assert sorted(sent) == [("a.jsonl", 2), ("a2", 1), ("b.jsonl", 2)]
        assert {job["display_name"] for job in ledger["jobs"]} <= made.keys()
