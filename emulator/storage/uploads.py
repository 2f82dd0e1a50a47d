"""Resumable uploads: content that comes in pieces, over many requests, also after a restart."""

from __future__ import annotations

import re
import secrets
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from emulator.messages import ApiError
from emulator.storage.blobs import PIECE, Blob, Hashes
from emulator.storage.records import Checksums, Conditions, Incoming, Stored
from emulator.storage.store import Store
from emulator.streams import Body

_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(?:(\d+)|\*)", re.ASCII)


class Uploads:
    """The resumable uploads of a store; one request at a time for each."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._hashes: dict[str, Hashes] = {}
        self._records = store.uploads()

    def begin(self, what: Incoming) -> str:
        """Open an upload; returns its id."""
        self._store.check_incoming(what)
        key = secrets.token_urlsafe(24)
        path = self._store.blobs.new_incoming()
        path.touch()
        record = {
            "bucket": what.bucket,
            "name": what.name,
            "settings": dict(what.settings),
            "conditions": asdict(what.conditions),
            "checksums": asdict(what.checksums),
            "file": path.name,
            "done": 0,
        }
        self._hashes[key] = Hashes()
        self._keep(key, record)
        return key

    def send(
        self, key: str, content_range: str, body: Body, checksums: Checksums
    ) -> tuple[Stored | None, int]:
        """Take a piece, or tell how far it is; returns the object when complete, and the bytes.

        Raises:
            ApiError: 404 for an unknown upload, 400 for a piece that does not fit, and what the
                store refuses at the end.
        """
        with self._held(key):
            record = self._record(key)
            if record["done"]:  # the reply to the last piece was lost
                return self._store.get(record["bucket"], record["name"]), record["size"]
            first, total = _placed(content_range)
            received = self._receive(key, record, first, body)
            expected = total if content_range else received
            if expected is None or received < expected:
                return None, received
            if received > expected:
                raise ApiError(400, "", f"{received} bytes came, not {expected}.", "invalid")
            return self._finish(key, record, checksums), received

    def cancel(self, key: str) -> None:
        """Forget an upload."""
        with self._held(key):
            record = self._record(key)
            self._store.blobs.incoming(record["file"]).unlink(missing_ok=True)
            self._keep(key, None)

    def _held(self, key: str) -> threading.Lock:
        with self._lock:
            return self._locks[key]

    def _record(self, key: str) -> dict[str, Any]:
        if key not in self._records:
            raise ApiError(404, "", "There is no such upload.", "notFound")
        return self._records[key]

    def _keep(self, key: str, record: dict[str, Any] | None) -> None:
        self._store.put_upload(key, record)
        if record is None:
            self._records.pop(key, None)
        else:
            self._records[key] = record
        if record is None or record["done"]:
            self._hashes.pop(key, None)

    def _receive(self, key: str, record: Mapping[str, Any], first: int | None, body: Body) -> int:
        """Append what is new of the piece; returns how much has come in all."""
        path = self._store.blobs.incoming(record["file"])
        size = path.stat().st_size
        if first is None:
            return size
        if first > size:
            raise ApiError(400, "", f"The piece begins at {first}; {size} bytes came.", "invalid")
        hashes = self._hashes_of(key, record)
        skip = size - first
        with path.open("ab", buffering=0) as out:
            while piece := body.some(PIECE):
                new, skip = piece[skip:], max(0, skip - len(piece))
                out.write(new)
                hashes.update(new)
                size += len(new)
        return size

    def _hashes_of(self, key: str, record: Mapping[str, Any]) -> Hashes:
        """The hashes so far; after a restart from what had come before it."""
        if key not in self._hashes:
            hashes = Hashes()
            with self._store.blobs.incoming(record["file"]).open("rb") as content:
                while piece := content.read(PIECE):
                    hashes.update(piece)
            self._hashes[key] = hashes
        return self._hashes[key]

    def _finish(self, key: str, record: dict[str, Any], checksums: Checksums) -> Stored:
        path = self._store.blobs.incoming(record["file"])
        hashes = self._hashes_of(key, record)
        blob = Blob(path, path.stat().st_size, hashes.crc32c(), hashes.md5())
        what = Incoming(
            record["bucket"],
            record["name"],
            record["settings"],
            Conditions(**record["conditions"]),
            Checksums(**record["checksums"]),
        )
        try:
            checksums.check(blob.crc32c, blob.md5)
            stored = self._store.publish(what, blob)
        except ApiError:
            path.unlink(missing_ok=True)
            self._keep(key, None)
            raise
        self._keep(key, {**record, "done": stored.generation, "size": stored.size})
        return stored


def _placed(content_range: str) -> tuple[int | None, int | None]:
    """Where the piece begins (None: there is none) and the size of all (None: not yet known)."""
    if not content_range:
        return 0, None  # all of it at once
    found = _CONTENT_RANGE.fullmatch(content_range.strip())
    if not found:
        raise ApiError(400, "", f"Invalid Content-Range: {content_range[:80]!r}", "invalid")
    first, _, total = found.groups()
    return (int(first) if first else None), (int(total) if total else None)
