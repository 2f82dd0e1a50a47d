"""The table of a page: whole in HTML for its first rows, filtered and sorted by the script.

The script gets the rows of the sample as JSON, already made harmless, and writes them with
`textContent` only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.tables.columns import Column, Row, as_text
from components.tables.formats import count, dollars, duration, moment_words, plural
from components.tables.html import Markup, el, escape, join, json_block
from components.tables.page import pill
from components.tables.text import visible

FIRST_ROWS = 100
_CELL_CHARS = 4_000


@dataclass
class Sample:
    """Which rows a page shows when there are many: the important ones, then some of the rest.

    Args:
        important_cap: how many important rows are kept.
        others_cap: how many others.
        bytes_left: a bound on the text of all kept rows as the page holds it: a page has it once
            as JSON, and that of its first rows as HTML too.

    Of the others every n-th is kept, n doubling as they come, so the sample is even and the same
    each time.
    """

    important_cap: int = 500
    others_cap: int = 500
    bytes_left: int = 600_000
    important: list[Row] = field(default_factory=list)
    others: list[Row] = field(default_factory=list)
    important_seen: int = 0
    others_seen: int = 0
    _stride: int = 1

    def add(self, row: Row, important: bool) -> None:
        """Take the row, or not."""
        if important:
            self.important_seen += 1
            size = _size(row)
            if len(self.important) < self.important_cap and size <= self.bytes_left:
                self.important.append(row)
                self.bytes_left -= size
            return
        if self.others_seen % self._stride == 0:
            self.others.append(row)
            if len(self.others) > self.others_cap:
                self.others = self.others[::2]
                self._stride *= 2
        self.others_seen += 1

    def rows(self) -> list[Row]:
        """The kept rows, important ones first."""
        kept, left = list(self.important), self.bytes_left
        for row in self.others:
            left -= _size(row)
            if left < 0:
                break
            kept.append(row)
        return kept

    @property
    def seen(self) -> int:
        """How many rows there were."""
        return self.important_seen + self.others_seen


def _size(row: Row) -> int:
    """Bytes of the row on the page, markup characters counted as what they are escaped to."""
    texts = [value[-_CELL_CHARS:] for value in row.values() if isinstance(value, str)]
    text = "".join(texts)
    marks = sum(text.count(sign) for sign in "<>&\"'\n\\")
    return len(text.encode("utf-8", "replace")) + 5 * marks + 10 * len(row)


def cell_words(column: Column, value: Any) -> str:
    """A value as the page shows it; hostile characters drawn visibly."""
    if value is None or value == "":
        return ""
    if column.kind == "seconds" and isinstance(value, (int, float)):
        return duration(value)
    if column.kind == "dollars" and isinstance(value, (int, float)):
        return f"${value:.6f}" if 0 < value < 0.0001 else dollars(value)  # a row may cost so little
    if column.kind == "integer" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if column.kind == "time":
        return visible(moment_words(str(value), ""))
    return ending(visible(as_text(value)))


def ending(text: str) -> str:
    """The text, or its end if it is too long for a page: an output's end tells most."""
    if len(text) <= _CELL_CHARS:
        return text
    return f"[… {count(len(text) - _CELL_CHARS)} characters before]\n{text[-_CELL_CHARS:]}"


def data_table(
    columns: Sequence[Column],
    rows: Sequence[Row],
    *,
    key: str,
    caption: str,
    tones: Mapping[str, str],
    total: int = 0,
) -> Markup:
    """The table with its filter.

    Args:
        columns: which values of a row are shown.
        rows: the sample, in the order to show.
        key: an id, unique on the page.
        caption: what the table holds, for those who cannot see it.
        tones: colour of each word of a `state` column.
        total: how many rows there are in all, when the sample is smaller.
    """
    words = [[cell_words(column, row.get(column.name)) for column in columns] for row in rows]
    head = [el("th", column.title, scope="col", class_=_class(column)) for column in columns]
    body = [_row(columns, cells, tones) for cells in words[:FIRST_ROWS]]
    table = el(
        "table",
        el("caption", caption),
        el("thead", el("tr", join(head))),
        el("tbody", join(body)),
    )
    data = {
        "columns": [{"title": c.title, "kind": c.kind} for c in columns],
        "tones": dict(tones),
        "rows": words,
        "sort": {str(n): [_sort_key(row.get(c.name)) for row in rows] for n, c in _sorted(columns)},
    }
    shown = min(len(rows), FIRST_ROWS)
    return el(
        "div",
        el("div", class_="controls", hidden=True),
        el("p", _counted(shown, len(rows), total), class_="counted", role="status"),
        el("div", table, class_="scroll", tabindex="0", role="region", aria_label=caption),
        json_block(f"{key}-data", data),
        class_="data-table",
        data_source=f"{key}-data",
        data_first=str(FIRST_ROWS),
    )


def _sorted(columns: Sequence[Column]) -> list[tuple[int, Column]]:
    return [(n, c) for n, c in enumerate(columns) if c.numeric or c.kind == "time"]


def _sort_key(value: Any) -> float | str | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value if math.isfinite(value) else None
    return str(value) if value not in (None, "") else None


def _counted(shown: int, sample: int, total: int) -> str:
    if shown < sample:
        return f"The first {count(shown)} of {count(sample)} rows on this page."
    if total > sample:
        return f"{count(sample)} of {count(total)} rows are on this page."
    return plural(sample, "row")


def _class(column: Column) -> str | None:
    if column.numeric:
        return "number"
    return column.kind if column.kind in ("time", "prose", "name") else None


def _row(columns: Sequence[Column], cells: Sequence[str], tones: Mapping[str, str]) -> Markup:
    made = [_cell(column, text, tones) for column, text in zip(columns, cells, strict=True)]
    return el("tr", join(made))


def _cell(column: Column, text: str, tones: Mapping[str, str]) -> Markup:
    content: Markup = escape(text)
    if column.kind == "state" and text:
        content = pill(tones.get(text, "idle"), text.capitalize())
    elif column.kind == "long" and ("\n" in text or len(text) > 80):
        content = el("details", el("summary", last_line(text)), el("pre", text, tabindex="0"))
    return el("td", content, class_=_class(column), data_title=column.title)


def last_line(text: str) -> str:
    """The last line that is not empty, cut to 80 characters."""
    lines = [line for line in text.splitlines() if line.strip()]
    line = lines[-1].strip() if lines else ""
    return line if len(line) <= 80 else f"{line[:79]}…"
