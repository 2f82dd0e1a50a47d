"""Real text without an account: prompts go to a server on this machine that speaks OpenAI's form.

Ollama, llama.cpp and vLLM have such servers. Only the loopback interface is allowed, and no
redirection is followed, so that prompts do not leave the machine.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Mapping
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

from emulator.http import ApiError, not_emulated
from emulator.vertex.stand_in import Answer

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_MAX_ANSWER = 16 * 1024 * 1024
_FINISH = {"length": "MAX_TOKENS", "content_filter": "SAFETY"}
_SETTINGS = {
    "temperature": "temperature",
    "topP": "top_p",
    "maxOutputTokens": "max_tokens",
    "seed": "seed",
    "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
}


class Upstream:
    """A server of chat completions.

    Args:
        url: as in `http://127.0.0.1:11434/v1`; the path is `/v1` where there is none.
        model: the server's name of its model; "" takes the first it lists.
        timeout_s: for one answer.

    Raises:
        ValueError: the address is not this machine's own.
    """

    def __init__(self, url: str, model: str = "", timeout_s: float = 600) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname not in _LOOPBACK or parts.query:
            raise ValueError(
                f"'{url}' is not the address of a server on this machine, "
                "as in http://127.0.0.1:11434/v1"
            )
        self._host, self._port = parts.hostname, parts.port or 80
        self._path = parts.path.rstrip("/") or "/v1"
        self._model = model
        self._timeout_s = timeout_s
        self._lock = threading.Lock()

    def answer(self, body: Mapping[str, Any]) -> Answer:
        """The server's answer to a checked body of generateContent.

        Raises:
            ApiError: the body holds what such a server cannot be asked, or the server fails:
                with its status where that is 4xx or 5xx, 503 where it cannot be reached.
        """
        asked = {"model": self._name(), "messages": _messages(body), **_settings(body)}
        found = self._call("POST", "/chat/completions", asked)
        try:
            choice = found["choices"][0]
            text = choice["message"].get("content") or ""
            finish = _FINISH.get(str(choice.get("finish_reason")), "STOP")
            name = str(found.get("model") or asked["model"])
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise ApiError(502, "", "The upstream server answers no chat completion.") from error
        parts = [{"text": str(text)}] if text else []
        return Answer(parts, finish, model_version=f"local-upstream/{name}", tokens=_usage(found))

    def _name(self) -> str:
        with self._lock:
            if not self._model:
                listed = self._call("GET", "/models", None).get("data")
                first = listed[0] if isinstance(listed, list) and listed else {}
                self._model = str(first.get("id", "default"))
            return self._model

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        data = json.dumps(body) if body is not None else None
        headers = {"Content-Type": "application/json"} if data else {}
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        try:
            with closing(connection):
                connection.request(method, self._path + path, data, headers)
                answer = connection.getresponse()
                text = answer.read(_MAX_ANSWER + 1)
        except (OSError, http.client.HTTPException) as error:
            text_of = f"The upstream server at {self._host}:{self._port} fails: {error!r}"
            raise ApiError(503, "", text_of) from error
        if answer.status != 200:
            status = answer.status if 400 <= answer.status < 600 else 502
            said = text[:500].decode("utf-8", "replace")
            raise ApiError(status, "", f"The upstream server says {answer.status}: {said}")
        try:
            found = json.loads(text) if len(text) <= _MAX_ANSWER else None
        except ValueError as error:
            raise ApiError(502, "", "The upstream server answers no JSON.") from error
        if not isinstance(found, dict):
            raise ApiError(502, "", "The upstream server answers no JSON object, or too much.")
        return found


def _messages(body: Mapping[str, Any]) -> list[dict[str, str]]:
    roles = {"user": "user", "model": "assistant"}
    turns = [(roles[turn.get("role", "user")], turn) for turn in body["contents"]]
    if "systemInstruction" in body:
        turns.insert(0, ("system", body["systemInstruction"]))
    messages = []
    for role, turn in turns:
        if any("text" not in part for part in turn["parts"]):
            raise not_emulated("media in prompts that go to an upstream server")
        messages.append({"role": role, "content": "\n".join(p["text"] for p in turn["parts"])})
    return messages


def _settings(body: Mapping[str, Any]) -> dict[str, Any]:
    config = body.get("generationConfig", {})
    found = {theirs: config[ours] for ours, theirs in _SETTINGS.items() if ours in config}
    schema = config.get("responseJsonSchema") or _json_schema(config.get("responseSchema"))
    if schema:
        form = {"name": "answer", "schema": schema}
        found["response_format"] = {"type": "json_schema", "json_schema": form}
    elif config.get("responseMimeType") == "application/json":
        found["response_format"] = {"type": "json_object"}
    return found


def _json_schema(schema: Any) -> Any:
    """JSON Schema of the service's schema: types in lower case, the rest has the same names."""
    if not isinstance(schema, Mapping):
        return schema
    found: dict[str, Any] = {}
    for name, value in schema.items():
        if name == "type":
            found[name] = str(value).lower()
        elif name == "properties":
            found[name] = {key: _json_schema(inner) for key, inner in value.items()}
        elif name == "items":
            found[name] = _json_schema(value)
        elif name == "anyOf":
            found[name] = [_json_schema(inner) for inner in value]
        elif name not in ("propertyOrdering", "nullable", "example"):
            found[name] = value
    if schema.get("nullable") and "type" in found:
        found["type"] = [found["type"], "null"]
    return found


def _usage(found: Mapping[str, Any]) -> tuple[int, int] | None:
    usage = found.get("usage")
    if not isinstance(usage, Mapping):
        return None
    asked, said = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return (asked, said) if isinstance(asked, int) and isinstance(said, int) else None
