"""Faults hit the call that was named and no other."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from emulator.faults import Fault, Faults
from emulator.http import Request, Response, Route, Running, Service, serve


@pytest.mark.parametrize(
    ("fault", "hit"),
    [
        (Fault("a.x"), [1]),
        (Fault("a.x", nth=3), [3]),
        (Fault("a.x", nth=2, count=2), [2, 3]),
        (Fault("a.y"), []),
        (Fault("*", nth=2), [2]),
    ],
)
def test_the_nth_call_and_its_followers_are_hit(fault: Fault, hit: list[int]) -> None:
    faults = Faults()
    faults.note("a.x")  # calls before the fault was set do not count for it
    faults.add(fault)
    assert [n for n in range(1, 6) if faults.note("a.x")] == hit


def test_all_calls_are_counted_and_clearing_forgets() -> None:
    faults = Faults()
    faults.add(Fault("a.x"))
    for method in ("a.x", "a.x", "b.y"):
        faults.note(method)
    assert faults.calls() == {"a.x": 2, "b.y": 1}
    faults.add(Fault("a.x"))
    faults.clear()
    assert faults.calls() == {}
    assert faults.note("a.x") is None


def test_each_call_is_told_before_it_is_carried_out_and_hits_are_counted() -> None:
    faults = Faults()
    told: list[str] = []
    faults.on_call = lambda method: told.append(f"{method} {faults.calls().get(method, 0)}")
    faults.add(Fault("a.x", nth=2, count=2))
    faults.add(Fault("b.y"))
    for method in ("a.x", "a.x", "a.x", "a.x"):
        faults.note(method)
    assert told == ["a.x 0", "a.x 1", "a.x 2", "a.x 3"]
    assert faults.hits() == {Fault("a.x", nth=2, count=2): 2}
    faults.clear()
    assert faults.hits() == {}


def test_of_many_threads_exactly_as_many_calls_are_hit_as_asked() -> None:
    faults = Faults()
    faults.add(Fault("a.x", nth=10, count=5))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: faults.note("a.x"), range(200)))
    assert sum(fault is not None for fault in found) == 5
    assert faults.calls() == {"a.x": 200}


@pytest.fixture
def work() -> list[bytes]:
    return []


@pytest.fixture
def running(work: list[bytes]) -> Iterator[Running]:
    def do(request: Request) -> Response:
        work.append(request.read())
        return Response(body={"done": len(work)})

    server = serve(Service("test", [Route("POST", "/work", do, "test.work")]))
    yield server
    server.stop()


def _set(running: Running, **fault: object) -> requests.Response:
    return requests.post(f"{running.url}/_emulator/faults", json=fault, timeout=60)


def _work(running: Running) -> requests.Response:
    return requests.post(f"{running.url}/work", data=b"x" * 100, timeout=60)


def test_an_asked_status_is_answered_and_nothing_done(running: Running, work: list[bytes]) -> None:
    _set(running, method="test.work", kind="status", status=429)
    answer = _work(running)
    assert (answer.status_code, answer.json()["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert work == []
    assert _work(running).json() == {"done": 1}


def test_a_dropped_call_does_nothing(running: Running, work: list[bytes]) -> None:
    _set(running, method="test.work", kind="drop")
    with pytest.raises(requests.ConnectionError):
        _work(running)
    assert work == []


def test_a_lost_reply_leaves_the_work_done(running: Running, work: list[bytes]) -> None:
    _set(running, method="test.work", kind="lose_reply")
    with pytest.raises(requests.ConnectionError):
        _work(running)
    assert len(work) == 1


def test_the_endpoints_count_clear_and_are_not_counted_themselves(running: Running) -> None:
    _set(running, method="*", nth=2)
    _work(running)
    calls = requests.get(f"{running.url}/_emulator/calls", timeout=60)
    assert calls.json() == {"test.work": 1}
    requests.delete(f"{running.url}/_emulator/faults", timeout=60)
    assert _work(running).status_code == 200


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ({}, "method"),
        ({"method": 5}, "method"),
        ({"method": "a.x", "kind": "explode"}, "kind"),
        ({"method": "a.x", "nth": 0}, "nth"),
        ({"method": "a.x", "count": True}, "count"),
        ({"method": "a.x", "status": 200}, "status"),
        ({"method": "a.x", "nht": 1}, "nht"),
    ],
)
def test_a_fault_that_is_none_is_refused(
    running: Running, fault: dict[str, object], named: str
) -> None:
    answer = _set(running, **fault)
    assert answer.status_code == 400
    assert f"'{named}'" in answer.json()["error"]["message"]
