"""Whole files and streams at a URI. A write appears complete or not at all."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter, FileIO
from pathlib import Path
from typing import Any, BinaryIO, cast

from components.errors import InputError, ServiceError
from components.storage.client import blob_at, storage_client, told_plainly
from components.storage.object_reader import ObjectReader
from components.storage.uris import check_supported, is_gcs, split_gcs
from components.tables.text import json_text

_STAYING_BYTES = 8 * 1024 * 1024  # of a file that is written
_CHUNK_BYTES = 8 * 1024 * 1024  # a multiple of 256 KiB, as resumable uploads require
_BUFFER_BYTES = 64 * 1024


def read_bytes(uri: str) -> bytes:
    """The content of the file.

    Raises:
        InputError: there is no such file.
        ServiceError: it cannot be read.
    """
    check_supported(uri)
    if is_gcs(uri):
        with told_plainly(uri, "read it"):
            return cast(bytes, blob_at(uri).download_as_bytes())
    with local_errors(uri, "read it"):
        return Path(uri).read_bytes()


def read_text(uri: str) -> str:
    """The content of the file, which must be UTF-8 (a byte order mark is dropped).

    Raises:
        InputError: there is no such file, or it is not UTF-8.
    """
    try:
        return read_bytes(uri).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"It is not UTF-8 text (byte {error.start})", where=uri, fix="Save it as UTF-8."
        ) from error


def write_bytes(uri: str, data: bytes, content_type: str = "application/octet-stream") -> None:
    """Write the file, and the folders above it where it is local.

    Raises:
        ServiceError: it cannot be written.
    """
    check_supported(uri)
    if is_gcs(uri):
        with told_plainly(uri, "write it"):
            blob_at(uri).upload_from_string(data, content_type=content_type)
        return
    with _write_local(Path(uri)) as out:
        out.write(data)


def write_text(uri: str, text: str, content_type: str = "text/plain; charset=utf-8") -> None:
    """Write the text as UTF-8."""
    write_bytes(uri, text.encode(), content_type)


def write_json(uri: str, value: object) -> None:
    """Write the value as indented JSON."""
    write_text(uri, json_text(value, indent=2) + "\n", "application/json")


def exists(uri: str) -> bool:
    """Whether there is a file at the URI."""
    check_supported(uri)
    if is_gcs(uri):
        with told_plainly(uri, "look it up"):
            return bool(blob_at(uri).exists())
    return Path(uri).is_file()


def size(uri: str) -> int:
    """How many bytes the file has.

    Raises:
        InputError: there is no such file.
        ServiceError: it cannot be looked up.
    """
    check_supported(uri)
    if is_gcs(uri):
        with told_plainly(uri, "look it up"):
            blob = blob_at(uri)
            blob.reload()
            return int(blob.size)
    with local_errors(uri, "look it up"):
        return Path(uri).stat().st_size


@contextmanager
def open_read(uri: str) -> Iterator[BinaryIO]:
    """A binary stream over the file; a gs:// object is fetched in chunks of 8 MiB."""
    check_supported(uri)
    if is_gcs(uri):
        with (
            told_plainly(uri, "read it"),
            blob_at(uri).open("rb", chunk_size=_CHUNK_BYTES) as blob,
            io.BufferedReader(ObjectReader(blob), _BUFFER_BYTES) as stream,
        ):
            yield stream
        return
    with local_errors(uri, "read it"):
        stream_ = Path(uri).open("rb")  # noqa: SIM115 - closed below
    with stream_:
        yield stream_


@contextmanager
def open_write(uri: str, content_type: str = "application/octet-stream") -> Iterator[BinaryIO]:
    """A binary stream into the file, which appears only when the block ends without an error."""
    check_supported(uri)
    opened = _write_gcs(uri, content_type) if is_gcs(uri) else _write_local(Path(uri))
    with opened as out:
        yield out


def upload(path: str | Path, uri: str, content_type: str = "application/octet-stream") -> None:
    """Copy a local file to the URI."""
    with Path(path).open("rb") as source, open_write(uri, content_type) as out:
        while chunk := source.read(_CHUNK_BYTES):
            out.write(chunk)


def list_uris(prefix: str) -> Iterator[str]:
    """The files below a folder, in name order; a folder that is not there holds none."""
    check_supported(prefix)
    folder = prefix.rstrip("/") + "/"
    if is_gcs(prefix):
        bucket, name = split_gcs(folder)
        with told_plainly(prefix, "list it"):
            for blob in storage_client().list_blobs(bucket, prefix=name):
                yield f"gs://{bucket}/{blob.name}"
        return
    yield from sorted(str(path) for path in Path(folder).rglob("*") if path.is_file())


