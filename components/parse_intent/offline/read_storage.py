"""Buckets, NFS shares and disks, with where each is mounted."""

from __future__ import annotations

import re
from dataclasses import dataclass

from components.parse_intent.draft import Asked, BootDisk, Disk, Volume
from components.parse_intent.offline.amounts import Amount
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.vocabulary import words

PATH = r"/[A-Za-z0-9_.${}/-]*[A-Za-z0-9_$}]"
GCS = re.compile(r"(?<![\w/])gs://(?P<r>[a-z0-9][\w.-]{1,62}(?:/[^\s,;)\"'`>\ue000]*)?)")
BUCKET_NAME = r"[a-z0-9][a-z0-9_.-]{1,61}[a-z0-9]"
BUCKET = [
    re.compile(
        rf"\b(?:gcs |storage |google |cloud storage |gs |input |output |data "
        rf"|source )?bucket(?:s)?(?:\s+(?:is|called|named|name is|name)"
        rf"|\s*[:=])?\s+[\"']?(?P<b>{BUCKET_NAME})(?![\w/-])",
        re.IGNORECASE,
    ),
    re.compile(
        rf"(?<![\w./-])(?P<b>{BUCKET_NAME})[\"']?\s+(?:gcs |storage )?bucket\b", re.IGNORECASE
    ),
]
BUCKET_WORD = re.compile(r"\b(?:gcs |storage )?buckets?\b", re.IGNORECASE)
NOT_BUCKET = frozenset(
    words(
        """
        is it in on at to as and the a an our my your their this that which where with for mounted
        mount goes contains holds has called named results output input data same new old instead
        from storage gcs cloud google of or into by under should must please too also are was will
        can read-only read-write one two each every so then via called-
        """
    )
)
NFS = re.compile(
    r"(?<![\w.:/-])(?P<h>(?:\d{1,3}\.){3}\d{1,3}|[a-z][\w-]*(?:\.[\w-]+)+"
    r"|[a-z][\w-]*(?=:/[\w]))\s?:\s?(?P<p>/[\w./-]*\w)(?!\w*:)",
    re.IGNORECASE,
)
NFS_SPLIT = re.compile(
    r"\b(?:nfs|filestore)\b[^.;\n]{0,40}?(?P<h>(?:\d{1,3}\.){3}\d{1,3})[^;\n]{0,30}?(?:share"
    r"|export|path|directory)?\s*(?P<p>/[\w./-]*\w)",
    re.IGNORECASE,
)
MOUNT_RIGHT = re.compile(
    rf"(?:\b(?:mounted|mount(?:s|ing)?|goes|go|shows? up|appear(?:s|ing)?|available|visible"
    rf"|attached|attach|put|sits?|lives?|belongs)?\s*(?:it|them|that|this|each)?\s*"
    rf"\b(?P<cue>at|on|onto|under|as|to|in|into|path|point|mountpoint)\b|->|=>|→|@|:"
    rf"|\bmount(?:ed)?\b)\s*[:=]?\s*[\"'(]?(?P<p>{PATH})",
    re.IGNORECASE,
)
MOUNT_LEFT = re.compile(
    rf"(?P<p>{PATH})\s*(?:<-|<=|←|=|:|\bis\b|\bfrom\b|\bcomes from\b|\bmaps to\b"
    rf"|\bfor\b)\s*(?:the |a |our |nfs |bucket )*$",
    re.IGNORECASE,
)
OPTION = re.compile(
    r"(?<![\w-])(?:--?)?(?P<o>implicit[-_]dirs|file-mode[= ]\d+|dir-mode[= ]\d+|uid=\d+"
    r"|gid=\d+|only-dir[= ][\w/-]+|o=?\s?ro)\b"
)
READ_ONLY = re.compile(r"\bread[- ]?only\b|\bro\b", re.IGNORECASE)


@dataclass
class _Place:
    """Something to be mounted, and where it stands in the normal text."""

    start: int
    end: int
    volume: Volume | None = None
    disk: Disk | None = None


