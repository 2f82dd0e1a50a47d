"""Folders shown to tasks at the paths that the job asks for.

Where the machine allows it, the tasks of a job run in a mount namespace of the job's own
(`unshare`, `nsenter`): nothing outside it changes, and what stands at a mount path is only covered.
Missing folders are made in a tmpfs that covers their nearest existing parent and shows again what
was there; where that cannot be covered, as with `/`, the tasks get a root of the same kind.

Elsewhere a mount path becomes a symbolic link, if nothing stands there, and the link is removed
when the last job that uses it has ended.
"""

from __future__ import annotations

import functools
import logging
import os
import shutil
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

log = logging.getLogger(__name__)

_MOST_ENTRIES = 300  # of a folder that is covered; each takes a mount
# Runs in the new namespace: a list of steps; then holds the namespace until its input ends.
_HOLD = """
while [ $# -gt 0 ]; do
  case $1 in
    tmpfs) mount -t tmpfs -o mode=755 tmpfs "$2" && shift 2 ;;
    mkdir) mkdir -p -- "$2" && shift 2 ;;
    touch) : > "$2" && shift 2 ;;
    link) ln -s -- "$2" "$3" && shift 3 ;;
    bind) mount --rbind -- "$2" "$3" && shift 3 ;;
    readonly) mount -o remount,bind,ro -- "$2" && shift 2 ;;
    *) exit 125 ;;
  esac || exit 125
done
echo ready
read -r _
"""
_SEARCH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ENTER = 'cd -- "$0" && exec "$@"'
_AS_ROOT = ("--map-root-user",)


class MountError(Exception):
    """A folder cannot be shown where the job wants it; the text says why."""


@dataclass(frozen=True)
class Mount:
    """A folder of the emulator, and the path at which a task sees it."""

    source: Path
    target: str
    read_only: bool = False


@functools.cache
def namespace_options() -> tuple[str, ...] | None:
    """What `unshare` needs on this machine, or None where it gives no mount namespaces.

    Tried once, with a tmpfs: as we are (root), then as root of a user namespace.
    """
    for options in ((), _AS_ROOT):
        with tempfile.TemporaryDirectory() as folder:
            try:
                holder = Holder(options, ["tmpfs", folder], {})
            except MountError:
                continue
            try:
                line = holder.enter(["true"], Path("/"), "")
                if subprocess.run(line, capture_output=True, timeout=10, check=False).returncode:
                    continue
                return options
            except (OSError, subprocess.TimeoutExpired):
                continue
            finally:
                holder.close()
    return None


@functools.cache
def _tool(name: str) -> str:
    """The full path of a program: the job may have set a PATH of its own."""
    return shutil.which(name, path=_SEARCH) or name


