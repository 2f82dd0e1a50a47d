"""Container images, and what goes with them: registry login, docker options, binds."""

from __future__ import annotations

import re
from dataclasses import dataclass

from components.parse_intent.draft import Asked
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.vocabulary import DOCKER_OPTIONS, PUBLIC_IMAGES

TAG = r"(?::[\w][\w.-]{0,127})"
DIGEST = r"(?:@sha256:[0-9a-fA-F]{6,64})"
HOST = r"(?:[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)+|localhost)(?::\d{2,5})?"
NAME = r"[a-z0-9][a-z0-9._-]*"
IMAGE = Pattern(
    rf"(?:(?<![\w/@.:=-])|(?<=image=)|(?<=image:)|(?<=container=)|(?<=uri=))(?:docker://"
    rf"|https?://(?=[\w.-]*(?:pkg\.dev|gcr\.io|docker\.io)))?"
    rf"(?P<image>{HOST}(?:/{NAME}){{1,6}}{TAG}?{DIGEST}?"
    rf"|{NAME}/{NAME}(?:/{NAME})?(?:{TAG}{DIGEST}?|{DIGEST})"
    rf"|{NAME}(?:{TAG}{DIGEST}|{DIGEST}))(?![\w/@])"
)
# A name with a tag (ubuntu:22.04) is an image where the words say so or the name is known.
SHORT = Pattern(rf"(?<![\w/@.:=-])(?P<image>(?P<name>{NAME})(?P<tag>{TAG}))(?![\w/@:])")
BARE = Pattern(
    rf"(?:\b(?:image|container)(?: called| named| is|:)?\s+(?P<a>{NAME}(?:/{NAME})*)"
    rf"|(?P<b>{NAME}(?:/{NAME})*)\s+(?:docker\s+|container\s+)?(?:image|container)\b)",
    re.IGNORECASE,
)
# A registry path ends with these only by mistake: hosts of other things.
NOT_REGISTRY = Pattern(r"^(?:storage\.googleapis|github|www\.|console\.|docs\.)")
FILE_END = Pattern(r"\.(?:sh|py|csv|json|txt|yaml|yml|tar|gz|zip|bam|fa|vcf|blend)$")


@dataclass(frozen=True)
class Image:
    """An image that was named, with its place in the turn."""

    pos: int
    end: int
    asked: Asked[str]


def read_images(page: Page) -> list[Image]:
    """Every image named outside of payloads."""
    found: list[Image] = []
    for pattern in (IMAGE, SHORT):
        for match in page.find(pattern):
            name = match["image"].rstrip(".,")
            if pattern is SHORT and not _short_image(page, match):
                continue
            if NOT_REGISTRY.match(name) or FILE_END.search(name) or name.startswith("projects/"):
                continue
            end = match.start("image") + len(name)
            if page.negated(match.start()):
                page.take(match.start(), end)
                continue
            found.append(_image(page, match.start(), end, name))
    if not found:
        for match in page.find(BARE):
            group = "a" if match["a"] else "b"
            name = match[group].lower()
            if name in PUBLIC_IMAGES:
                found.append(_image(page, *match.span(group), name))
                break
    found.sort(key=lambda image: image.pos)
    return _once(found)


def _image(page: Page, start: int, end: int, name: str) -> Image:
    quote = page.take(start, end)
    begin, stop = page.words.original_span(start, end)
    return Image(begin, stop, Asked(value=name, quote=quote))


def _once(images: list[Image]) -> list[Image]:
    seen: set[str] = set()
    result = []
    for image in images:
        if image.asked.value not in seen:
            result.append(image)
            seen.add(image.asked.value)
    return result


def _short_image(page: Page, match: re.Match[str]) -> bool:
    name, tag = match["name"], match["tag"][1:]
    if name in PUBLIC_IMAGES:
        return True
    if tag.isdecimal() and "." not in tag and not re.search(r"[a-z]", name):
        return False  # 10:30
    cue = re.search(r"\b(?:images?|containers?|docker)\b", page.left(match.start(), 30), re.I)
    return cue is not None and not re.match(r"image|container|docker", name, re.I)


