"""Whether a request is sent again, and how: by the reason for which it has no answer.

Pure: (request, outcome, attempts so far, what was changed already) in, a decision out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from components.batch_predict.outcomes import Outcome, Status
from components.rows.json_answers import wants_json

Fix = Literal["", "room", "repair", "again"]

# The most that current Gemini text models give (65,536 from 2.5 on).
OUTPUT_TOKENS_MAX = 65_536
ROOM_FACTOR = 4
# A model that loops may fill its whole room with broken JSON; so much of it shows what is wrong.
REPAIR_TEXT_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Resend:
    """Send this request; `fix` names what was changed, or asked once more, for a reason."""

    request: Mapping[str, Any]
    fix: Fix = ""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not send it again."""

    reason: str


Decision = Resend | GiveUp


def decide(
    request: Mapping[str, Any],
    outcome: Outcome,
    *,
    attempt: int,
    attempts_max: int,
    fixes: frozenset[str] = frozenset(),
) -> Decision:
    """What to do about a request that has no answer.

    429, 5xx and missing rows: as they are. MAX_TOKENS: once with more room. Broken JSON: once with
    a turn that asks to repair it. An empty answer where JSON was asked for: once as it is. What
    was blocked, recited, refused or ended oddly: never.

    Args:
        request: what was sent last, camelCase.
        outcome: what came back; not `ok`.
        attempt: how often it was sent, 1 or more.
        attempts_max: how often it may be sent.
        fixes: what was changed in earlier sendings.
    """
    if outcome.status not in _AGAIN:
        return GiveUp(f"{outcome.status}: {outcome.reason}")
    if attempt >= attempts_max:
        return GiveUp(f"{outcome.status} after {attempt} attempts: {outcome.reason}")
    return _AGAIN[outcome.status](request, outcome, fixes)


def _as_it_is(request: Mapping[str, Any], outcome: Outcome, fixes: frozenset[str]) -> Decision:
    return Resend(request)


def _with_room(request: Mapping[str, Any], outcome: Outcome, fixes: frozenset[str]) -> Decision:
    if "room" in fixes:
        return GiveUp("truncated again with more room")
    settings = request.get("generationConfig") or {}
    room = settings.get("maxOutputTokens")
    if not isinstance(room, int | float) or room >= OUTPUT_TOKENS_MAX:
        return GiveUp("truncated: the model has no more room to give")
    more = min(OUTPUT_TOKENS_MAX, max(1, int(room)) * ROOM_FACTOR)
    changed = {**request, "generationConfig": {**settings, "maxOutputTokens": more}}
    return Resend(changed, "room")


def _repaired(request: Mapping[str, Any], outcome: Outcome, fixes: frozenset[str]) -> Decision:
    if "repair" in fixes:
        return GiveUp(f"bad_json after a repair: {outcome.reason}")
    turns = [
        *request["contents"],
        {"role": "model", "parts": [{"text": outcome.text[:REPAIR_TEXT_MAX]}]},
        {
            "role": "user",
            "parts": [
                {
                    "text": "Your answer is not valid JSON. Give the whole answer again as one "
                    "JSON value that fits the schema, and nothing else."
                }
            ],
        },
    ]
    return Resend({**request, "contents": turns}, "repair")


def _once_more(request: Mapping[str, Any], outcome: Outcome, fixes: frozenset[str]) -> Decision:
    settings = request.get("generationConfig") or {}
    if "again" in fixes or not wants_json(request) or not settings:
        return GiveUp(f"empty: {outcome.reason}")
    return Resend(request, "again")


_Again = Callable[[Mapping[str, Any], Outcome, frozenset[str]], Decision]
_AGAIN: dict[Status, _Again] = {
    "missing": _as_it_is,
    "transient": _as_it_is,
    "truncated": _with_room,
    "bad_json": _repaired,
    "empty": _once_more,
}


# --- jobs and money -------------------------------------------------------------------------------

# google.rpc.Code of a failed job: sending the same shard again would fail in the same way.
_HOPELESS_CODES = frozenset({3, 5, 7, 9, 11, 12, 16})


def job_verdict(outcome: str | None, state: str, reason: str, error_code: int) -> str:
    """Why what is missing from a job's outputs is not sent again; empty if it may be.

    Args:
        outcome: how the supervision ended.
        state: the service's word for the last state.
        reason: why it ended so.
        error_code: the google.rpc.Code of the job's error; 0 if there is none.
    """
    if outcome == "succeeded" or state == "JOB_STATE_EXPIRED":
        return ""
    if outcome == "failed":
        return f"the job failed: {reason}" if error_code in _HOPELESS_CODES else ""
    return f"the job ended as {outcome}: {reason}"


def within_budget(spent: float | None, answered: int, asked: int, limit: float) -> str:
    """Why so many more requests may not be sent; empty if they may be.

    Args:
        spent: what all that came back has cost, US dollars; None if a price is not known.
        answered: how many requests that was for.
        asked: how many more are to be sent.
        limit: how much may be spent in all; 0: any amount.
    """
    if limit <= 0 or not asked:
        return ""
    if spent is None:
        return f"what was spent is not known, so nothing more is sent within ${limit:.2f}"
    expected = spent / answered * asked if answered else 0.0
    if spent >= limit or spent + expected > limit:
        return f"${spent:.4f} of ${limit:.2f} are spent; {asked} more would cost ${expected:.4f}"
    return ""
