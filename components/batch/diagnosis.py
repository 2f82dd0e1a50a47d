"""Why a job failed, in plain words: by rules over exit codes, last lines of output and events.

What Batch says for certain (its own exit codes) comes before what a program printed, and that
before what an exit code alone lets one guess. Each cause names the tasks, the words that show it,
what the job says now about the field in question, and what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from components.batch import last_lines
from components.batch.durations import spoken
from components.batch.events import Diagnosis, diagnose
from components.batch.exit_codes import LOST_VM, PREEMPTED, TIMED_OUT
from components.batch.failures import Failure, Failures
from components.batch.last_lines import Sign, sign_in
from components.batch.rules.retries import retries_code
from components.batch.rules.shape import read_shape
from components.batch.rules.view import JobView
from components.supervision.life import Event
from components.tables.formats import plural, ranges
from components.tables.text import brief

Kind = (
    last_lines.Kind
    | Literal["time", "preempted", "lost_vm", "stock", "quota", "config", "cancelled", "unknown"]
)
KILLED = 137
_STOPPED_REPORTING = 50002
_UNSPECIFIC = 50000
# What an exit code alone is mostly a sign of (docker run and POSIX shells).
_BY_CODE: Mapping[int, Kind] = {
    PREEMPTED: "preempted",
    TIMED_OUT: "time",
    KILLED: "memory",
    125: "image",
    126: "permission",
    127: "command",
}
_BY_EVENT: Mapping[str, Kind] = {
    "wait": "quota",
    "stop": "quota",
    "alter": "stock",
    "config": "config",
    "iam": "permission",
    "net": "network",
}
_EVIDENCE = 200


@dataclass(frozen=True)
class Cause:
    """One reason why tasks failed, or why the job did before any task ran.

    Attributes:
        kind: what kind of trouble; programs act on it.
        what: what happened, in plain words, without a final stop.
        remedy: what to do, whole sentences; may be empty.
        code: the exit code of the tasks; None where they tell none, or where it is the job's.
        tasks: the indexes of the tasks; empty where it is the job's.
        seen: in the output of how many of them the evidence was seen; 0 where it was in none.
        evidence: the line of output or the event that shows it, made visible; may be empty.
        now: what the job says now of what would have to change, a sentence; may be empty.
    """

    kind: Kind
    what: str
    remedy: str = ""
    code: int | None = None
    tasks: Sequence[int] = ()
    seen: int = 0
    evidence: str = ""
    now: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON data; the tasks as their number and as ranges."""
        told = {name: getattr(self, name) for name in _TOLD}
        return {**told, "count": len(self.tasks), "indexes": ranges(self.tasks)}


_TOLD = ("kind", "what", "remedy", "code", "seen", "evidence", "now")


def task_causes(
    failures: Failures, tails: Mapping[int, str], job: Mapping[str, Any]
) -> list[Cause]:
    """Why tasks failed, the most frequent reason first.

    Args:
        failures: the failed tasks by exit code.
        tails: last lines of output by task index, of as many tasks as were read.
        job: the job as JSON data; may be empty.
    """
    view = JobView(read_shape(dict(job)).job)
    found = [
        cause for failure in failures.by_count() for cause in _of_code(failure, tails, view)
    ]  # fmt: skip
    return sorted(found, key=lambda cause: -len(cause.tasks))


def _of_code(failure: Failure, tails: Mapping[int, str], view: JobView) -> list[Cause]:
    code = failure.code
    if code is not None and code > _UNSPECIFIC:
        return [_by_code(failure, view)]
    signs: dict[str, tuple[Sign, list[int]]] = {}
    for index in failure.indexes:
        sign = sign_in(tails.get(index, ""))
        if sign is None or (code == KILLED and sign.kind == "program"):
            continue
        signs.setdefault(sign.cause, (sign, []))[1].append(index)
    if not signs:
        return [_by_code(failure, view)]
    told = {index for _, indexes in signs.values() for index in indexes}
    rest = [index for index in failure.indexes if index not in told]
    ordered = sorted(signs.values(), key=lambda found: -len(found[1]))
    # What was not read is counted with what is most frequent among what was.
    return [
        _by_sign(failure, sign, len(indexes), sorted(indexes + (rest if number == 0 else [])), view)
        for number, (sign, indexes) in enumerate(ordered)
    ]


def _by_sign(
    failure: Failure, sign: Sign, seen: int, indexes: Sequence[int], view: JobView
) -> Cause:
    return Cause(
        kind=sign.kind,
        what=sign.cause,
        remedy=sign.remedy,
        code=failure.code,
        tasks=indexes,
        seen=seen,
        evidence=sign.line,
        now=_now(sign.kind, view),
    )


