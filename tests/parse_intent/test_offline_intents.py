"""The offline reader on intents of many kinds, and on the shared development set."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from components.parse_intent.answer import answer_intent

HERE = Path(__file__).parent
SHARED = HERE.parents[2] / "shared" / "intents" / "dev.jsonl"


def load(path: Path) -> list[dict[str, Any]]:
    """Cases in the form of the shared intents: id, turns, outcome, checks or mentions."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


CASES = [
    case
    for name in ("intents_second", "intents_third", "intents_pasted")
    for case in load(HERE / f"{name}.jsonl")
]


def walk(value: Any, path: str) -> list[Any]:
    """Every value that a path reaches, as the shared scorer walks."""
    found = [value]
    for name, index in re.findall(r"([^.\[\]]+)|\[(\d+|\*)\]", path):
        reached: list[Any] = []
        for item in found:
            if name and isinstance(item, dict) and name in item:
                reached.append(item[name])
            elif index == "*" and isinstance(item, list):
                reached.extend(item)
            elif index and index != "*" and isinstance(item, list) and int(index) < len(item):
                reached.append(item[int(index)])
        found = reached
    return found


def plain(value: Any) -> Any:
    """Durations as seconds; all else as it is."""
    if isinstance(value, str) and re.fullmatch(r"\d+s", value):
        return int(value[:-1])
    return value


def holds(job: Any, check: dict[str, Any]) -> bool:
    if "any" in check:
        return any(holds(job, one) for one in check["any"])
    found = [plain(value) for value in walk(job, check["path"])]
    if check["op"] == "absent":
        return not found
    if check["op"] == "icontains":
        return any(check["value"].lower() in str(value).lower() for value in found)
    assert check["op"] == "eq"
    return check["value"] in found or (not found and check["value"] == 0)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_intents(case: dict[str, Any]) -> None:
    answer = answer_intent(case["turns"])
    assert answer.outcome == case["outcome"], answer.message
    for words in case.get("mentions", []):
        assert any(word in answer.message.lower() for word in words.split("|")), answer.message
    for check in case.get("checks", []):
        assert holds(answer.job, check), (check, answer.job)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_evidence_stands_in_the_words(case: dict[str, Any]) -> None:
    said = " ".join("\n".join(case["turns"]).split())
    for line in answer_intent(case["turns"]).evidence:
        assert " ".join(line["quote"].split()) in said, line


def test_the_development_set_is_mostly_read() -> None:
    if not SHARED.exists():
        pytest.skip(f"the shared intents are not at {SHARED}")
    cases = load(SHARED)
    right = sum(answer_intent(case["turns"]).outcome == case["outcome"] for case in cases)
    assert right >= 0.95 * len(cases)
