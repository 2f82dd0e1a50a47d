"""The turn as the readers of pasted text see it: quoted mail without its marks, fences, spans."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from components.parse_intent.offline.pattern import Pattern

MAIL_MARK = Pattern(r"^(?:[>|][ \t]?){1,8}", re.MULTILINE)
FENCE = Pattern(r"^[ \t]*(```+|~~~+)[ \t]*([\w+.-]*)[^\n`]*\n", re.MULTILINE)
MAX_FENCES = 50


@dataclass(frozen=True)
class Region:
    """A stretch of the turn that is read by itself: a fence's inside, or what is around them.

    outer_start and outer_end hold the fence's own lines.
    """

    start: int
    end: int
    outer_start: int
    outer_end: int
    fenced: bool = False
    lang: str = ""


class Board:
    """A turn, the marks of quoted mail blanked so that every offset stays the same."""

    def __init__(self, turn: str) -> None:
        self.turn = turn
        quoted = len(MAIL_MARK.findall(turn)) > 1
        self.text = MAIL_MARK.sub(lambda m: " " * len(m[0]), turn) if quoted else turn
        self.regions = _regions(self.text)
        self.spans: list[tuple[int, int]] = []

    def free(self, start: int, end: int) -> bool:
        """Whether no reader has taken any of a span."""
        at = bisect_right(self.spans, (start, len(self.text) + 1))
        before = self.spans[at - 1] if at else (0, 0)
        after = self.spans[at] if at < len(self.spans) else (end, end)
        return before[1] <= start and end <= after[0]

    def take(self, start: int, end: int) -> None:
        """Mark a span as read."""
        self.spans.insert(bisect_right(self.spans, (start, end)), (start, end))


def _regions(text: str) -> list[Region]:
    regions: list[Region] = []
    pos = outside = 0
    while len(regions) < 2 * MAX_FENCES and (match := FENCE.search(text, pos)) is not None:
        closing = re.compile(rf"^[ \t]*{match[1]}[ \t]*$", re.MULTILINE).search(text, match.end())
        end = closing.start() if closing else len(text)
        outer = closing.end() if closing else len(text)
        regions.append(Region(outside, match.start(), outside, match.start()))
        regions.append(Region(match.end(), end, match.start(), outer, True, match[2].lower()))
        pos = outside = outer
    regions.append(Region(outside, len(text), outside, len(text)))
    return [region for region in regions if region.end > region.start]
