"""JSON Lines as a stream of objects: our rows, or ready requests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

import orjson

from components.errors import InputError
from components.prepare_requests.tables import Row, Table
from components.prepare_requests.text import MAX_LINE, bounded_lines, bounded_raw_lines

MAX_DOCUMENT = 50_000_000  # bytes
# Values at once in memory, where an empty one takes 70 bytes: commas and opening brackets count.
_MAX_VALUES = 2_000_000
_OF_A_ROW = {"request", "contents", "prompt"}


def read_jsonl(stream: BinaryIO, encoding: str, where: str) -> Table:
    """The objects in the stream; a line that is none is a row with its reason."""
    lines: Iterator[bytes | str | None]
    if encoding in ("utf-8", "utf-8-sig"):
        lines = bounded_raw_lines(stream)
    else:
        lines = bounded_lines(stream, encoding, where)
    return Table(None, _rows(lines))


def is_document(start: bytes, encoding: str) -> bool:
    """Whether a file that begins so is one JSON document and not an object a line."""
    lines = start.decode(encoding, "ignore").lstrip("\ufeff \r\n\t").splitlines()
    first = lines[0].strip() if lines else ""
    return first.startswith(("[", '{"executions"')) or first == "{"


def read_document(stream: BinaryIO, encoding: str, where: str) -> Table:
    """The objects of a JSON list, or of a list within an object (`{"executions": [...]}`).

    An object that is a row itself, over many lines, is the only one.

    Raises:
        InputError: it is too large to be held at once, or no such document.
    """
    data = stream.read(MAX_DOCUMENT + 1)
    if len(data) > MAX_DOCUMENT:
        raise InputError(
            f"It is one JSON document of more than {MAX_DOCUMENT:,} bytes",
            where=where,
            fix="Write each row as one line: jq -c '.[]' FILE.",
        )
    try:
        if encoding.startswith("utf-8"):
            data = data.removeprefix(b"\xef\xbb\xbf")
        else:
            data = data.decode(encoding).lstrip("\ufeff").encode()
        if _is_crowded(data):
            raise InputError(
                f"It is one JSON document of more than {_MAX_VALUES:,} values",
                where=where,
                fix="Write each row as one line: jq -c '.[]' FILE.",
            )
        value = orjson.loads(data)
    except ValueError as error:
        raise InputError(
            f"The JSON cannot be read: {str(error)[:200]}",
            where=where,
            fix="Write a list of objects, or an object a line.",
        ) from error
    if isinstance(value, dict):
        lists = (item for item in value.values() if isinstance(item, list))
        value = [value] if _OF_A_ROW & value.keys() else next(lists, None)
    if not isinstance(value, list):
        raise InputError("The JSON holds no list of rows", where=where)
    return Table(None, _listed(value))


def _listed(values: list[Any]) -> Iterator[Row]:
    for value in values:
        fits = isinstance(value, dict)
        yield Row(0, (), value if fits else None, "" if fits else "bad_json: it is no object")


def _rows(lines: Iterator[bytes | str | None]) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        if line is None:
            reason = f"line_too_long: the line is longer than {MAX_LINE:,} bytes"
            yield Row(number, (), None, reason)
            continue
        if isinstance(line, bytes) and number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")  # noqa: PLW2901 - the file's own mark
        if not line.strip():
            continue
        value, reason = _decoded(line)
        yield Row(number, (), value, reason)


def _is_crowded(data: bytes | str) -> bool:
    if len(data) <= _MAX_VALUES:
        return False
    if isinstance(data, str):
        return sum(map(data.count, ",[{")) > _MAX_VALUES
    return sum(map(data.count, (b",", b"[", b"{"))) > _MAX_VALUES


def _decoded(line: bytes | str) -> tuple[Any, str]:
    if _is_crowded(line):
        return None, f"too_many_values: the line holds more than {_MAX_VALUES:,} values"
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        value = _slowly(line)
        if value is None:
            return None, _words(error, line)
    if not isinstance(value, dict):
        return None, "bad_json: the line holds no JSON object"
    return value, ""


def _slowly(line: bytes | str) -> Any:
    """What orjson refuses and is JSON all the same: half a surrogate pair."""
    if len(line) > 1_000_000:
        return None
    try:
        text = line.decode() if isinstance(line, bytes) else line
        return json.loads(text, parse_constant=_no_constant) if "\\ud" in text.lower() else None
    except (ValueError, RecursionError):
        return None


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _words(error: orjson.JSONDecodeError, line: bytes | str) -> str:
    text = str(error).split(": line ", 1)[0]
    if "unexpected end" in text:
        return "bad_json: the line ends in the middle of an object (is the file cut short?)"
    if "depth limit" in text:
        return "too_deep: the object nests too deep"
    if isinstance(line, bytes) and "UTF-8" in text:
        return "not_utf8: the line is not UTF-8 text"
    return f"bad_json: {text}, at character {error.pos + 1}"
