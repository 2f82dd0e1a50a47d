"""Many lives in one process: one clock and one loop, no thread a job.

Each life is a `course` of the supervision. A course runs until it waits; then the one that is due
next goes on. Trouble with the service is shared: after a failed call nobody calls before that
course's pause is over, so that an outage costs one call at a time and not one for each job.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from components.supervision.clock import Clock
from components.supervision.driver import (
    Course,
    Effect,
    LedgerStore,
    Load,
    Loaded,
    RemoteJobs,
    Reply,
    Result,
    Save,
    Saved,
    course,
)
from components.supervision.ledger import Ledger
from components.supervision.life import (
    Cancel,
    Create,
    Failed,
    Find,
    Look,
    Policy,
    Unanswered,
    Wait,
    Woke,
)


@dataclass(frozen=True)
class Supervised:
    """One job with its ledger."""

    jobs: RemoteJobs
    store: LedgerStore
    fresh: Ledger


@dataclass(frozen=True)
class Surroundings:
    """What all lives share.

    Attributes:
        clock: the time, the waiting, and whether someone asks to stop.
        draw: a number between two others (`random.uniform`).
        on_change: called after each write of a ledger, and when one was read.
        on_trouble: called with the reason whenever a call failed.
        at_once: so many lives are under way at once; 0: all of them.
    """

    clock: Clock
    draw: Callable[[float, float], float]
    on_change: Callable[[], None] = lambda: None
    on_trouble: Callable[[str], None] = lambda _: None
    at_once: int = 0


class _Running:
    """A course, what it wants done next, and whether its last call failed."""

    def __init__(self, life: Supervised, policy: Policy) -> None:
        self.life = life
        self.course: Course = course(life.fresh, policy)
        self.effect: Effect | None = next(self.course)
        self.in_trouble = False


def supervise_all(lives: Sequence[Supervised], policy: Policy, around: Surroundings) -> None:
    """Bring every job into being and follow it to its end, whatever becomes of the others.

    Raises:
        ServiceError: a ledger cannot be read or written.
    """
    clock = around.clock
    began = clock.now()
    to_come = enumerate(lives)
    agenda = [
        (began, number, _Running(life, policy))
        for number, life in islice(to_come, around.at_once or None)
    ]
    quiet_until = began
    stopping = False
    while agenda:
        due, number, running = heapq.heappop(agenda)
        pause = max(due, quiet_until) - clock.now()
        if pause > 0:
            clock.sleep(pause)
        if clock.stop_asked() and not stopping:
            stopping, quiet_until = True, clock.now()
            agenda = [(quiet_until, n, r) for _, n, r in agenda]  # everybody hears of it at once
            heapq.heapify(agenda)
        wait = _until_it_waits(running, around)
        if wait is None:
            for other, life in islice(to_come, 1):
                heapq.heappush(agenda, (clock.now(), other, _Running(life, policy)))
            continue
        now = clock.now()
        if running.in_trouble:
            quiet_until = max(quiet_until, now + wait.least)
        heapq.heappush(agenda, (now + around.draw(wait.least, wait.most), number, running))


def _until_it_waits(running: _Running, around: Surroundings) -> Wait | None:
    """Perform what the course wants until it waits (the wait) or has ended (None)."""
    clock = around.clock
    result: Result = Woke()  # a wait is over; at the very first there was none
    if not isinstance(running.effect, Wait):
        result = _perform(running, around)
    while True:
        try:
            running.effect = running.course.send(Reply(result, clock.now(), clock.stop_asked()))
        except StopIteration:
            return None
        if isinstance(running.effect, Wait):
            return running.effect
        result = _perform(running, around)


def _perform(running: _Running, around: Surroundings) -> Result:
    effect = running.effect
    result = perform(effect, running.life)
    if isinstance(result, (Saved, Loaded)):
        around.on_change()
    elif isinstance(result, (Failed, Unanswered)):
        around.on_trouble(result.reason)
    if not isinstance(effect, (Load, Save)):
        running.in_trouble = isinstance(result, (Failed, Unanswered))
    return result


def perform(effect: Effect | None, life: Supervised) -> Result:
    """Carry out one effect that is no wait."""
    match effect:
        case Load():
            return life.store.load()
        case Save(ledger, version):
            return life.store.save(ledger, version)
        case Find():
            return life.jobs.find()
        case Create():
            return life.jobs.create()
        case Look(name):
            return life.jobs.look(name)
        case Cancel(name):
            return life.jobs.cancel(name)
    raise AssertionError(f"a course never yields {effect}")
