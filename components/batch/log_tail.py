"""The newest lines that tasks print, and the ones after them as they come, from Cloud Logging.

Reading is limited to 60 requests a minute and project (Logging quotas, entries.list), which
everybody in the project shares: at most 30 a minute are made here, fewer while nothing new comes,
and an answer of 429 is waited out. Entries may arrive after others that are younger, so each read
begins a minute before the newest that was seen; what was seen is known by its insertId (LogEntry,
v2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.batch.logs import (
    Session,
    log_filter,
    message,
    refusal,
    task_id,
    task_pattern,
)
from components.credentials import only_away
from components.errors import ServiceError
from components.supervision.clock import Clock
from components.tables.formats import moment, stamp

PAGE = 1000  # the greatest pageSize of entries.list
_TIMEOUT_S = 30.0
_PASSING = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class LogLine:
    """One entry of a task. `time` is RFC 3339 as the service gives it."""

    task: int
    time: str
    severity: str
    text: str


@dataclass(frozen=True)
class Pace:
    """How often to read. Seconds.

    Attributes:
        between: the least time between two requests.
        first: the wait after a read that brought something.
        most: the longest wait while nothing comes.
        overlap: so far before the newest entry each read begins; None: at the beginning, which
            suits a stand-in that gives each line the time at which its attempt began.
        settle: after the job has ended, entries may still arrive for so long.
        wait_429: the wait after an answer that the limit is reached, and after other troubles.
        tries: so many requests in a row may fail.
    """

    between: float = 2.0
    first: float = 3.0
    most: float = 15.0
    overlap: float | None = 60.0
    settle: float = 10.0
    wait_429: float = 30.0
    tries: int = 6


LOCAL = Pace(between=0.0, first=0.2, most=0.5, overlap=None, settle=0.0, wait_429=0.2)


@dataclass
class Source:
    """Whose lines are read.

    Attributes:
        session: makes the requests.
        endpoint: base URL that goes with it.
        project: id of the project that the job runs in.
        uid: the job's uid.
        group: name of its task group.
        tasks: of which tasks; empty: of all.
        clock: time and waiting.
        pace: how often to read.
        trouble: is told of a read that failed and is tried again.
    """

    session: Session
    endpoint: str
    project: str
    uid: str
    group: str
    tasks: Sequence[int]
    clock: Clock
    pace: Pace = field(default_factory=Pace)
    trouble: Callable[[str], None] = lambda _: None
    _next_at: float = 0.0

    def newest(self, lines: int) -> list[Mapping[str, Any]]:
        """The newest entries, the oldest of them first.

        Raises:
            ServiceError: reading is refused, or failed too often.
        """
        found: list[Mapping[str, Any]] = []
        for page in self._pages("timestamp desc", "", min(lines, PAGE)):
            found += page
            if len(found) >= lines:
                break
        return found[:lines][::-1]

    def since(self, time: str) -> Iterator[Mapping[str, Any]]:
        """The entries from a time on (RFC 3339; empty: all), the oldest first.

        Raises:
            ServiceError: reading is refused, or failed too often.
        """
        for page in self._pages("timestamp asc", time, PAGE):
            yield from page

    def line(self, entry: Mapping[str, Any]) -> LogLine | None:
        """The entry as a line; None for one that is no task's."""
        found = task_pattern(self.uid, self.group).search(task_id(entry))
        if not found:
            return None
        severity = str(entry.get("severity", ""))
        return LogLine(int(found[1]), str(entry.get("timestamp", "")), severity, message(entry))

    def _pages(self, order: str, time: str, size: int) -> Iterator[list[Mapping[str, Any]]]:
        query = log_filter(self.project, self.uid, self.group, self.tasks)
        body: dict[str, Any] = {
            "resourceNames": [f"projects/{self.project}"],
            "filter": f'{query} AND timestamp>="{time}"' if time else query,
            "orderBy": order,
            "pageSize": size,
        }
        while True:
            page = self._read(body)
            yield list(page.get("entries", ()))
            token = str(page.get("nextPageToken", ""))
            if not token:
                return
            body = {**body, "pageToken": token}

    def _read(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        import requests
        from google.auth.exceptions import GoogleAuthError

        url = f"{self.endpoint.rstrip('/')}/v2/entries:list"
        for left in reversed(range(self.pace.tries)):
            self._keep_pace()
            try:
                answer = self.session.post(url, json=body, timeout=_TIMEOUT_S)
                if answer.status_code == 200:
                    page: Mapping[str, Any] = answer.json()
                    return page
                why, passing = refusal(answer), answer.status_code in _PASSING
            except (requests.RequestException, GoogleAuthError, ValueError) as error:
                if isinstance(error, GoogleAuthError) and not only_away(error):
                    raise
                why, passing = f"no answer ({type(error).__name__}).", True
            if not passing or not left:
                raise ServiceError(f"The logs cannot be read: {why.rstrip('.')}")
            self.trouble(f"waiting {self.pace.wait_429:g} s: {why}")
            self.clock.sleep(self.pace.wait_429)
        raise AssertionError("the last try returns or raises")

    def _keep_pace(self) -> None:
        wait = self._next_at - self.clock.now()
        if wait > 0:
            self.clock.sleep(wait)
        self._next_at = self.clock.now() + self.pace.between


def last_lines(source: Source, lines: int) -> list[LogLine]:
    """The newest lines, the oldest of them first.

    Raises:
        ServiceError: reading is refused, or failed too often.
    """
    found = (source.line(entry) for entry in source.newest(lines))
    return [line for line in found if line is not None]


def follow(source: Source, lines: int, ended: Callable[[], bool]) -> Iterator[LogLine]:
    """The newest lines, then every further one as it comes, until the job has ended.

    Args:
        source: whose lines.
        lines: how many of those that are there already.
        ended: whether the job has ended; asked once a read.

    Raises:
        ServiceError: reading is refused, or failed too often.
    """
    overlap = source.pace.overlap
    entries = list(source.since("")) if overlap is None else source.newest(lines)
    shown = entries[-lines:]
    seen = {_id(entry): _time(entry) for entry in entries}
    yield from _lines(source, shown)
    # Older than the first one shown: left out on purpose.
    floor = _time(shown[0]) if shown and overlap is not None and len(shown) == lines else 0.0
    newest, wait, over = max(seen.values(), default=0.0), source.pace.first, False
    while not over:
        source.clock.sleep(wait)
        over = ended()
        if over and source.pace.settle:
            source.clock.sleep(source.pace.settle)
        begin = moment(newest - overlap) if overlap is not None and newest > overlap else ""
        fresh = [entry for entry in source.since(begin) if _id(entry) not in seen]
        seen.update((_id(entry), _time(entry)) for entry in fresh)
        yield from _lines(source, [entry for entry in fresh if _time(entry) >= floor])
        newest = max([newest, *(_time(entry) for entry in fresh)])
        if overlap is not None:
            seen = {key: at for key, at in seen.items() if at >= newest - overlap - 1}
        wait = source.pace.first if fresh else min(source.pace.most, wait * 1.5)


def _lines(source: Source, entries: Sequence[Mapping[str, Any]]) -> Iterator[LogLine]:
    for entry in entries:
        line = source.line(entry)
        if line is not None:
            yield line


def _id(entry: Mapping[str, Any]) -> str:
    return f"{entry.get('insertId', '')}/{task_id(entry)}"


def _time(entry: Mapping[str, Any]) -> float:
    return stamp(entry.get("timestamp")) or 0.0
