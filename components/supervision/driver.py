"""The driver: writes each change of a life down before it acts on it, and makes the calls.

`course` is the order of things without any input or output: it yields what is to be done and is
sent what came of it, so that a test can run thousands of courses side by side in virtual time and
drop one anywhere, as a crash would. `supervise` performs a course against a real service.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, Protocol

from components.errors import ServiceError
from components.supervision import ledger as ledgers
from components.supervision.clock import Clock
from components.supervision.ledger import Ledger
from components.supervision.life import (
    CANCELLABLE,
    Action,
    Cancel,
    Create,
    End,
    Failed,
    Find,
    Life,
    Look,
    Observation,
    Policy,
    Seen,
    StopAsked,
    Unanswered,
    Wait,
    Woke,
)
from components.supervision.machine import resume, step

# So many reads or writes of the ledger may fail in a row before the process gives up.
FAILURES_MAX = 8


class Load(NamedTuple):
    """Read the ledger. Answer: Loaded or Failed."""


class Save(NamedTuple):
    """Write the ledger if it still is at `version`. Answer: Saved, Lost or Failed."""

    ledger: Ledger
    version: str | None


@dataclass(frozen=True, slots=True)
class Loaded:
    """The ledger as it stands; `ledger` is None where there is none."""

    ledger: Ledger | None
    version: str | None


@dataclass(frozen=True, slots=True)
class Saved:
    """The ledger was written."""

    version: str


@dataclass(frozen=True, slots=True)
class Lost:
    """Another process has written the ledger meanwhile."""


Effect = Load | Save | Action
Result = Observation | Loaded | Saved | Lost


class Reply(NamedTuple):
    """What came of an effect, when, and whether someone asks to stop meanwhile (empty: no)."""

    result: Result
    now: float
    stop: str


Course = Generator[Effect, Reply, Ledger]


def course(fresh: Ledger, policy: Policy, until: Literal["made", "ended"] = "ended") -> Course:
    """The course of one process over the life of a job.

    Args:
        fresh: the ledger to begin with where none is written yet.
        policy: how patient to be.
        until: return as soon as the job is known to exist, or when it has ended.

    Returns:
        The ledger as last written.

    Raises:
        ServiceError: the ledger cannot be read or written.
    """
    failures = 0
    ledger, version, now, stop = yield from _load(fresh)
    written = ledger.life if version is not None else None
    life = resume(ledger.life, now, policy)
    seen: Observation = Woke()
    while True:
        life, action = step(life, seen, now, policy)
        if stop and not life.asked:
            life, action = _told_to_stop(life, action, stop, now, policy)
        if life != written:
            told = replace(ledger, life=life)
            result, now, stop = yield Save(told, version)
            if not isinstance(result, Saved):
                failures = _count_failure(result, failures)
                yield _patience(failures)
                ledger, version, now, stop = yield from _load(fresh)
                written = ledger.life if version is not None else None
                life = resume(ledger.life, now, policy)
                if isinstance(seen, Seen) and _is_double(seen, life):
                    if seen.stage in CANCELLABLE:
                        _, now, stop = yield Cancel(seen.name)
                    seen = Woke()
                # That a job was made, or may be, must not be forgotten: no ledger may say so yet.
                seen = seen if isinstance(seen, (Seen, Unanswered)) else Woke()
                continue
            failures = 0
            version, written, ledger = result.version, life, told
            if stop and not life.asked and isinstance(action, Create):
                seen = Failed("stopped before the call")
                continue
        if isinstance(action, End) or (until == "made" and life.phase == "watch"):
            return ledger
        seen, now, stop = yield action  # type: ignore[assignment]


def _is_double(seen: Seen, life: Life) -> bool:
    """Whether it is a second job of ours beside the one that the ledger follows: billed in vain.

    Two processes can make one each where the service gives jobs their names. A project may be
    named by its number, so that the last part of a name tells.
    """
    ids = [name.rpartition("/")[2] for name in (seen.name, life.job_name)]
    return seen.ours and bool(life.job_name) and ids[0] != ids[1]


def _load(fresh: Ledger) -> Generator[Effect, Reply, tuple[Ledger, str | None, float, str]]:
    failures = 0
    while True:
        result, now, stop = yield Load()
        if isinstance(result, Loaded):
            return result.ledger or fresh, result.version, now, stop
        failures = _count_failure(result, failures)
        yield _patience(failures)


def _told_to_stop(
    life: Life, action: Action, stop: str, now: float, policy: Policy
) -> tuple[Life, Action]:
    if isinstance(action, Create):  # decided, not sent
        life, _ = step(life, Failed("stopped before the call"), now, policy)
    return step(life, StopAsked(stop), now, policy)


def _count_failure(result: Result, failures: int) -> int:
    if isinstance(result, Failed) and failures + 1 >= FAILURES_MAX:
        raise ServiceError(f"The ledger cannot be kept: {result.reason}")
    return failures + 1


def _patience(failures: int) -> Wait:
    return Wait(0.0, min(30.0, 0.25 * 2.0 ** min(failures, 10)))


# --- performing a course --------------------------------------------------------------------------


class RemoteJobs(Protocol):
    """The one job of a service that is supervised. Calls do not raise for what the service says."""

    def find(self) -> Observation:
        """Look whether the job exists and is ours: Seen, Missing, Failed or Refused."""

    def create(self) -> Observation:
        """Create the job: Seen, Exists, Failed, Unanswered or Refused."""

    def look(self, name: str) -> Observation:
        """Get the job's state: Seen, Missing, Failed or Refused."""

    def cancel(self, name: str) -> Observation:
        """Ask for the job to be cancelled: Accepted, Missing, Failed or Refused."""


