"""Values made up for response schemas: they fit, say what they are, and come again for a prompt."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from emulator.http import ApiError
from emulator.vertex.fields import checked_generate
from emulator.vertex.made_up import made_up
from emulator.vertex.schemas import schema_of
from tests.emulator.vertex.test_batch_support import (
    MODEL,
    Place,
    answer_of,
    prompt_of,
    short,
    stand_in,
    text_row,
)


class Mood(Enum):
    GOOD = "good"
    BAD = "bad"


class Ingredient(BaseModel):
    name: Annotated[str, Field(min_length=3, max_length=40)]
    grams: Annotated[int, Field(ge=10, le=12)]


class Recipe(BaseModel):
    title: str
    mood: Mood
    score: Annotated[float, Field(ge=0.1, le=0.2)]
    vegan: bool
    made_on: datetime.date
    note: str | None
    kind: Literal["cake"]
    ingredients: Annotated[list[Ingredient], Field(min_length=2, max_length=3)]
    other: int | Ingredient
    pair: Annotated[list[int], Field(max_length=0)]


class Tree(BaseModel):
    label: str
    children: list[Tree]
    parent: Tree | None = None


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with stand_in(tmp_path) as place:
        yield place


def with_schema(schema: Any, name: str = "responseSchema", **more: Any) -> dict[str, Any]:
    return {"generationConfig": {"responseMimeType": "application/json", name: schema, **more}}


def test_the_clients_own_models_are_met(place: Place) -> None:
    config = types.GenerateContentConfig(
        response_mime_type="application/json", response_schema=Recipe
    )
    answer = place.client.models.generate_content(model=MODEL, contents="a cake", config=config)
    assert isinstance(answer.parsed, Recipe)
    assert answer.parsed.title.startswith("stand-in title")
    assert answer.parsed.note is not None
    assert answer.model_version == "local-stand-in"
    again = place.client.models.generate_content(model=MODEL, contents="a cake", config=config)
    assert again.text == answer.text
    other = place.client.models.generate_content(model=MODEL, contents="a pie", config=config)
    assert other.text != answer.text


@pytest.mark.parametrize("kind", [Recipe, Tree])
def test_a_json_schema_is_met(place: Place, kind: type[BaseModel]) -> None:
    config = types.GenerateContentConfig(
        response_mime_type="application/json", response_json_schema=kind.model_json_schema()
    )
    answer = place.client.models.generate_content(model=MODEL, contents="hi", config=config)
    kind.model_validate_json(answer.text or "")


def test_rows_with_schemas_are_answered_as_calls_are(place: Place) -> None:
    schema = {"type": "OBJECT", "properties": {"n": {"type": "INTEGER"}}, "required": ["n"]}
    rows = [text_row(text, **with_schema(schema)) for text in ("a", "b")]
    found = {prompt_of(row): answer_of(row) for row in place.rows(place.run(rows))}
    assert all(set(json.loads(text)) == {"n"} for text in found.values())
    config = types.GenerateContentConfig(
        response_mime_type="application/json", response_schema=schema
    )
    answer = place.client.models.generate_content(model=MODEL, contents="a", config=config)
    assert answer.text == found["a"]


def test_an_enum_is_said_plainly(place: Place) -> None:
    config = types.GenerateContentConfig(response_mime_type="text/x.enum", response_schema=Mood)
    answer = place.client.models.generate_content(model=MODEL, contents="hi", config=config)
    assert answer.text in ("good", "bad")


def test_an_answer_to_a_schema_has_its_limit_too(place: Place) -> None:
    schema = {"type": "ARRAY", "items": {"type": "STRING"}, "minItems": 9}
    job = place.run([text_row("a", **with_schema(schema, maxOutputTokens=5))])
    (row,) = place.rows(job)
    assert row["response"]["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert len(answer_of(row)) == 20


SCHEMAS = st.deferred(lambda: PLAIN | ARRAYS | OBJECTS | UNIONS)
PLAIN: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("STRING")},
        optional={
            "minLength": st.integers(0, 20),
            "maxLength": st.integers(20, 40),
            "nullable": st.booleans(),
            "description": st.text(max_size=3),
        },
    ),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["INTEGER", "NUMBER"])},
        optional={"minimum": st.integers(-50, 5), "maximum": st.integers(5, 50)},
    ),
    st.fixed_dictionaries(
        {"type": st.just("STRING"), "enum": st.lists(st.text(max_size=3), min_size=1, unique=True)},
        optional={"nullable": st.booleans(), "format": st.just("enum")},
    ),
    st.sampled_from([{"type": "BOOLEAN"}, {"type": "NULL"}]),
)
ARRAYS = st.fixed_dictionaries(
    {"type": st.just("ARRAY"), "items": SCHEMAS},
    optional={"minItems": st.integers(0, 2), "maxItems": st.integers(2, 4).map(str)},
)
PROPERTIES = st.dictionaries(st.text("abcd", min_size=1, max_size=2), SCHEMAS, max_size=3)
OBJECTS = PROPERTIES.flatmap(
    lambda known: st.fixed_dictionaries(
        {"type": st.just("OBJECT"), "properties": st.just(known)},
        optional={
            "required": st.just(sorted(known)[:2]),
            "propertyOrdering": st.permutations(list(known)),
            "nullable": st.booleans(),
        },
    )
)
UNIONS = st.fixed_dictionaries({"anyOf": st.lists(SCHEMAS, min_size=1, max_size=3)})


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """Whether a value fits a schema in Vertex's words; written apart from what makes values."""
    if value is None and schema.get("nullable"):
        return True
    if "anyOf" in schema:
        return any(fits(value, each) for each in schema["anyOf"])
    if "enum" in schema and value not in schema["enum"]:
        return False
    match schema["type"]:
        case "STRING":
            return isinstance(value, str) and (
                schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 99)
            )
        case "INTEGER" | "NUMBER":
            kinds = int if schema["type"] == "INTEGER" else int | float
            right = isinstance(value, kinds) and not isinstance(value, bool)
            return right and schema.get("minimum", value) <= value <= schema.get("maximum", value)
        case "BOOLEAN":
            return isinstance(value, bool)
        case "NULL":
            return value is None
        case "ARRAY":
            low, high = schema.get("minItems", 0), int(schema.get("maxItems", 99))
            return low <= len(value) <= high and all(fits(each, schema["items"]) for each in value)
    known = schema["properties"]
    return set(schema.get("required", [])) <= set(value) <= set(known) and all(
        fits(inner, known[name]) for name, inner in value.items()
    )


