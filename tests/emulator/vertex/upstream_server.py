"""A server of chat completions in the standard library alone; it may be hostile."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = Callable[["Connection", dict[str, Any]], None]


def completion(text: Any, finish: str | None = "stop", **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {"choices": [{"message": message, "finish_reason": finish}], **more}


class Connection(BaseHTTPRequestHandler):
    """Answers as its server says."""

    server: ChatServer

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        self.send(self.server.models)

    def do_POST(self) -> None:
        self.server.paths.append(self.path)
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(asked)
        self.server.reply(self, asked)

    def send(self, body: Any, status: int = 200, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Nothing on stderr."""


class ChatServer(ThreadingHTTPServer):
    """Says again what it was asked last, unless told otherwise.

    Attributes:
        asked: the bodies of all chat completions.
        paths: of all requests.
        models: the answer to GET /v1/models.
        reply: answers a chat completion.
        ends: set when the test is over; who makes a client wait waits for it.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.asked: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.models: Any = {"data": [{"id": "tiny"}, {"id": "other"}]}
        self.reply: Reply = again
        self.ends = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def says(self, body: Any, status: int = 200, **headers: str) -> None:
        """Answer everything so."""
        self.reply = lambda connection, _: connection.send(body, status, **headers)

    def handle_error(self, *_: Any) -> None:
        """Clients that hang up are what some tests are about."""


def again(connection: Connection, asked: dict[str, Any]) -> None:
    said = f"You said: {asked['messages'][-1]['content']}"
    usage = {"prompt_tokens": 7, "completion_tokens": 5}
    connection.send(completion(said, model=asked["model"], usage=usage))


@contextmanager
def chat_server() -> Iterator[ChatServer]:
    server = ChatServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.ends.set()
        server.shutdown()
        thread.join()
        server.server_close()
