"""The rows that batch predictions write: forms, orders, answers, everything that goes wrong."""

from __future__ import annotations

import json
import re
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from emulator.vertex.rows_read import Shape, UnreadableInputError, filled, surveyed
from emulator.vertex.rows_write import Stream, first_share, shuffled, torn
from tests.emulator.vertex.test_batch_support import (
    Place,
    answer_of,
    json_line,
    numbered,
    prompt_of,
    short,
    stand_in,
    text_row,
)

SAMPLES = Path(__file__).parents[4] / "shared" / "gemini_jsonl"
SCHEMA = {"type": "OBJECT", "properties": {"n": {"type": "INTEGER"}}}
WITH_SCHEMA = {
    "generationConfig": {"responseMimeType": "application/json", "responseSchema": SCHEMA}
}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with stand_in(tmp_path) as place:
        yield place


def only(place: Place, rows: list[dict[str, Any]]) -> dict[str, Any]:
    (row,) = place.rows(place.run(rows))
    return row


def test_a_row_has_the_form_of_the_service(place: Place) -> None:
    row = only(place, [text_row("x" * 41)])
    assert list(row) == ["request", "status", "response", "processed_time"]
    assert row["status"] == ""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", row["processed_time"])
    response = row["response"]
    assert "stand-in" in answer_of(row)
    assert response["modelVersion"] == "local-stand-in"
    assert response["candidates"][0]["finishReason"] == "STOP"
    usage = response["usageMetadata"]
    assert usage["promptTokenCount"] == 11
    assert usage["totalTokenCount"] == 11 + usage["candidatesTokenCount"]
    assert usage["billablePromptUsage"] == {"textCount": 41}
    with pytest.raises(ValidationError):  # as with real rows: the client's own type is too strict
        types.GenerateContentResponse.model_validate(response)


def test_rows_are_answered_alike_again_and_apart_from_each_other(place: Place) -> None:
    first = {prompt_of(r): answer_of(r) for r in place.rows(place.run(numbered(20)))}
    again = {prompt_of(r): answer_of(r) for r in place.rows(place.run(numbered(20)))}
    assert first == again
    assert len(set(first.values())) == 20


def test_rows_come_in_another_order(place: Place) -> None:
    prompts = [prompt_of(row) for row in place.rows(place.run(numbered(30)))]
    assert sorted(prompts) == sorted(prompt_of(row) for row in numbered(30))
    assert prompts != [prompt_of(row) for row in numbered(30)]


@given(st.integers(2, 50), st.text(max_size=5))
def test_no_order_is_that_of_the_input(count: int, seed: str) -> None:
    order = shuffled(count, seed)
    assert sorted(order) == list(range(count))
    assert list(order) != list(range(count))
    assert order == shuffled(count, seed)
    assert len(first_share(order, 0.01)) == 1


def test_echoes_are_sorted_and_filled_with_null(place: Place) -> None:
    media = {"fileData": {"mimeType": "image/png", "fileUri": "gs://x/y.png"}}
    sent: list[dict[str, Any]] = [
        {"request": {"contents": [{"role": "user", "parts": [{"text": "a"}, media]}]}},
        {
            "request": {
                "contents": [{"parts": {"text": "b"}, "role": "user"}],
                "system_instruction": {"parts": [{"text": "be brief"}]},
            }
        },
    ]
    rows = place.rows(place.run(sent))
    found = {"system" if row["request"]["system_instruction"] else "media": row for row in rows}
    assert found["media"]["request"] == {
        "contents": [
            {
                "parts": [
                    {"fileData": None, "text": "a"},
                    {
                        "fileData": {"fileUri": "gs://x/y.png", "mimeType": "image/png"},
                        "text": None,
                    },
                ],
                "role": "user",
            }
        ],
        "system_instruction": None,
    }
    echo = found["system"]["request"]
    assert echo["contents"][0]["parts"] == {"text": "b"}  # still an object
    assert list(echo) == sorted(echo)
    assert list(echo["contents"][0]) == ["parts", "role"]


def test_the_echo_of_the_public_sample(place: Place) -> None:
    """Inputs of a public job are echoed as in its public output."""
    if not SAMPLES.is_dir():
        pytest.skip("needs the public samples in ../shared/gemini_jsonl")
    sent = (SAMPLES / "meteatamel_batch_request_multimodal_input.jsonl").read_bytes()
    real = (SAMPLES / "meteatamel_batch_request_multimodal_output.jsonl").read_text().splitlines()
    rows = place.rows(place.run(sent))

    def echoes(rows: list[dict[str, Any]]) -> list[str]:
        return sorted(json.dumps(row["request"]) for row in rows)

    assert echoes(rows) == echoes([json.loads(line) for line in real])


