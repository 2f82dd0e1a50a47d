"""A JSON value that fits a schema, made up: it means nothing, and is the same for the same prompt.

Texts in it say that they are a stand-in's. What is not followed (patterns, `not`, conditions) is
refused, as a value that does not fit would be worse than none.
"""

from __future__ import annotations

import hashlib
import json
import math
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from emulator.http import ApiError, not_emulated

_MOST_VALUES = 10_000
_MOST_CHARACTERS = 100_000
_FULL_DEPTH = 5  # below it, only what must be there: schemas may contain themselves
_MAX_DEPTH = 40
_NOT_FOLLOWED = {
    "pattern",
    "not",
    "if",
    "patternProperties",
    "propertyNames",
    "contains",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedItems",
    "unevaluatedProperties",
    "$dynamicRef",
}
_NOTES = {"title", "description", "default", "example", "examples", "$defs", "$schema", "$id"}
_FORMATS = {
    "date-time": "2000-01-01T00:00:00Z",
    "date": "2000-01-01",
    "time": "00:00:00Z",
    "duration": "P1D",
    "email": "stand-in@example.com",
    "uri": "https://example.com/stand-in",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
}
Path = tuple[str | int, ...]


def made_up(schema: Any, seed: str) -> Any:
    """A value that fits a JSON Schema.

    Args:
        schema: JSON Schema, or true for anything.
        seed: decides the values where the schema leaves a choice.

    Raises:
        ApiError: 400, the schema asks for what is not followed here, or nothing fits it.
    """
    return _Maker(schema, seed).value(schema, ())


class _Maker:
    """One making: the whole schema, for references into it, and how much may still be made."""

    def __init__(self, whole: Any, seed: str) -> None:
        self._whole = whole
        self._seed = seed
        self._left = _MOST_VALUES

    def value(self, schema: Any, path: Path, referred: int = 0) -> Any:
        """A value for the schema at this place of the answer."""
        self._left -= 1
        if self._left < 0 or len(path) + referred > _MAX_DEPTH:
            raise _refused("that has no end, or very many values")
        if not isinstance(schema, Mapping):
            if schema is not True:
                raise _refused("that nothing fits")
            schema = {}
        if not_followed := sorted(schema.keys() & _NOT_FOLLOWED):
            raise _refused(f"with '{not_followed[0]}'")
        if "$ref" in schema:
            target = self._referred(schema["$ref"])
            return self.value(_both(_without(schema, "$ref"), target), path, referred + 1)
        for name in ("allOf", "anyOf", "oneOf"):
            if name in schema:
                return self._one_of(name, schema, path, referred)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._choice(_list(schema["enum"]), path)
        return self._typed(_type(schema, len(path) > _FULL_DEPTH), schema, path)

    def _typed(self, kind: str, schema: Mapping[str, Any], path: Path) -> Any:
        match kind:
            case "object":
                return self._object(schema, path)
            case "array":
                return self._array(schema, path)
            case "integer" | "number":
                return _number(schema, kind == "integer", self._chance(path))
            case "boolean":
                return self._chance(path) % 2 == 0
            case "null":
                return None
            case "string":
                return self._text(schema, path)
        raise _refused(f"with the type '{kind[:50]}'")

    def _one_of(self, name: str, schema: Mapping[str, Any], path: Path, referred: int) -> Any:
        options = _list(schema[name])
        if name == "allOf" and len(options) > 1:
            raise _refused("with 'allOf' of several")
        late = len(path) > _FULL_DEPTH
        options = sorted(options, key=lambda each: _is_null(each) != late)
        told: ApiError = _refused("that nothing fits")
        for option in options:
            try:
                return self.value(_both(_without(schema, name), option), path, referred + 1)
            except ApiError as error:
                told = error
        raise told

    def _object(self, schema: Mapping[str, Any], path: Path) -> dict[str, Any]:
        known = schema.get("properties", {})
        if not isinstance(known, Mapping):
            raise _refused("whose properties are no object")
        needed = [str(name) for name in _list(schema.get("required", []))]
        others = schema.get("additionalProperties", True)
        least, most = _whole(schema, "minProperties", 0), _whole(schema, "maxProperties", 10**9)
        if others is not False:  # else a required name that is not known cannot be had
            known = {**known, **{name: others for name in needed if name not in known}}
        if set(needed) - set(known):
            raise _refused("that nothing fits")
        found: dict[str, Any] = {}
        sparing = len(path) > _FULL_DEPTH or most < len(known)
        for name, inner in known.items():
            if name in needed or not sparing:
                try:
                    found[name] = self.value(inner, (*path, name))
                except ApiError:
                    if name in needed:
                        raise
        for number in range(len(found), least):
            found[f"stand_in_{number}"] = self.value(others, (*path, number))
        if not least <= len(found) <= most:
            raise _refused("that nothing fits")
        return {name: found[name] for name in (*known, *found) if name in found}

    def _array(self, schema: Mapping[str, Any], path: Path) -> list[Any]:
        first = _list(schema.get("prefixItems", []))
        rest = schema.get("items", True)
        least, most = _whole(schema, "minItems", 0), _whole(schema, "maxItems", 10**9)
        wanted = 0 if len(path) > _FULL_DEPTH else max(len(first), 1 + self._chance(path) % 3)
        if rest is False:
            wanted = min(wanted, len(first))
        found: list[Any] = []
        texts: set[str] = set()
        for index in range(min(max(least, wanted), most)):
            inner = first[index] if index < len(first) else rest
            try:
                each = self.value(inner, (*path, index))
            except ApiError:
                if len(found) < least:
                    raise
                break
            text = json.dumps(each, sort_keys=True)
            if schema.get("uniqueItems") is not True or text not in texts:
                found.append(each)
                texts.add(text)
        if len(found) < least:
            raise _refused("with 'uniqueItems' that are hard to find")
        return found

    def _text(self, schema: Mapping[str, Any], path: Path) -> str:
        least, most = _whole(schema, "minLength", 0), _whole(schema, "maxLength", _MOST_CHARACTERS)
        kind = schema.get("format")
        text = str(uuid.UUID(int=self._chance(path))) if kind == "uuid" else _FORMATS.get(str(kind))
        if text is not None:
            if not least <= len(text) <= most:
                raise _refused(f"with the format '{kind}' and a length that it has not")
            return text
        names = [part for part in path if isinstance(part, str)]
        text = " ".join(["stand-in", *names[-1:], f"{self._chance(path) % 16**4:04x}"])
        if not least <= most or least > _MOST_CHARACTERS:
            raise _refused(f"with a text of {least} characters and more")
        return text[:most].ljust(least, ".")

    def _choice(self, options: Sequence[Any], path: Path) -> Any:
        kept = [each for each in options if each is not None] or list(options)
        if not kept:
            raise _refused("that nothing fits")
        return kept[self._chance(path) % len(kept)]

    def _chance(self, path: Path) -> int:
        """128 bits that prompt and place decide."""
        text = json.dumps([self._seed, *path])
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16])

    def _referred(self, reference: Any) -> Any:
        found = self._whole
        for part in str(reference).split("/"):
            if part not in ("#", ""):
                if not isinstance(found, Mapping) or part not in found:
                    raise _refused(f"with the reference '{str(reference)[:100]}'")
                found = found[part]
        return found


