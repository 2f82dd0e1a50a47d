"""Prompts that go to a server of chat completions on this machine; here a tiny one that is fake."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.genai import errors, types

from emulator.http import ApiError, Request, Response, Route, Running, Service, serve
from emulator.vertex.upstream import Upstream
from tests.emulator.vertex.test_batch_support import MODEL, Place, answer_of, stand_in, text_row


class FakeServer:
    """Answers what it was asked, and remembers it."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answer: dict[str, Any] | bytes | None = None
        routes = [
            Route("GET", "/v1/models", self.models, "models"),
            Route("POST", "/v1/chat/completions", self.complete, "complete"),
        ]
        self.running: Running = serve(Service(name="upstream", routes=routes))

    def models(self, _: Request) -> Response:
        return Response(body={"data": [{"id": "tiny"}, {"id": "other"}]})

    def complete(self, request: Request) -> Response:
        asked = request.json()
        self.asked.append(asked)
        if "fail" in asked["messages"][-1]["content"]:
            raise ApiError(429, "", "busy")
        if self.answer is not None:
            return Response(body=self.answer)
        message = {"role": "assistant", "content": f"You said: {asked['messages'][-1]['content']}"}
        return Response(
            body={
                "model": asked["model"],
                "choices": [{"message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 7, "completion_tokens": 5},
            }
        )


@pytest.fixture
def server() -> Iterator[FakeServer]:
    fake = FakeServer()
    yield fake
    fake.running.stop()


@pytest.fixture
def place(tmp_path: Path, server: FakeServer) -> Iterator[Place]:
    with stand_in(tmp_path, Upstream(server.running.url)) as place:
        yield place


def test_calls_and_rows_are_answered_by_the_server(place: Place, server: FakeServer) -> None:
    config = types.GenerateContentConfig(
        system_instruction="be brief", temperature=0.5, max_output_tokens=9, seed=3
    )
    answer = place.client.models.generate_content(model=MODEL, contents="good day", config=config)
    assert answer.text == "You said: good day"
    assert answer.model_version == "local-upstream/tiny"
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.prompt_token_count == 7
    assert answer.usage_metadata.total_token_count == 12
    assert server.asked[0] == {
        "model": "tiny",
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "good day"},
        ],
        "temperature": 0.5,
        "max_tokens": 9,
        "seed": 3,
    }
    rows = place.rows(place.run([text_row("a"), text_row("fail"), text_row("b")]))
    assert sorted(answer_of(row) for row in rows if not row["status"]) == [
        "You said: a",
        "You said: b",
    ]
    (failed,) = (row for row in rows if row["status"])
    assert failed["status"].startswith("RESOURCE_EXHAUSTED error occurred")


def test_scripts_come_first(place: Place, server: FakeServer) -> None:
    place.send("POST", "/_emulator/model", {"otherwise": {"text": "scripted"}})
    answer = place.client.models.generate_content(model=MODEL, contents="hi")
    assert answer.text == "scripted"
    assert server.asked == []


def test_a_schema_becomes_a_json_schema(place: Place, server: FakeServer) -> None:
    schema = {
        "type": "OBJECT",
        "properties": {
            "type": {"type": "STRING", "nullable": True},
            "n": {"type": "ARRAY", "items": {"type": "INTEGER"}},
        },
        "required": ["n"],
        "propertyOrdering": ["n", "type"],
    }
    config = {"responseMimeType": "application/json", "responseSchema": schema}
    place.run([text_row("a", generationConfig=config)])
    assert server.asked[0]["response_format"]["json_schema"]["schema"] == {
        "type": "object",
        "properties": {
            "type": {"type": ["string", "null"]},
            "n": {"type": "array", "items": {"type": "integer"}},
        },
        "required": ["n"],
    }
    place.run([text_row("a", generationConfig={"responseMimeType": "application/json"})])
    assert server.asked[1]["response_format"] == {"type": "json_object"}


def test_an_answer_that_was_cut(place: Place, server: FakeServer) -> None:
    server.answer = {"choices": [{"message": {"content": "on and"}, "finish_reason": "length"}]}
    (row,) = place.rows(place.run([text_row("a")]))
    assert row["response"]["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert row["response"]["usageMetadata"]["candidatesTokenCount"] == 2  # estimated


@pytest.mark.parametrize("answer", [b"no json", b"[]", {"choices": []}, {"choices": [1]}])
def test_what_is_no_completion_is_told(
    place: Place, server: FakeServer, answer: dict[str, Any] | bytes
) -> None:
    server.answer = answer
    with pytest.raises(errors.ServerError, match="upstream server answers no"):
        place.client.models.generate_content(model=MODEL, contents="hi")


def test_media_are_refused(place: Place) -> None:
    part = {"fileData": {"mimeType": "image/png", "fileUri": "gs://x/y.png"}}
    (row,) = place.rows(place.run([{"request": {"contents": [{"parts": [part]}]}}]))
    assert "media in prompts" in row["status"]


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    fake = FakeServer()
    fake.running.stop()
    with (
        stand_in(tmp_path, Upstream(fake.running.url)) as place,
        pytest.raises(errors.ServerError, match="upstream server at") as caught,
    ):
        place.client.models.generate_content(model=MODEL, contents="hi")
    assert caught.value.code == 503


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/v1",
        "https://127.0.0.1/v1",
        "http://127.0.0.1.example.com",
        "http://127.0.0.1@example.com/",
        "127.0.0.1:80",
        "http://10.0.0.1",
        "",
    ],
)
def test_only_this_machine_is_asked(url: str) -> None:
    with pytest.raises(ValueError, match="on this machine"):
        Upstream(url)


def test_the_model_may_be_named(server: FakeServer) -> None:
    body = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    assert json.loads(json.dumps(Upstream(server.running.url, "other").answer(body).parts))
    assert server.asked[0]["model"] == "other"
