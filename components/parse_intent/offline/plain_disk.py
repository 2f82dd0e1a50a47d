"""A disk of which only the size is said: "with a 200 GB disk", "disk: 80 GB, ssd"."""

from __future__ import annotations

import re

from components.parse_intent.draft import Asked, BootDisk, Disk
from components.parse_intent.offline.mounting import Place
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.read_disks import DISK_TYPE, disk_type, nearest_size

DISK = Pattern(
    r"(?<![\w./-])(?:disk|drive|diskspace|storage)(?:[ _-]?(?:space|storage|size)(?:[ _-]?gb)?)?"
    r"(?![\w/-])(?! (?:images?|is full|full|i/o|io|usage|in |bucket))",
    re.IGNORECASE,
)
# "disk size = 100": GB, as everywhere for disks.
BARE = Pattern(r"(?: is| of| to|:| =|=)? ?(?P<n>\d{2,5})(?![\w%-]|\.\d)", re.IGNORECASE)
SIZE_KEY = Pattern(r"(?:size|gb)$", re.IGNORECASE)
TYPE = Pattern(
    rf"(?<![\w-])(?:{DISK_TYPE}|balanced|standard(?! vms?| machines?)|hdd)(?![\w-])",
    re.IGNORECASE,
)
BETWEEN = Pattern(r"[ ,(:=]*(?:(?:of|an?|and|type) ?)*[ :=]*", re.IGNORECASE)
# What is stored somewhere already, or is meant by another name.
STORED = Pattern(
    r"\b(?:cloud|object|bucket|network|nfs|google|gcs|files?|data|existing|more|local|boot|gpu) $",
    re.IGNORECASE,
)
MOUNTED = Pattern(
    r"[\s,(]*(?:(?:which|that|is|gets|to be|please|should|be) )*"
    r"(?:(?:mount(?:ed)?|attached|available|visible) )?(?:it )?(?:at|on|under|as|to|->|=>|@) ?/\w",
    re.IGNORECASE,
)


def plain_disk(page: Page) -> Place | None:
    """Read it as the boot disk, as everywhere in Google Cloud.

    Returns:
        The disk where it is mounted somewhere: then it is one of its own.
    """
    boot = page.draft.boot_disk or BootDisk()
    if boot.size_gb is not None or page.draft.disks or (page.before and page.before.disks):
        return None
    for match in page.find(DISK):
        if page.negated(match.start()) or STORED.search(page.left(match.start(), 12)):
            continue
        size = _size(page, match)
        if size is None:
            continue
        start, end, gb = size
        kind = _type(page, start, end)
        quote = page.take(start, end)
        if MOUNTED.match(page.right(end, 60)):
            return Place(start, end, disk=Disk(type=kind, size_gb=gb, quote=quote))
        boot.size_gb = Asked(value=gb, quote=quote)
        if kind and boot.type is None:
            boot.type = Asked(value=kind, quote=quote)
        page.draft.boot_disk = boot
    return None


OF_ITS_OWN = Pattern(
    r"\b(?:new|extra|additional|second|fresh|scratch|data|attach\w*|separate|empty|add(?:ed)?"
    r"|another|plus|mount\w*|local|work(?:ing)?|temp\w*|non-boot|further|more|for)\b|/\w",
    re.IGNORECASE,
)


def is_boot_disk(page: Page, place: Place) -> bool:
    """Make a typed disk the boot disk where nothing is said of a disk of its own.

    "8 CPUs, 32 GB, 200 GB SSD" describes the VM; "an extra SSD" and one with a mount do not.
    """
    disk, boot = place.disk, page.draft.boot_disk or BootDisk()
    if disk is None or disk.existing or disk.mount or disk.type == "local-ssd":
        return False
    own = OF_ITS_OWN.search(page.sentence_text(place.start))
    if own or boot.size_gb or page.draft.disks or (page.before and page.before.disks):
        return False
    if disk.size_gb is not None:
        boot.size_gb = Asked(value=disk.size_gb, quote=disk.quote)
    if disk.type:
        boot.type = boot.type or Asked(value=disk.type, quote=disk.quote)
    page.draft.boot_disk = boot
    return True


def _size(page: Page, match: re.Match[str]) -> tuple[int, int, int] | None:
    """Where the disk and its size stand, and the size in GB."""
    near = nearest_size(page, match, 14)
    if near is not None:
        start, end = min(near[0], match.start()), max(near[1], match.end())
        return start, end, max(1, round(near[2] / 1024))
    bare = BARE.match(page.norm, match.end()) if SIZE_KEY.search(match.group()) else None
    return (match.start(), bare.end(), int(bare["n"])) if bare else None


def _type(page: Page, start: int, end: int) -> str:
    """The type of a disk, said next to it."""
    for kind in page.find(TYPE):
        inside = start <= kind.start() < end
        between = page.norm[end : kind.start()] or page.norm[kind.end() : start]
        if inside or (len(between) < 12 and BETWEEN.fullmatch(between)):
            page.take(*kind.span())
            return disk_type(kind.group())
    return ""
