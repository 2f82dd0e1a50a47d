"""Uploads pinned specs to Artifact Registry, under tags that do not move by a slip."""

from __future__ import annotations

import hashlib
import re
import subprocess
import tempfile
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from components.errors import InputError, WrongUse
from pipelines.registry import TAG, VERSION, Registry, Template
from pipelines.service_errors import TakenError

HEX = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


def upload_specs(
    specs: Mapping[str, str],
    registry: Registry,
    tags: Sequence[str],
    *,
    move: bool,
    say: Callable[[str], None],
) -> list[Template]:
    """Upload each spec and tag it; a spec that is there already is only tagged.

    All tags are looked at before anything is uploaded; the service makes a tag only where there is
    none, so that somebody else's upload in the same second is noticed, too.

    Args:
        specs: pipeline name -> spec, pinned and linted.
        registry: where they go.
        tags: checked by `check_tags`.
        move: whether a tag that names something else may be moved.
        say: shows one line.

    Returns:
        Each spec by its version, in the order of `specs`.

    Raises:
        InputError: a tag would have to move.
    """
    held = {name: {tag: registry.tagged(name, tag) for tag in tags} for name in specs}
    known = {
        version: _digest(registry, name, version)
        for name, versions in held.items()
        for version in set(versions.values()) - {""}
    }
    for name, text in specs.items():
        for tag, version in held[name].items():
            if version and known[version] != _sha256(text.encode()) and not move:
                raise _would_move(registry, name, tag, version)
    uploaded = []
    for name, text in specs.items():
        there = [v for v in held[name].values() if v and known[v] == _sha256(text.encode())]
        version = there[0] if there else _upload(registry, name, text)
        say(f"{name}: " + ("was there already" if there else "uploaded"))
        for tag in tags:
            _tag(registry, name, version, tag, move=move)
        uploaded.append(Template(registry.address, name, version))
    return uploaded


def check_tags(tags: Sequence[str]) -> list[str]:
    """The tags, each once.

    Raises:
        WrongUse: one cannot be a tag.
    """
    for tag in tags:
        if not TAG.fullmatch(tag):
            raise WrongUse(
                f"'{tag[:80]}' cannot be a tag",
                where="--tag",
                fix="Use letters, digits, dots, dashes and underscores, as in v1.2.3.",
            )
    return list(dict.fromkeys(tags))


def project_version(root: Path) -> str:
    """The tag of the project's version, such as v0.1.0."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return f"v{project['version']}"


def commit_tag(root: Path, say: Callable[[str], None]) -> list[str]:
    """The commit that the specs were compiled from, as a tag; nothing where no commit tells.

    Args:
        root: the work tree.
        say: told why there is none.
    """
    try:
        commit = _git(root, "rev-parse", "HEAD").strip()
        changed = _git(root, "status", "--porcelain", "--untracked-files=no").strip()
    except (OSError, subprocess.CalledProcessError):
        say("no tag of the commit: this is no git work tree")
        return []
    if not HEX.fullmatch(commit):
        say("no tag of the commit: git names none")
        return []
    if changed:
        say("no tag of the commit: the work tree has changes that are not committed")
        return []
    return [commit]


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *words], capture_output=True, text=True, check=True
    )
    return done.stdout


def _upload(registry: Registry, name: str, text: str) -> str:
    """The version under which the registry keeps the spec."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"{name}.yaml")
        path.write_text(text, encoding="utf-8")
        try:
            package, version = registry.upload(str(path), f"intent2batch {name}")
        except TakenError:
            # Whether the service takes the same bytes twice is not documented.
            version, package = f"sha256:{_sha256(text.encode())}", name
            if not registry.has_version(name, version):
                raise
    if package != name or not VERSION.fullmatch(version):
        raise InputError(
            f"The registry answered '{package}/{version}' to the upload of {name}",
            where=registry.address,
            fix="Check the address.",
        )
    return version


def _tag(registry: Registry, name: str, version: str, tag: str, *, move: bool) -> None:
    try:
        registry.make_tag(name, version, tag)
    except TakenError as error:
        there = registry.tagged(name, tag)
        if there == version:
            return
        if not move:
            raise _would_move(registry, name, tag, there) from error
        registry.move_tag(name, version, tag)


def _would_move(registry: Registry, name: str, tag: str, version: str) -> InputError:
    return InputError(
        f"The tag '{tag}' of {name} names another spec ({version[:19]}…)",
        where=registry.address,
        fix="Give a new --tag, or move it with --move-tags.",
    )


def _digest(registry: Registry, name: str, version: str) -> str:
    """The SHA-256 of what the registry holds under a version."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "spec.yaml")
        registry.download(name, version, str(path))
        return _sha256(path.read_bytes())


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
