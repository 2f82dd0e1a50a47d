"""The content of an object as an answer: ranges, headers, compressed objects."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import BinaryIO

from emulator.messages import FilePart, Response
from emulator.storage.blobs import PIECE
from emulator.storage.records import Stored
from emulator.storage.resources import etag


def media_answer(stored: Stored, content: BinaryIO, headers: Mapping[str, str]) -> Response:
    """The content, or the part of it that the Range header asks for.

    An object stored with gzip encoding is expanded for a caller that does not accept gzip, and
    then comes whole (cloud.google.com/storage/docs/transcoding).
    """
    answer = _headers(stored)
    encoded = stored.settings.get("contentEncoding") == "gzip"
    if encoded and "gzip" not in headers.get("Accept-Encoding", ""):
        del answer["Content-Encoding"]
        return Response(200, _expanded(content), answer)
    wanted = _range(headers.get("Range", ""), stored.size)
    if wanted is None:
        return Response(200, FilePart(content, 0, stored.size), answer)
    first, last = wanted
    if first > last:
        content.close()
        return Response(416, b"", {"Content-Range": f"bytes */{stored.size}"})
    answer["Content-Range"] = f"bytes {first}-{last}/{stored.size}"
    return Response(206, FilePart(content, first, last - first + 1), answer)


def _range(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte; first > last: cannot be satisfied; None: all of it."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", header.strip(), re.ASCII)
    if not found or not any(found.groups()):
        return None
    first, last = found.groups()
    if not first:
        return (size - min(int(last), size), size - 1) if int(last) else (size, size - 1)
    if last and int(last) < int(first):
        return None
    return (int(first), min(int(last), size - 1) if last else size - 1)


def _headers(stored: Stored) -> dict[str, str]:
    settings = stored.settings
    encoding = str(settings.get("contentEncoding", "identity"))
    hashes = [f"crc32c={stored.crc32c}"] + ([f"md5={stored.md5}"] if stored.md5 else [])
    modified = format_datetime(datetime.fromisoformat(stored.updated), usegmt=True)
    headers = {
        "Content-Type": settings.get("contentType", "application/octet-stream"),
        "Cache-Control": settings.get("cacheControl"),
        "Content-Disposition": settings.get("contentDisposition"),
        "Content-Encoding": settings.get("contentEncoding"),
        "Content-Language": settings.get("contentLanguage"),
        "Accept-Ranges": "bytes",
        "ETag": etag(stored),
        "Last-Modified": modified,
        "X-Goog-Generation": str(stored.generation),
        "X-Goog-Metageneration": str(stored.metageneration),
        "X-Goog-Hash": ",".join(hashes),
        "X-Goog-Storage-Class": settings.get("storageClass", "STANDARD"),
        "X-Goog-Stored-Content-Encoding": encoding,
        "X-Goog-Stored-Content-Length": str(stored.size),
    }
    return {name: str(value) for name, value in headers.items() if value}


def _expanded(content: BinaryIO) -> Iterator[bytes]:
    decoder = zlib.decompressobj(wbits=31)
    with content:
        while piece := content.read(PIECE):
            while piece:
                yield decoder.decompress(piece, PIECE)
                piece = decoder.unconsumed_tail
