"""A later turn on images: another one, or another tag of the one that is there."""

from __future__ import annotations

import re

from components.parse_intent.draft import Asked, Step
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.read_images import DIGEST, IMAGE, TAG

NEW_IMAGE = Pattern(
    rf"(?<![\w/@.:=-])(?P<name>[a-z0-9][\w./-]*)?(?P<tag>{TAG}{DIGEST}?|{DIGEST})(?![\w/:@])"
)
NEW_TAG = Pattern(
    r"\b(?:tag|version|image)\b(?: (?:tag|version|of|is|to|the|image|it|container|should be|now"
    r"|called|named))*\s*[:=]?\s*[\"']?"
    r"(?P<t>v?\d(?:[\w.-]*\w)?|latest|nightly|stable|edge)(?![\w/:])",
    re.IGNORECASE,
)


def other_image(page: Page, step: Step, start: int, end: int) -> bool:
    """Give a container the image or the tag that some words name; false where they name none."""
    if step.kind != "container" or step.image is None:
        return False
    whole = IMAGE.search(page.norm, start, end)
    if whole is not None and page.is_free(*whole.span()) and "/" in whole["image"]:
        value = whole["image"].rstrip(".,")
        step.image = Asked(value=value, quote=page.take(*whole.span()))
        return True
    return retagged(page, [step], start, end)


def retagged(page: Page, steps: list[Step], start: int, end: int) -> bool:
    """Give images the tag that the words name: "sim:1.2", ":1.5", "tag 1.5-rc2"."""
    for match in NEW_IMAGE.finditer(page.norm, start, end):
        name, tag = match["name"] or "", match["tag"].rstrip(".,")
        for step in steps:
            if step.image is None or not page.is_free(*match.span()):
                continue
            bare = base_of(step.image.value)
            if name == bare.rsplit("/", 1)[-1] or (not name and len(steps) == 1):
                step.image = Asked(value=bare + tag, quote=page.take(*match.span()))
                return True
    for match in NEW_TAG.finditer(page.norm, start, end):
        if len(steps) == 1 and steps[0].image is not None and page.is_free(*match.span()):
            bare = base_of(steps[0].image.value)
            quote = page.take(*match.span())
            steps[0].image = Asked(value=f"{bare}:{match['t'].rstrip('.')}", quote=quote)
            return True
    return False


def base_of(image: str) -> str:
    """An image without its tag or digest."""
    head, _, last = image.rpartition("/")
    last = re.split(r"[:@]", last)[0]
    return f"{head}/{last}" if head else last
