"""What became of rows that waited for earlier answers: predictions/rows.jsonl.

A line a row that got its request, or could not get one, in a later wave:
`{"row": 7, "key": "k…"}` or `{"row": 8, "key": "", "reason": "failed_reference: …"}`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from components.aggregate_results.predictions.lines import lines_of
from components.storage import files


@dataclass
class Late:
    """By row number: the key of a row that was sent, or why it never was."""

    keys: dict[int, str] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)


class _Line(msgspec.Struct):
    row: int
    key: str | None = ""
    reason: str | None = ""


def read_late(uri: str) -> Late:
    """The file; empty where there is none. Lines that are damaged are passed over."""
    late = Late()
    if not files.exists(uri):
        return late
    decode = msgspec.json.Decoder(_Line).decode
    with files.open_read(uri) as stream:
        for raw in lines_of(stream, uri):
            try:
                line = decode(raw or b"")
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
            if line.key:
                late.keys[line.row] = line.key
                late.reasons.pop(line.row, None)
            elif line.reason:
                late.reasons[line.row] = line.reason
    return late
