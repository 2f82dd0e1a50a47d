"""What stops a job, what lets it through, and what the person reads."""

from __future__ import annotations

import json

import pytest

from components.decide_submission.decide import LONGEST_QUOTE, decide, decide_run
from components.errors import InputError
from components.storage.files import write_text

CONFIG = {"outcome": "config", "message": "A job of 5 tasks."}
ERROR = {
    "severity": "error",
    "path": "taskGroups[0].taskCount",
    "message": "There may be at most 10,000 tasks.",
    "fix": "Split the job.",
}
FORBIDDEN = {**ERROR, "rule": "POLICY_TASKS", "message": "9 tasks; the policy allows 3 a job"}
WARNING = {**ERROR, "severity": "warning"}


@pytest.mark.parametrize(
    ("answer", "findings", "dry_run", "verdict", "says"),
    [
        (CONFIG, [], False, "submit", "no errors"),
        (CONFIG, [WARNING], False, "submit", "no errors"),
        (CONFIG, [], True, "show", "dry run"),
        (CONFIG, [ERROR], False, "stop", "an error and was not submitted: taskGroups[0].taskCount"),
        (
            CONFIG,
            [FORBIDDEN],
            False,
            "stop",
            "policy does not allow the job, so it was not submitted",
        ),
        (CONFIG, [ERROR, FORBIDDEN], False, "stop", "2 errors, the first of them"),
        (CONFIG, [WARNING, ERROR, ERROR], True, "stop", "2 errors, the first of them"),
        (
            {"outcome": "clarify", "message": "m", "questions": ["What runs?", "Where?"]},
            [],
            False,
            "stop",
            "no job was submitted: What runs? Where?",
        ),
        ({"outcome": "clarify", "message": "Say more."}, [], False, "stop", "Say more"),
        ({"outcome": "reject", "message": "It is not a job."}, [], True, "stop", "It is not a job"),
        ({}, [], False, "stop", "No Batch job can be made"),
    ],
)
def test_the_verdict_and_its_reason(answer, findings, dry_run, verdict, says):
    decision = decide(answer, findings, dry_run=dry_run)
    assert decision.verdict == verdict
    assert says in decision.reason
    assert decision.go == (verdict == "submit")


def test_other_peoples_words_stay_one_short_line():
    decision = decide(
        {"outcome": "reject", "message": "no\n\x1b[2J" + "x" * 5000}, [], dry_run=False
    )
    assert "\n" not in decision.reason
    assert len(decision.reason) < LONGEST_QUOTE + 100


def folder(tmp_path, answer, findings):
    write_text(str(tmp_path / "intent.json"), json.dumps(answer))
    write_text(str(tmp_path / "findings.json"), json.dumps(findings))
    return str(tmp_path)


def test_a_decision_is_left_in_the_run_folder(tmp_path):
    assert decide_run(folder(tmp_path, CONFIG, []), dry_run=False).go
    assert json.loads((tmp_path / "gate.json").read_text())["go"] is True


def test_a_run_that_must_stop_fails_with_the_reason_and_leaves_it_too(tmp_path):
    with pytest.raises(InputError, match=r"at most 10,000 tasks. Split the job$"):
        decide_run(folder(tmp_path, CONFIG, [ERROR]), dry_run=False)
    gate = json.loads((tmp_path / "gate.json").read_text())
    assert gate["go"] is False
    assert gate["verdict"] == "stop"
    assert "at most 10,000 tasks" in gate["reason"]


def test_without_the_files_of_the_steps_before_it_says_which_is_missing(tmp_path):
    with pytest.raises(InputError, match=r"intent\.json"):
        decide_run(str(tmp_path), dry_run=False)
