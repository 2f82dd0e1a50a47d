"""Buckets, NFS shares and disks, with where each is mounted."""

from __future__ import annotations

import re

from components.parse_intent.draft import Volume
from components.parse_intent.offline.mounting import Place, find_mount
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.plain_disk import is_boot_disk, plain_disk
from components.parse_intent.offline.read_disks import existing_disks, new_disks, read_boot_disk
from components.parse_intent.offline.vocabulary import words

GCS = Pattern(r"(?<![\w/])gs://(?P<r>[a-z0-9][\w.-]{1,62}(?:/[^\s,;)\"'`>\ue000]*)?)")
BUCKET_NAME = r"[a-z0-9][a-z0-9_.-]{1,61}[a-z0-9]"
BUCKET = [
    Pattern(
        rf"\b(?:gcs |storage |google |cloud storage |gs |input |output |data "
        rf"|source )?bucket(?:s)?(?:\s+(?:is|called|named|name is|name)"
        rf"|\s*[:=])?(?:\s+|(?<=[:=]))[\"']?(?P<b>{BUCKET_NAME}(?:/[\w.-]*\w)*)(?![\w-]|/\w)",
        re.IGNORECASE,
    ),
    Pattern(
        rf"(?<![\w./-])(?P<b>{BUCKET_NAME})[\"']?\s+\(?(?:is )?(?:(?:a|the|our|my) )?(?:gcs "
        rf"|storage )?bucket\b",
        re.IGNORECASE,
    ),
    Pattern(
        rf"\bbucket (?:for|on|at|under|behind|in|to go (?:to|on)|to mount (?:at"
        rf"|on)) [\"']?/[\w./-]{{1,200}}[\"']?"
        rf"(?: (?:is|called|named|will be|should be))+ [\"']?(?P<b>{BUCKET_NAME})(?![\w/-])",
        re.IGNORECASE,
    ),
]
# In a later turn "the bucket" mostly is the one that is known.
ONE_MORE_BUCKET = Pattern(
    r"\b(?:add|mount|attach|include|plus|need)\b[^.;\n]{0,25}\b(?:another|second|new|1 more|our"
    r"|my|usual"
    r"|other|shared)\b[^.;\n]{0,20}\bbucket\b",
    re.IGNORECASE,
)
# "mount ref-data at /ref and out-data at /out": what is mounted by a bare name is a bucket
MOUNTED = Pattern(
    r"(?<![\w./@:$-])[\"']?(?P<b>[a-z0-9]{1,40}(?:[-_][a-z0-9.]{1,40}){1,8})[\"']?(?:,?"
    r" ?(?:\(?(?:ro|read[- ]?only)\)? ?)?"
    r"(?:(?P<m>(?:(?:is|are|be|gets|should|must|to|goes|shall|will) ){0,3}mounted )?(?:goes "
    r"|should be )?"
    r"(?:at|on|onto|under|to|in|into)|->|=>|\u2192|:) ?[\"']?/[\w])",
    re.IGNORECASE,
)
OWN_CLAUSE = Pattern(r"(?:^|[,;.:\n(]|\band)\s*(?:[-*] )?$")  # ", scratch-a at /mnt/s"
BUCKET_LIKE = Pattern(r"bucket|bkt|gcs")
OF_BUCKETS = Pattern(r"\b(?:buckets?|mount(?:s|ed|ing)?|volumes?|gcs)\b", re.IGNORECASE)
NO_BUCKETS = Pattern(
    r"\b(?:disks?|ssds?|nfs|filestore|docker|container|host|bind|share)\b", re.IGNORECASE
)
FIRST_BUCKET = Pattern(
    r"\b(?:mount|attach|add|needs?|use)\b[^.;\n]{0,25}\b(?:the|our|my|that|a)\b[^.;\n/]{0,20}"
    r"\bbuckets?\b",
    re.IGNORECASE,
)
BUCKET_WORD = Pattern(r"(?<![\w-])(?:gcs |storage )?buckets?(?![\w-])", re.IGNORECASE)
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
NFS = Pattern(
    r"(?<![\w.:/-])(?P<h>(?:\d{1,3}\.){3}\d{1,3}|[a-z][\w-]*(?:\.[\w-]+)+"
    r"|[a-z][\w-]*(?=:/[\w]))\s?:\s?(?P<p>/[\w./-]*\w)(?!\w*:)",
    re.IGNORECASE,
)
NFS_SPLIT = Pattern(
    r"\b(?:nfs|filestore)\b[^.;\n]{0,40}?(?P<h>(?:\d{1,3}\.){3}\d{1,3})[^;\n]{0,30}?(?:share"
    r"|export|path|directory)?\s*(?P<p>/[\w./-]*\w)",
    re.IGNORECASE,
)


