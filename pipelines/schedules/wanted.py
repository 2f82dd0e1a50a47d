"""What a schedule is to be, checked before anything is sent."""

from __future__ import annotations

import contextlib
import datetime
import re
from dataclasses import dataclass
from typing import Any

from components.errors import WrongUse
from components.run_time import check_placeholders
from pipelines.parameters import short
from pipelines.remote.starting import Asked, Find, wanted_run
from pipelines.remote.wanted import FILES, MOST_LABELS, Wanted
from pipelines.request import Request
from pipelines.schedules.cron import check_cron

# Which schedules are ours; on the runs that they make, as a schedule itself has no labels.
NAME_LABEL = "intent2batch-schedule"
GROUP_LABEL = "intent2batch-group"
NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")  # what is a label's value too
MOST_RUNS = 10**6


@dataclass(frozen=True)
class Limits:
    """When a schedule begins and ends, and how many runs it makes.

    Args:
        at_once: runs that may be under way at the same time.
        queue: whether a run waits for room instead of being left out.
        runs: the schedule has ended after so many; 0 is no limit.
        start: no run before; None is now.
        end: no run after; None is never.
    """

    at_once: int = 1
    queue: bool = False
    runs: int = 0
    start: datetime.datetime | None = None
    end: datetime.datetime | None = None


@dataclass(frozen=True)
class WantedSchedule:
    """One schedule.

    Args:
        name: names it; there is one schedule of ours with a name in a project and region.
        cron: when, as Vertex AI takes it.
        run: what each run is; its id is not used.
        limits: how often and how many.
        group: the file that keeps it, as `schedule apply` names it; empty if it was set by hand.
        paused: whether it rests; None leaves that as it is.
    """

    name: str
    cron: str
    run: Wanted
    limits: Limits
    group: str = ""
    paused: bool | None = None

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its runs, ours included."""
        ours = {NAME_LABEL: self.name} | ({GROUP_LABEL: self.group} if self.group else {})
        return {**self.run.labels, **ours}


@dataclass(frozen=True)
class Description:
    """A schedule in a person's words, from a command or a file.

    Args:
        name: its name.
        cron: when.
        request: the pipeline and its parameters.
        asked: how its runs are to be started.
        limits: how often and how many.
        where: the place to name in errors.
        group: see WantedSchedule.
        paused: see WantedSchedule.
    """

    name: str
    cron: str
    request: Request
    asked: Asked
    limits: Limits
    where: str = ""
    group: str = ""
    paused: bool | None = None


def wanted_schedule(
    described: Description, *, stand_in: bool, find: Find | None = None
) -> WantedSchedule:
    """The schedule that was described, checked; only a template is fetched for that.

    Args:
        described: what was said.
        stand_in: whether the platform is a stand-in, whose steps need no image.
        find: see `wanted_run`.

    Raises:
        WrongUse: says what is wrong, and where.
        InputError: the template is gone.
        ServiceError: it cannot be fetched.
    """
    check_name(described.name, described.where)
    cron = check_cron(described.cron, described.where or "--cron")
    check_limits(described.limits, described.where)
    run = wanted_run(
        described.request, described.asked, stand_in=stand_in, root_needed=True, find=find
    )
    for name, value in run.parameters.items():
        if isinstance(value, str) and (name in FILES or name.endswith("_uri")):
            check_placeholders(value, f"parameter {name}")
    ours = [key for key in run.labels if key in (NAME_LABEL, GROUP_LABEL)]
    if ours or len(run.labels) > MOST_LABELS - 2:
        raise WrongUse(
            f"The label {ours[0]} is not yours to set" if ours else "There are too many labels",
            where=described.where,
            fix=f"Leave it out; a schedule has at most {MOST_LABELS - 2} of your own.",
        )
    return WantedSchedule(
        described.name, cron, run, described.limits, described.group, described.paused
    )


def check_name(name: str, where: str = "") -> None:
    """Refuse what cannot name a schedule.

    Raises:
        WrongUse: it cannot.
    """
    if not NAME.fullmatch(name):
        raise WrongUse(
            f"'{short(name)}' cannot name a schedule",
            where=where,
            fix="Use a-z, 0-9 and dashes, a letter first, at most 63: nightly-prompts.",
        )


def check_limits(limits: Limits, where: str) -> None:
    """Refuse limits that make no sense.

    Raises:
        WrongUse: says which.
    """
    if not 1 <= limits.at_once <= 1000:
        raise WrongUse(f"{limits.at_once} runs at once", where=where, fix="Say 1 to 1000.")
    if not 0 <= limits.runs <= MOST_RUNS:
        raise WrongUse(f"{limits.runs} runs in all", where=where, fix="Say 1 to 1000000.")
    if limits.start and limits.end and limits.end <= limits.start:
        raise WrongUse("The schedule ends before it begins", where=where, fix="Give a later end.")


def read_time(value: Any, where: str) -> datetime.datetime | None:
    """A time with its zone, as in 2026-01-31T03:00:00Z; None for nothing.

    Raises:
        WrongUse: it is none, or says no zone.
    """
    if value in (None, ""):
        return None
    found = value  # YAML reads times itself
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            found = datetime.datetime.fromisoformat(value)
    if not isinstance(found, datetime.datetime) or found.tzinfo is None:
        raise WrongUse(
            f"'{short(str(value))}' is not a time with its zone",
            where=where,
            fix="Write it as 2026-01-31T03:00:00Z or 2026-01-31T03:00:00+01:00.",
        )
    return found.astimezone(datetime.UTC)
