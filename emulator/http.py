"""A server a port: finds the route and the fault of a request, and sends the answer.

Only the loopback interface is served, and only callers that name it: a page in a browser must
not reach a service that runs scripts, neither through a name that resolves to 127.0.0.1 (the
Host header shows it) nor by posting to the port (the Origin header shows it). That holds for
pages of this machine too: one may be an object that a task wrote, which is why no script of an
answer runs in a browser either.
"""

from __future__ import annotations

import json
import logging
import re
import selectors
import socket
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from emulator.faults import Fault, Faults
from emulator.messages import (
    ApiError,
    EmulatorEndsError,
    FilePart,
    Handler,
    Request,
    Response,
    Route,
    Service,
    not_emulated,
)
from emulator.streams import Body, BrokenBodyError, body_of

__all__ = [
    "ApiError",
    "Faults",
    "FilePart",
    "Handler",
    "PortTakenError",
    "Request",
    "Response",
    "Route",
    "Running",
    "Service",
    "not_emulated",
    "serve",
]

log = logging.getLogger(__name__)

# What a browser must not do with an answer, such as a page that a task has written.
_NO_PAGES = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}

_LAST_ANSWERS_S = 5.0  # that stop() gives to calls that are being answered
_CALLER_CHARS = 300
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class PortTakenError(OSError):
    """The port cannot be had; the text says which and what to do."""


@dataclass
class Running:
    """A service that answers at `url` until `stop()`."""

    url: str
    port: int
    _server: _Server

    def stop(self) -> None:
        """Close the port and every connection, wait for the threads, end what was started.

        A second call does nothing.
        """
        self._server.stop()


def serve(service: Service, port: int = 0) -> Running:
    """Serve the service on 127.0.0.1; port 0 takes a free one.

    Raises:
        PortTakenError: something else listens on the port, or it may not be had.
    """
    try:
        server = _Server(service, port)
    except OSError as error:
        raise PortTakenError(
            error.errno,
            f"Port {port} for the {service.name} emulator cannot be used ({error.strerror}). "
            f"Stop what listens there, or choose another with --port {service.name}=N.",
        ) from error
    server.start()
    number = int(server.server_address[1])
    return Running(f"http://127.0.0.1:{number}", number, server)


