"""A later turn on what is mounted: where, whether read-only, and which of several is meant."""

from __future__ import annotations

import re
from collections.abc import Sequence

from components.parse_intent.draft import Disk, Draft, Volume
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.vocabulary import ORDINALS, words


def edit_mounts(page: Page, draft: Draft) -> None:
    """Mount what is named at another place, in place."""
    _mount_buckets(page, draft)
    _move_mount(page, draft)


READ_ONLY = Pattern(
    r"\bread[- ]?only\b|\bro\b|\b(?P<w>writ(?:e?able)|read[- ]write|rw)\b", re.IGNORECASE
)
MOUNT_AT = Pattern(
    r"\b(?:mount(?:ed|ing|s)?|mount ?(?:point|path))\b[^.;\n]{0,30}?\b(?:at|on|under|to|as|is"
    r"|be)\s+(?P<p>/[\w./-]*\w)",
    re.IGNORECASE,
)


MOUNT_NAMED = Pattern(
    r"\bmount (?:the )?[\"']?(?P<n>[a-z0-9][a-z0-9_]*(?:[-.][a-z0-9_]+)+)[\"']? (?:at|to|on|onto"
    r"|under|in"
    r"|as) (?P<p>/[\w./-]*\w)"
)


def _mount_buckets(page: Page, draft: Draft) -> None:
    """As in "mount furnace-out at /mnt/out as well", where buckets are mounted already."""
    if not any(volume.kind == "gcs" for volume in draft.volumes):
        return
    for match in page.find(MOUNT_NAMED):
        same = [volume for volume in draft.volumes if volume.remote == match["n"]]
        quote = page.take(*match.span())
        if same:
            same[0].mount, same[0].quote = match["p"], quote
        else:
            draft.volumes.append(
                Volume(kind="gcs", remote=match["n"], mount=match["p"], quote=quote)
            )


TWO_PATHS = Pattern(
    r"(?<![\w./-])(?P<old>/[\w./-]*\w)(?: (?:should|must|has to|needs to))?"
    r"(?: (?:be|become|go|is|now|move[sd]?|over|from|mount(?:ed)?)){0,3}"
    r"(?: (?:to|at|on|under|into)| ?->| ?=>)? (?P<new>/[\w./-]*\w)(?:/)?(?![\w/])"
    r"|(?P<after>/[\w./-]*\w) (?:instead of|rather than|not|in place of) (?P<was>/[\w./-]*\w)",
    re.IGNORECASE,
)


BY_PART = Pattern(
    r"\bthe (?P<w>[a-z][\w-]*) (?:bucket|1|volume|mount|share|disk)\b[^.;\n/]{0,40}?"
    r"\b(?:at|on|under|to|be|in|onto) (?P<p>/[\w./-]*\w)",
    re.IGNORECASE,
)


def move_known(page: Page, draft: Draft) -> None:
    """As in "mount the second bucket at /mnt/out", so that it is not read as a new bucket."""
    mounted: list[Volume | Disk] = [*draft.volumes, *draft.disks]
    for match in page.find(BY_PART) if len(mounted) > 1 else ():
        meant = meant_by(match.group().partition("/")[0], mounted)
        if len(meant) == 1 and not page.negated(match.start()):
            meant[0].mount = match["p"].rstrip("/")
            start = page.clause(match.start())[0]
            meant[0].quote = page.take(match.start(), match.end())
            page.take(start, match.end())


def _move_mount(page: Page, draft: Draft) -> None:
    """As in "mount it at /mnt/input instead", "/mnt/a should be /mnt/b": what is mounted moves."""
    mounted: list[Volume | Disk] = [*draft.volumes, *draft.disks]
    for match in page.find(TWO_PATHS):
        old, new = match["old"] or match["was"], match["new"] or match["after"]
        there = [thing for thing in mounted if thing.mount == old.rstrip("/")]
        if len(there) == 1:
            there[0].mount = new.rstrip("/")
            there[0].quote = page.take(*match.span())
    if page.draft.volumes or page.draft.disks:
        return
    for match in page.find(MOUNT_AT):
        target = mounted[0] if len(mounted) == 1 else _meant(page, match.start(), mounted)
        if target is not None:
            target.mount = match["p"].rstrip("/")
            target.quote = page.take(*match.span())
    for match in page.find(READ_ONLY):
        target = _meant(page, match.start(), mounted)
        if target is not None:
            others = [option for option in target.options if option not in ("ro", "rw")]
            off = page.negated(match.start()) or match["w"]
            target.options = others if off else ["ro", *others]
            page.take(*match.span())


NOT_NAMES = frozenset(
    words(
        """
        mount mounts mounted mounting bucket buckets disk disks volume share instead one the should
        mnt disks point path now and not read only for from also data
        """
    )
)


def meant_by(said: str, things: Sequence[Volume | Disk]) -> list[Volume | Disk]:
    """The mounted things that some words name by name or path, a part of it, or their place."""
    spoken = {w for w in re.findall(r"[a-z0-9][\w-]*", said.lower()) if len(w) > 2} - NOT_NAMES
    whole = [thing for thing in things if spoken & _names_of(thing)]
    if whole:
        return whole
    alike = [
        thing
        for thing in things
        if any(
            word.startswith(name) or (len(word) > 3 and name.startswith(word))
            for word in spoken
            for name in _names_of(thing) - NOT_NAMES
        )
    ]
    if alike:
        return alike
    place = NTH.search(said)
    if place is None or len(things) < 2:
        return []
    word = place["o"].lower()
    index = len(things) if word in ("last", "final") else ORDINALS[word]
    return list(things[index - 1 : index])


NTH = Pattern(
    rf"\bthe (?P<o>{'|'.join([*ORDINALS, 'last'])}) (?:1|bucket|volume|mount|disk|share)\b",
    re.IGNORECASE,
)


def _meant(page: Page, at: int, mounted: list[Volume | Disk]) -> Volume | Disk | None:
    """The mounted thing that a clause names; else the one that there is."""
    named = meant_by(page.norm[slice(*page.clause(at))], mounted)
    if len(named) == 1:
        return named[0]
    return mounted[0] if len(mounted) == 1 else None


def _names_of(thing: Volume | Disk) -> set[str]:
    name = thing.remote if isinstance(thing, Volume) else thing.existing or thing.device
    tails = [text.rstrip("/").rsplit("/", 1)[-1].lower() for text in (name, thing.mount) if text]
    return {part for tail in tails for part in (tail, *re.split(r"[-_.]", tail)) if len(part) > 2}