def _number(schema: Mapping[str, Any], whole: bool, chance: int) -> int | float:
    """Low in the range that the schema allows, one of up to ten."""
    low, high = _bounds(schema, "inimum"), _bounds(schema, "aximum")
    step = _figure(schema, "multipleOf", 1)
    if step < 1 or step != int(step):
        raise _refused("with 'multipleOf' of a fraction")
    step = int(step)
    if low is None:
        low = (0, True) if high is None or high[0] > 0 else (high[0] - 10 * step, True)
    if high is None:
        high = (low[0] + 10 * step, True)
    first = math.ceil(low[0] / step)
    last = math.floor(high[0] / step)
    first += not low[1] and first * step == low[0]
    last -= not high[1] and last * step == high[0]
    if first <= last:
        return int(step * (first + chance % min(10, last - first + 1)))
    between = (low[0] + high[0]) / 2
    fits = low[0] < between < high[0] or (low[0] == high[0] and low[1] and high[1])
    if whole or "multipleOf" in schema or not fits:
        raise _refused("that no number fits")
    return between


def _bounds(schema: Mapping[str, Any], name: str) -> tuple[float, bool] | None:
    """The bound, and whether it belongs to the range; None without one."""
    keys = [(f"m{name}", True), (f"exclusiveM{name}", False)]
    found = [(_figure(schema, key), belongs) for key, belongs in keys if key in schema]
    if not found:
        return None
    if name == "aximum":
        return min(found)
    return max(found, key=lambda bound: (bound[0], not bound[1]))


def _figure(schema: Mapping[str, Any], key: str, usual: int = 0) -> int | float:
    value = schema.get(key, usual)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e15:
        raise _refused(f"with a '{key}' that is no number, or a very large one")
    return value


def _type(schema: Mapping[str, Any], late: bool) -> str:
    kinds = schema.get("type")
    if isinstance(kinds, list):
        kinds = sorted(map(str, kinds), key=lambda kind: (kind == "null") != late)[:1]
        return kinds[0] if kinds else "string"
    if kinds is not None:
        return str(kinds)
    if schema.keys() & {"properties", "required", "additionalProperties", "minProperties"}:
        return "object"
    if schema.keys() & {"items", "prefixItems", "minItems"}:
        return "array"
    if schema.keys() & {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}:
        return "number"
    return "string"


def _both(outer: Mapping[str, Any], inner: Any) -> Any:
    """A schema for both, where they do not speak of the same."""
    outer = {name: value for name, value in outer.items() if name not in _NOTES}
    if inner is True or not outer:
        return outer if inner is True else inner
    if not isinstance(inner, Mapping):
        return inner
    if any(inner[name] != outer[name] for name in outer.keys() & inner.keys()):
        raise _refused("whose parts say different things of one value")
    return {**outer, **inner}


def _without(schema: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != name}


def _is_null(schema: Any) -> bool:
    return isinstance(schema, Mapping) and schema.get("type") == "null"


def _whole(schema: Mapping[str, Any], name: str, usual: int) -> int:
    value = schema.get(name, usual)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _refused(f"with a '{name}' that is no whole number")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _refused("with no list where one must be")
    return value


def _refused(what: str) -> ApiError:
    return not_emulated(
        f"answers to a response schema {what}; script them with POST /_emulator/model, "
        "or start it with --upstream"
    )
