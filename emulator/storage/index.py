"""The index of buckets, objects and unfinished uploads: one sqlite file.

Names are compared byte by byte as UTF-8, which is the order in which the service lists.
The caller holds the lock of the store around every call.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from emulator.storage.records import Stored

_TABLES = """
CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, resource TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL, name TEXT NOT NULL, generation INTEGER NOT NULL,
    metageneration INTEGER NOT NULL, file TEXT NOT NULL, size INTEGER NOT NULL,
    crc32c TEXT NOT NULL, md5 TEXT NOT NULL, components INTEGER NOT NULL,
    created TEXT NOT NULL, updated TEXT NOT NULL, settings TEXT NOT NULL,
    PRIMARY KEY (bucket, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (id TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
"""
_NAMES = [field.name for field in fields(Stored)]
_COLUMNS = ", ".join(_NAMES)
_ROWS_AT_ONCE = 500


class Index:
    """Rows in, rows out; no rules."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")  # survives a killed process, which is enough
        self._db.executescript(_TABLES)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def newest_generation(self) -> int:
        """The largest generation of any object, 0 where there is none."""
        row = self._db.execute("SELECT max(generation) FROM objects").fetchone()
        return int(row[0] or 0)

    def buckets(self) -> list[dict[str, Any]]:
        """The buckets' resources, in name order."""
        rows = self._db.execute("SELECT resource FROM buckets ORDER BY name")
        return [json.loads(row[0]) for row in rows]

    def bucket(self, name: str) -> dict[str, Any] | None:
        """The bucket's resource."""
        row = self._db.execute("SELECT resource FROM buckets WHERE name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else None

    def put_bucket(self, resource: dict[str, Any]) -> None:
        """Write the bucket."""
        row = (resource["name"], json.dumps(resource))
        self._db.execute("INSERT OR REPLACE INTO buckets VALUES (?, ?)", row)

    def drop_bucket(self, name: str) -> None:
        """Remove the bucket."""
        self._db.execute("DELETE FROM buckets WHERE name = ?", (name,))

    def object(self, bucket: str, name: str) -> Stored | None:
        """The object."""
        query = f"SELECT {_COLUMNS} FROM objects WHERE bucket = ? AND name = ?"  # noqa: S608
        row = self._db.execute(query, (bucket, name)).fetchone()
        return _stored(row) if row else None

    def put_object(self, stored: Stored) -> None:
        """Write the object."""
        row = [getattr(stored, name) for name in _NAMES[:-1]] + [json.dumps(dict(stored.settings))]
        marks = ", ".join("?" * len(row))
        self._db.execute(f"INSERT OR REPLACE INTO objects VALUES ({marks})", row)  # noqa: S608

    def drop_object(self, bucket: str, name: str) -> None:
        """Remove the object."""
        self._db.execute("DELETE FROM objects WHERE bucket = ? AND name = ?", (bucket, name))

    def objects(self, bucket: str, start: str, limit: int = _ROWS_AT_ONCE) -> list[Stored]:
        """Objects in name order, beginning with the first name that is `start` or greater."""
        query = (
            f"SELECT {_COLUMNS} FROM objects WHERE bucket = ? AND name >= ?"  # noqa: S608
            " ORDER BY name LIMIT ?"
        )
        return [_stored(row) for row in self._db.execute(query, (bucket, start, limit))]

    def uploads(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The unfinished and the finished uploads: id and record."""
        for key, record in self._db.execute("SELECT id, record FROM uploads"):
            yield key, json.loads(record)

    def put_upload(self, key: str, record: dict[str, Any]) -> None:
        """Write the upload."""
        self._db.execute("INSERT OR REPLACE INTO uploads VALUES (?, ?)", (key, json.dumps(record)))

    def drop_upload(self, key: str) -> None:
        """Remove the upload."""
        self._db.execute("DELETE FROM uploads WHERE id = ?", (key,))


def _stored(row: tuple[Any, ...]) -> Stored:
    return Stored(**dict(zip(_NAMES, [*row[:-1], json.loads(row[-1])], strict=True)))
