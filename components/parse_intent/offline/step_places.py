"""Where a later turn puts a new step: before, between or behind those that are there."""

from __future__ import annotations

import re

from components.parse_intent.draft import Step
from components.parse_intent.offline.edit_steps import Ref, refs_in
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.step_names import ONE
from components.parse_intent.offline.vocabulary import ORDINALS

Span = tuple[int, int]
BETWEEN = Pattern(r"\b(?:in between|between (?:the 2|them|both|those|these|the steps|the))\b", re.I)
AT_FRONT = Pattern(
    r"\b(?:before (?:that|it|this|everything|all|any|the (?:main|actual|real|rest|work|command"
    r"|script"
    r"|container|task|job|other)|anything)|first(?:ly)?(?! (?:step|1|half))|beforehand"
    r"|at the (?:very )?"
    r"(?:start|beginning|front)|up front|to (?:start|begin) with|as (?:a|the) first|prepend"
    r"|first step|precede[ds]?)\b",
    re.IGNORECASE,
)
AT_END = Pattern(
    r"\b(?:after (?:that|it|this|them|everything|all|the (?:main|actual|last|work|command|script"
    r"|container"
    r"|task|job|other))|afterwards?|then|finally|at the (?:very )?end|lastly|last step|final step"
    r"|append|when (?:that's|it's|everything is|all is) (?:done|finished)|in the end|follow(?:ed"
    r"|s)?)\b",
    re.IGNORECASE,
)
AS_NTH = Pattern(
    rf"\b(?:a|as|as the|the new|new) (?P<o>{'|'.join(ORDINALS)}) {ONE}\b"
    rf"|\bas {ONE} (?P<n>\d{{1,2}})\b",
    re.IGNORECASE,
)
NEXT_TO = Pattern(
    r"\b(?P<w>before|after|following|ahead of|behind)\s+(?:the |our )?$", re.IGNORECASE
)


def places_of(page: Page, new: list[Step], have: list[Step]) -> list[int | None]:
    """The place of each new step among those that are there; None where the words do not say."""
    refs = refs_in(page, have, 0, len(page.norm))
    spans = [(page.at(p.start), page.at(p.end)) for p in page.payloads]
    quoted = {p.quote: span for p, span in reversed(list(zip(page.payloads, spans, strict=True)))}
    return [_place(page, _span(page, step, quoted), spans, refs, len(have)) for step in new]


def _span(page: Page, new: Step, quoted: dict[str, Span]) -> Span | None:
    """The place of a step's command, else of its image, in the normal text."""
    if new.text is not None and new.text.quote in quoted:
        return quoted[new.text.quote]
    at = page.turn.find(new.image.quote) if new.image is not None and new.image.quote else -1
    if at < 0 or new.image is None:
        return None
    return page.at(at), page.at(at + len(new.image.quote))


def _place(
    page: Page, span: Span | None, spans: list[Span], refs: list[Ref], size: int
) -> int | None:
    if span is None:
        return None
    start, end = span
    first, last = page.sentence(start)
    left = max([first, *(b for _, b in spans if b <= start)])
    right = min([max(last, end), *(a for a, _ in spans if a >= end)])
    place = _told(page, (left, start), refs, size, nearest=-1)
    return place if place is not None else _told(page, (end, right), refs, size, nearest=0)


def _told(page: Page, span: Span, refs: list[Ref], size: int, nearest: int) -> int | None:
    """The place among `size` steps that some words name; of several the nearest to the command."""
    start, end = span
    said = page.norm[start:end]
    nth = AS_NTH.search(said)
    if nth is not None:
        at = int(nth["n"]) if nth["n"] else ORDINALS[nth["o"].lower()]
        return min(max(at - 1, 0), size)
    for ref in [ref for ref in refs if start <= ref.start < end]:
        beside = NEXT_TO.search(page.norm[max(start, ref.start - 24) : ref.start])
        if beside is not None:
            page.take(ref.start, ref.end)
            return ref.index if beside["w"].lower() in ("before", "ahead of") else ref.index + 1
    if BETWEEN.search(said) and size > 1:
        return 1
    marks = [(m.start(), 0) for m in AT_FRONT.finditer(said)]
    marks += [(m.start(), size) for m in AT_END.finditer(said)]
    return sorted(marks)[nearest][1] if marks else None
