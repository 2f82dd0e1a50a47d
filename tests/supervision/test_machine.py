"""The machine, one story a row: observations in, actions and the end out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from components.supervision.life import (
    Accepted,
    Action,
    Cancel,
    Create,
    End,
    Event,
    Exists,
    Failed,
    Find,
    Life,
    Look,
    Missing,
    Observation,
    Policy,
    Refused,
    Seen,
    StopAsked,
    Unanswered,
    Wait,
    Woke,
)
from components.supervision.machine import resume, step

J = "projects/p/locations/r/jobs/j"
POLICY = Policy()
QUEUED = Seen(J, "waiting", "u", "QUEUED")
RUNNING = Seen(J, "running", "u", "RUNNING")
SUCCEEDED = Seen(J, "succeeded", "u", "SUCCEEDED")
FAILED = Seen(J, "failed", "u", "FAILED", why="task 3 failed")
CANCELLING = Seen(J, "cancelling", "u", "CANCELLATION_IN_PROGRESS")
CANCELLED = Seen(J, "cancelled", "u", "CANCELLED")
STRANGE = Seen(J, "unknown", "u", "99")
STOP = StopAsked("SIGTERM")


def play(
    story: Sequence[Observation | float],
    life: Life | None = None,
    policy: Policy = POLICY,
) -> tuple[Life, list[Action]]:
    """Feed observations one second apart; a number lets so many seconds pass. Waits are waited."""
    life, now, actions = life or Life(), 1000.0, []
    for seen in (Woke(), *story):
        if isinstance(seen, float):
            now += seen
            continue
        life, action = step(life, seen, now, policy)
        actions.append(action)
        while isinstance(action, Wait) and life.phase != "ended":
            now += action.most
            life, action = step(life, Woke(), now, policy)
            actions.append(action)
        now += 1.0
    return life, [action for action in actions if not isinstance(action, Wait)]


@pytest.mark.parametrize(
    ("story", "actions", "outcome", "reason"),
    [
        # The plain way.
        (
            [Missing(), QUEUED, RUNNING, SUCCEEDED],
            [Find(), Create(), Look(J), Look(J), End()],
            "succeeded",
            "",
        ),
        ([Missing(), QUEUED, FAILED], [Find(), Create(), Look(J), End()], "failed", "task 3"),
        # An earlier attempt made it: adopted, whatever became of it.
        ([RUNNING, SUCCEEDED], [Find(), Look(J), End()], "succeeded", ""),
        ([SUCCEEDED], [Find(), End()], "succeeded", ""),
        ([replace(RUNNING, ours=False)], [Find(), End()], "refused", "labels say"),
        # AlreadyExists: look, prove, adopt or refuse.
        (
            [Missing(), Exists(), RUNNING, SUCCEEDED],
            [Find(), Create(), Find(), Look(J), End()],
            "succeeded",
            "",
        ),
        (
            [Missing(), Exists(), replace(RUNNING, ours=False)],
            [Find(), Create(), Find(), End()],
            "refused",
            "left alone",
        ),
        # A lost reply: look before creating again.
        (
            [Missing(), Unanswered("dropped"), QUEUED, SUCCEEDED],
            [Find(), Create(), Find(), Look(J), End()],
            "succeeded",
            "",
        ),
        (
            [Missing(), Unanswered("dropped"), Missing(), QUEUED, SUCCEEDED],
            [Find(), Create(), Find(), Create(), Look(J), End()],
            "succeeded",
            "",
        ),
        (
            [Missing(), Unanswered("dropped"), 4000.0, Missing()],
            [Find(), Create(), Find(), End()],
            "refused",
            "no clear answer",
        ),
        # 429 made nothing, however long it lasts.
        (
            [Missing(), Failed("429"), 4000.0, Missing(), QUEUED, SUCCEEDED],
            [Find(), Create(), Find(), Create(), Look(J), End()],
            "succeeded",
            "",
        ),
        # Trouble while watching passes.
        (
            [RUNNING, *[Failed("503")] * 20, SUCCEEDED],
            [Find(), *[Look(J)] * 21, End()],
            "succeeded",
            "",
        ),
        # Refused for good.
        ([Refused("403 no")], [Find(), End()], "refused", "403 no"),
        ([Missing(), Refused("400 bad")], [Find(), Create(), End()], "refused", "400 bad"),
        ([RUNNING, *[Refused("403 no")] * 5], [Find(), *[Look(J)] * 5, End()], "refused",
         "may still be running"),
        ([RUNNING, *[Refused("403 no")] * 4, SUCCEEDED], [Find(), *[Look(J)] * 5, End()],
         "succeeded", ""),
        # Deleted by someone else: never made again.
        ([RUNNING, Missing()], [Find(), Look(J), End()], "deleted", "deleted by someone else"),
        # A job just made that is not visible yet.
        ([Missing(), QUEUED, Missing(), RUNNING, SUCCEEDED],
         [Find(), Create(), Look(J), Look(J), Look(J), End()], "succeeded", ""),
        # Cancelled by someone else.
        ([RUNNING, CANCELLED], [Find(), Look(J), End()], "cancelled", "someone else"),
        # Cancel: look, cancel, wait until it is at rest.
        ([RUNNING, STOP, RUNNING, Accepted(), CANCELLING, CANCELLED],
         [Find(), Look(J), Look(J), Cancel(J), Look(J), Look(J), End()], "cancelled", "SIGTERM"),
        ([RUNNING, STOP, SUCCEEDED], [Find(), Look(J), Look(J), End()], "succeeded", ""),
        ([STOP, Missing()], [Find(), Find(), End()], "cancelled", "no job was made"),
        ([STOP, Failed("503")], [Find(), Find(), End()], "cancelled", "no job was made"),
        ([STOP, replace(RUNNING, ours=False)], [Find(), Find(), End()], "cancelled", "no job"),
        # A state of a later release is still going, and can be cancelled.
        ([STRANGE, STRANGE, SUCCEEDED], [Find(), Look(J), Look(J), End()], "succeeded", ""),
        ([STRANGE, STOP, STRANGE, Accepted(), CANCELLED],
         [Find(), Look(J), Look(J), Cancel(J), Look(J), End()], "cancelled", ""),
        # Hopeless: cancelled, and the reason kept.
        ([replace(QUEUED, hopeless="quota X is 0"), Accepted(), CANCELLED],
         [Find(), Cancel(J), Look(J), End()], "hopeless", "quota X is 0"),
        ([replace(QUEUED, hopeless="quota X is 0"), Accepted(), FAILED],
         [Find(), Cancel(J), Look(J), End()], "failed", "task 3"),
        ([replace(RUNNING, hopeless="old news"), SUCCEEDED], [Find(), Look(J), End()],
         "succeeded", ""),
    ],
)  # fmt: skip
def test_stories(
    story: list[Observation | float], actions: list[Action], outcome: str, reason: str
) -> None:
    life, done = play(story)
    assert (life.outcome, done) == (outcome, actions)
    assert re.search(re.escape(reason), life.reason)
    assert life.ended_at is not None
    assert life.phase == "ended"


def test_a_cancel_after_a_lost_reply_lets_the_create_settle() -> None:
    life, done = play([Missing(), Unanswered("dropped"), STOP, *[Missing()] * 5])
    assert life.phase == "find"
    assert Create() not in done[2:]
    life, done = play([70.0, Missing()], life)
    assert (life.phase, life.outcome) == ("ended", "cancelled")


def test_a_job_that_lands_after_the_cancel_is_cancelled() -> None:
    life, done = play([Missing(), Unanswered("dropped"), STOP, Missing(), QUEUED, Accepted()])
    assert done[-2:] == [Cancel(J), Look(J)]
    assert life.asked == "cancel"


def test_a_cancel_that_was_not_heard_is_sent_again() -> None:
    _, done = play([RUNNING, STOP, RUNNING, Accepted(), RUNNING, 70.0, RUNNING])
    assert done.count(Cancel(J)) == 2


def test_a_job_that_cannot_be_brought_to_rest_is_told_of() -> None:
    policy = replace(POLICY, cancel_wait_s=100.0)
    life, _ = play([RUNNING, STOP, RUNNING, Accepted(), *[CANCELLING] * 30], policy=policy)
    assert life.outcome == "refused"
    assert "may still be running" in life.reason


@pytest.mark.parametrize(("leave", "outcome"), [(False, "deadline"), (True, "deadline")])
def test_deadline(leave: bool, outcome: str) -> None:
    policy = replace(POLICY, max_wait_s=100.0, leave_at_deadline=leave)
    life = resume(Life(), 1000.0, policy)
    assert life.deadline_at == 1100.0
    life, done = play([Missing(), QUEUED, *[QUEUED] * 20, Accepted(), CANCELLED], life, policy)
    assert life.outcome == outcome
    assert (Cancel(J) in done) is not leave
    assert ("left running" in life.reason) is leave


def test_a_deadline_before_anything_was_made_makes_nothing() -> None:
    policy = replace(POLICY, max_wait_s=100.0)
    life, done = play([*[Failed("503")] * 30], resume(Life(), 1000.0, policy), policy)
    assert life.outcome == "deadline"
    assert set(done) == {Find(), End()}


def test_waits_grow_while_nothing_changes_and_start_anew_with_a_change() -> None:
    life, now, waits = Life(), 0.0, []
    for seen in (*[RUNNING] * 30, STRANGE):
        life, action = step(life, seen, now, POLICY)
        assert isinstance(action, Wait)
        waits.append(action.most)
        life, _ = step(life, Woke(), now, POLICY)
    assert waits[0] == POLICY.poll_first
    assert waits[:-1] == sorted(waits[:-1])
    assert waits[-2] == POLICY.poll_max
    assert waits[-1] == POLICY.poll_first


def test_backoff_doubles_to_its_limit_and_honours_retry_after() -> None:
    life, waits = replace(Life(), phase="watch", job_name=J), []
    for _ in range(10):
        life, action = step(life, Failed("503"), 0.0, POLICY)
        assert isinstance(action, Wait)
        waits.append(action)
        life, _ = step(life, Woke(), 0.0, POLICY)
    assert [wait.most for wait in waits[:4]] == [1.0, 2.0, 4.0, 8.0]
    assert waits[-1].most == POLICY.backoff_max
    assert all(wait.least == wait.most / 2 for wait in waits)
    _, action = step(life, Failed("429", retry_after=300.0), 0.0, POLICY)
    assert isinstance(action, Wait)
    assert action.least == 300.0


def test_no_wait_goes_past_the_deadline() -> None:
    life = replace(Life(), phase="watch", job_name=J, deadline_at=10.0)
    _, action = step(life, Failed("429", retry_after=300.0), 0.0, POLICY)
    assert action == Wait(10.0, 10.0)


@pytest.mark.parametrize(
    ("life", "phase"),
    [
        (Life(phase="create", unknown_since=1.0, created_at=1.0), "find"),
        (Life(phase="watch", job_name=J), "watch"),
        (Life(phase="ended", outcome="failed", job_name=J), "ended"),
        (Life(phase="ended", outcome="deleted", job_name=J), "ended"),
        (Life(phase="ended", outcome="refused", reason="403"), "find"),
        (Life(phase="ended", outcome="refused", job_name=J), "watch"),
        (Life(phase="ended", outcome="dry_run"), "find"),
        (Life(phase="ended", outcome="cancelled", asked="cancel"), "ended"),
        (Life(phase="ended", outcome="cancelled", asked="cancel", unknown_since=1.0), "find"),
    ],
)
def test_resume(life: Life, phase: str) -> None:
    taken_up = resume(life, 5.0, POLICY)
    assert taken_up.phase == phase
    assert (taken_up.outcome is None) is (phase != "ended")


def test_events_are_kept_once_and_the_newest_if_too_many() -> None:
    first, second = Event("1", "T", "one"), Event("2", "T", "two")
    life, _ = play([replace(RUNNING, events=(first,)), replace(RUNNING, events=(first, second))])
    assert life.events == (first, second)
    many = tuple(Event(str(n), "T", "x") for n in range(500))
    life, _ = play([replace(RUNNING, events=many)], life)
    assert life.events == many[-200:]