class _Server(ThreadingHTTPServer):
    """Threads that are known, so that they can be ended; an accept loop that ends at once."""

    daemon_threads = True
    request_queue_size = 1024
    allow_reuse_address = True

    def __init__(self, service: Service, port: int) -> None:
        self.service = service
        self.routes = [(route, re.compile(route.pattern)) for route in _own(service)]
        self._open: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._stopped = False
        super().__init__(("127.0.0.1", port), _Connection)
        self._wake, self._woken = socket.socketpair()
        name = f"emulator-{service.name}"
        self._thread = threading.Thread(target=self.serve_forever, name=name, daemon=True)

    def server_bind(self) -> None:
        """Bind without the reverse look-up of HTTPServer, which may take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        """Accept until stop(), without the poll that delays the stock loop's end."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self._stopped:
                selector.select()
                if not self._stopped:
                    self._handle_request_noblock()  # type: ignore[attr-defined]

    def process_request(self, request: Any, client_address: Any) -> None:
        """A thread a connection, known until it ends."""
        thread = threading.Thread(
            target=self.process_request_thread,
            args=(request, client_address),
            name=f"emulator-{self.service.name}-connection",
            daemon=True,
        )
        with self._lock:
            self._open[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        """The connection is done."""
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; the rest is a defect of ours."""
        log.debug("connection of %s ended", client_address, exc_info=True)

    def stop(self) -> None:
        """End everything; a second call does nothing."""
        if self._stopped:
            return
        self._stopped = True
        self._wake.send(b"x")
        self._thread.join()
        self.server_close()
        with self._lock:
            left = list(self._open.items())
        for connection, _ in left:
            _hang_up(connection)
        deadline = time.monotonic() + _LAST_ANSWERS_S
        for _, thread in left:
            thread.join(timeout=max(0.0, deadline - time.monotonic()))
        self.service.close()
        self._wake.close()
        self._woken.close()


class _Connection(BaseHTTPRequestHandler):
    """One connection: requests in turn, each found its route, its fault and its answer."""

    protocol_version = "HTTP/1.1"
    server_version = "intent2batch-emulator"
    sys_version = ""
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the stock name
        """Say nothing on stderr, which belongs to the person."""
        log.debug(format, *args)

    def do(self) -> None:
        """Answer one request."""
        try:
            self._check_framing()
            body = body_of(_plain(self.headers), cast(BinaryIO, self.rfile))
            self._answer(body)
            body.drain()
        except _HangUpError:
            self.close_connection = True
            _hang_up(self.connection)
            return
        except (ConnectionError, TimeoutError):
            self.close_connection = True
            return

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do  # noqa: N815

    def _caller(self) -> str:
        """What the client calls itself: gapic clients say it in a header of their own."""
        names = (self.headers.get("User-Agent", ""), self.headers.get("X-Goog-Api-Client", ""))
        return " ".join(filter(None, names))[:_CALLER_CHARS]

    def _answer(self, body: Body) -> None:
        path, _, query = self.path.partition("?")
        fault: Fault | None = None
        try:
            self._check_caller()
            route, params = self._route(path)
            if not route.name.startswith("_emulator."):
                fault = self.server.service.faults.note(route.name, self._caller())
            if fault and fault.kind == "drop":
                raise _HangUpError
            if fault and fault.kind == "status":
                raise ApiError(fault.status, "", f"{route.name} fails on request (_emulator).")
            response = route.handler(self._request(path, query, body, params))
        except ApiError as error:
            response = Response(
                error.status_code, b"" if error.status_code == 304 else error.body()
            )
        except EmulatorEndsError as error:
            raise _HangUpError from error
        except (_HangUpError, ConnectionError):
            raise
        except Exception as error:  # the client must learn of it, and must not repeat the call
            log.exception("%s %s", self.command, self.path)
            failed = ApiError(400, "INTERNAL", f"A defect of the emulator: {error!r}")
            response = Response(failed.status_code, failed.body())
        if fault and fault.kind == "lose_reply":
            if isinstance(response.body, FilePart):
                response.body.file.close()
            raise _HangUpError
        self._send(response)

    def _check_framing(self) -> None:
        """Refuse a body whose end two readers might see in two places (RFC 9112, 6.3)."""
        lengths = self.headers.get_all("Content-Length", [])
        codings = self.headers.get_all("Transfer-Encoding", [])
        said = [*lengths, *codings]
        if len(said) > 1 or any(not re.fullmatch("[0-9]{1,18}", each) for each in lengths):
            raise BrokenBodyError("the length of the body is not told, or told twice")
        if any(each.strip().lower() != "chunked" for each in codings):
            raise BrokenBodyError("the body is sent in a way that is not known here")

    def _check_caller(self) -> None:
        if not _is_loopback(f"//{self.headers.get('Host', '')}"):
            raise ApiError(403, "", "Only callers that name 127.0.0.1 or localhost are answered.")
        if self.headers.get("Origin") is not None:  # which browsers send, and clients do not
            raise ApiError(403, "", "Pages in a browser are not answered.")

    def _route(self, path: str) -> tuple[Route, dict[str, str]]:
        methods = {self.command, "GET"} if self.command == "HEAD" else {self.command}
        for route, pattern in self.server.routes:
            if route.method in methods and (found := pattern.fullmatch(path)):
                groups = found.groupdict()
                return route, {name: unquote(text or "") for name, text in groups.items()}
        service = self.server.service.name
        raise not_emulated(f"{self.command} {path[:200]} of the {service} service")

    def _request(self, path: str, query: str, body: Body, params: dict[str, str]) -> Request:
        pairs = parse_qsl(query, keep_blank_values=True)
        return Request(
            method=self.command,
            path=path,
            query=dict(pairs),
            headers=_plain(self.headers),
            stream=body,
            params=params,
            base_url=f"http://{self.headers['Host']}",
            pairs=pairs,
        )

    def _send(self, response: Response) -> None:
        headers = dict(response.headers)
        body = response.body
        if isinstance(body, dict | list):
            headers.setdefault("Content-Type", "application/json; charset=UTF-8")
            body = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
        if isinstance(body, bytes):
            self._head(response.status, {"Content-Length": str(len(body))} | headers)
            self._put(body)
        elif isinstance(body, Path):
            part = FilePart(body.open("rb"), 0, body.stat().st_size)
            self._send_file(response.status, headers, part)
        elif isinstance(body, FilePart):
            self._send_file(response.status, headers, body)
        else:
            self._send_chunks(response.status, headers, body)

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        usual = {"Content-Type": "application/octet-stream"}
        for name, value in {**usual, **headers, **_NO_PAGES}.items():
            self.send_header(name, re.sub(r"[^\t\x20-\x7e\xa0-\xff]", "?", value))
        if self.close_connection:
            self.send_header("Connection", "close")

    def _put(self, data: bytes) -> None:
        """Headers and body in one packet."""
        self._headers_buffer: list[bytes]
        self._headers_buffer.append(b"\r\n")
        if self.command != "HEAD":
            self._headers_buffer.append(data)
        self.flush_headers()

    def _send_file(self, status: int, headers: dict[str, str], part: FilePart) -> None:
        with part.file as file:
            self._head(status, {"Content-Length": str(part.length)} | headers)
            self._put(b"")
            if part.length and self.command != "HEAD":
                self.connection.sendfile(file, part.offset, part.length)

    def _send_chunks(self, status: int, headers: dict[str, str], body: Iterable[bytes]) -> None:
        self._head(status, {"Transfer-Encoding": "chunked"} | headers)
        self._put(b"")
        for piece in body:
            if piece and self.command != "HEAD":
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                self.wfile.flush()
        if self.command != "HEAD":
            self.wfile.write(b"0\r\n\r\n")


class _HangUpError(Exception):
    """Close the connection without an answer."""


def _is_loopback(url: str) -> bool:
    try:
        return urlsplit(url).hostname in _LOOPBACK
    except ValueError:  # as of "[::"
        return False


def _plain(headers: object) -> Mapping[str, str]:
    """The headers of the standard library: a mapping in all but its declaration."""
    return cast(Mapping[str, str], headers)


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:  # the other side was faster
        log.debug("already closed")


def _own(service: Service) -> list[Route]:
    """The routes of the service, behind those that every port has."""
    faults = service.faults

    def add(request: Request) -> Response:
        try:
            faults.add(Fault.from_json(request.json()))
        except ValueError as error:
            raise ApiError(400, "INVALID_ARGUMENT", f"Not a fault: {error}.") from error
        return Response(body={})

    def clear(_: Request) -> Response:
        faults.clear()
        return Response(body={})

    def calls(_: Request) -> Response:
        return Response(body=faults.calls())

    def callers(_: Request) -> Response:
        return Response(body=faults.callers())

    return [
        Route("POST", "/_emulator/faults", add, "_emulator.addFault"),
        Route("DELETE", "/_emulator/faults", clear, "_emulator.clearFaults"),
        Route("GET", "/_emulator/calls", calls, "_emulator.calls"),
        Route("GET", "/_emulator/callers", callers, "_emulator.callers"),
        *service.routes,
    ]