def fields_of(value: Any, place: str = "") -> set[str]:
    if isinstance(value, list):
        return set().union(*(fields_of(inner, f"{place}[]") for inner in value))
    if isinstance(value, dict):
        return set().union(*(fields_of(inner, f"{place}.{key}") for key, inner in value.items()))
    return {f"{place}: {type(value).__name__}"}


def test_the_fields_of_the_public_sample(place: Place) -> None:
    """What rows of the service held is in ours, in its order; ours hold what came since."""
    if not SAMPLES.is_dir():
        pytest.skip("needs the public samples in ../shared/gemini_jsonl")
    place.scenario(kind="echo", order="old")
    sent = (SAMPLES / "meteatamel_batch_request_multimodal_input.jsonl").read_bytes()
    real = (SAMPLES / "meteatamel_batch_request_multimodal_output.jsonl").read_text().splitlines()
    rows = place.rows(place.run(sent))
    for line in real:
        assert all(list(row) == list(json.loads(line)) for row in rows)
        for row in rows:
            assert fields_of(json.loads(line)["response"]) <= fields_of(row["response"])


def test_the_text_sample_runs(place: Place) -> None:
    if not SAMPLES.is_dir():
        pytest.skip("needs the public samples in ../shared/gemini_jsonl")
    sent = (SAMPLES / "meteatamel_batch_request_text_input.jsonl").read_bytes()
    rows = place.rows(place.run(sent))  # parts are objects, the last line has no end
    assert len(rows) == 10
    assert all(row["status"] == "" for row in rows)


def test_unknown_keys_are_dropped_unless_told(place: Place) -> None:
    rows = [{"key": "k1", "custom_id": 7, **text_row("a")}]
    assert list(only(place, rows)) == ["request", "status", "response", "processed_time"]
    place.scenario(kind="echo", keys=True, nulls=False, order="old")
    found = only(place, rows)
    names = ["custom_id", "key", "status", "processed_time", "request", "response"]
    assert list(found) == names
    assert (found["key"], found["custom_id"]) == ("k1", 7)


def test_answers_follow_the_rules_of_the_script(place: Place) -> None:
    script = {
        "answers": [{"text": "for calls, not for rows"}],
        "rules": [
            {"match": "prompt 1", "answer": {"parts": [{"text": "so "}, {"text": "it is"}]}},
            {"match": "prompt 2", "answer": {"error": {"code": 403, "message": "no"}}},
        ],
        "otherwise": {"text": "whatever"},
    }
    assert place.send("POST", "/_emulator/model", script)[0] == 200
    found = {prompt_of(row): row for row in place.rows(place.run(numbered(3)))}
    parts = found["prompt 1"]["response"]["candidates"][0]["content"]["parts"]
    assert [part["text"] for part in parts] == ["so ", "it is"]
    assert found["prompt 2"]["response"] == {}
    assert "PERMISSION_DENIED" in found["prompt 2"]["status"]
    assert answer_of(found["prompt 3"]) == "whatever"
    assert place.send("GET", "/_emulator/model")[1]["answers_left"] == 1


def test_a_bad_request_fails_its_row_alone(place: Place) -> None:
    rows = [
        text_row("a"),
        text_row("b", generationConfig={"temprature": 1}),
        text_row("c", tools=[{"googleSearch": {}}]),
    ]
    job = place.run(rows)
    assert short(job) == "SUCCEEDED"
    assert place.raw(job)["completionStats"] == {"successfulCount": "1", "failedCount": "2"}
    status = {prompt_of(row): row["status"] for row in place.rows(job)}
    assert status["a"] == ""
    assert '"code": 400' in status["b"]
    assert "temprature" in status["b"]
    assert "does not emulate the field tools" in status["c"]


def test_a_job_of_failed_rows_alone_succeeds(place: Place) -> None:
    place.scenario(kind="error", code=429)
    job = place.run(numbered(3))
    assert short(job) == "SUCCEEDED"
    assert place.raw(job)["completionStats"] == {"failedCount": "3"}


