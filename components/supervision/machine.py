"""The life of a remote job as a pure machine: what was observed goes in, what to do comes out.

No input or output, no clock, no randomness and no word of any one service: the time comes with
each observation, waits are given as a range, and "find" may be a look by name (Batch) or a search
by display name (prediction jobs, whose names the server makes).

    find --missing--> create --made--> watch --terminal or gone--> ended
      ^--unknown, exists--'   found and ours: find --> watch

Cancel, deadline and hopelessness are not phases: they are asked of a life in whatever phase it is,
and are kept (`asked`) until the job is really at rest.

A create is only ever sent from a life that was written down first, with the same ids each time.
After a create without a clear answer the machine looks before it creates again, and creates again
only while the service still remembers the request id (`Policy.dedupe_s`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from components.supervision.life import (
    CANCELLABLE,
    EVENTS_KEPT,
    Accepted,
    Action,
    Ask,
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
    Outcome,
    Phase,
    Policy,
    Refused,
    Seen,
    StopAsked,
    Unanswered,
    Wait,
    Woke,
    changed,
)


def resume(life: Life, now: float, policy: Policy) -> Life:
    """The life as a new process takes it up from the ledger.

    A create that was about to be sent may have been sent. A refusal is tried again, because what
    was refused may have been granted meanwhile. A life that was closed without a job, although a
    create was sent, is looked at once more: another process may have closed it while that create
    was on its way. Every other end stays.
    """
    if life.outcome in ("refused", "dry_run"):
        life = changed(
            life, outcome=None, reason="", refusal="", ended_at=None, asked="", why_asked="",
            asked_at=None, deadline_at=None,
        )  # fmt: skip
    elif life.asked and not life.job_name and life.unknown_since is not None:
        life = changed(life, outcome=None, reason="", ended_at=None)
    elif life.phase == "ended":
        return life
    deadline_at = life.deadline_at
    if deadline_at is None and policy.max_wait_s is not None:
        deadline_at = now + policy.max_wait_s
    return changed(
        life,
        phase="watch" if life.job_name else "find",
        deadline_at=deadline_at,
        asked_at=now if life.asked else None,
    )


def step(life: Life, seen: Observation, now: float, policy: Policy) -> tuple[Life, Action]:
    """Fold one observation into the life and say what to do next.

    Args:
        life: the life so far.
        seen: the answer to the last action, or something that came from outside.
        now: the time of the observation, Unix seconds.
        policy: how patient to be.

    Returns:
        The new life, to be written down before the action is carried out, and the action.
    """
    return _decide(_OBSERVE[type(seen)](life, seen, now, policy), now, policy)


def _decide(life: Life, now: float, policy: Policy) -> tuple[Life, Action]:
    life = _past_limits(life, now, policy)
    if life.phase == "ended":
        return life, End()
    if life.pause:
        return life, _until_limits(life, life.pause, now, policy)
    if life.phase == "watch":
        if life.asked and life.cancellable:
            return life, Cancel(life.job_name)
        return life, Look(life.job_name)
    if life.phase == "create" and not life.asked:
        since = now if life.unknown_since is None else life.unknown_since
        return changed(life, created_at=now, unknown_since=since), Create()
    return (life if life.phase == "find" else changed(life, phase="find")), Find()


def _past_limits(life: Life, now: float, policy: Policy) -> Life:
    if life.phase == "ended":
        return life
    if not life.asked:
        if life.deadline_at is None or now < life.deadline_at:
            return life
        if policy.leave_at_deadline:
            return _end(life, "deadline", "the wait is over; the job was left running", now)
        return _ask(life, "deadline", "it did not end within the time allowed", now)
    if life.asked_at is not None and now >= life.asked_at + policy.cancel_wait_s:
        return _end(
            life,
            "refused",
            f"{life.why_asked}; the job was to be cancelled but could not be brought to rest in "
            f"{policy.cancel_wait_s:.0f} s (last state: {life.state or 'unknown'}); "
            "it may still be running",
            now,
        )
    return life


def _until_limits(life: Life, wait: Wait, now: float, policy: Policy) -> Wait:
    limit = life.deadline_at
    if life.asked and life.asked_at is not None:
        limit = life.asked_at + policy.cancel_wait_s
    if limit is None or now + wait.most <= limit:
        return wait
    most = max(0.0, limit - now)
    return Wait(min(wait.least, most), most)


def _on_woke(life: Life, seen: Woke, now: float, policy: Policy) -> Life:
    return changed(life, pause=None) if life.pause else life


def _on_stop(life: Life, seen: StopAsked, now: float, policy: Policy) -> Life:
    if life.phase == "ended" or life.asked:
        return life
    return _ask(life, "cancel", seen.why, now)


def _on_seen(life: Life, seen: Seen, now: float, policy: Policy) -> Life:
    if not seen.ours:
        return _not_ours(life, seen, now)
    if life.phase == "ended":
        return life
    life = _adopt(life, seen, now, policy)
    if seen.stage in ("succeeded", "failed"):
        return _end(life, seen.stage, seen.why, now)
    if seen.stage == "cancelled":
        return _end(life, _asked_outcome(life), life.why_asked or "cancelled by someone else", now)
    if seen.hopeless and seen.stage == "waiting" and not life.asked:
        return changed(_ask(life, "hopeless", seen.hopeless, now), cancellable=True)
    return life


def _adopt(life: Life, seen: Seen, now: float, policy: Policy) -> Life:
    same = life.state == seen.state and life.phase == "watch"
    polls = life.polls + 1 if same else 0
    reacting = life.cancel_at is not None and now < life.cancel_at + policy.recancel_s
    cancellable = seen.stage in CANCELLABLE and not reacting
    return changed(
        life,
        looked=life.phase != "create",
        phase="watch",
        job_name=seen.name,
        uid=seen.uid or life.uid,
        state=seen.state,
        refusal="",
        failures=0,
        refusals=life.refusals if life.asked else 0,
        polls=polls,
        cancellable=cancellable,
        pause=None if life.asked and cancellable else _poll(polls, policy),
        submitted_at=now if life.submitted_at is None else life.submitted_at,
        events=_merged(life.events, seen.events),
    )


def _not_ours(life: Life, seen: Seen, now: float) -> Life:
    if life.asked:
        return _end(life, _asked_outcome(life), f"{life.why_asked}; no job was made", now)
    return _end(
        life,
        "refused",
        f"{seen.name} exists already (state {seen.state}) and its labels say that it was not made "
        "by this run from this content; it was left alone",
        now,
    )


def _on_missing(life: Life, seen: Missing, now: float, policy: Policy) -> Life:
    if life.phase == "ended":
        return life
    settling = life.created_at is not None and now < life.created_at + policy.settle_s
    if life.phase == "watch":
        if settling and not life.looked:
            return _wait_to_settle(life, policy)  # a job just made may not be visible at once
        return _end(life, "deleted", "the job was deleted by someone else", now)
    sent = life.unknown_since is not None
    if life.asked or life.refusal:
        if sent and settling:
            return _wait_to_settle(life, policy)
        if life.asked:
            return _end(life, _asked_outcome(life), f"{life.why_asked}; no job was made", now)
        return _end(life, "refused", life.refusal, now)
    if sent and policy.dedupe_s is None:
        return _wait_to_settle(life, policy) if settling else _to_create(life, None)
    if sent and now >= (life.unknown_since or 0.0) + (policy.dedupe_s or 0.0):
        return _end(
            life,
            "refused",
            "an earlier attempt to create the job had no clear answer, and there is no such job "
            "now: it may have run and been deleted; start a new run to run it again",
            now,
        )
    return _to_create(life, life.unknown_since)


def _to_create(life: Life, unknown_since: float | None) -> Life:
    return changed(life, phase="create", unknown_since=unknown_since)


def _wait_to_settle(life: Life, policy: Policy) -> Life:
    return changed(life, polls=life.polls + 1, pause=_poll(life.polls, policy))


def _on_exists(life: Life, seen: Exists, now: float, policy: Policy) -> Life:
    return _backed_off(life, "", 0.0, policy) if life.failures else _again(life)


def _again(life: Life) -> Life:
    phase: Phase = "find" if life.phase == "create" else life.phase
    return changed(life, phase=phase, failures=life.failures + 1)


def _on_accepted(life: Life, seen: Accepted, now: float, policy: Policy) -> Life:
    return changed(life, cancellable=False, cancel_at=now, polls=0, refusals=0, failures=0)


def _on_failed(life: Life, seen: Failed, now: float, policy: Policy) -> Life:
    if life.phase == "ended":
        return life
    if life.phase == "create":
        life = _never_sent(life)
    if life.asked and life.phase != "watch" and life.unknown_since is None:
        return _end(life, _asked_outcome(life), f"{life.why_asked}; no job was made", now)
    return _backed_off(life, seen.reason, seen.retry_after, policy)


def _on_unanswered(life: Life, seen: Unanswered, now: float, policy: Policy) -> Life:
    if life.phase == "ended":
        return life
    # It may have been sent only just now: the process may have slept since it was decided.
    since = now if life.unknown_since is None else life.unknown_since
    life = changed(life, created_at=now, unknown_since=since)
    return _backed_off(life, seen.reason, seen.retry_after, policy)


def _on_refused(life: Life, seen: Refused, now: float, policy: Policy) -> Life:
    if life.phase == "ended":
        return life
    if life.phase == "create":
        life = _never_sent(life)
        if life.unknown_since is not None:
            return changed(life, phase="find", refusal=seen.reason)
    if life.phase != "watch" and life.unknown_since is None:
        return _end(life, "refused", seen.reason, now)
    if life.refusals + 1 >= policy.refusals_max:
        return _end(life, "refused", f"{seen.reason}; the job may still be running", now)
    return changed(_backed_off(life, seen.reason, 0.0, policy), refusals=life.refusals + 1)


def _never_sent(life: Life) -> Life:
    """The last create certainly made nothing: forget it, if it was the only one in doubt."""
    return changed(life, unknown_since=None) if life.unknown_since == life.created_at else life


def _backed_off(life: Life, reason: str, retry_after: float, policy: Policy) -> Life:
    most = min(policy.backoff_max, policy.backoff_first * 2.0 ** min(life.failures, 16))
    wait = Wait(max(most / 2, retry_after), max(most, retry_after * 1.1))
    return changed(_again(life), pause=wait, cancellable=False)


def _poll(polls: int, policy: Policy) -> Wait:
    wait = min(policy.poll_max, policy.poll_first * policy.poll_growth ** min(polls, 64))
    return Wait(wait * 0.9, wait)


def _ask(life: Life, ask: Ask, why: str, now: float) -> Life:
    return changed(life, asked=ask, why_asked=why, asked_at=now, pause=None, cancellable=False)


def _asked_outcome(life: Life) -> Outcome:
    return life.asked if life.asked in ("deadline", "hopeless") else "cancelled"


def _end(life: Life, outcome: Outcome, reason: str, now: float) -> Life:
    return changed(life, phase="ended", outcome=outcome, reason=reason, ended_at=now, pause=None)


def _merged(known: tuple[Event, ...], seen: tuple[Event, ...]) -> tuple[Event, ...]:
    """Events of both, each once, in the order of their first sight; the newest if too many."""
    if known == seen or not seen:
        return known
    return tuple(dict.fromkeys((*known, *seen)))[-EVENTS_KEPT:]


_OBSERVE: dict[type, Callable[[Life, Any, float, Policy], Life]] = {
    Woke: _on_woke,
    StopAsked: _on_stop,
    Seen: _on_seen,
    Missing: _on_missing,
    Exists: _on_exists,
    Accepted: _on_accepted,
    Failed: _on_failed,
    Unanswered: _on_unanswered,
    Refused: _on_refused,
}
