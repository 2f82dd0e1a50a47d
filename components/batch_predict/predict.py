"""All predictions of a run: wave after wave, and within a wave sending after sending.

What is to be done next is read from the ledger and the files each time, so that any process can go
on where another one died.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from components.batch_predict import waves
from components.batch_predict.book import Book, Doc, Entry, EntryStore
from components.batch_predict.files import Files, Unwritten
from components.batch_predict.online import Ask, answer_online
from components.batch_predict.places import Places, content_hash, display_name, slug
from components.batch_predict.plan import Plan, beside, job_body
from components.batch_predict.policy import within_budget
from components.batch_predict.progress import Progress
from components.batch_predict.resume import resumed
from components.batch_predict.schedule import Supervised, Surroundings, supervise_all
from components.batch_predict.settle import Cost, Settled, Settling, settle
from components.batch_predict.shards import BYTES_MAX, REQUESTS_MAX, Shard, is_table
from components.batch_predict.staging import copy, copy_outputs
from components.errors import InputError, ServiceError, WorkFailed, WrongUse
from components.supervision.clock import Clock
from components.supervision.driver import RemoteJobs
from components.supervision.ledger import Ledger
from components.supervision.life import Life, Policy
from components.tables.formats import plural

RUN_LABEL = "intent2batch-run"
CONTENT_LABEL = "intent2batch-content"
_AFTER_A_STOP = (
    "What the jobs had finished is kept; `intent2batch predict RUN --resume` sends the rest."
)


class Job(RemoteJobs, Protocol):
    """A job of the service that also tells what the service says of it."""

    stats: dict[str, Any]


@dataclass(frozen=True)
class Settings:
    """How a run is carried out.

    Attributes:
        deadline_s: what has not ended so long after the beginning is cancelled. A job may wait
            72 hours in the queue and run for 24.
        attempts: how often a request may be sent.
        max_cost_usd: how much the answers of this run may cost before nothing more is sent;
            0: any amount.
        online_up_to: rounds of at most so many requests are asked one by one, at twice the price
            and without the wait of a batch job; 0: none.
        online_at_once: how many requests are under way online; 0: as many as the plan says.
        jobs_at_once: how many batch jobs are under way; 0: as many as the plan says.
        answers_table: the bq:// table for the answers to a bq:// table; a new one beside it if
            empty.
        resume: go on with a run that was stopped, and send what its jobs had not finished.
        policy: how patient to be with the service.
        requests_max, bytes_max: limits of a shard.
    """

    deadline_s: float = 96 * 3600.0
    attempts: int = 3
    max_cost_usd: float = 0.0
    online_up_to: int = 0
    online_at_once: int = 0
    jobs_at_once: int = 0
    answers_table: str = ""
    resume: bool = False
    policy: Policy = Policy(poll_first=5.0, poll_max=60.0, dedupe_s=None)  # noqa: RUF009 - frozen
    requests_max: int = REQUESTS_MAX
    bytes_max: int = BYTES_MAX

    def __post_init__(self) -> None:
        if self.answers_table and not is_table(self.answers_table):
            raise WrongUse(
                f"'{self.answers_table[:60]}' is no table for answers",
                fix="Write bq://project.dataset.table.",
            )


@dataclass(frozen=True)
class World:
    """Everything outside of this step.

    Attributes:
        files: where everything lies.
        job: the job that a body describes.
        ask: asks one request online.
        clock, draw: see `Surroundings`.
        cost: what tokens cost.
        say: shows one line of progress.
        on_change: is told of the ledger when the life of a job was read or written.
    """

    files: Files
    job: Callable[[Mapping[str, Any]], Job]
    ask: Ask
    clock: Clock
    draw: Callable[[float, float], float]
    cost: Cost
    say: Callable[[str], None] = lambda _: None
    on_change: Callable[[Doc], None] = lambda _: None


def predict(plan: Plan, places: Places, world: World, settings: Settings) -> Doc:
    """Send every request until it has an answer or a reason why not.

    Called again with the same run folder, in this process or another, it goes on where it stands;
    jobs that were made are found again. SIGTERM and Ctrl-C cancel the jobs; what they have
    finished lies in their output folders.

    Args:
        plan: what the preparing step planned.
        places: where the files of the run lie.
        world: everything outside of this step.
        settings: how the run is carried out.

    Returns:
        The ledger as written.

    Raises:
        WorkFailed: the run was cancelled.
        InputError: what was prepared cannot be read, or is estimated above the limit on cost.
        ServiceError: files or the ledger cannot be kept, every job of a round was refused,
            or one can no longer be followed.
    """
    return _Prediction(plan, places, world, settings).run()


class _Prediction:
    def __init__(self, plan: Plan, places: Places, world: World, settings: Settings) -> None:
        self._plan = plan
        self._places = places
        self._world = world
        self._settings = settings
        self._book = Book(world.files, places.book)
        self._jobs_at_once = settings.jobs_at_once or plan.jobs_at_once
        self._online_at_once = settings.online_at_once or plan.online_at_once

    def run(self) -> Doc:
        until = self._world.clock.now() + self._settings.deadline_s
        self._book.load()
        if self._settings.resume and self._book.doc.stopped:
            self._book.update(lambda doc: resumed(doc, until))
        if self._book.doc.stopped:
            raise WorkFailed(
                f"The predictions were stopped: {self._book.doc.stopped}", fix=_AFTER_A_STOP
            )
        if not self._book.doc.entries:
            self._check_estimate()
        doc = self._book.update(
            lambda doc: doc if doc.deadline_at else replace(doc, deadline_at=until)
        )
        for wave in range(doc.waves_done, self._plan.waves):
            self._wave(wave)
            self._book.update(lambda doc, n=wave + 1: replace(doc, waves_done=n))  # type: ignore[misc]
        return self._book.doc

    def _check_estimate(self) -> None:
        settings = self._settings
        refused = self._plan.refusal(settings.max_cost_usd, settings.online_up_to)
        if refused:
            raise InputError(
                refused,
                where=self._places.run_uri,
                fix="Raise the limit (--max-cost, max_cost_usd), take a cheaper model, or send "
                "fewer rows.",
            )

    def _wave(self, wave: int) -> None:
        attempt = max((e.attempt for e in self._book.doc.entries if e.wave == wave), default=0)
        if not attempt:
            attempt = 1
            self._add(wave, attempt, self._first_shards(wave), [])
        while entries := self._book.doc.round(wave, attempt):
            if not _is_settled(entries):
                self._bring_to_end(entries)
                self._check_stopped(wave, attempt)
                entries = self._book.load().round(wave, attempt)
            if not _is_settled(entries):  # nor has another process done it meanwhile
                settled = self._settled(entries)
                self._add(wave, attempt + 1, settled.shards, settled.entries)
            attempt += 1

    def _first_shards(self, wave: int) -> Sequence[Shard]:
        if wave == 0:
            return [shard for shard in self._plan.shards if shard.wave == 0]
        return waves.open_wave(
            self._world.files,
            self._places,
            self._book.doc,
            wave,
            waves.Bounds(
                self._settings.requests_max,
                self._settings.bytes_max,
                self._plan.prompt_chars_max,
                lambda requests: self._over_budget((wave, 0), requests),
            ),
        )

    def _bring_to_end(self, entries: Sequence[Entry]) -> None:
        requests = sum(entry.requests for entry in entries)
        first = entries[0]
        self._world.say(
            f"wave {first.wave + 1}, sending {first.attempt}: "
            f"{plural(requests, 'request')} in {plural(len(entries), 'job')}"
        )
        self._supervise([entry for entry in entries if entry.how == "batch"])
        for entry in entries:
            if entry.how == "online" and entry.ledger.outcome is None:
                self._online(entry)

    def _supervise(self, entries: Sequence[Entry]) -> None:
        world, now = self._world, self._world.clock.now()
        left = max(0.0, (self._book.doc.deadline_at or now) - now)
        policy = replace(self._settings.policy, dedupe_s=None, max_wait_s=left)
        lives = []
        for entry in entries:
            job = world.job(entry.ledger.request["body"])
            store = EntryStore(self._book, entry.display_name, lambda job=job: job.stats)  # type: ignore[misc]
            lives.append(Supervised(job, store, entry.ledger))
        progress = Progress(world.say)

        def on_change() -> None:
            progress.change(self._book.doc)
            world.on_change(self._book.doc)

        around = Surroundings(world.clock, world.draw, on_change, progress.trouble,
                              self._jobs_at_once)  # fmt: skip
        supervise_all(lives, policy, around)
        if self._places.staged:
            names = {entry.display_name for entry in entries if not is_table(entry.shard)}
            for entry in self._book.doc.entries:
                if entry.display_name in names and _is_written(entry.ledger):
                    copy_outputs(world.files, self._places, entry)

    def _online(self, entry: Entry) -> None:
        world = self._world
        deadline = self._book.doc.deadline_at or 0.0
        outcome, reason = answer_online(
            world.files,
            self._places,
            entry,
            world.ask,
            world.clock,
            at_once=self._online_at_once,
            deadline_at=deadline,
        )
        now = world.clock.now()
        life = replace(
            entry.ledger.life, phase="ended", outcome=outcome, reason=reason, ended_at=now,
            state="ONLINE", asked="cancel" if outcome == "cancelled" else "",
        )  # fmt: skip
        ended = replace(entry, ledger=replace(entry.ledger, life=life))

        def change(doc: Doc) -> Doc:
            known = next(e for e in doc.entries if e.display_name == entry.display_name)
            # Another process may have ended it, and gone on from there.
            return doc if known.ledger.outcome is not None else doc.with_entry(ended)

        self._book.update(change)

    def _check_stopped(self, wave: int, attempt: int) -> None:
        why = self._world.clock.stop_asked()
        for entry in self._book.doc.round(wave, attempt):
            if entry.ledger.life.asked == "cancel":
                why = entry.ledger.life.why_asked or entry.ledger.reason
        if why:
            self._book.update(lambda doc: replace(doc, stopped=why))
            raise WorkFailed(f"The predictions were stopped: {why}", fix=_AFTER_A_STOP)
        ended = self._book.doc.round(wave, attempt)
        for entry in ended:
            if entry.ledger.outcome == "refused" and entry.ledger.job_name:
                # Its rows may still come: nothing is decided about them before they did.
                raise ServiceError(
                    f"A job can no longer be followed: {entry.ledger.reason}",
                    where=entry.ledger.job_name,
                    fix="Run this step again once the service answers; it goes on from here.",
                )
        if all(e.ledger.outcome == "refused" and not e.ledger.job_name for e in ended):
            raise ServiceError(
                f"No job could be made: {ended[0].ledger.reason}",
                fix="Batch prediction needs roles/aiplatform.user on the project, the Vertex AI "
                "API enabled, and read and write rights on the bucket.",
            )

    def _settled(self, entries: Sequence[Entry]) -> Settled:
        """Settle a round. A process that is late with it must decide what the first one did:
        neither the clock nor what was sent after the round may have a say.
        """
        settings, world = self._settings, self._world
        how = Settling(settings.attempts, settings.requests_max, settings.bytes_max)
        ended_at = max(entry.ledger.life.ended_at or 0.0 for entry in entries)
        if ended_at >= (self._book.doc.deadline_at or 0.0):
            how = replace(how, veto="the time allowed is over")
        elif settings.max_cost_usd > 0:
            tried = settle(Unwritten(world.files), self._places, entries, world.cost, how)
            again = sum(shard.requests for shard in tried.shards)
            until = entries[0].wave, entries[0].attempt
            how = replace(how, veto=self._over_budget(until, again, tried.entries))
        return settle(world.files, self._places, entries, world.cost, how)

    def _over_budget(self, until: tuple[int, int], asked: int, fresh: Sequence[Entry] = ()) -> str:
        """Why so many more requests may not be sent after a round (wave and sending)."""
        doc = self._book.doc
        doc = replace(doc, entries=tuple(e for e in doc.entries if (e.wave, e.attempt) <= until))
        for entry in fresh:
            doc = doc.with_entry(entry)
        known = all(e.cost_usd is not None for e in doc.entries if e.counts is not None)
        answered = sum(
            n
            for entry in doc.entries
            for status, n in (entry.counts or {}).items()
            if status not in ("missing", "transient", "resent", "given_up")
        )
        return within_budget(
            doc.spent_usd if known else None, answered, asked, self._settings.max_cost_usd
        )

    def _add(
        self, wave: int, attempt: int, shards: Sequence[Shard], settled: Sequence[Entry]
    ) -> None:
        """Write down, in one go, what came of a round and what the next one is."""
        few = sum(shard.requests for shard in shards) <= self._settings.online_up_to
        # A tuned model is asked online at its endpoint, which its name does not tell.
        few = few and not any(
            shard.model.startswith("projects/") or is_table(shard.name) for shard in shards
        )
        entries = [self._entry(shard, online=few) for shard in shards]

        def change(doc: Doc) -> Doc:
            if doc.round(wave, attempt):
                return doc  # another process was faster
            for entry in settled:
                doc = doc.with_entry(entry)
            return replace(doc, entries=(*doc.entries, *entries))

        self._book.update(change)

    def _entry(self, shard: Shard, *, online: bool) -> Entry:
        places, files = self._places, self._world.files
        table = is_table(shard.name)
        lines = [shard.name.encode()] if table else files.lines(places.shard(shard.name))
        content = content_hash(lines)
        name = display_name(places.identity, shard.name, shard.attempt, content)
        input_uri, output_uri = places.service_shard(shard.name), places.service_outputs(name)
        if table:
            input_uri = shard.name
            output_uri = self._settings.answers_table or beside(shard.name, name)
        elif places.staged and not online:
            copy(files, places.shard(shard.name), input_uri)
        request: dict[str, Any] = {}
        if not online:
            labels = {RUN_LABEL: slug(places.identity)[-63:].strip("-"), CONTENT_LABEL: content}
            request = {"body": job_body(name, shard.model, input_uri, output_uri, labels)}
        return Entry(
            shard=shard.name,
            wave=shard.wave,
            attempt=shard.attempt,
            model=shard.model,
            display_name=name,
            input_uri=places.shard(shard.name) if online else input_uri,
            output_uri=places.outputs(name) if online else output_uri,
            requests=shard.requests,
            how="online" if online else "batch",
            ledger=Ledger(Life(deadline_at=self._book.doc.deadline_at), request),
        )


def _is_written(ledger: Ledger) -> bool:
    """Whether the outputs are what they will be; a copy of them is never made anew."""
    if ledger.outcome == "refused":  # it may go on, unless nobody will look at it again
        return ledger.life.asked == "cancel"
    return ledger.outcome is not None


def _is_settled(entries: Sequence[Entry]) -> bool:
    return all(entry.counts is not None for entry in entries)
