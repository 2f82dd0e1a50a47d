"""Somebody else's words in Markdown, so that neither Markdown nor HTML reads anything into them."""

from __future__ import annotations

import html
import re

from components.tables.text import brief

_MARKS = re.compile(r"([\\`*_{}\[\]()#+!|~-])")


def plain(text: str, width: int = 0) -> str:
    """The text on one line, every mark of Markdown and HTML made harmless.

    Args:
        text: any text.
        width: cut beyond so many characters; 0 cuts nothing.
    """
    return _MARKS.sub(r"\\\1", html.escape(brief(text, width), quote=False))
