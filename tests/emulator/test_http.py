"""The HTTP ground: what callers send in odd ways, who is refused, what a stop leaves."""

from __future__ import annotations

import gc
import gzip
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from emulator.faults import Faults
from emulator.http import (
    ApiError,
    PortTakenError,
    Request,
    Response,
    Route,
    Running,
    Service,
    serve,
)

# What a smuggler hides behind a body whose end two readers see in two places.
_SECOND = b"GET /pieces HTTP/1.1\r\nHost: localhost\r\n\r\n"


def _echo(request: Request) -> Response:
    return Response(body={"body": request.read().decode(), **request.params, **request.query})


def _refuse(_: Request) -> Response:
    raise ApiError(409, "ALREADY_EXISTS", "It is there.")


def _fail(_: Request) -> Response:
    raise KeyError("a defect")


def _routes(folder: Path) -> list[Route]:
    file = folder / "file"
    file.write_bytes(b"0123456789" * 100_000)
    return [
        Route("POST", "/echo/(?P<name>[^/]+)", _echo, "test.echo"),
        Route("POST", "/refuse", _refuse, "test.refuse"),
        Route("GET", "/fail", _fail, "test.fail"),
        Route("GET", "/file", lambda _: Response(body=file), "test.file"),
        Route("GET", "/pieces", lambda _: Response(body=iter([b"a", b"", b"bc"])), "test.pieces"),
    ]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    server = serve(Service("test", _routes(tmp_path), Faults()))
    yield server
    server.stop()


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def test_path_groups_arrive_decoded_and_the_query_beside_them(
    running: Running, http: requests.Session
) -> None:
    answer = http.post(f"{running.url}/echo/a%2Fb%20%C3%BC?x=1%262&y=", data="hi")
    assert answer.json() == {"body": "hi", "name": "a/b ü", "x": "1&2", "y": ""}


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        pytest.param(b"hello there", {}, id="counted"),
        pytest.param(iter([b"hello ", b"there"]), {}, id="chunked"),
        pytest.param(gzip.compress(b"hello there"), {"Content-Encoding": "gzip"}, id="gzip"),
        pytest.param(
            iter([gzip.compress(b"hello there")]), {"Content-Encoding": "gzip"}, id="both"
        ),
    ],
)
def test_a_body_is_the_same_however_it_is_sent(
    running: Running, http: requests.Session, body: bytes, headers: dict[str, str]
) -> None:
    answer = http.post(f"{running.url}/echo/x", data=body, headers=headers)
    assert answer.json()["body"] == "hello there"


def test_a_connection_serves_many_requests_even_after_a_refused_body(running: Running) -> None:
    with socket.create_connection(("127.0.0.1", running.port)) as connection:
        reader = connection.makefile("rb")
        for path, status in [("/refuse", b"409"), ("/nothing", b"400"), ("/echo/x", b"200")]:
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"
            connection.sendall(head.encode())
            assert reader.readline().split()[1] == status
            length = 0
            while line := reader.readline().strip():
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split()[1])
            reader.read(length)
        reader.close()


def test_files_and_pieces_are_streamed(running: Running, http: requests.Session) -> None:
    assert http.get(f"{running.url}/file").content == b"0123456789" * 100_000
    assert http.get(f"{running.url}/pieces").content == b"abc"
    head = http.head(f"{running.url}/file")
    assert (head.headers["Content-Length"], head.content) == ("1000000", b"")


def test_an_error_has_the_form_of_the_services(running: Running, http: requests.Session) -> None:
    answer = http.post(f"{running.url}/refuse")
    assert answer.status_code == 409
    error = {"code": 409, "message": "It is there.", "status": "ALREADY_EXISTS"}
    assert answer.json() == {"error": error}


def test_what_is_not_emulated_says_so_and_is_not_worth_a_retry(
    running: Running, http: requests.Session
) -> None:
    answer = http.get(f"{running.url}/v1/something")
    assert answer.status_code == 400
    assert "does not emulate GET /v1/something of the test service" in answer.text


def test_a_defect_is_told_and_not_retried(running: Running, http: requests.Session) -> None:
    answer = http.get(f"{running.url}/fail")
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INTERNAL")


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": ""},
        {"Host": "[::"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "http://127.0.0.1"},
    ],
)
def test_pages_reach_nothing(
    running: Running, http: requests.Session, headers: dict[str, str]
) -> None:
    answer = http.post(f"{running.url}/echo/x", data="hi", headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost", "localhost:80", "[::1]:80"])
def test_every_name_of_this_machine_is_answered(
    running: Running, http: requests.Session, host: str
) -> None:
    assert http.get(f"{running.url}/pieces", headers={"Host": host}).status_code == 200


def test_no_answer_runs_as_a_page(running: Running, http: requests.Session) -> None:
    for path in ("/file", "/nothing"):
        headers = http.get(f"{running.url}{path}").headers
        assert headers["Content-Security-Policy"] == "sandbox"
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_json_nested_without_end_is_refused(running: Running, http: requests.Session) -> None:
    gc.collect()  # what other tests left must not be finalised while the server is that deep
    answer = http.post(f"{running.url}/_emulator/faults", data="[" * 200_000)
    assert answer.status_code == 400
    assert "The body is not JSON" in answer.text


def test_only_the_loopback_interface_is_served(running: Running) -> None:
    assert running.url == f"http://127.0.0.1:{running.port}"


def test_a_taken_port_is_told_in_one_sentence(running: Running) -> None:
    with pytest.raises(PortTakenError) as caught:
        serve(Service("other", []), running.port)
    assert str(running.port) in str(caught.value)
    assert "--port other=N" in str(caught.value)


def test_a_stop_leaves_no_thread_no_socket_and_frees_the_port(tmp_path: Path) -> None:
    before = threading.active_count()
    server = serve(Service("test", _routes(tmp_path)))
    with socket.create_connection(("127.0.0.1", server.port)) as idle:
        idle.sendall(b"GET /pieces HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.recv(12) == b"HTTP/1.1 200"
        server.stop()
        server.stop()
        assert threading.active_count() == before
        while idle.recv(65536):
            pass
    serve(Service("test", []), server.port).stop()


def test_what_the_service_started_ends_with_it() -> None:
    ended: list[str] = []
    serve(Service("test", [], close=lambda: ended.append("yes"))).stop()
    assert ended == ["yes"]


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 100\r\n\r\ntoo short",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n",
        b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
        pytest.param(b"Content-Length: abc\r\n\r\n" + _SECOND, id="no number"),
        pytest.param(b"Content-Length: +5\r\n\r\nhello" + _SECOND, id="signed"),
        pytest.param(b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n" + _SECOND, id="endless"),
        pytest.param(
            b"Content-Length: 5\r\nContent-Length: 0\r\n\r\nhello" + _SECOND, id="two lengths"
        ),
        pytest.param(
            b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + _SECOND,
            id="two framings",
        ),
        pytest.param(b"Transfer-Encoding: xchunked\r\n\r\n" + _SECOND, id="unknown coding"),
    ],
)
def test_a_broken_body_ends_the_connection_and_nothing_else(
    running: Running, http: requests.Session, rest: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", running.port)) as connection:
        connection.sendall(b"POST /echo/x HTTP/1.1\r\nHost: localhost\r\n" + rest)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""
    assert http.get(f"{running.url}/pieces").status_code == 200
