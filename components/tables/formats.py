"""Numbers, durations and times as a person reads them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime


def count(number: int) -> str:
    """`12,345`."""
    return f"{number:,}"


def plural(number: int, word: str, words: str = "") -> str:
    """`1 task`, `2 tasks`."""
    return f"{number:,} {word if number == 1 else words or word + 's'}"


def dollars(amount: float | None) -> str:
    """`$12.34`; four digits below one dollar, `under $0.0001`; `unknown` for None."""
    if amount is None:
        return "unknown"
    if 0 < amount < 0.0001:
        return "under $0.0001"
    return f"${amount:,.2f}" if amount >= 1 or not amount else f"${amount:.4f}"


def duration(seconds: float | None) -> str:
    """`40 ms`, `2.5 s`, `48 s`, `3 min 20 s`, `2 h 05 min`, `3 d 04 h`; `-` for None."""
    if seconds is None:
        return "-"
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if 0 < seconds < 0.9995:
        return f"{round(seconds * 1000)} ms" if seconds >= 0.0005 else "under 1 ms"
    if seconds < 10:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, second = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {second:02d} s" if second else f"{minutes} min"
    hours, minute = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minute:02d} min"
    days, hour = divmod(hours, 24)
    return f"{days} d {hour:02d} h"


def moment(stamp: float | None) -> str:
    """Seconds since 1970 as ISO 8601 in UTC with milliseconds; "" for None."""
    if stamp is None:
        return ""
    text = datetime.fromtimestamp(round(stamp, 3), UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def moment_words(text: str, zone: str = " UTC") -> str:
    """An ISO 8601 text as `2026-11-21 10:30:05 UTC`; other text as it is."""
    parsed = stamp(text)
    if parsed is None:
        return text
    return f"{datetime.fromtimestamp(int(parsed), UTC):%Y-%m-%d %H:%M:%S}{zone}"


def stamp(text: object) -> float | None:
    """An ISO 8601 text (nanoseconds allowed) as seconds since 1970; None where it is none."""
    try:
        parsed = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=UTC)
    return parsed.timestamp()


def ranges(indexes: Iterable[int], limit: int = 12) -> str:
    """`0-4, 9, 11-12`; after `limit` pieces `… and 31 more`."""
    pieces: list[tuple[int, int]] = []
    for index in sorted(indexes):
        if pieces and index == pieces[-1][1] + 1:
            pieces[-1] = (pieces[-1][0], index)
        else:
            pieces.append((index, index))
    words = [str(a) if a == b else f"{a}-{b}" for a, b in pieces[:limit]]
    more = sum(b - a + 1 for a, b in pieces[limit:])
    return ", ".join(words) + (f" … and {more:,} more" if more else "")
