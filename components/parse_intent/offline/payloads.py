"""Payloads: the pieces of a turn that are run as they are, and the turn with them hidden."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from components.parse_intent.offline.normal import FILL
from components.parse_intent.offline.pattern import Pattern

Role = Literal["command", "args"]


@dataclass(frozen=True)
class Payload:
    """A piece of text to be run as it is.

    start and end are its place in the turn, fences and quotes included; `text` is without them.
    role is "args" where it can only be arguments of a container; lang is a fence's language.
    said is the person's own text where `text` was changed on the way in.
    """

    start: int
    end: int
    text: str
    role: Role = "command"
    lang: str = ""
    fenced: bool = False
    said: str = ""

    @property
    def quote(self) -> str:
        """The person's own text."""
        return self.said or self.text


MAX_PAYLOADS = 200
NAMED = Pattern(r"([\w-]{1,60}\.\w{1,5})(?: [a-z]{1,20}){0,8}")
SCRIPT_OF_PATH = Pattern(r"(?<=[\w.~])/([\w-]{1,60}\.\w{1,5})(?![\w/])")


class Cutter:
    """Collects payloads and hides them from what comes after."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.masked = text
        self.payloads: list[Payload] = []
        # "push.sh always runs" speaks of /srv/push.sh, which stands elsewhere, and is no command
        self.scripts = frozenset(SCRIPT_OF_PATH.findall(text))

    def cut(self, payload: Payload) -> None:
        """Take a payload out of the instructions; beyond a sane number of them, none."""
        named = NAMED.fullmatch(payload.text)
        if len(self.payloads) >= MAX_PAYLOADS or (named and named[1] in self.scripts):
            return
        self.payloads.append(payload)
        size = payload.end - payload.start
        self.masked = self.masked[: payload.start] + FILL * size + self.masked[payload.end :]

    def hidden(self, start: int, end: int) -> bool:
        """Whether any of a span is payload already."""
        return FILL in self.masked[start:end]