def read_storage(page: Page) -> None:
    """Fill the draft's volumes, disks and boot disk."""
    places = _buckets(page) + _nfs(page) + _existing_disks(page)
    _boot_disk(page)
    places += _new_disks(page)
    if page.before is None and not any(p.volume and p.volume.kind == "gcs" for p in places):
        places += _unnamed_bucket(page)
    places.sort(key=lambda p: p.start)
    for i, place in enumerate(places):
        end = places[i + 1].start if i + 1 < len(places) else len(page.norm)
        begin = places[i - 1].end if i else 0
        _mount(page, place, begin, end)
        if place.volume is not None:
            _add_volume(page, place.volume)
        elif place.disk is not None:
            page.draft.disks.append(place.disk)


def _add_volume(page: Page, volume: Volume) -> None:
    for have in page.draft.volumes:
        if have.remote == volume.remote and (
            not volume.mount or not have.mount or have.mount == volume.mount
        ):
            have.mount = have.mount or volume.mount
            have.options = have.options or volume.options
            return
    page.draft.volumes.append(volume)


def _buckets(page: Page) -> list[_Place]:
    found = []
    for match in page.find(GCS):
        remote = match["r"].rstrip("/.,*")
        quote = page.take(*match.span())
        if page.negated(match.start()):
            continue
        found.append(
            _Place(match.start(), match.end(), Volume(kind="gcs", remote=remote, quote=quote))
        )
    for pattern in BUCKET:
        for match in page.find(pattern):
            name = match["b"].lower()
            said = re.search(r"called|named|name is|[:=]", match.group(), re.I)
            if name in NOT_BUCKET or not (said or re.search(r"[\d_.-]", name)):
                continue
            quote = page.take(*match.span())
            if page.negated(match.start()) or (page.before and _aside(page, match)):
                continue
            found.append(
                _Place(match.start(), match.end(), Volume(kind="gcs", remote=name, quote=quote))
            )
    return found


def _aside(page: Page, match: re.Match[str]) -> bool:
    return (
        re.search(r"\b(?:that's|was|wrong|that is|old)\b", page.left(match.start(), 25), re.I)
        is not None
    )


def _unnamed_bucket(page: Page) -> list[_Place]:
    """A place for a bucket that is spoken of and not named: the name is asked for."""
    for match in page.find(BUCKET_WORD):
        if not page.negated(match.start()):
            quote = page.take(*match.span())
            return [_Place(*match.span(), Volume(kind="gcs", remote="", quote=quote))]
    return []


def _nfs(page: Page) -> list[_Place]:
    found = []
    for pattern in (NFS, NFS_SPLIT):
        for match in page.find(pattern):
            remote = f"{match['h']}:{match['p']}"
            quote = page.take(match.start("h"), match.end("p"))
            found.append(
                _Place(match.start(), match.end(), Volume(kind="nfs", remote=remote, quote=quote))
            )
    return found


EXISTING = re.compile(r"(?<![\w])(?:projects/[\w.:-]+/)?(?:zones|regions)/[\w-]+/disks/[\w-]*\w")
EXISTING_NAMED = re.compile(
    r"\b(?:existing|our|already have a|the)\s+(?:persistent\s+|pd\s+|zonal\s+|data\s+"
    r"|existing\s+)*disk(?:\s+(?:called|named"
    r"|is))?\s+[\"']?(?P<n>[a-z][a-z0-9]*(?:-[a-z0-9]+)+)\b",
    re.IGNORECASE,
)


def _existing_disks(page: Page) -> list[_Place]:
    found = []
    for match in page.find(EXISTING):
        quote = page.take(*match.span())
        found.append(
            _Place(match.start(), match.end(), disk=Disk(existing=match.group(), quote=quote))
        )
    if not found:
        for match in page.find(EXISTING_NAMED):
            if re.match(r"pd-|local-ssd", match["n"]):
                continue
            quote = page.take(*match.span())
            found.append(
                _Place(match.start(), match.end(), disk=Disk(existing=match["n"], quote=quote))
            )
    return found


