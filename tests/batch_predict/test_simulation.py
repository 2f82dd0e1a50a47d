"""A thousand runs of many jobs in virtual time, each repeatable from its seed.

More of them: PREDICT_SCHEDULES=10000.

A failing one alone:

    PREDICT_SEED=1234 .venv/bin/pytest -n 0 -s tests/batch_predict/test_simulation.py
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from components.batch_predict import policy, predict, settle, waves
from components.batch_predict.outcomes import Outcome
from components.supervision import machine
from components.supervision.life import Life, Policy
from tests.batch_predict import simulation

CHUNK = 250
SCHEDULES = int(os.environ.get("PREDICT_SCHEDULES", "1000"))
ALONE = os.environ.get("PREDICT_SEED", "")


@pytest.mark.skipif(bool(ALONE), reason="one seed alone was asked for")
@pytest.mark.parametrize("first", range(0, SCHEDULES, CHUNK))
def test_runs_end_well(first: int) -> None:
    """It ends; no row is lost, mixed up or sent again without need; no job is made twice."""
    ends: Counter[str] = Counter()
    for seed in range(first, first + CHUNK):
        try:
            ends[simulation.run(seed)] += 1
        except simulation.Violation as broken:
            pytest.fail(f"{broken}; repeat with PREDICT_SEED={seed}", pytrace=False)
    # The schedules are of use only if they lead everywhere.
    assert ends.keys() == {"done", "cancelled", "refused"}
    assert ends["done"] > CHUNK / 3


@pytest.mark.skipif(not ALONE, reason="PREDICT_SEED is not set")
def test_one_seed_alone() -> None:
    simulation.run(int(ALONE))


def test_same_seed_same_story() -> None:
    for seed in (1, 7, 23):
        stories = []
        for _ in range(2):
            universe = simulation.Universe(seed)
            simulation.play(universe)
            stories.append((universe.calls, universe.time, universe.files.content))
        assert stories[0] == stories[1]


def _create_without_look(patch: pytest.MonkeyPatch) -> None:
    """After a create without an answer: create again at once."""
    honest = machine._OBSERVE[machine.Unanswered]

    def hasty(life: Life, seen: Any, now: float, how: Policy) -> Life:
        after = honest(life, seen, now, how)
        return replace(after, phase="create") if life.phase == "create" else after

    patch.setitem(machine._OBSERVE, machine.Unanswered, hasty)


def _resend_everything(patch: pytest.MonkeyPatch) -> None:
    """Send the whole shard again when anything is missing."""
    honest = settle.outcomes_of

    def forgetful(*args: Any, **more: Any) -> dict[str, Outcome]:
        found = honest(*args, **more)
        whole = all(outcome.status == "ok" for outcome in found.values())
        return found if whole else {}

    patch.setattr(settle, "outcomes_of", forgetful)


def _resend_what_was_blocked(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(policy._AGAIN, "blocked", policy._as_it_is)


def _send_without_end(patch: pytest.MonkeyPatch) -> None:
    """Forget how often a request was sent."""
    honest = settle.decide
    patch.setattr(settle, "decide", lambda *args, **more: honest(*args, **{**more, "attempt": 1}))


def _lose_what_is_given_up(patch: pytest.MonkeyPatch) -> None:
    """Pass over what is not sent again."""

    def silent(self: Any, line: Any, outcome: Any, writer: Any) -> bytes:
        told = honest(self, line, outcome, writer)
        return b"" if b'"given_up"' in told else told

    honest = settle._Round._decided
    patch.setattr(settle._Round, "_decided", silent)


def _do_not_resend(patch: pytest.MonkeyPatch) -> None:
    """Forget the rows that are to be sent again when the round is written down."""
    honest = predict._Prediction._add

    def lazy(self: Any, wave: int, attempt: int, shards: Any, settled: Any) -> None:
        honest(self, wave, attempt, [] if attempt > 1 else shards, settled)

    patch.setattr(predict._Prediction, "_add", lazy)


def _match_by_place(patch: pytest.MonkeyPatch) -> None:
    """Believe that rows come back in the order in which they were sent."""
    honest = settle.read_rows

    def in_order(lines: Any, model: str, keys: Any, aliases: Any) -> Any:
        outcomes = [outcome for _, outcome in honest(lines, model, keys, aliases)]
        yield from zip(keys, outcomes, strict=False)

    patch.setattr(settle, "read_rows", in_order)


def _substitute_twice(patch: pytest.MonkeyPatch) -> None:
    """Read what was put in for references once more."""
    honest = waves.fill

    def again(template: Any, answers: Any) -> Any:
        return honest(honest(template, answers), {**answers, "1": "[row 0]"})

    patch.setattr(waves, "fill", again)


def _leave_jobs_behind(patch: pytest.MonkeyPatch) -> None:
    """Take the wish to stop for the deed."""
    patch.setitem(
        machine._OBSERVE,
        machine.StopAsked,
        lambda life, seen, now, how: machine._end(life, "cancelled", seen.why, now),
    )


def _forget_the_echo_of_changed_requests(patch: pytest.MonkeyPatch) -> None:
    """Look for changed requests under their old keys only."""
    honest = settle.read_rows
    patch.setattr(settle, "read_rows", lambda lines, model, keys, _: honest(lines, model, keys, {}))


def _do_not_let_creates_settle(patch: pytest.MonkeyPatch) -> None:
    """Look once after a create without an answer, and create again."""
    honest = simulation.plan

    def changed(rng: Any) -> simulation.Plan:
        plan = honest(rng)
        hasty = replace(plan.settings.policy, settle_s=0.0)
        plan.settings = replace(plan.settings, policy=hasty)
        return plan

    patch.setattr(simulation, "plan", changed)


@pytest.mark.parametrize(
    "breakage",
    [
        _create_without_look,
        _resend_everything,
        _resend_what_was_blocked,
        _send_without_end,
        _lose_what_is_given_up,
        _do_not_resend,
        _match_by_place,
        _substitute_twice,
        _leave_jobs_behind,
        _forget_the_echo_of_changed_requests,
        _do_not_let_creates_settle,
    ],
)
def test_a_broken_step_is_caught(
    breakage: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The schedules can fail: each of these mistakes breaks a promise in some schedule."""
    breakage(monkeypatch)
    for seed in range(600):
        try:
            simulation.run(seed)
        except simulation.Violation as broken:
            print(f"{breakage.__name__}: caught by seed {seed}: {broken}")
            return
    pytest.fail(f"{breakage.__name__} was not caught")
