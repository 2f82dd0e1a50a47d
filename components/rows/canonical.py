"""One form for requests that mean the same, and the key that is made from it.

The service echoes a request with its keys sorted and with nulls for every field that other rows of
the file have (seen in real output of 2024-11); the echo keeps snake_case, and `parts` as an object,
where they were sent so. All of that goes away here. Text and other data of the user stay.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import orjson

MAX_DEPTH = 100  # protobuf's own limit on nested messages
_LONGEST_NAME = 100  # no field of the service comes near
_EXACT = 2**53  # JSON numbers travel as doubles

_SNAKE = re.compile("_+([a-z0-9])")
_SURROGATE = re.compile("[\ud800-\udfff]")

# Fields whose value is the user's data: its keys are not field names of the service.
_DATA_FIELDS = frozenset(
    {
        "args",
        "labels",
        "partMetadata",
        "responseJsonSchema",
        "parametersJsonSchema",
        "default",
        "example",
    }
)
_NAMED_SCHEMAS = frozenset({"properties", "defs", "$defs"})  # maps of the user's names to schemas

_Data = Callable[[Any, int], Any]


class TooDeep(ValueError):  # noqa: N818 - reads as what it is
    """The value nests deeper than `MAX_DEPTH`."""


def camel(name: str) -> str:
    """`file_data` as `fileData`; other names as they are."""
    return _camel(name) if "_" in name and len(name) <= _LONGEST_NAME else name


@lru_cache(maxsize=4096)
def _camel(name: str) -> str:
    return _SNAKE.sub(lambda match: match[1].upper(), name)


def canonical(request: Mapping[str, Any]) -> bytes:
    """The request as sorted, compact UTF-8 JSON; the same for a request and for its echo.

    Nulls are dropped, and objects and lists that hold nothing else; field names become camelCase;
    `parts` and `contents` become lists; a missing role of a turn is "user"; the role of the system
    instruction, which the service ignores, is dropped; 1.0 is 1; half a surrogate pair is U+FFFD.

    Raises:
        TooDeep: it nests deeper than `MAX_DEPTH`.
    """
    return _dump(_request(request, _plain), orjson.OPT_SORT_KEYS)


def normalised(request: Mapping[str, Any]) -> dict[str, Any]:
    """The request as it should be sent: as in `canonical`, but in its own order.

    Order matters to the model in JSON schemas, and so do nulls in the user's own data, which stays
    untouched.

    Raises:
        TooDeep: it nests deeper than `MAX_DEPTH`.
    """
    return _request(request, _as_is)


def encoded(request: Mapping[str, Any]) -> bytes:
    """The request as one line of JSON, in its own order; half a surrogate pair is U+FFFD."""
    return _dump(request, 0)


def json_text(text: str) -> bytes:
    """A text as JSON; half a surrogate pair becomes U+FFFD."""
    return _dump(text, 0)


def key_of(request: Mapping[str, Any], model: str) -> str:
    """The key of a request to a model: "k" and 24 hex digits.

    Raises:
        TooDeep: it nests deeper than `MAX_DEPTH`.
    """
    return key_of_canonical(canonical(request), model)


def key_of_canonical(request: bytes, model: str) -> str:
    """The key of a request whose canonical form is known."""
    return "k" + hashlib.sha256(model.encode() + b"\n" + request).hexdigest()[:24]


def _dump(value: Any, option: int) -> bytes:
    try:
        return orjson.dumps(value, option=option)
    except TypeError:  # half a surrogate pair, or an integer beyond 64 bits
        return orjson.dumps(_encodable(value), option=option)


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_encodable(item) for item in value]
    return _number(value) if isinstance(value, int) else value


def _request(request: Mapping[str, Any], data: _Data) -> dict[str, Any]:
    out = _fields(request, "", 1, data) or {}
    turns = out.get("contents")
    if isinstance(turns, dict):
        out["contents"] = turns = [turns]
    for turn in turns if isinstance(turns, list) else ():
        if isinstance(turn, dict):
            turn.setdefault("role", "user")
    system = out.get("systemInstruction")
    if isinstance(system, dict):
        system.pop("role", None)
    return out


def _fields(
    message: Mapping[str, Any], parent: str, depth: int, data: _Data
) -> dict[str, Any] | None:
    """A message with field names of the service; None where it held nothing but nulls."""
    if depth > MAX_DEPTH:
        raise TooDeep(f"nested deeper than {MAX_DEPTH}")
    out: dict[str, Any] = {}
    for key, value in message.items():
        if value is None:
            continue
        name = camel(key)
        if name in out and key != name:
            continue  # written twice: the spelling of the service counts
        kept = value if isinstance(value, str) else _field(value, name, parent, depth, data)
        if kept is not None:
            out[name] = kept
    return out if out or not message else None


def _field(value: Any, name: str, parent: str, depth: int, data: _Data) -> Any:
    if name in _DATA_FIELDS or (name == "response" and parent == "functionResponse"):
        return data(value, depth + 1)
    if isinstance(value, dict):
        if name in _NAMED_SCHEMAS:
            return _schemas(value, depth + 1, data)
        message = _fields(value, name, depth + 1, data)
        return [message or {}] if name == "parts" else message
    if isinstance(value, list):
        return [_item(item, name, depth + 1, data) for item in value] or None
    return _number(value)


def _item(value: Any, name: str, depth: int, data: _Data) -> Any:
    if isinstance(value, dict):
        return _fields(value, name, depth, data) or {}
    if isinstance(value, list):
        if depth > MAX_DEPTH:
            raise TooDeep(f"nested deeper than {MAX_DEPTH}")
        return [_item(item, name, depth + 1, data) for item in value]
    return value if isinstance(value, str) else _number(value)


def _schemas(named: Mapping[str, Any], depth: int, data: _Data) -> dict[str, Any] | None:
    out = {
        name: _fields(schema, "", depth + 1, data) if isinstance(schema, dict) else _number(schema)
        for name, schema in named.items()
        if schema is not None
    }
    out = {name: schema for name, schema in out.items() if schema is not None}
    return out if out or not named else None


def _plain(value: Any, depth: int) -> Any:
    """The user's data for comparison: without nulls, which an echo adds; numbers in one form."""
    if depth > MAX_DEPTH:
        raise TooDeep(f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, dict):
        items = ((key, _plain(item, depth + 1)) for key, item in value.items() if item is not None)
        out = {key: item for key, item in items if item is not None}
        return out if out or not value else None
    if isinstance(value, list):
        return [_plain(item, depth + 1) for item in value]
    return value if isinstance(value, str) else _number(value)


def _as_is(value: Any, depth: int) -> Any:
    _plain(value, depth)  # for the check of its depth
    return value


def _number(value: Any) -> Any:
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < _EXACT else value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _EXACT:
        try:
            return float(value)
        except OverflowError:
            return str(value)
    return value
