"""Runs verbs of the command in a folder of their own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from components.errors import Intent2BatchError
from pipelines.cli import jobs, rerun, submit, tasks

GOOD = {
    "taskGroups": [
        {
            "taskCount": 3,
            "parallelism": 3,
            "taskSpec": {
                "maxRunDuration": "600s",
                "runnables": [
                    {"script": {"text": "#!/bin/bash\ntest $BATCH_TASK_INDEX -ne 1 || exit 137"}}
                ],
            },
        }
    ],
    "logsPolicy": {"destination": "CLOUD_LOGGING"},
}


def ended(app: typer.Typer, words: Sequence[str], given: str | None) -> tuple[int, str, str]:
    """Exit code, stdout and stderr, as `intent2batch` gives them."""
    result = CliRunner().invoke(app, words, input=given)
    error = result.exception
    if isinstance(error, Intent2BatchError):
        return error.exit_code, result.stdout, f"{result.stderr}{error}"
    assert error is None or isinstance(error, SystemExit), result.exc_info
    return result.exit_code, result.stdout, result.stderr


class Command:
    """Runs verbs in a folder of their own."""

    def __init__(self) -> None:
        self.app = typer.Typer()
        submit.register(self.app)
        jobs.register(self.app)
        tasks.register(self.app)
        rerun.register(self.app)

    def __call__(self, *words: str, given: str | None = None) -> tuple[int, str, str]:
        """Exit code, stdout and stderr, as `intent2batch` gives them."""
        return ended(self.app, words, given)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    Path("job.json").write_text(json.dumps(GOOD))
    Path("quick.json").write_text(json.dumps(GOOD).replace("137", "0"))
    return Command()
