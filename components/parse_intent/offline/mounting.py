"""Where a bucket, a share or a disk is mounted, and with which options."""

from __future__ import annotations

import re
from dataclasses import dataclass

from components.parse_intent.draft import Disk, Volume
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern

PATH = r"/[A-Za-z0-9_.${}/-]*[A-Za-z0-9_$}]"
MOUNT_RIGHT = Pattern(
    rf"(?:\b(?:mounted|mount(?:s|ing)?|goes|go|shows? up|appear(?:s|ing)?|available|visible"
    rf"|attached|attach|put|sits?|lives?|belongs)?\s*(?:it|them|that|this|each)?\s*"
    rf"\b(?P<cue>at|on|onto|under|as|to|in|into|path|point|mountpoint|via|through)\b"
    rf"|\((?:[\w -]{{1,20}}, ?)?|->|=>|→|@|:"
    rf"|\bmount(?:ed)?\b)\s*[:=]?\s*[\"'(]?(?P<p>{PATH})",
    re.IGNORECASE,
)
MOUNT_LEFT = Pattern(
    rf"(?P<p>{PATH})\s*(?:\(|<-|<=|←|=|:|\b(?:should|must|will) (?:be|hold|contain|show|have)\b"
    rf"|\b(?:holds|contains|shows|is|being|means|is where)\b|,? (?:which|that|where) (?:is"
    rf"|holds|has|shows)\b"
    rf"|\bfrom\b|\bcomes from\b|\bmaps to\b"
    rf"|\bfor\b)\s*(?:the |a |an |our |my |nfs |bucket |export |share |filestore |server "
    rf"|gcs |disk "
    rf"|mounted |from |called |named |new |existing |path )*$",
    re.IGNORECASE,
)
OPTION = Pattern(
    r"(?<![\w-])(?:--?)?(?P<o>implicit[-_]dirs|file-mode[= ]\d+|dir-mode[= ]\d+|uid=\d+"
    r"|gid=\d+|only-dir[= ][\w/-]+|o=?\s?ro)\b"
)
READ_ONLY = Pattern(r"\bread[- ]?only\b|\bro\b", re.IGNORECASE)


@dataclass
class Place:
    """Something to be mounted, and where it stands in the normal text."""

    start: int
    end: int
    volume: Volume | None = None
    disk: Disk | None = None


def find_mount(page: Page, place: Place, begin: int, end: int) -> None:
    """Find where a thing is mounted: behind it, else just before it."""
    target = place.volume or place.disk
    assert target is not None  # noqa: S101 - a place holds one of the two
    stop = min(end, _mount_reach(page, place, end))
    match = MOUNT_RIGHT.search(page.norm, place.end, stop)
    there = None if match else _there(page, place, stop)
    if there:
        target.mount = there
    elif match is not None and page.is_free(*match.span("p")):
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


def _there(page: Page, place: Place, stop: int) -> str:
    """The path named just before, where a thing is mounted "there"."""
    if not re.search(r"\bthere\b", page.norm[place.end : min(stop, place.end + 40)], re.IGNORECASE):
        return ""
    paths = re.findall(PATH, page.norm[max(0, place.start - 100) : place.start])
    return str(paths[-1]).rstrip("/") if paths else ""


def _mount_before(page: Page, place: Place, begin: int, target: Volume | Disk) -> None:
    """As in "on /mnt/x mount the bucket foo": a path that an earlier word of mounting gives."""
    start = max(begin, page.sentence(place.start)[0])
    pattern = re.compile(
        rf"\b(?:on|at|under)\s+(?P<p>{PATH})[^.;\n]{{0,30}}\b(?:mount|goes|put|is|comes"
        rf"|attach|want|need|like|expect|have|see|find)\w*\b[^.;\n]{{0,30}}$",
        re.I,
    )
    match = pattern.search(page.norm[start : place.start])
    if match and page.is_free(start + match.start("p"), start + match.end("p")):
        target.mount = match["p"].rstrip("/")
        page.take(start + match.start("p"), start + match.end("p"))


def _mount_reach(page: Page, place: Place, end: int) -> int:
    """The end of the sentence, or of the next one where it says "mount it"."""
    _, stop = page.sentence(place.end - 1)
    if not MOUNT_RIGHT.search(page.norm, place.end, min(stop, end)) and stop < end:
        _, after = page.sentence(min(stop, len(page.norm) - 1))
        if re.search(
            r"\b(?:mount|attach|goes|should be|put|want)\w*\s+(?:it|that|this|them|the bucket"
            r"|the disk|the share)\b|\bmount(?: ?(?:path|point|dir))?\s*[:=]|\bit (?:goes|must be"
            r"|should be)\b|^\s*(?:please )?(?:mount|attach)\b[^.;\n]{0,30}\b(?:at|on|under|to)\s/",
            page.norm[stop:after],
            re.I,
        ):
            return after
    return stop
