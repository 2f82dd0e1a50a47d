"""The ledger says the same after it was written and read."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.errors import InputError
from components.supervision.ledger import Ledger, from_text, to_text
from components.supervision.life import (
    Event,
    Life,
    Outcome,
    Phase,
)

# To the microsecond, as RFC 3339 is written here.
moments = st.none() | st.integers(0, 4 * 10**15).map(lambda n: n / 1e6)
texts = st.text(st.characters(exclude_categories=["Cs"]))
events = st.builds(Event, time=texts, type=texts, description=texts)
lives = st.builds(
    Life,
    phase=st.sampled_from(get_args(Phase)),
    job_name=texts,
    uid=texts,
    state=texts,
    asked=st.sampled_from(["", "cancel", "deadline", "hopeless"]),
    why_asked=texts,
    refusal=texts,
    outcome=st.none() | st.sampled_from(get_args(Outcome)),
    reason=texts,
    events=st.lists(events, max_size=3).map(tuple),
    asked_at=moments,
    unknown_since=moments,
    created_at=moments,
    deadline_at=moments,
    submitted_at=moments,
    ended_at=moments,
)


@given(life=lives, url=texts)
def test_what_is_written_is_read(life: Life, url: str) -> None:
    ledger = Ledger(life, {"job_id": "j", "job": {"a": [1, None]}}, url)
    again = from_text(to_text(ledger))
    assert to_text(again) == to_text(ledger)
    assert (again.life.phase, again.life.events) == (life.phase, life.events)
    if life.created_at is not None:
        assert again.life.created_at == pytest.approx(life.created_at, abs=1e-6)


def test_equal_times_stay_equal() -> None:
    """Whether a create was the only one is told by two times being the same."""
    life = Life(unknown_since=1763720994.1234567, created_at=1763720994.1234567)
    again = from_text(to_text(Ledger(life))).life
    assert again.unknown_since == again.created_at


def test_others_find_what_they_look_for() -> None:
    life = Life(phase="ended", outcome="failed", submitted_at=1763720994.5, job_name="n")
    told = json.loads(to_text(Ledger(life, {"parent": "p"}, "https://c")))
    assert told["version"] == 1
    assert told["submitted_at"] == "2025-11-21T10:29:54.500000Z"
    assert (told["outcome"], told["job_name"], told["console_url"]) == ("failed", "n", "https://c")
    assert told["request"] == {"parent": "p"}
    assert told["events"] == []


def test_fields_of_later_releases_are_passed_over() -> None:
    told = {**json.loads(to_text(Ledger(Life(uid="u")))), "more": 1}
    assert from_text(json.dumps(told)).life.uid == "u"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not the ledger"),
        ("[]", "not the ledger"),
        ("{}", "not the ledger"),
        ('{"version": 2}', "version 2"),
        ('{"version": 1, "events": [{}]}', "not the ledger"),
        ('{"version": 1, "events": 3}', "not the ledger"),
        ('{"version": 1, "ended_at": "yesterday"}', "not the ledger"),
        ('{"version": 1, "ended_at": 7}', "not the ledger"),
        ('{"version": 1, "job_name": 7}', "job_name is no text"),
        ('{"version": 1, "phase": "dancing"}', "phase has no such value"),
        ('{"version": 1, "phase": ["watch"]}', "phase has no such value"),
        ('{"version": 1, "outcome": "won"}', "outcome has no such value"),
        ('{"version": 1, "request": "all"}', "request is no object"),
        (
            '{"version": 1, "events": [{"time": 3, "type": "", "description": ""}]}',
            "event time is no text",
        ),
        ("[" * 200_000, "not the ledger"),
    ],
)
def test_what_is_no_ledger_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told) as caught:
        from_text(text, "gs://b/submission.json")
    assert caught.value.where == "gs://b/submission.json"


def test_a_ledger_hides_nothing_and_can_be_written() -> None:
    event = Event("2026-01-01T00:00:00Z", "STATUS", "half a pair \ud800, turned \u202e")
    text = to_text(Ledger(Life(events=(event,))))
    text.encode()
    assert "\u202e" not in text
    assert from_text(text).events == (event,)