DISK_TYPE = (
    r"(?:pd-(?:ssd|balanced|standard|extreme)|hyperdisk-(?:balanced|extreme|throughput"
    r"|ml)(?:-high-availability)?|(?:ssd|balanced|standard) (?:persistent disk|pd)"
    r"|ssd)"
)
BOOT = re.compile(
    r"\bboot(?:[ -]?(?:disks?|volume|drive))?\b(?:\s+(?:image|disk image))?|\broot (?:disk"
    r"|volume)\b",
    re.IGNORECASE,
)
BOOT_IMAGE = re.compile(
    r"\b(?:boot(?:s|ed|ing)?(?: disk)?(?: image)?|os image|vm image|image family|disk image"
    r"|os)(?:\s+(?:from|with|off|using|is|of|the|image|to be|should be"
    r"|on))*\s*[:=]?\s*[\"']?(?P<i>(?:batch-(?:debian|cos|hpc-rocky|hpc-centos|centos)[\w-]*"
    r"|(?:https://[\w./-]*/)?projects/[\w.:-]+/global/images/(?:family/)?[\w-]+))",
    re.IGNORECASE,
)
BATCH_IMAGE = re.compile(r"(?<![\w/-])(?P<i>batch-(?:debian|cos|hpc-rocky)(?:-[\w-]*\w)?)(?![\w/])")
TYPE = re.compile(rf"(?<![\w-]){DISK_TYPE}(?![\w])", re.IGNORECASE)


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


def _boot_disk(page: Page) -> None:
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
        if size.end <= match.start() and not _touches(page.norm[size.end : match.start()]):
            gap += 60
        if gap < 70 and (best is None or gap < best[0]):
            best = (gap, size)
    if best is None:
        return None
    size = best[1]
    value = max(1, round(size.value / 1024))
    return Asked(value=value, quote=page.take(size.start, size.end))


def _boot_type(page: Page, match: re.Match[str]) -> Asked[str] | None:
    start, end = page.sentence(match.start())
    for kind in page.find(TYPE):
        if not start <= kind.start() < end or _gap(kind.start(), kind.end(), match) > 25:
            continue
        before = kind.end() <= match.start()
        if before and not _touches(page.norm[kind.end() : match.start()]):
            continue
        if not before and re.search(
            r"\band\b|\bnew\b|\bplus\b", page.norm[match.end() : kind.start()]
        ):
            continue
        return Asked(value=disk_type(kind.group()), quote=page.take(*kind.span()))
    return None


def _touches(between: str) -> bool:
    """Whether two words belong together: nothing but a few plain words between them."""
    return len(between) < 20 and re.fullmatch(r"[\w -]*", between) is not None


def _gap(start: int, end: int, match: re.Match[str]) -> int:
    return max(start - match.end(), match.start() - end, 0)


LOCAL_SSD = re.compile(
    r"(?<![\w-])(?:(?P<n>\d{1,2})\s*(?:x\s*)?)?(?:nvme\s+)?local[- ]?ssds?(?:\s+(?:disks?"
    r"|drives?))?\b",
    re.IGNORECASE,
)
NEW_DISK = re.compile(
    rf"(?<![\w-])(?P<t>{DISK_TYPE}(?:\s+(?:data\s+)?disks?)?|(?:(?:new|extra|additional|second"
    rf"|fresh|scratch|data|persistent|attached|separate|empty)\s+){{1,3}}(?P<t2>ssd "
    rf"|hdd )?disks?\b)",
    re.IGNORECASE,
)


DISK_NOUN = re.compile(r"(?<=\w)\s+(?:data\s+)?disks?$", re.IGNORECASE)


def _new_disks(page: Page) -> list[_Place]:
    found = []
    for match in page.find(LOCAL_SSD):
        if page.negated(match.start()):
            continue
        size = _nearest_size(page, match, 45)
        count = int(match["n"] or 1)
        gb = count * 375
        quote = page.take(*match.span())
        if size is not None:
            value = round(size[2] / 1024)
            total = re.match(
                r"\s*(?:in all|in total|total|altogether|combined)", page.right(size[1]), re.I
            )
            gb = value if total or value >= gb else value * count
            page.take(size[0], size[1])
        found.append(
            _Place(match.start(), match.end(), disk=Disk(type="local-ssd", size_gb=gb, quote=quote))
        )
    for match in page.find(NEW_DISK):
        if page.negated(match.start()) or re.search(
            r"\bboot\W*$", page.left(match.start(), 12), re.I
        ):
            continue
        size = _nearest_size(page, match, 30)
        if size is None and match["t"].lower() in ("ssd",):
            continue
        disk = Disk(type=disk_type(DISK_NOUN.sub("", match["t"])), quote=page.take(*match.span()))
        if size is not None:
            disk.size_gb = max(1, round(size[2] / 1024))
            page.take(size[0], size[1])
        found.append(_Place(match.start(), match.end(), disk=disk))
    return _joined(page, found)


