"""What the steps of tasks print: kept in files, served as log entries.

With destination CLOUD_LOGGING, each step of each attempt has two files in the job's folder. With
PATH they are joined to `stdout-UID-group0-I.log`, `stderr-…` and `output-…` on the volume when the
attempt ends, a line each as the service writes it. Without a destination nothing is kept.

A line's time is that of the attempt's start plus a microsecond a line: the order within a stream
is true, that between stdout and stderr is not known. While an attempt runs its times may still move
by microseconds, but never the ids of its entries; a line that has not ended yet is not served.
"""

from __future__ import annotations

import heapq
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NamedTuple

from emulator.batch.events import timestamp
from emulator.batch.jobs import GROUP, Job

LOG_NAME = "batch_task_logs"
_STREAMS = (("out", "INFO", "stdout"), ("err", "ERROR", "stderr"))
_LONGEST = 256 * 1024  # an entry of Cloud Logging holds at most 256 KiB


class Line(NamedTuple):
    """A line that a step printed."""

    time_ns: int
    task: int
    attempt: int
    runnable: int
    severity: str
    text: str
    number: int  # its place in its stream, from 0


class StepFiles:
    """The files that one step of one attempt prints to.

    Args:
        folder: the job's folder of logs; None where nothing is kept.
    """

    def __init__(self, folder: Path | None, task: int, attempt: int, runnable: int) -> None:
        self._paths: list[Path] = []
        self._files: list[IO[bytes]] = []
        if folder:
            self._paths = [_path(folder, task, attempt, runnable, kind) for kind, *_ in _STREAMS]

    def __enter__(self) -> tuple[IO[bytes] | int, IO[bytes] | int]:
        if not self._paths:
            return subprocess.DEVNULL, subprocess.DEVNULL
        self._files = [path.open("ab", buffering=0) for path in self._paths]
        return self._files[0], self._files[1]

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()


def drop(
    folder: Path, task: int, attempt: int, runnables: int, *, only_empty: bool = False
) -> None:
    """Remove the files of an attempt, or those that hold nothing."""
    for runnable in range(runnables):
        for kind, *_ in _STREAMS:
            path = _path(folder, task, attempt, runnable, kind)
            if not only_empty or (path.exists() and not path.stat().st_size):
                path.unlink(missing_ok=True)


def task_label(uid: str, task: int, attempt: int) -> str:
    """The value of the label `task_id` (troubleshooting page of the Batch documentation)."""
    return f"task/{uid}-{GROUP}-{task}/{attempt}/0"


def lines_of(job: Job, folder: Path, task: int, attempt: int, start_ns: int) -> Iterator[Line]:
    """What an attempt printed, in the order of the steps."""
    number = 0
    live = _is_live(job, task, attempt)
    for runnable in range(len(job.group["taskSpec"]["runnables"])):
        for kind, severity, _ in _STREAMS:
            path = _path(folder, task, attempt, runnable, kind)
            for place, text in enumerate(_texts(path, live)):
                time_ns = start_ns + number * 1000
                yield Line(time_ns, task, attempt, runnable, severity, text, place)
                number += 1


def _is_live(job: Job, task: int, attempt: int) -> bool:
    """Whether the attempt may still print."""
    known = job.tasks.get(task)
    return known is not None and known.state == "RUNNING" and known.attempts == attempt + 1


def lines_of_job(job: Job, folder: Path) -> Iterator[Line]:
    """What all attempts printed, by time; an attempt's files are opened when their time comes."""
    starts = sorted(
        (start, index, attempt)
        for index, task in list(job.tasks.items())
        for attempt, start in enumerate(task.starts())
    )
    heap: list[tuple[Line, int, Iterator[Line]]] = []
    for number, (start, index, attempt) in enumerate(starts):
        yield from _until(heap, start)
        _push(heap, number, lines_of(job, folder, index, attempt, start))
    yield from _until(heap, None)


def entry(job: Job, line: Line) -> dict[str, Any]:
    """The line as a log entry."""
    _, project, _, location, _, job_id = job.name.split("/")
    return {
        "logName": f"projects/{project}/logs/{LOG_NAME}",
        "resource": {
            "type": "batch.googleapis.com/Job",
            "labels": {
                "resource_container": f"projects/{project}",
                "location": location,
                "job_id": job_id,
            },
        },
        "labels": {
            **job.spec.get("labels", {}),
            "job_uid": job.uid,
            "task_group_name": GROUP,
            "task_id": task_label(job.uid, line.task, line.attempt),
            "runnable_index": str(line.runnable),
        },
        "severity": line.severity,
        "textPayload": line.text,
        "timestamp": timestamp(line.time_ns),
        "receiveTimestamp": timestamp(line.time_ns),
        "insertId": f"{line.task}.{line.attempt}.{line.runnable}.{line.severity}.{line.number}",
    }


def write_to_path(job: Job, folder: Path, target: Path, task: int, attempt: int) -> None:
    """Join an attempt's lines to the files of its task on the volume."""
    start = list(job.tasks[task].starts())[attempt]
    target.mkdir(parents=True, exist_ok=True)
    names = {severity: name for _, severity, name in _STREAMS}
    end = f"{job.uid}-{GROUP}-{task}.log"
    with ExitStack() as files:
        opened = {
            name: files.enter_context(_regular(target / f"{name}-{end}"))
            for name in ("stdout", "stderr", "output")
        }
        for line in lines_of(job, folder, task, attempt, start):
            text = _path_line(job.uid, line)
            opened[names[line.severity]].write(text)
            opened["output"].write(text)


def _regular(path: Path) -> IO[str]:
    """Open for appending; a link or a pipe that a task may have left there is an OSError."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o644), "a", encoding="utf-8")


def _path_line(uid: str, line: Line) -> str:
    moment = datetime.fromtimestamp(line.time_ns / 1e9, UTC).strftime("%Y/%m/%d %H:%M:%S")
    label = task_label(uid, line.task, line.attempt)
    return (
        f"[{LOG_NAME}]{moment} {line.severity}: "
        f"[task_id:{label},runnable_index:{line.runnable}] {line.text}\n"
    )


def _path(folder: Path, task: int, attempt: int, runnable: int, kind: str) -> Path:
    return folder / f"{task}-{attempt}-{runnable}.{kind}"


def _texts(path: Path, live: bool) -> Iterator[str]:
    """The lines of a file; a very long one in pieces, bytes that are no UTF-8 replaced.

    Of a file that is still written the line at its end is left out while it has no end itself.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        while piece := file.readline(_LONGEST):
            if live and len(piece) < _LONGEST and not piece.endswith(b"\n"):
                return
            yield piece.removesuffix(b"\n").decode("utf-8", "replace")


def _push(heap: list[tuple[Line, int, Iterator[Line]]], number: int, lines: Iterator[Line]) -> None:
    if (first := next(lines, None)) is not None:
        heapq.heappush(heap, (first, number, lines))


def _until(heap: list[tuple[Line, int, Iterator[Line]]], before: int | None) -> Iterator[Line]:
    while heap and (before is None or heap[0][0].time_ns < before):
        line, number, lines = heapq.heappop(heap)
        yield line
        _push(heap, number, lines)
