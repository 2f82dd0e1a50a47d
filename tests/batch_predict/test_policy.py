"""Which requests are sent again, and how: tables."""

from __future__ import annotations

from typing import Any

import pytest

from components.batch_predict.outcomes import Outcome, Status
from components.batch_predict.policy import (
    GiveUp,
    Resend,
    decide,
    job_verdict,
    within_budget,
)
from tests.batch_predict.conftest import request_of

PLAIN = request_of("hello", maxOutputTokens=100)
JSON = request_of("hello", responseMimeType="application/json")


@pytest.mark.parametrize(
    ("status", "request_", "fixes", "expected"),
    [
        ("missing", PLAIN, (), Resend(PLAIN)),
        ("transient", PLAIN, (), Resend(PLAIN)),
        ("transient", PLAIN, ("room",), Resend(PLAIN)),
        ("truncated", PLAIN, (), Resend(request_of("hello", maxOutputTokens=400), "room")),
        ("truncated", PLAIN, ("room",), GiveUp("truncated again with more room")),
        ("truncated", request_of("x"), (), GiveUp("truncated: the model has no more room to give")),
        ("truncated", request_of("x", maxOutputTokens=65536), (),
         GiveUp("truncated: the model has no more room to give")),
        ("truncated", request_of("x", maxOutputTokens=60000), (),
         Resend(request_of("x", maxOutputTokens=65536), "room")),
        ("blocked", PLAIN, (), GiveUp("blocked: why")),
        ("refused", PLAIN, (), GiveUp("refused: why")),
        ("odd", PLAIN, (), GiveUp("odd: why")),
        ("empty", PLAIN, (), GiveUp("empty: why")),
        ("empty", JSON, (), Resend(JSON, "again")),
        ("empty", JSON, ("again",), GiveUp("empty: why")),
        ("bad_json", JSON, ("repair",), GiveUp("bad_json after a repair: why")),
    ],
)  # fmt: skip
def test_by_reason(
    status: Status, request_: dict[str, Any], fixes: tuple[str, ...], expected: Resend | GiveUp
) -> None:
    outcome = Outcome(status, "why", "text")
    decided = decide(request_, outcome, attempt=1, attempts_max=3, fixes=frozenset(fixes))
    assert decided == expected


def test_broken_json_is_shown_to_the_model_and_the_request_stays_as_it_was() -> None:
    before = request_of("hello", responseMimeType="application/json")
    decided = decide(before, Outcome("bad_json", "why", "{" * 30_000), attempt=1, attempts_max=3)
    assert isinstance(decided, Resend)
    assert before == JSON
    first, answer, wish = decided.request["contents"]
    assert first == JSON["contents"][0]
    assert answer == {"role": "model", "parts": [{"text": "{" * 20_000}]}
    assert (wish["role"], decided.fix) == ("user", "repair")


@pytest.mark.parametrize("status", ["missing", "transient", "truncated", "bad_json", "empty"])
def test_attempts_are_capped(status: Status) -> None:
    decided = decide(JSON, Outcome(status, "why"), attempt=3, attempts_max=3)
    assert decided == GiveUp(f"{status} after 3 attempts: why")


@pytest.mark.parametrize(
    ("outcome", "state", "code", "resend"),
    [
        ("succeeded", "JOB_STATE_SUCCEEDED", 0, True),
        ("succeeded", "JOB_STATE_PARTIALLY_SUCCEEDED", 0, True),
        ("failed", "JOB_STATE_EXPIRED", 0, True),
        ("failed", "JOB_STATE_FAILED", 8, True),
        ("failed", "JOB_STATE_FAILED", 13, True),
        ("failed", "JOB_STATE_FAILED", 0, True),
        ("failed", "JOB_STATE_FAILED", 3, False),
        ("failed", "JOB_STATE_FAILED", 5, False),
        ("failed", "JOB_STATE_FAILED", 7, False),
        ("cancelled", "JOB_STATE_CANCELLED", 0, False),
        ("deleted", "JOB_STATE_RUNNING", 0, False),
        ("deadline", "JOB_STATE_CANCELLED", 0, False),
        ("refused", "", 0, False),
    ],
)
def test_the_end_of_a_job_decides_about_all_that_is_missing(
    outcome: str, state: str, code: int, resend: bool
) -> None:
    assert (job_verdict(outcome, state, "why", code) == "") is resend


@pytest.mark.parametrize(
    ("spent", "answered", "asked", "limit", "allowed"),
    [
        (1.0, 10, 10, 0.0, True),
        (1.0, 10, 10, 3.0, True),
        (1.0, 10, 20, 2.5, False),
        (3.0, 10, 1, 3.0, False),
        (0.0, 0, 5, 1.0, True),
        (None, 10, 1, 3.0, False),
        (None, 10, 1, 0.0, True),
        (5.0, 1, 0, 1.0, True),
    ],
)
def test_budget(
    spent: float | None, answered: int, asked: int, limit: float, allowed: bool
) -> None:
    assert (within_budget(spent, answered, asked, limit) == "") is allowed
