"""The client against the stand-in: retries on an injected clock, and errors in plain words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google import genai

from components.errors import ServiceError, WrongUse
from components.gemini.client import Retry, gemini_client
from components.gemini.generate import (
    AnswerUnusable,
    Generated,
    Turn,
    Usage,
    generate_json,
    json_of,
)
from emulator.faults import Fault
from emulator.http import Response, Route, Service, serve
from emulator.launch import Emulator

MODEL = "gemini-3.5-flash"
SCHEMA = {"type": "OBJECT", "properties": {"n": {"type": "INTEGER"}}, "required": ["n"]}
Script = Callable[..., None]


class Clock:
    """Keeps the pauses in place of waiting."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def retry(self, attempts: int = 6, chance: float = 0.0) -> Retry:
        return Retry(attempts=attempts, pause=self.pauses.append, chance=lambda: chance)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def ask(client: genai.Client, clock: Clock, model: str = MODEL, attempts: int = 6) -> Generated:
    turns = [Turn("user", "one"), Turn("model", "{}"), Turn("user", "again")]
    return generate_json(client, model, "be exact", turns, SCHEMA, retry=clock.retry(attempts))


def test_an_answer_and_what_was_sent(
    client: genai.Client,
    clock: Clock,
    script: Script,
    requests_seen: Callable[[], list[dict[str, Any]]],
) -> None:
    script({"json": {"n": 5}, "thought": "hm, five"})
    answer = ask(client, clock)
    assert answer.data == {"n": 5}
    assert answer.text == '{"n": 5}'  # the thought is no part of it
    assert (answer.finish_reason, answer.model_version) == ("STOP", "local-stand-in/scripted")
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.output_tokens > 0
    (request,) = requests_seen()
    assert (request["project"], request["location"]) == ("local-project", "global")
    assert [c["role"] for c in request["body"]["contents"]] == ["user", "model", "user"]
    config = request["body"]["generationConfig"]
    assert config["responseMimeType"] == "application/json"
    assert config["responseSchema"]["required"] == ["n"]
    assert "temperature" not in config
    assert clock.pauses == []


def test_an_answer_that_a_stand_in_made_up_is_refused(client: genai.Client, clock: Clock) -> None:
    with pytest.raises(ServiceError, match="stand-in, which has no model") as caught:
        ask(client, clock)
    assert "offline reader" in caught.value.fix
    assert "--upstream" in caught.value.fix


@pytest.mark.parametrize("kind", ["drop", "lose_reply"])
def test_a_dropped_connection_is_tried_again(
    client: genai.Client, clock: Clock, script: Script, emulator: Emulator, kind: Any
) -> None:
    script({"json": {"n": 1}, "times": 2})
    emulator.faults.add(Fault("vertex.generateContent", kind=kind))
    assert ask(client, clock).data == {"n": 1}
    assert clock.pauses == [1.0]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_trouble_that_passes_is_waited_for(
    client: genai.Client, clock: Clock, script: Script, emulator: Emulator, status: int
) -> None:
    script({"json": {"n": 1}})
    emulator.faults.add(Fault("vertex.generateContent", status=status, count=3))
    assert ask(client, clock).data == {"n": 1}
    assert clock.pauses == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("error", "fix"),
    [
        ({"code": 400, "message": "bad"}, "request is at fault"),
        ({"code": 403, "message": "denied"}, "roles/aiplatform.user"),
        ({"code": 404, "message": "gone"}, "retired, misspelt, or not served"),
        ({"code": 505, "message": "never"}, "try again later"),
    ],
)
def test_trouble_that_stays_is_told_at_once(
    client: genai.Client, clock: Clock, script: Script, error: dict[str, Any], fix: str
) -> None:
    script({"error": error})
    with pytest.raises(ServiceError, match=str(error["code"])) as caught:
        ask(client, clock)
    assert fix in caught.value.fix
    assert error["message"] in caught.value.what
    assert caught.value.where == f"model {MODEL}"
    assert clock.pauses == []


def test_quota_that_stays_used_up(client: genai.Client, clock: Clock, emulator: Emulator) -> None:
    emulator.faults.add(Fault("vertex.generateContent", status=429, count=99))
    with pytest.raises(ServiceError, match="429 3 times") as caught:
        ask(client, clock, attempts=3)
    assert "quota" in caught.value.fix
    assert clock.pauses == [1.0, 2.0]


