"""The Gemini reader against a stand-in model whose answers are scripted, turn by turn."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.errors import ServiceError, WrongUse
from components.gemini.settings import GeminiSettings
from components.parse_intent import gemini_reader
from components.parse_intent.answer import answer_intent
from components.parse_intent.draft import Draft
from emulator.faults import Fault
from emulator.launch import Emulator
from tests.parse_intent.gemini_words import INTENT, RIGHT, SETTINGS, Read, answer, asked
from tests.scripted_model import Model


def test_a_right_answer_at_once(read: Read, model: Model) -> None:
    model.answers(RIGHT)
    reading = read(INTENT)
    assert reading.draft == Draft.model_validate(RIGHT)
    assert (reading.reader, reading.warnings) == ("gemini", ())
    (request,) = model.asked()
    system = request["systemInstruction"]["parts"][0]["text"]
    assert "# Rules" in system
    assert "# Examples" in system
    assert INTENT in request["contents"][0]["parts"][0]["text"]
    assert "temperature" not in request["generationConfig"]
    built = answer(reading)
    assert built.outcome == "config"
    assert built.job is not None
    assert built.job["taskGroups"][0]["taskCount"] == 12


def test_the_prompts_parts_are_settings(read: Read, model: Model) -> None:
    model.answers(RIGHT)
    read(INTENT, GeminiSettings("p", temperature=0.5, use_examples=False, use_rules=False))
    (request,) = model.asked()
    system = request["systemInstruction"]["parts"][0]["text"]
    assert "# Rules" not in system
    assert "# Examples" not in system
    assert "<<" not in system
    assert request["generationConfig"]["temperature"] == 0.5


def test_without_the_prompt_the_model_gets_the_words_and_the_schema(
    read: Read, model: Model
) -> None:
    model.answers(RIGHT)
    read(INTENT, GeminiSettings("p", use_prompt=False))
    (request,) = model.asked()
    assert "systemInstruction" not in request
    assert INTENT in request["contents"][0]["parts"][0]["text"]
    assert "task_count" in request["generationConfig"]["responseSchema"]["properties"]


def test_the_same_words_give_the_same_request(read: Read, model: Model) -> None:
    model.answers(RIGHT, RIGHT)
    read(INTENT)
    read(INTENT)
    first, second = model.asked()
    assert first == second


# (first answer, what the repair turn must say)
REPAIRED: list[tuple[dict[str, Any], list[str]]] = [
    (
        RIGHT | {"machine_type": asked("n2-standard-64", "on our big n2 machines")},
        ["QUOTE at draft.machine_type", "never said 'on our big n2 machines'"],
    ),
    (RIGHT | {"task_count": {"value": 12}}, ["QUOTE at draft.task_count", "has no quote"]),
    (
        RIGHT | {"task_count": asked("twelve", "12 tasks")},
        ["DRAFT at draft.task_count.value", "valid integer"],
    ),
    (RIGHT | {"taskCount": 12}, ["DRAFT at draft.taskCount", "Extra inputs"]),
    (
        {"taskGroups": [{"taskCount": 12}], "allocationPolicy": {}},
        ["draft.taskGroups", "draft.allocationPolicy", "Use the fields"],
    ),
    ({"task_count": asked(12, "12 tasks")}, ["STEPS at draft.steps", "nothing is run"]),
    (
        RIGHT | {"volumes": [{"kind": "gcs", "remote": "qc-data", "quote": "tasks"}]},
        ["NAME at draft.volumes[0]", "never said the name 'qc-data'"],
    ),
    ({"text": "Here you are: {"}, ["NOT_JSON", "one JSON object"]),
    ({"json": [RIGHT]}, ["DRAFT at draft", "valid dictionary"]),
    ({"text": ""}, ["EMPTY", "Give the draft"]),
    ({"text": '{"steps": [', "finish_reason": "MAX_TOKENS"}, ["TRUNCATED", "be brief"]),
]


@pytest.mark.parametrize(("wrong", "told"), REPAIRED)
def test_what_is_wrong_is_told_and_mended(
    read: Read, model: Model, wrong: dict[str, Any], told: list[str]
) -> None:
    model.answers(wrong, RIGHT)
    reading = read(INTENT)
    assert reading.draft == Draft.model_validate(RIGHT)
    assert reading.warnings == ()
    repair = model.last_words()[1]
    for words in told:
        assert words in repair
    roles = [turn["role"] for turn in model.asked()[1]["contents"]]
    assert roles == ["user", "model", "user"]


def test_more_room_after_a_cut_off_answer(read: Read, model: Model) -> None:
    model.answers({"text": "{", "finish_reason": "MAX_TOKENS"}, RIGHT)
    read(INTENT)
    rooms = [body["generationConfig"]["maxOutputTokens"] for body in model.asked()]
    assert rooms[1] == 2 * rooms[0]


def test_errors_of_the_job_are_told_by_rule_path_and_fix(read: Read, model: Model) -> None:
    words = INTENT + " Bucket lab-in at relative/path under mnt."
    volume = {"kind": "gcs", "remote": "lab-in", "mount": "relative/path", "quote": "Bucket lab-in"}
    mended = volume | {"mount": "/mnt/relative/path"}
    model.answers(RIGHT | {"volumes": [volume]}, RIGHT | {"volumes": [mended]})
    reading = read(words)
    assert reading.draft.volumes[0].mount == "/mnt/relative/path"
    repair = model.last_words()[1]
    assert "taskGroups[0].taskSpec.volumes[0].mountPath" in repair
    assert "Fix: " in repair


def test_a_model_that_gets_better_step_by_step(read: Read, model: Model) -> None:
    wrong = RIGHT | {"task_count": asked(12, "a dozen"), "priority": asked(9, "urgent")}
    better = RIGHT | {"priority": asked(9, "urgent")}
    model.answers({"text": "hm"}, wrong, better, RIGHT)
    reading = read(INTENT)
    assert reading.draft == Draft.model_validate(RIGHT)
    assert reading.warnings == ()
    assert len(model.asked()) == 4
    assert "draft.task_count" not in model.last_words()[3]


def test_a_model_that_never_obeys_is_stopped_when_it_repeats_itself(
    read: Read, model: Model
) -> None:
    model.always({"json": RIGHT | {"priority": asked(90, "it is very urgent")}})
    reading = read(INTENT)
    assert len(model.asked()) == 2
    assert reading.draft == Draft.model_validate(RIGHT)  # what was never said is left out
    assert any("the same problems came back" in said for said in reading.warnings)
    assert any("Left out priority" in said for said in reading.warnings)


def test_a_model_that_errs_differently_each_time_is_stopped_by_the_limit(
    read: Read, model: Model
) -> None:
    wrong = [RIGHT | {"priority": asked(n, f"urgent {n}")} for n in range(9)]
    model.answers(*wrong)
    reading = read(INTENT, GeminiSettings("p", max_turns=3))
    assert len(model.asked()) == 3
    assert any("after 3 answers" in said for said in reading.warnings)
    assert reading.draft.priority is None


def test_the_best_of_several_wrong_answers_is_kept(read: Read, model: Model) -> None:
    worse = RIGHT | {"priority": asked(1, "urgent"), "tags": [asked("x", "with tag x")]}
    model.answers(worse, RIGHT | {"priority": asked(2, "urgent!")}, worse, worse)
    reading = read(INTENT)
    assert reading.draft == Draft.model_validate(RIGHT)
    assert "Gemini's reading had 1 error after 3 answers, as the same problems came back." in (
        reading.warnings
    )


@pytest.mark.parametrize(
    "stubborn",
    [
        {"text": "I would rather write a poem."},
        {"json": {"taskGroups": [{"taskCount": 5}]}},
        {"json": ["taskGroups", "allocationPolicy"]},
        {"json": 5},
        {"json": None},
        {"empty": True},
        {"text": "{", "finish_reason": "MAX_TOKENS"},
    ],
)
def test_a_model_that_gives_no_draft_at_all(
    read: Read, model: Model, stubborn: dict[str, Any]
) -> None:
    model.always(stubborn)
    with pytest.raises(ServiceError, match="gave no job that holds") as caught:
        read(INTENT)
    assert "same problems came back" in caught.value.what
    assert "offline reader" in caught.value.fix
    assert len(model.asked()) == 2


def test_wrong_fields_to_the_end_give_no_job(read: Read, model: Model) -> None:
    model.always({"json": RIGHT | {"retries": 5, "priority": asked("high", "on")}})
    with pytest.raises(ServiceError) as caught:
        read(INTENT)
    assert "after 2 answers, as the same problems came back; still wrong: " in caught.value.what
    assert "DRAFT at draft.retries: Extra inputs are not permitted" in caught.value.what
    assert "DRAFT at draft.priority.value: Input should be a valid integer" in caught.value.what


def test_errors_of_the_job_to_the_end_give_no_job(read: Read, model: Model) -> None:
    words = INTENT + " Bucket lab-in at relative/path under mnt."
    volume = {"kind": "gcs", "remote": "lab-in", "quote": "Bucket lab-in"}
    for_ever = ("relative/path", "path", "mnt", "relative", "under")
    model.answers(*(RIGHT | {"volumes": [volume | {"mount": mount}]} for mount in for_ever))
    with pytest.raises(ServiceError, match="after 3 answers; still wrong") as caught:
        read(words, GeminiSettings("p", max_turns=3))
    assert "taskGroups[0].taskSpec.volumes[0].mountPath" in caught.value.what
    assert "\n" not in str(caught.value)
    assert len(model.asked()) == 3


def test_secrets_do_not_leave_and_still_reach_the_job(read: Read, model: Model) -> None:
    secret = "hf_" + "Z" * 34
    words = f"one task: `HF_TOKEN={secret} python3 /opt/t.py`"
    # What the model saw is what it can copy.
    model.answers(
        {
            "steps": [
                {
                    "kind": "script",
                    "text": asked("HF_TOKEN=MASKED_SECRET_1_ python3 /opt/t.py", "one task"),
                }
            ],
            "task_count": asked(1, "one task"),
        }
    )
    reading = read(words)
    assert secret not in json.dumps(model.asked())
    assert reading.draft.steps[0].text is not None
    assert reading.draft.steps[0].text.value == f"HF_TOKEN={secret} python3 /opt/t.py"
    assert any("Secret Manager" in said for said in reading.warnings)
    assert secret not in " ".join(reading.warnings)


def test_prompts_are_not_logged(read: Read, model: Model, caplog: pytest.LogCaptureFixture) -> None:
    model.answers(RIGHT)
    with caplog.at_level("INFO", logger="components"):
        read(INTENT)
    assert "local-stand-in" in caplog.text
    assert "check.sh" not in caplog.text


def test_quota_then_fine(read: Read, model: Model, emulator: Emulator) -> None:
    model.answers(RIGHT)
    emulator.faults.add(Fault("vertex.generateContent", status=429))
    assert read(INTENT).draft == Draft.model_validate(RIGHT)
    assert len(model.asked()) == 1


@pytest.mark.parametrize(("status", "told"), [(429, "quota"), (500, "trouble"), (503, "trouble")])
def test_a_service_that_stays_away_is_told_in_one_message(
    read: Read, model: Model, emulator: Emulator, status: int, told: str
) -> None:
    emulator.faults.add(Fault("vertex.generateContent", status=status, count=99))
    with pytest.raises(ServiceError) as caught:
        read(INTENT)
    assert f"Gemini answered {status} 6 times" in caught.value.what
    assert told in caught.value.fix
    assert model.asked() == []


def test_a_lost_reply_is_asked_again(read: Read, model: Model, emulator: Emulator) -> None:
    model.answers(RIGHT, RIGHT)
    emulator.faults.add(Fault("vertex.generateContent", kind="lose_reply"))
    assert read(INTENT).draft == Draft.model_validate(RIGHT)
    assert len(model.asked()) == 2


def test_a_retired_model_is_warned_of(read: Read, model: Model) -> None:
    model.answers(RIGHT)
    (warning,) = read(INTENT, GeminiSettings("p", model="gemini-2.5-pro")).warnings
    assert "retired on 2026-10-20" in warning


def test_a_model_that_is_not_there(read: Read) -> None:
    with pytest.raises(ServiceError, match="404") as caught:
        read(INTENT, GeminiSettings("p", model="bison"))
    assert "retired" in caught.value.fix


@pytest.mark.parametrize("settings", [None, GeminiSettings(""), GeminiSettings("p", max_turns=0)])
def test_settings_are_needed(settings: GeminiSettings | None) -> None:
    with pytest.raises(WrongUse):
        gemini_reader.read([INTENT], settings)


def test_through_the_front_door(model: Model) -> None:
    model.answers(RIGHT)
    built = answer_intent([INTENT], reader="gemini", settings=SETTINGS)
    assert (built.outcome, built.reader) == ("config", "gemini")
    assert {"path": "taskGroups[0].taskCount", "value": 12, "quote": "12 tasks"} in built.evidence
