"""Amounts in normal text: durations in seconds, sizes in MiB."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from components.parse_intent.offline.pattern import Pattern


@dataclass(frozen=True)
class Amount:
    """A duration (`value` in seconds) or a size (`value` in MiB) and its span in the text.

    unit is that of a size as it was written; KEYED for a time whose name holds the unit.
    """

    start: int
    end: int
    value: float
    unit: str = ""


SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "o": 30 * 86400}
UNIT = (
    r"(?:s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:(?:ou)?rs?)?|d(?:ays?)?|w(?:(?:ee)?ks?)?"
    r"|months?|fortnights?)"
)
AND_A_PART = r"(?: and (?:a half|half|a quarter|3 quarters))"
PART = rf"(?:\d{{1,7}}(?:\.\d{{1,3}})?(?: and a half| 1/2|½)?[ -]?{UNIT}\b{AND_A_PART}?)"
DURATION = Pattern(
    # "9-10 hours" is its longer end
    rf"(?:(?<![\w.:/-])|(?<=[\s(~]\d-)|(?<=[\s(~]\d\d-))(?:(?P<words>(?P<frac>half|quarter of"
    rf"|quarter|3 quarters of) ?(?:an?|-)? ?"
    rf"(?P<u1>hour|day|minute|week)|an?(?: (?:whole|full|entire|single))? "
    rf"(?P<u2>minute|hour|day|week|month|fortnight)(?P<half>{AND_A_PART}|(?: and|,)? {PART})?)"
    rf"|(?P<per>per (?:minute|hour|day|week|month|fortnight))"
    rf"|(?P<clock>\d{{1,2}}-)?(?P<hms>\d{{1,3}}:\d\d:\d\d)"
    rf"|(?P<parts>\d{{1,3}}[ ]?h(?:\d{{1,2}}m?\b|(?:(?:ou)?rs?)?(?: and)?[ ]\d{{1,2}}"
    rf"(?=[ ]*(?:[,.;)\n]|$|at most|maximum|tops|per\b|each\b|a task|limit)))"
    rf"|{PART}(?: ?(?:and )?{PART}){{0,3}}))(?![\w/])",
    re.IGNORECASE,
)
ONE_PART = Pattern(
    rf"(\d+(?:\.\d+)?)( and a half| 1/2|½)?[ -]?({UNIT})(?![a-z])({AND_A_PART})?",
    re.IGNORECASE,
)
AND_A = {" and a half": 0.5, " and half": 0.5, " and a quarter": 0.25, " and 3 quarters": 0.75}
FRACTIONS = {"half": 0.5, "quarter of": 0.25, "quarter": 0.25, "3 quarters of": 0.75}


def _unit_seconds(unit: str) -> int:
    low = unit.lower()
    if low.startswith("mo"):
        return SECONDS["o"]
    if low.startswith("fort"):
        return 2 * SECONDS["w"]
    return SECONDS[low[0]]


def _clock(days: str | None, hms: str) -> float:
    hours, minutes, seconds = (int(x) for x in hms.split(":"))
    whole = int(days.rstrip("-")) if days else 0
    return whole * 86400 + hours * 3600 + minutes * 60 + seconds


def _parts(text: str) -> float:
    total = 0.0
    compact = re.fullmatch(r"(\d+) ?h(?:(?:ou)?rs?)?(?: and)? ?(\d+)m?", text, re.IGNORECASE)
    if compact:
        return int(compact[1]) * 3600 + int(compact[2]) * 60
    for number, half, unit, late_half in ONE_PART.findall(text):
        step = _unit_seconds(unit)
        total += (float(number) + (0.5 if half else AND_A.get(late_half.lower(), 0.0))) * step
    return total


def _apart(match: re.Match[str]) -> list[Amount]:
    """The times of "30 minutes and 10 hours", which are two: in one time the units get smaller."""
    if match["hms"] or match["words"]:
        return []
    parts = [
        Amount(match.start() + m.start(), match.start() + m.end(), _parts(m.group()))
        for m in ONE_PART.finditer(match.group())
    ]
    units = [_unit_seconds(m[3]) for m in ONE_PART.finditer(match.group())]
    rising = any(later >= unit for unit, later in itertools.pairwise(units))
    return parts if rising else []


def durations(text: str) -> list[Amount]:
    """Every duration of a normal text, in order ("an hour and a half", "1h30m", "02:00:00")."""
    found = []
    for match in DURATION.finditer(text):
        if match["parts"]:
            value = _parts(match["parts"])
        elif match["hms"]:
            value = _clock(match["clock"], match["hms"])
        elif match["frac"]:
            value = FRACTIONS[match["frac"].lower()] * _unit_seconds(match["u1"])
        else:
            if match["per"]:
                continue
            half = (match["half"] or "").lower()
            value = _unit_seconds(match["u2"]) * (1 + AND_A.get(half, 0.0))
            value += 0 if half in AND_A else _parts(half)
        parts = _apart(match)
        if parts:
            found += parts
        elif value > 0:
            found.append(Amount(match.start(), match.end(), value))
    found += [*_bare_limits(text, found), *_keyed_units(text)]
    return sorted(found, key=lambda amount: amount.start)


# "it needs about 20 hours; stop it after 30": the number has the unit of the time before it.
BARE_LIMIT = Pattern(
    r"\b(?:kill|stop|cancel|abort|terminat|cut|end|cap|limit|give up|pull the plug|time)[a-z]*"
    r"(?: (?:on|it|them|1|that|this|out|off|the task|a task|tasks|each|any|all|those|anything|runs?"
    r"|which|needs?|takes?|taking|lasts?|running|longer|more))*"
    r" (?:after|at|past|beyond|to|over|than) (?P<n>\d{1,4})(?=\s*(?:[.,;)\n]|$|maximum|tops))"
    r"|\b(?:limit|cap|cut-?off|maximum|timeout|deadline|ceiling)(?: (?:should|must|can|could"
    r"|may|would|will|be|is"
    r"|of|at|to|set|then|for (?:each|a task|it)))*\s?[:=]? ?(?P<l>\d{1,4})(?=\s*(?:[.,;)\n]|$))"
    r"|\b(?:give|allow|grant|make) (?:it|them|each|every|that|those)(?: \w+)? (?P<m>\d{1,4})"
    r"(?=\s*(?:[.,;)\n]|$|maximum|tops|at (?:the )?(?:very )?most))",
    re.IGNORECASE,
)
UNIT_REACH = 100
# "timeout_minutes: 5", "max hours 2": the unit stands with the name.
KEYED_UNIT = Pattern(
    r"(?<![\w.-])(?:(?:timeout|time limit|time|walltime|limit|maximum|max|duration|run ?time|kill"
    r"|after|active ?deadline)[ _]?)?\(?(?:in[ _])?(?P<u>minutes|hours|seconds|mins?|secs?|hrs?)\)?"
    r"(?: ?[:=] ?| (?=\d+(?:\.\d)?\s*(?:[,;/)\n]|\.\s|\.?$)))"
    r"(?P<n>\d{1,6}(?:\.\d{1,2})?)(?![\w:]|\.\d)",
    re.IGNORECASE,
)


KEYED = "keyed"


def _keyed_units(text: str) -> list[Amount]:
    """Times whose unit comes before the number."""
    return [
        Amount(*match.span(), float(match["n"]) * _unit_seconds(match["u"]), KEYED)
        for match in KEYED_UNIT.finditer(text)
    ]


AN_HOUR = Pattern(r"^(?:an?|half an?|quarter of an?)(?= )", re.IGNORECASE)


def _bare_limits(text: str, known: list[Amount]) -> list[Amount]:
    """Limits without a unit of their own, behind a time that gives it."""
    found = []
    for match in BARE_LIMIT.finditer(text):
        before = [a for a in known if 0 <= match.start() - a.end <= UNIT_REACH]
        said = text[before[-1].start : before[-1].end] if before else ""
        units = ONE_PART.findall(said) or ONE_PART.findall(AN_HOUR.sub("1", said))
        if units:
            group = next(name for name in "nlm" if match[name])
            value = int(match[group]) * _unit_seconds(units[-1][2])
            found.append(Amount(*match.span(group), value))
    return found


MIB = {"k": 1 / 1024, "m": 1.0, "g": 1024.0, "t": 1024.0 * 1024}
SIZE = Pattern(
    r"(?:(?<![\w./-])|(?<=pu/)|(?<=pus/)|(?<=ore/)"
    r"|(?<=ores/))(?:(?P<n>\d{1,7}(?:\.\d{1,3})?)(?P<half> and a half)? ?-?"
    r"(?P<u>kib|mib|gib|tib|kb|mb|gb|tb|ki|mi|gi|ti|gigs?|megs?|[gmt]i?bs|[gmtk]bytes?"
    r"|(?:kilo|mega|giga|tera)(?: ?bytes?)?|(?:kibi|mebi|gibi|tebi)bytes?"
    r"|(?:kilo|mega|giga|tera)-?octets?|[gmt]i?o|(?<=\d)[gt])"
    r"|(?P<frac>half|quarter of|quarter|3 quarters of) ?(?:an? |of an? )?"
    r"(?P<u2>gigs?|gb|gib|gigabyte|gibibyte|tb|tib|terabyte)"
    r"|(?:an?) (?P<u3>gigs?|gigabyte|gibibyte|terabyte|tb))(?![\w/])",
    re.IGNORECASE,
)


def sizes(text: str) -> list[Amount]:
    """Every size of a normal text, in MiB; GB and GiB are read alike, as people mean them."""
    found = []
    for match in SIZE.finditer(text):
        unit = (match["u"] or match["u2"] or match["u3"]).lower()
        if match["n"]:
            number = float(match["n"]) + (0.5 if match["half"] else 0.0)
        else:
            number = FRACTIONS[match["frac"].lower()] if match["frac"] else 1.0
        found.append(Amount(match.start(), match.end(), number * MIB[unit[0]], unit))
    return found
