"""Making hostile text harmless and visible, one small reversible rule each.

Each place needs its own rule, so there is a function for each:
a page or a terminal must show what would hide or reorder text, or command the terminal
(`visible`, and `one_line` where a line break would forge a line), JSON can write the same as
escapes (`json_text`), a spreadsheet must not run text as a formula (`guard`/`unguard`), and XML
cannot hold most control characters (`printable`).
"""

from __future__ import annotations

import json
import re
from typing import Any

# Control Pictures (U+2400..) draw each C0 control character as one sign, which spreadsheets have
# a font for; browsers often have none, so a page names the character instead.
_PICTURES = {**{code: chr(0x2400 + code) for code in range(0x20)}, 0x7F: "␡"}
# Control characters, what changes the order of text on the screen or hides it (Unicode Standard
# Annex 9 and CVE-2021-42574, "Trojan Source"), and halves of surrogate pairs.
_HIDDEN_TEXT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069"
    "\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]"
)
_COLOUR = re.compile("\x1b\\[[0-9;:]*m")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
_encode = json.JSONEncoder(ensure_ascii=False).encode
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"''*[=+\-@\t\r]")


def visible(text: str) -> str:
    r"""The text with every control, bidi and invisible character named, as in `[U+202E]`.

    Tab and line feed stay. Carriage returns become line feeds, so that progress bars read as
    lines; terminal colours (`ESC [ … m`) are dropped, since they only decorate.
    """
    if not _HIDDEN_TEXT.search(text):
        return text
    if "\x1b" in text:
        text = _COLOUR.sub("", text)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _HIDDEN_TEXT.sub(_name, text)


def one_line(text: str) -> str:
    """The text made visible, on one line: nobody else's words can look like a line of ours."""
    return " ".join(visible(text).split("\n"))


def brief(text: str, width: int = 0) -> str:
    """The text made visible, on one line, cut to so many characters; 0 cuts nothing."""
    line = " ".join(visible(text).split())
    return f"{line[: width - 1]}…" if width and len(line) > width else line


def json_text(value: Any, *, indent: int | None = None) -> str:
    r"""JSON that hides nothing: what `visible` names is written as `\uXXXX`, which reads the same.

    Half a surrogate pair, which UTF-8 cannot hold, is among it.
    """
    text = json.dumps(value, ensure_ascii=False, indent=indent) if indent else _encode(value)
    if text.isascii() and text.isprintable():
        return text  # nothing hidden in it, told at a fraction of the pattern's cost
    return _HIDDEN_TEXT.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def printable(text: str) -> str:
    r"""The text with what XML 1.0 cannot hold drawn as a visible sign; `\r\n` becomes `\n`."""
    if not _UNPRINTABLE.search(text):
        return text
    text = text.replace("\r\n", "\n")
    return _UNPRINTABLE.sub(_draw, text)


def _name(match: re.Match[str]) -> str:
    return f"[U+{ord(match.group()):04X}]"


def _draw(match: re.Match[str]) -> str:
    code = ord(match.group())
    return _PICTURES.get(code) or _name(match)


def guard(text: str) -> str:
    """Put `'` before text that a spreadsheet would run as a formula (CWE-1236).

    Text that already is `'` + formula gets one more, so that `unguard` always gives back what
    was there.
    """
    return f"'{text}" if _FORMULA.match(text) else text


def unguard(text: str) -> str:
    """The inverse of `guard`."""
    return text[1:] if _GUARDED.match(text) else text
