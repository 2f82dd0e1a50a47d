"""What the repositories hold: packages, versions by the hash of their bytes, tags that move.

One JSON file says what there is, and a file a version holds its bytes. A repository is there from
the first upload on; the region in its name is not looked at.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from emulator.messages import ApiError


@dataclass
class Package:
    """A pipeline: when it was made, its versions' times by version, its versions by tag."""

    created: str
    versions: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


class Shelf:
    """All packages, safe for many threads.

    Args:
        folder: where they are kept.
        now: the time, as the service writes it.
    """

    def __init__(self, folder: Path, now: Callable[[], str]) -> None:
        self._folder = folder
        self._now = now
        self._lock = threading.RLock()
        self._packages: dict[str, Package] = {}  # by PROJECT/REPOSITORY/PACKAGE
        if self._index.is_file():
            saved = json.loads(self._index.read_text(encoding="utf-8"))
            self._packages = {key: Package(**data) for key, data in saved.items()}

    def put(self, repository: str, name: str, content: bytes, tags: list[str]) -> str:
        """Add a version, unless it is there, and point the tags at it; returns the version."""
        version = f"sha256:{hashlib.sha256(content).hexdigest()}"
        with self._lock:
            now = self._now()
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            package = self._packages.setdefault(f"{repository}/{name}", Package(now))
            if version not in package.versions:
                self._file(version).write_bytes(content)
                package.versions[version] = now
            package.tags.update(dict.fromkeys(tags, version))
            self._save()
        return version

    def packages(self, repository: str) -> dict[str, Package]:
        """The packages of a repository, by name."""
        start = f"{repository}/"
        with self._lock:
            found = sorted(self._packages.items())
        return {key.removeprefix(start): p for key, p in found if key.startswith(start)}

    def package(self, repository: str, name: str) -> Package:
        """A package.

        Raises:
            ApiError: 404.
        """
        with self._lock:
            found = self._packages.get(f"{repository}/{name}")
        if found is None:
            raise ApiError(404, "", f"The package {name[:200]} does not exist in {repository}.")
        return found

    def version(self, repository: str, name: str, wanted: str) -> str:
        """The version of a tag, or the version itself.

        Raises:
            ApiError: 404.
        """
        package = self.package(repository, name)
        found = package.tags.get(wanted, wanted)
        if found not in package.versions:
            kind = "version" if wanted.startswith("sha256:") else "tag"
            raise ApiError(404, "", f"The {kind} {wanted[:200]} of {name} does not exist.")
        return found

    def content(self, repository: str, name: str, wanted: str) -> bytes:
        """The bytes behind a version or a tag.

        Raises:
            ApiError: 404.
        """
        with self._lock:
            return self._file(self.version(repository, name, wanted)).read_bytes()

    def tag(self, repository: str, name: str, tag: str, version: str, *, new: bool) -> None:
        """Make a tag, or move one.

        Raises:
            ApiError: 404 for an unknown package, version or (to be moved) tag; 409 for a new tag
                that exists.
        """
        with self._lock:
            package = self.package(repository, name)
            self.version(repository, name, version)
            if new and tag in package.tags:
                raise ApiError(409, "", f"The tag {tag} of {name} exists already.")
            if not new:
                self.version(repository, name, tag)
            package.tags[tag] = version
            self._save()

    def remove_tag(self, repository: str, name: str, tag: str) -> None:
        """Forget a tag.

        Raises:
            ApiError: 404.
        """
        with self._lock:
            self.version(repository, name, tag)
            del self.package(repository, name).tags[tag]
            self._save()

    def remove_version(self, repository: str, name: str, version: str, *, force: bool) -> None:
        """Forget a version, and with `force` its tags.

        Raises:
            ApiError: 404; 400 where it has tags that may not go.
        """
        with self._lock:
            self.version(repository, name, version)
            package = self.package(repository, name)
            tags = [tag for tag, of in package.tags.items() if of == version]
            if tags and not force:
                text = f"The version {version} has tags ({', '.join(tags)}); remove them first."
                raise ApiError(400, "FAILED_PRECONDITION", text)
            for tag in tags:
                del package.tags[tag]
            del package.versions[version]
            self._save()
            self._sweep([version])

    def remove_package(self, repository: str, name: str) -> None:
        """Forget a package with all that it holds.

        Raises:
            ApiError: 404.
        """
        with self._lock:
            versions = list(self.package(repository, name).versions)
            del self._packages[f"{repository}/{name}"]
            self._save()
            self._sweep(versions)

    @property
    def _index(self) -> Path:
        return self._folder / "packages.json"

    def _file(self, version: str) -> Path:
        return self._folder / f"{version.removeprefix('sha256:')}.yaml"

    def _sweep(self, versions: list[str]) -> None:
        """Remove the bytes that no package names any more."""
        held = {version for package in self._packages.values() for version in package.versions}
        for version in set(versions) - held:
            self._file(version).unlink(missing_ok=True)

    def _save(self) -> None:
        text = json.dumps({key: asdict(package) for key, package in self._packages.items()})
        draft = self._index.with_suffix(".draft")
        draft.write_text(text, encoding="utf-8")
        draft.replace(self._index)
