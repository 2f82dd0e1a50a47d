"""compile.py: the same bytes each time, the goldens, pinned images, wrong use."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import compile as command
from components.worker_image import WORKER_IMAGE
from pipelines.compiling import PIPELINES, compiled

IMAGE = "europe-docker.pkg.dev/p/r/worker@sha256:" + "0a" * 32


@pytest.fixture
def golden(tmp_path):
    folder = tmp_path / "golden"
    assert command.main(["--update", "--golden", str(folder)]) == 0
    return folder


def executors(text: str) -> list[dict]:
    return list(yaml.safe_load(text)["deploymentSpec"]["executors"].values())


def test_the_goldens_are_up_to_date(capsys):
    assert command.main(["--check"]) == 0, capsys.readouterr().err


def test_a_changed_golden_fails_with_the_difference_and_what_to_do(golden, capsys):
    path = golden / "intent-to-batch.yaml"
    path.write_text(path.read_text().replace("taskInfo", "taskInform", 1))
    assert command.main(["--check", "--golden", str(golden)]) == 1
    said = capsys.readouterr().err
    assert "-" in said
    assert "taskInform" in said
    assert said.rstrip().endswith("python compile.py --update")


@pytest.mark.parametrize("change", ["absent", "left over"])
def test_goldens_are_compared_both_ways(golden, change, capsys):
    if change == "absent":
        (golden / "intent-to-batch.yaml").unlink()
    else:
        (golden / "gone-pipeline.yaml").write_text("a: 1\n")
    assert command.main(["--check", "--golden", str(golden)]) == 1
    assert "out of date" in capsys.readouterr().err


def test_a_check_writes_nothing(golden, tmp_path):
    out = tmp_path / "out"
    assert command.main(["--check", "--golden", str(golden), "--output", str(out)]) == 0
    assert not out.exists()


def test_specs_are_written_where_asked(tmp_path, capsys):
    assert command.main(["--output", str(tmp_path)]) == 0
    written = capsys.readouterr().out.split()
    assert written == [str(tmp_path / f"{name}.yaml") for name in PIPELINES]
    assert {e["container"]["image"] for e in executors(Path(written[0]).read_text())} == {
        WORKER_IMAGE
    }


def test_a_released_spec_is_pinned_everywhere(tmp_path):
    assert command.main(["--image", IMAGE, "--output", str(tmp_path)]) == 0
    text = (tmp_path / "intent-to-batch.yaml").read_text()
    assert {e["container"]["image"] for e in executors(text)} == {IMAGE}
    assert WORKER_IMAGE not in text


@pytest.mark.parametrize(
    "image", ["worker", "worker:1.2", "worker@sha256:12", f"{IMAGE} x", f"ü{IMAGE}"]
)
def test_an_image_without_its_digest_is_refused(tmp_path, image, capsys):
    assert command.main(["--image", image, "--output", str(tmp_path / "out")]) == 2
    assert "is not pinned" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_two_machines_write_the_same_bytes(tmp_path):
    for seed in ("1", "2"):
        subprocess.run(
            [sys.executable, command.__file__, "--output", str(tmp_path / seed)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        )
    first, second = ((tmp_path / s / "intent-to-batch.yaml").read_bytes() for s in ("1", "2"))
    assert first == second == compiled("intent-to-batch").encode()
    assert not first.startswith(b"#")


def test_the_client_of_kubeflow_is_not_loaded_to_compile(tmp_path):
    code = (
        "import os, sys; from pipelines.compiling import compiled; compiled('intent-to-batch'); "
        "from kfp import components, dsl, local; dsl.component; "
        "sys.exit('kubernetes' in sys.modules or '_KFP_RUNTIME' in os.environ)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


@pytest.mark.parametrize("name", PIPELINES)
def test_no_part_of_a_pipeline_is_for_kubernetes_alone(name):
    # A spec leaves it out: Vertex reads one document.
    function = name.replace("-", "_")
    pipeline = getattr(importlib.import_module(f"pipelines.{function}"), function)
    assert not pipeline.platform_spec.platforms


@pytest.mark.parametrize("name", PIPELINES)
def test_all_that_the_console_shows_is_explained(name):
    spec = yaml.safe_load((command.GOLDEN / f"{name}.yaml").read_text())
    assert spec["pipelineInfo"]["description"]
    steps = {n: c for n, c in spec["components"].items() if "executorLabel" in c}
    # Inputs are explained in every spec: the linter sees to it.
    shown = {
        f"{step}.{kind}.{each}": definition.get("description")
        for step, component in steps.items()
        for kind, outputs in component["outputDefinitions"].items()
        for each, definition in outputs.items()
    }
    assert [place for place, text in shown.items() if not text] == []
    kinds = {
        definition["artifactType"]["schemaTitle"]
        for component in steps.values()
        for definition in component.get("outputDefinitions", {}).get("artifacts", {}).values()
    }
    assert {"system.HTML", "system.Markdown", "system.Metrics"} <= kinds
    resources = [n for n, c in steps.items() if "gcp_resources" in str(c.get("outputDefinitions"))]
    assert len(resources) >= 1
    for step in resources:  # a page beside it, as the console links some kinds only
        artifacts = steps[step]["outputDefinitions"]["artifacts"].values()
        assert any(a["artifactType"]["schemaTitle"] == "system.Markdown" for a in artifacts)
