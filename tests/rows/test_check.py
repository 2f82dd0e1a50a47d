"""What is found in a request before it is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.genai import types

from components.rows.canonical import normalised
from components.rows.check import check_request, check_text
from components.rows.fields import MESSAGES
from components.rows.limits import Limits

SHARED = Path(__file__).parents[3] / "shared" / "gemini_jsonl"
TURN = {"role": "user", "parts": [{"text": "x"}]}


def found(request: dict[str, Any], limits: Limits | None = None) -> list[str]:
    problems = check_request(normalised(request), limits or Limits())
    return [f"{p.rule} {p.path}: {p.message} {p.fix}".strip() for p in problems]


BAD = [
    ({}, "empty_prompt contents"),
    ({"contents": []}, "empty_prompt contents"),
    ({"contents": "x"}, "wrong_type contents: must be a list, not 'x'"),
    ({"contents": ["x"]}, "wrong_type contents[0]: must be an object, not 'x'"),
    ({"contents": [TURN], "generationConfg": {}}, "Did you mean generationConfig?"),
    ({"contents": [TURN], "generation_confg": {"a": 1}}, "Did you mean generationConfig?"),
    ({"contents": [TURN], "temperature": 1}, "It belongs into generationConfig."),
    ({"messages": [{"role": "user", "content": "x"}]}, "Gemini calls it contents"),
    (
        {"contents": [TURN], "generationConfig": {"max_tokens": 5}},
        "Gemini calls it generationConfig.maxOutputTokens.",
    ),
    (
        {"contents": [TURN], "generationConfig": {"temperature": "hot"}},
        "wrong_type generationConfig.temperature: must be a number, not 'hot'",
    ),
    ({"contents": [TURN], "generationConfig": {"temperature": 3}}, "3 is outside of 0 to 2"),
    ({"contents": [TURN], "generationConfig": {"responseLogprobs": 1}}, "must be true or false"),
    ({"contents": [TURN], "generationConfig": {"maxOutputTokens": 1.5}}, "a whole number, not 1.5"),
    ({"contents": [TURN], "cachedContent": "projects/p"}, "cached_content cachedContent"),
    ({"contents": [TURN], "generationConfig": {"candidateCount": 2}}, "the results show the first"),
    (
        {"contents": [TURN], "generationConfig": {"responseSchema": {"type": "STRING"}}},
        'Set responseMimeType to "application/json".',
    ),
    (
        {
            "contents": [TURN],
            "generationConfig": {
                "responseMimeType": "application/json",
                "responseSchema": {"type": "OBJECT", "properties": {"a": {"typ": "STRING"}}},
            },
        },
        "unknown_field generationConfig.responseSchema.properties.a.typ: "
        "the service knows no such field here Did you mean type?",
    ),
    ({"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}, "Did you mean model?"),
    ({"contents": [{"role": "system", "parts": [{"text": "x"}]}]}, "Put it into systemInstruct"),
    ({"contents": [{"role": "user", "parts": [{"txt": "x"}]}]}, "contents[0].parts[0].txt"),
    ({"contents": [{"role": "user", "parts": [{"text": " \n"}]}]}, "the turn is empty"),
    ({"contents": [{"role": "user", "parts": []}]}, "the turn is empty"),
    ({"contents": [{"role": "user", "parts": [{"text": "a\0b"}]}]}, "NUL character"),
    (
        {"contents": [{"parts": [{"text": "a", "fileData": {"fileUri": "gs://b/c.png"}}]}]},
        "part_kind contents[0].parts[0]: the part holds fileData and text",
    ),
    (
        {"contents": [{"parts": [{"fileData": {"fileUri": "gs://b/c.docx"}}]}]},
        "is a Word file, which Gemini does not read",
    ),
    (
        {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png"}}]}]},
        "bad_media contents[0].parts[0].inlineData.data: there is no data",
    ),
    ({"contents": [TURN, {"role": "model", "parts": [{"text": "y"}]}]}, "ends_with_model"),
]


@pytest.mark.parametrize(("request_", "words"), BAD, ids=range(len(BAD)))
def test_bad_requests(request_: dict[str, Any], words: str) -> None:
    assert any(words in line for line in found(request_)), found(request_)


def test_a_long_prompt_over_several_turns_is_found() -> None:
    request = {"contents": [TURN, TURN], "systemInstruction": {"parts": [{"text": "yy"}]}}
    assert found(request, Limits(max_prompt_chars=4)) == []
    assert found(request, Limits(max_prompt_chars=3)) == [
        "prompt_too_long : 4 characters, and 3 are allowed (max_prompt_chars)"
    ]


def test_a_request_full_of_mistakes_is_told_briefly() -> None:
    request = {"contents": [{"role": f"r{n}", "parts": [{"x" * 10_000: 1}]} for n in range(1000)]}
    problems = check_request(request, Limits())
    assert len(problems) == 20
    assert all(len(problem.reason()) < 300 for problem in problems)


@pytest.mark.parametrize("text", ["", " \t\n", "a\0b", "xxxxx"])
def test_plain_texts(text: str) -> None:
    assert check_text(text, Limits(max_prompt_chars=4))
    assert not check_text("x$1", Limits(max_prompt_chars=4))


@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder with real rows is not here")
@pytest.mark.parametrize("kind", ["text", "multimodal"])
def test_real_requests_are_clean(kind: str) -> None:
    lines = (SHARED / f"meteatamel_batch_request_{kind}_input.jsonl").read_text().splitlines()
    assert [found(json.loads(line)["request"]) for line in lines if line] == [[]] * len(lines)


@pytest.mark.parametrize(
    "name",
    sorted(set(MESSAGES) - {"Request"}),
)
def test_the_table_knows_what_the_library_knows(name: str) -> None:
    model = getattr(types, name)
    theirs = {field.alias or own for own, field in model.model_fields.items()}
    ours = set(MESSAGES[name])
    assert theirs <= ours
    assert ours - theirs <= {"imageConfig", "$ref", "$defs"}
