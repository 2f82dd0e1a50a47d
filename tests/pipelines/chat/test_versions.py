"""A message and the job before it, to the job after it: who reads, and what reasons are kept."""

from __future__ import annotations

from typing import Any

import pytest

from components.batch.vm_prices import load_vm_prices
from components.gemini.settings import GeminiSettings
from pipelines.chat.dialogue import begin, edited, step
from pipelines.chat.page import text_of
from pipelines.chat.state import Rules, State
from tests.scripted_model import Model

GEMINI = Rules(load_vm_prices(), GeminiSettings("local-project"))
FIRST = "12 tasks of `/opt/qc.sh`"


def asked(value: Any, quote: str) -> dict[str, Any]:
    return {"value": value, "quote": quote}


STEPS = [{"kind": "script", "text": asked("/opt/qc.sh", "/opt/qc.sh")}]
DRAFT = {"steps": STEPS, "task_count": asked(12, "12 tasks")}
MORE = DRAFT | {"task_count": asked(24, "24 tasks")}


@pytest.fixture
def talked(model: Model) -> State:
    """A dialogue in which the model read two messages."""
    model.answers(DRAFT, MORE)
    state = begin("local-project", "", "", "r")
    for line in (FIRST, "make it 24 tasks"):
        state = step(state, line, GEMINI).state
    return state


def test_gemini_is_asked_once_a_message(talked: State, model: Model) -> None:
    first, second = model.asked()
    assert len(first["contents"]) == 1
    assert [turn["role"] for turn in second["contents"]] == ["user", "model", "user"]
    assert talked.job is not None
    assert talked.job["taskGroups"][0]["taskCount"] == 24


def test_after_undo_the_model_hears_nothing_of_what_was_undone(talked: State, model: Model) -> None:
    model.answers(DRAFT | {"task_count": asked(36, "36 tasks")})
    state = step(step(talked, "undo", GEMINI).state, "no, 36 tasks", GEMINI).state
    assert state.job is not None
    assert state.job["taskGroups"][0]["taskCount"] == 36
    assert "24 tasks" not in str(model.asked()[-1])


def test_a_model_that_gives_no_job_leaves_the_job(talked: State, model: Model) -> None:
    model.always({"text": "no"})
    reply = step(talked, "make it 30 tasks", GEMINI)
    assert (reply.state, reply.ok) == (talked, False)
    assert "Gemini gave no job that holds" in reply.text


def test_what_the_cross_check_holds_is_shown(talked: State, model: Model) -> None:
    model.always({"json": MORE | {"task_count": asked(4, "30 tasks")}})
    reply = step(talked, "make it 30 tasks", GEMINI)
    assert "Check task_count: the draft has 4, the offline reader reads 30" in reply.text


def test_a_job_edited_by_hand_is_changed_by_the_offline_reader(talked: State, model: Model) -> None:
    model.clear()
    text = text_of(talked.job).replace("24", "25").encode()
    hand = edited(talked, text, "job.json", GEMINI).state
    reply = step(hand, "make it 30 tasks", GEMINI)
    assert "so the offline reader reads what changes it" in reply.text
    assert reply.state.job is not None
    assert reply.state.job["taskGroups"][0]["taskCount"] == 30
    assert model.asked() == []
