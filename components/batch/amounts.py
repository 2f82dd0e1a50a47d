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
# 250,000 and 250_000 and 250 000: the marks that part thousands.
_THOUSANDS = re.compile(r"\s*[0-9]{1,3}(?:([,_ '])[0-9]{3})(?:\1[0-9]{3}){0,3}(?![0-9.,])")
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
    parted = _THOUSANDS.match(value)
    if parted is not None:
        value = re.sub(r"[,_ ']", "", parted[0]) + value[parted.end() :]
    found = _AMOUNT.match(value)
    if found is None:
        return _WORDS.get(value.strip().lower())
    if "," in found["number"] and not found["unit"]:
        return None  # two numbers, or a part of one
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


_CPU_NAMES = ("cpu", "cpus", "vcpu", "vcpus", "core", "cores", "cpucount", "vcpucount", "corecount")
_MEMORY_NAME = re.compile(r"(?:max)?(?:mem|memory|ram|bootdisk(?:size)?)(?:in|size)?(g|gb|gib)\Z")


def amount_named(name: str, field: str, value: object) -> int | None:
    """The value in the field's unit, where another name for the field says another unit.

    Args:
        name: what somebody wrote for the field, for example `memoryGb` or `cpus`.
        field: the field's JSON name.
        value: what stands there; a text may say its own unit.

    Returns:
        None where the name says no other unit, or the value is no number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    folded = re.sub(r"[^a-z]", "", name[:80].lower())
    if field == "cpuMilli" and folded in _CPU_NAMES:
        return amount(field, str(value))
    plain = not isinstance(value, str) or re.fullmatch(r"[0-9.]{1,12}", value.strip()) is not None
    if field in ("memoryMib", "bootDiskMib") and plain and _MEMORY_NAME.match(folded):
        return amount(field, f"{value}GiB")
    return None


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
