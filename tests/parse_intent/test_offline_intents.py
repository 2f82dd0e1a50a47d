"""The offline reader on intents of many kinds, and on the shared development set."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
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
    for name in (
        "intents_second",
        "intents_third",
        "intents_pasted",
        "intents_wordings",
        "intents_crowd",
    )
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
    """Durations as seconds, numbers in text as numbers; all else as it is."""
    if isinstance(value, str) and re.fullmatch(r"-?\d+s?", value):
        return int(value.removesuffix("s"))
    return value


OPS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda got, want: got == plain(want),
    "in": lambda got, want: got in want,
    "contains": lambda got, want: (
        want in got if isinstance(got, (list, dict, str)) else got == want
    ),
    "icontains": lambda got, want: str(want).lower() in str(got).lower(),
    "regex": lambda got, want: re.search(want, str(got)) is not None,
    "len": lambda got, want: len(got) == want,
}


def holds(job: Any, check: dict[str, Any]) -> bool:
    if "any" in check:
        return any(holds(job, one) for one in check["any"])
    written = check["path"].rsplit(".", 1)[0].endswith(("ariables", "labels"))
    found = walk(job, check["path"])
    found = found if written else [plain(value) for value in found]
    op, want = check["op"], check.get("value")
    if op in ("exists", "absent"):
        return bool(found) is (op == "exists")
    if op == "ne":
        return all(value != want for value in found)
    if op == "eq" and not found:
        return want in (0, False, "") or (want == 1 and check["path"].endswith("taskCount"))
    if written:
        return want in found
    return any(OPS[op](value, want) for value in found)


def falls_short(case: dict[str, Any]) -> bool:
    """Whether an intent is not answered as its case wants."""
    answer = answer_intent(case["turns"])
    said = answer.message.lower()
    return (
        answer.outcome != case["outcome"]
        or not all(holds(answer.job, check) for check in case.get("checks", []))
        or not all(
            any(part.lower() in said for part in words.split("|"))
            for words in case.get("mentions", [])
        )
    )


# Sets whose first reading was measured untouched and which are learnt from since: no one of them
# may be read worse than the share reached.
SHARES = {
    "intents_fourth.jsonl": 120,
    "intents_fifth.jsonl": 70,
    "intents_sixth.jsonl": 60,
    "intents_seventh.jsonl": 50,
    "intents_turns.jsonl": 19,
    "intents_turns_second.jsonl": 30,
    "intents_eighth.jsonl": 40,
    "intents_ninth.jsonl": 40,
    "intents_tenth.jsonl": 40,
    "intents_eleventh.jsonl": 40,
    "intents_config.jsonl": 200,
    "intents_refusals.jsonl": 120,
    "intents_dialogues.jsonl": 89,
}


@pytest.mark.parametrize("name", SHARES)
def test_the_share_reached_is_held(name: str) -> None:
    cases = load(HERE / name)
    short = [case["id"] for case in cases if falls_short(case)]
    assert len(cases) - len(short) >= SHARES[name], short


LEARNT = [case for name in SHARES for case in load(HERE / name)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_intents(case: dict[str, Any]) -> None:
    answer = answer_intent(case["turns"])
    assert answer.outcome == case["outcome"], answer.message
    for words in case.get("mentions", []):
        assert any(word in answer.message.lower() for word in words.split("|")), answer.message
    for check in case.get("checks", []):
        assert holds(answer.job, check), (check, answer.job)


@pytest.mark.parametrize("case", CASES + LEARNT, ids=lambda case: case["id"])
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
