"""Hostile text becomes harmless and visible, and the formula guard has a way back."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.tables.text import guard, json_text, one_line, printable, unguard, visible

ANY = st.text(st.characters())


@given(ANY)
def test_the_guard_has_a_way_back(text: str) -> None:
    assert unguard(guard(text)) == text


@given(ANY)
def test_what_is_guarded_is_no_formula(text: str) -> None:
    assert not guard(text).startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize(
    ("text", "guarded"),
    [
        ("=1+1", "'=1+1"),
        ("+49 30", "'+49 30"),
        ("-x", "'-x"),
        ("@a", "'@a"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("'=1", "''=1"),
        ("'tis", "'tis"),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_guarded_texts(text: str, guarded: str) -> None:
    assert guard(text) == guarded


@given(ANY)
def test_nothing_hidden_stays_on_a_page(text: str) -> None:
    shown = visible(text)
    for char in shown:
        code = ord(char)
        assert char in "\t\n" or code >= 0x20
        assert not 0x7F <= code < 0xA0
        assert not 0x202A <= code <= 0x202E
        assert not 0x2066 <= code <= 0x2069
        assert not 0xD800 <= code < 0xE000


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\r\nb", "a\nb"),
        ("10%\r20%", "10%\n20%"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07", "[U+001B]]0;title[U+0007]"),
        ("user\u202etxt.exe", "user[U+202E]txt.exe"),
        ("a\u2066b\u2069", "a[U+2066]b[U+2069]"),
        ("zero\u200bwidth", "zero[U+200B]width"),
        ("nul\x00", "nul[U+0000]"),
        ("\ud800", "[U+D800]"),
        ("👩\u200d🔬 é 日本", "👩\u200d🔬 é 日本"),
        ("\tcolumn\n", "\tcolumn\n"),
    ],
)
def test_what_a_page_shows(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(ANY)
def test_what_a_workbook_holds_is_xml(text: str) -> None:
    import xml.etree.ElementTree as ElementTree
    from xml.sax.saxutils import escape

    ElementTree.fromstring(f"<t>{escape(printable(text))}</t>".encode())


def test_a_workbook_draws_control_characters() -> None:
    assert printable("a\x00\x1b\x7f\ufffe") == "a␀␛␡[U+FFFE]"


@given(st.recursive(ANY, lambda inner: st.lists(inner) | st.dictionaries(ANY, inner)))
def test_json_hides_nothing_and_means_the_same(value: object) -> None:
    text = json_text(value, indent=1)
    assert json.loads(text) == value
    assert visible(text) == text
    text.encode()


@given(ANY)
def test_one_line_is_one_line_and_commands_no_terminal(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert not any(unicodedata.category(sign) == "Cc" for sign in line.replace("\t", " "))