@given(SCHEMAS, st.text(max_size=3))
def test_values_fit(schema: dict[str, Any], prompt: str) -> None:
    body = checked_generate(text_row(prompt, **with_schema(schema))["request"])
    value = made_up(schema_of(body), prompt)
    assert fits(value, schema)
    assert made_up(schema_of(body), prompt) == value
    order = schema.get("propertyOrdering") if value is not None else None
    if order:
        assert [name for name in order if name in value] == list(value)


NUMBERS: list[tuple[dict[str, Any], float, float]] = [
    ({"exclusiveMinimum": 3, "maximum": 4, "type": "integer"}, 4, 4),
    ({"minimum": 3, "exclusiveMinimum": 3, "maximum": 4, "type": "integer"}, 4, 4),
    ({"exclusiveMaximum": -3, "minimum": -4, "type": "integer"}, -4, -4),
    ({"maximum": -3, "type": "integer"}, -13, -3),
    ({"minimum": 0.5, "maximum": 0.5, "type": "number"}, 0.5, 0.5),
    ({"exclusiveMinimum": 0, "exclusiveMaximum": 1, "type": "number"}, 0.5, 0.5),
    ({"multipleOf": 7, "minimum": 8, "maximum": 20, "type": "integer"}, 14, 14),
    ({"multipleOf": 100, "type": "number"}, 0, 1000),
    ({"minimum": 10**12, "type": "integer"}, 10**12, 10**12 + 10),
]


@pytest.mark.parametrize(("schema", "low", "high"), NUMBERS)
def test_numbers_keep_their_bounds(schema: dict[str, Any], low: float, high: float) -> None:
    for seed in "abcdefgh":
        value = made_up(schema, seed)
        assert low <= value <= high
        assert value % schema.get("multipleOf", value or 1) == 0


OTHERS: list[tuple[Any, str]] = [
    (True, r'"stand-in [0-9a-f]{4}"'),
    ({}, r'"stand-in [0-9a-f]{4}"'),
    ({"const": [1]}, r"\[1\]"),
    ({"type": "string", "format": "date-time"}, r'"2000-01-01T00:00:00Z"'),
    ({"type": "string", "format": "uuid"}, r'"[0-9a-f-]{36}"'),
    ({"type": "string", "format": "no such"}, r'"stand-in [0-9a-f]{4}"'),
    ({"type": ["null", "boolean"]}, "true|false"),
    ({"allOf": [{"type": "null"}], "description": "x"}, "null"),
    ({"oneOf": [{"type": "string", "pattern": "x"}, {"type": "null"}]}, "null"),
    ({"required": ["a"]}, r'\{"a": "stand-in a [0-9a-f]{4}"\}'),
    ({"minProperties": 1, "additionalProperties": {"type": "null"}}, r'\{"stand_in_0": null\}'),
    ({"properties": {"a": {"pattern": "x"}, "b": {"type": "null"}}}, r'\{"b": null\}'),
    ({"properties": {"a": {}, "b": {"type": "null"}}, "required": ["b"], "maxProperties": 1},
     r'\{"b": null\}'),
    ({"prefixItems": [{"type": "null"}], "items": False}, r"\[null\]"),
    ({"items": {"enum": ["a"]}, "uniqueItems": True, "maxItems": 3}, r'\["a"\]'),
    ({"$defs": {"n": {"type": "null"}}, "$ref": "#/$defs/n"}, "null"),
    ({"$defs": {"a": {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/a"}},
                                {"type": "null"}]}}, "$ref": "#/$defs/a"}, r"[\[\]null, ]+"),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "form"), OTHERS)
