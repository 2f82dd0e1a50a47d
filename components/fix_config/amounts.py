"""Amounts as people write them (`4GB`, `2 vCPU`, `6 hours`) in the units of the fields of Batch."""

from __future__ import annotations

import math
import re

_AMOUNT = re.compile(
    r"\s*(?P<number>[0-9]{1,12}(?:[.,][0-9]{1,6})?)\s*(?P<unit>[A-Za-z]{0,12})", re.IGNORECASE
)
_MEMORY = re.compile(
    r"(?P<number>[0-9]{1,7}(?:\.[0-9]{1,3})?)\s?(?P<unit>[GMT]i?B?)(?:yte)?s?\b", re.IGNORECASE
)
_TIME = re.compile(
    r"(?P<number>[0-9]{1,7}(?:\.[0-9]{1,3})?|\b(?:an?|one|two|three|four|five|six|eight|ten|twelve))"
    r"[ -]?(?P<unit>s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)\b",
    re.IGNORECASE,
)
_WORDS = dict(
    zip(
        ("a", "an", "one", "two", "three", "four", "five", "six", "eight", "ten", "twelve"),
        (1, 1, 1, 2, 3, 4, 5, 6, 8, 10, 12),
        strict=True,
    )
)
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_MIB = {"m": 1.0, "g": 1024.0, "t": 1024.0 * 1024, "k": 1 / 1024}


def amount(field: str, value: object) -> int | None:
    """A value in the unit of the field, as a whole number; None where it is none.

    Args:
        field: its JSON name, for example `memoryMib`.
        value: what somebody wrote.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return _plain(field, value, "")
    if not isinstance(value, str) or len(value) > 60:
        return value if isinstance(value, int) else None
    found = _AMOUNT.match(value)
    if found is None:
        return _WORDS.get(value.strip().lower())
    rest = value[found.end() :].strip()
    if rest and not re.fullmatch(r"[A-Za-z .]{1,30}|,|;", rest):
        return None
    return _plain(field, float(found["number"].replace(",", ".")), found["unit"].lower())


def _plain(field: str, number: float, unit: str) -> int | None:
    if not math.isfinite(number) or abs(number) > 1e15:
        return None
    if field in ("memoryMib", "bootDiskMib") and unit[:1] in _MIB:
        number *= _MIB[unit[:1]]
    elif field == "sizeGb" and unit[:1] in _MIB:
        number *= _MIB[unit[:1]] / 1024
    elif field == "cpuMilli":
        if unit in ("vcpu", "vcpus", "cpu", "cpus", "core", "cores") or (
            not unit and (number != int(number) or number < 100)
        ):
            number *= 1000
    elif unit in ("k",):
        number *= 1000
    return math.ceil(number - 1e-9)


def memory_said(text: str) -> int | None:
    """The largest amount of memory in a text, in MiB; None where there is none."""
    found = [
        float(hit["number"]) * _MIB[hit["unit"][0].lower()] for hit in _MEMORY.finditer(text[:4000])
    ]
    return math.ceil(max(found)) if found else None


def time_said(text: str) -> int | None:
    """The longest time in a text, in seconds; None where there is none."""
    found = []
    for hit in _TIME.finditer(text[:4000]):
        number = _WORDS.get(hit["number"].lower())
        found.append((number or float(hit["number"])) * _UNIT_S[hit["unit"][0].lower()])
    return math.ceil(max(found)) if found else None
