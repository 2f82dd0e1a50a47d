"""Whole runs in virtual time, all from one seed: many jobs, waves, sendings, crashes, a cancel.

`run(seed)` plays one schedule: a few shards of a few models, rows that are blocked, cut, broken or
lost, jobs that expire, fail or end in part, a service that answers 429 and 503, loses replies and
carries creates out late; processes that die at any call and are started again, and a second one
that takes the work over. It raises `Violation` if a promise is broken.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from components.batch_predict.book import Doc, from_text
from components.batch_predict.places import Places
from components.batch_predict.predict import Settings, World, predict
from components.errors import InputError, ServiceError, WorkFailed
from components.rows.canonical import key_of
from components.storage.versioned import Conflict, Version, Versioned
from components.supervision.life import (
    Accepted,
    Failed,
    Missing,
    Observation,
    Policy,
    Refused,
    Seen,
    Unanswered,
)

CALLS_MAX = 4000
PLACES = Places("gs://b/run", "pipeline/run-1")
MODELS = ("gemini-a", "gemini-b")
KINDS = ("fine", "fine", "fine", "blocked", "long", "endless", "json", "json-never", "flaky")


class Violation(AssertionError):  # noqa: N818 - reads as what it is
    """A promise was broken."""


class Crash(BaseException):
    """The process dies here."""


@dataclass
class Plan:
    """What is in store."""

    fault_rate: float
    crash_rate: float
    crashes: int
    stop_at: float | None
    refused: str
    keys_echoed: bool
    second_rate: float
    rows: int
    chained: int
    settings: Settings


def plan(rng: random.Random) -> Plan:
    """Draw a schedule."""
    return Plan(
        fault_rate=rng.choice((0.0, 0.05, 0.2, 0.4)),
        crash_rate=rng.choice((0.0, 0.02, 0.1)),
        crashes=rng.randint(0, 6),
        stop_at=rng.choice((None, None, None, rng.uniform(0, 100), rng.uniform(0, 100_000))),
        refused=rng.choice(("", "", "", "", "gemini-b", "all")),
        keys_echoed=rng.random() < 0.5,
        second_rate=rng.choice((0.0, 0.0, 0.01)),
        rows=rng.randint(1, 8),
        chained=rng.choice((0, 0, 2, 4)),
        settings=Settings(
            deadline_s=rng.choice((96 * 3600.0, 96 * 3600.0, 5000.0)),
            max_cost_usd=rng.choice((0.0, 0.0, 5.0)),
            online_up_to=rng.choice((0, 0, 2)),
            online_at_once=1,
            jobs_at_once=rng.choice((0, 0, 1, 2)),
            requests_max=rng.choice((2, 100)),
            policy=Policy(poll_first=5.0, poll_max=3600.0, poll_growth=3.0, dedupe_s=None),
        ),
    )


@dataclass
class Memory:
    """Files that live in memory; every call may be the process's last."""

    touch: Callable[[], None]
    content: dict[str, bytes] = field(default_factory=dict)
    versions: Counter[str] = field(default_factory=Counter)

    def lines(self, uri: str) -> Iterator[bytes]:
        self.touch()
        if uri not in self.content:
            raise InputError("There is no such file", where=uri)
        return iter(self.content[uri].splitlines(keepends=True))

    @contextmanager
    def writer(self, uri: str) -> Iterator[Callable[[bytes], object]]:
        pieces: list[bytes] = []
        yield pieces.append
        self.touch()
        self.content[uri] = b"".join(pieces)
        self.touch()

    def below(self, folder: str) -> list[str]:
        self.touch()
        return sorted(uri for uri in self.content if uri.startswith(f"{folder}/"))

    def exists(self, uri: str) -> bool:
        return uri in self.content

    def read(self, uri: str) -> Versioned | None:
        self.touch()
        if uri not in self.content:
            return None
        return Versioned(self.content[uri].decode(), Version(str(self.versions[uri])))

    def write(self, uri: str, text: str, version: Version | None) -> Version:
        self.touch()
        known = str(self.versions[uri]) if uri in self.content else None
        if known != version:
            raise Conflict(uri)
        self.content[uri] = text.encode()
        self.versions[uri] += 1
        self.touch()
        return Version(str(self.versions[uri]))


