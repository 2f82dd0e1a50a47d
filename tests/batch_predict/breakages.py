"""Mistakes that somebody could make in the step: each has to break a promise in some schedule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from components.batch_predict import book, policy, predict, settle, states, waves
from components.batch_predict.outcomes import Outcome
from components.storage.versioned import Conflict
from components.supervision import machine
from components.supervision.life import Life, Policy
from tests.batch_predict import simulation
from tests.batch_predict.simulated_plan import Plan, plan

Patch = pytest.MonkeyPatch


# --- jobs -----------------------------------------------------------------------------------------


def _create_without_look(patch: Patch) -> None:
    """After a create without an answer: create again at once."""
    honest = machine._OBSERVE[machine.Unanswered]

    def hasty(life: Life, seen: Any, now: float, how: Policy) -> Life:
        after = honest(life, seen, now, how)
        return replace(after, phase="create") if life.phase == "create" else after

    patch.setitem(machine._OBSERVE, machine.Unanswered, hasty)


def _do_not_let_creates_settle(patch: Patch) -> None:
    """Look once after a create without an answer, and create again."""
    honest = plan

    def changed(rng: Any) -> Plan:
        plan = honest(rng)
        hasty = replace(plan.settings.policy, settle_s=0.0)
        plan.settings = replace(plan.settings, policy=hasty)
        return plan

    patch.setattr(simulation, "plan", changed)


def _leave_jobs_behind(patch: Patch) -> None:
    """Take the wish to stop for the deed."""
    patch.setitem(
        machine._OBSERVE,
        machine.StopAsked,
        lambda life, seen, now, how: machine._end(life, "cancelled", seen.why, now),
    )


def _forget_to_cancel(patch: Patch) -> None:
    """Wait for a job to end that nobody has asked to end."""
    patch.setattr(machine, "CANCELLABLE", frozenset())


def _forget_the_deadline(patch: Patch) -> None:
    """Wait for jobs that are stuck."""
    honest = machine._past_limits
    patch.setattr(
        machine,
        "_past_limits",
        lambda life, now, how: honest(replace(life, deadline_at=None), now, how),
    )


def _count_expired_as_running(patch: Patch) -> None:
    """Wait for a job that has expired, as Google's own clients do."""
    told = {**states.PREDICTION_STAGES, "JOB_STATE_EXPIRED": "running"}
    patch.setattr(states, "PREDICTION_STAGES", told)


def _count_partly_succeeded_as_unknown(patch: Patch) -> None:
    told = dict(states.PREDICTION_STAGES)
    del told["JOB_STATE_PARTIALLY_SUCCEEDED"]
    patch.setattr(states, "PREDICTION_STAGES", told)


# --- the ledger -----------------------------------------------------------------------------------


def _ignore_ledger_conflicts(patch: Patch) -> None:
    """Write over what somebody else has written."""

    def careless(self: Any, change: Callable[[book.Doc], book.Doc]) -> book.Doc:
        changed = change(self.doc)
        while True:
            try:
                self._version = self._files.write(self.uri, book.to_text(changed), self._version)
                self.doc = changed
                return changed
            except Conflict:
                self._version = self._files.read(self.uri).version

    patch.setattr(book.Book, "update", careless)


def _decide_again_about_an_old_round(patch: Patch) -> None:
    """Settle what another process has settled, by what has been spent since."""
    honest = predict._Prediction._over_budget
    patch.setattr(predict, "_is_settled", lambda _: False)
    patch.setattr(
        predict._Prediction,
        "_over_budget",
        lambda self, until, *more: honest(self, (99, 99), *more),
    )


# --- rows -----------------------------------------------------------------------------------------


def _resend_everything(patch: Patch) -> None:
    """Send the whole shard again when anything is missing."""
    honest = settle.outcomes_of

    def forgetful(*args: Any, **more: Any) -> dict[str, Outcome]:
        found = honest(*args, **more)
        whole = all(outcome.status == "ok" for outcome in found.values())
        return found if whole else {}

    patch.setattr(settle, "outcomes_of", forgetful)


def _forget_what_a_failed_job_finished(patch: Patch) -> None:
    """Read the outputs of jobs that went well only."""
    honest = settle.outcomes_of

    def strict(files: Any, places: Any, entry: Any, **more: Any) -> dict[str, Outcome]:
        well = entry.ledger.outcome == "succeeded"
        return honest(files, places, entry, **more) if well else {}

    patch.setattr(settle, "outcomes_of", strict)


def _resend_what_was_blocked(patch: Patch) -> None:
    patch.setitem(policy._AGAIN, "blocked", policy._as_it_is)


