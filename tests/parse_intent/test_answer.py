"""Answers: outcomes, limits of size, the step's files and page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from components.errors import InputError, WrongUse
from components.gemini.settings import GeminiSettings
from components.parse_intent.answer import MAX_INTENT_BYTES, answer_intent
from components.parse_intent.step import as_markdown, job_text, read_step, reader_settings


def test_the_answer_has_the_fields_of_intent_json() -> None:
    answer = answer_intent(["3 tasks of `./a`"])
    assert list(answer.to_dict()) == [
        "outcome", "message", "reader", "turns", "job", "evidence", "assumptions", "warnings",
        "questions", "unread", "changes",
    ]  # fmt: skip
    assert json.loads(json.dumps(answer.to_dict()))["outcome"] == "config"


def test_a_blank_turn_asks() -> None:
    answer = answer_intent([" \n"])
    assert answer.outcome == "clarify"
    assert answer.questions == [answer.message]


@pytest.mark.parametrize("text", ["x" * (MAX_INTENT_BYTES + 1), "a\0b"])
def test_what_is_no_intent_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        answer_intent([text])


def test_an_unknown_reader_is_wrong_use() -> None:
    with pytest.raises(WrongUse):
        answer_intent(["3 tasks of `./a`"], reader="oracle")  # type: ignore[arg-type]


def test_questions_come_before_a_job_and_refusals_before_questions() -> None:
    assert answer_intent(["300000 tasks on spot"]).outcome == "reject"
    assert answer_intent(["30 tasks on spot"]).outcome == "clarify"


def test_the_step_writes_intent_and_job(tmp_path: Path) -> None:
    answer = read_step("3 tasks of `./a`", "", str(tmp_path), reader="offline", settings=None)
    assert json.loads((tmp_path / "intent.json").read_text()) == answer.to_dict()
    assert json.loads((tmp_path / "job.json").read_text()) == answer.job


def test_the_step_reads_a_file_where_no_words_are_given(tmp_path: Path) -> None:
    (tmp_path / "i.txt").write_text("4 tasks of `./b`")
    answer = read_step(
        "", str(tmp_path / "i.txt"), str(tmp_path / "run"), reader="offline", settings=None
    )
    assert answer.job is not None
    assert answer.job["taskGroups"][0]["taskCount"] == 4


def test_without_a_job_the_artifact_is_null(tmp_path: Path) -> None:
    answer = read_step("5 tasks", "", str(tmp_path), reader="offline", settings=None)
    assert job_text(answer) == "null\n"
    assert not (tmp_path / "job.json").exists()


@pytest.mark.parametrize(("intent", "reader"), [(" ", "offline"), ("x", "oracle")])
def test_the_step_refuses_nothing_and_nobody(intent: str, reader: str, tmp_path: Path) -> None:
    with pytest.raises((InputError, WrongUse)):
        read_step(intent, "", str(tmp_path), reader=reader, settings=None)


def test_settings_are_for_the_gemini_reader_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    assert reader_settings("offline", "") is None
    assert reader_settings("gemini", "p", without="rules") == GeminiSettings("p", use_rules=False)
    with pytest.raises(WrongUse, match="needs a project"):
        reader_settings("gemini", "")
    with pytest.raises(WrongUse, match="no reader"):
        reader_settings("oracle", "p")


def test_the_page_holds_no_markup_of_the_person() -> None:
    answer = answer_intent(["2 tasks of `./a` <script>alert(1)</script>, label x=[y](z)"])
    page = as_markdown(answer)
    assert "<script>" not in page
    assert "# A job came out" in page
    assert "What was assumed" in page


def test_the_refused_rules_are_rules_of_the_validator() -> None:
    from components.batch.rules import all_rules
    from components.parse_intent.answer import REFUSED_RULES

    assert all_rules().keys() >= REFUSED_RULES
