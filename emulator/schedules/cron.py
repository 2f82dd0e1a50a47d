"""Times by a cron text, in the time zone that its prefix names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from emulator.messages import ApiError

_PREFIX = re.compile(r"(?:CRON_)?TZ=(\S+)\s+(.*)", re.DOTALL)
_NAMES = re.compile("JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC|SUN|MON|TUE|WED|THU|FRI|SAT")
_FIELDS = re.compile(r"[0-9*,/-]+(?:\s+[0-9*,/-]+){4}")


def times(cron: str, after: float) -> Iterator[float]:
    """The times after a moment, in seconds since 1970.

    Args:
        cron: five fields, behind `TZ=` or `CRON_TZ=` and a time zone or not (then UTC).
        after: seconds since 1970.

    Raises:
        ApiError: 400 for what is no cron text, or never comes.
    """
    found = _PREFIX.fullmatch(cron.strip())
    zone, fields = (_zone(found[1]), found[2]) if found else (UTC, cron.strip())
    fields = fields.upper()
    if not _FIELDS.fullmatch(_NAMES.sub("0", fields)):
        raise _bad(cron)
    try:
        moments = CronSim(fields, datetime.fromtimestamp(after, zone))
    except CronSimError as error:
        raise _bad(cron) from error
    return (moment.timestamp() for moment in moments)


def next_time(cron: str, after: float) -> float:
    """The first of the times.

    Raises:
        ApiError: 400 for what is no cron text, or never comes.
    """
    found = next(times(cron, after), None)
    if found is None:
        raise _bad(cron)
    return found


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # OSError: the name of a folder
        text = f"The time zone {name[:80]!r} is not in the IANA time zone database."
        raise ApiError(400, "", text) from error


def _bad(cron: str) -> ApiError:
    return ApiError(400, "", f"The cron schedule {cron[:80]!r} is not valid.")
