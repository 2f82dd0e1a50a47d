"""What the words around a step say of it: failure, background, time limit, network."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from components.parse_intent.draft import Asked, Step
from components.parse_intent.offline.normal import FILL
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.read_images import Image
from components.parse_intent.offline.read_limits import time_points
from components.parse_intent.offline.segment import Payload
from components.parse_intent.offline.vocabulary import ORDINALS


@dataclass
class Item:
    """A part of a step, by its place in the turn."""

    start: int
    end: int
    payload: Payload | None = None
    image: Image | None = None
    barrier: str | None = None
    step: Step | None = field(default=None, repr=False)


MAIN_NODE = re.compile(
    r"\b(?:on|from|by) (?:(?:node|task|rank|vm) (?:0|zero)|(?:the )?(?:first|main|head|master"
    r"|primary) (?:node|vm|task|rank)|only (?:the )?(?:first|main|head) (?:node|vm"
    r"|task))\b(?: only)?"
    r"|\bonly (?:on )?(?:node|task|rank) 0\b",
    re.IGNORECASE,
)


IGNORE = re.compile(
    r"\b(?:ignore (?:its |the |any |that |it|if|exit|failure|error)[\w ]{0,30}|(?:if"
    r"|when) (?:it|that|that 1|this|this 1|the step|step \d+)(?: step)? (?:fails|failed|breaks"
    r"|crashes|doesn't work)[\w ,]{0,12}(?:ignore|carry on|continue|go on|don't care"
    r"|keep going|move on|no big deal|no matter|that's fine|that's ok|fine|doesn't matter"
    r"|not a problem)\w*"
    r"|(?:may|can|is allowed to|allowed to|might) fail\b(?! the)|ignore (?:failures?|errors?)"
    r"|ignore[_ ]?exit[_ ]?status|(?:failures?|failing|errors?)(?: \w+)? (?:is|are) (?:ok|okay"
    r"|fine|ignored|acceptable|not a problem)|best[- ]effort|(?:don't|do not) (?:care"
    r"|mind) if (?:it|that"
    r"|this)[\w ]{0,8} fails)\b",
    re.IGNORECASE,
)
ALWAYS = re.compile(
    r"\balways(?:[ _-]?runs?)?\b|\beven (?:if|when|though)\b[^.;\n]{0,40}?\b(?:fail(?:s|ed)?"
    r"|crash(?:es|ed)?|died|dies|blew up|blows up|broke|breaks|error(?:s|ed)?|goes wrong"
    r"|went wrong)\b"
    r"|\bno matter (?:what|how|whether|if)\b|\bregardless\b|\bwhether or not\b|\bin any case\b"
    r"|\bwhatever happens\b|\bunder all circumstances\b",
    re.IGNORECASE,
)
BACKGROUND = re.compile(
    r"\b(?:in the|as a|in) background\b|\bbackground (?:process|step|task|runnable|job"
    r"|script)\b|\bdaemon\b|\bbackgrounded\b",
    re.IGNORECASE,
)
STREAMING = re.compile(
    r"\bimage streaming\b|\bstream(?:ing)? (?:of )?(?:the |that |this "
    r"|it's )?(?:container )?image\b|\benableImageStreaming\b",
    re.IGNORECASE,
)
NO_INTERNET = re.compile(
    r"\bblock(?:ing|ed)?[ _]?(?:all )?(?:the )?external[ _]?network\b|\b(?:no|without(?: any)?"
    r"|not(?: \w+){0,5}|cut off from|disable|block)(?: the)? (?:internet|outside world"
    r"|external network|network access|outbound)(?: access| connection)?\b"
    r"|\bblockExternalNetwork\b|\bair-?gapped\b",
    re.IGNORECASE,
)
CONDITIONS = (
    ("ignore_exit_status", IGNORE),
    ("always_run", ALWAYS),
    ("background", BACKGROUND),
    ("main_node_only", MAIN_NODE),
)
OF_CONTAINERS = (("block_external_network", NO_INTERNET), ("image_streaming", STREAMING))
STEP_WORD = re.compile(
    r"\b(?:step|runnable|command|script|part)\s+(?:number\s+)?(?P<n>\d{1,2})\b|\b(?P<o>first"
    r"|second|third|fourth|fifth|last|final)\s+(?:step|1|command|script|runnable|container)\b",
    re.IGNORECASE,
)


def add_conditions(page: Page, items: list[Item], steps: list[Step]) -> None:
    """Give each step the conditions that the words around it name."""
    work = [item for item in items if item.step is not None and item.barrier is None]
    if not work:
        return
    for name, pattern in CONDITIONS:
        for match in page.find(pattern):
            if page.negated(match.start()):
                continue
            target = _target(page, match.start(), match.end(), work, steps)
            # With one step only, "must always run" is a way of speaking.
            alone = name == "always_run" and len(steps) == 1 and page.before is None
            if target is not None and target.kind != "barrier" and not alone:
                setattr(target, name, Asked(value=True, quote=page.take(*match.span())))
    containers = [step for step in steps if step.kind == "container"]
    for name, pattern in OF_CONTAINERS:
        for match in page.find(pattern):
            quote = page.take(*match.span())
            for step in containers:
                setattr(step, name, Asked(value=True, quote=quote))
    if len(steps) > 1:
        _step_timeouts(page, work, steps)


def _target(page: Page, start: int, end: int, work: list[Item], steps: list[Step]) -> Step | None:
    """The step that words at a place speak of."""
    first, last = page.sentence(start)
    named = _named_step(page.norm[first:last], start - first, steps)
    if named is not None:
        return named
    inside = [item for item in work if first <= page.at(item.start) < last]
    if len(inside) == 1:
        return inside[0].step
    if inside:
        after = [i for i in inside if 0 <= page.at(i.start) - end <= 60]
        before = [i for i in inside if page.at(i.start) < start]
        if (
            before
            and start - page.at(before[-1].end) < 50
            and not (after and page.at(after[0].start) - end < 12)
        ):
            return before[-1].step
        return (after or inside)[0].step
    before = [item for item in work if page.at(item.start) < start]
    if before:
        return before[-1].step
    return work[0].step


def _named_step(sentence: str, at: int, steps: list[Step]) -> Step | None:
    best = None
    for match in STEP_WORD.finditer(sentence):
        gap = abs(match.start() - at)
        if best is None or gap < best[0]:
            best = (gap, match)
    if best is None or best[0] > 60:
        return None
    match = best[1]
    word = match["n"] or match["o"].lower()
    index = len(steps) if word in ("last", "final") else int(ORDINALS.get(word, word))
    return steps[index - 1] if 1 <= index <= len(steps) else None


def _step_timeouts(page: Page, work: list[Item], steps: list[Step]) -> None:
    """Time limits that are said of one step."""
    for amount in page.durations:
        if not page.is_free(amount.start, amount.end) or time_points(page, amount) < 2:
            continue
        first, last = page.sentence(amount.start)
        sentence = page.norm[first:last]
        if re.search(
            r"\b(?:tasks?|whole|overall|job|in all|altogether)\b", sentence, re.I
        ) and not STEP_WORD.search(sentence):
            continue
        named = _named_step(sentence, amount.start - first, steps)
        inside = [item for item in work if first <= page.at(item.start) < last]
        if (
            named is None
            and len(inside) == 1
            and FILL in sentence
            and not re.search(r"\beach\b", sentence)
        ):
            named = inside[0].step
        if named is not None and named.kind != "barrier":
            quote = page.take(amount.start, amount.end)
            named.timeout_s = Asked(value=max(1, round(amount.value)), quote=quote)
