"""SIGTERM and Ctrl-C, delivered to the real command while its job runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from emulator.launch import Emulator
from tests.submit_batch_job.conftest import Step, job_of

ROOT = Path(__file__).parents[2]
COMMAND = """
import sys, typer
from components.errors import Intent2BatchError
from pipelines.cli import jobs, submit
app = typer.Typer()
jobs.register(app)
submit.register(app)
try:
    app()
except Intent2BatchError as error:
    sys.exit(f"{error}")
"""


@contextmanager
def started(emulator: Emulator, folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND, *words],
        env={**os.environ, **emulator.environment, "PYTHONPATH": str(ROOT)},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def job_file(tmp_path: Path) -> Path:
    file = tmp_path / "job.json"
    job = job_of("#!/bin/bash\nsleep 1000", spec={"maxRunDuration": "2000s"})
    file.write_text(json.dumps(job))
    return file


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_cancels_the_job(
    emulator: Emulator, tmp_path: Path, job_file: Path, number: signal.Signals
) -> None:
    with started(emulator, tmp_path, "submit", str(job_file), "--run", "r") as process:
        assert process.stdout
        name = process.stdout.readline().strip()
        emulator.batch.wait_for(name, lambda job: job.state == "RUNNING")
        process.send_signal(number)
        _, told = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "The job was cancelled" in told
    assert [job.state for job in emulator.batch.book.everything()] == ["CANCELLED"]
    ledger = json.loads((tmp_path / "runs" / "r" / "submission.json").read_text())
    assert (ledger["outcome"], ledger["state"]) == ("cancelled", "CANCELLED")


def test_a_second_ctrl_c_leaves_at_once_and_says_so(
    emulator: Emulator, tmp_path: Path, job_file: Path
) -> None:
    Step(emulator, tmp_path).scenario(
        "delay_state", state="CANCELLATION_IN_PROGRESS", calls=1_000_000
    )
    with started(emulator, tmp_path, "submit", str(job_file), "--run", "r") as process:
        assert process.stdout
        name = process.stdout.readline().strip()
        emulator.batch.wait_for(name, lambda job: job.state == "RUNNING")
        process.send_signal(signal.SIGINT)
        emulator.batch.wait_for(name, lambda job: job.state == "CANCELLATION_IN_PROGRESS")
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=300)
    assert process.returncode == 130
    assert f"may still be running; cancel it: intent2batch cancel {name}" in told


def test_ctrl_c_while_watching_leaves_the_job_alone(
    emulator: Emulator, tmp_path: Path, job_file: Path
) -> None:
    with started(emulator, tmp_path, "submit", str(job_file), "--run", "r", "--no-wait") as made:
        name = made.communicate(timeout=300)[0].strip()
    emulator.batch.wait_for(name, lambda job: job.state == "RUNNING")
    with started(emulator, tmp_path, "watch", name) as process:
        assert process.stderr
        assert any("RUNNING" in line for line in process.stderr)  # it has looked, and waits
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=300)
    assert process.returncode == 130
    assert [job.state for job in emulator.batch.book.everything()] == ["RUNNING"]
    assert emulator.faults.calls().get("batch.CancelJob") is None
