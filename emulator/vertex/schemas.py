"""The response schema of a request as JSON Schema, which local servers and the stand-in follow.

The service's own schema (`responseSchema`) is a part of OpenAPI 3.0: types in capitals, `nullable`
beside the type, an order of the properties, numbers of int64 as texts (documentation of `Schema`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.http import ApiError

_WHOLE = {"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"}
_RENAMED = {"ref": "$ref", "defs": "$defs"}
_LEFT_OUT = {"propertyOrdering", "nullable", "example", "type", "properties"}
# Those of OpenAPI (int32, double, enum) are no formats of JSON Schema; servers may refuse them.
_FORMATS = {"date-time", "date", "time", "duration", "email", "uuid", "uri", "ipv4", "ipv6"}
_MAX_DEPTH = 32


def schema_of(body: Mapping[str, Any]) -> Any:
    """The JSON Schema that the answer to a checked body must fit; None without one.

    Raises:
        ApiError: 400, it is nested too deeply, or a bound is no number.
    """
    config = body.get("generationConfig", {})
    if "responseJsonSchema" in config:
        return config["responseJsonSchema"]
    return _converted(config["responseSchema"], 0) if "responseSchema" in config else None


def _converted(schema: Any, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise _bad("it is nested too deeply")
    if not isinstance(schema, Mapping):
        return schema
    found: dict[str, Any] = {}
    if "type" in schema:
        found["type"] = str(schema["type"]).lower()
    if "properties" in schema:
        found["properties"] = {
            name: _converted(schema["properties"][name], depth + 1) for name in _ordered(schema)
        }
    for name, value in schema.items():
        if name not in _LEFT_OUT and not (name == "format" and str(value) not in _FORMATS):
            found[_RENAMED.get(name, str(name))] = _field(name, value, depth)
    return _nullable(found) if schema.get("nullable") is True else found


def _field(name: str, value: Any, depth: int) -> Any:
    if name in ("items", "additionalProperties"):
        return _converted(value, depth + 1)
    if name == "anyOf":
        return [_converted(inner, depth + 1) for inner in value]
    if name == "defs" and isinstance(value, Mapping):
        return {key: _converted(inner, depth + 1) for key, inner in value.items()}
    if name == "ref":
        return str(value).replace("#/defs/", "#/$defs/")
    if name in _WHOLE:
        try:
            return int(value)
        except (TypeError, ValueError) as error:
            raise _bad(f"{name} is no whole number") from error
    return value


def _ordered(schema: Mapping[str, Any]) -> list[str]:
    """The names of the properties, those of propertyOrdering first: models write in this order."""
    names = list(schema["properties"])
    wished = schema.get("propertyOrdering")
    first = list(map(str, wished)) if isinstance(wished, list) else []
    return list(dict.fromkeys([*(name for name in first if name in names), *names]))


def _nullable(found: dict[str, Any]) -> dict[str, Any]:
    if "anyOf" in found:
        found["anyOf"] = [*found["anyOf"], {"type": "null"}]
    elif "type" in found:
        found["type"] = [found["type"], "null"]
        if isinstance(found.get("enum"), list):
            found["enum"] = [*found["enum"], None]
    return found


def _bad(why: str) -> ApiError:
    return ApiError(400, "INVALID_ARGUMENT", f"The response schema cannot be read: {why}.")
