"""Batched calls: many small requests in one multipart body, answered in order."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from email.parser import BytesParser
from http.client import responses
from typing import cast
from urllib.parse import parse_qsl, unquote

from emulator.messages import ApiError, Request, Response, Route, not_emulated
from emulator.storage.multipart import Part, parts
from emulator.streams import body_of

_BOUNDARY = "batch_of_the_emulator"


def batch_answer(request: Request, routes: Sequence[Route]) -> Response:
    """Answer every part; uploads and downloads cannot be batched, in the service neither."""
    pieces = []
    for part in parts(request.headers.get("Content-Type", ""), request.stream):
        answer = _answer(part, request, routes)
        number = part.headers.get("content-id", "").strip("<>")
        body = b"" if answer.status in (204, 304) else json.dumps(answer.body).encode()
        head = (
            f"--{_BOUNDARY}\r\nContent-Type: application/http\r\n"
            f"Content-ID: <response-{number}>\r\n\r\n"
            f"HTTP/1.1 {answer.status} {responses.get(answer.status, '')}\r\n"
            f"Content-Type: application/json; charset=UTF-8\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        pieces.append(head.encode() + body + b"\r\n")
    pieces.append(f"--{_BOUNDARY}--".encode())
    return Response(
        200, b"".join(pieces), {"Content-Type": f"multipart/mixed; boundary={_BOUNDARY}"}
    )


def _answer(part: Part, outer: Request, routes: Sequence[Route]) -> Response:
    line, _, rest = part.read().lstrip().partition(b"\n")
    found = re.match(r"([A-Z]+) (?:https?://[^/]+)?(/\S*)", line.decode("utf-8", "replace"))
    if not found:
        return Response(400, ApiError(400, "", "A part of the batch is no request.").body())
    message = BytesParser().parsebytes(rest)
    content = str(message.get_payload()).encode()
    length = {"Content-Length": str(len(content))}
    path, _, query = found[2].partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    for route in routes:
        match = re.fullmatch(route.pattern, path)
        if match and route.method == found[1] and dict(pairs).get("alt") != "media":
            inner = Request(
                method=found[1],
                path=path,
                query=dict(pairs),
                headers=cast("dict[str, str]", message),
                stream=body_of(length, io.BytesIO(content)),
                params={name: unquote(text) for name, text in match.groupdict().items()},
                base_url=outer.base_url,
                pairs=pairs,
            )
            return _called(route, inner)
    error = not_emulated(f"{found[1]} {path[:200]} in a batch")
    return Response(error.status_code, error.body())


def _called(route: Route, request: Request) -> Response:
    try:
        return route.handler(request)
    except ApiError as error:
        return Response(error.status_code, error.body())
