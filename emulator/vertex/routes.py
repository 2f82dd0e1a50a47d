"""Calls of the Vertex stand-in: generateContent, streamGenerateContent, countTokens, tokens.

Of these nothing is kept on disk: prompts may be confidential, and a stand-in model has no memory.
Batch predictions (`batch_jobs`) are jobs, which are kept; their prompts lie in buckets.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from emulator.faults import Faults
from emulator.http import ApiError, Request, Response, Route, Service
from emulator.storage.store import Store
from emulator.vertex.batch_jobs import PredictionJobs
from emulator.vertex.callers import check_caller
from emulator.vertex.fields import checked_count, checked_generate
from emulator.vertex.stand_in import (
    Answer,
    Script,
    StandIn,
    last_user_text,
    stood_in,
    token_count,
)
from emulator.vertex.unscripted import unscripted
from emulator.vertex.upstream import Upstream

_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_MODEL = (
    r"/(?:v1|v1beta1)/projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)"
    r"/publishers/google/models/(?P<model>[^/:]+):"
)
_CHUNKS = 3  # pieces that a streamed answer arrives in


def service(
    state_dir: Path,
    project: str,
    faults: Faults,
    store: Store | None = None,
    upstream: Upstream | None = None,
    others: Sequence[Route] = (),
) -> Service:
    """The Vertex stand-in.

    Args:
        state_dir: the emulator's folder; batch predictions are kept in `predictions/` in it.
        project: the emulator's own project; calls for other projects are answered too, as the
            stand-in has no accounts.
        faults: shared by the services of one emulator.
        store: the buckets; without them there are no batch predictions.
        upstream: what answers, where no script does; without it the stand-in model.
        others: calls of other services that Vertex AI answers at the same address.
    """
    stand_in = StandIn()
    otherwise = upstream.answer if upstream else unscripted
    calls = _Calls(stand_in, otherwise)
    jobs = None
    if store:

        def model(body: Mapping[str, Any], words: str) -> Answer:
            return stand_in.answer_by_rules(words) or otherwise(body)

        at_once = upstream.at_once if upstream else 1
        jobs = PredictionJobs(state_dir / "predictions", store, model, at_once=at_once)

    def close() -> None:
        if upstream:
            upstream.close()
        if jobs:
            jobs.close()

    routes = [*(jobs.routes() if jobs else []), *others, *calls.routes()]
    return Service(name="vertex", faults=faults, close=close, routes=routes)


class _Calls:
    """The handlers, round one stand-in model."""

    def __init__(self, stand_in: StandIn, otherwise: Callable[[Mapping[str, Any]], Answer]) -> None:
        self._stand_in = stand_in
        self._otherwise = otherwise

    def routes(self) -> list[Route]:
        """The calls."""
        generate, script = f"{_MODEL}generateContent", "/_emulator/model"
        stream = f"{_MODEL}streamGenerateContent"
        return [
            Route("POST", generate, self.generate, "vertex.generateContent"),
            Route("POST", stream, self.stream, "vertex.streamGenerateContent"),
            Route("POST", f"{_MODEL}countTokens", self.count, "vertex.countTokens"),
            Route("POST", "/token", token, "vertex.token"),
            Route("POST", script, self.script, "_emulator.setModel"),
            Route("GET", script, self.seen, "_emulator.getModel"),
            Route("DELETE", script, self.forget, "_emulator.clearModel"),
        ]

    def generate(self, request: Request) -> Response:
        """The whole answer at once."""
        return Response(body=self._answer(request, "generateContent"))

    def stream(self, request: Request) -> Response:
        """The answer in pieces: server-sent events with `alt=sse`, otherwise a JSON list."""
        pieces = _pieces(self._answer(request, "streamGenerateContent"))
        if request.query.get("alt") != "sse":
            return Response(body=pieces)
        return Response(body=_events(pieces), headers={"Content-Type": "text/event-stream"})

    def count(self, request: Request) -> Response:
        """Tokens by a stated heuristic: a quarter of the characters, rounded up."""
        check_caller(request)
        _check_model(request)
        body = checked_count(request.json())
        total = token_count(body)
        return Response(
            body={
                "totalTokens": total,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": total}],
            },
            headers={"X-Emulator-Note": "totalTokens is characters / 4, no tokenizer"},
        )

    def script(self, request: Request) -> Response:
        """Replace what the stand-in model will answer."""
        try:
            self._stand_in.play(Script.from_json(request.json()))
        except ValueError as error:
            raise ApiError(400, "INVALID_ARGUMENT", f"Not a script: {error}.") from error
        return Response(body={})

    def seen(self, _: Request) -> Response:
        """The requests that were answered, and how much of the script is left."""
        return Response(body=self._stand_in.seen())

    def forget(self, _: Request) -> Response:
        """Forget script and requests."""
        self._stand_in.clear()
        return Response(body={})

    def _answer(self, request: Request, method: str) -> dict[str, Any]:
        check_caller(request)
        _check_model(request)
        body = checked_generate(request.json())
        params = request.params
        answer = self._stand_in.next_answer(
            {
                "method": method,
                "project": params["project"],
                "location": params["location"],
                "model": params["model"],
                "body": body,
            },
            last_user_text(body),
        )
        return stood_in(body, answer or self._otherwise(body))


def _check_model(request: Request) -> None:
    params = request.params
    if not re.fullmatch(r"gemini-[a-z0-9.-]+(@[a-z0-9]+)?", params["model"]):
        name = (
            f"projects/{params['project']}/locations/{params['location']}"
            f"/publishers/google/models/{params['model']}"
        )
        raise ApiError(
            404,
            "NOT_FOUND",
            f"Publisher Model `{name}` was not found or your project does not have access to it. "
            "Please ensure you are using a valid model version. "
            "(The local emulator knows every name that begins with gemini-.)",
        )


def _pieces(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The answer as the chunks of a stream: text cut up, the reason and the usage in the last."""
    candidates = answer.get("candidates") or []
    parts = candidates[0].get("content", {}).get("parts", []) if candidates else []
    if len(parts) != 1 or set(parts[0]) != {"text"}:
        return [answer]
    text = parts[0]["text"]
    size = max(1, -(-len(text) // _CHUNKS))
    texts = [text[start : start + size] for start in range(0, len(text), size)] or [""]
    constant = {k: answer[k] for k in ("modelVersion", "responseId", "createTime") if k in answer}
    first = [
        {"candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": piece}]}}]}
        | constant
        for piece in texts[:-1]
    ]
    content = {"role": "model", "parts": [{"text": texts[-1]}]}
    return [*first, answer | {"candidates": [candidates[0] | {"content": content}]}]


def _events(pieces: list[dict[str, Any]]) -> Iterator[bytes]:
    for piece in pieces:
        yield f"data: {json.dumps(piece)}\r\n\r\n".encode()


def token(request: Request) -> Response:
    """An access token for the assertion that the fake service account signed.

    The signature is not checked: the token opens nothing but this emulator.
    """
    fields = {k: v[-1] for k, v in parse_qs(request.read().decode("ascii", "replace")).items()}
    if fields.get("grant_type") != _JWT_GRANT:
        return _refused("unsupported_grant_type", "The local emulator knows the JWT grant only.")
    assertion = fields.get("assertion", "")
    if assertion.count(".") != 2:
        return _refused("invalid_grant", "The assertion is no signed JWT.")
    made = hashlib.sha256(assertion.encode()).hexdigest()[:32]
    return Response(
        body={"access_token": f"local-{made}", "token_type": "Bearer", "expires_in": 3600}
    )


def _refused(error: str, description: str) -> Response:
    return Response(400, {"error": error, "error_description": description})
