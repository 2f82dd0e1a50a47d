"""What a turn says that no extractor read."""

from __future__ import annotations

import itertools
from bisect import bisect_left

from components.parse_intent.offline.amounts import Amount
from components.parse_intent.offline.normal import FILL
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.vocabulary import KEYWORDS, words

WORD = Pattern(r"[A-Za-z][\w'-]*|\d[\w.]*")
LISTED = Pattern(r"\s*\(?\d{1,2}[.)]")
# Words that carry no setting by themselves.
EMPTY = frozenset(
    words(
        """
        task tasks job command commands script scripts image images container containers run
        running execute machine machines instance instances index already exactly change update
        please instead switch finally between always second environment variable label argument
        arguments
        """
    )
)


def _key_of_value(page: Page, start: int, end: int) -> bool:
    """Whether a clause only names what the text behind its colon gives, and that was read."""
    key = page.norm[start:end].rstrip()
    stop = page.norm.find("\n", end)
    value = page.used[end : min(stop if stop > 0 else len(page.norm), end + 80)]
    return key.endswith((":", "=")) and len(key.split()) <= 4 and any(value)


def unread_words(page: Page) -> list[str]:
    """Parts of sentences that speak of a setting or hold a number and reached no field."""
    found = []
    marks = [*page._clauses, len(page.norm)]
    amounts = sorted(
        (a for a in (*page.sizes, *page.durations) if page.is_free(a.start, a.end)),
        key=lambda amount: amount.start,
    )
    for start, end in itertools.pairwise(marks):
        if any(page.used[start:end]) or FILL in page.norm[start:end]:
            found += _unread_amounts(page, amounts, start, end)
            continue
        words = [w.lower() for w in WORD.findall(page.norm[start:end])]
        if len(words) == 1 and words[0].strip(".").isdecimal() and LISTED.match(page.norm, start):
            continue  # the number of a list item
        if _key_of_value(page, start, end):
            continue
        tells = [w for w in words if (w in KEYWORDS and w not in EMPTY) or w[0].isdecimal()]
        quote = page.quote(start, end).strip(" ,.;:()-*\n")
        if tells and quote:
            found.append(quote)
    return found


AROUND = 3
REACH = 60  # characters


def _unread_amounts(page: Page, amounts: list[Amount], start: int, end: int) -> list[str]:
    """Sizes and times of a clause that reached no field, though some of the clause did."""
    found = []
    first = bisect_left(amounts, start, key=lambda amount: amount.start)
    for amount in itertools.takewhile(lambda one: one.start < end, amounts[first:]):
        low, high = max(start, amount.start - REACH), min(end, amount.end + REACH)
        words = [word.span() for word in WORD.finditer(page.norm, low, high)]
        left = [a for a, b in words if b <= amount.start and page.is_free(a, amount.start)]
        right = [b for a, b in words if a >= amount.end and page.is_free(amount.end, b)]
        begin = left[-AROUND:][0] if left else amount.start
        stop = right[:AROUND][-1] if right else amount.end
        found.append(page.quote(begin, stop))
    return found
