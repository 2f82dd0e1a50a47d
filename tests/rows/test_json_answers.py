"""Which answers were to be JSON, and which are."""

from __future__ import annotations

from typing import Any

import pytest

from components.rows.json_answers import json_trouble, wants_json

JSON = {"generationConfig": {"responseMimeType": "application/json"}}


@pytest.mark.parametrize(
    ("request_", "json"),
    [
        ({"contents": []}, False),
        (JSON, True),
        ({}, False),
        ({"generationConfig": None}, False),
        ({"generationConfig": {"responseMimeType": "text/plain"}}, False),
    ],
)
def test_wants_json(request_: dict[str, Any], json: bool) -> None:
    assert wants_json(request_) is json


@pytest.mark.parametrize(
    ("text", "told"),
    [('{"a": 1}', ""), ('{"a": ', "Expecting value"), ("", "Expecting value"), ("[" * 10**5, "n")],
)
def test_what_is_wrong_is_told(text: str, told: str) -> None:
    assert told in json_trouble(text)
    assert bool(told) is bool(json_trouble(text))
