"""A bucket as a real folder, for tasks that mount it.

One folder may serve many tasks at once, as one mount on a machine does: each call compares the
folder with what it held when it was last in step, file by file (inode, size, time of change).
"""

from __future__ import annotations

import logging
import mimetypes
import os
import re
import shutil
import stat
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.messages import ApiError
from emulator.storage.records import Conditions, Stored, check_object_name

if TYPE_CHECKING:
    from emulator.storage.store import Store

log = logging.getLogger(__name__)

_MAX_PART_BYTES = 255
_SCRATCH = re.compile(r"\.[0-9a-f]{32}\.partial")


@dataclass(frozen=True)
class _Seen:
    """A file when it was in step with the object of this generation."""

    mark: tuple[int, int, int]
    generation: int


class Folders:
    """What is known of each folder; a folder is handled by one thread at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._locks: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)
        self._seen: defaultdict[Path, dict[str, _Seen]] = defaultdict(dict)

    def materialise(self, bucket: str, prefix: str, folder: Path) -> list[str]:
        """See Store.materialise."""
        folder.mkdir(parents=True, exist_ok=True)
        folder = folder.resolve()
        skipped = []
        with self._of(folder) as seen:
            present = {}
            for stored in self._store.list(bucket, prefix):
                name = stored.name.removeprefix(prefix)
                present[name] = stored
                if name and not self._fetch(stored, name, folder, seen):
                    skipped.append(stored.name)
            for name in set(seen) - set(present):
                self._forget(name, folder, seen)
        return skipped

    def absorb(self, bucket: str, prefix: str, folder: Path) -> list[str]:
        """See Store.absorb."""
        changed = []
        folder = folder.resolve()
        with self._of(folder) as seen:
            found = dict(_files(folder, prefix))
            for name, mark in sorted(found.items()):
                if name not in seen or seen[name].mark != mark:
                    stored = self._publish(bucket, prefix + name, folder / name)
                    if stored is not None:
                        seen[name] = _Seen(mark, stored.generation)
                        changed.append(prefix + name)
            for name in sorted(set(seen) - set(found)):
                self._delete(bucket, prefix + name, seen.pop(name).generation)
                changed.append(prefix + name)
        return changed

    @contextmanager
    def _of(self, folder: Path) -> Iterator[dict[str, _Seen]]:
        """What is known of the folder, while this thread alone handles it."""
        with self._lock:
            lock, seen = self._locks[folder], self._seen[folder]
        with lock:
            yield seen

    def _fetch(self, stored: Stored, name: str, folder: Path, seen: dict[str, _Seen]) -> bool:
        """Make the file what the object is; False where no file can have the name."""
        if name.endswith("/"):  # a placeholder for an empty folder
            return _can_be_path(name[:-1]) and _make_folder(folder, name[:-1])
        if not _can_be_path(name) or not _make_folder(folder, str(Path(name).parent)):
            return False
        path = folder / name
        mark, before = _mark(path), seen.get(name)
        if before and before.generation == stored.generation:
            return True
        if mark and (before is None or before.mark != mark):
            return path.is_file()  # changed here, too: this side wins, with the next absorb
        if path.is_dir():
            return False
        _, content = self._store.open(stored.bucket, stored.name)
        scratch = folder / f".{stored.file}.partial"
        with content, scratch.open("wb") as out:
            shutil.copyfileobj(content, out, 1024 * 1024)
        scratch.replace(path)
        seen[name] = _Seen(_mark(path) or (0, 0, 0), stored.generation)
        return True

    def _forget(self, name: str, folder: Path, seen: dict[str, _Seen]) -> None:
        """The object is gone: so is the file, unless it was changed here."""
        before = seen.pop(name)
        if _mark(folder / name) == before.mark:
            (folder / name).unlink()

    def _publish(self, bucket: str, name: str, path: Path) -> Stored | None:
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        try:
            with path.open("rb") as content:
                return self._store.insert(bucket, name, content, kind)
        except FileNotFoundError:  # another task removed it meanwhile
            return None

    def _delete(self, bucket: str, name: str, generation: int) -> None:
        try:
            self._store.delete(bucket, name, Conditions(generation=generation))
        except ApiError as error:  # somebody else wrote or deleted it; theirs stands
            log.debug("%s/%s stays: %s", bucket, name, error.message)


def _files(folder: Path, prefix: str) -> Iterator[tuple[str, tuple[int, int, int]]]:
    """Relative names of the regular files and their marks; links are not followed."""
    for where, _, names in os.walk(folder):
        for name in names:
            path = Path(where, name)
            mark = _mark(path)
            relative = path.relative_to(folder).as_posix()
            if mark and not _SCRATCH.fullmatch(name):
                if _can_be_name(prefix + relative):
                    yield relative, mark
                else:
                    log.warning("%r stays out of the bucket, which takes no such name", relative)


def _mark(path: Path) -> tuple[int, int, int] | None:
    """What changes when a regular file changes; None where there is none."""
    try:
        found = path.lstat()
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _can_be_name(name: str) -> bool:
    """Whether an object can have the name; what is not UTF-8 has half surrogate pairs here."""
    try:
        check_object_name(name)
    except ApiError:
        return False
    return True


def _can_be_path(name: str) -> bool:
    parts = name.split("/")
    return all(
        part not in ("", ".", "..")
        and "\0" not in part
        and len(os.fsencode(part)) <= _MAX_PART_BYTES
        for part in parts
    )


def _make_folder(folder: Path, relative: str) -> bool:
    """Make the folder below `folder`; False where a file or a link to elsewhere is in the way."""
    target = folder / relative
    if not target.resolve().is_relative_to(folder):
        return False
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return True
