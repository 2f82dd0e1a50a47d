"""Making hostile text harmless and visible, one small reversible rule each.

Three places need different rules, so there are three functions:
a page must show what would hide or reorder text (`visible`), a spreadsheet must not run
text as a formula (`guard`/`unguard`), and XML cannot hold most control characters
(`printable`).
"""

from __future__ import annotations

import re

# Control Pictures (U+2400..) draw each C0 control character as one visible sign.
_PICTURES = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n"}
_PICTURES[0x7F] = "␡"
_C1 = {code: f"[U+{code:04X}]" for code in range(0x80, 0xA0)}
# What changes the order of text on the screen or hides it: Unicode Standard Annex 9, and the
# characters of CVE-2021-42574 ("Trojan Source"); then what XML and UTF-8 cannot hold.
_HIDDEN = (0x061C, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A))
_LINES = (0x2028, 0x2029, 0xFEFF)
_NAMED = {code: f"[U+{code:04X}]" for code in (*_HIDDEN, *_LINES, 0xFFFE, 0xFFFF)}
_SHOWN = {**_PICTURES, **_C1, **_NAMED}

_HIDDEN_TEXT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069"
    "\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]"
)
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"''*[=+\-@\t\r]")


def visible(text: str) -> str:
    r"""The text with every control, bidi and invisible character drawn as a visible sign.

    Tab and line feed stay. `\r\n` becomes `\n` first, or every Windows line would end in `␍`.
    """
    if "\r\n" in text:
        text = text.replace("\r\n", "\n")
    if not _HIDDEN_TEXT.search(text):
        return text
    return _HIDDEN_TEXT.sub(_show, text)


def printable(text: str) -> str:
    """The text with what XML 1.0 cannot hold drawn as a visible sign; all else stays."""
    if not _UNPRINTABLE.search(text):
        return text
    return _UNPRINTABLE.sub(_show, text)


def _show(match: re.Match[str]) -> str:
    code = ord(match.group())
    return _SHOWN.get(code, "\ufffd")  # what is left is half a surrogate pair


def guard(text: str) -> str:
    """Put `'` before text that a spreadsheet would run as a formula (CWE-1236).

    Text that already is `'` + formula gets one more, so that `unguard` always gives back what
    was there.
    """
    return f"'{text}" if _FORMULA.match(text) else text


def unguard(text: str) -> str:
    """The inverse of `guard`."""
    return text[1:] if _GUARDED.match(text) else text
