"""Tables, quoted mail, arrows and short questions as `key: value` lines, offsets kept.

People write the same list in many layouts; here each becomes the one that the readers know. Every
change keeps the length of the text, so that places in it stay places in the person's words.
"""

from __future__ import annotations

import re

from components.parse_intent.offline.pattern import Pattern

QUOTED_LINE = Pattern(r"^[ \t]*(?:>[ \t]?){1,6}", re.MULTILINE)
RULE_ROW = Pattern(r"^[ \t]*+\|?[ \t]*+:?-{2,}+[-|: \t]*+$", re.MULTILINE)
TABLE_ROW = Pattern(
    r"^[ \t]*+(?P<a>\|)[ \t]*+[^|\n]{1,60}?[ \t]*+(?P<b>\|)[^|\n]{1,400}(?P<c>\|)[ \t]*+$",
    re.MULTILINE,
)
ARROW = Pattern(
    r"^[ \t]*(?:[-*\u2022][ \t]+)?[A-Za-z][A-Za-z_ -]{1,30}?[ \t]*(?P<a>=>|->|\u2192"
    r"|:=)[ \t]*(?=[^\s/])",
    re.MULTILINE,
)
BULLET = Pattern(
    r"^([ \t]*)[\u2022\u25aa\u2023\u25e6\u00b7\u25cf\u25cb\u25a0\u2013\u2014](?=[ \t])",
    re.MULTILINE,
)
# "How many? 33." A question with "or" in it names values and not a field.
QUESTION = Pattern(
    r"(?:^|(?<=[.!\n] ))"
    r"(?![^?\n]{0,40}\bor\b)[A-Z][\w' /-]{1,28}(?P<q>\?)(?=[ \t]+[^?\n]{1,120}(?:[.!\n]|$))",
    re.MULTILINE,
)


# "Brussels/Belgium": two names of one thing, and no path.
EITHER_NAME = Pattern(r"(?<![\w/.-])[A-Z][a-z]{2,20}/[A-Z][a-z]{2,20}(?![\w/-]|\.\w)")


def _blank(match: re.Match[str]) -> str:
    return " " * len(match.group())


def plain_layout(text: str) -> str:
    """A text of the same length in which tables, arrows and short questions read `key: value`."""
    text = EITHER_NAME.sub(lambda match: match.group().replace("/", " "), text)
    text = RULE_ROW.sub(_blank, QUOTED_LINE.sub(_blank, text))
    text = BULLET.sub(lambda match: match[1] + "-", text)
    chars = list(text)
    for match in TABLE_ROW.finditer(text):
        for group, char in (("a", " "), ("b", ":"), ("c", " ")):
            chars[match.start(group)] = char
    for match in ARROW.finditer(text):
        start, end = match.span("a")
        chars[start:end] = list(":".ljust(end - start))
    for match in QUESTION.finditer(text):
        chars[match.start("q")] = ":"
    return "".join(chars)
