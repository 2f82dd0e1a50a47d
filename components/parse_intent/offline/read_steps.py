"""The steps of a task: which command runs where, in which order, and under which conditions."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right

from components.parse_intent.build_steps import split_words
from components.parse_intent.draft import Asked, Step
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.payloads import Payload
from components.parse_intent.offline.read_barriers import read_barriers
from components.parse_intent.offline.read_images import Image
from components.parse_intent.offline.step_conditions import Item, add_conditions
from components.parse_intent.offline.step_variables import give_variables

MARKER = Pattern(
    r"\b(?:steps? (?:number )?(?:\d+|[a-d])\b|first(?:ly)?\b|then\b|next\b|after that"
    r"|afterwards|finally\b|lastly\b|last step"
    r"|second(?:ly)?\b(?= step|,|:| it| run| a)|third(?:ly)?\b(?= step|,|:)|final step"
    r"|before that|in the background|on the host|meanwhile)"
    r"|(?:^|\n)[ \t]*(?:\(?\d{1,2}[.)]|\(?(?:[a-d]|i{1,3}|iv|v)[.)]|[-*•])[ \t]",
    re.IGNORECASE,
)
ON_HOST = Pattern(
    r"\bon the (?:host|vm|node|machine)(?! with)(?: itself| directly)?\b|\bhost script\b"
    r"|\bno container\b|\boutside (?:of )?(?:the )?(?:container|docker)\b|\bscript step\b"
    r"|\bdirectly on the\b",
    re.IGNORECASE,
)
IN_CONTAINER = Pattern(
    r"\b(?:in(?:side)?|within|from) (?:the |that |this |a "
    r"|it's )?(?:same )?(?:docker )?(?:container|image)\b",
    re.IGNORECASE,
)


def read_steps(page: Page, images: list[Image], default_image: Asked[str] | None) -> list[Step]:
    """The steps that a turn asks for.

    Args:
        page: the turn; `page.payloads` are its commands.
        images: the images it names.
        default_image: the one image of earlier turns, for commands said to run in it.
    """
    items = [Item(p.start, p.end, payload=p) for p in page.payloads]
    items += [Item(i.pos, i.end, image=i) for i in images]
    items += read_barriers(page, items)
    items.sort(key=lambda item: item.start)
    steps = _assemble(page, items, images, default_image)
    add_conditions(page, items, steps)
    give_variables(page, items, steps)
    return steps


def waiting_container(page: Page) -> Step:
    """A container step whose image is still to be named, with the arguments that were given."""
    step = Step(kind="container")
    for payload in page.payloads:
        if payload.role == "args":
            words = split_words(payload.text) or [payload.text]
            step.commands = Asked(value=words, quote=payload.quote)
    return step


def _region(page: Page, marks: list[int], pos: int) -> int:
    """The number of the step marker that a place stands behind."""
    return bisect_right(marks, pos)


def _assemble(
    page: Page, items: list[Item], images: list[Image], default_image: Asked[str] | None
) -> list[Step]:
    marks = [page.words.back[m.start()] for m in MARKER.finditer(page.norm)]
    containers = [item for item in items if item.image is not None]
    commands = [item for item in items if item.payload and item.payload.role == "command"]
    for item in containers:
        assert item.image is not None  # noqa: S101 - filtered above
        item.step = Step(kind="container", image=item.image.asked)
    for item in items:
        if item.payload is not None and item.payload.role == "args":
            _attach_args(item, containers, page, marks)
    for item in commands:
        _place_command(page, item, containers, commands, marks, default_image)
    # A command and its image share a step, which stands where the first of the two does.
    return list({id(item.step): item.step for item in items if item.step is not None}.values())


def _attach_args(item: Item, containers: list[Item], page: Page, marks: list[int]) -> None:
    """Arguments belong to the nearest image before them, else after."""
    payload = item.payload
    assert payload is not None  # noqa: S101 - the caller asked for payloads
    words = split_words(payload.text) or [payload.text]
    for earlier in containers:
        # "args --a 1, --b 2": what follows on is more of the same
        if earlier.step and earlier.step.commands and _follows(page, earlier.args_end, item.start):
            earlier.step.commands.value.extend(words)
            earlier.args_end = item.end
            return
    before = [c for c in containers if c.start < item.start and c.step and c.step.commands is None]
    after = [c for c in containers if c.start > item.start and c.step and c.step.commands is None]
    target = before[-1] if before else after[0] if after else None
    if target is None or target.step is None:
        return
    target.step.commands = Asked(value=words, quote=payload.quote)
    target.args_end = item.end


def _follows(page: Page, end: int, start: int) -> bool:
    """Whether nothing but a comma or "and" stands between two places of the turn."""
    between = page.turn[end:start]
    return end > 0 and re.fullmatch(r"\s*(?:,|and|plus|,\s*and|&)?\s*", between) is not None


def _place_command(
    page: Page,
    item: Item,
    containers: list[Item],
    commands: list[Item],
    marks: list[int],
    default_image: Asked[str] | None,
) -> None:
    """Decide whether a command runs in an image or as a script on the VM."""
    payload = item.payload
    assert payload is not None  # noqa: S101 - the caller asked for commands
    text: Asked[str] = Asked(value=script_text(payload), quote=payload.quote)
    target = None if _on_host(page, item) else _image_for(page, item, containers, commands, marks)
    if target is not None and target.step is not None:
        if target.step.text is None and target.step.commands is None:
            target.step.text = text
            item.step = target.step
        else:
            item.step = Step(kind="container", image=target.step.image, text=text)
    elif default_image is not None and IN_CONTAINER.search(_around(page, item, marks)):
        item.step = Step(kind="container", image=default_image, text=text)
    else:
        item.step = Step(kind="script", text=text)


def _around(page: Page, item: Item, marks: list[int]) -> str:
    """The words around a command, up to the words that begin another step."""
    start = page.sentence(page.at(item.start))[0]
    end = page.sentence(min(page.at(item.end), len(page.norm) - 1))[1]
    last, following = bisect_right(marks, item.start), bisect_left(marks, item.end)
    start = max(start, page.at(marks[last - 1])) if last else start
    end = min(end, page.at(marks[following])) if following < len(marks) else end
    return page.norm[start:end]


def _on_host(page: Page, item: Item) -> bool:
    at = page.at(item.start)
    near = page.left(at, 70) + page.norm[page.at(item.end) : page.at(item.end) + 50]
    match = ON_HOST.search(near)
    return match is not None and not re.search(r"\bnothing\s*$", near[: match.start()])


def _image_for(
    page: Page, item: Item, containers: list[Item], commands: list[Item], marks: list[int]
) -> Item | None:
    """The image that a command runs in, if any."""
    if not containers:
        return None
    region = _region(page, marks, item.start)
    same = [c for c in containers if _region(page, marks, c.start) == region]
    free = [c for c in same if c.step and c.step.text is None and c.step.commands is None]
    others = [c for c in commands if c is not item and _region(page, marks, c.start) == region]
    if same:
        if free and (not others or len(free) == len(containers)):
            return min(free, key=lambda c: abs(c.start - item.start))
        return (
            same[-1]
            if IN_CONTAINER.search(_around(page, item, marks)) or free
            else _shared(containers)
        )
    if len(containers) == 1:
        only = containers[0]
        stands_alone = only.step is not None and only.step.commands is not None
        own_step = _has_marker_cue(page, marks, only, item)
        if not stands_alone and not own_step:
            return only
        if IN_CONTAINER.search(_around(page, item, marks)):
            return only
    return None


def _shared(containers: list[Item]) -> Item | None:
    only = containers[0] if len(containers) == 1 else None
    return (
        only if only is not None and only.step is not None and only.step.commands is None else None
    )


def _has_marker_cue(page: Page, marks: list[int], image: Item, command: Item) -> bool:
    """Whether image and command are told apart as steps ("first ... then run IMAGE")."""
    at = page.at(image.start)
    left = page.left(at, 60)
    return (
        re.search(
            r"\b(?:then|finally|after that|afterwards|next|step \d+|step)\b[^.;]{0,40}$", left, re.I
        )
        is not None
        and image.start > command.start
    ) or re.search(r"\bthen\b[^.;]{0,20}$", page.left(page.at(command.start), 30), re.I) is not None


def script_text(payload: Payload) -> str:
    """A payload as a script for the VM: Python in a fence runs through Python."""
    text = payload.text
    lang = payload.lang.lower()
    if text.startswith("#!"):
        return text
    if lang in ("python", "py", "python3") or (payload.fenced and not lang and _is_python(text)):
        return f"#!/usr/bin/env python3\n{text}"
    if lang == "bash":
        return f"#!/bin/bash\n{text}"
    if lang in ("r", "perl", "ruby", "node", "js", "javascript"):
        program = {"r": "Rscript", "js": "node", "javascript": "node"}.get(lang, lang)
        return f"#!/usr/bin/env {program}\n{text}"
    return text


def _is_python(text: str) -> bool:
    return (
        re.search(r"^(?:import \w|from \w+ import|def \w+\(|print\()", text, re.MULTILINE)
        is not None
    )
