"""The hooks for other repositories: pre-commit can read them, and what they start works."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.batch.rules.jobs import SPEC, changed, clean_job

HOOKS = Path(__file__).parents[2] / ".pre-commit-hooks.yaml"


def hooks() -> dict[str, dict[str, Any]]:
    return {hook["id"]: hook for hook in yaml.safe_load(HOOKS.read_text(encoding="utf-8"))}


def started(hook: str, *files: Path) -> subprocess.CompletedProcess[str]:
    """Run a hook as pre-commit does: the words of its entry, then the files."""
    program, *words = shlex.split(hooks()[hook]["entry"])
    command = Path(sys.executable).with_name(program)
    return subprocess.run(
        [str(command), *words, *map(str, files)], capture_output=True, text=True, check=False
    )


def test_the_hooks_have_what_pre_commit_asks_for() -> None:
    assert set(hooks()) == {"intent2batch-validate", "intent2batch-fix"}
    for hook in hooks().values():
        assert {"id", "name", "entry", "language"} <= set(hook)
        assert hook["language"] == "python"


@pytest.mark.parametrize(
    ("path", "looked_at"),
    [
        ("deploy/batch.json", True),
        ("jobs/nightly-job.yaml", True),
        ("my_Job.yml", True),
        ("batch/readme.md", False),
        ("package.json", False),
        ("src/job.py", False),
    ],
)
def test_which_files_the_hooks_look_at(path: str, looked_at: bool) -> None:
    for hook in hooks().values():
        assert bool(re.search(hook["files"], path)) is looked_at


def test_the_entry_passes_good_jobs_and_fails_bad_ones(tmp_path: Path) -> None:
    good, bad = tmp_path / "good-job.json", tmp_path / "bad-job.json"
    good.write_text(json.dumps(clean_job()))
    bad.write_text(json.dumps(changed(clean_job(), {"priority": 100})))

    assert started("intent2batch-validate", good).returncode == 0
    failed = started("intent2batch-validate", good, bad)

    assert failed.returncode == 1
    assert f"{bad}:1:" in failed.stdout
    assert "error PRIORITY" in failed.stdout


def test_the_mending_hook_mends(tmp_path: Path) -> None:
    file = tmp_path / "job.json"
    file.write_text(json.dumps(changed(clean_job(), {f"{SPEC}.maxRunDuration": "1h"})))

    ended = started("intent2batch-fix", file)

    assert ended.returncode == 0
    assert "mended TIMEOUT_FMT" in ended.stderr
    assert json.loads(file.read_text()) == changed(clean_job(), {f"{SPEC}.maxRunDuration": "3600s"})
