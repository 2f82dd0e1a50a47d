"""A later turn on the machine's size: "one size up", "the next bigger one", "half the size"."""

from __future__ import annotations

import re

from components.batch.machines import lookup, machine_types, supported
from components.parse_intent.draft import Asked, Draft
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern

UP = r"(?:up|larger|bigger)"
DOWN = r"(?:down|smaller)"
STEP = Pattern(
    rf"\b(?:(?:1|a|the next|next) size (?:(?P<up>{UP})|(?P<down>{DOWN}))"
    rf"|(?:the )?next (?:(?P<up2>{UP})|(?P<down2>{DOWN}))(?: size| 1| machine(?: type)?| vm)?"
    rf"|(?P<up3>(?:1|a) (?:step|notch) {UP})|(?P<down3>(?:1|a) (?:step|notch) {DOWN}))\b",
    re.IGNORECASE,
)
TIMES = Pattern(
    r"\b(?:(?P<twice>twice|double)|(?P<half>half)) (?:the (?:machine )?size|as (?:big|large)"
    r"|the machine)\b(?: an?)?(?: machine| vm)?",
    re.IGNORECASE,
)


def resize_machine(page: Page, draft: Draft) -> None:
    """Put the neighbour in size of the machine that was named in its place."""
    if draft.machine_type is None or page.draft.machine_type is not None:
        return
    name = draft.machine_type.value
    for match in page.find(STEP):
        up = match["up"] or match["up2"] or match["up3"]
        _put(page, draft, match, neighbour(name, 1 if up else -1))
        return
    for match in page.find(TIMES):
        _put(page, draft, match, scaled(name, 2 if match["twice"] else 0.5))
        return


def _put(page: Page, draft: Draft, match: re.Match[str], name: str) -> None:
    if name:
        draft.machine_type = Asked(value=name, quote=page.take(*match.span()))


def neighbour(name: str, step: int) -> str:
    """The next larger (1) or smaller (-1) type of the same series and kind; empty for none."""
    sizes = _sizes(name)
    at = sizes.index(name) + step if name in sizes else -1
    return sizes[at] if 0 <= at < len(sizes) else ""


def scaled(name: str, factor: float) -> str:
    """The type of the same series and kind with so many times the vCPUs; empty for none."""
    machine = lookup(name)
    wanted = machine.vcpus * factor if machine is not None else 0
    return next((other for other in _sizes(name) if machine_types()[other].vcpus == wanted), "")


def _sizes(name: str) -> list[str]:
    """The types of a name's series and kind, smallest first."""
    kind = re.sub(r"-\d+$", "", name)
    known = [m for m in machine_types().values() if re.sub(r"-\d+$", "", m.name) == kind]
    return [m.name for m in sorted(known, key=lambda m: m.vcpus) if supported(m)]
