"""The Vertex stand-in, through the real google-genai client and over plain HTTP."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials

from emulator.faults import Faults
from emulator.http import serve
from emulator.vertex import service

MODEL = "gemini-3.5-flash"
PATH = f"/v1/projects/p/locations/global/publishers/google/models/{MODEL}"


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    running = serve(service(tmp_path, "local-project", Faults()))
    yield running.url
    running.stop()


@pytest.fixture
def client(url: str) -> Iterator[genai.Client]:
    with genai.Client(
        vertexai=True,
        project="p",
        location="us-central1",
        credentials=Credentials(token="t"),
        http_options=types.HttpOptions(base_url=url),
    ) as client:
        yield client


Send = Callable[..., tuple[int, Any]]


@pytest.fixture
def send(url: str) -> Send:
    def call(
        method: str, path: str, body: Any = None, *, token: str | None = "Bearer t"
    ) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        headers = {"Authorization": token} if token else {}
        request = urllib.request.Request(url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    return call


def user(text: str) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}]}


def test_an_answer_says_that_it_is_a_stand_in(client: genai.Client) -> None:
    answer = client.models.generate_content(model=MODEL, contents="good day")
    assert "stand-in" in (answer.text or "")
    assert answer.model_version == "local-stand-in"
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.prompt_token_count == 2  # 8 characters / 4


def test_a_stream_gives_the_same_text_in_pieces(client: genai.Client) -> None:
    whole = client.models.generate_content(model=MODEL, contents="good day").text
    pieces = list(client.models.generate_content_stream(model=MODEL, contents="good day"))
    assert len(pieces) > 1
    assert "".join(piece.text or "" for piece in pieces) == whole
    assert [bool(piece.usage_metadata) for piece in pieces] == [False] * (len(pieces) - 1) + [True]


def test_a_stream_without_sse_is_a_list(send: Send) -> None:
    status, body = send("POST", f"{PATH}:streamGenerateContent", user("hi"))
    assert status == 200
    assert isinstance(body, list)


def test_tokens_are_counted_by_the_stated_heuristic(client: genai.Client) -> None:
    assert client.models.count_tokens(model=MODEL, contents="x" * 41).total_tokens == 11


def test_a_short_limit_cuts_the_answer(client: genai.Client) -> None:
    config = types.GenerateContentConfig(max_output_tokens=3)
    answer = client.models.generate_content(model=MODEL, contents="hi", config=config)
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS
    assert len(answer.text or "") == 12


def test_json_without_a_schema_is_json(client: genai.Client) -> None:
    config = types.GenerateContentConfig(response_mime_type="application/json")
    answer = client.models.generate_content(model=MODEL, contents="hi", config=config)
    found = json.loads(answer.text or "")
    assert (found["stand_in"], found["prompt"]) == (True, "hi")


def test_an_answer_repeats_the_first_words_of_the_last_turn(client: genai.Client) -> None:
    turns = [
        types.Content(role="user", parts=[types.Part(text="first")]),
        types.Content(role="model", parts=[types.Part(text="second")]),
        types.Content(role="user", parts=[types.Part(text="third  and\nlast " + "x" * 99)]),
    ]
    said = client.models.generate_content(model=MODEL, contents=list(turns)).text or ""
    assert re.fullmatch(
        r"\[local stand-in, no model\] Here would be the answer to: third and last x{45}… "
        r"\(3 turn\(s\), 126 characters, digest [0-9a-f]{8}\)",
        said,
    )
    turns[0] = types.Content(role="user", parts=[types.Part(text="other")])
    assert client.models.generate_content(model=MODEL, contents=list(turns)).text != said


def test_files_are_told_and_not_looked_at(client: genai.Client) -> None:
    file = types.Part.from_uri(file_uri="gs://x/y.png", mime_type="image/png")
    said = client.models.generate_content(model=MODEL, contents=["what is it?", file]).text
    assert "1 file(s) that nobody looked at" in (said or "")


@pytest.mark.parametrize(
    ("stops", "said"),
    [(["answer", "Here"], "[local stand-in, no model] "), (["[local"], None)],
)
def test_an_answer_ends_before_a_stop_sequence(
    client: genai.Client, stops: list[str], said: str | None
) -> None:
    config = types.GenerateContentConfig(stop_sequences=stops)
    answer = client.models.generate_content(model=MODEL, contents="hi", config=config)
    assert answer.text == said
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP


SCRIPTED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"text": "yes"}, {"text": "yes", "finish": "STOP"}),
    ({"json": {"n": 1}}, {"text": '{"n": 1}', "finish": "STOP"}),
    ({"text": '{"n": ', "finish_reason": "MAX_TOKENS"}, {"text": '{"n": ', "finish": "MAX_TOKENS"}),
    ({"finish_reason": "SAFETY"}, {"text": None, "finish": "SAFETY"}),
    ({"block_reason": "PROHIBITED_CONTENT"}, {"blocked": "PROHIBITED_CONTENT"}),
    ({"empty": True}, {"candidates": None}),
]


@pytest.mark.parametrize(("scripted", "expected"), SCRIPTED)
def test_scripted_answers(
    client: genai.Client, send: Send, scripted: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert send("POST", "/_emulator/model", {"answers": [scripted]})[0] == 200
    answer = client.models.generate_content(model=MODEL, contents="hi")
    if "blocked" in expected:
        assert answer.prompt_feedback is not None
        assert answer.prompt_feedback.block_reason is not None
        assert answer.prompt_feedback.block_reason.value == expected["blocked"]
    if "candidates" in expected:
        assert answer.candidates is None
    assert answer.model_version == "local-stand-in/scripted"
    if "finish" in expected:
        assert answer.candidates is not None
        assert answer.candidates[0].finish_reason == types.FinishReason(expected["finish"])
        assert answer.text == expected["text"]


def test_queue_then_rules_then_the_rest(send: Send) -> None:
    script = {
        "answers": [{"text": "queued", "times": 2}],
        "rules": [{"match": "cat", "answer": {"text": "miaow"}}],
        "otherwise": {"text": "silence"},
    }
    assert send("POST", "/_emulator/model", script)[0] == 200
    said = []
    for words in ("cat", "cat", "my cat", "my dog"):
        _, body = send("POST", f"{PATH}:generateContent", user(words))
        said.append(body["candidates"][0]["content"]["parts"][0]["text"])
    assert said == ["queued", "queued", "miaow", "silence"]
    _, seen = send("GET", "/_emulator/model")
    assert seen["answers_left"] == 0
    assert [r["body"]["contents"][0]["parts"][0]["text"] for r in seen["requests"]][2] == "my cat"
    assert seen["requests"][0]["model"] == MODEL
    send("DELETE", "/_emulator/model")
    assert send("GET", "/_emulator/model")[1] == {"requests": [], "answers_left": 0}


def test_a_scripted_error_arrives_as_the_clients_own(client: genai.Client, send: Send) -> None:
    error = {"code": 403, "status": "PERMISSION_DENIED", "message": "no"}
    send("POST", "/_emulator/model", {"answers": [{"error": error}]})
    with pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model=MODEL, contents="hi")
    assert (caught.value.code, caught.value.status) == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    "script",
    [
        {"answer": []},
        {"answers": [{"txt": "x"}]},
        {"answers": [{"text": "x", "json": {}}]},
        {"answers": [{"text": "x", "times": 0}]},
        {"rules": [{"match": "x"}]},
        {"answers": ["x"]},
    ],
)
def test_a_wrong_script_is_refused(send: Send, script: dict[str, Any]) -> None:
    status, body = send("POST", "/_emulator/model", script)
    assert status == 400
    assert "Not a script" in body["error"]["message"]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "at least one contents"),
    ({"contents": []}, "at least one contents"),
    (user("x") | {"prompt": "x"}, 'Unknown name "prompt"'),
    (
        user("x") | {"generationConfig": {"temprature": 1}},
        "Unknown name \"temprature\" at 'generation_config'",
    ),
    (user("x") | {"generationConfig": {"temperature": 3}}, "supported range"),
    (user("x") | {"generationConfig": {"temperature": "warm"}}, "supported range"),
    (user("x") | {"generationConfig": {"candidateCount": 2}}, "does not emulate"),
    (user("x") | {"tools": [{"googleSearch": {}}]}, "does not emulate the field tools"),
    (user("x") | {"cachedContent": "c"}, "does not emulate the field cachedContent"),
    ({"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}, "valid role"),
    ({"contents": [{"role": "user", "parts": []}]}, "at least one parts"),
    ({"contents": [{"role": "user", "parts": [{}]}]}, "oneof"),
    ({"contents": [{"role": "user", "parts": [{"text": 5}]}]}, "TYPE_STRING"),
    ({"contents": [{"role": "user", "parts": [{"functionCall": {"name": "f"}}]}]}, "not emulate"),
    ({"contents": "hi"}, "at least one contents"),
    (
        user("x") | {"generationConfig": {"responseSchema": {"type": "OBJECT"}}},
        "response_mime_type",
    ),
]
WITH_SCHEMA: list[tuple[dict[str, Any], str]] = [
    ({"type": "object"}, "Invalid value"),
    ({"type": "OBJECT", "$ref": "#/x"}, 'Unknown name "$ref"'),
    ({"type": "OBJECT", "properties": {"a": {"type": "STRING", "const": "x"}}}, '"const"'),
    ({"type": "ARRAY", "items": {"oneOf": []}}, '"oneOf"'),
]
REFUSED += [
    (
        user("x")
        | {
            "generationConfig": {"responseMimeType": "application/json", "responseSchema": schema},
        },
        said,
    )
    for schema, said in WITH_SCHEMA
]


@pytest.mark.parametrize(("body", "said"), REFUSED)
def test_what_the_service_would_not_take_is_refused(
    send: Send, body: dict[str, Any], said: str
) -> None:
    status, answer = send("POST", f"{PATH}:generateContent", body)
    assert status == 400
    assert said in answer["error"]["message"]


def test_snake_case_is_taken_as_the_service_takes_it(send: Send) -> None:
    body = user("x") | {"generation_config": {"max_output_tokens": 1}}
    status, answer = send("POST", f"{PATH}:generateContent", body)
    assert status == 200
    assert answer["candidates"][0]["finishReason"] == "MAX_TOKENS"


def test_calls_without_a_token_and_unknown_models(send: Send) -> None:
    status, body = send("POST", f"{PATH}:generateContent", user("x"), token=None)
    assert (status, body["error"]["status"]) == (401, "UNAUTHENTICATED")
    status, body = send("POST", f"{PATH.replace(MODEL, 'bison')}:generateContent", user("x"))
    assert (status, body["error"]["status"]) == (404, "NOT_FOUND")


def test_what_is_not_emulated_says_so(send: Send) -> None:
    path = "/v1/projects/p/locations/global/endpoints/7:generateContent"
    status, body = send("POST", path, user("x"))
    assert status == 400
    assert "not emulate" in body["error"]["message"]


@pytest.mark.parametrize(
    ("grant", "assertion", "expected"),
    [
        ("urn:ietf:params:oauth:grant-type:jwt-bearer", "a.b.c", 200),
        ("urn:ietf:params:oauth:grant-type:jwt-bearer", "abc", 400),
        ("password", "a.b.c", 400),
    ],
)
def test_tokens(send: Send, grant: str, assertion: str, expected: int) -> None:
    form = urllib.parse.urlencode({"grant_type": grant, "assertion": assertion}).encode()
    status, body = send("POST", "/token", form, token=None)
    assert status == expected
    assert ("access_token" in body) == (expected == 200)
