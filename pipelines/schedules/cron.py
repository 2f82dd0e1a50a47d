"""Cron texts as Vertex AI takes them, checked before they are sent."""

from __future__ import annotations

import datetime
import difflib
import re
import zoneinfo

from cronsim import CronSim, CronSimError

from components.errors import WrongUse

PREFIX = re.compile(r"(?:CRON_)?TZ=(\S*)\s+(.*)", re.DOTALL)
FIELD = re.compile(r"[0-9*,/-]+")
NAMES = re.compile("JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC|SUN|MON|TUE|WED|THU|FRI|SAT")
EXAMPLE = 'For example "TZ=Europe/London 0 3 * * *": every day at 3 in London.'
NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


def check_cron(text: str, where: str) -> str:
    """The cron text with single spaces.

    Five fields (minute, hour, day, month, day of the week) behind `TZ=ZONE` or `CRON_TZ=ZONE`, or
    without, which is UTC; from the proto of Schedule.

    Raises:
        WrongUse: says what is wrong with it and what to write.
    """
    text = " ".join(text.split())
    if text in NICKNAMES:
        raise _wrong(text, "has no five fields", where, f'Write "{NICKNAMES[text]}".')
    if re.match(r"(CRON_)?TZ=\S*$", text):
        raise _wrong(text, "has a time zone and no times", where, EXAMPLE)
    times(text, datetime.datetime.now(datetime.UTC), 1, where)
    return text


def times(
    text: str, after: datetime.datetime, count: int, where: str = ""
) -> list[datetime.datetime]:
    """The first times after a moment, in the text's own time zone.

    Raises:
        WrongUse: it is no cron text, or never comes.
    """
    found = PREFIX.fullmatch(text)
    zone = _zone(found[1], where) if found else datetime.UTC
    fields = (found[2] if found else text).upper()
    number = len(fields.split())
    if number != 5:
        fix = "Leave out the seconds, which come first." if number == 6 else EXAMPLE
        raise _wrong(text, f"has {number} fields, not five", where, fix)
    for field in fields.split():
        if not FIELD.fullmatch(NAMES.sub("0", field)):  # cronsim takes L and # too
            raise _wrong(text, f"cannot hold '{field[:40]}'", where, EXAMPLE)
    try:
        moments = CronSim(fields, after.astimezone(zone))
        found_times = [moment for moment, _ in zip(moments, range(count), strict=False)]
    except CronSimError as error:
        what = str(error).removeprefix("Bad ")
        raise _wrong(text, f"has a wrong {what}", where, EXAMPLE) from error
    if not found_times:
        raise _wrong(text, "names a day that never comes", where, EXAMPLE)
    return found_times


def _zone(name: str, where: str) -> datetime.tzinfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # OSError: the name of a folder
        known = sorted(zoneinfo.available_timezones())
        by_lower = {each.lower(): each for each in known}
        near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.7)
        raise WrongUse(
            f"'{name[:60]}' is not a time zone",
            where=where,
            fix=f"Did you mean {by_lower[near[0]]}?"
            if near
            else "Zones are named as in Europe/London or America/New_York.",
        ) from error


def _wrong(text: str, what: str, where: str, fix: str) -> WrongUse:
    return WrongUse(f"The cron schedule '{text[:80]}' {what}", where=where, fix=fix)
