"""What a cell of a workbook says: escapes in texts, dates that are stored as numbers."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")  # ECMA-376, 22.9.2.19: characters XML cannot hold
_QUOTED = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
_MAX_FORMAT = 255  # characters of a number format that Excel takes; the pattern above is quadratic
_DAY = re.compile(r"[dy]", re.IGNORECASE)
_CLOCK = re.compile(r"[hs]", re.IGNORECASE)
_ELAPSED = re.compile(r"\[(?:h{1,9}|m{1,9}|s{1,9})\]", re.IGNORECASE)  # hours beyond a day
# The days behind 9999-12-31, where dates of both systems end; half a second is rounded up to one.
_LAST = 2_958_466 - 1 / 86_400
_LAST_1904 = _LAST - 1462
# Built-in formats with a day, a time, or both (ECMA-376, 18.8.30).
_BUILT_IN = {
    **dict.fromkeys((14, 15, 16, 17), "date"),
    **dict.fromkeys((18, 19, 20, 21, 45, 47), "time"),
    22: "both",
    46: "elapsed",
}


def cell_text(text: str) -> str:
    """A text with the format's own escapes undone: `_x000D_` is a carriage return."""
    if "_x" not in text:
        return text
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)


@dataclass(frozen=True)
class Styles:
    """Which numbers of cells are times: `date`, `time`, `both`, `elapsed` or nothing, by style."""

    kinds: Sequence[str]
    since_1904: bool = False

    @classmethod
    def of(cls, found: Sequence[Mapping[str, str]], *, since_1904: bool) -> Styles:
        """From the elements of `styles.xml` in order, their names under the key ""."""
        formats: dict[str, str] = {}
        kinds: list[str] = []
        within = False
        for element in found:
            if element[""] == "numFmt":
                formats[element.get("numFmtId", "")] = _kind(element.get("formatCode", ""))
            elif element[""] in ("cellXfs", "cellStyles"):
                within = element[""] == "cellXfs"
            elif within:
                number = element.get("numFmtId", "0")
                built_in = _BUILT_IN.get(int(number), "") if number.isdigit() else ""
                kinds.append(formats.get(number, built_in))
        return cls(kinds, since_1904)

    def number(self, text: str, style: int) -> str:
        """A number as the person means it: `3` for 3.0, `2026-11-21` for a date."""
        try:
            value = float(text)
        except ValueError:
            return text
        kind = self.kinds[style] if 0 <= style < len(self.kinds) else ""
        if (
            kind
            and math.isfinite(value)
            and 0 <= value < (_LAST_1904 if self.since_1904 else _LAST)
        ):
            return _moment(value, kind, since_1904=self.since_1904)
        if math.isfinite(value) and value.is_integer() and abs(value) < 2**53:
            return str(int(value))
        return repr(value) if math.isfinite(value) else text


def _kind(code: str) -> str:
    code = code[:_MAX_FORMAT]
    if _ELAPSED.search(code):
        return "elapsed"
    plain = _QUOTED.sub("", code)
    day, clock = bool(_DAY.search(plain)), bool(_CLOCK.search(plain))
    return "both" if day and clock else "date" if day else "time" if clock else ""


def _moment(value: float, kind: str, *, since_1904: bool) -> str:
    seconds = round(value * 86_400)
    if kind == "elapsed":
        return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    start = datetime.datetime(1904, 1, 1) if since_1904 else datetime.datetime(1899, 12, 30)  # noqa: DTZ001 - a sheet knows no zone
    moment = start + datetime.timedelta(seconds=seconds)
    if kind == "time" and value < 1:
        return f"{moment:%H:%M:%S}"
    if kind == "date" or (moment.hour, moment.minute, moment.second) == (0, 0, 0):
        return f"{moment:%Y-%m-%d}"
    return f"{moment:%Y-%m-%d %H:%M:%S}"
