"""Compiles, checks and pins the pipeline specs.

python compile.py                             write dist/<pipeline>.yaml
python compile.py --image NAME@sha256:…       the same, every step pinned to that image
python compile.py --check                     compare with tests/golden/ and lint; writes nothing
python compile.py --update                    write tests/golden/ anew
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

from components.errors import Intent2BatchError
from pipelines.compiling import PIPELINES, compiled
from pipelines.spec_linter import lint

ROOT = Path(__file__).parent
GOLDEN = ROOT / "tests" / "golden"
UPDATE = "python compile.py --update"


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line asks; returns the exit code."""
    options = parse_arguments(argv)
    try:
        specs = {name: compiled(name, image=options.image) for name in PIPELINES}
    except Intent2BatchError as error:
        sys.stderr.write(f"compile.py: {error}\n")
        return error.exit_code
    if report_problems(specs, pinned=bool(options.image)):
        return 1
    if options.check:
        return 1 if report_differences(specs, options.golden) else 0
    write(specs, options.golden if options.update else options.output)
    return 0


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line as options."""
    parser = argparse.ArgumentParser(
        prog="compile.py", description="Compile, check and pin the pipeline specs."
    )
    action = parser.add_mutually_exclusive_group()
    action.add_argument(
        "--check", action="store_true", help="compare with the golden specs and lint"
    )
    action.add_argument("--update", action="store_true", help="write the golden specs anew")
    action.add_argument(
        "--image", default="", metavar="NAME@sha256:…", help="the worker image, with its digest"
    )
    parser.add_argument(
        "--output", type=Path, default=ROOT / "dist", metavar="DIR", help="default: dist"
    )
    parser.add_argument(
        "--golden", type=Path, default=GOLDEN, metavar="DIR", help="default: tests/golden"
    )
    return parser.parse_args(argv)


def report_problems(specs: dict[str, str], *, pinned: bool) -> bool:
    """Print what the linter says; returns whether it said anything."""
    found = [(name, problem) for name in specs for problem in lint(specs[name], pinned=pinned)]
    for name, problem in found:
        sys.stderr.write(f"{name}: {problem}\n")
    return bool(found)


def report_differences(specs: dict[str, str], golden: Path) -> bool:
    """Print how the specs differ from the golden ones; returns whether they do."""
    known = {path.stem: path.read_text(encoding="utf-8") for path in golden.glob("*.yaml")}
    differing = [name for name in sorted({*specs, *known}) if specs.get(name) != known.get(name)]
    for name in differing:
        sys.stderr.writelines(
            difflib.unified_diff(
                known.get(name, "").splitlines(keepends=True),
                specs.get(name, "").splitlines(keepends=True),
                f"{golden.name}/{name}.yaml",
                f"{name} as compiled now",
            )
        )
    if differing:
        sys.stderr.write(
            f"The golden specs are out of date: {', '.join(differing)}. "
            f"If the change is meant, run: {UPDATE}\n"
        )
    return bool(differing)


def write(specs: dict[str, str], folder: Path) -> None:
    """Write each spec into the folder and print its path."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in specs.items():
        path = folder / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    sys.exit(main())