class LedgerStore(Protocol):
    """Where the ledger lies."""

    def load(self) -> Loaded | Failed:
        """The ledger as it stands."""

    def save(self, ledger: Ledger, version: str | None) -> Saved | Lost | Failed:
        """Write the ledger if it still is at `version` (None: if there is none)."""


def supervise(
    jobs: RemoteJobs,
    store: LedgerStore,
    clock: Clock,
    *,
    fresh: Ledger,
    policy: Policy,
    draw: Callable[[float, float], float],
    on_change: Callable[[Ledger], None] = lambda _: None,
    on_trouble: Callable[[str], None] = lambda _: None,
    until: Literal["made", "ended"] = "ended",
) -> Ledger:
    """Bring a job into being and follow it to its end; see `course`.

    Args:
        jobs: the service.
        store: where the ledger lies.
        clock: the time, the waiting, and whether someone asks to stop.
        fresh: the ledger to begin with where none is written yet.
        policy: how patient to be.
        draw: a number between two others (`random.uniform`).
        on_change: called with the ledger whenever it was read at first or written.
        on_trouble: called with the reason whenever a call failed.
        until: return as soon as the job is known to exist, or when it has ended.

    Raises:
        ServiceError: the ledger cannot be read or written.
    """
    running = course(fresh, policy, until)
    effect = next(running)
    while True:
        result = _perform(effect, jobs, store, clock, draw)
        if isinstance(effect, Save) and isinstance(result, Saved):
            on_change(effect.ledger)
        elif isinstance(result, Loaded) and result.ledger:
            on_change(result.ledger)
        elif isinstance(result, (Failed, Unanswered)):
            on_trouble(result.reason)
        try:
            effect = running.send(Reply(result, clock.now(), clock.stop_asked()))
        except StopIteration as done:
            ended: Ledger = done.value
            return ended


def _perform(
    effect: Effect,
    jobs: RemoteJobs,
    store: LedgerStore,
    clock: Clock,
    draw: Callable[[float, float], float],
) -> Result:
    match effect:
        case Load():
            return store.load()
        case Save(ledger, version):
            return store.save(ledger, version)
        case Wait(least, most):
            clock.sleep(draw(least, most))
            return Woke()
        case Find():
            return jobs.find()
        case Create():
            return jobs.create()
        case Look(name):
            return jobs.look(name)
        case Cancel(name):
            return jobs.cancel(name)
    raise AssertionError(f"a course never yields {effect}")


# --- stores ---------------------------------------------------------------------------------------


class MemoryStore:
    """A ledger that lives as long as the process: to follow or cancel a job made elsewhere."""

    def __init__(self) -> None:
        self._ledger: Ledger | None = None
        self._writes = 0

    def load(self) -> Loaded:
        """The ledger as it stands."""
        return Loaded(self._ledger, str(self._writes) if self._ledger else None)

    def save(self, ledger: Ledger, version: str | None) -> Saved | Lost | Failed:
        """Keep the ledger."""
        if version != (str(self._writes) if self._ledger else None):
            return Lost()
        self._ledger, self._writes = ledger, self._writes + 1
        return Saved(str(self._writes))


class FileStore:
    """A ledger at a local path or a gs:// URI, written by compare-and-swap."""

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def load(self) -> Loaded | Failed:
        """The ledger as it stands.

        Raises:
            InputError: what lies there is not a ledger.
        """
        from components.storage import versioned

        try:
            found = versioned.read(self.uri)
        except ServiceError as error:
            return Failed(str(error))
        if found is None:
            return Loaded(None, None)
        return Loaded(ledgers.from_text(found.text, self.uri), found.version)

    def save(self, ledger: Ledger, version: str | None) -> Saved | Lost | Failed:
        """Write the ledger if it still is at `version` (None: if there is none)."""
        from components.storage import versioned

        at = versioned.Version(version) if version is not None else None
        try:
            return Saved(versioned.write(self.uri, ledgers.to_text(ledger), at))
        except versioned.Conflict:
            return Lost()
        except ServiceError as error:
            return Failed(str(error))
