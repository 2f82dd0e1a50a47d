"""Many jobs followed at once, in virtual time: how often is read, how soon an end is noticed."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

import pytest
from google.api_core import exceptions

from components.batch.client import batch_client
from components.errors import ServiceError
from components.submit_batch_job.watch_many import PAGE, BatchReads, Known, Watched, watch_many
from components.supervision.clock import SystemClock
from components.supervision.life import Policy
from emulator.faults import Fault
from emulator.launch import Emulator
from tests.submit_batch_job.conftest import PARENT, job_of

POLICY = Policy()


class World:
    """A service and its time: jobs that end at a moment of their own. It runs out."""

    def __init__(self) -> None:
        self.time = 0.0
        self.ends: dict[str, float] = {}
        self.made: dict[str, float] = {}
        self.state: dict[str, str] = {}
        self.reads: list[float] = []
        self.noticed: dict[str, float] = {}
        self.waits: list[float] = []
        self.troubles: list[Exception] = []
        self.gone: set[str] = set()
        self.order: dict[str, list[str]] = {}

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        assert self.time < 10**7, "it watches without end"
        self.waits.append(seconds)
        self.time += seconds

    def stop_asked(self) -> str:
        return ""

    def job(self, name: str, made: float, ends: float, state: str = "SUCCEEDED") -> None:
        self.made[name], self.ends[name], self.state[name] = made, ends, state

    def page(self, parent: str, token: str) -> tuple[Sequence[Known], str]:
        self._read()
        names = self.order.get(parent)
        if names is None:
            there = [n for n in self.made if n.startswith(f"{parent}/") and n not in self.gone]
            names = sorted(there, key=lambda name: (-self.made[name], name))
            self.order[parent] = names
        first = int(token or 0)
        found = [self._known(name) for name in names[first : first + PAGE]]
        return found, str(first + PAGE) if first + PAGE < len(names) else ""

    def get(self, name: str) -> Known:
        self._read()
        if name not in self.made or name in self.gone:
            raise exceptions.NotFound(f"{name} was not found")
        return self._known(name)

    def _read(self) -> None:
        self.time += 0.3  # what a call takes
        self.reads.append(self.time)
        if self.troubles:
            raise self.troubles.pop(0)

    def _known(self, name: str) -> Known:
        if self.time < self.ends[name]:
            return Known(name, "RUNNING", "running")
        state = self.state[name]
        return Known(name, state, "succeeded" if state == "SUCCEEDED" else "failed", "why")

    def notice(self, job: Known) -> None:
        if job.ended:
            self.noticed[job.name] = self.time

    def watch(self, names: Sequence[str], policy: Policy = POLICY, **more: Any) -> Watched:
        return watch_many(names, self, self, policy, on_change=self.notice, **more)


def names_of(count: int, parent: str = PARENT) -> list[str]:
    return [f"{parent}/jobs/j{number}" for number in range(count)]


def held(world: World, names: Sequence[str]) -> None:
    """Every end noticed within twice the interval of then, and under two reads a second."""
    assert set(world.noticed) == set(names)
    spans = sorted(zip(world.reads, world.reads[1:], strict=False))
    for name in names:
        at = world.ends[name]
        late = world.noticed[name] - at
        interval = max((two - one for one, two in spans if one <= at + late and two >= at),
                       default=POLICY.poll_first)  # fmt: skip
        assert late <= 2 * max(interval, POLICY.poll_first) + 1.0, name
    seconds = world.reads[-1] - world.reads[0] + 1.0
    assert len(world.reads) / seconds < 2.0


@pytest.mark.parametrize("seed", range(2))
def test_500_jobs_that_end_at_any_time(seed: int) -> None:
    chance, world = random.Random(seed), World()
    names = names_of(500)
    for name in names:
        world.job(
            name, chance.uniform(-600, 0), chance.choice([1, 60, 600, 3000]) * chance.random()
        )
    got = world.watch(names)
    held(world, names)
    assert got.counts == {"SUCCEEDED": 500}
    assert got.reads == len(world.reads)


def test_500_jobs_that_end_at_once() -> None:
    world, names = World(), names_of(500)
    for name in names:
        world.job(name, -5, 1000)
    world.watch(names)
    held(world, names)
    assert max(world.noticed.values()) <= 1000 + 60


def test_quiet_jobs_cost_two_lists_of_three_pages_a_minute() -> None:
    world, names = World(), names_of(500)
    for name in names:
        world.job(name, -5, 3600)
    world.watch(names)
    assert len(world.reads) < 3600 / 30 * 3 + 60


def test_thousands_of_other_peoples_jobs_before_a_few_of_ours() -> None:
    world, names = World(), names_of(3)
    for name in names:
        world.job(name, -9000, 5000)
    for number in range(4000):
        world.job(f"{PARENT}/jobs/other{number}", -number, 10**6)
    world.watch(names)
    held(world, names)
    assert len(world.reads) < 5000 / 30 * 3 + 100  # got one by one, as that takes fewer reads


def test_several_places_share_the_reads() -> None:
    chance, world = random.Random(1), World()
    parents = [f"projects/p{number}/locations/us-east1" for number in range(20)]
    names = [name for parent in parents for name in names_of(25, parent)]
    for name in names:
        world.job(name, -5, chance.uniform(0, 3000))
    world.watch(names)
    assert set(world.noticed) == set(names)
    assert len(world.reads) / world.reads[-1] < 2.0


def test_what_is_gone_or_never_was_is_told() -> None:
    world, names = World(), names_of(3)
    for name in names[:2]:
        world.job(name, -5, 100)
    world.gone.add(names[1])
    got = world.watch(names)
    assert [job.state for job in got.jobs.values()] == ["SUCCEEDED", "DELETED", "DELETED"]


def test_troubles_pass_and_the_end_is_still_seen() -> None:
    world, names = World(), names_of(3)
    for name in names:
        world.job(name, -5, 50, "FAILED")
    world.troubles = [
        exceptions.ServiceUnavailable("x"), ConnectionError("y"), exceptions.TooManyRequests("z"),
    ]  # fmt: skip
    told: list[str] = []
    got = world.watch(names, on_trouble=told.append)
    assert [job.why for job in got.jobs.values()] == ["why"] * 3
    assert len(told) == 3


@pytest.mark.parametrize(
    ("trouble", "reads"),
    [(exceptions.Forbidden("no"), 5), (exceptions.InternalServerError("no"), 40)],
)
def test_troubles_that_stay_end_it(trouble: Exception, reads: int) -> None:
    world, names = World(), names_of(2)
    for name in names:
        world.job(name, -5, 50)
    world.troubles = [trouble] * 100
    with pytest.raises(ServiceError, match="cannot be read"):
        world.watch(names)
    assert len(world.reads) == reads


def test_it_leaves_when_the_time_is_over() -> None:
    world, names = World(), names_of(2)
    for name in names:
        world.job(name, -5, 10**6)
    got = world.watch(names, Policy(max_wait_s=600))
    assert got.counts == {"RUNNING": 2}
    assert 500 < world.time <= 601


def test_against_the_stand_in(emulator: Emulator) -> None:
    from google.cloud import batch_v1

    client = batch_client()
    for number in range(12):
        job = batch_v1.Job.from_json(json.dumps(job_of(f"exit {number // 11}")))
        client.create_job(parent=PARENT, job=job, job_id=f"j{number}")
    emulator.faults.add(Fault("batch.ListJobs", kind="drop"))
    quick = Policy(poll_first=0.05, poll_max=0.2, backoff_first=0.1)
    got = watch_many(names_of(12), BatchReads(client), SystemClock(), quick, reads_a_second=50.0)
    assert got.counts == {"SUCCEEDED": 11, "FAILED": 1}
    assert "exit code 1" in got.jobs[f"{PARENT}/jobs/j11"].why
    calls = emulator.faults.calls()
    assert calls["batch.ListJobs"] == got.reads
    assert "batch.GetJob" not in calls