@dataclass
class Remote:
    """A job of the service."""

    name: str
    body: Mapping[str, Any]
    made_at: float
    starts_at: float
    ends_at: float
    end: str
    code: int = 0
    state: str = ""
    wrote: bool = False

    def at(self, now: float) -> str:
        """Its state by then."""
        if self.state:
            return self.state
        if now >= self.ends_at:
            return self.end
        return "RUNNING" if now >= self.starts_at else "PENDING"


AT_REST = {"SUCCEEDED", "PARTIALLY_SUCCEEDED", "FAILED", "EXPIRED", "CANCELLED"}


class Universe:
    """The service, the files, the clock."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.plan = plan(self.rng)
        self.time = 1_800_000_000.0
        self.began = self.time
        self.calls = 0
        self.crashes = self.plan.crashes
        self.files = Memory(self.touch)
        self.remotes: list[Remote] = []
        self.landing: list[tuple[float, Mapping[str, Any]]] = []
        self.sent: Counter[tuple[str, str]] = Counter()
        self.answered: set[tuple[str, str]] = set()
        self.kinds: dict[str, str] = {}
        self.nested = False
        self.quiet = True  # no crashes while the story is set up, or judged
        self.prepare()

    # --- what was prepared ---

    def prepare(self) -> None:
        """Rows, shards, plan: what the preparing step leaves."""
        rng, shards, manifest, pending = self.rng, {}, [], []
        for row in range(1, self.plan.rows + 1):
            model, kind = rng.choice(MODELS), rng.choice(KINDS)
            request = request_of(f"row {row} {kind}", json_wanted=kind.startswith("json"))
            key = key_of(request, model)
            name = f"w000-{model}-{rng.randint(0, 1)}.jsonl"
            shards.setdefault(name, (model, []))[1].append((key, request))
            manifest.append({"row": row, "id": "", "model": model, "wave": 0, "status": "ready",
                             "reason": "", "key": key, "shard": name})  # fmt: skip
        waves = 1
        for row in range(self.plan.rows + 1, self.plan.rows + 1 + self.plan.chained):
            wave = 1 + (row - self.plan.rows - 1) % 2
            need = rng.randint(1, self.plan.rows) if wave == 1 else row - 1
            template = request_of(f"row {row} fine, given ${{output.{need}}} and $${{output.1}}")
            pending.append({"row": row, "id": "", "model": MODELS[0], "template": template,
                            "needs": [need], "refs": {str(need): need}})  # fmt: skip
            manifest.append({"row": row, "id": "", "model": MODELS[0], "wave": wave,
                             "status": "waiting", "reason": "", "key": "",
                             "shard": ""})  # fmt: skip
            waves = max(waves, wave + 1)
        told = [{"name": name, "model": model, "wave": 0, "requests": len(lines), "bytes": 1}
                for name, (model, lines) in shards.items()]  # fmt: skip
        put = self.files.content
        for name, (_, lines) in shards.items():
            put[PLACES.shard(name)] = jsonl({"key": k, "request": r} for k, r in lines)
        put[PLACES.prepared("manifest.jsonl")] = jsonl(manifest)
        put[PLACES.prepared("pending.jsonl")] = jsonl(pending)
        put[PLACES.prepared("plan.json")] = json.dumps(
            {"version": 1, "waves": waves, "shards": told}
        ).encode()

    # --- the process ---

    def touch(self) -> None:
        """A call is made: the process may die of it."""
        if self.quiet:
            return
        self.calls += 1
        if self.calls > CALLS_MAX:
            raise Violation("it does not end")
        self.time += self.rng.random() * 0.2
        if self.crashes and self.rng.random() < self.plan.crash_rate:
            self.crashes -= 1
            raise Crash

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
        return "SIGTERM" if at is not None and self.time >= self.began + at else ""

    def world(self) -> World:
        """What a process is given."""
        return World(
            files=self.files,
            job=lambda body: Job(self, body),
            ask=self.ask,
            clock=self,
            draw=self.rng.uniform,
            cost=lambda model, given, got, batch: (given + got) / 10.0,
        )

    def second(self) -> None:
        """Another process does some of the work, while the first one stands still."""
        if self.nested or self.quiet or self.rng.random() >= self.plan.second_rate:
            return
        self.nested = True
        try:
            predict(PLACES, self.world(), self.plan.settings)
        except (Crash, WorkFailed, ServiceError):
            pass
        finally:
            self.nested = False

    # --- the service ---

    def fate(self) -> str:
        rate = self.plan.fault_rate
        draw = self.rng.random() / rate if rate else 1.0
        return "done" if draw >= 1.0 else ("429", "503", "drop", "lost")[int(draw * 4)]

    def make(self, body: Mapping[str, Any]) -> Remote:
        """Make a job, and find out what will become of it."""
        rng = self.rng
        for other in self.remotes:
            if other.body["displayName"] == body["displayName"]:
                raise Violation(f"{body['displayName']} was made twice")
        start = self.time + rng.choice((1.0, 60.0, 3000.0))
        end = rng.choice(("SUCCEEDED",) * 6 + ("PARTIALLY_SUCCEEDED", "EXPIRED", "FAILED"))
        stuck = rng.random() < 0.05
        code = rng.choice((3, 8, 13)) if end == "FAILED" else 0
        ends = start + (1e9 if stuck else rng.choice((5.0, 600.0, 4000.0)))
        made = Remote(f"projects/1/locations/l/batchPredictionJobs/{len(self.remotes) + 1}",
                      body, self.time, start, ends, end, code)  # fmt: skip
        self.remotes.append(made)
        for line in self.input_of(made):
            self.note_sent(body["model"].rpartition("/")[2], line)
        return made

    def input_of(self, remote: Remote) -> list[dict[str, Any]]:
        uri = remote.body["inputConfig"]["gcsSource"]["uris"][0]
        return [json.loads(line) for line in self.files.content[uri].splitlines()]

    def note_sent(self, model: str, line: Mapping[str, Any]) -> None:
        known = (model, line["key"])
        if known in self.answered:
            raise Violation(f"{known} was sent again although it has an answer")
        self.sent[known] += 1

    def advance(self) -> None:
        """Let happen what happens by itself."""
        for landing in sorted(self.landing, key=lambda item: item[0]):
            if landing[0] <= self.time:
                self.landing.remove(landing)
                self.make(landing[1])
        for remote in self.remotes:
            state = remote.at(self.time)
            if state in AT_REST and not remote.wrote:
                remote.state, remote.wrote = state, True
                share = {"SUCCEEDED": 1.0, "PARTIALLY_SUCCEEDED": 0.7}.get(state, 0.5)
                share = 0.0 if state == "FAILED" and remote.code == 3 else share
                self.write_outputs(remote, share)

    def write_outputs(self, remote: Remote, share: float) -> None:
        model = remote.body["model"].rpartition("/")[2]
        rows = []
        for line in self.input_of(remote):
            if self.rng.random() >= share or self.rng.random() < 0.03:
                continue
            status, response = self.answer(line["key"], model, line["request"])
            echo = {**line["request"], "labels": None}
            row = {"request": echo, "status": status, "response": response}
            if self.plan.keys_echoed:
                row["key"] = line["key"]
            rows += [row] * self.rng.choice((1, 1, 1, 2))
        rows.append({"request": request_of("nobody's"), "status": "", "response": said("?")})
        self.rng.shuffle(rows)
        prefix = remote.body["outputConfig"]["gcsDestination"]["outputUriPrefix"]
        uri = f"{prefix}/prediction-model-2026-11-21T00:00:00.000000Z/predictions.jsonl"
        self.files.content[uri] = jsonl(rows) + b'{"torn'

    def answer(self, key: str, model: str, request: Mapping[str, Any]) -> tuple[str, Any]:
        """What the model makes of a request, by the words of its first turn."""
        text = request["contents"][0]["parts"][0]["text"]
        kind = text.split()[2].rstrip(",") if text.startswith("row ") else "fine"
        room = request["generationConfig"]["maxOutputTokens"]
        self.kinds[key] = kind
        if kind == "blocked":
            return "", {"promptFeedback": {"blockReason": "SAFETY"}}
        if kind == "flaky" and self.rng.random() < 0.6:
            return 'RESOURCE_EXHAUSTED error occurred: {"error": {"code": 429}}', {}
        if kind == "endless" or (kind == "long" and room < 400):
            return "", said("cut", "MAX_TOKENS")
        if kind == "json-never" or (kind == "json" and len(request["contents"]) == 1):
            return "", said('{"a": ')
        answer = '{"a": 1}' if kind == "json" else f"[{' '.join(text.split()[:2])}] ${{output.1}}"
        self.answered.add((model, key))
        return "", said(answer)

    def ask(self, model: str, request: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """One request online."""
        self.touch()
        key = key_of(request, model)
        status, response = self.answer(key, model, request)
        self.answered.discard((model, key))  # written by the process itself, perhaps not yet
        return status, response


class Job:
    """One process's hands on one job."""

    def __init__(self, universe: Universe, body: Mapping[str, Any]) -> None:
        self.universe = universe
        self.body = body
        self.stats: dict[str, Any] = {}

    def find(self) -> Observation:
        fate = self._arrive()
        if fate != "done":
            return Failed(fate)
        for remote in self.universe.remotes:
            if remote.body["displayName"] == self.body["displayName"]:
                return self._seen(remote)
        return Missing()

    def create(self) -> Observation:
        universe = self.universe
        fate = self._arrive()
        if universe.plan.refused in ("all", self.body["model"].rpartition("/")[2]):
            return Refused("403 no")
        if fate == "429":
            return Failed("429", retry_after=universe.rng.choice((0.0, 20.0)))
        if fate == "done":
            seen = self._seen(universe.make(self.body))
            universe.touch()
            return seen
        if fate == "lost" and universe.rng.random() < 0.5:
            universe.make(self.body)
        elif fate == "lost":
            universe.landing.append((universe.time + universe.rng.uniform(0, 50), self.body))
        return Unanswered(fate)

    def look(self, name: str) -> Observation:
        self.universe.second()
        fate = self._arrive()
        if fate != "done":
            return Failed(fate)
        return self._seen(next(r for r in self.universe.remotes if r.name == name))

    def cancel(self, name: str) -> Observation:
        fate = self._arrive()
        if fate not in ("done", "lost"):
            return Failed(fate)
        remote = next(r for r in self.universe.remotes if r.name == name)
        if not remote.state and self.universe.rng.random() < 0.9:
            remote.ends_at = self.universe.time + self.universe.rng.choice((0.0, 100.0))
            remote.end = "CANCELLED"
        return Accepted() if fate == "done" else Failed(fate)

    def _arrive(self) -> str:
        self.universe.touch()
        self.universe.advance()
        return self.universe.fate()

    def _seen(self, remote: Remote) -> Seen:
        state = remote.at(self.universe.time)
        if state in AT_REST:
            self.universe.advance()
        if remote.code and state == "FAILED":
            self.stats = {"errorCode": remote.code}
        stage = {"PENDING": "waiting", "RUNNING": "running", "CANCELLED": "cancelled"}.get(
            state, "failed" if state in ("FAILED", "EXPIRED") else "succeeded"
        )
        return Seen(remote.name, stage, "u", f"JOB_STATE_{state}", why="why")  # type: ignore[arg-type]


