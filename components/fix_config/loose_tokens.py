"""The words, texts and comments of what was meant as JSON, read one by one.

What JSON does not have is noted as an edit: comments, other quotes and none, line breaks inside
quotes, Python's words. Work is bounded, so that a text made to be slow is given up.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from components.batch.rules.rule import shown

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
KEY_LINE = re.compile(r"\s{0,200}+,?\s{0,200}+[\"'\u201c][A-Za-z_][\w.-]{0,60}[\"'\u201d]\s{0,9}:")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,999})(?:\.[0-9]{1,99})?(?:[eE][+-]?[0-9]{1,9})?\Z")
_DIGITS = re.compile(r"[0-9]{1,9}(?:_[0-9]{3}){1,9}\Z")
_WORD = re.compile(r"(?:\$?\{\{?[^{}\n]{0,200}\}?\}|<[^<>\n]{0,200}>|[^,\[\]{}()\n\"';]){1,4000}+")
_BEFORE_COMMENT = re.compile(r"\s(?://|#)")
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "/": "/", "\\": "\\", '"': '"'}
CLOSERS = {
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


class CannotRepairError(Exception):
    """The text is too far from JSON, too deep or too much work."""


class Tokens:
    """Walks over a text; `at` is where it is, `open` the brackets around it."""

    def __init__(self, text: str, start: int) -> None:
        self.text = text
        self.at = start
        self.repairs: list[Repair] = []
        self.open: list[str] = []
        self.work = 0

    def note(self, start: int, end: int, after: str, what: str, certain: bool = True) -> None:
        """Write `after` for what stands there, and say what was done."""
        if len(self.repairs) > 20_000:
            raise CannotRepairError
        self.repairs.append(Repair(start, self.text[start:end], after, what, certain))

    def did(self, characters: int) -> None:
        """Count the characters looked at; a text that takes too many is given up."""
        self.work += characters + 1
        if self.work > _WORK * len(self.text) + 10_000:
            raise CannotRepairError

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
        """The character here; empty at the end."""
        return self.text[self.at : self.at + 1]

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

    def string(self) -> None:
        """Pass over a text in quotes of any kind, and write it as JSON has it."""
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
        """What stands in three quotes, where it ends, and whether quotes ended it."""
        end = self.text.find(triple, self.at + 3)
        stop = end if end >= 0 else len(self.text)
        self.did(stop - self.at)
        return self.text[self.at + 3 : stop], stop + (3 if end >= 0 else 0), end >= 0

    def until_closed(self, opener: str) -> tuple[str, int, bool]:
        """What stands in the quotes, where it ends, and whether a quote ended it."""
        closers = CLOSERS[opener]
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
                if KEY_LINE.match(self.text, mark.end()):
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
