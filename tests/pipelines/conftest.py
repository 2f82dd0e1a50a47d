"""Pipelines that tests compile."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.compiling import dump


def compiled_spec(file: str, name: str, folder: Path) -> dict[str, Any]:
    from kfp import compiler

    found = importlib.util.spec_from_file_location(name, Path(__file__).with_name(file))
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    target = folder / "spec.yaml"
    compiler.Compiler().compile(getattr(module, name), str(target))
    return yaml.safe_load(target.read_text())


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return compiled_spec("sample_pipeline.py", "sample", tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    path = folder / "small.yaml"
    path.write_text(dump(compiled_spec("small_pipeline.py", "small", folder)))
    return path
