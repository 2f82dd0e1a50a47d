"""One turn as the extractors see it: payloads hidden, words made alike, what was read marked."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice

from components.parse_intent.draft import Draft, Pair
from components.parse_intent.offline.amounts import Amount, durations, sizes
from components.parse_intent.offline.corrections import take_back
from components.parse_intent.offline.normal import FILL, Words
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.payloads import Payload

SENTENCE = Pattern(
    r"(?:(?<!maximum)(?<!max)(?<!min)(?<!approx)(?<!\bca)(?<!\bno)(?<!\bnr)|(?![.]\s\d))"
    r"[.!?;]+(?=\s|$)|\n[ \t]*\n|\n(?=[ \t]*(?:[-*•+#]|\(?\w{1,2}[.)] |\w[\w ]{0,20}[:=]|[A-Z]))|\n"
)
# A line that was only broken to keep it short: the sentence goes on in lower case.
WRAPPED = Pattern(r"(?<=[^\n]{40})(?<![.:;!?\n])\n(?=[a-z]{2})(?![\w ]{1,30}[:=]|\S*[/=@])")
CLAUSE = Pattern(
    r"[.!?;]+(?=\s|$)|\n|,(?=\s|$)|:(?=\s)|\s(?:-+|/|\||->|=>)\s|[()]"
    r"|(?<!anything )(?<!nothing )\bbut\b"
    r"|\band (?=(?:then|have|put|make|let|run|give|use|mount|retry|post"
    r"|label|don't|do not|no|not|i|it|to)\b)",
    re.IGNORECASE,
)
NEGATION = Pattern(
    r"(?:\b(?:no|not|non|never|without|avoid|isn't|don't|doesn't|aren't|won't|can't|shouldn't"
    r"|mustn't|needn't|cannot|neither|nor|drop|remove|instead of|rather than|anything but"
    r"|other than|not the (?:1s?|kind|sort"
    r"|ones)(?: (?:which|that|who))?|stop using|no longer|lose|skip|than|away from|clear of"
    r"|forget about)\b"
    r"|\bfrom\b(?=.*\bto\b))"
    r"[\s-]+(?:(?:the|a|an|any|on|in|at|be|to|use|using|run|need|want|have|get|them|it|as|with|for|bother"
    r"|allow|anything|that|can|running|be|is|more|our|its|my|of|old|current|our|"
    r"going|put|want|kind)[\s-]+){0,5}(?:(?:[\w-]+ ){1,3}(?:or|nor) (?:any |an? |the )?)?$",
    re.IGNORECASE,
)


HEAD_ROW = Pattern(
    r"\s*(?:names?|keys?|\w+|environment variables?)\s*:\s*(?:values?|vals?|settings?)\s*",
    re.IGNORECASE,
)
LISTED = Pattern(r"[\s*+-]*[\w.-]+\s?(?:[=:]|->|=>|\u2192|at|on)\s?\S")
# How far a sentence is looked at on each side, so that one without an end costs no more.
REACH = 600
# No person says one thing as often; what lies beyond is not read.
MAX_MATCHES = 200


class Page:
    """A turn ready to be read.

    Attributes:
        turn: the person's words.
        payloads: what was cut out of them.
        norm: the normal text (same order; see normal.py).
        before: the draft of earlier turns; None on the first.
        draft: what this turn adds.
        dropped: fields that the turn denies.
        pairs: variables that it gives, each with its place.
    """

    def __init__(
        self, turn: str, masked: str, payloads: list[Payload], before: Draft | None
    ) -> None:
        self.turn = turn
        self.payloads = payloads
        self.before = before
        self.draft = Draft()
        self.words = Words(WRAPPED.sub(" ", masked))
        take_back(self.words)
        self.norm = self.words.text
        self.low = self.norm.lower()
        self.used = bytearray(len(self.norm))
        self.dropped: set[str] = set()
        self.pairs: list[tuple[int, Pair]] = []
        self._sentences = [0] + [m.end() for m in SENTENCE.finditer(self.norm)]
        self._clauses = [0] + [m.end() for m in CLAUSE.finditer(self.norm)]
        self.durations: list[Amount] = durations(self.norm)[:MAX_MATCHES]
        self.sizes: list[Amount] = sizes(self.norm)[:MAX_MATCHES]

    # where things stand -------------------------------------------------------------------

    def _bounds(self, marks: list[int], pos: int) -> tuple[int, int]:
        i = bisect_right(marks, pos)
        start = marks[i - 1] if i else 0
        end = marks[i] if i < len(marks) else len(self.norm)
        return max(start, pos - REACH), min(end, pos + REACH)

    def sentence(self, pos: int) -> tuple[int, int]:
        """The sentence, list item or line around a place."""
        return self._bounds(self._sentences, pos)

    def clause(self, pos: int) -> tuple[int, int]:
        """The part of a sentence around a place."""
        return self._bounds(self._clauses, pos)

    def sentence_text(self, pos: int) -> str:
        """The words of the sentence around a place."""
        start, end = self.sentence(pos)
        return self.norm[start:end]

    def left(self, pos: int, width: int = 60) -> str:
        """The words before a place, in its sentence."""
        return self.norm[max(self.sentence(pos)[0], pos - width) : pos]

    def right(self, pos: int, width: int = 60) -> str:
        """The words after a place, in its sentence."""
        at = max(pos - 1, 0)
        return self.norm[pos : min(max(self.sentence(at)[1], pos), pos + width)]

    def headed(self, pos: int) -> str:
        """The sentence before a place; in a list of `name: value` lines, also what heads it."""
        start, _ = self.sentence(pos)
        own = self.norm[start:pos]
        text, back = own, start
        for _ in range(12):
            if back <= 0:
                break
            begin, _ = self.sentence(back - 1)
            line = self.norm[begin:back]
            text = line + text
            if line.rstrip().endswith(":") or HEAD_ROW.fullmatch(line):
                return text
            if line.strip() and not LISTED.match(line):
                break
            back = begin
        return own

    def near(self, pos: int, width: int = 60) -> str:
        """The words around a place, in its sentence."""
        return self.left(pos, width) + self.right(pos, width)

    def negated(self, pos: int) -> bool:
        """Whether the words before a place, in its clause, deny what follows."""
        start = max(self.clause(pos)[0], pos - 50)
        return NEGATION.search(self.norm[start:pos]) is not None

    # reading ------------------------------------------------------------------------------

    def find(self, pattern: Pattern, *, free: bool = True) -> Iterator[re.Match[str]]:
        """Matches within lines of the normal text.

        Args:
            pattern: what to look for.
            free: only in words that nothing has read.
        """
        words, low = pattern.words, self.low
        if words and not any(word in low for word in words):
            return iter(())
        return self._matches(pattern, free=free)

    def _matches(self, pattern: Pattern, *, free: bool) -> Iterator[re.Match[str]]:
        for match in islice(pattern.finditer(self.norm), MAX_MATCHES):
            if "\n" in match.group().strip():
                continue
            if not free or not any(self.used[match.start() : match.end()]):
                yield match

    def is_free(self, start: int, end: int) -> bool:
        """Whether no extractor has read any of a span."""
        return not any(self.used[start:end])

    def take(self, start: int, end: int) -> str:
        """Mark a span as read and give the person's words for it."""
        self.used[start:end] = b"\1" * (end - start)
        return self.quote(start, end)

    def quote(self, start: int, end: int) -> str:
        """The person's words for a span of the normal text."""
        a, b = self.words.original_span(start, end)
        return self.turn[a:b].strip()

    def at(self, original: int) -> int:
        """The place in the normal text of an offset in the turn."""
        return min(bisect_right(self.words.back, original) - 1, max(len(self.norm) - 1, 0))

    def rest(self) -> str:
        """The normal text with what was read and payloads blanked."""
        return "".join(
            " " if used or char == FILL else char
            for char, used in zip(self.norm, self.used, strict=True)
        )