def read_storage(page: Page) -> None:
    """Fill the draft's volumes, disks and boot disk."""
    places = _buckets(page) + _nfs(page) + existing_disks(page)
    read_boot_disk(page)
    places += new_disks(page)
    if not any(p.volume and p.volume.kind == "gcs" for p in places):
        places += _unnamed_bucket(page)
    places.sort(key=lambda p: p.start)
    aliases = {id(place.volume): _alias(page, place) for place in places}
    plain = None if any(place.disk for place in places) else plain_disk(page)
    if plain is not None:
        places = sorted([*places, plain], key=lambda p: p.start)
    for i, place in enumerate(places):
        end = places[i + 1].start if i + 1 < len(places) else len(page.norm)
        begin = places[i - 1].end if i else 0
        find_mount(page, place, begin, end)
        if place.volume is not None:
            _add_volume(page, place.volume)
        elif place.disk is not None and not is_boot_disk(page, place):
            page.draft.disks.append(place.disk)
    _mounted_elsewhere(page)
    if page.before is None:
        _mounts_of_commands(page, aliases)


ALIAS = Pattern(r"(?<![\w/-])(?P<a>[A-Za-z][\w-]{0,30})\s*(?:=|:|is|->|=>|from|in)\s*$")
IN_COMMAND = Pattern(r"(?<![\w.])/(?:mnt/disks|mnt|gcs|media|srv)/[\w.-]*\w(?=[/\s\"';)]|$)")


def _alias(page: Page, place: Place) -> str:
    """What the person calls a bucket or a share: "idx" in "idx = gs://genome-index"."""
    match = ALIAS.search(page.left(place.start, 40))
    return match["a"].lower() if match else ""


# "a bucket called x. It holds the photos. Mount the bucket under /mnt/x": words apart from the name
ELSEWHERE = Pattern(
    r"\b(?:(?:mount|attach|put|want|need|have|see|get|expect)\w* (?:the|this|that|my|our) "
    r"|the |this |that |our )"
    r"(?:bucket|data|files|folder|storage)(?: [\w']+){0,4}? (?:at|on|under|to|as|in"
    r"|into) [\"']?(?P<p>/[\w./-]*\w)",
    re.IGNORECASE,
)


def _mounted_elsewhere(page: Page) -> None:
    """The mount of the one bucket that has none, where a later sentence tells it."""
    bare = [volume for volume in page.draft.volumes if volume.kind == "gcs" and not volume.mount]
    if len(bare) != 1:
        return
    for match in page.find(ELSEWHERE, free=False):
        if page.is_free(*match.span("p")) and not page.negated(match.start()):
            page.take(*match.span("p"))
            bare[0].mount = match["p"]
            return


def _mounts_of_commands(page: Page, aliases: dict[int, str]) -> None:
    """Where no mount is named, the paths that the commands use tell where they look for it."""
    text = "\n".join(payload.text for payload in page.payloads)
    known = {v.mount for v in page.draft.volumes} | {d.mount for d in page.draft.disks}
    free = [p for p in dict.fromkeys(IN_COMMAND.findall(text)) if p not in known]
    bare = [volume for volume in page.draft.volumes if not volume.mount]
    for volume in bare:
        names = {aliases.get(id(volume), ""), volume.remote.rstrip("/").rsplit("/", 1)[-1].lower()}
        same = [path for path in free if path.rsplit("/", 1)[-1].lower() in names]
        if not same and len(bare) == 1 and len(free) == 1:
            same = free
        if same:
            volume.mount = same[0]
            free = [path for path in free if path != same[0]]


def _add_volume(page: Page, volume: Volume) -> None:
    for have in page.draft.volumes:
        if have.remote == volume.remote and (
            not volume.mount or not have.mount or have.mount == volume.mount
        ):
            have.mount = have.mount or volume.mount
            have.options = have.options or volume.options
            return
    page.draft.volumes.append(volume)