def run(seed: int) -> str:
    """Play the schedule of a seed; how the run ended."""
    universe = Universe(seed)
    return judge(universe, play(universe))


def play(universe: Universe) -> str:
    """Begin the run as often as it dies; how it ended."""
    universe.quiet = False
    ended = ""
    for _ in range(60):
        try:
            predict(PLACES, universe.world(), universe.plan.settings)
            ended = "done"
        except Crash:
            universe.time += universe.rng.choice((0.1, 5.0, 5000.0))
            continue
        except WorkFailed:
            ended = "cancelled"
        except ServiceError as error:
            if "No job could be made" in str(error):
                ended = "refused"
            else:
                universe.time += 60.0
                continue
        break
    universe.quiet = True
    return ended


def judge(universe: Universe, ended: str) -> str:
    """Hold the run to its promises."""
    if not ended:
        raise Violation("it never ended")
    universe.time += 4000.0
    while universe.landing:
        universe.make(universe.landing.pop()[1])
    universe.time += 100.0
    doc = from_text(universe.files.content[PLACES.book].decode())
    for remote in universe.remotes:
        if remote.at(universe.time) not in AT_REST and remote.made_at < universe.time - 4000.0:
            raise Violation(f"{remote.name} was left {remote.at(universe.time)}")
    for (_, key), count in universe.sent.items():
        if count > universe.plan.settings.attempts:
            raise Violation(f"{key} was sent {count} times")
        if count > 1 and universe.kinds.get(key) == "blocked" and keys_with_rows(universe, key) > 1:
            raise Violation(f"{key} was blocked and sent again")
    if ended == "done":
        nothing_lost(universe, doc)
    return ended