def test_a_small_limit_cuts_the_answer_by_itself(place: Place) -> None:
    row = only(place, [text_row("hi", generationConfig={"maxOutputTokens": 3})])
    assert row["response"]["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert len(answer_of(row)) == 12


SPOILT: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"kind": "error"}, {"status": "RESOURCE_EXHAUSTED error occurred"}),
    ({"kind": "error", "code": 503}, {"status": "UNAVAILABLE error occurred"}),
    ({"kind": "error", "code": 500, "message": "oh"}, {"status": '"message": "oh"'}),
    ({"kind": "blocked"}, {"block": "PROHIBITED_CONTENT"}),
    ({"kind": "blocked", "reason": "SAFETY"}, {"block": "SAFETY"}),
    ({"kind": "finish"}, {"finish": "RECITATION", "content": None}),
    ({"kind": "finish", "reason": "SPII"}, {"finish": "SPII", "content": None}),
    ({"kind": "no_parts"}, {"finish": "STOP", "content": {"role": "model"}}),
    ({"kind": "empty"}, {"candidates": 0}),
    ({"kind": "max_tokens"}, {"finish": "MAX_TOKENS"}),
]


@pytest.mark.parametrize(("scenario", "expected"), SPOILT)
def test_rows_can_be_spoilt(
    place: Place, scenario: dict[str, Any], expected: dict[str, Any]
) -> None:
    place.scenario(**scenario, rows=[2])
    found = {prompt_of(row): row for row in place.rows(place.run(numbered(3)))}
    assert len(found) == 3
    row = found.pop("prompt 2")
    assert all("stand-in" in answer_of(other) for other in found.values())
    response = row["response"]
    candidates = response.get("candidates", [])
    if "status" in expected:
        assert expected["status"] in row["status"]
        assert response == {}
    else:
        assert row["status"] == ""
    if "block" in expected:
        assert response["promptFeedback"] == {"blockReason": expected["block"]}
        assert not candidates
    if "finish" in expected:
        assert candidates[0]["finishReason"] == expected["finish"]
    if "content" in expected:
        assert candidates[0].get("content") == expected["content"]
    if "candidates" in expected:
        assert len(candidates) == 0


def test_more_room_lifts_a_limit(place: Place) -> None:
    place.scenario(kind="max_tokens", below=1000)
    rows = [
        text_row("small", generationConfig={"maxOutputTokens": 1000}),
        text_row("large", generationConfig={"maxOutputTokens": 1001}),
    ]
    found = {prompt_of(row): row for row in place.rows(place.run(rows))}
    reasons = {k: row["response"]["candidates"][0]["finishReason"] for k, row in found.items()}
    assert reasons == {"small": "MAX_TOKENS", "large": "STOP"}
    assert len(answer_of(found["small"])) < len(answer_of(found["large"]))


def test_an_answer_to_a_schema_can_be_broken(place: Place) -> None:
    place.scenario(kind="broken_json", match="prompt")
    (row,) = place.rows(place.run([text_row("prompt", **WITH_SCHEMA)]))
    assert row["response"]["candidates"][0]["finishReason"] == "STOP"
    with pytest.raises(ValueError, match="Unterminated"):
        json.loads(answer_of(row))


def test_missing_repeated_and_foreign_rows(place: Place) -> None:
    place.scenario(kind="missing", rows=[1, 2])
    place.scenario(kind="duplicate", every=5, times=3, differs=True)
    place.scenario(kind="foreign", count=2)
    job = place.run(numbered(10))
    counts = Counter(prompt_of(row) for row in place.rows(job))
    foreign = [prompt for prompt in counts if "nobody" in prompt]
    assert len(foreign) == 2
    assert {"prompt 1", "prompt 2"}.isdisjoint(counts)
    assert (counts["prompt 5"], counts["prompt 10"], counts["prompt 3"]) == (3, 3, 1)
    assert counts.total() == 8 + 4 + 2
    answers = {answer_of(row) for row in place.rows(job) if prompt_of(row) == "prompt 5"}
    assert len(answers) == 3
    assert place.raw(job)["completionStats"] == {"successfulCount": "8", "incompleteCount": "2"}


def test_the_emulator_counts_what_was_sent_again(place: Place) -> None:
    def sums() -> tuple[int, ...]:
        return tuple(place.send("GET", "/_emulator/predictions")[1].values())

    place.scenario(kind="duplicate")
    place.scenario(kind="missing", rows=[1])
    place.run(numbered(3))
    assert sums() == (3, 3, 0)
    place.run(numbered(1))
    assert sums() == (4, 3, 1)
    place.send("DELETE", "/_emulator/predictions")
    assert sums() == (0, 0, 0)


def test_the_last_line_can_be_torn(place: Place) -> None:
    place.scenario(kind="torn")
    (lines,) = place.files(place.run(numbered(3))).values()
    assert len(lines) == 3
    assert not lines[-1].endswith(b"\n")
    with pytest.raises(ValueError, match=r"Unterminated|delimiter|Expecting"):
        json.loads(lines[-1])


