"""A pydantic model as the response schema that Vertex accepts.

Vertex takes a part of OpenAPI 3.0 (type `Schema` of its API): no `$ref`, no `const`, no `null` type
beside others (`nullable` instead). Titles and defaults are left out: they cost tokens and a default
invites the model to repeat it. So are bounds and patterns: they grow the grammar that constrains
the decoding, which the service refuses beyond a size that it does not state ("too many states for
serving", googleapis/python-genai issue 660); pydantic checks them afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

_KEPT = ("description", "enum")


def response_schema(model: type[BaseModel], *, first: tuple[str, ...] = ()) -> dict[str, Any]:
    """The schema of `model` in Vertex's words: plain JSON, refs put in place, types in capitals.

    Args:
        model: a pydantic model without maps and without recursion.
        first: names of fields that come first and must be given, in every object that has them.
            Models write fields in the order of the schema, so what comes first steers the rest.

    Raises:
        ValueError: the model holds a map, a recursion or a union that Vertex cannot express.
    """
    whole = model.model_json_schema()
    return _converted(whole, _Frame(whole.get("$defs", {}), first))


@dataclass(frozen=True)
class _Frame:
    """What holds for the whole schema, and the definitions that we are inside of."""

    defs: dict[str, Any]
    first: tuple[str, ...]
    within: tuple[str, ...] = ()


def _converted(node: dict[str, Any], frame: _Frame) -> dict[str, Any]:
    kept = {key: node[key] for key in _KEPT if key in node}
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[-1]
        if name in frame.within:
            raise ValueError(f"'{name}' contains itself; a response schema cannot")
        inner = replace(frame, within=(*frame.within, name))
        return _converted(frame.defs[name], inner) | kept
    if "anyOf" in node:
        return _union(node["anyOf"], frame) | kept
    if "const" in node:
        kept["enum"] = [node["const"]]
    made = kept | {"type": node["type"].upper()}
    if made["type"] == "ARRAY":
        made["items"] = _converted(node["items"], frame)
    if made["type"] == "OBJECT":
        made |= _object(node, frame)
    return made


def _union(options: list[dict[str, Any]], frame: _Frame) -> dict[str, Any]:
    """`X | None` as a nullable X; other unions are refused."""
    others = [option for option in options if option.get("type") != "null"]
    if len(others) != 1:
        raise ValueError("a response schema may hold X | None, but no other union")
    made = _converted(others[0], frame)
    return made | {"nullable": True} if len(others) < len(options) else made


def _object(node: dict[str, Any], frame: _Frame) -> dict[str, Any]:
    if "properties" not in node:
        raise ValueError("a map has no response schema; use a list of named pairs")
    names = sorted(node["properties"], key=lambda name: name not in frame.first)
    properties = {name: _converted(node["properties"][name], frame) for name in names}
    required = [n for n in names if n in frame.first or n in node.get("required", [])]
    for name in set(names) - set(required):
        properties[name].pop("nullable", None)  # it can be left out, and need not be null too
    made: dict[str, Any] = {"properties": properties, "propertyOrdering": names}
    return made | {"required": required} if required else made
