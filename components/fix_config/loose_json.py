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

from components.batch.rules.rule import shown
from components.config.edits import Edit, apply_edits
from components.config.spans import MOST_LEVELS

MOST_CHARACTERS = 1_500_000  # a job is at most 1 MB
_WORK = 40  # how often, on average, a character may be looked at

_SPACE = re.compile(r"[\s\ufeff\u200b]*+")
_COMMENT = re.compile(r"//[^\n]*+|#[^\n]*+|/\*.*?(?:\*/|\Z)", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"')
# What may follow a text: else its closing quote is one that nobody escaped.
_AFTER = re.compile(
    r"\s*+(?:[,:}\])]|\Z|//|/\*)|[ \t]*+(?:=|#)"
    r"|[ \t]*+;\s*+(?:[}\]]|[\"'\u201c]?[A-Za-z_][\w.-]{0,60}[\"'\u201d]?\s{0,9}[:=])"
    r"|\s*+[\"'\u201c][A-Za-z_][\w.-]{0,60}[\"'\u201d]\s{0,9}:"
    r"|[ \t\r]*+\n\s*+(?:[\"'\u201c](?![\s,}\]:])|[A-Za-z_]\w{0,60}\s{0,9}:|#)"
)
_IN_LIST = re.compile(r"[ \t]++[\"'\u201c](?![\s,}\]:])")
_KEY_LINE = re.compile(r"\s{0,200}+,?\s{0,200}+[\"'\u201c][A-Za-z_][\w.-]{0,60}[\"'\u201d]\s{0,9}:")
_NAME = re.compile(r"[A-Za-z_$][\w$.-]*+")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,999})(?:\.[0-9]{1,99})?(?:[eE][+-]?[0-9]{1,9})?\Z")
_DIGITS = re.compile(r"[0-9]{1,9}(?:_[0-9]{3}){1,9}\Z")
_WORD = re.compile(r"(?:\$?\{\{?[^{}\n]{0,200}\}?\}|<[^<>\n]{0,200}>|[^,\[\]{}()\n\"';]){1,4000}+")
_BLANK = re.compile(r"\$?\{\{[^{}\n]{0,200}\}\}")
_BEFORE_COMMENT = re.compile(r"\s(?://|#)")
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "/": "/", "\\": "\\", '"': '"'}
_CLOSERS = {
    '"': '"',
    "'": "'",
    "`": "`",
    "\u201c": "\u201c\u201d",
    "\u201d": "\u201c\u201d",
    "\u201e": "\u201c\u201d",
    "\u2018": "\u2018\u2019",
    "\u2019": "\u2018\u2019",
}
_WORDS = {
    "true": "true",
    "false": "false",
    "null": "null",
    "none": "null",
    "nil": "null",
    "undefined": "null",
    "nan": "null",
}


@dataclass(frozen=True)
class Repair:
    """One thing that made the text no JSON or YAML, and what was written in its place.

    Attributes:
        offset: where it stands in the text as given.
        before: what stood there.
        after: what stands there now.
        what: what was done, one phrase.
        certain: whether it can mean nothing else.
    """

    offset: int
    before: str
    after: str
    what: str
    certain: bool = True


@dataclass(frozen=True)
class Repaired:
    """A text that can be read, and what was done to it."""

    text: str
    repairs: tuple[Repair, ...]


class CannotRepairError(Exception):
    """The text is too far from JSON, too deep or too much work."""


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