def test_other_schemas(schema: Any, form: str) -> None:
    assert re.fullmatch(form, json.dumps(made_up(schema, "seed")))


ENDLESS = {"$defs": {"a": {"required": ["a"], "properties": {"a": {"$ref": "#/$defs/a"}}}}}
NOT_MADE: list[Any] = [
    False,
    {"type": "string", "pattern": "^x$"},
    {"type": "date"},
    {"not": {}},
    {"enum": []},
    {"enum": 1},
    {"type": "integer", "minimum": 2, "maximum": 1},
    {"type": "integer", "minimum": 0.2, "maximum": 0.8},
    {"type": "integer", "minimum": "1"},
    {"type": "integer", "minimum": 1e300},
    {"type": "integer", "minimum": float("nan")},
    {"type": "number", "multipleOf": 0.5},
    {"type": "number", "multipleOf": 0},
    {"type": "string", "minLength": 10**9},
    {"type": "string", "minLength": 9, "maxLength": 8},
    {"type": "string", "minLength": -1},
    {"type": "string", "format": "date", "minLength": 11},
    {"type": "array", "minItems": 10**9},
    {"items": {"enum": ["a"]}, "uniqueItems": True, "minItems": 2},
    {"items": False, "minItems": 1},
    {"required": ["a"], "additionalProperties": False},
    {"required": 1},
    {"properties": []},
    {"properties": {"a": {}}, "required": ["a"], "maxProperties": 0},
    {"minProperties": 1, "additionalProperties": False},
    {"allOf": [{}, {}]},
    {"anyOf": []},
    {"type": "string", "anyOf": [{"type": "null"}]},
    {"$ref": "#/$defs/none"},
    {"$ref": "https://example.com/schema"},
    {"$ref": "#"},
    {**ENDLESS, "$ref": "#/$defs/a"},
    {"type": "array", "minItems": 99, "items": {"type": "array", "minItems": 99,
     "items": {"type": "array", "minItems": 99}}},
]  # fmt: skip


@pytest.mark.parametrize("schema", NOT_MADE)
def test_what_cannot_be_made_is_refused(schema: Any) -> None:
    with pytest.raises(ApiError, match="answers to a response schema") as caught:
        made_up(schema, "seed")
    assert (caught.value.status_code, caught.value.status) == (400, "UNIMPLEMENTED")


def test_a_pattern_fails_its_row_alone(place: Place) -> None:
    rows = [text_row("a", **with_schema({"type": "STRING", "pattern": "x"})), text_row("b")]
    job = place.run(rows)
    assert short(job) == "SUCCEEDED"
    status = {prompt_of(row): row["status"] for row in place.rows(job)}
    assert "a response schema with 'pattern'" in status["a"]
    assert status["b"] == ""


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return schema


BAD: list[tuple[dict[str, Any], str]] = [
    (with_schema(nested(300), "responseJsonSchema"), "nested too deeply"),
    (with_schema({"type": "STRING", "minLength": "many"}), "minLength is no whole number"),
    (with_schema({"anyOf": 1}), "a list of schemas"),
    (with_schema({"type": ["STRING"]}), "Invalid value"),
    (with_schema(1, "responseJsonSchema"), "not an object"),
    (with_schema({"type": "STRING"}, responseJsonSchema={}), "Only one of"),
    ({"generationConfig": {"responseJsonSchema": {}}}, "response_mime_type"),
    ({"generationConfig": {"stopSequences": "x"}}, "a list of texts"),
    ({"generationConfig": {"stopSequences": [""]}}, "a list of texts"),
    ({"generationConfig": {"stopSequences": list("abcdef")}}, "more than 5 stop sequences"),
]


@pytest.mark.parametrize(("more", "said"), BAD)
def test_schemas_that_are_none(place: Place, more: dict[str, Any], said: str) -> None:
    (row,) = place.rows(place.run([text_row("a", **more)]))
    assert '"code": 400' in row["status"]
    assert said in row["status"]
