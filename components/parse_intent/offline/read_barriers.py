"""Barriers: where all tasks wait for one another between two steps, in so many words or others."""

from __future__ import annotations

import re

from components.parse_intent.draft import Asked, Step
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.step_conditions import Item

BARRIER = Pattern(
    r"\bbarriers?\b|\bsync(?:hroni[sz](?:ation|ing|e))?[- ]?points?\b|\brendez-?vous\b",
    re.IGNORECASE,
)
BARRIER_NAME = Pattern(r"^\s*(?:called|named)\s+[\"']?(?P<n>[a-z][\w-]*)", re.IGNORECASE)
ALL = (
    r"(?:all(?: (?:of )?(?:them|the|\d+))*|every(?:one|body| 1| single)?|each 1|the (?:others?"
    r"|rest)|others|each other|1 another)"
)
WHO = r"(?: (?:tasks?|nodes?|vms?|ranks?|machines?|workers?|others?|members?|of them|processes))?"
READY = (
    r"(?:[a-z]{3,14}ed|done|finish|ready|through|complete|there|over|caught up|got there"
    r"|past|up)"
)
HAVE = r"(?: (?:has|have|is|are|must|should|had|to|get|gets|be|got)){0,3}"
WAITS = Pattern(
    r"\bsync(?:hroni[sz]e)?(?: (?:here|up|them|all|the tasks))?(?=[ ]*[,.;:)\n]|$| (?:then|and))"
    rf"|\bwait(?:s|ing)?(?: here| there)? (?:for|until|till|on) {ALL}{WHO}(?:{HAVE} {READY})?\b"
    rf"|\b(?:once|when|as soon as|after|until|till|before) {ALL}{WHO}{HAVE} {READY}\b"
    rf"|\b{ALL}{WHO} (?:must|should|have to|need to)(?: have)? {READY}\b"
    rf"|\b(?:before|until|till) (?:any|anyone|anybody|1)(?: of them| task| node)?(?: \w+)? "
    r"(?:starts?|begins?|moves? on|goes on|enters?)\b",
    re.IGNORECASE,
)


def read_barriers(page: Page, work: list[Item]) -> list[Item]:
    """The barriers that a turn asks for, each at its place among the steps.

    Args:
        page: the turn.
        work: its commands and images, in their order.
    """
    named = _named(page)
    if len(named) == 1 and BETWEEN.search(page.sentence_text(page.at(named[0].start))):
        named[0].start = _between(work, named[0].start)
    return named or _waits(page, work)


def _named(page: Page) -> list[Item]:
    found = []
    for match in page.find(BARRIER):
        if page.negated(match.start()):
            page.take(*match.span())
            continue
        around = page.sentence_text(match.start())
        both = re.search(r"before and after|both sides|around|either side", around, re.I)
        name = BARRIER_NAME.match(page.right(match.end(), 40))
        quote = page.take(*match.span())
        start, end = page.words.original_span(*match.span())
        item = Item(start, end, barrier=name["n"] if name else "")
        item.step = Step(kind="barrier", name=Asked(value=name["n"], quote=quote) if name else None)
        found.append(item)
        if both and match.group().lower().endswith("s"):
            last = Item(len(page.turn), len(page.turn), barrier="")
            last.step = Step(kind="barrier")
            found.append(last)
            item.start = 0
    return found


def _waits(page: Page, work: list[Item]) -> list[Item]:
    """As in "once all tasks are through with step 1": what a barrier does, in other words."""
    for match in page.find(WAITS):
        if len({item.start for item in work}) < 2 or page.negated(match.start()):
            continue
        at = _between(work, page.words.original_span(*match.span())[0])
        page.take(*match.span())
        item = Item(at, at + 1, barrier="")
        item.step = Step(kind="barrier")
        return [item]
    return []


BETWEEN = Pattern(r"\bbetween\b", re.IGNORECASE)


def _between(work: list[Item], start: int) -> int:
    """The place of a barrier; said before or behind all steps, it is the one before the last."""
    places = sorted(item.start for item in work)
    inside = not places or places[0] < start < places[-1]
    return start if inside else places[-1] - 1
