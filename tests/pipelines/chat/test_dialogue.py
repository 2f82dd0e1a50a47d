"""The dialogue without a terminal: a state and a line, to a state and a text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.batch.policy import Policy
from components.batch.vm_prices import load_vm_prices
from components.errors import WrongUse
from pipelines.chat.dialogue import begin, edited, step
from pipelines.chat.state import Reply, Rules, State

RULES = Rules(load_vm_prices())
START = begin("p-12345", "", "", "chat-1")
FIRST = "12 tasks of `/opt/qc.sh`, at most 3 at once, 10 minutes each, e2-standard-4, in us-east4"


def after(*lines: str, state: State = START, rules: Rules = RULES) -> Reply:
    """The reply to the last of several lines."""
    reply = Reply(state)
    for line in lines:
        reply = step(reply.state, line, rules)
    return reply


def job_of(reply: Reply) -> dict[str, Any]:
    job = reply.state.job
    assert job is not None
    return job


def count(reply: Reply) -> int:
    found: int = job_of(reply)["taskGroups"][0]["taskCount"]
    return found


def test_the_first_words_give_the_job_with_reasons_findings_and_cost() -> None:
    reply = after(FIRST)
    assert count(reply) == 12
    for told in (
        "A job of 12 tasks",
        '"12 tasks"',
        "What was assumed:",
        "hint LABELS_NONE",
        "Forecast: about $",
        "To submit: project p-12345, region us-east4, name chat-1",
    ):
        assert told in reply.text


def test_a_change_shows_the_difference_and_its_words() -> None:
    reply = after(FIRST, "make it 24 tasks, 6 at once")
    assert count(reply) == 24
    assert '-      "taskCount": 12,' in reply.text
    assert '+      "taskCount": 24,' in reply.text
    assert 'taskGroups[0].taskCount: "24 tasks"' in reply.text
    assert "Forecast: " in reply.text
    assert "/opt/qc.sh" in reply.text.splitlines()[0]


def test_undo_goes_back_step_by_step() -> None:
    two = after(FIRST, "make it 24 tasks", "make it 48 tasks")
    assert count(two) == 48
    one = after("undo", state=two.state)
    assert count(one) == 24
    assert '-      "taskCount": 48,' in one.text
    assert count(after("undo", state=one.state)) == 12
    none = after("undo", "undo", "undo", state=two.state)
    assert none.state.job is None
    assert "no job now" in none.text
    assert not after("undo", state=none.state).ok


def test_a_question_is_answered_by_the_next_line() -> None:
    asked = after("3 tasks on spot")
    assert "What should each task run?" in asked.text
    assert not asked.ok
    assert after("show", state=asked.state).text.startswith("What should each task run?")
    answered = after("it is `./a.sh`", state=asked.state)
    assert count(answered) == 3
    assert "./a.sh" in json.dumps(job_of(answered))


def test_a_question_about_a_change_leaves_the_job() -> None:
    job = after(f"{FIRST}, retry 3 times").state
    asked = after("change the 3 to 6", state=job)
    assert "Answer it, or undo" in asked.text
    assert asked.state.job == job.job
    assert "Something is open" in after("submit", state=asked.state).text
    assert after("undo", state=asked.state).state.versions == job.versions
    answered = after("I mean the retries: retry 6 times", state=asked.state)
    group = job_of(answered)["taskGroups"][0]
    assert (group["taskSpec"]["maxRetryCount"], group["parallelism"]) == (6, 3)


def test_a_refusal_leaves_everything() -> None:
    reply = after(FIRST, "make it 200000 tasks")
    assert "100,000" in reply.text
    assert "The job is as before." in reply.text
    assert not reply.ok
    assert len(reply.state.versions) == 1
    first = after("200000 tasks of `./a`")
    assert first.state == START


def test_what_was_not_understood_changes_nothing() -> None:
    reply = after(FIRST, "lovely weather")
    assert reply.text.startswith("Nothing changed: ")
    assert not reply.ok
    assert len(reply.state.versions) == 1


def test_lines_of_a_fence_are_one_message() -> None:
    lines = ["3 tasks of", "```", "#!/bin/sh", "undo", "exit", "/submit", "```"]
    for number in range(2, len(lines)):
        assert after("3 tasks of ```", *lines[2:number]).text == ""
    whole = after("3 tasks of ```", *lines[2:])
    script = job_of(whole)["taskGroups"][0]["taskSpec"]["runnables"][0]["script"]["text"]
    assert script.splitlines() == ["#!/bin/sh", "undo", "exit", "/submit"]
    assert whole.state.message == ()


def test_lines_pasted_at_once_are_one_message() -> None:
    reply = after("exit 3\nis what `./a.sh` ends with; 4 tasks of it")
    assert reply.errand is None
    assert reply.state.versions


@pytest.mark.parametrize(
    ("line", "verb", "word"),
    [
        ("exit", "leave", ""),
        ("/quit", "leave", ""),
        ("EXIT ", "leave", ""),
        ("edit", "edit", "json"),
        ("/edit yaml", "edit", "yaml"),
        ("dry-run", "dry-run", ""),
        ("submit", "submit", ""),
        ("submit no-wait", "submit", "no-wait"),
        ("save out.json", "save", "out.json"),
        ("/save my jobs/a b.yaml", "save", "my jobs/a b.yaml"),
    ],
)
def test_errands(line: str, verb: str, word: str) -> None:
    state = after(FIRST).state
    reply = step(state, line, RULES)
    assert reply.errand is not None
    assert (reply.errand.verb, reply.errand.word) == (verb, word)
    assert reply.state == state
    if verb in ("dry-run", "submit"):
        assert json.loads(reply.errand.text) == state.job


@pytest.mark.parametrize(
    "line",
    ["submit it to the queue", "edit the job so that it has 5 tasks", "save the planet please"],
)
def test_words_that_begin_like_a_command_are_words(line: str) -> None:
    assert step(after(FIRST).state, line, RULES).errand is None


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("/nonsense", "There is no command /nonsense"),
        ("/submit now", "submit does not know 'now'"),
        ("/edit xml", "cannot be edited as 'xml'"),
        ("/save", "Where should the job be saved"),
        ("project No Such", "What should each task run?"),  # words: there is no such command
        ("/project No-Such", "is not the id of a project"),
        ("region us-central1-a", "its region, us-central1"),
        ("name ../up", "cannot be the name of a run"),
        ("show", "There is no job yet"),
        ("job", "There is no job yet"),
        ("submit", "There is no job yet"),
        ("dry-run", "There is no job yet"),
        ("/save x.json", "There is no job yet"),
        ("undo", "nothing to undo"),
        ("x" * 70_000, "at most 65,536"),
        ("a\0b", "NUL bytes"),
    ],
)
def test_what_cannot_be_done_is_told(line: str, told: str) -> None:
    reply = step(START, line, RULES)
    assert told in reply.text
    assert not reply.ok
    assert reply.errand is None


@pytest.mark.parametrize(
    ("project", "region", "name"), [("No Such", "", ""), ("", "mars", ""), ("", "", "a/b")]
)
def test_a_dialogue_cannot_begin_with_what_cannot_be(project: str, region: str, name: str) -> None:
    with pytest.raises(WrongUse):
        begin(project, region, name, "r")


def test_place_and_name_are_chosen() -> None:
    reply = after("project q-77777", "name nightly", "region us-east4", FIRST)
    assert "To submit: project q-77777, region us-east4, name nightly" in reply.text
    assert count(reply) == 12


def test_another_region_than_the_jobs_is_an_error_and_stops_it() -> None:
    moved = after(FIRST, "region europe-west4")
    assert "error LOC_SAME" in moved.text
    stopped = after("submit", state=moved.state)
    assert "LOC_SAME" in stopped.text
    assert "Nothing was submitted." in stopped.text
    assert (stopped.ok, stopped.errand) == (False, None)


def test_no_submission_without_a_project() -> None:
    reply = after(FIRST, "submit", state=begin("", "", "", "r"))
    assert "No project is chosen" in reply.text
    assert reply.errand is None


@pytest.mark.parametrize("line", ["submit", "dry-run"])
def test_the_budget_and_the_policy_stop_a_job(line: str) -> None:
    budget = after(FIRST, rules=Rules(RULES.prices, max_cost_usd=0.01))
    assert "Over the budget: The job may cost" in budget.text
    over = step(budget.state, line, Rules(RULES.prices, max_cost_usd=0.01))
    assert "more than the $0.0100 allowed" in over.text
    forbidding = Rules(RULES.prices, policy=Policy(max_tasks=5))
    held = after(FIRST, line, rules=forbidding)
    assert "POLICY" in held.text
    assert (over.errand, held.errand, over.ok, held.ok) == (None, None, False, False)


def test_a_job_edited_by_hand_goes_on_in_words() -> None:
    first = after(FIRST)
    text = json.dumps(job_of(first)).replace('"600s"', '"900s"')
    hand = edited(first.state, text.encode(), "job.json", RULES)
    assert '-        "maxRunDuration": "600s"' in hand.text
    assert 'maxRunDuration: "edited by hand"' in hand.text
    words = after("make it 30 tasks", "add the label team=geo", state=hand.state)
    job = job_of(words)
    assert count(words) == 30
    assert job["taskGroups"][0]["taskSpec"]["maxRunDuration"] == "900s"
    assert job["labels"] == {"team": "geo"}
    shown = after("show", state=words.state).text
    for reason in ('"30 tasks"', '"edited by hand"', '"3 at once"', "team=geo"):
        assert reason in shown
    assert '"12 tasks"' not in shown
    assert count(after("undo", "undo", state=words.state)) == 12


def test_an_editor_may_leave_yaml() -> None:
    errand = after(FIRST, "edit yaml").errand
    assert errand is not None
    reply = edited(after(FIRST).state, errand.text.encode(), "job.yaml", RULES)
    assert reply.text == "Nothing changed."
    changed = errand.text.replace("taskCount: 12", "taskCount: 13").encode()
    assert count(edited(after(FIRST).state, changed, "job.yaml", RULES)) == 13


def test_a_dialogue_may_begin_with_a_job() -> None:
    text = json.dumps(job_of(after(FIRST))).encode()
    reply = edited(START, text, "job.json", RULES)
    assert "A job of 12 tasks" in reply.text
    assert count(after("make it 2 tasks", state=reply.state)) == 2


@pytest.mark.parametrize("text", [b"{", b"[]", b"\xff\xfe\x00", b"", b"- a: b"])
def test_what_is_no_job_is_kept_for_the_next_edit(text: bytes) -> None:
    first = after(FIRST).state
    reply = edited(first, text, "job.json", RULES)
    assert "job.json" in reply.text
    assert "edit opens your text again" in reply.text
    assert reply.state.job == first.job
    again = step(reply.state, "edit", RULES).errand
    assert again is not None
    assert again.text == text.decode("utf-8", "replace") or not text
    assert step(reply.state, "make it 3 tasks", RULES).state.unread_text == ""


def test_a_job_with_errors_is_taken_and_not_sent() -> None:
    first = after(FIRST).state
    bad = json.dumps(first.job).replace('"taskCount": 12', '"taskCount": "many"').encode()
    reply = edited(first, bad, "job.json", RULES)
    assert "error PARSE_" in reply.text
    assert step(reply.state, "submit", RULES).errand is None
    assert "many" in step(reply.state, "job", RULES).text


HOSTILE = "\x1b]0;title\x07 \x1b[2J \x9b31m [bold red]x[/] \u202egpj {0} %s"


@pytest.mark.parametrize(
    "lines",
    [
        [f"3 tasks of `echo {HOSTILE}`", "show", "job", "make it 4 tasks", "diff", "undo"],
        [HOSTILE],
        [f"/{HOSTILE}"],
        [f"/project {HOSTILE}"],
        [f"/edit {HOSTILE}"],
        [FIRST, f"add the label a={HOSTILE}", "undo"],
    ],
)
def test_words_command_no_terminal(lines: list[str]) -> None:
    state = START
    for line in lines:
        reply = step(state, line, RULES)
        state = reply.state
        assert not any(sign in reply.text for sign in "\x1b\x07\x9b\u202e")


def test_markup_of_others_is_shown_as_it_is() -> None:
    reply = after("3 tasks of `echo [bold red]x[/] {0} %s [link=http://a]`")
    assert "echo [bold red]x[/] {0} %s [link=http://a]" in reply.text


def test_a_file_that_commands_a_terminal_does_not() -> None:
    reply = edited(START, f'{{"{HOSTILE}": '.encode(), "job.json", RULES)
    assert not any(sign in reply.text for sign in "\x1b\x07\x9b\u202e")


NAMES = st.sampled_from(
    ["taskGroups", "taskSpec", "runnables", "script", "text", "taskCount", "parallelism", "labels",
     "allocationPolicy", "instances", "policy", "machineType", "location", "allowedLocations",
     "computeResource", "cpuMilli", "maxRunDuration", "container", "imageUri", "provisioningModel"]
)  # fmt: skip
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 10**12), st.text(max_size=3)),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=4))
@settings(max_examples=60)
def test_whatever_an_editor_leaves_can_be_shown_and_changed(job: dict[str, Any]) -> None:
    reply = edited(START, json.dumps(job).encode(), "job.json", RULES)
    for line in ("show", "make it 3 tasks", "submit", "undo", "edit yaml"):
        reply = step(reply.state, line, RULES)


LINES = st.sampled_from(
    ["undo", "show", "diff", "edit", "```", "make it 7 tasks", "on spot", "drop the label", "job",
     "3 tasks of `./a`", "mount our bucket", "200000 tasks", "region us-east4", "", "/x", "no GPU"]
)  # fmt: skip


@given(st.lists(LINES, max_size=8))
@settings(max_examples=40)
def test_any_lines_leave_a_state_that_goes_on(lines: list[str]) -> None:
    state = START
    for line in lines:
        reply = step(state, line, RULES)
        if not reply.ok and not reply.state.question:
            assert reply.state.job == state.job
        assert len(reply.state.versions) <= len(state.versions) + 1
        state = reply.state
    for _ in range(len(state.versions)):
        state = step(replace_message(state), "undo", RULES).state
    assert state.versions == ()


def replace_message(state: State) -> State:
    """The state with its fence closed, or every line would be its text."""
    return State(state.versions, state.project, state.region, state.name, state.run)
