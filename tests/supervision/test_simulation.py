"""A thousand schedules of trouble, in virtual time, each repeatable from its seed.

Ten thousand of them, with their cost:

    .venv/bin/python bench/supervision_schedules.py

A failing schedule alone, with every call it makes:

    SUPERVISION_SEED=batch:1234 .venv/bin/pytest -n 0 -s tests/supervision/test_simulation.py
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from components.supervision import driver, machine
from components.supervision.life import (
    Life,
    Missing,
    Policy,
    Seen,
)
from tests.supervision import simulation

CHUNK = 500
# Each of the mistakes below is caught by one of the first 400.
SCHEDULES = [("batch", 0), ("batch", CHUNK), ("server", 0)]
ALONE = os.environ.get("SUPERVISION_SEED", "")


@pytest.mark.skipif(bool(ALONE), reason="one seed alone was asked for")
@pytest.mark.parametrize(("mode", "first"), SCHEDULES)
def test_schedules_end_well(mode: str, first: int) -> None:
    """It ends, never makes a second job, leaves none running, and the ledger is readable."""
    ends: Counter[str | None] = Counter()
    for seed in range(first, first + CHUNK):
        try:
            ends[simulation.run(seed, mode).outcome] += 1
        except simulation.Violation as broken:
            pytest.fail(f"{broken}; repeat with SUPERVISION_SEED={mode}:{seed}", pytrace=False)
    # The schedules are of use only if they lead everywhere.
    assert ends.keys() >= {"succeeded", "failed", "cancelled", "deleted", "deadline", "hopeless"}


@pytest.mark.skipif(not ALONE, reason="SUPERVISION_SEED is not set")
def test_one_seed_alone() -> None:
    """Print every call of one schedule."""
    mode, seed = ALONE.split(":")
    simulation.run(int(seed), mode, lambda line: print(line, file=sys.stderr))


def test_same_seed_same_story() -> None:
    for seed in (3, 284, 1668):
        told: list[list[str]] = [[], []]
        for lines in told:
            simulation.run(seed, "batch", lines.append)
        assert told[0] == told[1]


def _create_without_look(patch: pytest.MonkeyPatch) -> None:
    """After a create without an answer: create again at once."""
    honest = machine._OBSERVE[machine.Unanswered]

    def hasty(life: Life, seen: Any, now: float, policy: Policy) -> Life:
        after = honest(life, seen, now, policy)
        return replace(after, phase="create") if life.phase == "create" else after

    patch.setitem(machine._OBSERVE, machine.Unanswered, hasty)


def _trust_request_ids_for_ever(patch: pytest.MonkeyPatch) -> None:
    _with_policy(patch, dedupe_s=1e12)


def _do_not_let_creates_settle(patch: pytest.MonkeyPatch) -> None:
    _with_policy(patch, settle_s=0.0)


def _end_when_cancel_is_asked(patch: pytest.MonkeyPatch) -> None:
    """Take the wish for the deed."""
    patch.setitem(
        machine._OBSERVE,
        machine.StopAsked,
        lambda life, seen, now, policy: machine._end(life, "cancelled", seen.why, now),
    )


def _create_again_when_gone(patch: pytest.MonkeyPatch) -> None:
    """Make a job that someone deleted once more."""
    honest = machine._OBSERVE[Missing]

    def stubborn(life: Life, seen: Missing, now: float, policy: Policy) -> Life:
        if life.phase == "watch" and life.looked:
            return replace(life, phase="create", job_name="", unknown_since=None)
        return honest(life, seen, now, policy)

    patch.setitem(machine._OBSERVE, Missing, stubborn)


def _wait_for_what_is_gone(patch: pytest.MonkeyPatch) -> None:
    """Poll on after a 404."""
    honest = machine._OBSERVE[Missing]

    def patient(life: Life, seen: Missing, now: float, policy: Policy) -> Life:
        if life.phase == "watch":
            return machine._wait_to_settle(life, policy)
        return honest(life, seen, now, policy)

    patch.setitem(machine._OBSERVE, Missing, patient)


def _adopt_without_proof(patch: pytest.MonkeyPatch) -> None:
    """Take any job of our id for ours."""
    honest = machine._OBSERVE[Seen]
    patch.setitem(
        machine._OBSERVE,
        Seen,
        lambda life, seen, now, policy: honest(life, replace(seen, ours=True), now, policy),
    )


def _believe_a_closed_ledger(patch: pytest.MonkeyPatch) -> None:
    """Leave alone what was made while another process closed the ledger."""
    honest = driver.resume
    patch.setattr(
        driver,
        "resume",
        lambda life, now, policy: life if life.phase == "ended" else honest(life, now, policy),
    )


def _create_before_writing(patch: pytest.MonkeyPatch) -> None:
    """Do not write down that a create is about to be sent."""
    honest = driver.course

    def careless(*args: Any) -> driver.Course:
        course = honest(*args)
        effect = next(course)
        while True:
            if isinstance(effect, driver.Save) and effect.ledger.life.phase == "create":
                reply = driver.Reply(driver.Saved(str(effect.version)), _LATEST[0], "")
            else:
                reply = yield effect
                _LATEST[0] = reply.now
            try:
                effect = course.send(reply)
            except StopIteration as done:
                return done.value

    patch.setattr(driver, "course", careless)


_LATEST = [0.0]


def _with_policy(patch: pytest.MonkeyPatch, **changes: Any) -> None:
    honest = simulation.plan

    def changed(rng: Any, mode: str) -> simulation.Plan:
        plan = honest(rng, mode)
        return replace(plan, policy=replace(plan.policy, **changes))

    patch.setattr(simulation, "plan", changed)


# They catch the mistakes that few schedules show; tried first, they save their search.
LIKELY = (136, 137, 369, 384)


@pytest.mark.parametrize(
    ("mode", "breakage"),
    [
        ("server", _create_without_look),
        ("batch", _trust_request_ids_for_ever),
        ("batch", _do_not_let_creates_settle),
        ("server", _do_not_let_creates_settle),
        ("batch", _end_when_cancel_is_asked),
        ("batch", _create_again_when_gone),
        ("batch", _wait_for_what_is_gone),
        ("batch", _adopt_without_proof),
        ("batch", _believe_a_closed_ledger),
        ("server", _create_before_writing),
    ],
)
def test_a_broken_supervision_is_caught(
    mode: str, breakage: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The schedules can fail: each of these mistakes breaks a promise in some schedule."""
    breakage(monkeypatch)
    for seed in (*LIKELY, *range(10_000)):
        try:
            simulation.run(seed, mode)
        except simulation.Violation:
            print(f"{breakage.__name__}: caught by seed {seed}")
            return
    pytest.fail(f"{breakage.__name__} was not caught")
