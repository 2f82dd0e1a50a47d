"""Durations as Batch's JSON writes them (`"3600s"`), and as people write them (`1h30m`)."""

from __future__ import annotations

import re

# The range of google.protobuf.Duration, in seconds (about 10,000 years).
LONGEST_S = 315_576_000_000

_JSON_FORM = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?s\Z")
_PIECE = re.compile(
    r"\s*([0-9]{1,12}(?:\.[0-9]{1,9})?)\s*"
    r"(seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)?\s*",
    re.IGNORECASE,
)
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: object) -> float | None:
    """Seconds of a JSON duration such as `3600s` or `1.5s`; None where it is not one."""
    if not isinstance(text, str) or not _JSON_FORM.match(text):
        return None
    value = float(text[:-1])
    return value if value <= LONGEST_S else None


def meant_seconds(value: object) -> float | None:
    """Seconds of what somebody may have meant: `1h`, `90 min`, `1h30m`, `3600`, 3600.

    A number without a unit is taken as seconds, which is the unit of the field.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if 0 < value <= LONGEST_S else None
    if not isinstance(value, str) or len(value) > 60:
        return None
    total, at = 0.0, 0
    while at < len(value):
        piece = _PIECE.match(value, at)
        if piece is None or piece.end() == at:
            return None
        at = piece.end()
        total += float(piece[1]) * _UNIT_S[(piece[2] or "s")[0].lower()]
    return total if 0 < total <= LONGEST_S else None


def written(value_s: float) -> str:
    """`3600s`; fractions keep at most nine digits, as JSON durations do."""
    return f"{value_s:.9f}".rstrip("0").rstrip(".") + "s"


def spoken(value_s: float) -> str:
    """For messages: `2 h`, `90 min`, `14 d`, `45 s`."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if value_s >= size and value_s % size == 0:
            return f"{value_s / size:g} {unit}"
    return f"{value_s:g} s"
