"""A later turn on what has a name in the draft: variables, secrets, labels, topics."""

from __future__ import annotations

import re

from components.parse_intent.draft import Draft, Pair
from components.parse_intent.offline.field_words import fields_in
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern

GONE = Pattern(
    r"^[\"'`]?\s*(?:(?:variable|label|env(?:ironment)?(?: variable)?|one)\s+)?(?:"
    r"(?:shouldn't|should not|mustn't|must not|needn't|doesn't (?:need|have) to|isn't|is not"
    r"|need not)"
    r"(?: \w+){0,2}? (?:be )?(?:there|in there|in it|needed|set|necessary|in)\b"
    r"|(?:can|may|should|must|has to|is to) (?:go|be (?:dropped|removed|deleted))\b"
    r"|(?:is|are) (?:no longer|not) (?:needed|used|necessary|wanted)|(?:out|away)\b"
    r"|(?:is|are) (?:obsolete|unnecessary|superfluous|gone))",
    re.IGNORECASE,
)
DROPPED = Pattern(
    r"\b(?:no|without|drop|remove|delete|unset|lose|clear|omit|skip|strip|get rid of|take out"
    r"|take away|no more|no longer (?:need|want|use|set)|(?:don't|do not) (?:need|want|use|set))\b"
    r"(?:[ ,](?:the|our|that|my|label|labels|variable|env|environment|var|and|or|nor|called"
    r"|named))*"
    r"[ ][\"'`]?$",
    re.IGNORECASE,
)
BECOMES = Pattern(
    r"^[\"'`]?\s*(?:(?:variable|label|value|one)\s+)?(?:(?:should|must|has to|needs to"
    r"|ought to)\s+)?"
    r"(?:now\s+)?(?:(?:be(?:comes?)?|is|goes|say|says|read|reads|change[sd]?|set|get|gets"
    r"|equals?|have"
    r"|=|->|=>|:|up|down|back|from [^\s,;]{1,60})\s+)*"
    r"(?:(?:to|as|at|now|rather|be|is|into|the value|set to)\s+)*(?:=\s*)?[\"'`]?"
    r"(?P<v>[^\s,;\"'`\ue000]*[^\s,;\"'`.!?)\ue000])",
    re.IGNORECASE,
)
SETS = Pattern(r"\b(?:set|change|switch|turn|make|put) (?:the )?[\"'`]?$", re.IGNORECASE)
# Without one of these, what stands behind a name is no value of it.
TELLS = Pattern(
    r"\b(?:be|becomes?|is|goes|says?|reads?|changes?|changed|to|as|gets?|equals?|should|must)\b"
    r"|=|->|:",
    re.IGNORECASE,
)
NOT_VALUES = Pattern(
    r"^(?:not|no|needed|there|in|gone|obsolete|wrong|right|missing|fine|ok|the|a|an|also|still"
    r"|secret|public|anymore|too|and|or|but|it|its)$",
    re.IGNORECASE,
)
RENAMED = Pattern(
    r"\b(?:rename|call)\s+(?:the |our )?(?:variable |label )?[\"'`]?(?P<a>[A-Za-z][\w.-]*)[\"'`]?"
    r"\s+(?:(?:to|into|as)\s+)?[\"'`]?(?!(?:to|into|as)\b)(?P<b>[A-Za-z_](?:[\w.-]*\w)?)",
    re.IGNORECASE,
)
MAPS = ("env", "secret_env", "job_labels", "vm_labels")


def edit_names(page: Page, draft: Draft) -> None:
    """Change, drop and rename named values of the draft, in place."""
    lists: list[list[Pair]] = [getattr(draft, name) for name in MAPS]
    lists += [step.env for step in draft.steps]
    for match in page.find(RENAMED):
        for pairs in lists:
            for pair in pairs:
                if pair.name == match["a"]:
                    pair.name = match["b"].lower() if _is_label(pairs, draft) else match["b"]
                    pair.quote = page.take(*match.span())
    for pairs in lists:
        for pair in list(pairs):
            _edit(page, pairs, pair, label=_is_label(pairs, draft))
    for pair in [pair for pairs in lists for pair in pairs]:
        _number(page, pair)


def _number(page: Page, pair: Pair) -> None:
    """As in "shards 16" where there is SHARDS=8: a number behind the name in small letters."""
    if not pair.value.isdecimal() or len(pair.name) < 3 or fields_in(pair.name.lower()):
        return
    spoken = re.compile(
        rf"(?<![\w./$-]){re.escape(pair.name).replace('_', '[_ -]')}(?:(?: (?:to|is|be|should"
        rf"|now|of"
        rf"|at|=))*| ?=) ?(?P<v>\d{{1,9}})(?![\w.-])",
        re.IGNORECASE,
    )
    for match in spoken.finditer(page.norm):
        if not page.is_free(*match.span()):
            continue
        pair.value = match["v"]
        pair.quote = page.take(*match.span())


ONLY = Pattern(
    r"\W*(?:(?:actually|no|nope|sorry|oops|and|but|the|now|please|ok|okay|wait|hm+|also|make)"
    r"[\s,.:-]+){0,5}",
    re.IGNORECASE,
)
VALUE_ONLY = Pattern(
    r"\s*(?:is|should be|must be|becomes|to|=|:|->)(?: now)?\s?[\w.-]+(?: (?:now|please"
    r"|instead))?\W*",
    re.IGNORECASE,
)


def _alone(page: Page, match: re.Match[str]) -> bool:
    """As in "actually owner is lee": the name, its value and nothing else."""
    start, end = page.clause(match.start())
    said = page.norm[start : match.start()]
    return bool(ONLY.fullmatch(said) and VALUE_ONLY.fullmatch(page.norm[match.end() : end]))


def _is_label(pairs: list[Pair], draft: Draft) -> bool:
    return pairs is draft.job_labels or pairs is draft.vm_labels


def _edit(page: Page, pairs: list[Pair], pair: Pair, *, label: bool) -> None:
    name = re.compile(rf"(?<![\w./$-]){re.escape(pair.name)}(?![\w./-])")
    for match in name.finditer(page.norm):
        if not page.is_free(*match.span()):
            continue
        right = page.right(match.end(), 100)
        told = SETS.search(page.left(match.start(), 30)) is not None
        labelled = told or "label" in page.sentence_text(match.start()).lower()
        if label and not labelled and not _alone(page, match):
            continue
        gone = GONE.match(right)
        left = DROPPED.search(page.left(match.start(), 70))
        if gone or left:
            pairs.remove(pair)
            start = match.start() - (len(left.group()) if left else 0)
            page.take(start, match.end() + (gone.end() if gone else 0))
            return
        becomes = BECOMES.match(right)
        if becomes is None or NOT_VALUES.match(becomes["v"]):
            continue
        if told or TELLS.search(right[: becomes.start("v")]):
            start, end = becomes.span("v")
            value = page.quote(match.end() + start, match.end() + end).strip("\"'`")
            pair.value = value.lower() if label else value
            pair.quote = page.take(match.start(), match.end() + end)
            return
