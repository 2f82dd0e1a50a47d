"""A service, a ledger and the processes around them in virtual time, all from one seed.

`run(seed)` plays one schedule: one or two supervising processes, crashes and restarts, a cancel, a
deadline, someone who deletes the job, a service that answers 429 and 503, loses replies, takes a
create and carries it out later. It raises `Violation` if a promise is broken.

Two services are played: `batch`, where the job id is ours and a request id is remembered for an
hour, and `server`, where the server makes the names and jobs are found again by display name.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass

from components.errors import ServiceError
from components.supervision import driver, ledger
from components.supervision.driver import Loaded, Lost, Reply, Saved
from components.supervision.life import (
    Accepted,
    Cancel,
    Create,
    Event,
    Exists,
    Failed,
    Find,
    Life,
    Look,
    Missing,
    Observation,
    Policy,
    Refused,
    Seen,
    Stage,
    Unanswered,
    Wait,
    Woke,
)

REQUEST = {"job_id": "a-job", "request_id": "one-id"}
EFFECTS_MAX = 6000  # of one schedule; more is an endless loop
DEDUPE_S = 3600.0
AT_REST = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})
STAGES: dict[str, Stage] = {
    "QUEUED": "waiting",
    "SCHEDULED": "waiting",
    "RUNNING": "running",
    "PONDERING": "unknown",
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "CANCELLATION_IN_PROGRESS": "cancelling",
    "CANCELLED": "cancelled",
    "DELETION_IN_PROGRESS": "deleting",
}


class Violation(AssertionError):  # noqa: N818 - reads as what it is
    """A promise of the supervision was broken."""


@dataclass(frozen=True)
class Plan:
    """What is in store in one schedule."""

    mode: str
    fault_rate: float
    crash_rate: float
    crashes: int
    cancel_at: float | None
    cancel_persists: bool
    delete_at: float | None
    outages: tuple[tuple[float, float], ...]
    refuse_create: bool
    foreign: bool
    doomed: bool
    second_at: float | None
    stall_rate: float
    policy: Policy


def plan(rng: random.Random, mode: str) -> Plan:
    """Draw a schedule."""
    quick = rng.random() < 0.5
    fault_rate = rng.choice((0.0, 0.05, 0.2, 0.5))
    outage_at = rng.uniform(0, 600)
    outages = ((outage_at, outage_at + rng.choice((30, 300, 7200))),)
    return Plan(
        mode=mode,
        fault_rate=fault_rate,
        crash_rate=rng.choice((0.0, 0.0, 0.03, 0.2)),
        crashes=rng.randint(0, 6),
        cancel_at=rng.choice((None, None, rng.uniform(0, 20), rng.uniform(0, 2000))),
        cancel_persists=rng.random() < 0.5,
        delete_at=rng.uniform(0, 40 if quick else 3000) if rng.random() < 0.25 else None,
        outages=outages if rng.random() < 0.15 else (),
        refuse_create=rng.random() < 0.03,
        foreign=mode == "batch" and rng.random() < 0.03,
        doomed=rng.random() < 0.08,
        second_at=rng.uniform(0, 30 if quick else 1000) if rng.random() < 0.2 else None,
        # A process that is suspended between writing and calling. Without request ids no protocol
        # helps against that, nor if it dies on waking.
        stall_rate=rng.choice((0.0, 0.3)) if mode == "batch" else 0.0,
        policy=Policy(
            dedupe_s=3300.0 if mode == "batch" else None,
            max_wait_s=rng.choice((None, 120.0, 4000.0, 20000.0)),
            leave_at_deadline=rng.random() < 0.2,
        ),
    )


class Job:
    """A job that lives by the time it is asked at."""

    def __init__(self, rng: random.Random, name: str, now: float, plan: Plan) -> None:
        self.name = name
        self.changes: list[tuple[float, str]] = []
        self.deleted_at: float | None = None
        self.rested = ""
        self.cancelled = False
        self.ours = True
        long = rng.choice((1.0, 1.0, 30.0, 400.0))
        at = now
        for state in ("QUEUED", "SCHEDULED", "RUNNING", "PONDERING"):
            if state == "PONDERING" and rng.random() < 0.9:
                continue
            self.changes.append((at, state))
            if plan.doomed:
                return  # stuck in the queue for ever
            at += rng.uniform(0.1, 20.0) * long
        self.changes.append((at, rng.choice(("SUCCEEDED", "SUCCEEDED", "FAILED"))))

    def state(self, now: float) -> str:
        """Its state, or an empty text once it is gone."""
        if self.deleted_at is not None and now >= self.deleted_at:
            return ""
        found = ""
        for at, state in self.changes:
            if at > now:
                break
            found = state
        return found

    def turn(self, now: float, *later: tuple[float, str]) -> None:
        """Leave the story here and go on with another one."""
        self.changes = [change for change in self.changes if change[0] <= now]
        self.changes.extend(later)


class World:
    """The service and the ledger."""

    def __init__(self, seed: int, mode: str) -> None:
        self.rng = random.Random(seed)
        self.plan = plan(self.rng, mode)
        self.jobs: list[Job] = []
        self.made: list[Job] = []
        self.landing: list[float] = []  # creates that take effect after their reply was given up
        self.remembered: tuple[Job, float] | None = None
        self.text: str | None = None
        self.version = 0
        self.unanswered = False
        self.crashes = self.plan.crashes
        if self.plan.foreign:
            job = Job(self.rng, "jobs/a-job", 0.0, self.plan)
            job.ours = False
            self.jobs.append(job)

    # --- the service ---

    def advance(self, now: float) -> None:
        """Let happen what happens by itself."""
        while self.landing and self.landing[0] <= now:
            self._make(heapq.heappop(self.landing))
        when = self.plan.delete_at
        if when is None or when > now or not self.made:
            return
        job = self.made[0]
        if self.plan.mode == "server" and (self.text is None or job.name not in self.text):
            return
        if job.deleted_at is None:
            job.rested = job.state(now)
            job.deleted_at = now + self.rng.choice((0.0, 0.0, 30.0))
            job.turn(now, (now, "DELETION_IN_PROGRESS"))

    def there(self, now: float) -> Job | None:
        """The job that has our id, or our display name."""
        for job in self.jobs:
            if job.state(now):
                return job
        return None

    def _make(self, now: float) -> Job | None:
        """Carry out a create; None if the id is taken."""
        if self.plan.mode == "batch":
            if self.remembered and now < self.remembered[1] + DEDUPE_S:
                return self.remembered[0]
            if self.there(now):
                return None
        job = Job(self.rng, "jobs/a-job" if self.plan.mode == "batch" else
                  f"jobs/{len(self.made) + 1}", now, self.plan)  # fmt: skip
        self.jobs.append(job)
        self.made.append(job)
        self.remembered = (job, now)
        if len(self.made) > 1:
            raise Violation("a second job was made")
        return job

    def create(self, now: float) -> Observation:
        """The call that makes the job."""
        fate = self._fate(now)
        refused = self.plan.refuse_create and self.rng.random() < 0.7
        if fate == "done" and refused:
            return Refused("403: no")
        if fate == "done":
            job = self._make(now)
            return Exists() if job is None else self._seen(job, now)
        if fate == "lost" and not refused:
            self.unanswered = True
            if self.rng.random() < 0.5:
                self._make(now)
            else:
                heapq.heappush(self.landing, now + self.rng.uniform(0.0, 55.0))
        trouble = self._trouble(fate)
        return trouble if fate == "429" else Unanswered(trouble.reason)

    def get(self, name: str | None, now: float) -> Observation:
        """The call that gets the job, or finds it."""
        fate = self._fate(now)
        if fate != "done":
            return self._trouble(fate)
        job = self.there(now)
        if job is None or (name is not None and job.name != name):
            return Missing()
        return self._seen(job, now)

    def cancel(self, now: float) -> Observation:
        """The call that cancels the job."""
        fate = self._fate(now)
        if fate not in ("done", "lost"):
            return self._trouble(fate)
        job = self.there(now)
        if job is None:
            return Missing() if fate == "done" else self._trouble(fate)
        if not job.ours:
            raise Violation("a job that is not ours was cancelled")
        if job.state(now) in STAGES and STAGES[job.state(now)] in ("waiting", "running", "unknown"):
            late = self.rng.random() < 0.1 and not self.plan.doomed
            if not late and self.rng.random() < 0.95:  # else it is forgotten or comes too late
                rest = now + self.rng.choice((0.0, 5.0, 200.0))
                job.turn(now, (now, "CANCELLATION_IN_PROGRESS"), (rest, "CANCELLED"))
        return Accepted() if fate == "done" else self._trouble(fate)

    def _seen(self, job: Job, now: float) -> Seen:
        state = job.state(now) or "QUEUED"  # a remembered reply to a create tells of the beginning
        events: tuple[Event, ...] = ()
        if state == "RUNNING" and job.changes[0][0] < now - 10:
            events = (Event("t", "OPERATIONAL_INFO", "Spot preemption, exit code 50001"),)
        hopeless = "quota limit 0" if self.plan.doomed and self.rng.random() < 0.5 else ""
        return Seen(
            job.name, STAGES[state], "uid", state, job.ours, events, "why it failed", hopeless
        )

    def _fate(self, now: float) -> str:
        for begin, end in self.plan.outages:
            if begin <= now < end:
                return "503"
        draw = self.rng.random() / self.plan.fault_rate if self.plan.fault_rate else 1.0
        if draw >= 1.0:
            return "done"
        return ("429", "503", "drop", "lost")[int(draw * 4)]

    def _trouble(self, fate: str) -> Failed:
        if fate == "429":
            after = self.rng.choice((0.0, 0.0, 20.0))
            return Failed("429", retry_after=after)
        return Failed(fate)

    def stop(self, process: Process, now: float) -> str:
        """Whether a process has been told to stop by then."""
        at = self.plan.cancel_at
        if at is None or now < at or not (self.plan.cancel_persists or process.begun <= at):
            return ""
        return "SIGTERM"

    # --- the ledger ---

    def load(self) -> Loaded | Failed:
        """Read the ledger, which must always be readable."""
        if self.rng.random() < 0.1 * self.plan.fault_rate:
            return Failed("storage")
        if self.text is None:
            return Loaded(None, None)
        return Loaded(ledger.from_text(self.text), str(self.version))

    def save(self, told: ledger.Ledger, version: str | None) -> Saved | Lost | Failed:
        """Write the ledger by compare-and-swap."""
        fate = self.rng.random() / self.plan.fault_rate * 5 if self.plan.fault_rate else 9.0
        if fate < 0.5:
            return Failed("storage")
        if version != (None if self.text is None else str(self.version)):
            return Lost()
        self.text, self.version = ledger.to_text(told), self.version + 1
        return Saved(str(self.version)) if fate > 1.0 else Failed("storage, reply lost")


class Process:
    """One supervising process, and the ones that take its place when it crashes."""

    def __init__(self, world: World, now: float, until: str) -> None:
        self.world = world
        self.until = until
        self.start(now)

    def start(self, now: float) -> None:
        """Begin, or begin again."""
        fresh = ledger.Ledger(Life(), REQUEST, "https://console")
        self.running = driver.course(fresh, self.world.plan.policy, self.until)  # type: ignore[arg-type]
        self.effect: driver.Effect = next(self.running)
        self.begun = now
        self.stalled = False


def run(
    seed: int, mode: str = "batch", trace: Callable[[str], None] | None = None
) -> ledger.Ledger:
    """Play the schedule of a seed; returns the ledger as it ended.

    Raises:
        Violation: a promise was broken; the text says which.
    """
    world = World(seed, mode)
    queue = Queue(world.rng)
    queue.put(0.0, Process(world, 0.0, "made" if world.rng.random() < 0.1 else "ended"))
    if world.plan.second_at is not None:
        queue.put(world.plan.second_at, Process(world, world.plan.second_at, "ended"))
    now = 0.0
    while queue.heap:
        now, _, process = heapq.heappop(queue.heap)
        if queue.count > EFFECTS_MAX:
            raise Violation("it does not end")
        world.advance(now)
        _turn(world, queue, process, now, trace)
    return _judge(world, now)


class Queue:
    """Who comes next."""

    def __init__(self, rng: random.Random) -> None:
        self.heap: list[tuple[float, int, Process]] = []
        self.count = 0
        self.rng = rng

    def put(self, at: float, process: Process) -> None:
        """Carry out the next effect of the process at that time."""
        self.count += 1
        heapq.heappush(self.heap, (at, self.count, process))

    def restart(self, now: float, process: Process) -> None:
        """Let the process begin again after a while."""
        at = now + self.rng.choice((0.1, 5.0, 5.0, 100.0, 5000.0))
        process.start(at)
        self.put(at, process)


def _turn(
    world: World,
    queue: Queue,
    process: Process,
    now: float,
    trace: Callable[[str], None] | None,
) -> None:
    """One effect of one process: carried out or not, answered or not."""
    crash = world.crashes and not process.stalled and world.rng.random() < world.plan.crash_rate
    if crash and world.rng.random() < 0.5:  # before the call
        world.crashes -= 1
        queue.restart(now, process)
        return
    later, result = _perform(world, process, now)
    if trace:
        trace(f"{now:10.2f} {_short(process.effect)} -> {_short(result)}")
    if crash:  # after the call, the answer never read
        world.crashes -= 1
        queue.restart(later, process)
        return
    try:
        process.effect = process.running.send(Reply(result, later, world.stop(process, later)))
    except StopIteration:
        if process.until == "made":  # whoever asked not to wait looks again later
            process.until = "ended"
            queue.restart(later, process)
        return
    except ServiceError:
        queue.restart(later, process)
        return
    stalled = type(process.effect) is Create and world.rng.random() < world.plan.stall_rate
    process.stalled = stalled
    queue.put(later + (world.rng.uniform(0, 1000) if stalled else 0.0), process)


def _perform(world: World, process: Process, now: float) -> tuple[float, driver.Result]:
    """Carry an effect out; the time of its answer, and the answer."""
    effect = process.effect
    kind = type(effect)
    if kind is Wait:
        wake = now + world.rng.uniform(effect.least, effect.most)  # type: ignore[union-attr]
        cancel_at = world.plan.cancel_at
        if cancel_at is not None and now < cancel_at < wake and process.begun <= cancel_at:
            wake = cancel_at
        return wake, Woke()
    latency = world.rng.random() * (0.2 if world.rng.random() < 0.9 else 5.0)
    result: driver.Result
    if kind is Look:
        result = world.get(effect.name, now)  # type: ignore[union-attr]
    elif kind is driver.Save:
        result = world.save(effect.ledger, effect.version)  # type: ignore[union-attr]
    elif kind is driver.Load:
        result = world.load()
    elif kind is Find:
        result = world.get(None, now)
    elif kind is Create:
        result = world.create(now)
    elif kind is Cancel:
        result = world.cancel(now)
    else:
        raise Violation(f"nothing can carry out {effect}")
    return now + latency, result


def _judge(world: World, now: float) -> ledger.Ledger:
    if world.text is None:
        raise Violation("nothing was written down")
    told = ledger.from_text(world.text)
    if told.outcome is None:
        raise Violation("all processes have ended, the life has not")
    later = now + 4000.0
    while world.landing:
        world._make(heapq.heappop(world.landing))
    job = world.made[0] if world.made else None
    state = job.state(now) if job else ""
    going = bool(state) and state not in AT_REST
    left = told.outcome == "deadline" and world.plan.policy.leave_at_deadline
    lapsed = told.outcome == "refused"
    if going and not left and state != "DELETION_IN_PROGRESS":
        raise Violation(f"a job was left {state} after the life ended as {told.outcome}")
    rested = job.rested or state if job else ""
    if told.outcome in ("succeeded", "failed") and rested != told.outcome.upper():
        raise Violation(f"told {told.outcome}, but the job is {state or 'gone'}")
    if told.outcome == "deleted" and job is not None and job.state(later):
        raise Violation("told deleted, but the job is there")
    if (
        told.outcome == "cancelled"
        and job is not None
        and job.state(later) not in ("CANCELLED", "")
    ):
        raise Violation(f"told cancelled, but the job is {state}")
    if world.plan.foreign and told.outcome not in ("refused", "cancelled", "deadline"):
        raise Violation(f"a job that is not ours ended as {told.outcome}")
    if lapsed and not (world.plan.foreign or world.plan.refuse_create or world.unanswered
                       or world.plan.outages or world.plan.crashes):  # fmt: skip
        raise Violation(f"refused without cause: {told.reason}")
    return told


def _short(thing: object) -> str:
    if isinstance(thing, driver.Save):
        life = thing.ledger.life
        return f"Save({life.phase} {life.state} {life.asked} {life.outcome} v{thing.version})"
    if isinstance(thing, Loaded):
        return f"Loaded({thing.version} {thing.ledger and thing.ledger.life.phase})"
    return str(thing)[:100]