def _by_code(failure: Failure, view: JobView) -> Cause:
    code = failure.code
    kind: Kind = "unknown" if code is None else _kind_of(code)
    return Cause(
        kind=kind,
        what=failure.meaning,
        remedy=failure.remedy,
        code=code,
        tasks=failure.indexes,
        evidence=brief(failure.event, _EVIDENCE) if code is None or code > _UNSPECIFIC else "",
        now=_now("memory" if code == _STOPPED_REPORTING else kind, view),
    )


def _kind_of(code: int) -> Kind:
    if code in _BY_CODE:
        return _BY_CODE[code]
    if code in LOST_VM:
        return "lost_vm"
    return "program" if 0 < code < 256 else "unknown"


def job_cause(events: Sequence[Event]) -> Cause | None:
    """Why a job failed, or waits, where no task can say it; None where its events tell nothing.

    Args:
        events: the job's events, oldest first.
    """
    for event in reversed(events):
        found = diagnose(event.description)
        if found.kind != "info":
            return _by_event(found, event)
    return None


def _by_event(found: Diagnosis, event: Event) -> Cause:
    kind = _BY_EVENT[found.kind]
    if kind == "stock" and "preempt" in found.cause:
        kind = "preempted"
    elif kind == "stock" and "stopped reporting" in found.cause:
        kind = "lost_vm"
    return Cause(kind, found.cause, found.remedy, evidence=brief(event.description, _EVIDENCE))


def cause_lines(causes: Sequence[Mapping[str, Any]], most: int = 5) -> list[str]:
    """The causes for a person, a few lines each; lines that go with one are indented.

    Args:
        causes: as `Cause.to_dict` gives them.
        most: of more only the number is told.
    """
    lines: list[str] = []
    for cause in causes[:most]:
        lines.append(f"{_who(cause)}{cause['what']}")
        if cause["evidence"]:
            lines.append(f"  {_seen(cause)}: {cause['evidence']}")
        lines += [f"  {cause[name]}" for name in ("now", "remedy") if cause[name]]
    if len(causes) > most:
        lines.append(f"and {plural(len(causes) - most, 'further reason')}")
    return lines


def _who(cause: Mapping[str, Any]) -> str:
    if not cause["count"]:
        return ""
    code = "no exit code" if cause["code"] is None else f"exit code {cause['code']}"
    return f"{code}, {plural(cause['count'], 'task')} ({cause['indexes']}): "


def _seen(cause: Mapping[str, Any]) -> str:
    seen = cause["seen"]
    if not seen:
        return "Batch says"
    if seen == cause["count"]:
        return "its output" if seen == 1 else "their output"
    return f"the output of {seen:,} of them"


# --- what the job says now ------------------------------------------------------------------------


def _now(kind: Kind, view: JobView) -> str:
    """What the job says of the fields that the remedy names."""
    if not view.spec:
        return ""
    if kind == "memory":
        return _memory_now(view)
    if kind == "time":
        return _time_now(view)
    if kind in ("preempted", "lost_vm"):
        return _retries_now(view)
    if kind == "disk":
        size = view.boot_disk.get("sizeGb")
        return f"bootDisk.sizeGb is {size or 'not set'}."
    if kind == "gpu":
        drivers = "set" if view.instance.get("installGpuDrivers") else "not set"
        gpus = "has a GPU" if view.has_gpu else "asks for no GPU"
        return f"The job {gpus}, and installGpuDrivers is {drivers}."
    return ""


def _memory_now(view: JobView) -> str:
    asked = view.compute.get("memoryMib")
    text = f"memoryMib is {asked}" if asked else "memoryMib is not set (2000)"
    if view.machine is not None:
        shared = view.tasks_per_vm
        alone = "one task has it alone" if shared == 1 else f"up to {shared} tasks share it"
        text += f"; {view.machine.name} has {view.machine.memory_gib:g} GiB, {alone}"
    return f"{text}."


def _time_now(view: JobView) -> str:
    limit = view.max_run_duration
    limits = [] if limit is None else [f"maxRunDuration is {spoken(limit)}"]
    limits += [
        f"the timeout of step {index} is {spoken(float(runnable['timeout']))}"
        for index, runnable in enumerate(view.runnables)
        if runnable.get("timeout")
    ]
    return f"{', '.join(limits)[:_EVIDENCE]}." if limits else ""


def _retries_now(view: JobView) -> str:
    if view.retries == 0:
        return "maxRetryCount is 0, so a lost VM ends the task."
    if not retries_code(view, PREEMPTED):
        return f"maxRetryCount is {view.retries}, but not for exit code {PREEMPTED}."
    return f"maxRetryCount is {view.retries}, and all of it was used."
