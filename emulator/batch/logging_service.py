"""The `logging` stand-in: `entries.list` over what the tasks of Batch jobs printed."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from emulator.batch import filters, paging
from emulator.batch.book import JobBook
from emulator.batch.filters import Term
from emulator.batch.jobs import GROUP, Job
from emulator.batch.logs import LOG_NAME, Line, entry, lines_of, lines_of_job, task_label
from emulator.faults import Faults
from emulator.http import ApiError, Request, Response, Route, Service

_DEFAULT_PAGE, _LARGEST_PAGE = 50, 1_000  # the service's
_ORDERS = {"": False, "timestamp": False, "timestamp asc": False, "timestamp desc": True}
_FIELDS = ("logName", "log_name", "severity", "timestamp")


def logging_service(book: JobBook, faults: Faults) -> Service:
    """The stand-in of Cloud Logging; it reads, and nothing can be written to it."""

    def list_entries(request: Request) -> Response:
        return Response(body=entries_page(book, request.json()))

    route = Route("POST", "/v2/entries:list", list_entries, "logging.ListLogEntries")
    return Service(name="logging", faults=faults, routes=[route])


def entries_page(book: JobBook, body: dict[str, Any]) -> dict[str, Any]:
    """A page of log entries.

    Raises:
        ApiError: 400 for a filter, an order, a size or a token that is not understood.
    """
    projects = {str(name) for name in body.get("resourceNames", [])}
    if not projects:
        raise ApiError(400, "INVALID_ARGUMENT", "At least one resource name is required.")
    terms = filters.parse(str(body.get("filter", "")), _is_field)
    order = str(body.get("orderBy", ""))
    if order not in _ORDERS:
        raise ApiError(400, "INVALID_ARGUMENT", f"orderBy '{order[:100]}' is not supported.")
    size = paging.page_size(body, _DEFAULT_PAGE, _LARGEST_PAGE)
    start = paging.after(body)
    skip = start if isinstance(start, int) and start > 0 else 0
    jobs = [job for job in book.everything() if _of_projects(job, projects)]
    found = _found(book, jobs, terms)
    if _ORDERS[order]:
        found = _backwards(lambda: _found(book, jobs, terms), skip + size + 1)
    page = list(islice(found, skip, skip + size + 1))
    answer: dict[str, Any] = {"entries": [entry(job, line) for job, line in page[:size]]}
    if len(page) > size:
        answer["nextPageToken"] = paging.token(skip + size)
    return answer


def _found(book: JobBook, jobs: Iterable[Job], terms: list[Term]) -> Iterator[tuple[Job, Line]]:
    for job in sorted(jobs, key=lambda job: job.created_ns):
        if job.spec.get("logsPolicy", {}).get("destination") == "CLOUD_LOGGING" and all(
            _job_passes(job, term) for term in terms
        ):
            for line in _lines(book, job, terms):
                if all(_line_passes(job, line, term) for term in terms):
                    yield job, line


def _backwards(
    found: Callable[[], Iterator[tuple[Job, Line]]], most: int
) -> Iterator[tuple[Job, Line]]:
    """The last ones, the last first; no more are held in memory than are needed."""
    return reversed(deque(found(), maxlen=most))


def _lines(book: JobBook, job: Job, terms: list[Term]) -> Iterator[Line]:
    """The lines of the attempts that the filter names, or of all; others are not read."""
    folder = book.folder_of(job) / "logs"
    named = [term.values for term in terms if term[:2] == ("labels.task_id", "=")]
    if not named:
        yield from lines_of_job(job, folder)
        return
    for label in sorted(set(named[0]), key=_label_order):
        task, attempt = _label_order(label)
        known = job.tasks.get(task)
        starts = list(known.starts()) if known else []
        if attempt < len(starts) and label == task_label(job.uid, task, attempt):
            yield from lines_of(job, folder, task, attempt, starts[attempt])


def _label_order(label: str) -> tuple[int, int]:
    found = re.fullmatch(rf"task/.*-{GROUP}-(\d{{1,6}})/(\d{{1,3}})/0", label)
    return (int(found[1]), int(found[2])) if found else (-1, 0)


def _is_field(name: str) -> bool:
    return name in _FIELDS or name.startswith("labels.")


def _of_projects(job: Job, projects: set[str]) -> bool:
    return "/".join(job.name.split("/")[:2]) in projects


def _job_passes(job: Job, term: Term) -> bool:
    """What can be said without reading a line."""
    if term.field in ("logName", "log_name"):
        return term.holds(f"{'/'.join(job.name.split('/')[:2])}/logs/{LOG_NAME}")
    if term.field == "labels.job_uid":
        return term.holds(job.uid)
    return True


def _line_passes(job: Job, line: Line, term: Term) -> bool:
    if term.field == "timestamp":
        return term.holds_at(line.time_ns)
    if term.field == "severity":
        return term.holds(line.severity)
    if term.field.startswith("labels.") and term.field != "labels.job_uid":
        labels = entry(job, line)["labels"]
        return term.holds(labels.get(term.field.removeprefix("labels."), ""))
    return True
