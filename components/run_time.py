"""The date in the place of a file, resolved while the run runs.

A pipeline that recurs has the same parameters every night. `{date}` in its source and its
destination stands for the day of the run:

* `{date}` 2026-01-31, `{datetime}` 20260131T030000Z, both in UTC; `{run}` the name of the run;
* `{date-1}` the day before, up to 999 days;
* `{date@Europe/London}`, `{datetime@…}`: in that time zone, as a schedule of that zone means it.

The moment is that at which the first step of the run asks. It leaves it in the run's own folder,
where the others read it, so that a run that goes on past midnight, a retry and the step that
reports all mean the same place. A placeholder of the spec would not do: kfp.local cannot resolve
`{{$.pipeline_job_schedule_time_utc}}`, and Kubeflow did not before 2026 (kubeflow/pipelines
issues 12616, 13424).
"""

from __future__ import annotations

import contextlib
import datetime
import difflib
import json
import re
import zoneinfo
from collections.abc import Callable

from components.errors import InputError, WrongUse
from components.storage import versioned
from components.storage.uris import join

FILE = "run_time.json"
PLACEHOLDER = re.compile(r"\{(date|datetime|run)(?:-([0-9]{1,3}))?(?:@([A-Za-z0-9_+/-]+))?\}")
_ANY = re.compile(r"\{([A-Za-z]+)[^{}\s]{0,60}\}")
_NAMES = ("date", "datetime", "run")


def has_placeholder(text: str) -> bool:
    """Whether a date or the run's name is to be filled in."""
    return PLACEHOLDER.search(text) is not None


def check_placeholders(text: str, where: str) -> None:
    """Refuse a time zone that there is not, and what is nearly a placeholder.

    Raises:
        WrongUse: says which.
    """
    for found in PLACEHOLDER.finditer(text):
        if found[3]:
            _zone(found[3], where)
    for found in _ANY.finditer(text):
        near = difflib.get_close_matches(found[1].lower(), _NAMES, n=1, cutoff=0.8)
        if near and not PLACEHOLDER.fullmatch(found[0]) and "://" in text:
            raise WrongUse(
                f"'{found[0]}' stands for nothing",
                where=where,
                fix=f"Did you mean {{{near[0]}}}? There are also {{date-1}} and "
                "{date@Europe/London}.",
            )


def filled(
    text: str,
    pipeline_folder: str,
    now: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC),
) -> str:
    """The text with the run's date and name in the place of the placeholders.

    Args:
        text: one or more places of files, or anything else.
        pipeline_folder: `<pipeline root>/<job name>/<job id>`, where the moment is kept.
        now: what time it is, for the first step that asks.

    Raises:
        WrongUse: a time zone is unknown.
        InputError, ServiceError: the moment cannot be kept in the run's folder.
    """
    if not has_placeholder(text):
        return text
    moment = run_moment(pipeline_folder, now)
    name = pipeline_folder.rstrip("/").split("/")[-2] if "/" in pipeline_folder else ""
    return PLACEHOLDER.sub(lambda found: _value(found, moment, name), text)


def run_moment(pipeline_folder: str, now: Callable[[], datetime.datetime]) -> datetime.datetime:
    """The moment of the run: what an earlier step left, or now, which is left for the others."""
    place = join(pipeline_folder, FILE)
    said = versioned.read(place)
    if said is None:
        text = json.dumps({"time": now().astimezone(datetime.UTC).isoformat(timespec="seconds")})
        with contextlib.suppress(versioned.Conflict):  # another step asked at the same time
            versioned.write(place, text, None)
        said = versioned.read(place)
    try:
        return datetime.datetime.fromisoformat(json.loads(said.text if said else "")["time"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError("This is not the time of a run", where=place) from error


def _value(found: re.Match[str], moment: datetime.datetime, name: str) -> str:
    kind, days, zone = found.groups()
    if kind == "run":
        return name
    local = moment.astimezone(_zone(zone, found[0])) if zone else moment
    local -= datetime.timedelta(days=int(days or 0))
    if kind == "date":
        return f"{local:%Y-%m-%d}"
    return f"{local:%Y%m%dT%H%M%S}" + ("" if zone else "Z")


def _zone(name: str, where: str) -> datetime.tzinfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # OSError: the name of a folder
        raise WrongUse(
            f"'{name[:60]}' is not a time zone",
            where=where,
            fix="Zones are named as in Europe/London or America/New_York.",
        ) from error
