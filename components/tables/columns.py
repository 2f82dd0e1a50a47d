"""What a column is: the same list describes it to every writer and to the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal[
    "text", "integer", "number", "seconds", "dollars", "time", "state", "boolean", "long", "prose",
    "name",
]  # fmt: skip
"""`seconds` is a duration; `time` an ISO 8601 text in UTC; `state` one word that the page
colours and labels; `long` text of several lines that the page folds, `prose` text that it gives
room to, `name` one that it does not break."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """One column.

    Args:
        name: key in the row, and the field name in JSONL and CSV.
        title: what a person reads in XLSX and on the page.
        kind: how the value is written and shown.
        width: characters wide in XLSX.
    """

    name: str
    title: str
    kind: Kind = "text"
    width: int = 14

    @property
    def numeric(self) -> bool:
        """Whether values are numbers, aligned to the right and sorted as numbers."""
        return self.kind in ("integer", "number", "seconds", "dollars")


def names(columns: Sequence[Column]) -> list[str]:
    """The field names, in order."""
    return [column.name for column in columns]


def as_text(value: Any) -> str:
    """A value as one text cell: nothing for None, `true`/`false`, JSON for lists and dicts."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, dict, tuple)):
        import json

        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
