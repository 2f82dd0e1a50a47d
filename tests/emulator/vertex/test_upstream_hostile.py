"""A server of chat completions that is down, slow, broken or hostile; and addresses elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.genai import errors

from emulator import launch
from emulator.http import ApiError
from emulator.messages import EmulatorEndsError
from emulator.vertex.upstream import Upstream
from tests.emulator.vertex.test_batch_support import (
    MODEL,
    Place,
    answer_of,
    numbered,
    short,
    stand_in,
    text_row,
)
from tests.emulator.vertex.upstream_server import ChatServer, Connection, chat_server, completion

BODY = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
HUGE = 17 * 1024 * 1024


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as server:
        yield server


@pytest.fixture
def place(tmp_path: Path, server: ChatServer) -> Iterator[Place]:
    with stand_in(tmp_path, Upstream(server.url)) as place:
        yield place


HOSTILE: list[tuple[Any, int, str]] = [
    (b"no json", 502, "answers no JSON"),
    (b"", 502, "answers no JSON"),
    (b"\xff\xfe", 502, "answers no JSON"),
    (b"[" * 200_000, 502, "answers no JSON"),
    (b"[]", 502, "answers no JSON object"),
    (b"null", 502, "answers no JSON object"),
    (b" " * HUGE, 502, "answers more than"),
    ({}, 502, "answers no chat completion"),
    ({"choices": []}, 502, "answers no chat completion"),
    ({"choices": [1]}, 502, "answers no chat completion"),
    ({"choices": {"0": 1}}, 502, "answers no chat completion"),
    ({"choices": [{"message": "hi"}]}, 502, "answers no chat completion"),
    (completion({"text": "hi"}), 502, "answers no text"),
]


@pytest.mark.parametrize(("answer", "code", "said"), HOSTILE)
def test_what_is_no_answer_is_told(
    place: Place, server: ChatServer, answer: Any, code: int, said: str
) -> None:
    server.says(answer)
    with pytest.raises(errors.ServerError, match=said) as caught:
        place.client.models.generate_content(model=MODEL, contents="hi")
    assert caught.value.code == code
    job = place.run(numbered(2))
    assert short(job) == "SUCCEEDED"
    assert all(said in row["status"] and row["response"] == {} for row in place.rows(job))


@pytest.mark.parametrize(
    ("status", "expected", "name"),
    [
        (500, 500, "INTERNAL"),
        (404, 404, "NOT_FOUND"),
        (401, 401, "UNAUTHENTICATED"),
        (204, 502, "UNKNOWN"),
        (399, 502, "UNKNOWN"),
    ],
)
def test_its_errors_are_those_of_the_row(
    place: Place, server: ChatServer, status: int, expected: int, name: str
) -> None:
    server.says({"error": "no " * 1000}, status)
    (row,) = place.rows(place.run(numbered(1)))
    assert row["status"].startswith(f"{name} error occurred")
    assert f'"code": {expected}' in row["status"]
    assert len(row["status"]) < 600


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirections_are_not_followed(place: Place, server: ChatServer, status: int) -> None:
    with chat_server() as elsewhere:
        server.says(b"", status, Location=f"{elsewhere.url}/v1/chat/completions")
        (row,) = place.rows(place.run(numbered(1)))
        assert f"says {status}" in row["status"]
        assert elsewhere.paths == []


def test_proxies_of_the_environment_are_not_used(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with chat_server() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert Upstream(server.url).answer(BODY).parts == [{"text": "You said: hi"}]
        assert proxy.paths == []


@pytest.mark.parametrize(
    "models",
    [
        {},
        {"data": []},
        {"data": [1]},
        {"data": [{"id": ""}]},
        {"data": [{"id": "a\x1b[31m"}]},
        {"data": {"id": "a"}},
    ],
)
def test_a_server_without_models(place: Place, server: ChatServer, models: Any) -> None:
    server.models = models
    (row,) = place.rows(place.run(numbered(1)))
    assert "lists no model" in row["status"]
    server.models = {"data": [{"id": "late"}]}  # such as one that was pulled meanwhile
    (row,) = place.rows(place.run(numbered(1)))
    assert row["response"]["modelVersion"] == "local-upstream/late"


def test_a_server_that_is_not_there_fails_rows_and_calls(tmp_path: Path) -> None:
    with chat_server() as gone:
        pass
    with stand_in(tmp_path, Upstream(gone.url)) as place:
        with pytest.raises(errors.ServerError, match="cannot be reached") as caught:
            place.client.models.generate_content(model=MODEL, contents="hi")
        assert caught.value.code == 503
        job = place.run(numbered(5))
        assert short(job) == "SUCCEEDED"
        assert place.raw(job)["completionStats"] == {"failedCount": "5"}
        assert all(row["status"].startswith("UNAVAILABLE") for row in place.rows(job))


def silent(connection: Connection, _: dict[str, Any]) -> None:
    connection.server.ends.wait(60)


def dribbles_headers(connection: Connection, _: dict[str, Any]) -> None:
    connection.wfile.write(b"HTTP/1.0 200 OK\r\n")
    while not connection.server.ends.wait(0.01):
        connection.wfile.write(b"X-More: 1\r\n")


def dribbles_body(connection: Connection, _: dict[str, Any]) -> None:
    connection.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")  # no length: it ends with the connection
    while not connection.server.ends.wait(0.01):
        connection.wfile.write(b" ")


def goes_on(connection: Connection, _: dict[str, Any]) -> None:
    while not connection.server.ends.wait(0.01):
        connection.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")


@pytest.mark.parametrize("reply", [silent, dribbles_headers, dribbles_body, goes_on])
def test_an_answer_has_its_time_and_no_more(
    server: ChatServer, reply: Callable[[Connection, dict[str, Any]], None]
) -> None:
    server.reply = reply
    upstream = Upstream(server.url, "m", timeout_s=0.1)
    with pytest.raises(ApiError, match=r"within 0\.1 s|cannot be reached: LineTooLong") as caught:
        upstream.answer(BODY)
    assert caught.value.status_code in (504, 503)
    server.says(completion("there"))
    assert upstream.answer(BODY).parts == [{"text": "there"}]


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 1000 + b"\r\n{}",
        b"HTTP/1.1 20\r\n\r\n",
    ],
)
def test_what_is_no_http_is_told(server: ChatServer, said: bytes) -> None:
    server.reply = lambda connection, _: connection.wfile.write(said) and None
    with pytest.raises(ApiError) as caught:
        Upstream(server.url, "m").answer(BODY)
    assert caught.value.status_code in (502, 503)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        [],
        {},
        {"prompt_tokens": -1, "completion_tokens": 1},
        {"prompt_tokens": True, "completion_tokens": 1},
        {"prompt_tokens": 10**30, "completion_tokens": 1},
        {"prompt_tokens": "7", "completion_tokens": 1},
    ],
)
def test_tokens_that_cannot_be_are_estimated(server: ChatServer, usage: Any) -> None:
    server.says(completion("yes", usage=usage))
    assert Upstream(server.url).answer(BODY).tokens is None


def test_what_cannot_be_written_is_replaced(place: Place, server: ChatServer) -> None:
    server.says(completion("a\ud800b\x00", model="m\x1b[31m" * 100))
    (row,) = place.rows(place.run([text_row("hi")]))
    assert answer_of(row) == "a?b\x00"
    version = row["response"]["modelVersion"]
    assert version.startswith("local-upstream/m?[31m")
    assert len(version) < 120
    answer = place.client.models.generate_content(model=MODEL, contents="hi")
    assert answer.text == "a?b\x00"


def test_who_waits_too_long_for_a_place_is_told(server: ChatServer) -> None:
    reached = threading.Event()

    def reply(connection: Connection, asked: dict[str, Any]) -> None:
        reached.set()
        silent(connection, asked)

    server.reply = reply
    upstream = Upstream(server.url, "m", timeout_s=0.3, at_once=1)

    def ask() -> None:
        with pytest.raises(ApiError):
            upstream.answer(BODY)

    first = threading.Thread(target=ask)
    first.start()
    assert reached.wait(60)
    late = Upstream(server.url, "m", timeout_s=0.05, at_once=1)
    late._slots = upstream._slots
    with pytest.raises(ApiError, match="busy with other prompts") as caught:
        late.answer(BODY)
    assert caught.value.status_code == 429
    first.join()


def test_the_end_of_the_emulator_does_not_wait_for_it(tmp_path: Path, server: ChatServer) -> None:
    """The job is not lost either: it begins again with the next emulator."""
    reached = threading.Event()

    def reply(connection: Connection, asked: dict[str, Any]) -> None:
        reached.set()
        silent(connection, asked)

    server.reply = reply
    with stand_in(tmp_path, Upstream(server.url)) as place:
        job = place.create(place.put(numbered(1)))
        assert reached.wait(60)
    assert not [t for t in threading.enumerate() if t.name.startswith("emulator-predictions")]
    with stand_in(tmp_path) as place:
        job = place.ended(job)
        assert short(job) == "SUCCEEDED"
        (row,) = place.rows(job)
        assert "stand-in" in answer_of(row)


def test_a_call_that_waits_ends_with_the_emulator(tmp_path: Path, server: ChatServer) -> None:
    reached = threading.Event()

    def reply(connection: Connection, asked: dict[str, Any]) -> None:
        reached.set()
        silent(connection, asked)

    server.reply = reply
    found: list[BaseException] = []
    upstream = Upstream(server.url, "m")

    def ask() -> None:
        with pytest.raises(EmulatorEndsError) as caught:
            upstream.answer(BODY)
        found.append(caught.value)

    waits = threading.Thread(target=ask)
    waits.start()
    assert reached.wait(60)
    upstream.close()
    waits.join(60)
    assert len(found) == 1
    with pytest.raises(EmulatorEndsError):
        upstream.answer(BODY)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://example.com/v1", "not on this machine"),
        ("http://127.0.0.1.example.com", "not on this machine"),
        ("http://10.0.0.1", "not on this machine"),
        ("http://0.0.0.0:11434", "not on this machine"),
        ("http://[::ffff:10.0.0.1]/v1", "not on this machine"),
        ("http://2130706433/v1", "not on this machine"),
        ("http://host.docker.internal:11434", "not on this machine"),
        ("http://127.0.0.1@example.com/", "no name or password"),
        ("http://user:word@127.0.0.1/", "no name or password"),
        ("https://127.0.0.1/v1", "plain HTTP"),
        ("127.0.0.1:80", "plain HTTP"),
        ("http://", "plain HTTP"),
        ("http://127.0.0.1/v1?key=x", "plain HTTP"),
        ("http://127.0.0.1:99999", "no address"),
        ("http://[::1", "no address"),
        ("file:///etc/passwd", "plain HTTP"),
    ],
)
def test_only_this_machine_is_asked(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Upstream(url)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://localhost:11434", "http://localhost:11434/v1"),
        ("http://127.0.0.2:80/v1/", "http://127.0.0.2:80/v1"),
        ("http://[::1]:8000", "http://[::1]:8000/v1"),
        ("HTTP://LOCALHOST/api", "http://localhost:80/api"),
    ],
)
def test_addresses_of_this_machine(url: str, found: str) -> None:
    assert Upstream(url).url == found


def test_a_model_needs_a_server(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no upstream server"):
        launch.start(tmp_path, upstream_model="tiny")
