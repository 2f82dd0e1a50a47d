"""Which rows a page shows.

Those without a good answer, an even sample of the rest, and rows that several models were asked.
"""

from __future__ import annotations

from typing import Any

from components.aggregate_results.predictions.results import Result, Row
from components.tables.columns import Row as Cells
from components.tables.data_table import Sample

_TEXT = 700
_PROMPT = 200
_SIDE_TEXT = 500
_GROUPS = 40
_WATCHED = 2_000
_SIDE_MODELS = 6


def beginning(text: str, limit: int) -> str:
    """The text, or its beginning if it is too long for a page: an answer's beginning tells most."""
    return text if len(text) <= limit else f"{text[:limit]} […]"


class Samples:
    """Add each row once, in order."""

    def __init__(self) -> None:
        self.sample = Sample(bytes_left=900_000)
        self._groups: dict[tuple[str, Any], dict[str, tuple[str, str]]] = {}

    def add(self, row: Row) -> None:
        """Take the row, or not."""
        result = row.result
        self.sample.add(_shown(result, row.text), result.status != "ok")
        if result.id not in (None, "") or result.line:
            self._add_to_group(result, row.text)

    def _add_to_group(self, result: Result, text: str) -> None:
        """The same id, or else the same line of the source, asked of another model."""
        by_id = result.id not in (None, "")
        key = ("", result.id) if by_id else (result.source, result.line)
        group = self._groups.get(key)
        if group is None:
            if len(self._groups) >= _WATCHED:
                return
            group = self._groups[key] = {}
        if len(group) < _SIDE_MODELS and result.model not in group:
            group[result.model] = (result.status, beginning(text, _SIDE_TEXT))

    def side_by_side(self) -> tuple[list[str], list[tuple[str, dict[str, tuple[str, str]]]]]:
        """(models, rows of (name, answer of each model)): where several models were asked."""
        groups = [
            (str(key[1]) if key[0] == "" else f"{key[0]}:{key[1]}", group)
            for key, group in self._groups.items()
            if len(group) > 1
        ][:_GROUPS]
        models = list(dict.fromkeys(model for _, group in groups for model in group))
        return models[:_SIDE_MODELS], groups


def _shown(result: Result, text: str) -> Cells:
    return {
        "row": result.row,
        "id": beginning(str(result.id), 100) if result.id is not None else "",
        "status": result.status,
        "prompt": beginning(result.prompt, _PROMPT),
        "text": beginning(text, _TEXT),
        "reason": beginning(result.reason, 300),
        "model": beginning(result.model, 100),
        "prompt_tokens": result.prompt_tokens,
        "output_tokens": result.output_tokens,
        "cost_usd": result.cost_usd,
        "attempts": result.attempts,
    }
