"""Real text without an account: prompts go to a server on this machine that speaks OpenAI's form.

Ollama, llama.cpp and vLLM have such servers. One model answers for every Gemini model. What a
chat completion has no word for (topK, thinkingConfig, safetySettings, labels) is not passed on;
files, which the server could not read, are refused.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeGuard

from emulator.http import ApiError, not_emulated
from emulator.vertex.schemas import schema_of
from emulator.vertex.stand_in import Answer
from emulator.vertex.upstream_calls import LocalServer, printable

TIMEOUT_S = 600.0  # for one answer; a large model on a laptop needs minutes
_LIST_S = 5.0  # for the list of models
_FINISH = {"length": "MAX_TOKENS", "content_filter": "SAFETY"}
_STOPPED = ("stop", "None", "")  # with no reason at all, an answer that came is taken as whole
_SETTINGS = {
    "temperature": "temperature",
    "topP": "top_p",
    "maxOutputTokens": "max_tokens",  # the newer max_completion_tokens is not known to all
    "seed": "seed",
    "stopSequences": "stop",
    "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
}


class Upstream:
    """A server of chat completions; safe for many threads.

    Args:
        url: as in `http://127.0.0.1:11434/v1`; the path is `/v1` where there is none.
        model: the server's name of its model; "" takes the first it lists.
        timeout_s: for one answer.
        at_once: prompts that it gets at the same time; the others wait.

    Raises:
        ValueError: the address is not this machine's own.
    """

    def __init__(
        self, url: str, model: str = "", timeout_s: float = TIMEOUT_S, at_once: int = 4
    ) -> None:
        self.at_once = at_once
        self._server = LocalServer(url)
        self._model = model
        self._timeout_s = timeout_s
        self._naming = threading.Lock()
        self._slots = threading.BoundedSemaphore(at_once)

    @property
    def url(self) -> str:
        """Where the server is."""
        return self._server.url

    def answer(self, body: Mapping[str, Any]) -> Answer:
        """The server's answer to a checked body of generateContent.

        Raises:
            ApiError: the body holds what such a server cannot be asked, or the server fails (see
                `LocalServer.call`).
            EmulatorEndsError: close() was called.
        """
        messages, settings = _messages(body), _settings(body)
        with self._slot():
            asked = {"model": self.model(), "messages": messages, **settings}
            found = self._server.call("POST", "/chat/completions", asked, self._timeout_s)
        text, finish = _said(found)
        if body.get("generationConfig", {}).get("responseMimeType") == "text/x.enum":
            text = _unquoted(text)
        name = printable(str(found.get("model") or asked["model"]), 100)
        return Answer(
            [{"text": text}] if text else [],
            finish,
            model_version=f"local-upstream/{name}",
            tokens=_usage(found),
        )

    def model(self) -> str:
        """The name of the model that answers, the same from the first call on.

        Raises:
            ApiError: the server lists none, or fails.
        """
        with self._naming:
            if not self._model:
                listed = self._server.call("GET", "/models", None, _LIST_S).get("data")
                first = listed[0] if isinstance(listed, list) and listed else None
                name = first.get("id") if isinstance(first, Mapping) else None
                if not isinstance(name, str) or not name or not name.isprintable():
                    raise ApiError(503, "", f"The upstream server at {self.url} lists no model.")
                self._model = name
            return self._model

    def ready(self) -> str:
        """The name of the model, after a look whether the server is there.

        A model that was named need not be listed: Ollama lists `llama3.2:latest` for `llama3.2`,
        and a server may have no list.

        Raises:
            ApiError: as for `model`, or nothing answers.
        """
        if self._model:
            try:
                self._server.call("GET", "/models", None, _LIST_S)
            except ApiError as error:
                if error.status_code in (503, 504):
                    raise
        return self.model()

    def close(self) -> None:
        """End what is under way; nothing is asked from now on."""
        self._server.close()

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(timeout=self._timeout_s):
            text = f"The upstream server at {self.url} is busy with other prompts."
            raise ApiError(429, "", text)
        try:
            yield
        finally:
            self._slots.release()


def _messages(body: Mapping[str, Any]) -> list[dict[str, str]]:
    roles = {"user": "user", "model": "assistant"}
    turns = [(roles[turn.get("role", "user")], turn) for turn in body["contents"]]
    if "systemInstruction" in body:
        turns.insert(0, ("system", body["systemInstruction"]))
    messages = []
    for role, turn in turns:
        if any("text" not in part for part in turn["parts"]):
            raise not_emulated("files in prompts (fileData, inlineData) that go to an upstream")
        texts = [part["text"] for part in turn["parts"] if not part.get("thought")]
        messages.append({"role": role, "content": "\n".join(texts)})
    return messages


def _settings(body: Mapping[str, Any]) -> dict[str, Any]:
    config = body.get("generationConfig", {})
    found = {theirs: config[ours] for ours, theirs in _SETTINGS.items() if ours in config}
    schema = schema_of(body)
    if schema is not None:
        form = {"name": "answer", "schema": schema}
        found["response_format"] = {"type": "json_schema", "json_schema": form}
    elif config.get("responseMimeType") == "application/json":
        found["response_format"] = {"type": "json_object"}
    return found


def _said(found: Mapping[str, Any]) -> tuple[str, str]:
    """The text of a chat completion, and why it ended, as Gemini says it."""
    try:
        choice = found["choices"][0]
        content = choice["message"].get("content")
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ApiError(502, "", "The upstream server answers no chat completion.") from error
    if isinstance(content, list):  # some give parts
        pieces = [each.get("text") for each in content if isinstance(each, Mapping)]
        content = "".join(piece for piece in pieces if isinstance(piece, str))
    if content is not None and not isinstance(content, str):
        raise ApiError(502, "", "The upstream server answers no text.")
    # A lone surrogate, which JSON allows, is no text that could be written.
    text = (content or "").encode("utf-8", "replace").decode()
    reason = str(choice.get("finish_reason"))
    return text, _FINISH.get(reason, "STOP" if reason in _STOPPED else "OTHER")


def _unquoted(text: str) -> str:
    """An enum's value as such: servers write it as JSON, Gemini does not."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, str) else text


def _usage(found: Mapping[str, Any]) -> tuple[int, int] | None:
    """Tokens of prompt and answer; None where the server tells none that could be."""
    usage = found.get("usage")
    if not isinstance(usage, Mapping):
        return None
    asked, said = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if _is_count(asked) and _is_count(said):
        return asked, said
    return None


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