def test_nobody_answers(clock: Clock, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", "http://127.0.0.1:9")  # discard; nothing listens
    with (
        gemini_client("p", "global") as client,
        pytest.raises(ServiceError, match="no answer") as caught,
    ):
        ask(client, clock, attempts=2)
    assert "GOOGLE_VERTEX_BASE_URL" in caught.value.fix
    assert clock.pauses == [1.0]


def test_no_credentials(clock: Clock, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/account.json")
    with (
        gemini_client("p", "global") as client,
        pytest.raises(ServiceError, match=r"account\.json: GOOGLE_APPLICATION_CRED") as caught,
    ):
        ask(client, clock)
    assert "gcloud auth application-default login" in caught.value.fix


def test_a_token_that_is_refused(client: genai.Client, clock: Clock, emulator: Emulator) -> None:
    emulator.faults.add(Fault("vertex.token", status=400, count=99))
    with pytest.raises(ServiceError, match="credentials are not accepted"):
        ask(client, clock)


def test_pauses_spread_and_stop_growing() -> None:
    clock = Clock()
    retry = Retry(attempts=9, longest_s=10, pause=clock.pauses.append, chance=lambda: 1.0)
    from components.gemini.client import retried

    def fail() -> None:
        import httpx

        raise httpx.ReadTimeout("slow")

    with pytest.raises(ServiceError, match="after 9 attempts"):
        retried(fail, retry, doing="wait", where="here")
    assert clock.pauses == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0, 5.0]


def test_a_pause_that_the_service_asks_for() -> None:
    from google.genai import errors

    from components.gemini.client import retried

    clock = Clock()
    details = {"error": {"code": 429, "details": [{"retryDelay": "34s"}]}}
    answers: list[Exception | str] = [errors.ClientError(429, details), "fine"]

    def call() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert retried(call, clock.retry(), doing="wait", where="here") == "fine"
    assert clock.pauses == [34.0]


@pytest.mark.parametrize(("project", "location"), [("", "global"), ("p", "")])
def test_project_and_location_are_needed(project: str, location: str) -> None:
    with pytest.raises(WrongUse):
        gemini_client(project, location)


UNUSABLE: list[tuple[dict[str, Any], str, str]] = [
    ({"block_reason": "SAFETY"}, "blocked", "prompt: SAFETY"),
    ({"block_reason": "JAILBREAK"}, "blocked", "prompt: JAILBREAK"),
    ({"finish_reason": "RECITATION"}, "blocked", "answer: RECITATION"),
    ({"finish_reason": "SAFETY", "text": '{"n":'}, "blocked", "answer: SAFETY"),
    ({"finish_reason": "MAX_TOKENS", "text": '{"n":'}, "truncated", "MAX_TOKENS"),
    ({"finish_reason": "MAX_TOKENS"}, "truncated", "MAX_TOKENS"),
    ({"empty": True}, "empty", "no candidate"),
    ({"text": "  "}, "empty", "STOP"),
    ({"thought": '{"n": 1}'}, "empty", "STOP"),
    ({"finish_reason": "OTHER"}, "empty", "OTHER"),
    ({"text": "Sure! Here it is."}, "not_json", "Expecting value"),
    ({"text": '{"n": NaN}'}, "not_json", "NaN"),
    ({"text": "[" * 5000 + "]" * 5000}, "not_json", "nested"),
]


@pytest.mark.parametrize(("scripted", "reason", "detail"), UNUSABLE)
def test_answers_that_are_none(
    client: genai.Client,
    clock: Clock,
    script: Script,
    scripted: dict[str, Any],
    reason: str,
    detail: str,
) -> None:
    script(scripted)
    with pytest.raises(AnswerUnusable) as caught:
        ask(client, clock)
    assert caught.value.reason == reason
    assert detail in caught.value.detail
    assert caught.value.fix


def test_an_answer_that_is_none_still_has_its_price(
    client: genai.Client, clock: Clock, script: Script
) -> None:
    script({"text": "no"})
    with pytest.raises(AnswerUnusable) as caught:
        ask(client, clock)
    assert caught.value.usage.prompt_tokens > 0


def test_a_stranger_answers(
    clock: Clock, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Route("POST", ".*", lambda _: Response(body=b"<html>sign in</html>"), "proxy")
    running = serve(Service("proxy", [page]))
    monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", running.url)
    with (
        gemini_client("p", "global") as client,
        pytest.raises(ServiceError, match="does not speak") as caught,
    ):
        ask(client, clock)
    assert "proxies" in caught.value.fix
    running.stop()


@pytest.mark.parametrize(
    "text",
    [
        '{"n": 1}',
        ' {"n": 1}\n',
        '```json\n{"n": 1}\n```',
        '```\n{"n": 1}\n```\n',
        '\n```JSON\n{"n":\n1}```',
    ],
)
def test_fences_are_taken_off(text: str) -> None:
    assert json_of(text) == {"n": 1}


def test_a_fence_inside_a_value_stays() -> None:
    assert json_of('{"s": "```sh\\nls\\n```"}') == {"s": "```sh\nls\n```"}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('"' + '\\"' * 200_000, id="a string that never ends"),
        pytest.param('"' + '\\"' * 200_000 + "\\", id="a string that ends in a backslash"),
        pytest.param("```json\n" + "\n" * 200_000 + "x", id="a fence of empty lines"),
        pytest.param("```json\n" + "``` " * 100_000 + "x", id="a fence of fences"),
        pytest.param("```" + " " * 200_000 + "x", id="a fence of blanks"),
    ],
)
def test_degenerate_answers_are_refused_in_one_pass(text: str) -> None:
    # With a pattern that goes back and tries again these take minutes to days.
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        json_of(text)


def test_usage_adds_up() -> None:
    assert Usage(1, 2, 3, 4) + Usage(10, 20, 30, 40) == Usage(11, 22, 33, 44)


def test_a_schema_that_is_too_much_for_the_service_is_told_in_words(
    client: genai.Client,
    clock: Clock,
    script: Script,
    requests_seen: Callable[[], list[dict[str, Any]]],
) -> None:
    error = {
        "code": 400,
        "status": "INVALID_ARGUMENT",
        "message": "The specified schema produces a constraint that has too many states.",
    }
    script({"error": error}, {"json": {"n": 5}})
    assert ask(client, clock).data == {"n": 5}
    first, second = (request["body"] for request in requests_seen())
    assert "responseSchema" in first["generationConfig"]
    assert "responseSchema" not in second["generationConfig"]
    assert second["generationConfig"]["responseMimeType"] == "application/json"
    assert '"required": ["n"]' in second["systemInstruction"]["parts"][0]["text"]


def test_other_bad_requests_are_not_sent_twice(
    client: genai.Client,
    clock: Clock,
    script: Script,
    requests_seen: Callable[[], list[dict[str, Any]]],
) -> None:
    script({"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "bad region"}})
    with pytest.raises(ServiceError, match="bad region"):
        ask(client, clock)
    assert len(requests_seen()) == 1
