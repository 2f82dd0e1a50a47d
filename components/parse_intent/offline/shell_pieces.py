"""Pieces of a shell or of a container tool in the middle of a line: loops, and words as a list."""

from __future__ import annotations

import json
import re
import shlex

from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.payloads import Cutter, Payload, Role

# One that opens its line is a line of a script, which is cut as a whole.
LOOP = Pattern(
    r"(?<=[^\s\ue000])[ \t]+(?P<c>(?:for \w+ in|while|until) [^\n\ue000]{1,400}?;[ \t]*do\b"
    r"[^\n\ue000]{1,600}?;[ \t]*done\b(?:[ \t]*(?:<|>|>>|\|)[ \t]*[^\s,;|]+)?"
    r"|if \[[^\n\ue000]{1,400}?;[ \t]*then\b[^\n\ue000]{1,600}?;[ \t]*fi\b)"
)


def cut_loops(cutter: Cutter) -> None:
    """Loops and conditions of a shell in the middle of a line, from `for` to `done`."""
    for match in LOOP.finditer(cutter.masked):
        start, end = match.span("c")
        text = cutter.text[start:end]
        if not cutter.hidden(start, end) and "``" not in text:
            cutter.cut(Payload(start, end, text.rstrip(".")))


ARRAY = Pattern(
    r"\b(?P<k>command|cmd|args|arguments|entrypoint)s?\b[ \t]*(?:is|are|[:=])?[ \t]*"
    r"(?P<a>\[[ \t]*\"[^\]\n]{0,2000}\])",
    re.IGNORECASE,
)


# What a shell takes as it is, variables included, which are to be filled in.
PLAIN = Pattern(r"[\w@%+=:,./~{}$-]+")


def cut_arrays(cutter: Cutter) -> None:
    """Command lines as JSON lists, as container tools write them."""
    for match in ARRAY.finditer(cutter.masked):
        try:
            words = json.loads(match["a"])
        except ValueError:
            continue
        is_args = match["k"].lower().startswith("arg")
        if all(isinstance(word, str) for word in words) and not cutter.hidden(*match.span("a")):
            text = " ".join(word if PLAIN.fullmatch(word) else shlex.quote(word) for word in words)
            role: Role = "args" if is_args else "command"
            if match["k"].lower() != "entrypoint":
                cutter.cut(Payload(*match.span("a"), text, role, said=match["a"]))
