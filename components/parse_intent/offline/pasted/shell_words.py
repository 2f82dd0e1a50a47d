"""A command line as words with their places, read as a shell reads it and never run."""

from __future__ import annotations

from dataclasses import dataclass

# Mail programs leave blanks behind the backslash.
from components.parse_intent.offline.pattern import Pattern

CONTINUED = Pattern(r"[\\^`][ \t]{0,8}\n|\\[ \t]{0,8}\Z")
QUOTES = {"\u201c": '"', "\u201d": '"', "\u2018": "'", "\u2019": "'"}


@dataclass(frozen=True)
class Word:
    """A word without its quotes; expands tells that a shell would put a variable in its place."""

    text: str
    start: int
    end: int
    expands: bool = False


def shell_words(line: str, start: int = 0) -> tuple[list[Word], int]:
    """The words from a place on, and where the line ends.

    A backslash at the end of a line continues it, as do ^ (cmd) and a backtick (PowerShell). The
    line ends at a newline, at an operator (; && || | >) or at the end of the text; a quote that
    is never closed ends with the text.
    """
    words: list[Word] = []
    pos = start
    while True:
        pos = _skip_blanks(line, pos)
        if pos >= len(line) or line[pos] == "\n" or _is_operator(line, pos):
            return words, pos
        word = _word(line, pos)
        words.append(word)
        pos = word.end


def _skip_blanks(line: str, pos: int) -> int:
    while pos < len(line):
        if line[pos] in " \t":
            pos += 1
        elif (match := CONTINUED.match(line, pos)) is not None:
            pos = match.end()
        else:
            break
    return pos


def _is_operator(line: str, pos: int) -> bool:
    return line[pos] in ";|<>" or line[pos : pos + 2] == "&&" or line[pos : pos + 2] == "2>"


def _word(line: str, start: int) -> Word:
    parts: list[str] = []
    pos, expands = start, False
    while pos < len(line) and line[pos] not in " \t\n;|":
        char = line[pos]
        quote = QUOTES.get(char, char)
        if quote in "\"'" and not (char == "\u2019" and parts):
            body, pos, inside = _quoted(line, pos + 1, quote)
            expands = expands or inside
            parts.append(body)
        elif char == "\\" and pos + 1 < len(line):
            if line[pos + 1] == "\n":
                break
            parts.append(line[pos + 1])
            pos += 2
        elif char == "$" and line[pos + 1 : pos + 2] == "(":
            end = _closing(line, pos + 1)
            parts.append(line[pos:end])
            pos, expands = end, True
        else:
            expands = expands or char == "$"
            parts.append(char)
            pos += 1
    return Word("".join(parts), start, max(pos, start + 1), expands)


def _quoted(line: str, pos: int, quote: str) -> tuple[str, int, bool]:
    """The text in quotes, the place behind it, and whether a shell would expand any of it."""
    parts: list[str] = []
    expands = False
    while pos < len(line):
        char = line[pos]
        if QUOTES.get(char, char) == quote:
            return "".join(parts), pos + 1, expands
        if quote == '"' and char == "\\" and line[pos + 1 : pos + 2] in ('"', "\\", "$", "\n"):
            if line[pos + 1] != "\n":
                parts.append(line[pos + 1])
            pos += 2
        else:
            expands = expands or (char == "$" and quote == '"')
            parts.append(char)
            pos += 1
    return "".join(parts), pos, expands


def _closing(line: str, pos: int) -> int:
    """The end of $( ... ), within the line."""
    depth = 0
    while pos < len(line) and line[pos] != "\n":
        depth += {"(": 1, ")": -1}.get(line[pos], 0)
        pos += 1
        if depth == 0:
            break
    return pos


@dataclass(frozen=True)
class Option:
    """An option as it was written: its name, its value ("" for a switch), the words for it."""

    name: str
    value: str
    quote: str
    expands: bool = False


def options(
    words: list[Word], line: str, switches: frozenset[str]
) -> tuple[list[Option], list[Word]]:
    """Options with their values up to the first plain word, and the words from there on."""
    found: list[Option] = []
    i = 0
    while i < len(words):
        word = words[i]
        if not word.text.startswith("-") or word.text in ("-", "--"):
            break
        name, equals, value = word.text.partition("=")
        last = word
        glued = name[:2] in ("-e", "-v", "-p", "-m", "-u", "-w") and len(name) > 2
        if not equals and glued and name[:2] not in switches and name[1] != "-":
            name, value = name[:2], name[2:]
        elif not equals and name not in switches and i + 1 < len(words):
            last = words[i + 1]
            value = last.text
            i += 1
        found.append(Option(name, value, line[word.start : last.end], last.expands))
        i += 1
    return found, words[i + 1 :] if i < len(words) and words[i].text == "--" else words[i:]