class Holder:
    """A process that keeps a mount namespace alive.

    Args:
        options: of `unshare`.
        steps: of the script above.
        environment: of the process.

    Raises:
        MountError: it cannot be had, or a step failed.
    """

    def __init__(
        self, options: Sequence[str], steps: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        line = ["unshare", *options, "--mount", "--propagation", "private", "--"]
        try:
            self._process = subprocess.Popen(
                [*line, "/bin/sh", "-c", _HOLD, "mounts", *steps],
                env={**environment, "PATH": _SEARCH},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise MountError(f"unshare cannot be run ({error.strerror})") from error
        self._options = options
        output = self._process.stdout
        if output is None or output.readline() != b"ready\n":
            _, error_text = self._process.communicate()
            why = error_text.decode("utf-8", "replace").strip().replace("\n", "; ")
            raise MountError(f"the folders cannot be mounted ({why})")

    def enter(self, argv: Sequence[str], folder: Path, root: str) -> list[str]:
        """The command line that runs a program in the namespace, in `folder`, below `root`."""
        where = f"/proc/{self._process.pid}/ns"
        line = [_tool("nsenter"), f"--mount={where}/mnt"]
        if self._options:
            line += [f"--user={where}/user", "--preserve-credentials"]
        if root:
            line += [_tool("chroot"), root]
        return [*line, "/bin/sh", "-c", _ENTER, str(folder), *argv]

    def close(self) -> None:
        """Let the namespace go, when its last process has ended."""
        self._process.communicate()


class Namespace:
    """The mounts of a job, and the way for its programs to see them.

    Args:
        mounts: what to show where.
        scratch: an empty folder of the job's own.
        environment: of the process that holds the namespace.

    Raises:
        MountError: the machine refuses.
    """

    def __init__(
        self, mounts: Sequence[Mount], scratch: Path, environment: Mapping[str, str]
    ) -> None:
        self._scratch = scratch
        self._steps: list[str] = []
        self._prefix = ""  # of every path, where the tasks get a root of their own
        ordered = sorted(mounts, key=lambda mount: mount.target)  # the outer before the inner
        parents = {parent for mount in ordered if (parent := _nearest(mount.target))}
        # What covers the scratch folder would cover the way back to what it covers.
        if any(scratch.is_relative_to(parent) for parent in parents):
            self._new_root()
        for parent in sorted(parents - {"/"}):
            self._cover(parent)
        for mount in ordered:
            self._show(mount)
        self._holder = Holder(namespace_options() or (), self._steps, environment)

    def wrap(self, argv: Sequence[str], folder: Path) -> list[str]:
        """The command line that runs the program, in `folder`, with the mounts in place."""
        return self._holder.enter(argv, folder, self._prefix)

    def close(self) -> None:
        """The job has ended."""
        self._holder.close()

    def _new_root(self) -> None:
        root = self._scratch / "root"
        root.mkdir(parents=True, exist_ok=True)
        self._prefix = str(root)
        self._do("tmpfs", self._prefix)
        self._restore(Path("/"), self._prefix, "/")

    def _cover(self, parent: str) -> None:
        """Lay a tmpfs over the folder that shows what the folder shows."""
        behind = parent
        if not self._prefix:
            folder = self._scratch / f"behind-{len(self._steps)}"
            folder.mkdir(parents=True, exist_ok=True)
            behind = str(folder)
            self._do("bind", parent, behind)
        self._do("tmpfs", self._prefix + parent)
        self._restore(Path(parent), self._prefix + parent, behind)

    def _restore(self, folder: Path, target: str, behind: str) -> None:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise MountError(f"{folder} cannot be read ({error.strerror})") from error
        if len(entries) > _MOST_ENTRIES:
            raise MountError(f"{folder} holds too much to add a volume below it")
        for entry in entries:
            old, new = os.path.join(behind, entry.name), os.path.join(target, entry.name)
            if entry.is_symlink():
                self._do("link", os.readlink(entry.path), new)
            elif entry.is_dir():
                self._do("mkdir", new)
                self._do("bind", old, new)
            elif entry.is_file():
                self._do("touch", new)
                self._do("bind", old, new)

    def _show(self, mount: Mount) -> None:
        target = self._prefix + mount.target
        self._do("mkdir", target)
        self._do("bind", str(mount.source), target)
        if mount.read_only:
            self._do("readonly", target)

    def _do(self, *step: str) -> None:
        self._steps.extend(step)


def _nearest(target: str) -> str:
    """The nearest existing parent of a missing folder; "" for a folder that exists."""
    path = PurePosixPath(target)
    if os.path.isdir(path):
        return ""
    return next(str(parent) for parent in path.parents if os.path.isdir(parent))


class Links:
    """Mount paths as symbolic links, counted by the jobs that use them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users: Counter[tuple[str, str]] = Counter()
        self._made: dict[tuple[str, str], list[Path]] = {}

    def add(self, mount: Mount) -> None:
        """Make the link, unless it is there.

        Raises:
            MountError: something else stands there, or the folder above may not be written.
        """
        key = (mount.target, str(mount.source))
        with self._lock:
            if not self._users[key]:
                self._made[key] = _make_link(Path(mount.target), mount.source)
            self._users[key] += 1

    def remove(self, mount: Mount) -> None:
        """One user less; after the last one the link goes, and the folders made for it."""
        key = (mount.target, str(mount.source))
        with self._lock:
            self._users[key] -= 1
            if self._users[key]:
                return
            for path in self._made.pop(key):
                _unmake(path)


def _make_link(target: Path, source: Path) -> list[Path]:
    """Make a link; returns what was made, the link first, then folders from the inside out."""
    if target.is_symlink() or target.exists():
        raise MountError(
            f"{target} exists on this machine, which gives no mount namespaces, so that no volume "
            "can be shown there"
        )
    missing = [parent for parent in target.parents if not parent.exists()]
    made: list[Path] = []
    try:
        for parent in reversed(missing):
            parent.mkdir()
            made.insert(0, parent)
        target.symlink_to(source, target_is_directory=True)
        made.insert(0, target)
    except OSError as error:
        for path in made:
            _unmake(path)
        raise MountError(
            f"{target} cannot be made on this machine, which gives no mount namespaces "
            f"({error.strerror})"
        ) from error
    return made


def _unmake(path: Path) -> None:
    try:
        if path.is_symlink():
            path.unlink()
        else:
            path.rmdir()
    except OSError as error:  # somebody uses the folder by now: it stays
        log.info("%s stays: %s", path, error)


def host_path(path: str, mounts: Sequence[Mount]) -> Path:
    """Where the emulator finds what a task sees at the path."""
    inside = PurePosixPath(os.path.normpath(path))
    for mount in mounts:
        if inside.is_relative_to(mount.target):
            return mount.source / inside.relative_to(mount.target)
    return Path(path)
