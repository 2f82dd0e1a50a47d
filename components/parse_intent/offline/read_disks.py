"""Boot disk, new disks, local SSDs and disks that exist."""

from __future__ import annotations

import re

from components.parse_intent.draft import Asked, BootDisk, Disk
from components.parse_intent.offline.amounts import Amount
from components.parse_intent.offline.mounting import Place
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.read_limits import NEEDS

EXISTING = Pattern(r"(?<![\w])(?:projects/[\w.:-]+/)?(?:zones|regions)/[\w-]+/disks/[\w-]*\w")
EXISTING_NAMED = Pattern(
    r"\b(?:existing|our|already have a|the)\s+(?:persistent\s+|pd\s+|zonal\s+|data\s+"
    r"|existing\s+){0,4}disk(?:\s+(?:called|named"
    r"|is))?\s+[\"']?(?P<n>[a-z][a-z0-9]*(?:-[a-z0-9]+)+)\b",
    re.IGNORECASE,
)


def existing_disks(page: Page) -> list[Place]:
    """Disks that are there already, by resource name or by name."""
    found = []
    for match in page.find(EXISTING):
        quote = page.take(*match.span())
        found.append(
            Place(match.start(), match.end(), disk=Disk(existing=match.group(), quote=quote))
        )
    if not found:
        for match in page.find(EXISTING_NAMED):
            if re.match(r"pd-|local-ssd", match["n"]):
                continue
            quote = page.take(*match.span())
            found.append(
                Place(match.start(), match.end(), disk=Disk(existing=match["n"], quote=quote))
            )
    return found


DISK_TYPE = (
    r"(?:pd-(?:ssd|balanced|standard|extreme)|hyperdisk-(?:balanced|extreme|throughput"
    r"|ml)(?:-high-availability)?|(?:ssd|balanced|standard) (?:persistent disk|pd)"
    r"|ssd)"
)
BOOT = Pattern(
    r"\bboot(?:[ _-]?(?:disks?|volume|drive))?(?:[ _-]?size(?:[ _-]?gb)?)?\b"
    r"(?:\s+(?:image|disk image))?"
    r"|\b(?:root|system|os|default|stock|main) (?:disks?|volume|drive)\b",
    re.IGNORECASE,
)
BOOT_IMAGE = Pattern(
    r"\b(?:boot(?:s|ed|ing)?(?: disk)?(?: image)?|os image|vm image|image family|disk image"
    r"|os)(?:\s+(?:from|with|off|using|is|of|the|image|to be|should be"
    r"|on))*\s*[:=]?\s*[\"']?(?P<i>(?:batch-(?:debian|cos|hpc-rocky|hpc-centos|centos)[\w-]*"
    r"|(?:https://[\w./-]*/)?projects/[\w.:-]+/global/images/(?:family/)?[\w-]+))",
    re.IGNORECASE,
)
BATCH_IMAGE = Pattern(
    r"(?<![\w/-])(?P<i>projects/[\w.:-]+/global/images/(?:family/)?[\w-]*\w|batch-(?:debian|cos"
    r"|hpc-rocky)(?:-[\w-]*\w)?)(?![\w/])"
)
TYPE = Pattern(rf"(?<![\w-]){DISK_TYPE}(?![\w])", re.IGNORECASE)


def disk_type(words: str) -> str:
    """Batch's name of a disk type."""
    low = words.lower()
    if low.startswith(("pd-", "hyperdisk", "local-")):
        return low
    if "local" in low:
        return "local-ssd"
    if "balanced" in low:
        return "pd-balanced"
    return "pd-ssd" if "ssd" in low else "pd-standard" if "standard" in low or "hdd" in low else ""


def read_boot_disk(page: Page) -> None:
    """Fill the draft's boot disk: image, type, size."""
    boot = BootDisk()
    for pattern in (BOOT_IMAGE, BATCH_IMAGE):
        for match in page.find(pattern):
            if not page.negated(match.start()):
                boot.image = boot.image or Asked(value=match["i"], quote=page.take(*match.span()))
    for match in page.find(BOOT):
        boot.size_gb = boot.size_gb or _boot_size(page, match)
        boot.type = boot.type or _boot_type(page, match)
        if boot.size_gb or boot.type or boot.image:
            page.take(*match.span())
    if boot.size_gb or boot.type or boot.image:
        page.draft.boot_disk = boot


def _boot_size(page: Page, match: re.Match[str]) -> Asked[int] | None:
    """The size in the sentence that stands nearest, before ("200 GB boot disk") or after it."""
    start, end = page.sentence(match.start())
    best: tuple[int, Amount] | None = None
    for size in page.sizes:
        if not start <= size.start < end or not page.is_free(size.start, size.end):
            continue
        if re.match(r"\s*(?:of )?(?:ram|memory)\b", page.right(size.end), re.I):
            continue
        gap = _gap(size.start, size.end, match)
        if size.start >= match.end() and re.match(r", ?an? $", page.norm[match.end() : size.start]):
            gap += 30  # "a 100 GB boot disk, a 500 GB pd-ssd"
        if size.end <= match.start() and not _touches(page.norm[size.end : match.start()]):
            gap += 60
        if gap < 70 and (best is None or gap < best[0]):
            best = (gap, size)
    if best is None:
        bare = BARE_SIZE.match(page.norm, match.end())
        if bare is None:
            return None
        return Asked(value=int(bare["n"]), quote=page.take(match.start(), bare.end()))
    size = best[1]
    value = max(1, round(size.value / 1024))
    return Asked(value=value, quote=page.take(size.start, size.end))


