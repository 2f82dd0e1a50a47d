"""Rows of the service, real and odd, and what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.aggregate_results.predictions.decode import decode
from components.aggregate_results.predictions.judge import judge
from components.batch_predict.outcomes import Outcome, better, outcome_of, read_rows
from components.rows.canonical import key_of
from components.rows.prices import Tokens
from tests.batch_predict.conftest import MODEL, request_of

REAL = Path(__file__).parents[2].parent / "shared" / "gemini_jsonl"


def said(*parts: Any, finish: Any = "STOP", **more: Any) -> dict[str, Any]:
    content = {"role": "model", "parts": list(parts)}
    return {"candidates": [{"content": content, "finishReason": finish}], **more}


TEXT = {"text": "hi"}


@pytest.mark.parametrize(
    ("status", "response", "expected"),
    [
        ("", said(TEXT), Outcome("ok", "", "hi")),
        ("", said({"text": "a"}, {"text": "b"}), Outcome("ok", "", "ab")),
        ("", said({"text": "hm", "thought": True}, TEXT), Outcome("ok", "", "hi")),
        ("", said({"functionCall": {"name": "f"}}), Outcome("ok")),
        ("", said(TEXT, finish="MAX_TOKENS"), Outcome("truncated", "MAX_TOKENS", "hi")),
        ("", said(finish="RECITATION"), Outcome("blocked", "answer: RECITATION")),
        ("", said(TEXT, finish="SAFETY"), Outcome("blocked", "answer: SAFETY")),
        ("", said(finish="MALFORMED_FUNCTION_CALL"), Outcome("odd", "MALFORMED_FUNCTION_CALL")),
        ("", said(TEXT, finish="A_NEW_ONE"), Outcome("odd", "A_NEW_ONE", "hi")),
        ("", {"promptFeedback": {"blockReason": "JAILBREAK"}},
         Outcome("blocked", "prompt: JAILBREAK")),
        ("", said(), Outcome("empty", "STOP")),
        ("", {}, Outcome("empty", "no text")),
        ("", None, Outcome("empty", "no text")),
        ("", {"candidates": []}, Outcome("empty", "no text")),
        ("", {"candidates": [{"finishReason": "STOP"}]}, Outcome("empty", "STOP")),
        ("", said(TEXT, usageMetadata={"promptTokenCount": 3, "candidatesTokenCount": 4,
                                       "thoughtsTokenCount": 5}),
         Outcome("ok", "", "hi", Tokens(3, 9))),
        ("", said(TEXT, usageMetadata={"promptTokenCount": None}), Outcome("ok", "", "hi")),
        *((fine, said(TEXT), Outcome("ok", "", "hi"))
          for fine in ("OK", "Success", {"code": 0}, {}, None)),
    ],
)  # fmt: skip
def test_responses(status: Any, response: Any, expected: Outcome) -> None:
    assert outcome_of(status, response, wants_json=False) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ('RESOURCE_EXHAUSTED error occurred: {"error": {"code": 429, "message": "x"}}',
         "transient"),
        ('error occurred: {"error":{"code":503}}', "transient"),
        ("INTERNAL", "transient"),
        ('INVALID_ARGUMENT error occurred: {"error": {"code": 400}}', "refused"),
        ("PERMISSION_DENIED: no", "refused"),
        ('{"error": {"code": 404, "message": "503 rooms"}}', "refused"),
        ("something new", "transient"),
        ({"code": 8, "message": "quota"}, "transient"),
        ({"code": 3, "message": "429 is not the code"}, "refused"),
        ({"code": 429}, "transient"),
        ({"code": 400}, "refused"),
        ({"message": "odd"}, "transient"),
        (["odd"], "transient"),
    ],
)  # fmt: skip
def test_errors(status: Any, expected: str) -> None:
    assert outcome_of(status, {}, wants_json=False).status == expected


@pytest.mark.parametrize(
    ("text", "status"),
    [('{"a": 1}', "ok"), ("[]", "ok"), ('{"a": ', "bad_json"), ("sure! {}", "bad_json"),
     ("[" * 100_000, "bad_json"), ("  ", "empty")],
)  # fmt: skip
def test_json_that_was_asked_for(text: str, status: str) -> None:
    assert outcome_of("", said({"text": text}), wants_json=True).status == status


ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["candidates", "content", "parts", "text", "thought", "finishReason", "code",
                 "promptFeedback", "blockReason", "usageMetadata", "promptTokenCount", "message"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)  # fmt: skip


@given(ANY_JSON, ANY_JSON, st.booleans())
def test_no_shape_of_a_row_is_a_crash(status: Any, response: Any, wants_json: bool) -> None:
    outcome_of(status, response, wants_json=wants_json)
    line = json.dumps({"status": status, "response": response, "key": "k"}).encode()
    assert len(list(read_rows([line], MODEL, {"k": wants_json}, {}))) == 1


def read(*lines: bytes, keys: dict[str, bool], aliases: dict[str, str] | None = None) -> list[str]:
    return [key for key, _ in read_rows(lines, MODEL, keys, aliases or {})]


def row(request: Any, **more: Any) -> bytes:
    return json.dumps({"request": request, "status": "", "response": said(TEXT), **more}).encode()


def test_rows_are_known_by_key_then_by_echo_and_never_by_place() -> None:
    request, changed = request_of("a"), request_of("a", maxOutputTokens=400)
    key = key_of(request, MODEL)
    other = request_of("b")
    keys = {key: False}
    assert read(row(other, key=key), keys=keys) == [key]
    assert read(row(other, custom_id=key), keys=keys) == [key]
    assert read(row({**request, "labels": None, "tools": None}), keys=keys) == [key]
    assert read(row(request, key="somebody else's"), keys=keys) == [key]
    assert read(row(changed), keys=keys) == []
    assert read(row(changed), keys=keys, aliases={key_of(changed, MODEL): key}) == [key]
    assert read(row(other), row(None), row("x"), row([]), b"", b"\n", keys=keys) == []
    assert read(b'{"torn', b"[1]", b"\xff\xfe", b"null", b"[" * 50_000, keys=keys) == []


@pytest.mark.parametrize(
    ("status", "response"),
    [("", said(TEXT)), ("ok", said(TEXT)), ({"code": 0}, said(TEXT)), ({"code": 5}, said(TEXT)),
     ("", json.dumps(said(TEXT))), ("", "no JSON"), ("", said()), ("", said(TEXT, finish=None)),
     ("", said(TEXT, finish="MAX_TOKENS")), ("429", said(TEXT)), (None, {}), ("", None)],
)  # fmt: skip
def test_what_is_sent_again_is_what_the_results_call_no_answer(status: Any, response: Any) -> None:
    line = decode(json.dumps({"status": status, "response": response}).encode())
    assert line is not None
    sent = outcome_of(status, response, wants_json=False)
    assert (sent.status == "ok") == (judge(line).status == "ok")


def test_an_answer_with_half_a_surrogate_pair_came_back() -> None:
    request = request_of("a")
    key, broken = key_of(request, MODEL), r'{"text": "cut \ud83d"}'
    line = json.dumps({"request": request, "status": "", "response": said("HERE")})
    [(found, outcome)] = read_rows(
        [line.replace('"HERE"', broken).encode()], MODEL, {key: False}, {}
    )
    assert (found, outcome.status) == (key, "ok")


def test_of_two_rows_the_one_that_answers_counts() -> None:
    ok, bad = Outcome("ok", "", "x"), Outcome("transient", "429")
    assert better(None, bad) == bad
    assert better(bad, ok) == ok
    assert better(ok, bad) == ok
    assert better(ok, Outcome("ok", "", "second")) == ok


def test_real_rows() -> None:
    file = REAL / "meteatamel_batch_request_multimodal_output.jsonl"
    if not file.exists():
        pytest.skip("the shared real rows are not beside the repository")
    sent = REAL / "meteatamel_batch_request_multimodal_input.jsonl"
    keys = {
        key_of(json.loads(line)["request"], MODEL): False
        for line in sent.read_text().splitlines()
        if line.strip()
    }
    found = dict(read_rows(file.read_bytes().splitlines(), MODEL, keys, {}))
    assert found.keys() == keys.keys()
    assert {outcome.status for outcome in found.values()} == {"ok"}
    assert all(outcome.tokens.input and outcome.tokens.output for outcome in found.values())