def keys_with_rows(universe: Universe, key: str) -> int:
    """How many jobs gave a row for a key."""
    jobs = Counter(
        uri.split("/")[-3]
        for uri, content in universe.files.content.items()
        if uri.endswith("predictions.jsonl")
        for line in content.splitlines()[:-1]
        if key_of(json.loads(line)["request"], MODELS[0]) == key
        or key_of(json.loads(line)["request"], MODELS[1]) == key
    )
    return len(jobs)


def nothing_lost(universe: Universe, doc: Doc) -> None:
    """Each row has its own answer, or one reason why not."""
    content = universe.files.content
    resolved = PLACES.prepared("resolved.jsonl")
    manifest = resolved if resolved in content else PLACES.prepared("manifest.jsonl")
    given_up = {
        told["key"]: told["given_up"]
        for uri, text in content.items()
        if "/decisions/" in uri
        for told in map(json.loads, text.splitlines())
        if "given_up" in told
    }
    answers = answers_by_key(universe, doc)
    for line in content[manifest].splitlines():
        row = json.loads(line)
        if row["status"] == "invalid":
            if not row["reason"]:
                raise Violation(f"row {row['row']} is invalid for no reason")
            continue
        if row["status"] != "ready" or not row["key"]:
            raise Violation(f"row {row['row']} was forgotten: {row}")
        answer = answers.get(row["key"])
        if answer is None and row["key"] not in given_up:
            raise Violation(f"row {row['row']} was lost")
        if answer is not None and answer != '{"a": 1}' and f"[row {row['row']}]" not in answer:
            raise Violation(f"row {row['row']} got {answer}")
    later_waves_were_told_right(content)


