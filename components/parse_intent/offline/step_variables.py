"""Which variables are for one step only: "IMAGE with A=1, then IMAGE with B=2"."""

from __future__ import annotations

import re
from bisect import bisect_left

from components.parse_intent.draft import Step
from components.parse_intent.offline.normal import FILL
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.step_conditions import Item, named_step
from components.parse_intent.offline.step_names import StepNames

OF_STEP = Pattern(
    r"\b(?:only|alone|there|its (?:own )?env\w*|(?:that|this) (?:step|1)|(?:for|in|of|to) (?:the )?"
    r"(?:step|first|second|third|last)|step \w+ (?:gets|has|with|needs|sees))\b",
    re.IGNORECASE,
)


OF_ALL = Pattern(
    r"\b(?:whole|entire|both|all|every|each) (?:the )?(?:task|step|container|script|runnable"
    r"|of)s?\b"
    r"|\bboth\b|\btask[- ](?:level|wide|env\w*)|\b(?:every|all)(?:body|where|thing)\b",
    re.IGNORECASE,
)
# "IMAGE (A=1)", "IMAGE with A=1 and B=2", "`x.sh` with environment A=1"
ATTACHED = Pattern(
    rf"[{FILL}'\"]*[\s,]*(?:\(|\[)?(?:\b(?:with|using|and|where|given|under|has|gets|needs|in|an?|its"
    r"|own|the|set|environments?|variables?|var|container|image|that|which|to|args?|arguments?"
    rf"|command|cmd)\b[\s:,]*|[{FILL}]+[\s,]*)*",
    re.IGNORECASE,
)


def give_variables(page: Page, items: list[Item], steps: list[Step]) -> None:
    """Variables that are for one step: said so, or right behind it, or with a value for each."""
    work = [item for item in items if item.step is not None and item.barrier is None]
    if len(steps) < 2 or not work:
        return
    names = StepNames(steps)
    given = [pair.name for _, pair in page.pairs]
    spans = sorted((pos, pos + len(f"{pair.name}={pair.value}")) for pos, pair in page.pairs)
    places = [(item.at, page.at(item.end), item.step) for item in work]
    for pos, pair in page.pairs:
        step = _attached(page, pos, spans, places)
        twice = given.count(pair.name) > 1
        if step is None and (twice or OF_STEP.search(page.sentence_text(pos))):
            first, last = page.sentence(pos)
            inside = [item.step for item in work if first <= item.at < last]
            step = named_step(page, pos, pos, names) or (inside[0] if len(inside) == 1 else None)
        if step is not None and step.kind != "barrier" and pair in page.draft.env:
            page.draft.env.remove(pair)
            step.env.append(pair)


ATTACHED_REACH = 200  # characters between a step and a variable of its own


def _attached(
    page: Page, pos: int, spans: list[tuple[int, int]], places: list[tuple[int, int, Step | None]]
) -> Step | None:
    """The step that a variable stands right behind, but for other variables."""
    first, last = page.sentence(pos)
    at = bisect_left(places, pos, key=lambda place: place[0]) - 1
    if at < 0 or places[at][0] < first or places[at][1] > pos:
        return None
    _, start, step = places[at]
    if pos - start > ATTACHED_REACH or OF_ALL.search(page.norm, first, last):
        return None
    near = spans[bisect_left(spans, start, key=lambda span: span[0]) :]
    near = near[: bisect_left(near, pos, key=lambda span: span[0])]
    edges = [start, *(edge for span in near for edge in span), pos]
    between = "".join(page.norm[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True))
    return step if ATTACHED.fullmatch(between) else None
