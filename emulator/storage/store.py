"""Buckets and objects with the service's rules; used by the port and, in process, by Batch.

Content is received before the lock is taken. Preconditions are checked and the object is
published under one lock, so that of many writers that say "must not exist yet" one wins.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from emulator.messages import ApiError
from emulator.storage import records
from emulator.storage.blobs import PIECE, Blob, Blobs, Readable
from emulator.storage.folders import Folders
from emulator.storage.index import Index
from emulator.storage.records import NO_CONDITIONS, Conditions, Incoming, Stored

_MAX_COMPONENTS = 32
_ROWS_AT_ONCE = 500

Source = tuple[str, Conditions, int | None]  # name, preconditions, generation


class Store:
    """The state of the Cloud Storage stand-in.

    Args:
        folder: where it lives; survives a restart.
        clock: seconds since 1970.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._clock = clock
        self._lock = threading.RLock()
        self.blobs = Blobs(folder)
        self._index = Index(folder / "index.sqlite3")
        self._generation = self._index.newest_generation()
        self._folders = Folders(self)
        self.blobs.sweep({str(record.get("file")) for _, record in self._index.uploads()})

    def close(self) -> None:
        """Close the index."""
        with self._lock:
            self._index.close()

    # Buckets

    def create_bucket(self, name: str, settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Make a bucket; returns its resource.

        Raises:
            ApiError: 409 where it exists, 400 where the name is not allowed.
        """
        records.check_bucket_name(name)
        now = self._now()
        with self._lock:
            if self._index.bucket(name):
                raise ApiError(409, "", f"The bucket '{name}' already exists.", "conflict")
            given = {key: value for key, value in (settings or {}).items() if value is not None}
            resource = {"location": "US", "storageClass": "STANDARD", **given}
            own = {"name": name, "metageneration": "1", "timeCreated": now, "updated": now}
            self._index.put_bucket(resource | own)
            return resource | own

    def bucket(self, name: str, conditions: Conditions = NO_CONDITIONS) -> dict[str, Any]:
        """The bucket's resource.

        Raises:
            ApiError: 404; 412 or 304 where a condition does not hold.
        """
        with self._lock:
            resource = self._index.bucket(name)
        if resource is None:
            raise ApiError(404, "", "The specified bucket does not exist.", "notFound")
        _check_bucket(resource, conditions, reading=True)
        return resource

    def buckets(self) -> Sequence[dict[str, Any]]:
        """All buckets' resources, in name order."""
        with self._lock:
            return self._index.buckets()

    def patch_bucket(self, name: str, change: Mapping[str, Any], conditions: Conditions) -> None:
        """Change settings of the bucket; null removes one."""
        with self._lock:
            old = self.bucket(name)
            _check_bucket(old, conditions)
            merged = {key: value for key, value in {**old, **change}.items() if value is not None}
            number = int(old["metageneration"]) + 1
            fixed = ("name", "location", "timeCreated", "projectNumber")
            kept = {key: old[key] for key in fixed if key in old}
            own = {**kept, "metageneration": str(number), "updated": self._now()}
            self._index.put_bucket(merged | own)

    def delete_bucket(self, name: str, conditions: Conditions = NO_CONDITIONS) -> None:
        """Remove the bucket.

        Raises:
            ApiError: 409 where it holds objects.
        """
        with self._lock:
            _check_bucket(self.bucket(name), conditions)
            if self._index.objects(name, "", 1):
                text = "The bucket you tried to delete is not empty."
                raise ApiError(409, "", text, "conflict")
            self._index.drop_bucket(name)

    # Objects

    def get(
        self,
        bucket: str,
        name: str,
        conditions: Conditions = NO_CONDITIONS,
        generation: int | None = None,
    ) -> Stored:
        """The object.

        Raises:
            ApiError: 404; 412 or 304 where a condition does not hold.
        """
        with self._lock:
            return self._find(bucket, name, conditions, generation, reading=True)

    def open(
        self,
        bucket: str,
        name: str,
        conditions: Conditions = NO_CONDITIONS,
        generation: int | None = None,
    ) -> tuple[Stored, BinaryIO]:
        """The object and a stream over its content, which the caller closes."""
        with self._lock:
            stored = self._find(bucket, name, conditions, generation, reading=True)
            return stored, self.blobs.open(stored.file)

    def list(self, bucket: str, prefix: str = "", start: str = "") -> Iterator[Stored]:
        """The objects in name order from the first whose name is `start` or greater.

        Raises:
            ApiError: 404 where there is no bucket.
        """
        self.bucket(bucket)
        start = max(start, prefix)  # by code point, which is the order of UTF-8
        while True:
            with self._lock:
                rows = self._index.objects(bucket, start, _ROWS_AT_ONCE)
            for stored in rows:
                if not stored.name.startswith(prefix):
                    return
                yield stored
            if len(rows) < _ROWS_AT_ONCE:
                return
            start = rows[-1].name + "\0"  # the next name there can be

    def insert(
        self,
        bucket: str,
        name: str,
        data: bytes | Readable,
        content_type: str = "application/octet-stream",
        conditions: Conditions = NO_CONDITIONS,
    ) -> Stored:
        """Write an object."""
        source = BytesIO(data) if isinstance(data, bytes) else data
        what = Incoming(bucket, name, {"contentType": content_type}, conditions)
        return self.receive(what, source)

    def receive(self, what: Incoming, source: Readable) -> Stored:
        """Write an object from a stream, on conditions.

        Raises:
            ApiError: 404 where there is no bucket, 412 where a condition does not hold, 400 where
                the content is not what the caller said.
        """
        self.check_incoming(what)
        return self.publish(what, self.blobs.receive(source))

    def check_incoming(self, what: Incoming) -> None:
        """Refuse early what publish() would refuse after all the content has come."""
        records.check_object_name(what.name)
        with self._lock:
            self.bucket(what.bucket)
            what.conditions.check(self._index.object(what.bucket, what.name))

    def publish(self, what: Incoming, blob: Blob, components: int = 0) -> Stored:
        """Make content that has arrived an object; the content is gone where that fails."""
        try:
            what.checksums.check(blob.crc32c, blob.md5)
            records.check_object_name(what.name)
            with self._lock:
                self.bucket(what.bucket)
                old = self._index.object(what.bucket, what.name)
                what.conditions.check(old)
                stored = self._new(what, blob, components)
                self._index.put_object(stored)
        except BaseException:
            blob.path.unlink(missing_ok=True)
            raise
        if old:
            self.blobs.discard(old.file)
        return stored

    def patch(
        self,
        bucket: str,
        name: str,
        change: Callable[[Mapping[str, Any]], dict[str, Any]],
        conditions: Conditions = NO_CONDITIONS,
        generation: int | None = None,
    ) -> Stored:
        """Change the settings of an object; `change` maps the old ones to the new ones."""
        with self._lock:
            old = self._find(bucket, name, conditions, generation)
            new = replace(
                old,
                settings=change(old.settings),
                metageneration=old.metageneration + 1,
                updated=self._now(),
            )
            self._index.put_object(new)
            return new

    def delete(
        self,
        bucket: str,
        name: str,
        conditions: Conditions = NO_CONDITIONS,
        generation: int | None = None,
    ) -> None:
        """Remove an object."""
        with self._lock:
            old = self._find(bucket, name, conditions, generation)
            self._index.drop_object(bucket, name)
        self.blobs.discard(old.file)

    def copy(self, bucket: str, source: Source, what: Incoming, *, move: bool = False) -> Stored:
        """Copy or move an object; `what.settings` replace the settings where there are any."""
        name, conditions, generation = source
        with self._lock:
            old = self._find(bucket, name, conditions, generation, reading=True)
            path = self.blobs.duplicate(old.file)
            blob = Blob(path, old.size, old.crc32c, old.md5)
            what = replace(what, settings=what.settings or old.settings)
            new = self.publish(what, blob, old.components)
            if move and (bucket, name) != (new.bucket, new.name):
                self.delete(bucket, name)
        return new

    def compose(self, sources: Sequence[Source], what: Incoming) -> Stored:
        """Join 1 to 32 objects of one bucket into one, which has no MD5.

        Raises:
            ApiError: as the other calls; 400 for none or too many.
        """
        if not 1 <= len(sources) <= _MAX_COMPONENTS:
            text = f"The number of source components must be from 1 to {_MAX_COMPONENTS}."
            raise ApiError(400, "", text, "invalid")
        with ExitStack() as files:
            with self._lock:
                found = [self._find(what.bucket, name, on, gen) for name, on, gen in sources]
                parts = [files.enter_context(self.blobs.open(part.file)) for part in found]
            self.check_incoming(what)
            blob = self.blobs.receive_pieces(piece for part in parts for piece in _pieces(part))
        content_type = found[0].settings.get("contentType")
        settings = what.settings or ({"contentType": content_type} if content_type else {})
        count = sum(part.components or 1 for part in found)
        what = replace(what, settings=settings)
        return self.publish(what, replace(blob, md5=""), count)

    # Folders, for tasks that mount a bucket

    def materialise(self, bucket: str, prefix: str, folder: Path) -> Sequence[str]:
        """Bring the folder up to date with the objects below the prefix.

        May be called again for the same folder: only what changed is fetched, and files that were
        changed in the folder since are left alone. Returns the names that cannot be files here.
        """
        return self._folders.materialise(bucket, prefix, folder)

    def absorb(self, bucket: str, prefix: str, folder: Path) -> Sequence[str]:
        """Publish what was changed in the folder since it was last in step with the bucket.

        Returns the names of the objects that were written or deleted.
        """
        return self._folders.absorb(bucket, prefix, folder)

    # Uploads in progress

    def uploads(self) -> dict[str, dict[str, Any]]:
        """The records of the resumable uploads, by id."""
        with self._lock:
            return dict(self._index.uploads())

    def put_upload(self, key: str, record: dict[str, Any] | None) -> None:
        """Write the record of a resumable upload; None removes it."""
        with self._lock:
            if record is None:
                self._index.drop_upload(key)
            else:
                self._index.put_upload(key, record)

    def _find(
        self,
        bucket: str,
        name: str,
        conditions: Conditions,
        generation: int | None,
        *,
        reading: bool = False,
    ) -> Stored:
        self.bucket(bucket)
        found = self._index.object(bucket, name)
        if found is None or generation not in (None, found.generation):
            raise records.no_object(bucket, name)
        conditions.check(found, reading=reading)
        return found

    def _new(self, what: Incoming, blob: Blob, components: int) -> Stored:
        now = self._now()
        self._generation = max(self._generation + 1, int(self._clock() * 1_000_000))
        return Stored(
            bucket=what.bucket,
            name=what.name,
            generation=self._generation,
            metageneration=1,
            file=self.blobs.adopt(blob.path),
            size=blob.size,
            crc32c=blob.crc32c,
            md5=blob.md5,
            components=components,
            created=now,
            updated=now,
            settings=records.without_nulls(what.settings),
        )

    def _now(self) -> str:
        moment = datetime.fromtimestamp(self._clock(), UTC)
        return re.sub(r"\+00:00$", "Z", moment.isoformat(timespec="milliseconds"))


def _check_bucket(
    resource: Mapping[str, Any], conditions: Conditions, *, reading: bool = False
) -> None:
    number = int(resource["metageneration"])
    if conditions.metageneration not in (None, number):
        raise records.condition_not_met()
    if conditions.not_metageneration == number:
        raise records.unchanged() if reading else records.condition_not_met()


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.read(PIECE), b"")
