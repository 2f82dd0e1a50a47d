"""A large object passes through the emulator without passing through its memory."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import google_crc32c
import pytest
from google.cloud import storage

SIZE = 200 * 1024 * 1024
MOST_KIB = 64 * 1024

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="needs /proc to measure memory"
)


def peak_kib(pid: int) -> int:
    """The most memory that the process ever held."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1])


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path, block = tmp_path / "large", os.urandom(1024 * 1024)
    with path.open("wb") as out:
        for _ in range(SIZE // len(block)):
            out.write(block)
    return path


def test_200_mb_up_and_down_cost_little(
    large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-m", "emulator", "--state", str(tmp_path / "state")]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, cwd=root, text=True, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            environment = json.loads(server.stdout.readline())
            monkeypatch.setenv("STORAGE_EMULATOR_HOST", environment["STORAGE_EMULATOR_HOST"])
            client = storage.Client(project="local-project")
            bucket = client.bucket("local-project-bucket")
            bucket.blob("small").upload_from_string(b"x")  # what every first call costs
            before = peak_kib(server.pid)
            bucket.blob("large").upload_from_filename(str(large), if_generation_match=0)
            bucket.blob("joined").compose([bucket.blob("large")])
            bucket.blob("joined").download_to_filename(str(tmp_path / "back"))
            assert peak_kib(server.pid) - before < MOST_KIB
            client.close()
        finally:
            server.terminate()
    assert checksum(tmp_path / "back") == checksum(large)


def checksum(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while piece := file.read(1024 * 1024):
            value = google_crc32c.extend(value, piece)
    return value
