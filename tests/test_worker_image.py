"""The worker image without an engine: its packages in a virtual environment, every step run there.

The Dockerfile itself is carried out: the instructions of its `packages` stage, as they stand. What
they install is linked from this environment (tests/linking_pip.py), not loaded again.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from emulator.launch import Emulator
from pipelines.compiling import compiled

ROOT = Path(__file__).parent.parent
# What the worker stage copies beside the packages.
CODE = ("prompts", "components")

RUN_SPEC = """
import json, sys
from pipelines.light_kfp import import_light_kfp
import_light_kfp()
from kfp import components, local
request = json.loads(sys.stdin.read())
sys.executable = request["python"]  # kfp.local puts it where a step says python3
local.init(local.SubprocessRunner(use_venv=False), pipeline_root=request["root"])
components.load_component_from_text(request["spec"])(**request["parameters"])
"""


def stages() -> dict[str, list[tuple[str, str]]]:
    """Stage name -> its instructions as (word, rest)."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    found: dict[str, list[tuple[str, str]]] = {}
    stage = ""
    for line in text.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            stage = rest.partition(" AS ")[2] or "final"
            found[stage] = []
        if word and not word.startswith("#"):
            found[stage].append((word, rest.strip()))
    return found


def carry_out(instructions: list[tuple[str, str]], folder: Path) -> None:
    """COPY and RUN of a stage in a folder whose `venv` comes first on the path."""
    path = f"{folder / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    for word, rest in instructions:
        if word == "COPY":
            *sources, target = rest.split()
            assert target == "./"
            for source in sources:
                shutil.copy(ROOT / source, folder)
        elif word == "RUN":
            done = subprocess.run(
                ["sh", "-c", rest],
                cwd=folder,
                env={**os.environ, "PATH": path, "LINKED_FROM": sysconfig.get_path("purelib")},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{rest}\n{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="session")
def worker_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with exactly the worker's packages."""
    folder = tmp_path_factory.mktemp("worker")
    venv.create(folder / "venv", symlinks=True)
    [packages] = (folder / "venv").glob("lib/python*/site-packages")
    shutil.copy(Path(__file__).with_name("linking_pip.py"), packages / "pip.py")
    carry_out(stages()["packages"], folder)
    (packages / "pip.py").unlink()
    return folder / "venv" / "bin" / "python"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """The code that the worker stage copies, and nothing else of ours."""
    copied = [rest.split()[0] for word, rest in stages()["worker"] if word == "COPY"]
    assert tuple(copied) == CODE
    folder = tmp_path / "app"
    folder.mkdir()
    for name in copied:
        (folder / name).symlink_to(ROOT / name)
    return folder


def run_in_worker(
    python: Path, app: Path, root: Path, pipeline: str, parameters: Mapping[str, Any]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN_SPEC],
        input=json.dumps(
            {
                "python": str(python),
                "root": str(root),
                "spec": compiled(pipeline),
                "parameters": parameters,
            }
        ),
        # kfp.local leaves a folder behind in the temporary one.
        env={
            **os.environ,
            "PYTHONPATH": str(app),
            "PYTHONWARNINGS": "ignore",
            "TMPDIR": str(app),
        },
        cwd=root.parent,
        capture_output=True,
        text=True,
        check=False,
    )


def steps(pipeline: str) -> set[str]:
    """kfp.local's names of all steps of the pipeline."""
    components = yaml.safe_load(compiled(pipeline))["components"]
    return {name.removeprefix("comp-") for name, c in components.items() if "executorLabel" in c}


INTENT = {"intent_uri": "intent.txt", "reader": "offline", "project": "local-project"}
STAGING = "gs://local-project-bucket/staging"
ROWS = {"source": "rows.csv", "project": "local-project", "staging_uri": STAGING}


@pytest.mark.parametrize(
    ("pipeline", "parameters"),
    [
        ("intent-to-batch", [INTENT, {**INTENT, "dry_run": True}]),
        ("batch-prediction", [ROWS]),
    ],
)
def test_every_step_runs_in_the_worker(
    worker_python: Path,
    app: Path,
    tmp_path: Path,
    emulator: Emulator,
    pipeline: str,
    parameters: list[dict[str, Any]],
) -> None:
    ran: set[str] = set()
    (tmp_path / "intent.txt").write_text("3 tasks that run `echo hello`, at most 2 at once")
    (tmp_path / "rows.csv").write_text("prompt\nCapital of France?\nHow big is ${output.1}?\n")
    for number, given in enumerate(parameters):
        done = run_in_worker(worker_python, app, tmp_path / f"root{number}", pipeline, given)
        assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
        ran |= set(re.findall(r"Executing task \x1b\[96m'([^']+)'", done.stdout))
    assert ran == steps(pipeline)


@pytest.mark.parametrize(
    ("module", "there"),
    [
        ("kfp.dsl.executor_main", True),
        ("google.cloud.batch_v1", True),
        ("google.cloud.storage", True),
        ("google.genai", True),
        ("google.cloud.aiplatform", False),
        ("vertexai", False),
        ("kubernetes", False),
        ("google_cloud_pipeline_components", False),
        ("pytest", False),
    ],
)
def test_what_the_worker_holds(worker_python: Path, module: str, there: bool) -> None:
    found = subprocess.run(
        [
            str(worker_python),
            "-c",
            f"import os; os.environ['_KFP_RUNTIME'] = 'true'; import {module}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.returncode == 0) == there, found.stderr


def test_the_image_does_not_run_as_root_and_carries_no_secret() -> None:
    final = stages()["final"]
    assert final[-1] == ("USER", "worker")
    words = [word for stage in stages().values() for word, _ in stage]
    assert "ARG" not in words
    assert "ADD" not in words
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"


def test_the_test_stage_runs_tests_that_are_there() -> None:
    run = [rest for word, rest in stages()["test"] if word == "RUN"][-1]
    named = [word.split("=")[-1] for word in run.split() if "tests/" in word]
    assert named
    for path, _, test in (name.partition("::") for name in named):
        assert (ROOT / path).exists(), path
        assert f"def {test}" in ((ROOT / path).read_text() if test else "def ")
