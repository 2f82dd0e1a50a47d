"""As much of Kubeflow Pipelines' REST API as kfp.Client asks for here; nothing runs.

Written from kfp_server_api 2.17, the generated client, whose models read every answer. A test sets
how a run goes on, and what goes wrong.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

BASE = "/apis/v2beta1"


class Server:
    """What the server holds.

    Args:
        multi_user: what it says of itself.
    """

    def __init__(self, *, multi_user: bool = False) -> None:
        self.multi_user = multi_user
        self.experiments: list[dict[str, Any]] = []
        self.runs: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.tokens: set[str | None] = set()
        self.namespaces: set[str | None] = set()
        self.faults: dict[str, tuple[int, bool]] = {}  # "METHOD path": status (0 drops), is done
        self.url = ""

    def fail(self, call: str, status: int, *, done: bool = False) -> None:
        """Answer the next such call with a status, or with nothing where that is 0."""
        self.faults[call] = (status, done)

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        """The status and the content of an answer."""
        if path == "/healthz":
            return 200, {"multi_user": self.multi_user}
        self.namespaces.add(query.get("namespace"))
        if path == "/experiments" and method == "POST":
            self.experiments.append({**body, "experiment_id": str(uuid.uuid4())})
            return 200, self.experiments[-1]
        if path == "/experiments":
            return 200, {"experiments": matching(self.experiments, query)}
        if path == "/runs" and method == "POST":
            return 200, self._create(body)
        if path == "/runs":
            found = matching(self.runs[::-1], query)
            size, start = int(query.get("page_size", 10)), int(query.get("page_token") or 0)
            page: dict[str, Any] = {"runs": found[start : start + size]}
            if start + size < len(found):
                page["next_page_token"] = str(start + size)
            return 200, page
        run_id, _, verb = path.removeprefix("/runs/").partition(":")
        run = next((each for each in self.runs if each["run_id"] == run_id), None)
        if run is None:
            return 404, {"code": 5, "message": f"Run {run_id} not found."}
        if verb == "terminate":
            if run["state"] in ("SUCCEEDED", "FAILED", "CANCELED"):
                return 400, {"code": 3, "message": "Failed to terminate a finished run."}
            run["state"] = "CANCELED"
            return 200, {}
        return 200, run

    def _create(self, body: dict[str, Any]) -> dict[str, Any]:
        run = {
            **body,
            "run_id": str(uuid.uuid4()),
            "state": "RUNNING",
            "created_at": "2026-11-29T03:00:00Z",
            "finished_at": "1970-01-01T00:00:00Z",
            "run_details": {"task_details": []},
        }
        self.runs.append(run)
        return run


def matching(found: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
    """Those that the filter of a list names."""
    if "filter" not in query:
        return found
    (predicate,) = json.loads(query["filter"])["predicates"]
    assert predicate["operation"] == 1
    return [each for each in found if each[predicate["key"]] == predicate["stringValue"]]


def handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            path = parts.path.removeprefix(BASE)
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            call = f"{self.command} {path}"
            server.calls.append(call)
            server.tokens.add(self.headers.get("Authorization"))
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            status, done = server.faults.pop(call, (200, True))
            content: Any = {"code": 13, "message": "It is broken."}
            if done:
                found, answered = server.answer(self.command, path, query, body)
                if status == 200:
                    status, content = found, answered
            if status == 0:
                self.close_connection = True
                return
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET  # noqa: N815 - the name is http.server's

        def log_message(self, *given: Any) -> None:
            pass

    return Handler


@contextmanager
def served(server: Server) -> Iterator[Server]:
    """The server on a free port of this machine."""
    listening = ThreadingHTTPServer(("127.0.0.1", 0), handler(server))
    listening.daemon_threads = True
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    server.url = f"http://127.0.0.1:{listening.server_address[1]}"
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()
