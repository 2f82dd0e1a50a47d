"""A draft held against what the offline reader finds in the same words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.parse_intent import evidence
from components.parse_intent.cross_check import cross_check
from components.parse_intent.offline import reader

INTENTS = [
    json.loads(line)["turns"]
    for name in ("config", "turns")
    for line in (Path(__file__).parent / f"intents_{name}.jsonl").read_text().splitlines()[::12]
]


def asked(value: Any, quote: str) -> dict[str, Any]:
    return {"value": value, "quote": quote}


def script(text: str) -> list[dict[str, Any]]:
    return [{"kind": "script", "text": asked(text, text)}]


WORDS = (
    "Run `python3 /srv/app/fit.py --in gs://lab-in/x` in europe-west4, 2 T4, 12 tasks, bucket "
    "lab-out at /mnt/out, no external IP, label team=geo, at most 30 minutes each, image "
    "gcr.io/lab/x:1"
)


def draft_of(turns: list[str]) -> dict[str, Any]:
    return evidence.as_data(reader.read(turns).draft)


@pytest.mark.parametrize(
    ("lost", "rule", "told"),
    [
        ("locations", "MISSED", "europe-west4"),
        ("gpus", "MISSED", "nvidia-tesla-t4"),
        ("volumes", "MISSED", "lab-out"),
        ("no_external_ip", "MISSED", "no_external_ip"),
        ("job_labels", "MISSED", "team"),
        ("task_count", "DIFFERS", "the draft has nothing, the offline reader reads 12"),
        ("max_run_s", "DIFFERS", "1800"),
        ("steps", "MISSED", "/srv/app/fit.py"),
    ],
)
def test_what_a_draft_lacks(lost: str, rule: str, told: str) -> None:
    whole = draft_of([WORDS])
    assert cross_check(whole, [WORDS]) == []
    assert whole[lost]
    less = {key: value for key, value in whole.items() if key != lost}
    found = [f for f in cross_check(less, [WORDS]) if f.rule == rule and told in f.message]
    assert found
    assert {f.severity for f in found} == {"warning"}


def test_a_number_that_neither_reads() -> None:
    words = "4 tasks of `./a`; the flux capacitor wants 88 of them"
    (finding,) = cross_check({"steps": script("./a"), "task_count": asked(4, "4 tasks")}, [words])
    assert "88" in finding.message
    told = {"steps": script("./a"), "task_count": asked(4, "4 tasks"), "unread": [words[17:]]}
    assert cross_check(told, [words]) == []


def test_another_path_in_the_command() -> None:
    (finding,) = cross_check({"steps": script("/opt/b.sh")}, ["run `/opt/a.sh`"])
    assert "'/opt/a.sh' is missing" in finding.message


def test_a_count_is_a_number_of_its_own() -> None:
    gpus = {"type": "nvidia-l4", "count": 12, "quote": "x"}
    draft = {"steps": script("./a"), "gpus": gpus}
    assert any("'2' is missing" in f.message for f in cross_check(draft, ["run `./a` on 2 L4"]))


def test_later_turns_are_held_to_their_own_words() -> None:
    turns = ["5 tasks of `./a` in europe-west4", "make it 10 tasks"]
    moved = {"steps": script("./a"), "task_count": asked(10, "10 tasks")}
    assert cross_check(moved, turns, last_only=True) == []
    assert "europe-west4" in cross_check(moved, turns)[0].message


def test_at_most_ten_are_told() -> None:
    words = "run `./a` with labels " + ", ".join(f"k{n}=v{n}" for n in range(40))
    assert len(cross_check({"steps": script("./a")}, [words])) == 10


def test_the_offline_readers_own_draft_holds() -> None:
    for turns in INTENTS:
        draft = draft_of(turns)
        if not draft.get("refusals"):
            found = [f for f in cross_check(draft, turns) if "a number" not in f.message]
            assert found == [], turns


def test_values_that_are_taken_away_one_by_one_are_found() -> None:
    """But for what stands in the draft elsewhere too, such as a step's name in its command."""
    missed, tried = [], 0
    for turns in INTENTS[::3]:
        draft = draft_of(turns)
        if draft.get("refusals"):
            continue
        for leaf in evidence.leaves(draft):
            if leaf.value is not False:
                tried += 1
                if not cross_check(evidence.without(draft, [leaf.place]), turns):
                    missed.append(leaf)
    assert tried > 50
    assert len(missed) <= tried // 20, missed