def _buckets(page: Page) -> list[Place]:
    found = []
    for match in page.find(GCS):
        if _unmounted(page, match):
            continue
        remote = match["r"].rstrip("/.,*")
        quote = page.take(*match.span())
        if page.negated(match.start()):
            continue
        found.append(
            Place(match.start(), match.end(), Volume(kind="gcs", remote=remote, quote=quote))
        )
    for pattern in BUCKET:
        for match in page.find(pattern):
            name = match["b"].lower()
            said = re.search(r"called|named|name is|[:=]", match.group(), re.I)
            if name in NOT_BUCKET or not (said or re.search(r"[\d_.-]", name)):
                continue
            # of "the bucket for /mnt/x is y" the path is still to be read
            span = match.span("b") if "/" in match.group() else match.span()
            quote = page.take(*span)
            if page.negated(match.start()) or (page.before and _aside(page, match)):
                continue
            found.append(Place(*span, Volume(kind="gcs", remote=name, quote=quote)))
    return found + (_mounted(page) if page.before is None else [])


def _mounted(page: Page) -> list[Place]:
    """Buckets that only their names and the words about mounting tell."""
    found = []
    for match in page.find(MOUNTED):
        name, before = match["b"], page.headed(match.start())
        cue = max((m.end() for m in OF_BUCKETS.finditer(before)), default=-1)
        told = cue >= 0 or match["m"] or OWN_CLAUSE.search(before) or BUCKET_LIKE.search(name)
        if not told or NO_BUCKETS.search(before[max(0, cue - 30) :]) or page.negated(match.start()):
            continue
        if (
            name != name.lower()
            or name in NOT_BUCKET
            or name.startswith(("pd-", "local-", "hyperdisk-"))
            or not re.search(r"[a-z0-9][-_][a-z0-9]", name)
            or name.endswith(KNOWN_FILES)
        ):
            continue
        quote = page.take(*match.span("b"))
        place = Place(*match.span("b"), Volume(kind="gcs", remote=name, quote=quote))
        found.append(place)
    return found


KNOWN_FILES = (".sh", ".py", ".r", ".txt", ".csv", ".json", ".yaml", ".yml", ".gz", ".zip", ".tar")


NO_MOUNT = Pattern(
    r"\b(?:no|not|without|never|n't|don't|needn't)(?: \w+){0,2} mount(?:ed|ing|s)?\b"
    r"|\bmount(?:ing|s)? (?:is|are) (?:not|un)\w*",
    re.IGNORECASE,
)
REACHED = Pattern(
    r"\b(?:client librar\w+|directly|itself|(?:gcs |storage |its |the )?api|gsutil|sdk|boto"
    r"|downloads?|copies|by the program)\b",
    re.IGNORECASE,
)


def _unmounted(page: Page, match: re.Match[str]) -> bool:
    """Whether the words say that a bucket is not mounted: the program goes to it by itself."""
    start, end = page.sentence(match.start())
    said = NO_MOUNT.search(page.norm, start, end)
    if said is None or not (REACHED.search(page.norm, start, end) or said.start() > match.end()):
        return False
    page.take(*match.span())
    page.take(*said.span())
    return True


def _aside(page: Page, match: re.Match[str]) -> bool:
    return (
        re.search(r"\b(?:that's|was|wrong|that is|old)\b", page.left(match.start(), 25), re.I)
        is not None
    )


def _unnamed_bucket(page: Page) -> list[Place]:
    """A place for a bucket that is spoken of and not named: the name is asked for."""
    pattern = BUCKET_WORD if page.before is None else ONE_MORE_BUCKET
    if NO_MOUNT.search(page.norm):
        return []
    if page.before is not None and not any(v.kind == "gcs" for v in page.before.volumes):
        pattern = FIRST_BUCKET
    for match in page.find(pattern):
        if not page.negated(match.start()):
            quote = page.take(*match.span())
            return [Place(*match.span(), Volume(kind="gcs", remote="", quote=quote))]
    return []


def _nfs(page: Page) -> list[Place]:
    found = []
    for pattern in (NFS, NFS_SPLIT):
        for match in page.find(pattern):
            remote = f"{match['h']}:{match['p']}"
            quote = page.take(match.start("h"), match.end("p"))
            found.append(
                Place(match.start(), match.end(), Volume(kind="nfs", remote=remote, quote=quote))
            )
    return found
