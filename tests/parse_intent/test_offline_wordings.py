"""One setting in many words: wordings.jsonl holds a field, its value, and ways to ask for it.

A row's `around` is the intent that each of its wordings stands in; most leave it out.
"""

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
AROUND = "Please run `./a $BATCH_TASK_INDEX` as 40 tasks. {}."


def rows(*, own: bool) -> list[tuple[Any, ...]]:
    """Path, value and intent of each wording of the rows with an `around`, or of the others."""
    return [
        (line["path"], line["value"], line.get("around", AROUND).replace("{}", said))
        for line in LINES
        if own is ("around" in line)
        for said in line["said"]
    ]


WORDINGS = [
    (line["path"], line["value"], said)
    for line in LINES
    if "around" not in line
    for said in line["said"]
]


@pytest.mark.parametrize(("path", "value", "intent"), rows(own=False))
def test_wordings_of_one_setting(path: str, value: Any, intent: str) -> None:
    answer = answer_intent([intent])
    assert answer.job is not None, answer.message
    found = [plain(found) for found in walk(answer.job, path)]
    assert found[:1] == [value] or (value in (0, False) and not found)
    assert answer.job["taskGroups"][0]["taskCount"] == 40


@pytest.mark.parametrize(("path", "value", "intent"), rows(own=True))
def test_wordings_in_intents_of_their_own(path: str, value: Any, intent: str) -> None:
    answer = answer_intent([intent])
    assert answer.job is not None, answer.message
    found = [plain(found) for found in walk(answer.job, path)]
    assert found == (value if isinstance(value, list) else [value])


@pytest.mark.parametrize(("path", "value", "said"), WORDINGS[::9])
def test_wordings_hold_beside_other_sentences(path: str, value: Any, said: str) -> None:
    """The same words before the command, with prose of another subject around them."""
    said = f"We sell garden gnomes. {said}. Please run `./a $BATCH_TASK_INDEX` as 40 tasks."
    answer = answer_intent([said])
    assert answer.job is not None, answer.message
    found = [plain(found) for found in walk(answer.job, path)]
    assert found[:1] == [value] or (value in (0, False) and not found)
