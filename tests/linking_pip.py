"""Stands in for pip in a virtual environment: links what is installed in another one.

Run as `python3 -m pip install …`, by lines of the Dockerfile. pip would load the same distributions
once more: `make install` took them by the same constraints. Which of them are needed is worked out
as pip does: by requirements, their extras and markers. LINKED_FROM is the folder they lie in.
"""

from __future__ import annotations

import argparse
import os
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

SOURCE = os.environ["LINKED_FROM"]
sys.path.append(SOURCE)

from packaging.requirements import Requirement  # noqa: E402
from packaging.utils import canonicalize_name  # noqa: E402

Installed = Mapping[str, metadata.Distribution]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["install"])
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("--no-deps", action="store_true")
    parser.add_argument("--constraint", type=Path, required=True)
    parser.add_argument("--requirement", type=Path)
    parser.add_argument("names", nargs="*")
    asked = parser.parse_intermixed_args()
    wanted = [Requirement(name) for name in asked.names]
    wanted += lines(asked.requirement) if asked.requirement else []
    installed = {canonicalize_name(d.name): d for d in metadata.distributions(path=[SOURCE])}
    pinned = {canonicalize_name(line.name): line for line in lines(asked.constraint)}
    target = Path(sysconfig.get_path("purelib"))
    for name in sorted(needed(wanted, installed, deep=not asked.no_deps)):
        check(pinned[name], installed[name])
        link(installed[name], target)
    return 0


def lines(path: Path) -> list[Requirement]:
    return [Requirement(line) for line in path.read_text().splitlines()]


def needed(wanted: Iterable[Requirement], installed: Installed, *, deep: bool) -> set[str]:
    """The names of what is wanted and, where `deep`, of all that it requires."""
    waiting, found = list(wanted), set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        check(requirement, installed[name])
        for extra in {"", *requirement.extras} - {e for n, e in found if n == name}:
            found.add((name, extra))
            inner = map(Requirement, installed[name].requires or ())
            if deep:
                waiting += [r for r in inner if not r.marker or r.marker.evaluate({"extra": extra})]
    return {name for name, _ in found}


def check(requirement: Requirement, there: metadata.Distribution) -> None:
    if not requirement.specifier.contains(there.version, prereleases=True):
        sys.exit(f"{requirement} is asked for, and {there.version} is installed: make install")


def link(there: metadata.Distribution, target: Path) -> None:
    """Put a link to each of its files, bytecode included, where pip would put the file."""
    for file in there.files or ():
        if ".." not in file.parts:  # commands, which nothing in the image calls
            link = target / file
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(os.path.abspath(file.locate()))


if __name__ == "__main__":
    sys.exit(main())
