"""Prompts that go to a server of chat completions, and what becomes of its answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.genai import types

from emulator.vertex.rows_write import shuffled
from emulator.vertex.upstream import Upstream
from tests.emulator.vertex.test_batch_support import (
    MODEL,
    Place,
    answer_of,
    numbered,
    prompt_of,
    short,
    stand_in,
    text_row,
)
from tests.emulator.vertex.upstream_server import ChatServer, Connection, chat_server, completion

SCHEMA = {
    "type": "OBJECT",
    "properties": {
        "type": {"type": "STRING", "nullable": True, "format": "enum", "enum": ["a", "b"]},
        "n": {"type": "ARRAY", "items": {"type": "INTEGER", "format": "int32"}, "minItems": "1"},
        "when": {"anyOf": [{"type": "STRING", "format": "date"}], "nullable": True},
        "more": {"ref": "#/defs/more"},
    },
    "defs": {"more": {"type": "OBJECT", "additionalProperties": {"type": "NUMBER"}}},
    "required": ["n"],
    "propertyOrdering": ["n", "type"],
}


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as server:
        yield server


@pytest.fixture
def place(tmp_path: Path, server: ChatServer) -> Iterator[Place]:
    with stand_in(tmp_path, Upstream(server.url)) as place:
        yield place


def only(place: Place, rows: list[dict[str, Any]]) -> dict[str, Any]:
    (row,) = place.rows(place.run(rows))
    return row


def test_calls_are_answered_by_the_server(place: Place, server: ChatServer) -> None:
    config = types.GenerateContentConfig(
        system_instruction="be brief",
        temperature=0.5,
        top_p=0.9,
        max_output_tokens=9,
        seed=3,
        stop_sequences=["END"],
        presence_penalty=0.1,
        frequency_penalty=0.2,
    )
    answer = place.client.models.generate_content(model=MODEL, contents="good day", config=config)
    assert answer.text == "You said: good day"
    assert answer.model_version == "local-upstream/tiny"
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.prompt_token_count == 7
    assert answer.usage_metadata.candidates_token_count == 5
    assert answer.usage_metadata.total_token_count == 12
    assert server.paths == ["/v1/models", "/v1/chat/completions"]
    assert server.asked == [
        {
            "model": "tiny",
            "messages": [
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": "good day"},
            ],
            "temperature": 0.5,
            "top_p": 0.9,
            "max_tokens": 9,
            "seed": 3,
            "stop": ["END"],
            "presence_penalty": 0.1,
            "frequency_penalty": 0.2,
        }
    ]


def test_a_stream_is_the_whole_answer_in_pieces(place: Place) -> None:
    stream = place.client.models.generate_content_stream(model=MODEL, contents="good day")
    assert "".join(piece.text or "" for piece in stream) == "You said: good day"


def test_rows_are_answered_by_the_server(place: Place, server: ChatServer) -> None:
    def reply(connection: Connection, asked: dict[str, Any]) -> None:
        if "fail" in asked["messages"][-1]["content"]:
            connection.send({"error": {"message": "busy\x1b[31m"}}, 429)
        else:
            connection.send(completion("yes", model="tiny:1b"))

    server.reply = reply
    job = place.run([text_row("a"), text_row("fail"), text_row("b")])
    assert short(job) == "SUCCEEDED"
    assert place.raw(job)["completionStats"] == {"successfulCount": "2", "failedCount": "1"}
    rows = {prompt_of(row): row for row in place.rows(job)}
    assert answer_of(rows["a"]) == answer_of(rows["b"]) == "yes"
    assert rows["a"]["response"]["modelVersion"] == "local-upstream/tiny:1b"
    assert rows["fail"]["status"].startswith("RESOURCE_EXHAUSTED error occurred")
    assert "says 429: busy?[31m" in rows["fail"]["status"]


def test_turns_of_a_conversation(place: Place, server: ChatServer) -> None:
    request = {
        "contents": [
            {"role": "user", "parts": [{"text": "one"}, {"text": "two"}]},
            {"role": "model", "parts": [{"text": "hm", "thought": True}, {"text": "three"}]},
            {"role": "user", "parts": {"text": "four"}},
        ],
        "system_instruction": {"role": "system", "parts": [{"text": "count"}]},
    }
    row = only(place, [{"request": request}])
    assert answer_of(row) == "You said: four"
    assert [(m["role"], m["content"]) for m in server.asked[0]["messages"]] == [
        ("system", "count"),
        ("user", "one\ntwo"),
        ("assistant", "three"),
        ("user", "four"),
    ]


def test_scripts_come_first(place: Place, server: ChatServer) -> None:
    place.send("POST", "/_emulator/model", {"otherwise": {"text": "scripted"}})
    answer = place.client.models.generate_content(model=MODEL, contents="hi")
    assert answer.text == "scripted"
    assert answer.model_version == "local-stand-in/scripted"
    assert server.paths == []


def test_scenarios_hold_here_too(place: Place) -> None:
    place.scenario(kind="max_tokens", rows=[1])
    place.scenario(kind="blocked", rows=[2])
    rows = {prompt_of(row): row["response"] for row in place.rows(place.run(numbered(3)))}
    assert rows["prompt 1"]["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert rows["prompt 2"]["promptFeedback"]["blockReason"] == "PROHIBITED_CONTENT"
    assert rows["prompt 3"]["candidates"][0]["finishReason"] == "STOP"


def test_a_schema_becomes_a_json_schema(place: Place, server: ChatServer) -> None:
    config: dict[str, Any] = {"responseMimeType": "application/json", "responseSchema": SCHEMA}
    only(place, [text_row("a", generationConfig=config)])
    found = server.asked[0]["response_format"]["json_schema"]["schema"]
    assert found == {
        "type": "object",
        "properties": {
            "n": {"type": "array", "items": {"type": "integer"}, "minItems": 1},
            "type": {"type": ["string", "null"], "enum": ["a", "b", None]},
            "when": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
            "more": {"$ref": "#/$defs/more"},
        },
        "$defs": {"more": {"type": "object", "additionalProperties": {"type": "number"}}},
        "required": ["n"],
    }
    assert list(found["properties"]) == ["n", "type", "when", "more"]
    config = {"responseMimeType": "application/json", "responseJsonSchema": {"type": "integer"}}
    only(place, [text_row("a", generationConfig=config)])
    assert server.asked[1]["response_format"]["json_schema"]["schema"] == {"type": "integer"}
    only(place, [text_row("a", generationConfig={"responseMimeType": "application/json"})])
    assert server.asked[2]["response_format"] == {"type": "json_object"}


@pytest.mark.parametrize(("said", "found"), [('"b"', "b"), ("b", "b"), ("[1]", "[1]")])
def test_an_enum_is_said_without_quotes(
    place: Place, server: ChatServer, said: str, found: str
) -> None:
    server.says(completion(said))
    schema = {"type": "STRING", "enum": ["a", "b"]}
    config = {"responseMimeType": "text/x.enum", "responseSchema": schema}
    assert answer_of(only(place, [text_row("a", generationConfig=config)])) == found


@pytest.mark.parametrize(
    ("finish", "expected"),
    [
        ("stop", "STOP"),
        ("length", "MAX_TOKENS"),
        ("content_filter", "SAFETY"),
        (None, "STOP"),
        ("load", "OTHER"),
    ],
)
def test_why_an_answer_ended(
    place: Place, server: ChatServer, finish: str | None, expected: str
) -> None:
    server.says(completion("on and", finish))
    row = only(place, [text_row("a")])
    assert row["response"]["candidates"][0]["finishReason"] == expected
    assert row["response"]["usageMetadata"]["candidatesTokenCount"] == 2  # estimated


def test_an_answer_in_parts_and_one_without_words(place: Place, server: ChatServer) -> None:
    server.says(completion([{"type": "text", "text": "so "}, {"type": "text", "text": "it is"}]))
    assert answer_of(only(place, [text_row("a")])) == "so it is"
    server.says(completion(None))
    assert only(place, [text_row("a")])["response"]["candidates"][0]["content"] == {"role": "model"}


@pytest.mark.parametrize(
    "part",
    [
        {"fileData": {"mimeType": "image/png", "fileUri": "gs://x/y.png"}},
        {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
    ],
)
def test_files_fail_their_row_and_are_not_sent(
    place: Place, server: ChatServer, part: dict[str, Any]
) -> None:
    row = only(place, [{"request": {"contents": [{"parts": [{"text": "what is it?"}, part]}]}}])
    assert row["status"].startswith("UNIMPLEMENTED error occurred")
    assert "files in prompts" in row["status"]
    assert server.asked == []


def test_one_model_answers_for_all(tmp_path: Path, server: ChatServer) -> None:
    with stand_in(tmp_path, Upstream(f"{server.url}/v1/", "other")) as place:
        for name in ("gemini-3.5-flash", "gemini-3.1-pro-preview"):
            place.client.models.generate_content(model=name, contents="hi")
    assert [asked["model"] for asked in server.asked] == ["other", "other"]
    assert server.paths == ["/v1/chat/completions"] * 2


def test_a_path_of_the_servers_own(server: ChatServer) -> None:
    upstream = Upstream(f"{server.url}/api/openai", "m")
    upstream.answer({"contents": [{"parts": [{"text": "hi"}]}]})
    assert server.paths == ["/api/openai/chat/completions"]


def test_so_many_rows_at_once_and_no_more(tmp_path: Path, server: ChatServer) -> None:
    together = threading.Barrier(3)
    lock = threading.Lock()
    counts = {"now": 0, "most": 0}

    def reply(connection: Connection, asked: dict[str, Any]) -> None:
        with lock:
            counts["now"] += 1
            counts["most"] = max(counts["most"], counts["now"])
        together.wait(60)  # fails, and so does the row, unless three are asked together
        with lock:
            counts["now"] -= 1
        connection.send(completion(f"yes: {asked['messages'][-1]['content']}"))

    server.reply = reply
    with stand_in(tmp_path, Upstream(server.url, at_once=3)) as place:
        rows = place.rows(place.run(numbered(9)))
    assert counts["most"] == 3
    order = shuffled(9, "job\n['gs://rows/in/rows.jsonl']")
    assert [prompt_of(row) for row in rows] == [f"prompt {index + 1}" for index in order]
    assert all(answer_of(row) == f"yes: {prompt_of(row)}" for row in rows)


def test_a_cancelled_job_keeps_what_was_asked_by_then(tmp_path: Path, server: ChatServer) -> None:
    asked, go = threading.Semaphore(0), threading.Event()

    def reply(connection: Connection, _: dict[str, Any]) -> None:
        asked.release()
        assert go.wait(60)
        connection.send(completion("yes"))

    server.reply = reply
    with stand_in(tmp_path, Upstream(server.url, at_once=2)) as place:
        job = place.create(place.put(numbered(10)))
        assert asked.acquire(timeout=120)
        assert asked.acquire(timeout=120)
        place.client.batches.cancel(name=str(job.name))
        go.set()
        job = place.ended(job)
        assert short(job) == "CANCELLED"
        rows = place.rows(job)
        assert len(rows) == 2
        assert all(row["status"] == "" for row in rows)
