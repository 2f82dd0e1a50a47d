"""One Batch task as one row: what happened to it, why, and what to do.

Batch tells most of it in the texts of status events ("Task state is updated from RUNNING to
FAILED on zones/Z/instances/I due to WHY with exit code N."), in no promised order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from components.batch import exit_codes
from components.tables.columns import Column, Row
from components.tables.formats import moment

COLUMNS = (
    Column("index", "Task", "integer", 8),
    Column("state", "State", "state", 13),
    Column("exit_code", "Exit code", "integer", 10),
    Column("meaning", "What it means", "text", 38),
    Column("remedy", "What to do", "text", 60),
    Column("round", "Round", "integer", 8),
    Column("attempts", "Attempts", "integer", 10),
    Column("preemptions", "Preempted", "integer", 10),
    Column("started_at", "Started (UTC)", "time", 20),
    Column("ended_at", "Ended (UTC)", "time", 20),
    Column("duration_s", "Seconds", "seconds", 10),
    Column("zone", "Zone", "text", 16),
    Column("machine_type", "Machine", "text", 18),
    Column("vm", "VM", "text", 22),
    Column("last_event", "Last event", "text", 60),
    Column("output_tail", "Last lines of output", "long", 60),
)

# TaskStatus.State (batch_v1): the numbers are those of the proto.
STATES = {
    0: "UNKNOWN",
    1: "PENDING",
    2: "ASSIGNED",
    3: "RUNNING",
    4: "FAILED",
    5: "SUCCEEDED",
    6: "UNEXECUTED",
}
_NOT_RUN = {
    "UNEXECUTED": "never ran: the job ended before its turn",
    "PENDING": "has not begun",
    "ASSIGNED": "has a VM and has not begun",
    "RUNNING": "was running when this was read",
    "UNKNOWN": "Batch gives no state",
}

# "… on zones/europe-west4-c/instances/1331099789278906760 with exit code 127."
_CODE = re.compile(r"with exit code (?P<code>\d{1,6})\b")
_PLACE = re.compile(r"\bon zones/(?P<zone>[a-z0-9-]+)/instances/(?P<vm>[A-Za-z0-9_.-]*[A-Za-z0-9])")
_UNSPECIFIC = 50000
_CANCELLED = ("ended because the job was cancelled", "")
_STEP = re.compile(r"Task state is updated from (?P<old>[A-Z_-]+) to (?P<new>[A-Z_]+)")


@dataclass(frozen=True)
class Event:
    """One status event of a task."""

    at: float
    text: str
    state: str = ""
    code: int | None = None
    zone: str = ""
    vm: str = ""


def code_in(text: str) -> int | None:
    """The exit code that the text of an event names."""
    found = _CODE.search(text)
    return int(found["code"]) if found else None


def place_in(text: str) -> tuple[str, str]:
    """Zone and VM that the text of an event names, or two empty texts."""
    found = _PLACE.search(text)
    return (found["zone"], found["vm"]) if found else ("", "")


def events_of(task: Any) -> list[Event]:
    """The events of a raw Task message, oldest first (Batch promises no order)."""
    events = [_event(event) for event in task.status.status_events]
    events.sort(key=lambda event: event.at)
    return events


def _event(raw: Any) -> Event:
    text = raw.description
    # Only Batch's own sentences are read for facts: a runnable may write events too.
    step = _STEP.match(text)
    state = STATES.get(raw.task_state, "") if raw.task_state else step["new"] if step else ""
    code: int | None = raw.task_execution.exit_code if raw.HasField("task_execution") else None
    at = raw.event_time.seconds + raw.event_time.nanos / 1e9
    place = place_in(text) if step else ("", "")
    return Event(at, text, state, code or (code_in(text) if step else None), *place)


def index_of(name: str) -> int | None:
    """The task index at the end of `…/taskGroups/group0/tasks/7`."""
    last = name.rsplit("/", 1)[-1]
    return int(last) if last.isascii() and last.isdigit() else None


def row_of(task: Any, *, position: int = 0, machine_type: str = "") -> Row:
    """The row of one task.

    Args:
        task: a raw Task message (`batch_v1.Task.pb(task)`): three times as fast as proto-plus.
        position: index to use should the name hold none.
        machine_type: what the job's VMs are; a task does not say its own.
    """
    events = events_of(task)
    state = STATES.get(task.status.state, "UNKNOWN")
    index = index_of(task.name)
    code = _exit_code(state, events)
    meaning, remedy = _CANCELLED if _was_cancelled(state, code, events) else _words(state, code)
    started, ended = _times(state, events)
    zone, vm = _last_place(events)
    return {
        "index": position if index is None else index,
        "state": state,
        "exit_code": code,
        "meaning": meaning,
        "remedy": remedy,
        "round": 0,  # of a job that was not run again
        "attempts": _attempts(state, events),
        "preemptions": sum(event.code == exit_codes.PREEMPTED for event in events),
        "started_at": moment(started),
        "ended_at": moment(ended),
        "duration_s": _between(started, ended),
        "zone": zone,
        "machine_type": machine_type if vm else "",
        "vm": vm,
        "last_event": events[-1].text if events else "",
        "output_tail": "",
    }


def _exit_code(state: str, events: list[Event]) -> int | None:
    """The code of the attempt that decided the state.

    A SUCCEEDED task keeps the events of its failed attempts, and its own event mostly carries no
    code (nextflow PR#6977 reported such tasks as 50001): only its last event counts.
    """
    if state == "SUCCEEDED":
        last = events[-1] if events else None
        return last.code or 0 if last and last.state == "SUCCEEDED" else 0
    if state != "FAILED":
        return None
    return next((event.code for event in reversed(events) if event.code is not None), None)


def _was_cancelled(state: str, code: int | None, events: list[Event]) -> bool:
    """Whether the task went with its job; its code then says nothing of its own."""
    if state != "FAILED" or code not in (None, _UNSPECIFIC) or not events:
        return False
    last = events[-1].text
    return bool(_STEP.match(last)) and "cancel" in last.lower()


@lru_cache(maxsize=4096)
def _words(state: str, code: int | None) -> tuple[str, str]:
    if state in _NOT_RUN:
        return _NOT_RUN[state], ""
    explained = exit_codes.unknown() if code is None else exit_codes.explain(code)
    return explained.meaning, explained.remedy


def _attempts(state: str, events: list[Event]) -> int:
    """How often it ran. A VM may be lost before the task reports RUNNING, hence the codes."""
    runs = sum(event.state == "RUNNING" for event in events)
    failures = sum(bool(event.code) for event in events)
    if state == "SUCCEEDED":
        return max(runs, failures + 1, 1)
    if state == "FAILED":
        return max(runs, failures, 1)
    return max(runs, failures)


def _times(state: str, events: list[Event]) -> tuple[float | None, float | None]:
    """Begin and end of the last attempt; no end while it has not ended."""
    started = next((event.at for event in reversed(events) if event.state == "RUNNING"), None)
    if state not in ("SUCCEEDED", "FAILED"):
        return started, None
    ended = next((event.at for event in reversed(events) if event.state == state), None)
    if ended is None and events:
        ended = events[-1].at
    return started, ended


def _between(started: float | None, ended: float | None) -> float | None:
    if started is None or ended is None:
        return None
    return round(max(ended - started, 0.0), 3)


def _last_place(events: Iterable[Event]) -> tuple[str, str]:
    zone, vm = "", ""
    for event in events:
        if event.zone:
            zone, vm = event.zone, event.vm
    return zone, vm
