"""Variables of each task, given as a table: a column for its index, one for each variable."""

from __future__ import annotations

import re
from collections.abc import Iterator

from components.parse_intent.draft import Pair, TaskEnvironment
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern

BETWEEN = r"[ \t]*[|,;:\t][ \t]*"
HEADER = Pattern(
    r"^[ \t|]*(?:task|index|idx|#|no\.?|nr\.?)(?: (?:index|idx|no\.?|number))?"
    rf"{BETWEEN}(?P<names>[A-Za-z_]\w*(?:{BETWEEN}[A-Za-z_]\w*){{0,19}})[ \t|]*$",
    re.IGNORECASE | re.MULTILINE,
)
ROW = Pattern(rf"[ \t|]*(?:task )?(?P<i>\d{{1,3}}){BETWEEN}(?P<rest>[^\n]+)", re.IGNORECASE)
CELL = Pattern(r"[^|,;\t\s](?:[^|,;\t\n]*[^|,;\t\s])?")
ABOUT = Pattern(r"\b(?:environments?|variables?|tasks?)\b", re.IGNORECASE)


def read_task_table(page: Page) -> list[TaskEnvironment]:
    """The variables of each task from a table with a header; none where there is no such table."""
    for header in page.find(HEADER):
        names = _cells(page, header.start("names"), header.end("names"))
        found = [
            TaskEnvironment(index=index, variables=pairs)
            for index, pairs in _rows(page, header.end() + 1, [name for name, _, _ in names])
        ]
        if found and (all(name.isupper() for name, _, _ in names) or ABOUT.search(page.norm)):
            page.take(*header.span())
            return found
    return []


def _cells(page: Page, start: int, end: int) -> list[tuple[str, int, int]]:
    """The person's own words of each cell between two places, with its span."""
    return [(page.quote(*m.span()), *m.span()) for m in CELL.finditer(page.norm, start, end)]


def _rows(page: Page, start: int, names: list[str]) -> Iterator[tuple[int, list[Pair]]]:
    """Index and variables of each row from a place on, up to a line that is none."""
    while start < len(page.norm):
        end = page.norm.find("\n", start)
        end = len(page.norm) if end < 0 else end
        row = ROW.fullmatch(page.norm, start, end)
        if row is not None:
            cells = _cells(page, *row.span("rest"))
            if len(cells) != len(names):
                return
            page.take(*row.span("i"))
            yield (
                int(row["i"]),
                [
                    Pair(name=name, value=value.strip("\"'"), quote=page.take(a, b))
                    for name, (value, a, b) in zip(names, cells, strict=True)
                ],
            )
        elif page.norm[start:end].strip():
            return
        start = end + 1
