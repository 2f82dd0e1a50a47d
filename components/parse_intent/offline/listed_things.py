"""How many tasks, where what they work on is listed: "one per site: Bern, Basel and Chur"."""

from __future__ import annotations

import re

from components.parse_intent.draft import Asked
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern

ITEM = r"[\w.+%-]{1,24}"
COMMAS = rf"{ITEM}(?: ?, ?{ITEM}){{1,60}}(?:,? (?:and|&|or) {ITEM})?|{ITEM} (?:and|&) {ITEM}"
BRACED = Pattern(rf"[{{\[(] ?(?:(?:e\.g\.|namely|i\.e\.):? )?(?P<l>{COMMAS}) ?[}}\])]")
EACH_OF = Pattern(
    rf"\b(?:task|run|job) (?:per|for) (?:each|every 1) of (?:the |these |our )?(?:[a-z]+s:? )?"
    rf"(?P<l>{COMMAS})",
    re.IGNORECASE,
)
SPLIT = Pattern(r" ?, ?(?:(?:and|&|or) )?| (?:and|&|or) ")


def listed_count(page: Page, thing: str | None) -> Asked[int] | None:
    """The number of things in the one list of a turn.

    Args:
        page: the turn.
        thing: what there is a task for, by its noun; None where no noun was said.
    """
    patterns = [EACH_OF]
    if thing is not None:
        noun = re.escape(thing.removesuffix("s").removesuffix("y"))
        patterns += [
            BRACED,
            Pattern(
                rf"\b{noun}\w{{0,3}}(?: [a-z]+s)?(?: (?:are|is|in|of|being|namely|values?))*"
                rf" ?[:=]? (?P<l>{COMMAS})(?=\s*(?:[.;:)\n]|$|-))",
                re.IGNORECASE,
            ),
        ]
    for pattern in patterns:
        found = [m for m in page.find(pattern, free=False) if page.is_free(*m.span("l"))]
        counts = {len(SPLIT.split(match["l"])) for match in found}
        if len(counts) == 1:
            return Asked(value=counts.pop(), quote=page.take(*found[0].span("l")))
    return None
