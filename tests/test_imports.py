"""Who may import whom: pipelines -> steps -> nouns; the emulator stands apart."""

from __future__ import annotations

import ast
import functools
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("components", "pipelines", "prompts", "emulator")
FILES = sorted(
    path.relative_to(ROOT)
    for package in OURS
    for path in (ROOT / package).rglob("*.py")
    if "__pycache__" not in path.parts
)
# What starts the stand-ins; all others reach them over HTTP alone.
LAUNCHERS = {Path("pipelines/local_services.py"), Path("pipelines/cli/emulate.py")}
# A verb and a noun make a step; one noun is what steps share.
STEPS = {
    path.name for path in (ROOT / "components").iterdir() if path.is_dir() and "_" in path.name
}
STEPS.discard("__pycache__")


@dataclass(frozen=True)
class Import:
    module: str
    line: int
    at_top: bool


@functools.cache
def imports(path: Path) -> list[Import]:
    """Every import of a file, see `_imports`; several tests ask."""
    return list(_imports(path))


def _imports(path: Path) -> Iterator[Import]:
    """Every import of a file; those for type checkers alone count, too, but not as at the top."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    top = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield Import(name.name, node.lineno, id(node) in top)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            yield Import(node.module or "", node.lineno, id(node) in top)
            # `from components import gemini` names a package in its second half.
            for name in node.names:
                yield Import(f"{node.module}.{name.name}", node.lineno, id(node) in top)


def step_of(module: str) -> str:
    """The step that a module belongs to, or empty."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "components" and parts[1] in STEPS else ""


def forbidden(path: Path, module: str) -> str:
    """Why a file may not import a module; empty if it may."""
    package, target = path.parts[0], module.split(".")[0]
    if target not in OURS:
        return ""
    here = step_of(".".join(path.with_suffix("").parts))
    there = step_of(module)
    if package == "emulator" and target != "emulator":
        return "the emulator would share our mistakes"
    if target == "emulator" and package != "emulator" and path not in LAUNCHERS:
        return "only the launchers know the emulator"
    if package == "components" and target == "pipelines":
        return "components know nothing of pipelines"
    if package == "prompts" and target in ("pipelines", "components") and there:
        return "prompts know nothing of steps"
    if package == "components" and there and here and there != here:
        return "steps do not import steps"
    if package == "components" and there and not here:
        return "nouns do not import steps"
    return ""


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports_follow_the_house_rules(path):
    wrong = [
        f"{path}:{found.line} imports {found.module}: {why}"
        for found in imports(path)
        if (why := forbidden(path, found.module))
    ]
    assert not wrong


@pytest.mark.parametrize(
    "path",
    # component.py is read where pipelines are compiled, never in the worker.
    [p for p in FILES if p.parts[0] == "components" and p.name != "component.py"],
    ids=str,
)
def test_the_worker_needs_neither_kfp_nor_aiplatform(path):
    modules = {found.module for found in imports(path)}
    assert not {m for m in modules if m.split(".")[0] in ("kfp", "vertexai")}
    assert not {m for m in modules if m.startswith("google.cloud.aiplatform")}


@pytest.mark.parametrize("path", [p for p in FILES if p.name == "component.py"], ids=str)
def test_a_declaration_holds_nothing_else(path):
    found = imports(path)
    top = {item.module for item in found if item.at_top}
    assert top <= {
        "kfp",
        "kfp.dsl",
        "components.worker_image",
        "components.worker_image.WORKER_IMAGE",
    }
    own = f"components.{path.parts[1]}"
    inside = {item.module for item in found if not item.at_top}
    assert all(m.startswith((own, "components.reporting")) for m in inside), inside
    source = (ROOT / path).read_text(encoding="utf-8")
    assert "from __future__" not in source  # kfp 2.17 refuses annotations that are texts
    assert "packages_to_install=[]" in source
    assert "install_kfp_package=False" in source
    assert re.search(r"with reported\((run_uri=run_uri)?\):", source)


@pytest.mark.parametrize(
    "path",
    [p for p in FILES if p.parts[:2] == ("pipelines", "cli") and p.name != "__init__.py"],
    ids=str,
)
def test_commands_load_nothing_slow(path):
    slow = {
        item.module
        for item in imports(path)
        if item.at_top and item.module.split(".")[0] not in {*sys.stdlib_module_names, "typer"}
    }
    # The errors' module holds nothing but classes; the other verbs are held to this rule, too.
    assert {m for m in slow if not m.startswith(("components.errors", "pipelines.cli."))} == set()


def test_the_rules_catch_what_they_name():
    assert forbidden(Path("emulator/x.py"), "components.errors")
    assert forbidden(Path("components/batch/x.py"), "emulator.launch")
    assert forbidden(Path("components/parse_intent/x.py"), "components.validate_config.formats")
    assert forbidden(Path("components/batch/x.py"), "components.parse_intent.draft")
    assert forbidden(Path("components/errors.py"), "pipelines.cli")
    assert not forbidden(Path("components/parse_intent/x.py"), "components.batch.names")
    assert not forbidden(Path("pipelines/local_services.py"), "emulator.launch")