def test_several_sources_and_wildcards_when_told(place: Place) -> None:
    place.scenario(kind="sources")
    place.put(numbered(2), "many/1.jsonl")
    place.put([text_row("third")], "many/2.jsonl")
    other = place.put([text_row("fourth")], "one.jsonl")
    source = types.BatchJobSource(format="jsonl", gcs_uri=["gs://rows/many/*.jsonl", other])
    job = place.ended(place.create(source))
    prompts = sorted(prompt_of(row) for row in place.rows(job))
    assert prompts == ["fourth", "prompt 1", "prompt 2", "third"]
    source = types.BatchJobSource(format="jsonl", gcs_uri=["gs://rows/none/*.jsonl"])
    job = place.ended(place.create(source))
    assert short(job) == "FAILED"
    assert job.error is not None
    assert "No files match" in (job.error.message or "")


BAD_INPUTS = [
    (b"", "no requests"),
    (b"\n \n", "no requests"),
    (b"{}\n", "Line 1 has no object 'request'"),
    (b"[]\n", "Line 1 has no object 'request'"),
    (json_line(text_row("a")) + b'{"request": ', "Line 2 is not JSON"),
    (b"\xef\xbb\xbf" + json_line(text_row("a")), "Line 1 is not JSON"),
    (json_line(text_row("a")).decode().encode("utf-16"), "Line 1 is not JSON"),
    (b'{"request": {"x": NaN}}\n', "NaN is no JSON number"),
    (b'{"request": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n", "nested too deeply"),
    (b"\x00\n", "Line 1 is not JSON"),
    *(
        (
            json_line({"request": {}})[:-3] + b'"x": ' + b"[" * depth + b"]" * depth + b"}}\n",
            "nested too deeply",
        )
        for depth in (700, 900, 960, 980, 985)
    ),
]


@pytest.mark.parametrize(("data", "said"), BAD_INPUTS)
def test_an_unreadable_input_fails_the_job(place: Place, data: bytes, said: str) -> None:
    job = place.run(data)
    assert short(job) == "FAILED"
    assert job.error is not None
    assert said in (job.error.message or "")
    assert "outputInfo" not in place.raw(job)


@pytest.mark.parametrize("source", ["gs://rows/none.jsonl", "gs://other-bucket/rows.jsonl"])
def test_a_missing_input_fails_the_job(place: Place, source: str) -> None:
    job = place.ended(place.create(source))
    assert short(job) == "FAILED"
    assert job.error is not None
    assert job.error.code == 5


def test_too_many_requests_fail_the_job() -> None:
    with pytest.raises(UnreadableInputError, match="more than 2 requests"):
        surveyed([BytesIO(json_line(text_row("a")) * 3)], lambda: None, most=2)


def test_names_that_are_data_are_not_spread_over_all_rows() -> None:
    rows = [text_row("a", labels={f"row-{n}": "x"}) for n in range(1000)]
    survey = surveyed([BytesIO(b"".join(map(json_line, rows)))], lambda: None)
    assert filled(rows[5]["request"], survey.shape) == rows[5]["request"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return [without_nulls(v) for v in value] if isinstance(value, list) else value


@given(st.lists(st.dictionaries(st.sampled_from("abc"), JSON, max_size=3), min_size=1, max_size=4))
def test_filling_adds_nulls_and_nothing_else(requests: list[dict[str, Any]]) -> None:
    lines = b"".join(json_line({"request": request}) for request in requests)
    survey = surveyed([BytesIO(lines)], lambda: None)
    for index, request in enumerate(requests):
        assert survey.row(index)["request"] == request
        assert without_nulls(filled(request, survey.shape)) == without_nulls(request)


def test_nothing_known_is_nothing_filled() -> None:
    assert filled({"a": [1]}, None) == {"a": [1]}
    assert filled([{"a": 1}], Shape()) == [{"a": 1}]


@given(st.lists(st.binary(min_size=1, max_size=20)), st.integers(1, 30))
def test_a_stream_gives_all_its_lines(lines: list[bytes], size: int) -> None:
    stream = Stream(iter(lines))
    assert b"".join(iter(lambda: stream.read(size), b"")) == b"".join(lines)
    half = len(lines[-1]) // 2 if lines else 0
    assert b"".join(torn(iter(lines))) == b"".join(
        [*lines[:-1], lines[-1][:half] if lines else b""]
    )


def test_many_rows_are_not_held_in_memory(place: Place) -> None:
    source = place.put([text_row(f"{n} " + "x" * 3000) for n in range(2000)])  # 6 MB
    tracemalloc.start()
    try:
        job = place.ended(place.create(source))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert place.raw(job)["completionStats"] == {"successfulCount": "2000"}
    assert peak < 3_000_000
