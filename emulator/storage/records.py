"""What the stand-in keeps of a bucket and an object, and the conditions a caller may set."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.messages import ApiError, not_emulated

# What a caller may set on an object; the rest of the resource is the service's own.
_SETTINGS = (
    "cacheControl",
    "contentDisposition",
    "contentEncoding",
    "contentLanguage",
    "contentType",
    "customTime",
    "metadata",
    "storageClass",
)
_REFUSED = ("acl", "contexts", "eventBasedHold", "kmsKeyName", "retention", "temporaryHold")
_MAX_NAME_BYTES = 1024
_NOT_IN_NAMES = "[\r\n\ud800-\udfff]"


@dataclass(frozen=True)
class Stored:
    """An object.

    Args:
        bucket: the name of its bucket.
        name: its name, at most 1024 bytes of UTF-8.
        generation: of its content; grows with every write.
        metageneration: of its settings; begins at 1 with every generation.
        file: the name of the file that holds its content.
        size: in bytes.
        crc32c: base64 of the big-endian checksum.
        md5: base64; empty for an object that was composed, as in the service.
        components: how many objects it was composed of; 0: it was not composed.
        created: RFC 3339, UTC, milliseconds.
        updated: likewise, of the settings.
        settings: what the caller may set, in the names of the JSON interface.
    """

    bucket: str
    name: str
    generation: int
    metageneration: int
    file: str
    size: int
    crc32c: str
    md5: str
    components: int
    created: str
    updated: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Conditions:
    """The preconditions of a call; None: not set. Generation 0 stands for "no such object"."""

    generation: int | None = None
    not_generation: int | None = None
    metageneration: int | None = None
    not_metageneration: int | None = None

    def check(self, found: Stored | None, *, reading: bool = False) -> None:
        """Raise where the object is not as the caller expects.

        Raises:
            ApiError: 412; 304 where a reader already has what it asks for. The rule:
                cloud.google.com/storage/docs/request-preconditions.
        """
        generation = found.generation if found else 0
        metageneration = found.metageneration if found else 0
        if self.generation not in (None, generation):
            raise condition_not_met()
        if self.metageneration not in (None, metageneration):
            raise condition_not_met()
        same = self.not_generation == generation
        if same or (self.not_metageneration == metageneration):
            raise unchanged() if reading else condition_not_met()


@dataclass(frozen=True)
class Checksums:
    """What the caller says about the content, base64; empty: nothing."""

    crc32c: str = ""
    md5: str = ""

    def check(self, crc32c: str, md5: str) -> None:
        """Raise where the content is not what the caller meant to send.

        Raises:
            ApiError: 400, worded as by the service.
        """
        for name, said, found in (("CRC32C", self.crc32c, crc32c), ("MD5 hash", self.md5, md5)):
            if said and said != found:
                text = f'Provided {name} "{said}" doesn\'t match calculated {name} "{found}".'
                raise ApiError(400, "", text, "invalid")


NO_CONDITIONS = Conditions()
NO_CHECKSUMS = Checksums()


@dataclass(frozen=True)
class Incoming:
    """An object that is to be written: where, how, on which conditions."""

    bucket: str
    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    conditions: Conditions = NO_CONDITIONS
    checksums: Checksums = NO_CHECKSUMS


def condition_not_met() -> ApiError:
    """412, worded as by the service."""
    text = "At least one of the pre-conditions you specified did not hold."
    return ApiError(412, "", text, "conditionNotMet")


def unchanged() -> ApiError:
    """304: the caller already has this version."""
    return ApiError(304, "", "Not Modified", "notModified")


def no_object(bucket: str, name: str) -> ApiError:
    """404, worded as by the service."""
    return ApiError(404, "", f"No such object: {bucket}/{name}", "notFound")


def settings_of(resource: Mapping[str, Any]) -> dict[str, Any]:
    """What the resource that a caller sends says about the object's settings.

    Raises:
        ApiError: it asks for what is not emulated, or its metadata are no strings.
    """
    for name in _REFUSED:
        if resource.get(name):
            raise not_emulated(f"'{name}' of a Cloud Storage object")
    settings = {name: resource[name] for name in _SETTINGS if name in resource}
    for name, value in settings.items():
        check_kind(value, dict if name == "metadata" else str, name)
    return settings


def check_kind(
    value: object, kind: type[dict[str, Any]] | type[list[Any]] | type[str], name: str
) -> None:
    """Raise where a value of a resource is neither of the kind nor null."""
    if value is not None and not isinstance(value, kind):
        text = {dict: "an object", list: "a list", str: "a string"}[kind]
        raise ApiError(400, "", f"'{name}' must be {text}.", "invalid")


def patched(settings: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """The settings after a patch: null removes, `metadata` is merged key by key."""
    merged = dict(settings) | dict(change)
    if change.get("metadata"):
        merged["metadata"] = dict(settings.get("metadata") or {}) | change["metadata"]
    return without_nulls(merged)


def without_nulls(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings without what was set to null, in `metadata` too."""
    kept = {name: value for name, value in settings.items() if value is not None}
    metadata = {k: str(v) for k, v in kept.pop("metadata", {}).items() if v is not None}
    return kept | ({"metadata": metadata} if metadata else {})


def check_object_name(name: str) -> None:
    """Raise where the service would not take the name (docs/objects#naming)."""
    size = len(name.encode("utf-8", "replace"))
    if not 0 < size <= _MAX_NAME_BYTES or name in (".", "..") or re.search(_NOT_IN_NAMES, name):
        raise ApiError(400, "", f"Invalid object name: {name[:200]!r}", "invalid")


def check_bucket_name(name: str) -> None:
    """Raise where the service would not take the name (docs/buckets#naming)."""
    fits = re.fullmatch(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]", name)
    long_part = any(len(part) > 63 for part in name.split("."))
    if not fits or long_part or name.startswith("goog") or "google" in name:
        raise ApiError(400, "", f"Invalid bucket name: {name[:80]!r}", "invalid")