class _Reader:
    """Walks over the text; `at` is where it is, `open` the brackets around it."""

    def __init__(self, text: str, start: int) -> None:
        self.text = text
        self.at = start
        self.start = start
        self.repairs: list[Repair] = []
        self.open: list[str] = []
        self.work = 0
        # More } than { means that one of them stands where a ] was meant.
        self.extra = {
            "}": text.count("}") - text.count("{"),
            "]": text.count("]") - text.count("["),
        }

    def note(self, start: int, end: int, after: str, what: str, certain: bool = True) -> None:
        if len(self.repairs) > 20_000:
            raise CannotRepairError
        self.repairs.append(Repair(start, self.text[start:end], after, what, certain))

    def did(self, characters: int) -> None:
        self.work += characters + 1
        if self.work > _WORK * len(self.text) + 10_000:
            raise CannotRepairError

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
        return _KEY_LINE.match(self.text, self.at) is not None

    def space(self) -> None:
        """Pass over white space; take comments away."""
        while True:
            found = _SPACE.match(self.text, self.at)
            self.at = found.end() if found else self.at
            comment = _COMMENT.match(self.text, self.at)
            if comment is None:
                return
            start, end = self.at, comment.end()
            line = self.text.rfind("\n", max(0, start - 400), start) + 1
            if 0 < line >= start - 400 and not self.text[line:start].strip():
                start = line  # a line of its own goes whole
                end += self.text[end : end + 1] == "\n"
            self.note(start, end, "", "removed a comment, which JSON does not have")
            self.at = end

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

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
        elif first in _CLOSERS:
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
            if seen >= 0 and self.extra["]"] < 0 and _KEY_LINE.match(self.text, self.at):
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
        if _KEY_LINE.match(self.text, self.at) is None:
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

    # --- names and words ----------------------------------------------------------------------

    def key(self) -> None:
        first = self.peek()
        at = self.at
        if first in _CLOSERS:
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

    def word(self) -> None:
        """A value without quotes: a number, true, false, null, or a text."""
        found = _WORD.match(self.text, self.at)
        if found is None:
            raise CannotRepairError
        self.did(len(found[0]))
        comment = _BEFORE_COMMENT.search(found[0])
        word = (found[0][: comment.start()] if comment else found[0]).rstrip()
        if not word:
            raise CannotRepairError
        end = self.at + len(word)
        if _DIGITS.match(word):
            self.note(self.at, end, word.replace("_", ""), "wrote a number without _")
        elif not _NUMBER.match(word) and word not in ("true", "false", "null"):
            known = _WORDS.get(word.lower())
            what = f"wrote {known} for {shown(word)}" if known else "put quotes around a text"
            self.note(self.at, end, known or json.dumps(word, ensure_ascii=False), what)
        self.at = end

    # --- texts --------------------------------------------------------------------------------

    def string(self) -> None:
        plain = _STRING.match(self.text, self.at)
        if plain is not None:
            self.did(len(plain[0]))
            if self.ends_text(plain.end()):
                self.at = plain.end()
                return
        opener = self.peek()
        triple = opener * 3 if opener in "\"'" else ""
        if triple and self.text.startswith(triple, self.at):
            inner, end, ended = self.until_triple(triple)
        else:
            inner, end, ended = self.until_closed(opener)
        value = _unescaped(inner)
        what = "mended the quotes of a text" if ended else "a closing quote was missing"
        if ended and opener == '"' and "\n" in inner:
            what = "wrote line breaks in a text as \\n"
        after = json.dumps(value, ensure_ascii=False)
        if self.text[self.at : end] != after:
            self.note(self.at, end, after, what, certain=ended)
        self.at = end

    def ends_text(self, at: int) -> bool:
        """Whether the quote before `at` is the end of a text, and not one inside it."""
        if _AFTER.match(self.text, at):
            return True
        return self.open[-1:] == ["["] and _IN_LIST.match(self.text, at) is not None

    def until_triple(self, triple: str) -> tuple[str, int, bool]:
        end = self.text.find(triple, self.at + 3)
        stop = end if end >= 0 else len(self.text)
        self.did(stop - self.at)
        return self.text[self.at + 3 : stop], stop + (3 if end >= 0 else 0), end >= 0

    def until_closed(self, opener: str) -> tuple[str, int, bool]:
        """What stands in the quotes, where it ends, and whether a quote ended it."""
        closers = _CLOSERS[opener]
        marks = re.compile(rf"\\.|\n|[{closers}]", re.DOTALL)
        begin = self.at + 1
        first_line = 0
        for mark in marks.finditer(self.text, begin):
            if mark[0] in closers:
                self.did(20)
                if self.ends_text(mark.end()):
                    self.did(mark.end() - begin)
                    return self.text[begin : mark.start()], mark.end(), True
            elif mark[0].endswith("\n"):
                first_line = first_line or mark.start()
                self.did(mark.end() - begin if mark.start() == first_line else 200)
                if _KEY_LINE.match(self.text, mark.end()):
                    break
        end = first_line or len(self.text)
        self.did(len(self.text) - begin)
        line = self.text[begin:end].rstrip()
        kept = re.sub(r"[\s,}\]]{1,200}\Z", "", line) if first_line else line.rstrip("\\")
        return kept, begin + len(kept), False


def _unescaped(inner: str) -> str:
    """What the text between quotes means; a backslash that escapes nothing stays a backslash."""

    def meant(found: re.Match[str]) -> str:
        letter = found[1]
        if letter in _ESCAPES:
            return _ESCAPES[letter]
        if letter.startswith("u") and len(letter) == 5:
            return chr(int(letter[1:], 16))
        # `\'` and `\$` are how Python and shells escape; in JSON both stand for themselves.
        return letter if letter in "'$`" else found[0]

    plain = re.sub(r"\\(u[0-9a-fA-F]{4}|.)", meant, inner, flags=re.DOTALL)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
