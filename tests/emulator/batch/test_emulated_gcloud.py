"""The gcloud command at the stand-in, where gcloud is installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(not shutil.which("gcloud"), reason="gcloud is not installed")


def test_gcloud_batch(jobs: Any, new_job: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    config = tmp_path / "job.json"
    config.write_text(json.dumps(new_job("exit $BATCH_TASK_INDEX", taskCount=2)))

    def gcloud(*arguments: str) -> subprocess.CompletedProcess[str]:
        line = ["gcloud", "batch", *arguments, "--location", "us-central1", "--quiet"]
        environment = {**os.environ, "CLOUDSDK_CONFIG": str(tmp_path / "gcloud")}
        return subprocess.run(
            line, env=environment, capture_output=True, text=True, check=False, timeout=60
        )

    done = gcloud("jobs", "submit", "one", "--config", str(config), "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"]["state"] == "QUEUED"
    name = "projects/local-project/locations/us-central1/jobs/one"
    jobs.emulator.batch.wait_for(name)

    done = gcloud("jobs", "describe", "one", "--format", "value(status.state)")
    assert done.stdout.strip() == "FAILED"
    done = gcloud("tasks", "list", "--job", "one", "--format", "value(status.state)")
    assert done.stdout.split() == ["SUCCEEDED", "FAILED"]
    done = gcloud("jobs", "submit", "one", "--config", str(config))
    assert done.returncode == 1
    assert "already exists" in done.stderr

    jobs.scenario("two", "stuck_queued")
    gcloud("jobs", "submit", "two", "--config", str(config))
    done = gcloud("jobs", "cancel", "two")
    assert done.returncode == 0, done.stderr
    jobs.emulator.batch.wait_for(f"{name[:-3]}two")
    done = gcloud("jobs", "delete", "one")
    assert done.returncode == 0, done.stderr
    done = gcloud("jobs", "list", "--format", "value(name.basename(),status.state)")
    assert done.stdout.split() == ["two", "CANCELLED"]
