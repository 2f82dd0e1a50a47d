"""Calls of a server on this machine, which may be slow, broken or hostile.

Only the loopback interface is called, no redirection is followed and no proxy is asked, so that
prompts do not leave the machine through here. A call ends after its time however the server behaves
(a socket's own timeout begins anew with every byte), and with the emulator.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from emulator.http import ApiError
from emulator.messages import EmulatorEndsError

_MAX_ANSWER = 16 * 1024 * 1024
_SAID = 300  # characters of an error of the server that are passed on
_EXAMPLE = "as in http://127.0.0.1:11434/v1"


class LocalServer:
    """A server that answers JSON; safe for many threads.

    Args:
        url: as in `http://127.0.0.1:11434/v1`; the path is `/v1` where there is none.

    Raises:
        ValueError: it is no address of this machine; the text says why.
    """

    def __init__(self, url: str) -> None:
        parts = _checked(url)
        self._host, self._port = str(parts.hostname), parts.port or 80
        self._path = parts.path.rstrip("/") or "/v1"
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._ends = False

    @property
    def url(self) -> str:
        """Where it is, without what a person should not read twice."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}{self._path}"

    def call(self, method: str, path: str, body: Any, seconds: float) -> dict[str, Any]:
        """The JSON object that the server answers.

        Raises:
            ApiError: it answers an error (its status), none in time (504), something else (502),
                or cannot be reached (503).
            EmulatorEndsError: close() was called.
        """
        data = json.dumps(body).encode("ascii") if body is not None else None
        headers = {"Content-Type": "application/json"} if data else {}
        connection = http.client.HTTPConnection(self._host, self._port, timeout=seconds)
        watch = _Watch()
        try:
            with closing(connection):
                connection.connect()
                with self._watched(connection.sock, seconds, watch):
                    connection.request(method, self._path + path, data, headers)
                    with connection.getresponse() as answer:
                        text = answer.read(_MAX_ANSWER + 1)
        except (OSError, http.client.HTTPException) as error:
            if watch.expired or isinstance(error, TimeoutError):
                raise self._late(seconds) from error
            if self._ends:
                raise EmulatorEndsError from error
            told = getattr(error, "strerror", None) or repr(error)
            raise ApiError(503, "", f"{self._name} cannot be reached: {told}.") from error
        if self._ends:
            raise EmulatorEndsError
        if watch.expired:  # an answer without a length ends as if it were complete
            raise self._late(seconds)
        return self._object(answer.status, text)

    def close(self) -> None:
        """End what is under way; calls are refused from now on."""
        with self._lock:
            self._ends = True
            left = list(self._open)
        for each in left:
            _hang_up(each)

    @property
    def _name(self) -> str:
        return f"The upstream server at {self.url}"

    def _late(self, seconds: float) -> ApiError:
        return ApiError(504, "", f"{self._name} did not answer within {seconds:g} s.")

    def _object(self, status: int, text: bytes) -> dict[str, Any]:
        if status != 200:
            code = status if 400 <= status < 600 else 502
            raise ApiError(code, "", f"{self._name} says {status}: {_complaint(text)}")
        if len(text) > _MAX_ANSWER:
            raise ApiError(502, "", f"{self._name} answers more than {_MAX_ANSWER} bytes.")
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ApiError(502, "", f"{self._name} answers no JSON.") from error
        if not isinstance(found, dict):
            raise ApiError(502, "", f"{self._name} answers no JSON object.")
        return found

    @contextmanager
    def _watched(self, sock: socket.socket, seconds: float, watch: _Watch) -> Iterator[None]:
        """Hang up when the time is over, or the emulator."""

        def expire() -> None:
            watch.expired = True
            _hang_up(sock)

        timer = threading.Timer(seconds, expire)
        timer.daemon = True
        with self._lock:
            if self._ends:
                raise EmulatorEndsError
            self._open.add(sock)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            with self._lock:
                self._open.discard(sock)


@dataclass
class _Watch:
    """Whether the time of a call was over before it had ended."""

    expired: bool = False


def _complaint(text: bytes) -> str:
    """What an error says: the message where it is one of OpenAI's form, else its beginning."""
    said: Any = text[: 4 * _SAID].decode("utf-8", "replace")
    try:
        found = json.loads(text)["error"]
        said = found["message"] if isinstance(found, dict) else found
    except (ValueError, RecursionError, KeyError, TypeError):
        pass
    return printable(str(said), _SAID)


def printable(text: str, most: int) -> str:
    """What a server says, safe to show in a terminal and on one line."""
    words = " ".join(text.split())
    return "".join(c if c.isprintable() else "?" for c in words)[:most]


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "http" and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise ValueError(f"'{url}' is no address of a server, {_EXAMPLE}") from error
    if not usable or parts.query or parts.fragment:
        raise ValueError(f"'{url}' is no address of a server of plain HTTP, {_EXAMPLE}")
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            f"The address of the upstream server may hold no name or password, {_EXAMPLE}"
        )
    if not _is_loopback(str(parts.hostname)):
        raise ValueError(
            f"'{url}' is not on this machine. Prompts must not leave it through the emulator: "
            f"give the address of a server on the loopback interface, {_EXAMPLE}"
        )
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _hang_up(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:  # it has ended by itself
        return
