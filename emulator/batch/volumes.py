"""The volumes of a job as folders below the state folder.

A bucket: `Store.materialise` before an attempt, `Store.absorb` after it; a folder for each remote
path, shared by the tasks and jobs that mount it. An NFS share: a folder that stays. A new disk: a
folder of the job; an existing one: a folder that stays, read-only as the service shows it.
"""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from emulator.batch.mounts import Links, Mount, MountError, Namespace, host_path, namespace_options
from emulator.batch.plan import Plan
from emulator.http import ApiError


class Buckets(Protocol):
    """What is needed of the Cloud Storage stand-in."""

    def materialise(self, bucket: str, prefix: str, folder: Path) -> Sequence[str]:
        """Bring the folder up to date."""

    def absorb(self, bucket: str, prefix: str, folder: Path) -> Sequence[str]:
        """Publish what changed in the folder."""


class Turns:
    """Runs a piece of work for many callers: one run serves all who came before it began."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._work = work
        self._change = threading.Condition()
        self._begun = 0
        self._done = 0
        self._error: Exception | None = None

    def __call__(self) -> None:
        """Return after a run that began after this call.

        Raises:
            Exception: what the run raised.
        """
        with self._change:
            wanted = self._begun + 1
            while self._done < wanted and self._begun > self._done:
                self._change.wait()
            if self._done < wanted:
                self._begun += 1
                mine = True
            else:
                mine = False
        if mine:
            self._run()
        elif self._error:
            raise self._error

    def _run(self) -> None:
        error: Exception | None = None
        try:
            self._work()
        except Exception as caught:
            error = caught
            raise
        finally:
            with self._change:
                self._done, self._error = self._begun, error
                self._change.notify_all()


class _Bucket:
    """One remote path that is mounted: its folder, and the way there and back."""

    def __init__(self, store: Buckets, bucket: str, prefix: str, folder: Path) -> None:
        self.folder = folder
        self.bring = Turns(lambda: store.materialise(bucket, prefix, folder))
        self.take = Turns(lambda: store.absorb(bucket, prefix, folder))


class Volumes:
    """The folders behind all mount paths.

    Args:
        folder: below the state folder.
        store: the buckets, or None where the emulator has none.
    """

    def __init__(self, folder: Path, store: Buckets | None) -> None:
        self._folder = folder
        self._store = store
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, str], _Bucket] = {}
        self._links = Links()
        # What a former process had fetched is not trusted to be in step with the buckets.
        shutil.rmtree(folder / "gcs", ignore_errors=True)

    def open(self, plan: Plan, uid: str, scratch: Path, environment: Mapping[str, str]) -> Mounted:
        """Get the volumes of a job ready; `environment` is that of helping processes.

        Raises:
            MountError: one cannot be shown; the text says why.
        """
        buckets: list[_Bucket] = []
        mounts = [self._mount(volume, plan, uid, buckets) for volume in plan.volumes]
        for bucket in buckets:
            _in_words(bucket.bring)
        if not mounts:
            return Mounted((), (), None, self._links)
        if namespace_options() is not None:
            namespace = Namespace(mounts, scratch, environment)
            return Mounted(mounts, buckets, namespace, self._links)
        made: list[Mount] = []
        try:
            for mount in mounts:
                self._links.add(mount)
                made.append(mount)
        except MountError:
            for mount in made:
                self._links.remove(mount)
            raise
        return Mounted(mounts, buckets, None, self._links)

    def _mount(
        self, volume: Mapping[str, Any], plan: Plan, uid: str, buckets: list[_Bucket]
    ) -> Mount:
        target = str(PurePosixPath(volume["mountPath"]))
        read_only = "ro" in _options(volume)
        if "gcs" in volume:
            bucket = self._bucket(volume["gcs"].get("remotePath", ""))
            buckets.append(bucket)
            return Mount(bucket.folder, target, read_only)
        if "nfs" in volume:
            share = f"{volume['nfs'].get('server')}:{volume['nfs'].get('remotePath')}"
            return Mount(self._made("nfs", share), target, read_only)
        device = volume.get("deviceName", "")
        disk = plan.devices.get(device, "")
        if disk:
            return Mount(self._made("disks", disk), target, read_only=True)
        return Mount(self._made("disks", f"{uid}/{device}"), target, read_only)

    def _bucket(self, remote: str) -> _Bucket:
        if self._store is None:
            raise MountError("this emulator has no buckets")
        bucket, _, path = remote.strip("/").partition("/")
        prefix = f"{path}/" if path else ""
        with self._lock:
            key = (bucket, prefix)
            if key not in self._buckets:
                folder = self._made("gcs", f"{bucket}/{prefix}")
                self._buckets[key] = _Bucket(self._store, bucket, prefix, folder)
            return self._buckets[key]

    def _made(self, kind: str, name: str) -> Path:
        """A folder for whatever name, which may hold any characters."""
        digest = hashlib.sha256(name.encode()).hexdigest()[:12]
        readable = "".join(sign if sign.isalnum() else "-" for sign in name[-40:]).strip("-")
        folder = self._folder / kind / f"{readable}-{digest}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder


class Mounted:
    """The volumes of a job, ready for its tasks."""

    def __init__(
        self,
        mounts: Sequence[Mount],
        buckets: Sequence[_Bucket],
        namespace: Namespace | None,
        links: Links,
    ) -> None:
        self.mounts = mounts
        self._buckets = buckets
        self._namespace = namespace
        self._links = links

    def wrap(self, argv: Sequence[str], folder: Path) -> Sequence[str]:
        """The command line that runs the program with the volumes in place."""
        return self._namespace.wrap(argv, folder) if self._namespace else argv

    def host_path(self, path: str) -> Path:
        """Where the emulator finds what a task sees at the path."""
        return host_path(path, self.mounts)

    def inside(self, path: str) -> Path | None:
        """The same, where the path truly lies on a volume that can be written."""
        found = self.host_path(path).resolve()
        for mount in self.mounts:
            if not mount.read_only and found.is_relative_to(mount.source.resolve()):
                return found
        return None

    def bring(self) -> None:
        """Fetch what others wrote to the buckets.

        Raises:
            MountError: a bucket is not there any more.
        """
        for bucket in self._buckets:
            _in_words(bucket.bring)

    def take(self) -> None:
        """Publish what the tasks wrote to the buckets.

        Raises:
            MountError: a bucket is not there any more.
        """
        for bucket in self._buckets:
            _in_words(bucket.take)

    def close(self) -> None:
        """The job has ended."""
        if self._namespace:
            self._namespace.close()
        else:
            for mount in self.mounts:
                self._links.remove(mount)


def _in_words(turn: Turns) -> None:
    try:
        turn()
    except ApiError as error:
        raise MountError(f"a bucket cannot be mounted ({error.message})") from error


def _options(volume: Mapping[str, Any]) -> set[str]:
    """The mount options, whether given one by one, joined by commas, or after `-o`."""
    options = volume.get("mountOptions", [])
    return {part for option in options for part in option.replace(",", " ").split()}