USER = Pattern(
    r"\b(?:(?:log ?in|login|authenticate|sign in)(?:\s+(?:as|with|is|user|name)"
    r"|\s*[:=])?\s+(?:the\s+)?"
    r"(?:user(?:name)?\s+)?(?!(?:to|at|on|into|the|a|for|in|with|as|user|and|is|by|using|needed)\b)"
    r"|user(?:name)?\s*(?:is|:|=)?\s+)(?P<user>[\w.+-]+)",
    re.IGNORECASE,
)
OPTION = Pattern(
    r"(?<!\S)(?P<o>--[a-z][a-z-]+(?:[= ](?!(?:and|or|with|please|for|on|in|to"
    r"|so)\b)[\w.:/=,@%+-]*[\w/])?)"
    r"(?=[\s.,;)]|$)"
)
OPTION_CUE = Pattern(
    r"docker run|(?:docker|container|run) (?:option|flag|arg)|\boptions?\b", re.IGNORECASE
)
BIND = Pattern(r"(?<![\w:])(?P<b>/[\w./-]+:/[\w./-]+(?::r[ow])?)(?![\w:/])")
BIND_SAME = Pattern(
    r"\b(?:bind|map|mount|expose|share|sees?|finds?"
    r"|pass)(?:-?mount)?\s+(?:the\s+)?(?:host(?:'s)?\s+)?(?:director(?:y|ies)\s+|folder\s+"
    r"|path\s+)?"
    r"(?P<a>/[\w./-]*\w)(?P<w>[^.;\n]{0,60}?)(?:same\s+(?:path|place|location|directory)"
    r"|(?:to|as|at|onto|into|->)\s+(?P<b>/[\w./-]*\w))",
    re.IGNORECASE,
)
AND_BIND = Pattern(
    r"(?:,| and|, and| plus)\s+(?P<a>/[\w./-]*\w)\s+(?:to|as|at|onto|into|->)\s+(?P<b>/[\w./-]*\w)",
    re.IGNORECASE,
)
BOUND = Pattern(
    r"(?<![\w:/])(?P<a>/[\w./-]*\w) (?:(?:is|gets|should|must|has|have|needs?|to|be|being"
    r"|also|will) ){0,4}"
    r"(?:bind[- ]?mounted|bound|mapped|mounted|passed|exposed|visible|available|accessible"
    r"|seen|there|present"
    r"|appear|found|reachable)(?: through)?"
    r"(?: (?:in(?:side|to)?|to|from|for) (?:(?:the|its|that) container|it))?"
    r" (?:to|at|as|on|onto|into|under|with|by) (?:the |its )?(?:(?P<s>same (?:path|place"
    r"|location|directory|name))"
    r"|(?P<b>/[\w./-]*\w))",
    re.IGNORECASE,
)
ENTRYPOINT = Pattern(
    r"\bentry ?point\s*(?:is|:|=|of|to|should be)?\s*(?P<e>/?[\w./-]*\w)(?=[\s,.;)]|$)",
    re.IGNORECASE,
)
WORKDIR = Pattern(
    r"\b(?:work(?:ing)?[ -]?dir(?:ectory)?(?:\s+(?:is|of|being|to|at|in|set|has|must|should|be"
    r"|needs|will))*\s*[:=]?"
    r"|from (?:the )?directory"
    r"|cd (?:in)?to|in (?:the )?(?:directory|folder))\s+(?P<d>/[\w./-]*\w)",
    re.IGNORECASE,
)


BEHIND = Pattern(r"[\s\ue000]{0,9},? ?(?:in|from) (?P<d>/[\w./-]*\w)(?=[\s,.;]|$)")


SHARED_MEMORY = Pattern(
    r"(?:\bshm(?:[ _-]?size)?|/dev/shm|\bshared memory)(?: (?:of|is|to|at|size|with))*[ :=]+"
    r"(?P<n>\d{1,4}) ?(?P<u>[gm])(?:i?b|ig|igs|eg|egs)?\b",
    re.IGNORECASE,
)


def read_options(page: Page) -> Asked[str] | None:
    """Further docker run options that the words name outside of payloads."""
    found: list[str] = []
    quote = ""
    for match in page.find(OPTION):
        flag = re.split(r"[= ]", match["o"], maxsplit=1)[0]
        if flag in DOCKER_OPTIONS or OPTION_CUE.search(page.sentence_text(match.start())):
            quote = page.take(match.start("o"), match.end("o"))
            found.append(match["o"])
    for match in page.find(SHARED_MEMORY):
        if "--shm-size" not in " ".join(found):
            quote = page.take(*match.span())
            found.append(f"--shm-size={match['n']}{match['u'].lower()}")
    return Asked(value=" ".join(found), quote=quote) if found else None


def read_binds(page: Page) -> list[Asked[str]]:
    """Binds of host paths into a container, as host:container[:mode]."""
    found = list(page.find(BIND))
    binds: list[Asked[str]] = [Asked(value=m["b"], quote=page.take(*m.span())) for m in found]
    for match in page.find(BIND_SAME):
        if (
            re.match(r"mount|see|find|share", match.group(), re.I)
            and not match["b"]
            and not re.search(r"container|into", match["w"], re.I)
        ):
            continue
        target = match["b"] or match["a"]
        value = f"{match['a'].rstrip('/')}:{target.rstrip('/')}"
        binds.append(Asked(value=value, quote=page.take(*match.span())))
        also = match.re is BIND_SAME.compiled and AND_BIND.match(page.norm, match.end())
        while also:  # "bind /a to /b and /c to /d"
            value = f"{also['a'].rstrip('/')}:{also['b'].rstrip('/')}"
            binds.append(Asked(value=value, quote=page.take(*also.span())))
            also = AND_BIND.match(page.norm, also.end())
    for match in page.find(BOUND):
        value = f"{match['a']}:{match['b'] or match['a']}"
        binds.append(Asked(value=value, quote=page.take(*match.span())))
    return binds


def read_login(page: Page) -> Asked[str] | None:
    """The user that pulls the image."""
    for match in page.find(USER):
        around = page.sentence_text(match.start())
        if re.search(r"\b(?:log ?in|login|registry|pull|password|image)\b", around, re.I):
            return Asked(value=match["user"].rstrip("."), quote=page.take(*match.span()))
    return None


def read_entrypoint(page: Page) -> Asked[str] | None:
    """The program that replaces the image's own."""
    for match in page.find(ENTRYPOINT):
        if match["e"].lower() not in ("is", "and", "the", "of", "to", "args", "in"):
            return Asked(value=match["e"], quote=page.take(*match.span()))
    return None


def read_workdir(page: Page, after: int | None) -> Asked[str] | None:
    """The directory to run in; `after` is where a command ends that "in /dir" may follow."""
    for match in page.find(WORKDIR):
        return Asked(value=match["d"], quote=page.take(*match.span()))
    if after is not None:
        at = page.at(after)
        behind = BEHIND.match(page.norm, at)
        if behind and page.is_free(*behind.span("d")):
            return Asked(value=behind["d"], quote=page.take(*behind.span("d")))
    return None
