"""Small text files written by compare-and-swap: the ground that the ledger of a job stands on."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NewType

from components.storage import files
from components.storage.client import blob_at, told_plainly
from components.storage.uris import check_supported, is_gcs

# gs://: the object's generation; local: a hash of the content (the same content is the same state).
Version = NewType("Version", str)


class Conflict(Exception):  # noqa: N818 - not a failure: somebody else wrote first
    """The file is no longer at the version that the write was based on."""


@dataclass(frozen=True)
class Versioned:
    """The text of a file and the version that a later write must name."""

    text: str
    version: Version


def read(uri: str) -> Versioned | None:
    """The file with its version, or None where there is none.

    Raises:
        ServiceError: it cannot be read.
    """
    check_supported(uri)
    if is_gcs(uri):
        return _read_gcs(uri)
    path = Path(uri)
    return _versioned(files.read_bytes(uri)) if path.exists() else None


def write(uri: str, text: str, version: Version | None) -> Version:
    """Write the file if it still is at `version`; None: if it does not exist yet.

    Returns:
        The version that was written.

    Raises:
        Conflict: somebody else wrote in between; nothing was changed.
        ServiceError: it cannot be written.
    """
    check_supported(uri)
    if is_gcs(uri):
        return _write_gcs(uri, text, version)
    path = Path(uri)
    with _locked(path):
        current = read(uri)
        if (current.version if current else None) != version:
            raise Conflict(uri)
        files.write_text(uri, text)
    return _versioned(text.encode()).version


def _versioned(data: bytes) -> Versioned:
    return Versioned(_text(data), Version(hashlib.sha256(data).hexdigest()))


def _text(data: bytes) -> str:
    """The text; bytes that are no UTF-8 become marks that no reader takes for its own format."""
    return data.decode("utf-8", "replace")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the folder, so that no lock file is left beside the ledger."""
    with files.local_errors(str(path), "write it"):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)  # released when the handle closes, also by a crash
        yield
    finally:
        os.close(handle)


def _read_gcs(uri: str) -> Versioned | None:
    from google.api_core import exceptions

    blob = blob_at(uri)
    with told_plainly(uri, "read it"):
        try:
            # One request: the reply carries the generation that the bytes belong to.
            text = _text(blob.download_as_bytes())
        except exceptions.NotFound:
            return None
    return Versioned(text, Version(str(blob.generation)))


def _write_gcs(uri: str, text: str, version: Version | None) -> Version:
    from google.api_core import exceptions

    blob = blob_at(uri)
    try:
        with told_plainly(uri, "write it"):
            blob.upload_from_string(
                text,
                content_type="application/json",
                if_generation_match=int(version) if version else 0,
            )
    except exceptions.PreconditionFailed:
        # The library repeats a write whose reply was lost, and then loses against itself.
        current = _read_gcs(uri)
        if current is None or current.text != text:
            raise Conflict(uri) from None
        return current.version
    return Version(str(blob.generation))
