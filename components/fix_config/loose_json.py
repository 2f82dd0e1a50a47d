"""Reads what was meant as JSON: commas, quotes and brackets as people and models leave them.

The reader walks over the text once and notes, for everything that JSON does not have, an edit that
makes it JSON. What it gives is the text with these edits, so layout, order and everything that was
right stay as they were; Python's own parser has the last word on the result. Depth and work are
bounded, so that a text made to be slow is given up.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from components.config.edits import Edit, apply_edits
from components.config.spans import MOST_LEVELS
from components.fix_config.loose_tokens import CLOSERS, KEY_LINE, CannotRepairError, Repair, Tokens

MOST_CHARACTERS = 1_500_000  # a job is at most 1 MB

_NAME = re.compile(r"[A-Za-z_$][\w$.-]*+")
_BLANK = re.compile(r"\$?\{\{[^{}\n]{0,200}\}\}")


@dataclass(frozen=True)
class Repaired:
    """A text that can be read, and what was done to it."""

    text: str
    repairs: tuple[Repair, ...]


def repaired_json(text: str) -> Repaired | None:
    """The text as JSON, from its first brace on; None where that cannot be.

    Args:
        text: anything.
    """
    start = min((at for at in (text.find("{"), text.find("[")) if at >= 0), default=-1)
    if start < 0 or len(text) > MOST_CHARACTERS:
        return None
    reader = _Reader(text, start)
    try:
        reader.read()
        fixed = apply_edits(text, [Edit(r.offset, r.offset + len(r.before), r.after)
                                   for r in reader.repairs])  # fmt: skip
        json.loads(fixed)
    except (CannotRepairError, ValueError, RecursionError):
        return None
    return Repaired(fixed, tuple(sorted(reader.repairs, key=lambda r: r.offset)))


class _Reader(Tokens):
    """Objects, lists and what ends them."""

    def __init__(self, text: str, start: int) -> None:
        super().__init__(text, start)
        self.start = start
        # More } than { means that one of them stands where a ] was meant.
        self.extra = {
            "}": text.count("}") - text.count("{"),
            "]": text.count("]") - text.count("["),
        }

    # --- the whole ----------------------------------------------------------------------------

    def read(self) -> None:
        before = self.text[: self.start]
        if before.strip():
            self.note(0, self.start, "", "took away what stood before the job")
        self.value()
        closed = self.at - 1
        while True:
            self.space()
            if self.at >= len(self.text):
                return
            if self.text[self.at] in "}])":
                self.note(self.at, self.at + 1, "", "took away a bracket too many")
                self.at += 1
                continue
            if self.goes_on():
                self.note(closed, closed + 1, "", "took away a bracket that ended the job early")
                self.open = ["{"]
                self.members(seen=closed)
                closed = self.at - 1
                continue
            self.note(self.at, len(self.text), "", "took away what stood after the job")
            return

    def goes_on(self) -> bool:
        """Whether another field of the job follows, though its bracket was closed."""
        if self.text[self.start] != "{":
            return False
        return KEY_LINE.match(self.text, self.at) is not None

    # --- values -------------------------------------------------------------------------------

    def value(self) -> None:
        self.space()
        first = self.peek()
        if first in ("", ",", "}", "]", ")"):
            self.note(self.at, self.at, "null", "no value stands here", certain=False)
        elif _BLANK.match(self.text, self.at):
            self.word()
        elif first == "{":
            self.enter("{")
            self.at += 1
            self.members()
        elif first in "[(":
            self.items(first)
        elif first in CLOSERS:
            self.string()
        else:
            self.word()

    def enter(self, bracket: str) -> None:
        if len(self.open) >= MOST_LEVELS:
            raise CannotRepairError
        self.open.append(bracket)

    def members(self, seen: int = -1) -> None:
        """The fields of an object up to its end.

        Args:
            seen: where the field before ended; -1 where there is none.
        """
        comma = -1
        opened = self.at - 1
        while True:
            self.space()
            here = self.peek()
            if here in ("", "}", "]", ")") and self.close("}", here, seen, comma, opened):
                return
            if here in ("]", ")"):
                continue
            if here in (",", ";"):
                comma = self.separator(here, seen, comma)
                continue
            if here == "{" and seen >= 0 and self.open[-2:-1] == ["["]:
                self.left_open("}", seen, comma, opened)
                return
            if seen >= 0 and comma < 0:
                self.note(seen + 1, seen + 1, ",", "a comma was missing")
            self.key()
            self.value()
            seen, comma = self.at - 1, -1

    def items(self, bracket: str) -> None:
        """The entries of a list up to its end."""
        self.enter("[")
        if bracket == "(":
            self.note(self.at, self.at + 1, "[", "wrote a list of Python as one of JSON")
        opened = self.at
        self.at += 1
        seen, comma = -1, -1
        while True:
            self.space()
            here = self.peek()
            if here == ")" and bracket == "(":
                self.note(self.at, self.at + 1, "]", "wrote a list of Python as one of JSON")
                self.trailing(comma)
                self.at += 1
                self.open.pop()
                return
            if here in ("", "}", "]") and self.close("]", here, seen, comma, opened):
                return
            if here == "}":
                continue
            if here in (",", ";"):
                comma = self.separator(here, seen, comma)
                continue
            if seen >= 0 and self.extra["]"] < 0 and KEY_LINE.match(self.text, self.at):
                self.extra["]"] += 1
                self.left_open("]", seen, comma, opened)
                return
            if seen >= 0 and comma < 0:
                self.note(seen + 1, seen + 1, ",", "a comma was missing")
            self.item()
            seen, comma = self.at - 1, -1

    def item(self) -> None:
        """One entry of a list; fields without { around them are put into one object."""
        before = self.at
        self.did(80)
        if KEY_LINE.match(self.text, self.at) is None:
            self.value()
            if self.at == before and not self.peek().strip(")"):
                self.junk()
            return
        self.note(before, before, "{", "an opening { was missing", certain=False)
        self.enter("{")
        self.members()

    def separator(self, here: str, seen: int, comma: int) -> int:
        """Pass a comma; the place of the comma that counts."""
        at = self.at
        self.at += 1
        if seen < 0 or comma >= 0:
            self.note(at, at + 1, "", "took away a comma too many")
            return comma
        if here == ";":
            self.note(at, at + 1, ",", "wrote a comma for ;")
        return at

    def trailing(self, comma: int) -> None:
        if comma >= 0:
            same = [r for r in self.repairs if r.offset == comma and r.before == ";"]
            for repair in same:
                self.repairs.remove(repair)
            self.note(comma, comma + 1, "", "removed a comma before the end")

    def close(self, closer: str, here: str, seen: int, comma: int, opened: int) -> bool:
        """End the object or list where `here` ends it; False where `here` was only taken away."""
        if here == closer:
            self.trailing(comma)
            self.at += 1
            self.open.pop()
            return True
        if here == "":
            self.trailing(comma)
            self.end_here(closer, len(self.text.rstrip()), opened)
            self.open.pop()
            return True
        wanted_outside = {"}": "{", "]": "["}.get(here, "")
        outside = self.open[-2] if len(self.open) > 1 else ""
        if self.extra.get(here, 0) > 0 and self.extra.get(closer, 0) < 0:
            self.extra[here] -= 1
            self.extra[closer] += 1
            self.trailing(comma)
            self.note(self.at, self.at + 1, closer, f"wrote {closer} for {here}")
            self.at += 1
            self.open.pop()
            return True
        if outside == wanted_outside and outside:
            self.trailing(comma)
            self.end_here(closer, (comma if comma >= 0 else seen if seen >= 0 else opened) + 1,
                          opened)  # fmt: skip
            self.open.pop()
            return True
        self.note(self.at, self.at + 1, "", "took away a bracket that closes nothing")
        self.at += 1
        return False

    def left_open(self, closer: str, seen: int, comma: int, opened: int) -> None:
        """End what should have ended before the comma; what follows belongs outside."""
        self.end_here(closer, seen + 1, opened)
        self.open.pop()
        self.at = comma if comma >= 0 else seen + 1

    def end_here(self, closer: str, at: int, opened: int) -> None:
        line = self.text.rfind("\n", 0, opened) + 1
        self.did(min(opened - line, 400))
        indent = re.compile(r"[ \t]{0,200}").match(self.text, line)
        new_line = "\n" in self.text[opened:at]
        text = f"\n{indent[0] if indent else ''}{closer}" if new_line else closer
        self.note(at, at, text, f"a closing {closer} was missing")

    # --- names ----------------------------------------------------------------------

    def key(self) -> None:
        first = self.peek()
        at = self.at
        if first in CLOSERS:
            self.string()
        else:
            name = _NAME.match(self.text, self.at)
            if name is None:
                self.junk()
                return
            self.note(at, name.end(), json.dumps(name[0]), "put quotes around a name")
            self.at = name.end()
        ended = self.at
        self.space()
        here = self.peek()
        if here == ":":
            self.at += 1
        elif here == "=":
            end = self.at + (2 if self.text[self.at : self.at + 2] in ("=>", "==") else 1)
            self.note(self.at, end, ":", "wrote : between name and value")
            self.at = end
        else:
            self.note(ended, ended, ":", "a colon was missing")

    def junk(self) -> None:
        """A character that stands for nothing here."""
        raise CannotRepairError
