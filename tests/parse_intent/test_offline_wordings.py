"""One setting in many words: wordings.jsonl holds a field, its value, and ways to ask for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.parse_intent.answer import answer_intent
from tests.parse_intent.test_offline_intents import plain, walk

LINES = [
    json.loads(line)
    for line in (Path(__file__).parent / "wordings.jsonl").read_text("utf-8").splitlines()
]
WORDINGS = [(line["path"], line["value"], said) for line in LINES for said in line["said"]]


@pytest.mark.parametrize(("path", "value", "said"), WORDINGS)
def test_wordings_of_one_setting(path: str, value: Any, said: str) -> None:
    answer = answer_intent([f"Please run `./a $BATCH_TASK_INDEX` as 40 tasks. {said}."])
    assert answer.job is not None, answer.message
    found = [plain(found) for found in walk(answer.job, path)]
    assert found[:1] == [value] or (value in (0, False) and not found)
    assert answer.job["taskGroups"][0]["taskCount"] == 40


@pytest.mark.parametrize(("path", "value", "said"), WORDINGS[::9])
def test_wordings_hold_beside_other_sentences(path: str, value: Any, said: str) -> None:
    """The same words before the command, with prose of another subject around them."""
    said = f"We sell garden gnomes. {said}. Please run `./a $BATCH_TASK_INDEX` as 40 tasks."
    answer = answer_intent([said])
    assert answer.job is not None, answer.message
    found = [plain(found) for found in walk(answer.job, path)]
    assert found[:1] == [value] or (value in (0, False) and not found)
