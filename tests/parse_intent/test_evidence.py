"""Whether a draft stands on the person's words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.parse_intent.evidence import (
    Words,
    changed_unasked,
    leaves,
    requoted,
    taken_away,
    unnamed,
    unproved,
    unused_numbers,
    without,
)


def asked(value: Any, quote: str) -> dict[str, Any]:
    return {"value": value, "quote": quote}


@pytest.mark.parametrize(
    ("turn", "quote", "holds"),
    [
        ("run 5 tasks", "5 tasks", True),
        ("run 15 tasks", "5 tasks", False),
        ("run 5 tasks", "5 task", False),
        ("run  5\n\ttasks", "5 tasks", True),
        ("Run 5 Tasks", "run 5 tasks", True),
        ("run 5 tasks", "run\n5 tasks", True),
        ("don\u2019t retry", "don't retry", True),
        ("say \u201chello\u201d", 'say "hello"', True),
        ("use `ls -l` here", "`ls -l`", True),
        ("use `ls -l` here", '"ls -l"', True),
        ("run ./a.sh", "./a.sh", True),
        ("run at most 30 of them at once", "at most 30 ... at once", True),
        ("at once, at most 30", "at most 30 ... at once", False),
        ("cat ... dog", "cat ... dog", True),
        ("a...b", "a ... b", False),
        ("#!/bin/sh\n#SBATCH -n 1\n./dock all", "#!/bin/sh\n./dock all", True),
        ("./dock all\n#!/bin/sh", "#!/bin/sh\n./dock all", False),
        ("anything", "", False),
        ("anything", "  ", False),
        ("anything", "''", False),
        ("", "x", False),
        ("f(x) [a] .* \\d", "[a] .* \\d", True),
        ("\u0130stanbul 5 tasks", "5 tasks", True),
    ],
)
def test_quotes_are_looked_up(turn: str, quote: str, holds: bool) -> None:
    assert Words(turn, {}).hold(quote) == holds


@given(st.text(), st.integers(0, 50), st.integers(1, 50))
def test_whole_words_of_a_turn_always_hold(turn: str, start: int, length: int) -> None:
    words = turn.split()
    quote = " ".join(words[start : start + length])
    if quote.strip("\"'` \u201c\u201d\u201e\u2018\u2019"):
        assert Words(turn, {}).hold(quote)


DRAFT: dict[str, Any] = {
    "steps": [{"kind": "script", "text": asked("./a.sh 7", "./a.sh")}],
    "task_count": asked(5, "5 tasks"),
    "tags": [asked("x", "tag x"), asked("y", "tag y")],
    "gpus": {"type": "nvidia-l4", "count": 1, "quote": "an L4"},
    "boot_disk": {"size_gb": asked(50, "50 GB")},
    "questions": [],
}


def test_leaves_have_places_and_values() -> None:
    found = {leaf.place: leaf.value for leaf in leaves(DRAFT)}
    assert found == {
        ("steps", 0, "text"): "./a.sh 7",
        ("task_count",): 5,
        ("tags", 0): "x",
        ("tags", 1): "y",
        ("gpus",): {"type": "nvidia-l4", "count": 1},
        ("boot_disk", "size_gb"): 50,
    }


def test_values_are_taken_out_by_place() -> None:
    places = [("tags", 0), ("gpus",), ("tags", 1), ("steps", 0, "text"), ("boot_disk", "size_gb")]
    assert without(DRAFT, places) == {
        "steps": [{"kind": "script"}],
        "task_count": asked(5, "5 tasks"),
        "tags": [],
        "boot_disk": {},
        "questions": [],
    }
    assert DRAFT["tags"]  # the former is left alone


FENCED = "5 tasks\n```\n# use 9 GPUs\n./a.sh 7\n```\nand a tag x"


@pytest.mark.parametrize(
    ("script", "quote", "outside"),
    [
        ("./a.sh 7", "5 tasks", True),
        ("./a.sh 7", "9 GPUs", False),  # the fence is what is run, so all of it is payload
        ("./a.sh 7", "./a.sh 7", False),
        ("./other.sh", "9 GPUs", False),  # a comment in any fence
        ("./other.sh", "./a.sh 7", True),  # this fence is not what is run
        ("./a.sh 7", "tag x", True),
    ],
)
def test_what_is_payload(script: str, quote: str, outside: bool) -> None:
    draft = {"steps": [{"text": asked(script, "x")}]}
    words = Words(FENCED, draft)
    assert words.hold(quote)
    assert words.hold_outside_payload(quote) == outside


def test_words_said_twice_count_where_they_are_no_payload() -> None:
    draft = {"steps": [{"text": asked("./a.sh --n 5 tasks", "x")}]}
    assert Words("5 tasks of ./a.sh --n 5 tasks", draft).hold_outside_payload("5 tasks")
    assert not Words("run ./a.sh --n 5 tasks", draft).hold_outside_payload("5 tasks")


@pytest.mark.parametrize("line", ["#SBATCH -n 9", "#PBS -l n=9", "  #SBATCH -n 9", "#$ -n 9"])
def test_directives_are_no_payload(line: str) -> None:
    turn = f"port\n```\n{line}\n./a.sh\n```"
    draft = {"steps": [{"text": asked(f"{line}\n./a.sh", "port")}]}
    assert Words(turn, draft).hold_outside_payload(line.strip())


def test_commands_may_be_quoted_from_payload_and_modifiers_may_not() -> None:
    step = {
        "text": asked("./a.sh # always run", "./a.sh"),
        "always_run": asked(True, "always run"),
    }
    draft = {"steps": [step]}
    found = unproved(draft, [Words("do ./a.sh # always run", draft)])
    assert [finding.path for finding in found] == ["draft.steps[0].always_run"]


@pytest.mark.parametrize(
    ("field", "value", "missing"),
    [
        ("volumes", [{"kind": "gcs", "remote": "lab-in/2024", "quote": "x"}], ""),
        ("volumes", [{"kind": "gcs", "remote": "lab-out", "quote": "x"}], "lab-out"),
        ("volumes", [{"kind": "gcs", "remote": "lab-in", "mount": "/mnt/x", "quote": "x"}], "mnt"),
        ("secret_env", [{"name": "A", "value": "projects/p1/secrets/s1/versions/latest"}], ""),
        ("secret_env", [{"name": "A", "value": "projects/p2/secrets/s1/versions/latest"}], "p2"),
        ("service_account", asked("bot@p1.iam.gserviceaccount.com", "x"), "p1.iam"),
        ("instance_template", asked("projects/p1/global/instanceTemplates/s1", "x"), ""),
        ("machine_type", asked("n2-standard-4", "x"), ""),  # no name of the person's own
    ],
)
def test_names_are_the_persons(field: str, value: Any, missing: str) -> None:
    if isinstance(value, list):
        value = [entry | {"quote": "x"} for entry in value]
    turn = "x gs://lab-in/2024, secret s1 in project p1, account bot"
    draft = {field: value}
    found = unnamed(draft, [Words(turn, draft)])
    assert bool(found) == bool(missing)
    assert all(missing in finding.message for finding in found)


def test_a_garbled_quote_of_an_exact_name_is_mended() -> None:
    draft = {"machine_type": asked("e2-medium", "on an e2 medium machine")}
    words = [Words("use e2-medium", draft)]
    assert requoted(draft, words) == {"machine_type": asked("e2-medium", "e2-medium")}
    assert requoted(draft, [Words("use e2", draft)]) == draft


def test_changes_need_the_last_turns_words() -> None:
    former = {"task_count": asked(5, "5 tasks"), "tags": [asked("x", "tag x")]}
    last = Words("10 tasks", {})
    assert changed_unasked(former, former | {"task_count": asked(10, "10 tasks")}, last) == []
    (finding,) = changed_unasked(former, former | {"task_count": asked(9, "5 tasks")}, last)
    assert (finding.rule, finding.path) == ("UNTOUCHED", "draft.task_count")
    moved = former | {"tags": [asked("z", "10 tasks"), asked("x", "tag x")]}
    assert changed_unasked(former, moved, last) == []
    assert taken_away(former, {"tags": former["tags"]}) == ["task_count"]


@pytest.mark.parametrize(
    ("turn", "draft", "missed"),
    [
        ("5 tasks, 3 at once", {"task_count": asked(5, "5 tasks")}, ["3 at once"]),
        ("1 hour", {"max_run_s": asked(3600, "1 hour")}, []),
        ("n1-standard-8 in us-central1", {}, []),
        ("keep 3 copies", {"unread": ["keep 3 copies"]}, []),
        ("run ./a.sh --n 77", {"steps": [{"text": asked("./a.sh --n 77", "x")}]}, []),
        ("task 2: A=b", {"task_envs": [{"index": 2, "variables": []}]}, []),
        ("on 2024-11-05 at 10", {}, ["2024-11-05", "at 10"]),
    ],
)
def test_numbers_that_reach_no_field(turn: str, draft: dict[str, Any], missed: list[str]) -> None:
    found = unused_numbers(draft, [Words(turn, draft)])
    assert len(found) == len(missed)
    for words, context in zip(missed, found, strict=True):
        assert words in context


def test_a_flood_of_numbers_is_cut_short() -> None:
    assert len(unused_numbers({}, [Words("1 " * 5000, {})])) == 10
