"""Whole runs in virtual time, all from one seed: many jobs, waves, sendings, crashes, a cancel.

`run(seed)` plays one schedule: a few shards of a few models; rows that are blocked, cut, broken or
lost; jobs that expire, fail, end in part, get stuck or are deleted; a service that answers 429 and
503, loses replies and carries creates out late; a storage that fails; processes that die at any
call and are started again, and a second one that takes the work over for a while. It raises
`Violation` if a promise is broken, and tells which of `FAULTS` have happened.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import orjson

from components.batch_predict.places import Places
from components.batch_predict.plan import read_plan
from components.batch_predict.predict import World, predict
from components.errors import ServiceError, WorkFailed
from tests.batch_predict import simulated_rows as rows_of
from tests.batch_predict.simulated_files import Memory
from tests.batch_predict.simulated_jobs import Job, Remote
from tests.batch_predict.simulated_plan import Requests, Violation, plan

Trace = Callable[[str], None]
CALLS_MAX = 4000
PLACES = Places("gs://b/run", "pipeline/run-1")
FAULTS = frozenset(
    {
        # rows
        "row missing", "row written twice", "row written twice, once failed", "rows shuffled",
        "echo filled with nulls", "row of nobody", "line torn", "output in two files",
        "row failed with 429", "row failed with 400", "row blocked", "row ended oddly",
        "row cut at MAX_TOKENS", "row with broken JSON", "row without text",
        "rows share a request", "rows of a later wave share a request",
        "row of a later wave shares a request of an earlier one", "row needs an earlier answer",
        "needed answer missing",
        # jobs
        "job PARTIALLY_SUCCEEDED", "job EXPIRED with half its rows",
        "job FAILED with half its rows", "job FAILED 400 without rows",
        "job CANCELLED by somebody else", "job deleted by somebody else", "job stuck PENDING",
        "job stuck RUNNING", "job PAUSED", "job QUEUED", "job in a state that nobody knows",
        # calls
        "429", "503", "connection dropped", "reply lost", "create refused",
        "create reply lost", "create reply lost, job made later", "cancel reply lost",
        # the process
        "killed before a call", "killed behind a create", "killed behind the writing of a file",
        "killed behind the writing of the ledger", "stop asked", "job cancelled",
        "deadline over", "budget used up",
        "second process", "second process killed", "ledger written by somebody else",
        # the storage
        "storage failed", "ledger written, reply lost", "file written, reply lost",
    }
)  # fmt: skip


class Crash(BaseException):
    """The process dies here."""


class Told(NamedTuple):
    """How a schedule went: done, cancelled or refused, and how often which fault happened."""

    ended: str
    faults: Counter[str]


class Universe:
    """The service, the files, the clock."""

    def __init__(self, seed: int, trace: Trace | None = None) -> None:
        self.rng = random.Random(seed)
        self.trace = trace
        self.faults: Counter[str] = Counter()
        self.plan = plan(self.rng)
        self.time = self.began = 1_800_000_000.0
        self.calls = 0
        self.crashes = self.plan.crashes
        self.storage_failures = self.plan.storage_failures
        self.files = Memory(self, self.on_written)
        self.remotes: list[Remote] = []
        self.landing: list[tuple[float, Mapping[str, Any]]] = []
        self.requests = Requests()
        self.other_calls: int | None = None  # that the second process still may make
        self.quiet = True  # no trouble while the story is set up, or judged
        self.rows = rows_of.draw_rows(self.rng, self.plan.rows, self.plan.chained, self.note)
        self.files.content.update(rows_of.prepared(self.rng, PLACES, self.rows))

    # --- the process ---

    def note(self, fault: str) -> None:
        """Something went wrong."""
        self.faults[fault] += 1
        self.tell(fault)

    def tell(self, line: str) -> None:
        """Tell what happens to someone who follows a single schedule."""
        if self.trace:
            who = "  the second process:" if self.other_calls is not None else ""
            self.trace(f"{self.time - self.began if not self.quiet else 0:10.2f}{who} {line}")

    def touch(self, behind: str = "") -> None:
        """A call is made: the process may die of it."""
        if self.quiet:
            return
        self.calls += 1
        if self.calls > CALLS_MAX:
            raise Violation("it does not end")
        self.time += self.rng.random() * 0.2
        if self.other_calls is not None:
            self.other_calls -= 1
            if self.other_calls < 0:
                self.note("second process killed")
                raise Crash
        elif self.crashes and self.rng.random() < self.plan.crash_rate * (3 if behind else 1):
            self.crashes -= 1
            self.note(behind or "killed before a call")
            raise Crash

    def storage(self) -> Literal["", "before", "after"]:
        """Whether the storage fails this time."""
        if self.quiet or not self.storage_failures or self.rng.random() > 0.06:
            return ""
        self.storage_failures -= 1
        return "before" if self.rng.random() < 0.5 else "after"

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        at = self.plan.stop_at
        wake = self.time + max(0.0, seconds)
        if at is not None and self.time < self.began + at < wake:
            wake = self.began + at
        self.time = wake
        self.touch()

    def stop_asked(self) -> str:
        at = self.plan.stop_at
        if at is None or self.time < self.began + at:
            return ""
        self.faults["stop asked"] = 1
        return "SIGTERM"

    def predict(self) -> None:
        """The work of one process, from the plan on."""
        predict(read_plan(self.files, PLACES), PLACES, self.world(), self.plan.settings)

    def world(self) -> World:
        """What a process is given."""
        return World(
            files=self.files,
            job=lambda body: Job(self, body),
            ask=self.ask,
            clock=self,
            draw=self.rng.uniform,
            cost=lambda model, tokens, batch: (tokens.input + tokens.output) / 10.0,
        )

    def second(self) -> None:
        """Another process does some of the work, while the first one stands still.

        Not between a look for a job and the create that follows from it: without request ids
        nothing helps against that.
        """
        if not self.plan.second_rate or self.quiet or self.other_calls is not None:
            return
        if self.rng.random() >= self.plan.second_rate:
            return
        self.note("second process")
        self.other_calls = self.rng.choice((5, 20, 60, 10**9))
        try:
            self.predict()
        except (Crash, WorkFailed, ServiceError):
            pass
        finally:
            self.other_calls = None

    # --- the service ---

    def fate(self) -> str:
        rate = self.plan.fault_rate
        draw = self.rng.random() / rate if rate else 1.0
        if draw >= 1.0:
            return "done"
        fate = ("429", "503", "connection dropped", "reply lost")[int(draw * 4)]
        self.note(fate)
        return fate

    def make(self, body: Mapping[str, Any]) -> Remote:
        """Make a job, and find out what will become of it."""
        rng = self.rng
        if any(other.body["displayName"] == body["displayName"] for other in self.remotes):
            raise Violation(f"{body['displayName']} was made twice")
        uri = body["inputConfig"]["gcsSource"]["uris"][0]
        made = Remote(
            f"projects/1/locations/l/batchPredictionJobs/{len(self.remotes) + 1}",
            body,
            [orjson.loads(line) for line in self.files.content[uri].splitlines()],
            self.time,
            self.story(),
            rng.choice(("SUCCEEDED",) * 7 + ("PARTIALLY_SUCCEEDED", "EXPIRED", "FAILED", "FAILED")
                       + ("CANCELLED",) * (rng.random() < 0.2)),
        )  # fmt: skip
        if made.end == "FAILED":
            made.code = rng.choice((3, 8, 13))
        if rng.random() < 0.04:
            made.gone_at = self.time + rng.uniform(10, 6000)
        self.remotes.append(made)
        for line in made.lines:
            self.requests.send(rows_of.words_of(line["request"]))
        return made

    def story(self) -> list[tuple[float, str]]:
        """From one state to the next; the last one, "", is the end, which a job that is stuck
        never comes to."""
        rng, at = self.rng, self.time
        waiting = "QUEUED" if rng.random() < 0.2 else "PENDING"
        story, stuck = [(at, waiting)], rng.random()
        if waiting == "QUEUED":
            self.note("job QUEUED")
        if stuck < 0.03:
            self.note("job stuck PENDING")
            return story
        at += rng.choice((1.0, 60.0, 3000.0))
        story.append((at, "RUNNING"))
        if stuck < 0.06:
            self.note("job stuck RUNNING")
            return story
        at += rng.choice((5.0, 600.0, 4000.0))
        if stuck > 0.9:
            state = rng.choice(("PAUSED", "PONDERING"))
            self.note("job PAUSED" if state == "PAUSED" else "job in a state that nobody knows")
            story.append((at, state))
            at += 100.0
        return [*story, (at, "")]

    def advance(self) -> None:
        """Let happen what happens by itself."""
        for landing in [landing for landing in self.landing if landing[0] <= self.time]:
            self.landing.remove(landing)
            self.make(landing[1])
        for remote in self.remotes:
            if not remote.rested and not remote.gone and not remote.at(self.time):
                self.rest(remote)
            if remote.gone_at <= self.time and not remote.gone:
                # One that no ledger knows yet nobody can tell from one that was never made.
                remote.gone = f'"{remote.name}"'.encode() in self.files.content[PLACES.book]
                self.faults["job deleted by somebody else"] += remote.gone

    def rest(self, remote: Remote) -> None:
        """A job has ended, and writes its rows."""
        remote.rested, half = remote.end, True
        if remote.end == "PARTIALLY_SUCCEEDED":
            self.note("job PARTIALLY_SUCCEEDED")
        elif remote.end == "EXPIRED":
            self.note("job EXPIRED with half its rows")
        elif remote.end == "FAILED" and remote.code == 3:
            self.note("job FAILED 400 without rows")
            return
        elif remote.end == "FAILED":
            self.note("job FAILED with half its rows")
        elif remote.end == "CANCELLED":
            self.note("job cancelled" if remote.code else "job CANCELLED by somebody else")
        else:
            half = False
        self.write_outputs(remote, 0.5 if half else 1.0)

    def write_outputs(self, remote: Remote, share: float) -> None:
        how = {"keys": self.plan.keys, "nulls": self.plan.nulls}
        written, came = rows_of.output_rows(
            self.rng, remote.lines, share=share, note=self.note, **how
        )
        self.requests.by_job[remote.body["displayName"]] = came
        for words, status in came.items():
            self.requests.come(words, status)
        parts = [written]
        if len(written) > 1 and self.rng.random() < 0.2:
            self.note("output in two files")
            parts = [written[::2], written[1::2]]
        prefix = remote.body["outputConfig"]["gcsDestination"]["outputUriPrefix"]
        folder = f"{prefix}/prediction-model-2026-11-21T00:00:00.000000Z"
        for number, some in enumerate(parts):
            text = b"".join(line + b"\n" for line in some)
            if self.rng.random() < 0.2:
                self.note("line torn")
                text += b'{"torn'
            self.files.content[f"{folder}/predictions_{number:04d}.jsonl"] = text

    # --- online ---

    def ask(self, model: str, request: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """One request online."""
        self.touch()
        words = rows_of.words_of(request)
        # Two processes at once may both ask what neither has written yet.
        if words in self.requests.final and "second process" not in self.faults:
            raise Violation(f"'{words}' was asked although it came back before")
        return rows_of.answered(self.rng, request)

    def on_written(self, uri: str, text: bytes) -> None:
        """A process has written a file: its own answers count only now."""
        self.tell(f"written {uri}")
        if "/online-" in uri:
            for line in text.splitlines():
                row = orjson.loads(line)
                self.requests.come(rows_of.words_of(row["request"]), rows_of.status_of(row))


def run(seed: int, trace: Trace | None = None) -> Told:
    """Play the schedule of a seed.

    Args:
        seed: which one.
        trace: is told each fault, each state of a job and each file that is written.

    Raises:
        Violation: a promise was broken.
    """
    from tests.batch_predict.simulation_judge import judge

    universe = Universe(seed, trace)
    ended = play(universe)
    judge(universe, ended)
    return Told(ended, universe.faults)


def play(universe: Universe) -> str:
    """Begin the run as often as it dies; how it ended."""
    universe.quiet = False
    ended = ""
    for _ in range(60):
        try:
            universe.predict()
            ended = "done"
        except Crash:
            universe.time += universe.rng.choice((0.1, 5.0, 5000.0))
            continue
        except WorkFailed:
            ended = "cancelled"
        except ServiceError as error:
            if "No job could be made" not in str(error):
                universe.time += 60.0
                continue
            ended = "refused"
        break
    universe.quiet = True
    return ended
