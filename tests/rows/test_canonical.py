"""The canonical form: what a request and its echo have in common, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.rows.canonical import TooDeep, canonical, encoded, key_of, normalised

SHARED = Path(__file__).parents[3] / "shared" / "gemini_jsonl"


def text_request(text: str, **more: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], **more}


SAME = [
    ({"contents": [{"parts": {"text": "x"}}]}, text_request("x")),
    ({"contents": {"parts": {"text": "x"}, "role": None}}, text_request("x")),
    (
        text_request("x", system_instruction={"role": "system", "parts": {"text": "s"}}),
        text_request("x", systemInstruction={"parts": [{"text": "s"}]}),
    ),
    (
        text_request("x", generation_config={"max_output_tokens": 10.0, "top_p": None}),
        text_request("x", generationConfig={"maxOutputTokens": 10}),
    ),
    (text_request("x", generationConfig={"topP": None}, tools=[]), text_request("x")),
    (
        {
            "contents": [
                {
                    "parts": [
                        {"file_data": None, "text": "a"},
                        {
                            "fileData": None,
                            "file_data": {"mime_type": "image/png", "file_uri": "gs://b/i.png"},
                        },
                    ],
                    "role": "user",
                }
            ]
        },
        {
            "contents": [
                {
                    "role": "user",
                    "parts": [
                        {"text": "a"},
                        {"fileData": {"fileUri": "gs://b/i.png", "mimeType": "image/png"}},
                    ],
                }
            ]
        },
    ),
    (text_request("x", labels={"a_b": "1", "c": None}), text_request("x", labels={"a_b": "1"})),
]

DIFFERENT = [
    (text_request("a b"), text_request("a  b")),
    (text_request("a"), {"contents": [{"role": "model", "parts": [{"text": "a"}]}]}),
    (text_request("x", labels={"a_b": "1"}), text_request("x", labels={"aB": "1"})),
    (
        text_request("x", tools=[{"googleSearch": {}}]),
        text_request("x", tools=[{"urlContext": {}}]),
    ),
    (
        text_request("x", generationConfig={"responseSchema": {"properties": {"a_b": {}}}}),
        text_request("x", generationConfig={"responseSchema": {"properties": {"aB": {}}}}),
    ),
    (
        text_request("x", generationConfig={"responseJsonSchema": {"my_key": 1}}),
        text_request("x", generationConfig={"responseJsonSchema": {"myKey": 1}}),
    ),
    (text_request("x", generationConfig={"seed": 1}), text_request("x", generationConfig={})),
    (text_request("1"), text_request("1.0")),
    (
        text_request("x", generationConfig={"responseLogprobs": True}),
        text_request("x", generationConfig={"responseLogprobs": 1}),
    ),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_equal_requests_have_one_form(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert canonical(one) == canonical(other)
    assert canonical(normalised(one)) == canonical(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_requests_differ(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert canonical(one) != canonical(other)


def test_key_names_model_and_request() -> None:
    key = key_of(text_request("x"), "m")
    assert key == key_of({"contents": [{"parts": {"text": "x"}}]}, "m")
    assert key != key_of(text_request("x"), "m2")
    assert len(key) == 25
    assert key.startswith("k")


def test_names_of_properties_stay_and_fields_of_their_schemas_do_not() -> None:
    schema = {"properties": {"first_name": {"type": "STRING", "max_length": "5"}}}
    sent = normalised(text_request("x", generation_config={"response_schema": schema}))
    assert sent["generationConfig"]["responseSchema"] == {
        "properties": {"first_name": {"type": "STRING", "maxLength": "5"}}
    }


def test_sending_keeps_the_order_and_the_nulls_of_the_users_data() -> None:
    schema = {"properties": {"b": {"default": None}, "a": {}}, "required": ["b"]}
    sent = normalised(text_request("x", generationConfig={"responseJsonSchema": schema}))
    assert encoded(sent["generationConfig"]) == (
        b'{"responseJsonSchema":{"properties":{"b":{"default":null},"a":{}},"required":["b"]}}'
    )


def test_half_a_surrogate_pair_and_huge_integers_do_not_stop_it() -> None:
    request = text_request("\ud83d!", generationConfig={"seed": 10**400, "topK": 2**64})
    assert "\ufffd!".encode() in canonical(request)
    assert "\ufffd!".encode() in encoded(normalised(request))


def test_a_name_made_to_be_slow_is_quick() -> None:
    assert b"____" in canonical({"_" * 1_000_000: 1})


def test_deep_nesting_is_refused_in_messages_and_in_data() -> None:
    deep: Any = "x"
    for _ in range(300):
        deep = {"a": deep}
    listed: Any = "x"
    for _ in range(300):
        listed = [listed]
    for request in ({"contents": deep}, {"labels": deep}, {"contents": listed}):
        with pytest.raises(TooDeep):
            canonical(request)
        with pytest.raises(TooDeep):
            normalised(request)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder with real rows is not here")
def test_real_echoes_match_what_was_sent() -> None:
    def requests(name: str) -> list[bytes]:
        lines = (SHARED / name).read_text().splitlines()
        return sorted(canonical(json.loads(line)["request"]) for line in lines if line)

    sent = requests("meteatamel_batch_request_multimodal_input.jsonl")
    assert sent == requests("meteatamel_batch_request_multimodal_output.jsonl")


_data = st.recursive(
    st.text(max_size=8) | st.integers(-(2**60), 2**60) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def _null_filled(value: Any) -> Any:
    if isinstance(value, dict):
        filled = {key: _null_filled(item) for key, item in sorted(value.items())}
        return {"zz_added": None, **filled}
    return [_null_filled(item) for item in value] if isinstance(value, list) else value


@given(st.text(), st.dictionaries(st.text(min_size=1, max_size=5), _data, min_size=1, max_size=3))
def test_a_null_filled_sorted_echo_has_the_same_form(text: str, args: dict[str, Any]) -> None:
    args = {key: value for key, value in args.items() if value not in ({}, [])} or {"k": 1}
    call = {"role": "model", "parts": [{"functionCall": {"name": "f", "args": _filled(args)}}]}
    request = {"contents": [{"parts": [{"text": text}]}, call]}
    assert canonical(_null_filled(request)) == canonical(request)
    assert canonical(json.loads(canonical(request))) == canonical(request)


def _filled(value: Any) -> Any:
    """Without empty objects: filled with nulls, they cannot be told from absent ones."""
    if isinstance(value, dict):
        return {key: _filled(item) for key, item in value.items()} or {"k": 1}
    return [_filled(item) for item in value] if isinstance(value, list) else value
