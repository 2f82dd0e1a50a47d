"""The driver with services and ledgers that are written out by hand."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from components.errors import InputError, ServiceError
from components.supervision import ledger as ledgers
from components.supervision.driver import (
    FileStore,
    LedgerStore,
    Loaded,
    Lost,
    MemoryStore,
    Saved,
    supervise,
)
from components.supervision.ledger import Ledger
from components.supervision.life import (
    Accepted,
    Failed,
    Life,
    Missing,
    Observation,
    Policy,
    Seen,
    Unanswered,
)

RUNNING, DONE = Seen("jobs/j", "running", "u", "RUNNING"), Seen("jobs/j", "succeeded", "u", "OK")


class Jobs:
    """Answers from a list; an answer too few fails the test."""

    def __init__(self, answers: Iterable[Observation]) -> None:
        self.answers = iter(answers)
        self.calls: list[str] = []

    def _next(self, call: str) -> Observation:
        self.calls.append(call)
        return next(self.answers)

    def find(self) -> Observation:
        return self._next("find")

    def create(self) -> Observation:
        return self._next("create")

    def look(self, name: str) -> Observation:
        return self._next("look")

    def cancel(self, name: str) -> Observation:
        return self._next("cancel")


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def stop_asked(self) -> str:
        return ""


def follow(jobs: Jobs, store: LedgerStore, **more: object) -> Ledger:
    return supervise(
        jobs,
        store,
        Clock(),
        fresh=Ledger(Life(), {"job_id": "j"}),
        policy=Policy(),
        draw=lambda least, most: most,
        **more,  # type: ignore[arg-type]
    )


def test_each_change_is_written_before_the_call_that_follows_it() -> None:
    """What the ledger says while each call is made."""
    store, said = MemoryStore(), []

    class Watched(Jobs):
        def _next(self, call: str) -> Observation:
            ledger = store.load().ledger
            said.append((call, ledger.life.phase if ledger else None))
            return super()._next(call)

    follow(Watched([Missing(), RUNNING, DONE]), store)
    assert said == [("find", "find"), ("create", "create"), ("look", "watch")]


def test_polls_that_change_nothing_are_not_written() -> None:
    store = MemoryStore()
    follow(Jobs([RUNNING] * 50 + [DONE]), store)
    assert store.load().version == "3"  # found, running, done


def test_trouble_is_told() -> None:
    told: list[str] = []
    answers = [Missing(), Unanswered("dropped"), Failed("503"), RUNNING, DONE]
    follow(Jobs(answers), MemoryStore(), on_trouble=told.append)
    assert told == ["dropped", "503"]


class Contended(MemoryStore):
    """Another process takes the job up just before this one writes that it will create it."""

    def __init__(self, theirs: Ledger) -> None:
        super().__init__()
        self.theirs: Ledger | None = theirs

    def save(self, ledger: Ledger, version: str | None) -> Saved | Lost | Failed:
        if ledger.life.phase == "create" and self.theirs:
            theirs, self.theirs = self.theirs, None
            super().save(theirs, version)
            return Lost()
        return super().save(ledger, version)


def test_the_loser_of_a_write_goes_on_as_a_watcher() -> None:
    theirs = Ledger(Life(phase="watch", job_name="jobs/j", state="RUNNING"), {"job_id": "j"})
    jobs = Jobs([Missing(), RUNNING, DONE])
    assert follow(jobs, Contended(theirs)).outcome == "succeeded"
    assert jobs.calls == ["find", "look", "look"]


class Followed(MemoryStore):
    """Another process made a job, and wrote it down while this one made a second."""

    def save(self, ledger: Ledger, version: str | None) -> Saved | Lost | Failed:
        if ledger.job_name == "projects/1/jobs/two":
            theirs = Life(phase="watch", job_name="projects/p/jobs/one", state="RUNNING")
            super().save(Ledger(theirs), super().load().version)
            return Lost()
        return super().save(ledger, version)


@pytest.mark.parametrize("running", [True, False])
def test_a_second_job_of_the_same_work_is_cancelled(running: bool) -> None:
    """The other process made its own at the same time; only one of them is followed and paid."""
    stage = "running" if running else "failed"
    second = Seen("projects/1/jobs/two", stage, "two", stage.upper())  # type: ignore[arg-type]
    first = Seen("projects/1/jobs/one", "succeeded", "one", "OK")
    jobs = Jobs([Missing(), second, *[Accepted()] * running, first])
    ended = follow(jobs, Followed())
    assert jobs.calls == ["find", "create", *["cancel"] * running, "look"]
    assert (ended.job_name, ended.outcome) == ("projects/1/jobs/one", "succeeded")


class Broken(MemoryStore):
    """Cannot be written so many times, from the n-th write on."""

    def __init__(self, first: int, count: int) -> None:
        super().__init__()
        self.writes, self.failing = 0, range(first, first + count)

    def save(self, ledger: Ledger, version: str | None) -> Saved | Lost | Failed:
        self.writes += 1
        return Failed("disk full") if self.writes in self.failing else super().save(ledger, version)


@pytest.mark.parametrize("first", [1, 2, 3])
def test_a_ledger_that_fails_for_a_while_does_no_harm(first: int) -> None:
    jobs = Jobs([Missing(), *[RUNNING] * 3, DONE])
    if first < 3:  # written before the job was made: looked for once more
        jobs = Jobs([*[Missing()] * first, *[RUNNING] * 3, DONE])
    assert follow(jobs, Broken(first, 5)).outcome == "succeeded"
    assert jobs.calls.count("create") <= 1


def test_a_ledger_that_cannot_be_written_ends_the_process() -> None:
    jobs = Jobs([])
    with pytest.raises(ServiceError, match="disk full"):
        follow(jobs, Broken(1, 99))
    assert jobs.calls == []


def test_until_made_returns_as_soon_as_the_job_is_known() -> None:
    jobs = Jobs([Missing(), RUNNING])
    ledger = follow(jobs, MemoryStore(), until="made")
    assert (ledger.life.phase, ledger.outcome) == ("watch", None)


def test_a_file_is_a_ledger(tmp_path: Path) -> None:
    store = FileStore(str(tmp_path / "deep" / "submission.json"))
    assert store.load() == Loaded(None, None)
    first = store.save(Ledger(), None)
    assert isinstance(first, Saved)
    assert store.save(Ledger(Life(uid="late")), None) == Lost()
    assert isinstance(store.save(Ledger(Life(uid="u")), first.version), Saved)
    assert store.save(Ledger(Life(uid="late")), first.version) == Lost()
    assert ledgers.from_text(Path(store.uri).read_text()).life.uid == "u"


def test_a_file_that_is_no_ledger_is_told(tmp_path: Path) -> None:
    (tmp_path / "submission.json").write_text("hello")
    with pytest.raises(InputError, match="not the ledger"):
        follow(Jobs([]), FileStore(str(tmp_path / "submission.json")))
