"""Where a later turn puts a new step: before, between or behind those that are there."""

from __future__ import annotations

import re

from components.parse_intent.draft import Step
from components.parse_intent.offline.edit_steps import ONE, refs_in
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.vocabulary import ORDINALS

BETWEEN = re.compile(
    r"\b(?:in between|between (?:the 2|them|both|those|these|the steps|the))\b", re.I
)
AT_FRONT = re.compile(
    r"\b(?:before (?:that|it|this|everything|all|any|the (?:main|actual|real|rest|work|command"
    r"|script"
    r"|container|task|job|other)|anything)|first(?:ly)?(?! (?:step|1|half))|beforehand"
    r"|at the (?:very )?"
    r"(?:start|beginning|front)|up front|to (?:start|begin) with|as (?:a|the) first|prepend"
    r"|first step|precede[ds]?)\b",
    re.IGNORECASE,
)
AT_END = re.compile(
    r"\b(?:after (?:that|it|this|everything|all|the (?:main|actual|last|work|command|script"
    r"|container"
    r"|task|job|other))|afterwards?|then|finally|at the (?:very )?end|lastly|last step|final step"
    r"|append|when (?:that's|it's|everything is|all is) (?:done|finished)|in the end|follow(?:ed"
    r"|s)?)\b",
    re.IGNORECASE,
)
AS_NTH = re.compile(
    rf"\b(?:a|as|as the|the new|new) (?P<o>{'|'.join(ORDINALS)}) {ONE}\b"
    rf"|\bas {ONE} (?P<n>\d{{1,2}})\b",
    re.IGNORECASE,
)
NEXT_TO = re.compile(
    r"\b(?P<w>before|after|following|ahead of|behind)\s+(?:the |our )?$", re.IGNORECASE
)


def place_of(page: Page, new: Step, have: list[Step]) -> int | None:
    """The place of a new step among those that are there; None where the words do not say."""
    span = _span(page, new)
    if span is None:
        return None
    start, end = span
    first, last = page.sentence(start)
    spans = [(page.at(p.start), page.at(p.end)) for p in page.payloads]
    left = max([first, *(b for _, b in spans if b <= start)])
    right = min([max(last, end), *(a for a, _ in spans if a >= end)])
    place = _told(page, left, start, have, nearest=-1)
    return place if place is not None else _told(page, end, right, have, nearest=0)


def _span(page: Page, new: Step) -> tuple[int, int] | None:
    """The place of a step's command, else of its image, in the normal text."""
    for payload in page.payloads:
        if new.text is not None and payload.quote == new.text.quote:
            return page.at(payload.start), page.at(payload.end)
    if new.image is not None and new.image.quote:
        at = page.turn.find(new.image.quote)
        if at >= 0:
            return page.at(at), page.at(at + len(new.image.quote))
    return None


def _told(page: Page, start: int, end: int, have: list[Step], nearest: int) -> int | None:
    """The place that some words name; of several the one nearest to the command."""
    said = page.norm[start:end]
    nth = AS_NTH.search(said)
    if nth is not None:
        at = int(nth["n"]) if nth["n"] else ORDINALS[nth["o"].lower()]
        return min(max(at - 1, 0), len(have))
    for ref in refs_in(page, have, start, end):
        beside = NEXT_TO.search(page.norm[max(start, ref.start - 24) : ref.start])
        if beside is not None:
            page.take(ref.start, ref.end)
            return ref.index if beside["w"].lower() in ("before", "ahead of") else ref.index + 1
    if BETWEEN.search(said) and len(have) > 1:
        return 1
    marks = [(m.start(), 0) for m in AT_FRONT.finditer(said)]
    marks += [(m.start(), len(have)) for m in AT_END.finditer(said)]
    return sorted(marks)[nearest][1] if marks else None