# "boot disk size 80": GB, as everywhere for disks
BARE_SIZE = Pattern(
    r"(?: size)?(?: gb)?(?: ?[:=]| of| is| to| should be"
    r"| must be)? ?(?P<n>\d{2,4})(?![\w-]|\.\d)",
    re.IGNORECASE,
)


def _boot_type(page: Page, match: re.Match[str]) -> Asked[str] | None:
    start, end = page.sentence(match.start())
    for kind in page.find(TYPE):
        if not start <= kind.start() < end or _gap(kind.start(), kind.end(), match) > 25:
            continue
        before = kind.end() <= match.start()
        if before and not _touches(page.norm[kind.end() : match.start()]):
            continue
        if not before and re.search(
            r"\b(?:and|new|plus|extra|additional|second|another|scratch)\b|, ?an? ",
            page.norm[match.end() : kind.start()],
        ):
            continue
        return Asked(value=disk_type(kind.group()), quote=page.take(*kind.span()))
    return None


def _touches(between: str) -> bool:
    """Whether two words belong together: nothing but a few plain words between them."""
    between = TYPE.sub("", between)
    return len(between) < 20 and re.fullmatch(r"[\w -]*", between) is not None


def _gap(start: int, end: int, match: re.Match[str]) -> int:
    return max(start - match.end(), match.start() - end, 0)


LOCAL_SSD = Pattern(
    r"(?<![\w-])(?:(?P<n>\d{1,2})\s*(?:x\s*)?)?(?:nvme\s+)?local[- ]?(?:nvme[- ]?)?ssds?"
    r"(?:\s+(?:disks?|drives?))?\b",
    re.IGNORECASE,
)
NEW_DISK = Pattern(
    rf"(?<![\w-])(?P<t>{DISK_TYPE}(?:\s+(?:data\s+)?disks?)?|(?:(?:new|extra|additional|second"
    rf"|fresh|scratch|data|persistent|attached|separate|empty)\s+){{1,3}}"
    rf"(?:(?:of\s+)?\d+ ?[gt](?:i?b|igs?)?\s+)?(?P<t2>ssd "
    rf"|hdd )?disks?\b)",
    re.IGNORECASE,
)


LOCAL_SSD_GB = 375


def _whole_ssds(gb: int) -> int:
    """A total of local SSDs that people round (1.5 TB for four) as so many whole ones."""
    ssds = round(gb / LOCAL_SSD_GB)
    return ssds * LOCAL_SSD_GB if ssds and abs(gb / (ssds * LOCAL_SSD_GB) - 1) < 0.07 else gb


DISK_NOUN = Pattern(r"(?<=\w)\s+(?:data\s+)?disks?$", re.IGNORECASE)


def new_disks(page: Page) -> list[Place]:
    """Local SSDs and persistent disks that are made for the job."""
    found = []
    for match in page.find(LOCAL_SSD):
        if page.negated(match.start()):
            continue
        size = nearest_size(page, match, 45)
        count = int(match["n"] or 1)
        gb = count * LOCAL_SSD_GB
        quote = page.take(*match.span())
        if size is not None:
            value = round(size[2] / 1024)
            total = re.match(
                r"\s*(?:in all|in total|total|altogether|combined)", page.right(size[1]), re.I
            )
            gb = value if total or value >= gb else value * count
            gb = _whole_ssds(gb)
            page.take(size[0], size[1])
        found.append(
            Place(match.start(), match.end(), disk=Disk(type="local-ssd", size_gb=gb, quote=quote))
        )
    for match in page.find(NEW_DISK):
        if page.negated(match.start()) or re.search(
            r"\bboot\W*$", page.left(match.start(), 12), re.I
        ):
            continue
        size = nearest_size(page, match, 30)
        if size is None and match["t"].lower() in ("ssd",):
            continue
        disk = Disk(type=disk_type(DISK_NOUN.sub("", match["t"])), quote=page.take(*match.span()))
        if size is not None:
            disk.size_gb = max(1, round(size[2] / 1024))
            page.take(size[0], size[1])
        found.append(Place(match.start(), match.end(), disk=disk))
    return _joined(page, found)


def _joined(page: Page, places: list[Place]) -> list[Place]:
    """Join mentions that complete one another: "a scratch disk, pd-ssd, 500 GB" is one."""
    result: list[Place] = []
    for place in sorted(places, key=lambda p: p.start):
        last = result[-1] if result else None
        if last is not None and last.disk and place.disk:
            near = place.start - last.end < 25
            partial = not last.disk.type or not place.disk.type
            if near and partial and page.sentence(last.start) == page.sentence(place.start):
                last.disk.type = last.disk.type or place.disk.type
                last.disk.size_gb = last.disk.size_gb or place.disk.size_gb
                last.end = place.end
                continue
        result.append(place)
    return result


def nearest_size(page: Page, match: re.Match[str], width: int) -> tuple[int, int, float] | None:
    """The free size that stands nearest to some words: start, end, MiB.

    Args:
        page: the turn.
        match: the words.
        width: how many characters may lie between.
    """
    start, end = page.sentence(match.start())
    best = None
    for size in page.sizes:
        if start <= size.start < end and page.is_free(size.start, size.end):
            gap = _gap(size.start, size.end, match)
            if re.match(r"\s*(?:of )?(?:ram|memory)\b", page.right(size.end), re.I):
                continue
            apart = "," in page.norm[size.end : match.start()]
            if apart and NEEDS.search(page.left(size.start, 40)):
                continue  # "each needs 6 gigs, extra disk of 500 GB"
            if page.clause(size.start) != page.clause(match.start()):
                gap += 15 if size.end <= match.start() else 10
            if gap <= width + 15 and (best is None or gap < best[0]):
                best = (gap, (size.start, size.end, size.value))
    return best[1] if best else None