def _joined(page: Page, places: list[_Place]) -> list[_Place]:
    """Join mentions that complete one another: "a scratch disk, pd-ssd, 500 GB" is one."""
    result: list[_Place] = []
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


def _nearest_size(page: Page, match: re.Match[str], width: int) -> tuple[int, int, float] | None:
    start, end = page.sentence(match.start())
    best = None
    for size in page.sizes:
        if start <= size.start < end and page.is_free(size.start, size.end):
            gap = _gap(size.start, size.end, match)
            if re.match(r"\s*(?:of )?(?:ram|memory)\b", page.right(size.end), re.I):
                continue
            if gap <= width and (best is None or gap < best[0]):
                best = (gap, (size.start, size.end, size.value))
    return best[1] if best else None


def _mount(page: Page, place: _Place, begin: int, end: int) -> None:
    """Find where a thing is mounted: behind it, else just before it."""
    target = place.volume or place.disk
    assert target is not None  # noqa: S101 - a place holds one of the two
    stop = min(end, _mount_reach(page, place, end))
    match = MOUNT_RIGHT.search(page.norm, place.end, stop)
    if match is not None and page.is_free(*match.span("p")):
        target.mount = match["p"].rstrip("/")
        page.take(*match.span("p"))
    else:
        left = page.norm[max(begin, page.sentence(place.start)[0]) : place.start]
        before = MOUNT_LEFT.search(left)
        offset = place.start - len(left)
        if before and page.is_free(offset + before.start("p"), offset + before.end("p")):
            target.mount = before["p"].rstrip("/")
            page.take(offset + before.start("p"), offset + before.end("p"))
        else:
            _mount_before(page, place, begin, target)
    for option in OPTION.finditer(page.norm, place.end, stop):
        if page.is_free(*option.span()):
            page.take(*option.span())
            target.options.append(option["o"].replace("_", "-"))
    start = max(begin, page.sentence(place.start)[0])
    for option in READ_ONLY.finditer(page.norm, start, stop):
        if page.is_free(*option.span()):
            page.take(*option.span())
            target.options.append(
                "ro" if place.disk or (place.volume and place.volume.kind == "nfs") else "-o ro"
            )


def _mount_before(page: Page, place: _Place, begin: int, target: Volume | Disk) -> None:
    """As in "on /mnt/x mount the bucket foo": a path that an earlier word of mounting gives."""
    start = max(begin, page.sentence(place.start)[0])
    pattern = re.compile(
        rf"\b(?:on|at|under)\s+(?P<p>{PATH})[^.;\n]{{0,30}}\b(?:mount|goes|put|is|comes"
        rf"|attach)\w*\b[^.;\n]{{0,30}}$",
        re.I,
    )
    match = pattern.search(page.norm[start : place.start])
    if match and page.is_free(start + match.start("p"), start + match.end("p")):
        target.mount = match["p"].rstrip("/")
        page.take(start + match.start("p"), start + match.end("p"))


def _mount_reach(page: Page, place: _Place, end: int) -> int:
    """The end of the sentence, or of the next one where it says "mount it"."""
    _, stop = page.sentence(place.end - 1)
    if not MOUNT_RIGHT.search(page.norm, place.end, min(stop, end)) and stop < end:
        _, after = page.sentence(min(stop, len(page.norm) - 1))
        if re.search(
            r"\b(?:mount|attach|goes|should be|put|want)\w*\s+(?:it|that|this|them|the bucket"
            r"|the disk|the share)\b|\bit (?:goes|must be|should be)\b",
            page.norm[stop:after],
            re.I,
        ):
            return after
    return stop
