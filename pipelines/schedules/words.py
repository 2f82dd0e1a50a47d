"""Schedules as a person reads them, and as JSON."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

from components.errors import WrongUse
from components.gemini.endpoint import is_local
from components.tables.text import one_line
from pipelines.remote.vertex import CONSOLE
from pipelines.schedules.cron import times
from pipelines.schedules.plan import DONE, Action
from pipelines.schedules.vertex import ACTIVE, Found, Schedules


def lines(found: list[Found]) -> Iterator[str]:
    """A line a schedule: name, state, when, next run, pipeline."""
    width = max((len(each.title) for each in found), default=0)
    for each in found:
        due = each.time("next_run_time") if each.state == ACTIVE else None
        parts = [
            each.title.ljust(width),
            each.state.lower().ljust(9),
            str(each.value("cron")),
            f"next {due:%Y-%m-%d %H:%M}Z" if due else "",
            each.pipeline,
            "" if each.is_ours else "(not made by intent2batch)",
        ]
        yield one_line("  ".join(part for part in parts if part))


def shown(found: Found, schedules: Schedules) -> Iterator[str]:
    """A schedule in full, a line a fact."""
    told = as_json(found, schedules)
    for name, value in told.items():
        if name == "parameters":
            yield from (one_line(f"  -p {key}={each}") for key, each in value.items())
        elif isinstance(value, list):
            yield one_line(f"{name.replace('_', ' ')}: {', '.join(map(str, value))}")
        elif isinstance(value, bool):
            yield f"{name.replace('_', ' ')}: {'yes' if value else 'no'}"
        elif value not in ("", None, {}):
            yield one_line(f"{name.replace('_', ' ')}: {value}")


def as_json(found: Found, schedules: Schedules) -> dict[str, Any]:
    """A schedule for programs."""
    number = found.name.rsplit("/", 1)[-1]
    response = found.message.last_scheduled_run_response
    page = f"{CONSOLE}/vertex-ai/locations/{schedules.region}/pipelines/schedules/{number}"
    return {
        "name": found.title,
        "resource": found.name,
        "state": found.state,
        "cron": found.value("cron"),
        "next_runs": _next(found),
        "pipeline": found.pipeline,
        "template": found.job.template_uri,
        "root": found.job.runtime_config.gcs_output_directory,
        "service_account": found.job.service_account,
        "parameters": found.parameters,
        "runs_at_once": found.value("max_concurrent_active_run_count")
        or found.value("max_concurrent_run_count"),
        "queue": found.value("allow_queueing"),
        "max_runs": found.value("max_run_count") or None,
        "runs_so_far": found.value("started_run_count"),
        "start": _text(found.time("start_time")),
        "end": _text(found.time("end_time")),
        "last_time": _text(_moment(response)),
        "last_response": response.run_response if response else "",
        "group": found.group,
        "made_by_intent2batch": found.is_ours,
        "console": "" if is_local() else f"{page}?project={schedules.project}",
    }


def told(action: Action, *, dry_run: bool) -> str:
    """A line of what was done with a schedule, or would be."""
    would = "would be " if dry_run and action.verb != "keep" else ""
    when = action.wanted.cron if action.wanted and action.verb == "create" else ""
    why = " ".join(part for part in (when, f"({action.why})" if action.why else "") if part)
    return one_line(f"{would}{DONE[action.verb]}  {action.name}  {why}".rstrip())


def _next(found: Found) -> list[str]:
    """The next three times, the first as the service says."""
    due = found.time("next_run_time")
    if due is None or found.state != ACTIVE:
        return []
    try:
        later = times(found.value("cron"), due, 2)
    except WrongUse:  # a form that only the service knows
        later = []
    return [_text(moment) for moment in (due, *later)]


def _moment(response: Any) -> datetime.datetime | None:
    found = response.scheduled_run_time if response else None
    return found or None


def _text(moment: datetime.datetime | None) -> str:
    return f"{moment.astimezone(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}" if moment else ""
