"""A pydantic model as Vertex's schema, and that the real client sends it whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
from google import genai
from pydantic import BaseModel, Field

from components.gemini.generate import Turn, generate_json
from components.gemini.schema import response_schema
from components.parse_intent.draft import Draft


class Inner(BaseModel):
    """An inner thing."""

    quote: str = ""
    n: int = Field(1, ge=1, le=9)


class Outer(BaseModel):
    """An outer thing."""

    kind: Literal["a", "b"]
    only: Literal["x"] = "x"
    inner: Inner | None = Field(None, description="perhaps")
    many: list[Inner] = []
    text: str = Field("", max_length=5, pattern="x")


class Needed(BaseModel):
    value: int | None


def test_a_needed_field_may_be_null() -> None:
    made = response_schema(Needed)
    assert made["properties"]["value"] == {"type": "INTEGER", "nullable": True}
    assert made["required"] == ["value"]


def test_the_parts_that_vertex_knows() -> None:
    inner = {
        "type": "OBJECT",
        "description": "An inner thing.",
        "properties": {"quote": {"type": "STRING"}, "n": {"type": "INTEGER"}},
        "propertyOrdering": ["quote", "n"],
    }
    assert response_schema(Outer) == {
        "type": "OBJECT",
        "description": "An outer thing.",
        "properties": {
            "kind": {"type": "STRING", "enum": ["a", "b"]},
            "only": {"type": "STRING", "enum": ["x"]},
            "inner": inner | {"description": "perhaps"},
            "many": {"type": "ARRAY", "items": inner},
            "text": {"type": "STRING"},
        },
        "propertyOrdering": ["kind", "only", "inner", "many", "text"],
        "required": ["kind"],
    }


def test_fields_that_come_first_are_required() -> None:
    made = response_schema(Inner, first=("n",))
    assert made["propertyOrdering"] == ["n", "quote"]
    assert list(made["properties"]) == ["n", "quote"]
    assert made["required"] == ["n"]


class Tree(BaseModel):
    children: list[Tree]


class Map(BaseModel):
    entries: dict[str, str]


class Either(BaseModel):
    value: int | str


@pytest.mark.parametrize(
    ("model", "said"), [(Tree, "contains itself"), (Map, "named pairs"), (Either, "no other union")]
)
def test_what_cannot_be_said_is_refused(model: type[BaseModel], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        response_schema(model)


def nodes(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for inner in [*schema.get("properties", {}).values(), schema.get("items")]:
        if inner:
            yield from nodes(inner)


def test_the_draft_goes_over_the_wire_as_it_is(
    client: genai.Client,
    script: Callable[..., None],
    requests_seen: Callable[[], list[dict[str, Any]]],
) -> None:
    schema = response_schema(Draft, first=("quote",))
    before = json.dumps(schema)
    script({"json": {}})
    generate_json(client, "gemini-3.5-flash", "s", [Turn("user", "u")], schema)
    sent = requests_seen()[0]["body"]["generationConfig"]["responseSchema"]
    assert sent == schema
    assert json.dumps(schema) == before
    assert list(sent["properties"]) == list(Draft.model_fields)
    known = {"type", "description", "enum", "items", "properties", "propertyOrdering"}
    known |= {"required", "nullable"}
    for node in nodes(sent):
        assert set(node) <= known
        assert node["type"] in ("STRING", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT")
        if "quote" in node.get("properties", {}):
            assert node["propertyOrdering"][0] == "quote"
