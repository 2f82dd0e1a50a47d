"""JSON Lines: the exact values, one object a line. The other formats refer to it."""

from __future__ import annotations

import json
import math
from contextlib import ExitStack
from typing import Any, BinaryIO, cast

from components.storage import files
from components.tables.columns import Row
from components.tables.writers import JSONL_TYPE

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=str).encode
_encode_ascii = json.JSONEncoder(ensure_ascii=True, allow_nan=False, default=str).encode


def line_of(row: Row) -> bytes:
    """The row as one line of UTF-8 JSON with its line feed.

    Half a surrogate pair, which UTF-8 cannot hold, is escaped; NaN and infinities, which JSON
    cannot hold, become null.
    """
    try:
        return (_encode(row) + "\n").encode()
    except UnicodeEncodeError:
        return (_encode_ascii(row) + "\n").encode()
    except ValueError:
        return line_of(cast(Row, _finite(row)))


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


class JsonlWriter:
    """Writes rows to a path or `gs://` URI as JSON Lines."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._stack = ExitStack()
        self._out: BinaryIO

    def __enter__(self) -> JsonlWriter:
        self._out = self._stack.enter_context(files.open_write(self._uri, JSONL_TYPE))
        return self

    def __exit__(self, *args: Any) -> bool | None:
        return self._stack.__exit__(*args)

    def write(self, row: Row) -> None:
        """Append one row."""
        self._out.write(line_of(row))
