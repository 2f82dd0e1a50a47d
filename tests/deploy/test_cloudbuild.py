"""The build file: its scripts are whole, and what they call is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

FILE = Path(__file__).parents[2] / "deploy" / "cloudbuild.yaml"
BUILD: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
SCRIPTS = {
    step["id"]: step["args"][-1] for step in BUILD["steps"] if step.get("entrypoint") == "bash"
}
# What Cloud Build puts in by itself.
BUILT_IN = {"PROJECT_ID", "SHORT_SHA", "TAG_NAME"}


def test_what_is_put_in_is_known() -> None:
    text = re.sub(r"^\s*#.*$", "", FILE.read_text(encoding="utf-8"), flags=re.M)
    put_in = set(re.findall(r"(?<!\$)\$\{?([A-Z_]+)\}?", text))
    assert put_in <= BUILT_IN | set(BUILD["substitutions"])
    assert set(BUILD["substitutions"]) <= put_in


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_a_script_is_whole_and_reads_only_what_is_set(script: str) -> None:
    script = script.replace("$$", "$")
    subprocess.run(["bash", "-n"], input=script, text=True, check=True, timeout=60)
    given = {entry.split("=", 1)[0] for entry in BUILD["options"]["env"]}
    assert set(re.findall(r"\$\{?([A-Z]+)", script)) <= given


def test_nothing_is_uploaded_that_was_not_tested_and_pinned() -> None:
    names = [step["id"] for step in BUILD["steps"]]
    assert names.index("test the image") == 0
    upload = next(script for script in SCRIPTS.values() if "--upload" in script)
    assert upload.index("--check") < upload.index("--upload")
    assert "/workspace/image" in upload