def later_waves_were_told_right(content: Mapping[str, bytes]) -> None:
    """Each later row holds the answer that it needs, put in once."""
    for uri, text in content.items():
        for line in text.splitlines() if "/shards/w001" in uri else ():
            words = json.loads(line)["request"]["contents"][0]["parts"][0]["text"]
            if "given [row" not in words and '{"a": 1}' not in words:
                raise Violation(f"a row of the next wave was asked: {words}")
            if "${output.1}" not in words.rpartition(" and ")[2]:
                raise Violation(f"more than one pass of substitution: {words}")


def answers_by_key(universe: Universe, doc: Doc) -> dict[str, str]:
    """The texts that came back, joined in the most careful way: by who sent what where."""
    found: dict[str, str] = {}
    for entry in doc.entries:
        keys = {
            key_of(line["request"], entry.model): line["key"]
            for line in map(
                json.loads, universe.files.content[PLACES.shard(entry.shard)].splitlines()
            )
        }
        for uri in universe.files.below(PLACES.outputs(entry.display_name)):
            for line in universe.files.content[uri].splitlines():
                if line == b'{"torn':
                    continue
                row = json.loads(line)
                key = keys.get(key_of(row["request"], entry.model))
                candidates = row["response"].get("candidates")
                if key and candidates and candidates[0]["finishReason"] == "STOP":
                    text = candidates[0]["content"]["parts"][-1]["text"]
                    if text != '{"a": ':
                        found[key] = text
    return found


def request_of(text: str, *, json_wanted: bool = False) -> dict[str, Any]:
    """A request of one turn."""
    settings: dict[str, Any] = {"maxOutputTokens": 100}
    if json_wanted:
        settings["responseMimeType"] = "application/json"
    turn = {"role": "user", "parts": [{"text": text}]}
    return {"contents": [turn], "generationConfig": settings}


def said(text: str, finish: str = "STOP") -> dict[str, Any]:
    """A response of the model."""
    content = {"role": "model", "parts": [{"text": "hm", "thought": True}, {"text": text}]}
    return {
        "candidates": [{"content": content, "finishReason": finish}],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1},
    }


def jsonl(rows: Any) -> bytes:
    """JSON lines."""
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)