def _resend_what_was_refused(patch: Patch) -> None:
    patch.setitem(policy._AGAIN, "refused", policy._as_it_is)


def _resend_what_was_cut_as_it_is(patch: Patch) -> None:
    patch.setitem(policy._AGAIN, "truncated", policy._as_it_is)


def _forget_what_was_changed(patch: Patch) -> None:
    """Give more room, or ask for a repair, again and again."""
    patch.setattr(settle, "_fixes_so_far", lambda *_: {})


def _send_without_end(patch: Patch) -> None:
    """Forget how often a request was sent."""
    honest = settle.decide
    patch.setattr(settle, "decide", lambda *args, **more: honest(*args, **{**more, "attempt": 1}))


def _spend_without_end(patch: Patch) -> None:
    """Forget what may be spent."""
    patch.setattr(predict, "within_budget", lambda *_: "")


def _lose_what_is_given_up(patch: Patch) -> None:
    """Pass over what is not sent again."""

    def silent(self: Any, line: Any, outcome: Any, writer: Any) -> bytes:
        told = honest(self, line, outcome, writer)
        return b"" if b'"given_up"' in told else told

    honest = settle._Round._decided
    patch.setattr(settle._Round, "_decided", silent)


def _do_not_resend(patch: Patch) -> None:
    """Forget the rows that are to be sent again when the round is written down."""
    honest = predict._Prediction._add

    def lazy(self: Any, wave: int, attempt: int, shards: Any, settled: Any) -> None:
        honest(self, wave, attempt, [] if attempt > 1 else shards, settled)

    patch.setattr(predict._Prediction, "_add", lazy)


def _match_by_place(patch: Patch) -> None:
    """Believe that rows come back in the order in which they were sent."""
    honest = settle.read_rows

    def in_order(lines: Any, model: str, keys: Any, aliases: Any) -> Any:
        outcomes = [outcome for _, outcome in honest(lines, model, keys, aliases)]
        yield from zip(keys, outcomes, strict=False)

    patch.setattr(settle, "read_rows", in_order)


def _take_the_last_of_two_rows(patch: Patch) -> None:
    """Let a failed row take the place of an answer."""
    patch.setattr(settle, "better", lambda one, other: other)


def _forget_the_echo_of_changed_requests(patch: Patch) -> None:
    """Look for changed requests under their old keys only."""
    honest = settle.read_rows
    patch.setattr(settle, "read_rows", lambda lines, model, keys, _: honest(lines, model, keys, {}))


# --- waves ----------------------------------------------------------------------------------------


def _substitute_twice(patch: Patch) -> None:
    """Read what was put in for references once more."""
    honest = waves.fill

    def again(template: Any, answers: Any) -> Any:
        return honest(honest(template, answers), {**answers, "1": "[row 0]"})

    patch.setattr(waves, "fill", again)


def _ask_again_what_an_earlier_wave_asked(patch: Patch) -> None:
    """Forget which requests of earlier waves a row of this one may share."""
    honest = waves._known

    def forgetful(*args: Any) -> Any:
        known = honest(*args)
        known.sent = {}
        return known

    patch.setattr(waves, "_known", forgetful)


def _ask_without_the_answer(patch: Patch) -> None:
    """Put in nothing where the answer that is needed is missing."""
    honest = waves._answers

    def generous(files: Any, places: Any, doc: Any, wave: Any, wanted: Any) -> Any:
        found = honest(files, places, doc, wave, wanted)
        return {key: replace(found.get(key, Outcome("ok")), status="ok") for key in wanted}

    patch.setattr(waves, "_answers", generous)


BREAKAGES: list[Callable[[Patch], None]] = [
    _create_without_look,
    _do_not_let_creates_settle,
    _leave_jobs_behind,
    _forget_to_cancel,
    _forget_the_deadline,
    _count_expired_as_running,
    _count_partly_succeeded_as_unknown,
    _ignore_ledger_conflicts,
    _decide_again_about_an_old_round,
    _resend_everything,
    _forget_what_a_failed_job_finished,
    _resend_what_was_blocked,
    _resend_what_was_refused,
    _resend_what_was_cut_as_it_is,
    _forget_what_was_changed,
    _send_without_end,
    _spend_without_end,
    _lose_what_is_given_up,
    _do_not_resend,
    _match_by_place,
    _take_the_last_of_two_rows,
    _forget_the_echo_of_changed_requests,
    _substitute_twice,
    _ask_again_what_an_earlier_wave_asked,
    _ask_without_the_answer,
]
