"""Last lines of output through Cloud Logging: few requests, and never an error."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from components.batch import logs

UID = "hello-3f2a-9c01"


def entry(index: int, text: str, **other: Any) -> dict[str, Any]:
    """An entry as Batch writes it."""
    return {
        "labels": {"job_uid": UID, "task_id": f"task/{UID}-group0-{index}/0/0"},
        "textPayload": text,
        **other,
    }


@dataclass
class Reply:
    """An HTTP answer."""

    body: Any
    status_code: int = 200
    text: str = ""

    def json(self) -> Any:
        return self.body


@dataclass
class Logging:
    """A stand-in of entries:list over a list of entries, newest first, with the filter's tasks."""

    entries: Sequence[dict[str, Any]]
    page: int = 1000
    bodies: list[dict[str, Any]] = field(default_factory=list)

    def post(self, url: str, *, json: Any, timeout: float) -> Reply:
        assert url == "http://logging.test/v2/entries:list"
        assert timeout > 0
        self.bodies.append(json)
        asked = set(re.findall(rf'"{UID}-group0-(\d+)/"', json["filter"]))
        found = [e for e in self.entries if not asked or _index(e) in asked]
        first = int(json.get("pageToken", 0))
        last = first + min(self.page, json["pageSize"])
        token = {"nextPageToken": str(last)} if last < len(found) else {}
        return Reply({"entries": found[first:last], **token})


def _index(some: dict[str, Any]) -> str:
    return str(some["labels"]["task_id"]).rsplit("-", 1)[1].split("/")[0]


def read(session: Any, indexes: Sequence[int], **options: Any) -> logs.Tails:
    return logs.tails(
        UID, indexes, project="p", session=session, endpoint="http://logging.test/", **options
    )


def test_lines_come_back_by_task_oldest_first() -> None:
    service = Logging([entry(1, "b2"), entry(0, "a2\n"), entry(1, "b1"), entry(0, "a1\n")])
    found = read(service, [0, 1])
    assert found.text == {0: "a1\na2", 1: "b1\nb2"}
    assert found.note == ""
    assert service.bodies[0]["resourceNames"] == ["projects/p"]
    assert service.bodies[0]["orderBy"] == "timestamp desc"
    assert 'logName="projects/p/logs/batch_task_logs"' in service.bodies[0]["filter"]
    assert f'labels.job_uid="{UID}"' in service.bodies[0]["filter"]


def test_task_1_is_not_task_10() -> None:
    service = Logging([entry(10, "ten"), entry(1, "one"), entry(100, "hundred")])
    assert read(service, [1]).text == {1: "one"}
    assert f'labels.task_id:("{UID}-group0-1/")' in service.bodies[0]["filter"]


def test_a_whole_small_job_is_asked_for_without_naming_its_tasks() -> None:
    service = Logging([entry(0, "a")])
    assert read(service, [0, 1, 2], whole_job=True).text == {0: "a"}
    assert "task_id" not in service.bodies[0]["filter"]


def test_only_the_last_lines_are_kept() -> None:
    service = Logging([entry(0, f"line {n}") for n in range(99, -1, -1)])
    assert read(service, [0], lines=3).text == {0: "line 97\nline 98\nline 99"}
    assert len(service.bodies) == 1


def test_a_chatty_task_does_not_hide_the_others() -> None:
    loud = [entry(0, f"noise {n}") for n in range(5000, 0, -1)]
    service = Logging([*loud, entry(1, "quiet 2"), entry(1, "quiet 1")])
    found = read(service, [0, 1], lines=20)
    assert found.text[1] == "quiet 1\nquiet 2"
    assert found.text[0].splitlines()[-1] == "noise 5000"
    assert len(service.bodies) == 2


def test_pages_are_followed() -> None:
    service = Logging([entry(n % 4, f"line {n}") for n in range(40, 0, -1)], page=7)
    found = read(service, [0, 1, 2, 3], lines=10)
    assert all(len(text.splitlines()) == 10 for text in found.text.values())
    assert found.note == ""


def test_few_requests_for_many_tasks_and_a_note_when_they_run_out() -> None:
    service = Logging([entry(n, "x") for n in range(1000)])
    found = read(service, range(1000), max_requests=3)
    assert len(service.bodies) == 3
    assert sorted(found.text) == list(range(300))
    assert "Cloud Logging" in found.note


def test_a_filter_stays_below_its_limit() -> None:
    service = Logging([])
    logs.tails(
        "j" * 63,
        range(99_900, 100_000),
        project="p",
        session=service,
        endpoint="http://logging.test",
    )
    assert max(len(body["filter"]) for body in service.bodies) < 20_000


@pytest.mark.parametrize(
    ("status", "word"),
    [(403, "roles/logging.viewer"), (401, "roles/logging.viewer"), (429, "60 reads"), (501, "501")],
)
def test_a_refusal_is_a_note(status: int, word: str) -> None:
    class Refusing:
        def post(self, url: str, **_: Any) -> Reply:
            return Reply({}, status)

    found = read(Refusing(), [0])
    assert found.text == {}
    assert word in found.note


@pytest.mark.parametrize("error", [requests.ConnectionError("no route"), ValueError("no JSON")])
def test_a_broken_connection_is_a_note(error: Exception) -> None:
    class Broken:
        def post(self, url: str, **_: Any) -> Reply:
            raise error

    assert str(error) in read(Broken(), [0]).note


def test_what_was_read_before_a_refusal_is_kept() -> None:
    answers: Iterator[Reply] = iter(
        [Reply({"entries": [entry(0, "early")], "nextPageToken": "t"}), Reply({}, 429)]
    )

    class Tiring:
        def post(self, url: str, **_: Any) -> Reply:
            return next(answers)

    found = read(Tiring(), [0])
    assert found.text == {0: "early"}
    assert found.note


@pytest.mark.parametrize("uid", ["", 'x" OR labels.job_uid="other', "a b"])
def test_what_is_no_uid_never_reaches_a_filter(uid: str) -> None:
    service = Logging([])
    found = logs.tails(uid, [0], project="p", session=service, endpoint="http://logging.test")
    assert service.bodies == []
    assert found.note


def test_structured_entries_and_entries_of_others() -> None:
    service = Logging(
        [
            entry(0, "", textPayload="text"),
            {**_without_text(entry(0, "")), "jsonPayload": {"message": "structured"}},
            {**_without_text(entry(0, "")), "jsonPayload": {"level": "high"}},
            {"labels": {"task_id": f"task/other{UID}-group0-0/0/0"}, "textPayload": "not ours"},
            {"labels": {"task_id": "task/nonsense/0"}, "textPayload": "not ours"},
        ]
    )
    assert read(service, [0], whole_job=True).text == {0: '{"level": "high"}\nstructured\ntext'}


def _without_text(some: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in some.items() if key != "textPayload"}


def test_a_very_long_line_is_cut_at_its_beginning() -> None:
    found = read(Logging([entry(0, "x" * 100_000 + "end")]), [0])
    assert len(found.text[0]) < 17_000
    assert found.text[0].endswith("end")
