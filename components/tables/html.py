"""HTML by builder functions with one escaping function; nothing reaches a page around it."""

from __future__ import annotations

import html
import json
import re
from typing import Any

from components.tables.text import visible

_VOID = {"meta", "br", "input", "link", "col"}
_UNSAFE = re.compile("[<>&\u2028\u2029\ud800-\udfff]")
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9:-]*\Z")


class Markup(str):
    """Text that is HTML already. Only this module and constants of the program make it."""

    __slots__ = ()


def escape(text: object) -> Markup:
    """Text as HTML: markup escaped, control and bidi characters drawn visibly."""
    return Markup(html.escape(visible(str(text)), quote=True))


def join(parts: Any, separator: str = "") -> Markup:
    """Parts (escaped unless they are Markup; None left out) one after the other."""
    return Markup(separator.join(_child(part) for part in parts))


def el(tag: str, *children: object, **attributes: object) -> Markup:
    """An element.

    Args:
        tag: its name.
        children: text is escaped, Markup is kept, None is left out.
        attributes: `class_` is class, `data_x` is data-x; True gives the bare name, None and
            False leave it out. Values are escaped always.
    """
    opening = f"<{tag}{''.join(_attribute(k, v) for k, v in attributes.items())}>"
    if tag in _VOID and not children:
        return Markup(opening)
    return Markup(f"{opening}{''.join(_child(child) for child in children)}</{tag}>")


def _child(child: object) -> str:
    if child is None:
        return ""
    return child if isinstance(child, Markup) else escape(child)


def _attribute(name: str, value: object) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    if not _NAME.match(name) or name.startswith("on") or name == "style":
        raise ValueError(f"attribute {name!r} is never written to a page")
    if value is True:
        return f" {name}"
    return f' {name}="{escape(value)}"'


def link(url: str, text: str) -> Markup:
    """A link where the URL is https, and else the text with the URL as text behind it."""
    if not url.startswith("https://"):
        return escape(f"{text} ({url})" if url else text)
    return el("a", text, href=url, rel="noopener noreferrer", target="_blank")


def json_block(key: str, value: object) -> Markup:
    """Data for the page's script, in a block that a browser does not run.

    `<`, `>` and `&` are escaped inside the strings, so that nothing in the data can end the
    block (HTML standard, 4.12.1.3 "Restrictions for contents of script elements").
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    text = _UNSAFE.sub(lambda sign: f"\\u{ord(sign.group()):04x}", text)
    return Markup(f'<script type="application/json" id="{escape(key)}">{text}</script>')
