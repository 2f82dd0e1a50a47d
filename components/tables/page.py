"""The frame of every report: one self-contained HTML page.

It loads nothing: style and script are inside, allowed by their hashes in a Content Security
Policy, and everything else is forbidden. It is whole without its script, which only filters
and sorts the table. All text goes through `html.escape`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from components.tables.charts import Tone
from components.tables.html import Markup, el, join

_SIGNS: dict[str, str] = {"ok": "✓", "bad": "✕", "warn": "!", "idle": "○", "run": "▸"}


@dataclass(frozen=True)
class Tile:
    """One figure of the summary."""

    label: str
    value: str
    note: str = ""
    tone: Tone | None = None


@dataclass(frozen=True)
class Section:
    """A part of the page. `folded` ones open on a click."""

    title: str
    body: Markup
    note: str = ""
    folded: bool = False


@dataclass(frozen=True)
class Page:
    """A report.

    Args:
        title: of the browser's tab.
        kicker: small line above the headline: what kind of thing this reports on.
        headline: what happened, in one line.
        tone: colour and sign of the state.
        status: the state in a word or two.
        lead: a sentence or two below the headline.
        facts: label and value, shown as a list beside each other.
        tiles: the figures.
        sections: in order.
        notes: what is missing or could not be read.
        made: last line: by what, when.
    """

    title: str
    headline: str
    tone: Tone
    status: str
    kicker: str = ""
    lead: str | Markup = ""
    facts: Sequence[tuple[str, str | Markup]] = ()
    tiles: Sequence[Tile] = ()
    sections: Sequence[Section] = ()
    notes: Sequence[str] = ()
    made: str = ""


def pill(tone: str, words: str) -> Markup:
    """A state as a word with a sign and a colour."""
    sign = el("span", _SIGNS.get(tone, "·"), class_="sign", aria_hidden="true")
    return el("span", sign, words, class_=f"pill {tone}")


def callout(tone: Tone, title: str, *body: object) -> Markup:
    """A framed remark."""
    return el("div", el("p", title, class_="callout-title"), *body, class_=f"callout {tone}")


def paragraphs(*texts: object) -> Markup:
    """Each text as a paragraph; empty ones are left out."""
    return join(el("p", text) for text in texts if text)


def preformatted(text: str, label: str = "", *, whole: bool = False) -> Markup:
    """Text as it is, with its line breaks, in a box that scrolls unless it is shown whole."""
    return el(
        "pre", text, tabindex="0", aria_label=label or None, class_="whole" if whole else None
    )


def bullets(items: Sequence[object]) -> Markup:
    """A list."""
    return el("ul", join(el("li", item) for item in items))


def render(page: Page) -> str:
    """The page as HTML."""
    style, script = _asset("report.css"), _asset("report.js")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=policy),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", page.title),
        Markup(f"<style>{style}</style>"),
    )
    body = el(
        "body",
        _HATCH,
        el("main", _header(page), _tiles(page.tiles), _notes(page.notes), _sections(page)),
        el("footer", page.made) if page.made else None,
        Markup(f"<script>{script}</script>"),
    )
    return f"<!doctype html>\n{el('html', head, body, lang='en')}\n"


# The pattern that marks failed bars besides their colour.
_HATCH = Markup(
    '<svg width="0" height="0" class="defs" aria-hidden="true"><defs>'
    '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><rect class="hatch-ground" width="6" height="6"/>'
    '<rect class="hatch-line" width="2" height="6"/></pattern></defs></svg>'
)


def _header(page: Page) -> Markup:
    facts = [
        el("div", el("dt", label), el("dd", value)) for label, value in page.facts if value != ""
    ]
    return el(
        "header",
        el("p", page.kicker, class_="kicker") if page.kicker else None,
        el("div", el("h1", page.headline), pill(page.tone, page.status), class_="headline"),
        el("div", page.lead, class_="lead") if page.lead else None,
        el("dl", join(facts), class_="facts") if facts else None,
    )


def _tiles(tiles: Sequence[Tile]) -> Markup | None:
    if not tiles:
        return None
    made = [
        el(
            "li",
            el("span", tile.label, class_="tile-label"),
            el("span", tile.value, class_="tile-value"),
            el("span", tile.note, class_="tile-note") if tile.note else None,
            class_=f"tile {tile.tone or ''}".strip(),
        )
        for tile in tiles
    ]
    return el("ul", join(made), class_="tiles", aria_label="Summary")


def _notes(notes: Sequence[str]) -> Markup | None:
    if not notes:
        return None
    return callout("warn", "What to know about this report", bullets(list(notes)))


def _sections(page: Page) -> Markup:
    return join(_section(section) for section in page.sections)


def _section(section: Section) -> Markup:
    note = el("p", section.note, class_="note") if section.note else None
    if section.folded:
        summary = el("summary", el("h2", section.title))
        return el("details", summary, note, section.body, class_="section")
    return el("section", el("h2", section.title), note, section.body, class_="section")


@cache
def _asset(name: str) -> str:
    """Style or script from the package. Neither may end its own element."""
    text = resources.files("components.tables").joinpath(name).read_text("utf-8")
    if "</" in text:
        raise ValueError(f"{name} must not hold '</'")
    return text


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
