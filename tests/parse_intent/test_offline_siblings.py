"""Classes of wording: siblings.jsonl holds what came before, many ways to say one thing, and what
must come of each: a question, a refusal, or a change, and the harmless words beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.parse_intent.answer import answer_intent
from tests.parse_intent.test_offline_intents import holds

ROWS = [
    json.loads(line)
    for line in (Path(__file__).parent / "siblings.jsonl").read_text("utf-8").splitlines()
]


@pytest.mark.parametrize(
    ("row", "said"),
    [pytest.param(row, said, id=f"{row['class']}-{said}") for row in ROWS for said in row["said"]],
)
def test_siblings_of_one_wording(row: dict[str, Any], said: str) -> None:
    turns = [*row.get("before", []), said, *row.get("after", [])]
    answer = answer_intent(turns)
    assert answer.outcome == row["outcome"], answer.message
    for words in row.get("mentions", []):
        assert any(word in answer.message.lower() for word in words.split("|")), answer.message
    for check in row.get("checks", []):
        assert holds(answer.job, check), (check, answer.job)