def with_prefix(prefix: str) -> Iterator[str]:
    """The files whose names begin so, in name order; local ones of that folder alone."""
    check_supported(prefix)
    if is_gcs(prefix):
        bucket, name = split_gcs(prefix)
        with told_plainly(prefix, "list it"):
            for blob in storage_client().list_blobs(bucket, prefix=name):
                yield f"gs://{bucket}/{blob.name}"
        return
    folder, begin = Path(prefix).parent, Path(prefix).name
    if folder.is_dir():
        found = (path for path in folder.iterdir() if path.name.startswith(begin))
        yield from sorted(str(path) for path in found if path.is_file())


def folders(prefix: str) -> Iterator[str]:
    """The folders right below a folder, in name order, without a final slash."""
    check_supported(prefix)
    folder = prefix.rstrip("/") + "/"
    if is_gcs(prefix):
        bucket, name = split_gcs(folder)
        with told_plainly(prefix, "list it"):
            for page in storage_client().list_blobs(bucket, prefix=name, delimiter="/").pages:
                for found in sorted(page.prefixes):
                    yield f"gs://{bucket}/{found.rstrip('/')}"
        return
    yield from sorted(str(path) for path in Path(folder).glob("*") if path.is_dir())


@contextmanager
def _write_local(path: Path) -> Iterator[BinaryIO]:
    with local_errors(str(path), "write it"):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, scratch = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    try:
        with BufferedWriter(_Passing(handle, "wb")) as out:
            yield out
        with local_errors(str(path), "write it"):
            _take_place(Path(scratch), path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise


class _Passing(FileIO):
    """A file that is written once, from its beginning, and does not stay in the page cache.

    Gigabytes of it would push out what others need; and where a machine's memory is handed to it
    only as it is touched, each new page costs more than writing does.
    """

    _at = 0
    _advised = 0

    def write(self, data: Any, /) -> int:
        """Write, and now and then have what was written go to the disk and out of memory."""
        written = super().write(data)
        self._at += written
        if self._at - self._advised >= _STAYING_BYTES and hasattr(os, "posix_fadvise"):
            # What is not on the disk yet goes there now, and out of memory with the next call.
            start = max(self._advised - _STAYING_BYTES, 0)
            os.posix_fadvise(self.fileno(), start, self._at - start, os.POSIX_FADV_DONTNEED)
            self._advised = self._at
        return written


def _take_place(scratch: Path, path: Path) -> None:
    """Rename over the target with the permissions that a plain open() would have given."""
    mask = os.umask(0)
    os.umask(mask)
    scratch.chmod(0o666 & ~mask)
    scratch.replace(path)


@contextmanager
def _write_gcs(uri: str, content_type: str) -> Iterator[BinaryIO]:
    with told_plainly(uri, "write it"):
        # A flush cannot be honoured before the end; text wrappers flush when they are detached.
        writer = blob_at(uri).open(
            "wb", content_type=content_type, chunk_size=_CHUNK_BYTES, ignore_flush=True
        )
    try:
        yield cast(BinaryIO, writer)
    except BaseException:
        writer.terminate()  # close() would publish what has been written so far
        raise
    with told_plainly(uri, "write it"):
        writer.close()


@contextmanager
def local_errors(path: str, doing: str) -> Iterator[None]:
    """Turn what the file system says into our errors."""
    try:
        yield
    except FileNotFoundError as error:
        if doing == "write it":  # the folder cannot be made either: below /proc, or just removed
            raise ServiceError(
                "Cannot write it: the folder cannot be made",
                where=path,
                fix="Choose another folder.",
            ) from error
        raise InputError("There is no such file", where=path) from error
    except IsADirectoryError as error:
        raise InputError(f"Cannot {doing}: it is a folder", where=path) from error
    except (NotADirectoryError, FileExistsError) as error:
        raise ServiceError(
            f"Cannot {doing}: a part of the path is a file", where=path, fix="Choose another path."
        ) from error
    except PermissionError as error:
        raise ServiceError(
            f"Cannot {doing}: permission denied",
            where=path,
            fix="Choose another folder or change its permissions.",
        ) from error
    except OSError as error:
        raise ServiceError(f"Cannot {doing}: {error.strerror or error}", where=path) from error
    except ValueError as error:  # a NUL byte in the path
        raise InputError(f"Cannot {doing}: {error}", where=path) from error
