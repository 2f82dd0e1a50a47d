"""Objects and buckets as the JSON interface shows them, and what a caller's query says."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from emulator.messages import ApiError, Request, not_emulated
from emulator.storage.records import Checksums, Conditions, Stored

_CONDITIONS = {
    "GenerationMatch": "generation",
    "GenerationNotMatch": "not_generation",
    "MetagenerationMatch": "metageneration",
    "MetagenerationNotMatch": "not_metageneration",
}
_MISSPELT = "ifMetaGenerationNotMatch"  # so in uploads by google-cloud-storage 3.17.1, blob.py


def object_resource(stored: Stored, base_url: str) -> dict[str, Any]:
    """The object; numbers of 64 bits are strings, as in the service."""
    path = f"/b/{stored.bucket}/o/{quote(stored.name, safe='')}"
    query = f"generation={stored.generation}&alt=media"
    resource: dict[str, Any] = {
        "kind": "storage#object",
        "id": f"{stored.bucket}/{stored.name}/{stored.generation}",
        "selfLink": f"{base_url}/storage/v1{path}",
        "mediaLink": f"{base_url}/download/storage/v1{path}?{query}",
        "name": stored.name,
        "bucket": stored.bucket,
        "generation": str(stored.generation),
        "metageneration": str(stored.metageneration),
        "storageClass": "STANDARD",
        "size": str(stored.size),
        "crc32c": stored.crc32c,
        "etag": etag(stored),
        "timeCreated": stored.created,
        "updated": stored.updated,
        "timeStorageClassUpdated": stored.created,
        "timeFinalized": stored.created,
    }
    if stored.md5:
        resource["md5Hash"] = stored.md5
    if stored.components:
        resource["componentCount"] = stored.components
    return resource | dict(stored.settings)


def bucket_resource(bucket: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """The bucket."""
    name = bucket["name"]
    return {
        "kind": "storage#bucket",
        "id": name,
        "selfLink": f"{base_url}/storage/v1/b/{name}",
        "projectNumber": "1",
        "locationType": "multi-region",
        "etag": base64.b64encode(bucket["metageneration"].encode()).decode(),
        "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}},
        **bucket,
    }


def etag(stored: Stored) -> str:
    """Changes with the content and with the settings."""
    return base64.b64encode(f"{stored.generation}/{stored.metageneration}".encode()).decode()


def conditions_of(query: Mapping[str, Any], prefix: str = "if") -> Conditions:
    """The preconditions of the query; `ifSource` as the prefix gives those of a copy's source."""
    found = {to: whole(query, prefix + name) for name, to in _CONDITIONS.items()}
    if prefix == "if" and _MISSPELT in query:
        found["not_metageneration"] = whole(query, _MISSPELT)
    return Conditions(**found)


def whole(query: Mapping[str, Any], name: str) -> int | None:
    """A whole number of the query or of a JSON object, None where it is not there.

    Raises:
        ApiError: 400 where it is no number.
    """
    given = query.get(name)
    text = "" if given is None else str(given)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise ApiError(400, "", f"Invalid value for '{name}': {text[:80]!r}", "invalid")
    return int(text)


def checksums_of(resource: Mapping[str, Any], headers: Mapping[str, str]) -> Checksums:
    """What the caller says about the content: in the resource, or in X-Goog-Hash."""
    said = {"crc32c": str(resource.get("crc32c") or ""), "md5": str(resource.get("md5Hash") or "")}
    for pair in headers.get("X-Goog-Hash", "").split(","):
        name, _, value = pair.strip().partition("=")
        if name in said:
            said[name] = value
    return Checksums(said["crc32c"], said["md5"] or headers.get("Content-MD5", ""))


def check_plain(request: Request) -> None:
    """Refuse what would change the meaning of a call and is not emulated."""
    if "X-Goog-Encryption-Algorithm" in request.headers:
        raise not_emulated("customer-supplied encryption keys")
    for name in ("If-Match", "If-None-Match"):
        if name in request.headers:
            raise not_emulated(f"the condition '{name}' of Cloud Storage")
    for name in ("kmsKeyName", "predefinedAcl", "destinationPredefinedAcl"):
        if request.query.get(name):
            raise not_emulated(f"'{name}' of Cloud Storage")
    if request.query.get("softDeleted", "").lower() == "true":
        raise not_emulated("soft-deleted objects")
