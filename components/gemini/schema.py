"""A pydantic model as the response schema that Vertex accepts.

Vertex takes a part of OpenAPI 3.0 (type `Schema` of its API): no `$ref`, no `const`, no `null` type
beside others (`nullable` instead). Titles and defaults are left out: they cost tokens and a default
invites the model to repeat it. So are bounds and patterns: they grow the grammar that constrains
the decoding, which the service refuses beyond a size; pydantic checks them afterwards.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

_KEPT = ("description", "enum")


def response_schema(
    model: type[BaseModel], *, leave_out: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """The schema of `model` in Vertex's words: plain JSON, refs put in place, types in capitals.

    Args:
        model: a pydantic model without maps and without recursion.
        leave_out: fields of the outermost object that the model shall not fill.

    Raises:
        ValueError: the model holds a map, a recursion or a union that Vertex cannot express.
    """
    whole = model.model_json_schema()
    made = _converted(whole, whole.get("$defs", {}), ())
    made["properties"] = {k: v for k, v in made["properties"].items() if k not in leave_out}
    made["propertyOrdering"] = list(made["properties"])
    return made


def _converted(
    node: dict[str, Any], defs: dict[str, Any], within: tuple[str, ...]
) -> dict[str, Any]:
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[-1]
        if name in within:
            raise ValueError(f"'{name}' contains itself; a response schema cannot")
        kept = {key: node[key] for key in _KEPT if key in node}
        return _converted(defs[name], defs, (*within, name)) | kept
    if "anyOf" in node:
        return _union(node, defs, within)
    made = {key: node[key] for key in _KEPT if key in node}
    if "const" in node:
        made["enum"] = [node["const"]]
    made["type"] = node["type"].upper()
    if made["type"] == "ARRAY":
        made["items"] = _converted(node["items"], defs, within)
    if made["type"] == "OBJECT":
        made |= _object(node, defs, within)
    return made


def _union(node: dict[str, Any], defs: dict[str, Any], within: tuple[str, ...]) -> dict[str, Any]:
    """`X | None` as a nullable X; other unions are refused."""
    others = [option for option in node["anyOf"] if option.get("type") != "null"]
    if len(others) != 1:
        raise ValueError("a response schema may hold X | None, but no other union")
    made = _converted(others[0], defs, within) | {k: node[k] for k in _KEPT if k in node}
    return made | {"nullable": True} if len(others) < len(node["anyOf"]) else made


def _object(node: dict[str, Any], defs: dict[str, Any], within: tuple[str, ...]) -> dict[str, Any]:
    if "properties" not in node:
        raise ValueError("a map has no response schema; use a list of named pairs")
    properties = {k: _converted(v, defs, within) for k, v in node["properties"].items()}
    made: dict[str, Any] = {"properties": properties, "propertyOrdering": list(properties)}
    if node.get("required"):
        made["required"] = list(node["required"])
    return made
