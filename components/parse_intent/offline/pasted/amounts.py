"""Sizes, times and names of GPUs as tools write them; None where the text is no such amount."""

from __future__ import annotations

import re

from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.vocabulary import GPU_NAMES, REGIONS

SIZE = Pattern(r"(\d{1,9}(?:\.\d{1,6})?)\s*([a-zA-Z]{0,5})")
# In MiB. Tools differ in whether G is 1000 or 1024 of M; people mean the same machine by both.
UNITS = {"": 1 / 1048576, "b": 1 / 1048576, "k": 1 / 1024, "m": 1.0, "g": 1024.0, "t": 1048576.0}


def mib(text: str, bare: str = "") -> int | None:
    """A size in MiB; `bare` is the unit of a number without one (b, k, m or g)."""
    match = SIZE.fullmatch(text.strip().strip("\"'"))
    if match is None:
        return None
    unit = match[2].lower().removesuffix("ib").removesuffix("yte").removesuffix("b")
    if unit == "byte" or match[2].lower() in ("b", "bytes"):
        unit = "b"
    elif not unit:
        unit = bare
    if unit not in UNITS:
        return None
    return max(1, round(float(match[1]) * UNITS[unit]))


def decimal_mib(text: str) -> int | None:
    """Kubernetes' quantities: Mi and Gi are powers of 2, M and G of 10 (in MiB, rounded up)."""
    match = re.fullmatch(r"(\d{1,12}(?:\.\d{1,6})?)(m|k|[KMGT]i?)?", text.strip())
    if match is None:
        return None
    powers = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
    unit = (match[2] or "").replace("k", "K")
    number = float(match[1])
    if unit == "m":  # thousandths of a byte
        return 1
    size = number * (1024 if unit.endswith("i") else 1000) ** powers[unit.removesuffix("i")]
    return max(1, -int(-size // 1048576))


def gib(text: str, bare: str = "g") -> int | None:
    """A size in GiB, rounded up."""
    size = mib(text, bare)
    return None if size is None else max(1, -(-size // 1024))


def cpu_milli(text: str) -> int | None:
    """CPUs in thousandths, from 2, 0.5 or Kubernetes' 500m."""
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)(m?)", text.strip())
    if match is None or float(match[1]) == 0:
        return None
    return max(1, round(float(match[1]) * (1 if match[2] else 1000)))


PERIOD = Pattern(
    r"(\d{1,9}(?:\.\d{1,6})?)\s*(ms|millis\w*|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d"
    r"|days?|w|weeks?)?\b[\s,]{0,4}",
    re.IGNORECASE,
)
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def period(text: str, bare: int = 1) -> int | None:
    """Seconds of 8h, "2h 30m", 90 (of `bare` seconds each)."""
    total, pos = 0.0, 0
    text = text.strip().strip("\"'")
    while pos < len(text):
        match = PERIOD.match(text, pos)
        if match is None:
            return None
        unit = (match[2] or "").lower()
        milli = unit.startswith(("ms", "milli"))
        total += float(match[1]) * (0.001 if milli else SECONDS[unit[0]] if unit else bare)
        pos = match.end()
    return max(1, round(total)) if pos else None


def clock(text: str, bare: int) -> int | None:
    """Seconds of [DD:]HH:MM:SS or MM:SS, or of one number of `bare` seconds."""
    parts = text.strip().strip("\"'").split(":")
    if not 1 <= len(parts) <= 4 or not all(p.isdecimal() and len(p) < 9 for p in parts):
        return None
    if len(parts) == 1:
        return int(parts[0]) * bare or None
    total = 0
    for part, unit in zip(reversed(parts), (1, 60, 3600, 86400), strict=False):
        total += int(part) * unit
    return total or None


ISO = Pattern(
    r"P(?:(?P<d>\d{1,6})D)?(?:T(?:(?P<h>\d{1,6})H)?(?:(?P<m>\d{1,6})M)?(?:(?P<s>\d{1,9})"
    r"(?:\.\d+)?S)?)?"
)


def iso_seconds(text: str) -> int | None:
    """Seconds of an ISO 8601 duration, e.g. PT2H30M."""
    match = ISO.fullmatch(text.strip())
    if match is None:
        return None
    total = sum(int(match[unit] or 0) * size for unit, size in SECONDS.items() if unit != "w")
    return total or None


def slurm_seconds(text: str) -> int:
    """SLURM's time forms: minutes, MM:SS, HH:MM:SS, D-HH, D-HH:MM, D-HH:MM:SS; 0 for none."""
    days, dash, rest = text.strip().strip("\"'").rpartition("-")
    if dash and not (days.isdecimal() and len(days) < 6):
        return 0
    if not dash:
        return clock(rest, 60) or 0
    parts = rest.split(":")
    if len(parts) > 3 or not all(p.isdecimal() and len(p) < 9 for p in parts):
        return 0
    hours, minutes, seconds = [*(int(p) for p in parts), 0, 0][:3]
    return int(days) * 86400 + hours * 3600 + minutes * 60 + seconds


def gpu_name(words: str) -> str:
    """Batch's name for a GPU, or the words as they are."""
    for pattern, kind in GPU_NAMES:
        if re.fullmatch(pattern, words.replace("_", "-"), re.IGNORECASE):
            return kind
    return words


def known_gpu(words: str) -> bool:
    """Whether the words name a GPU that Batch has."""
    name = gpu_name(words)
    return any(name == kind for _, kind in GPU_NAMES)


ZONE = Pattern(r"([a-z]+-[a-z]+\d{1,2})-[a-f]")


def place(name: str) -> str | None:
    """A region or zone as an allowed location, from its bare name or its URL."""
    bare = name.strip().rstrip("/").rsplit("/", 1)[-1]
    if bare in REGIONS:
        return f"regions/{bare}"
    match = ZONE.fullmatch(bare)
    return f"zones/{bare}" if match is not None and match[1] in REGIONS else None
