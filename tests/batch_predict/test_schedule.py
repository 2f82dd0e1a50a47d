"""Many courses on one clock, with services that are written out by hand."""

from __future__ import annotations

from components.batch_predict.schedule import Supervised, Surroundings, supervise_all
from components.supervision.driver import MemoryStore
from components.supervision.ledger import Ledger
from components.supervision.life import Accepted, Failed, Life, Missing, Observation, Policy, Seen

POLICY = Policy(dedupe_s=None)


class Clock:
    def __init__(self, stop_at: float = 1e18) -> None:
        self.time = 0.0
        self.stop_at = stop_at

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        wake = self.time + seconds
        self.time = self.stop_at if self.time < self.stop_at < wake else wake

    def stop_asked(self) -> str:
        return "SIGTERM" if self.time >= self.stop_at else ""


class Jobs:
    """A job that runs from its creation for so long; calls and their times are noted."""

    def __init__(self, clock: Clock, calls: list[tuple[str, float]], lasts: float) -> None:
        self.clock, self.calls, self.lasts = clock, calls, lasts
        self.made: float | None = None
        self.cancelled = False
        self.down_until = 0.0

    def _seen(self) -> Observation:
        if self.made is None:
            return Missing()
        if self.cancelled:
            return Seen("j", "cancelled", "u", "CANCELLED")
        over = self.clock.time >= self.made + self.lasts
        return Seen("j", "succeeded" if over else "running", "u", "DONE" if over else "RUNNING")

    def _call(self, name: str) -> Observation | None:
        self.calls.append((name, self.clock.time))
        return Failed("503") if self.clock.time < self.down_until else None

    def find(self) -> Observation:
        return self._call("find") or self._seen()

    def create(self) -> Observation:
        failed = self._call("create")
        if failed:
            return failed
        assert self.made is None
        self.made = self.clock.time
        return self._seen()

    def look(self, name: str) -> Observation:
        return self._call("look") or self._seen()

    def cancel(self, name: str) -> Observation:
        self._call("cancel")
        self.cancelled = True
        return Accepted()


def play(lasts: list[float], stop_at: float = 1e18, down: float = 0.0, at_once: int = 0) -> tuple[
    list[Ledger], list[tuple[str, float]], Clock, int
]:  # fmt: skip
    clock, calls = Clock(stop_at), []  # type: ignore[var-annotated]
    jobs = [Jobs(clock, calls, seconds) for seconds in lasts]
    stores = [MemoryStore() for _ in jobs]
    most = 0

    def count() -> None:
        nonlocal most
        most = max(most, sum(j.made is not None and not j.cancelled
                             and clock.time < j.made + j.lasts for j in jobs))  # fmt: skip

    for job in jobs:
        job.down_until = down
    around = Surroundings(clock, lambda least, most: most, count, at_once=at_once)
    lives = [Supervised(j, s, Ledger(Life(), {})) for j, s in zip(jobs, stores, strict=True)]
    supervise_all(lives, POLICY, around)
    ledgers = [store.load().ledger for store in stores]
    assert all(ledgers)
    return [ledger for ledger in ledgers if ledger], calls, clock, most


def test_jobs_run_beside_each_other() -> None:
    ledgers, _, clock, most = play([100.0, 1000.0, 1000.0, 10.0])
    assert [ledger.outcome for ledger in ledgers] == ["succeeded"] * 4
    assert 1000 <= clock.time < 1000 + POLICY.poll_max * 2
    assert most == 4


def test_only_so_many_at_once() -> None:
    ledgers, _, clock, most = play([100.0] * 6, at_once=2)
    assert [ledger.outcome for ledger in ledgers] == ["succeeded"] * 6
    assert most == 2
    assert clock.time >= 300


def test_an_outage_costs_one_call_at_a_time() -> None:
    ledgers, calls, _, _ = play([100.0] * 50, down=3600.0)
    assert [ledger.outcome for ledger in ledgers] == ["succeeded"] * 50
    during = [call for call, at in calls if at < 3600.0]
    assert len(during) < 600  # by themselves, 50 jobs would ask 50 * 60 times and more


def test_a_stop_reaches_every_job_at_once() -> None:
    ledgers, calls, clock, _ = play([1e6] * 5, stop_at=777.0)
    assert [ledger.outcome for ledger in ledgers] == ["cancelled"] * 5
    assert [at for call, at in calls if call == "cancel"] == [777.0] * 5
    assert clock.time < 777 + 100


def test_a_stop_before_a_job_had_its_turn_makes_none() -> None:
    ledgers, calls, _, _ = play([1e6] * 5, stop_at=777.0, at_once=2)
    assert [ledger.outcome for ledger in ledgers] == ["cancelled"] * 5
    assert sum(call == "create" for call, _ in calls) == 2
