"""Following lines through Cloud Logging: its limit, entries that come late, troubles."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests

from components.batch.log_tail import LOCAL, PAGE, Pace, Source, follow, last_lines
from components.errors import ServiceError
from components.tables.formats import moment, stamp

UID = "job-uid"
START = 1_800_000_000.0


class Reply:
    """An HTTP answer."""

    def __init__(self, body: Any, status_code: int = 200) -> None:
        self.status_code, self.body, self.text = status_code, body, ""

    def json(self) -> Any:
        return self.body


class Service:
    """entries:list in virtual time: an entry is there from `arrives` on. It runs out, too."""

    def __init__(self) -> None:
        self.time = START
        self.entries: list[tuple[float, float, str, int]] = []
        self.asked: list[float] = []
        self.troubles: list[Any] = []
        self.ends_at = START + 60

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        assert self.time < START + 100_000, "it follows without end"
        self.time += seconds

    def stop_asked(self) -> str:
        return ""

    def ended(self) -> bool:
        return self.time >= self.ends_at

    def put(self, text: str, at: float, *, late: float = 0.0, task: int = 0) -> None:
        self.entries.append((START + at, START + at + late, text, task))

    def post(self, url: str, *, json: Any, timeout: float) -> Any:
        self.asked.append(self.time)
        if self.troubles:
            trouble = self.troubles.pop(0)
            if isinstance(trouble, Exception):
                raise trouble
            return Reply({}, trouble)
        found = re.search(r'timestamp>="([^"]+)"', json["filter"])
        since = stamp(found[1]) or 0.0 if found else 0.0
        known = sorted(e for e in self.entries if e[1] <= self.time and e[0] >= since)
        if json["orderBy"].endswith("desc"):
            known.reverse()
        first = int(json.get("pageToken", 0))
        last = first + json["pageSize"]
        token = {"nextPageToken": str(last)} if last < len(known) else {}
        return Reply({"entries": [self._entry(e) for e in known[first:last]], **token})

    def _entry(self, found: tuple[float, float, str, int]) -> dict[str, Any]:
        at, _, text, task = found
        return {
            "insertId": text,
            "timestamp": moment(at),
            "severity": "ERROR",
            "labels": {"task_id": f"task/{UID}-group0-{task}/0/0"},
            "textPayload": text,
        }


def source(service: Service, pace: Pace | None = None) -> Source:
    told: Callable[[str], None] = lambda _: None  # noqa: E731
    return Source(service, "http://x", "p", UID, "group0", [], service, pace or Pace(), told)


def texts(service: Service, lines: int = 100, pace: Pace | None = None) -> list[str]:
    return [line.text for line in follow(source(service, pace), lines, service.ended)]


def test_each_line_comes_once_also_one_that_arrives_late() -> None:
    service = Service()
    for number in range(50):
        service.put(f"line {number}", number, late=25.0 if number % 7 == 3 else 0.5)
    assert sorted(texts(service), key=lambda text: int(text[5:])) == [
        f"line {n}" for n in range(50)
    ]
    minutes = (service.time - START) / 60
    assert len(service.asked) / minutes < 30


def test_what_comes_just_before_the_end_is_waited_for() -> None:
    service = Service()
    service.put("last words", 59.0, late=8.0)
    assert texts(service) == ["last words"]


def test_a_quiet_job_is_read_less_and_less() -> None:
    service = Service()
    service.ends_at = START + 3600
    service.put("hello", -5)
    assert texts(service) == ["hello"]
    assert len(service.asked) < 3600 / 15 + 10


def test_a_flood_keeps_the_pace() -> None:
    service = Service()
    for number in range(25 * PAGE):
        service.put(f"{number}", 1 + number / PAGE)
    assert len(texts(service)) == 25 * PAGE
    for first, second in zip(service.asked, service.asked[1:], strict=False):
        assert second - first >= 2.0


def test_the_newest_lines_first_and_none_older_later() -> None:
    service = Service()
    for number in range(-20, 0):
        service.put(f"{number}", number)
    service.put("new", 5)
    assert texts(service, lines=3) == ["-3", "-2", "-1", "new"]
    assert [line.text for line in last_lines(source(service), 2)] == ["-1", "new"]


def test_a_stand_in_is_read_from_the_beginning() -> None:
    service = Service()
    service.put("young", -1, task=1)
    service.put("old", -500, late=510)  # of an attempt that began long before
    assert texts(service, pace=LOCAL) == ["young", "old"]


def test_troubles_pass() -> None:
    service = Service()
    service.put("a", -1)
    service.troubles = [429, requests.ConnectionError(), 503]
    told: list[str] = []
    reading = source(service)
    reading.trouble = told.append
    assert [line.text for line in last_lines(reading, 5)] == ["a"]
    assert service.time >= START + 90
    assert "limit of 60 reads" in told[0]


@pytest.mark.parametrize(
    ("troubles", "told"), [([403], "roles/logging.viewer"), ([500] * 9, "500")]
)
def test_troubles_that_stay_are_told(troubles: list[int], told: str) -> None:
    service = Service()
    service.troubles = list(troubles)
    with pytest.raises(ServiceError, match=told):
        last_lines(source(service), 5)
    assert len(service.asked) == (1 if troubles == [403] else 6)


def test_entries_of_nobody_are_left_out() -> None:
    service = Service()
    service.put("mine", -1, task=12)
    reading = source(service)
    reading.uid = "other"
    assert last_lines(reading, 5) == []
    assert last_lines(source(service), 5)[0].task == 12
