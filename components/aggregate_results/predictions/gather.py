"""The first pass: every line of every output file, joined and set down by its row's place."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import msgspec

from components.aggregate_results.predictions.beside import made_beside
from components.aggregate_results.predictions.decisions import JsonFaults
from components.aggregate_results.predictions.decode import decode
from components.aggregate_results.predictions.flatten import Fields
from components.aggregate_results.predictions.jobs import Job, job_of, model_name
from components.aggregate_results.predictions.joining import FOREIGN, Joining
from components.aggregate_results.predictions.judge import GRADES, Answer, judge
from components.aggregate_results.predictions.lines import numbered_lines
from components.aggregate_results.predictions.reading import batch_of, batches
from components.aggregate_results.predictions.spill import Spill

log = logging.getLogger(__name__)

Price = Callable[..., float | None]
"""(model, prompt_tokens, output_tokens, cached_tokens, batch=…) -> US dollars, None if unknown."""

_EXAMPLES = 20
_MAX_ATTEMPT = 31
_encode = msgspec.msgpack.Encoder().encode


def no_price(*_: object, **__: object) -> float | None:
    """The price where no price list was given: unknown."""
    return None


def price_of(answer: Answer, model: str, price: Price) -> float | None:
    """What the answer cost; None where it tells no tokens or the model has no known price."""
    if not model or (answer.prompt_tokens is None and answer.output_tokens is None):
        return None
    return price(
        model,
        answer.prompt_tokens or 0,
        answer.output_tokens or 0,
        answer.cached_tokens or 0,
        batch=answer.batch,
    )


@dataclass
class Counts:
    """What the output files held.

    Args:
        files: how many there were.
        lines: of all files, blank ones left out.
        matched: answers that are some row's.
        duplicate: further answers of the same attempt to a row that had one.
        retried: answers of another attempt to a row that had one.
        foreign: answers that are no row's, or whose row cannot be proved.
        unreadable: lines that are no JSON object, cut short or too long.
        requests: lines that are requests and no answers.
        spent_usd: cost of all answers, as far as prices are known.
    """

    files: int = 0
    lines: int = 0
    matched: int = 0
    duplicate: int = 0
    retried: int = 0
    foreign: int = 0
    unreadable: int = 0
    requests: int = 0
    spent_usd: float = 0.0
    how: Counter[str] = field(default_factory=Counter)
    why_foreign: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def odd(self, what: str, uri: str, number: int) -> None:
        """Remember where a strange line stands, of the first ones."""
        if len(self.examples) < _EXAMPLES:
            self.examples.append(f"{uri}:{number}: {what}")


class Gathering:
    """Takes the answers of the first pass.

    Args:
        joining: knows the rows.
        spill: where answers are set down.
        price: what an answer costs.
        broken: what is wrong with answers that were to be JSON.
    """

    def __init__(
        self,
        joining: Joining,
        spill: Spill,
        price: Price = no_price,
        broken: JsonFaults | None = None,
    ) -> None:
        self.counts = Counts()
        self.fields = Fields()
        self.attempts = bytearray(joining.rows)
        self._joining = joining
        self._spill = spill
        self._price = price
        self._broken = broken or None  # asked for each answer
        self._best = bytearray(joining.rows)
        self._next: dict[int, int] = {}

    def read(self, uris: Sequence[str], jobs: Sequence[Job], *, beside: bool = False) -> None:
        """Read the files, one after the other; `beside`: with the help of a second process."""
        self.counts.files += len(uris)
        if beside:
            self._read_beside(uris, jobs)
            return
        for uri in uris:
            job = job_of(uri, jobs)
            for number, raw in numbered_lines(uri):
                self._take(uri, number, raw, job)

    def _read_beside(self, uris: Sequence[str], jobs: Sequence[Job]) -> None:
        named = [(uri, job_of(uri, jobs)) for uri in uris]
        make = partial(batches, uris, jobs, self._joining)
        with made_beside(make, "reads the answers") as products:
            for batch in map(batch_of, products):
                uri, job = named[batch.file]
                for line in batch.lines:
                    if line.answer is None:
                        self._take(uri, line.number, line.raw, job)
                    else:
                        self.counts.lines += 1
                        self._keep(line.place, line.answer, job)

    def _take(self, uri: str, number: int, raw: bytes | None, job: Job) -> None:
        """Decode a line and find its row; None for one that is too long."""
        counts = self.counts
        counts.lines += 1
        line = decode(raw) if raw is not None else None
        if line is None:
            counts.unreadable += 1
            counts.odd("no JSON object, cut short or too long", uri, number)
        elif not line.is_answer:
            counts.requests += 1
        else:
            answer = judge(line)
            place, how = self._joining.find(line, raw or b"", job, answer.model_version)
            if place == FOREIGN:
                counts.foreign += 1
                counts.why_foreign[how] += 1
                counts.odd(how, uri, number)
            else:
                answer.matched_by = how
                self._keep(place, answer, job)

    def _keep(self, place: int, answer: Answer, job: Job) -> None:
        """Set the answer down if it is the best so far for its row."""
        groups = self._joining.groups
        group = groups.get(place) if groups else None
        first = place
        if group and self._joining.one_answer_each and answer.matched_by == "request":
            place = self._own_row(place, group)
        answer.attempt = attempt = min(job.attempt, _MAX_ATTEMPT)
        answer.batch = job.batch
        if self._price is not no_price:
            answer.cost_usd = self._cost(answer, job)
        best = self._best[place]
        self._count(place, answer)
        if self._broken and answer.status == "ok":
            self._fail_broken(self._broken, first, answer)
        # Better is better; of equal ones the earlier attempt, of one attempt the first read.
        worth = GRADES[answer.status] << 5 | _MAX_ATTEMPT - attempt
        if answer.status == "ok":
            self.fields.add(answer.literal)
        if worth <= best:
            return
        self._best[place] = worth
        record = _encode(answer)
        self._spill.add(place, record)
        if group:
            self._share(first, place, group, record)

    def _count(self, place: int, answer: Answer) -> None:
        """Count an answer of a row: its first, one more of the same attempt, or of another one."""
        counts, attempt = self.counts, answer.attempt
        if not self._best[place]:
            counts.matched += 1
            counts.how[answer.matched_by] += 1
        elif self.attempts[place] == attempt:
            counts.duplicate += 1
        else:
            counts.retried += 1
        if attempt > self.attempts[place]:
            self.attempts[place] = attempt

    def _fail_broken(self, broken: JsonFaults, first: int, answer: Answer) -> None:
        """An answer that was to be JSON and is not: its text is kept and is not ok."""
        if fault := broken.of(first, answer.attempt, answer.literal):
            answer.status = "failed"
            answer.reason = f"no JSON, which was asked for: {fault}"

    def _cost(self, answer: Answer, job: Job) -> float | None:
        """What it cost; answers that give way to better ones are paid for all the same."""
        cost = price_of(answer, job.model or model_name(answer.model_version), self._price)
        if cost is not None:
            self.counts.spent_usd += cost
        return cost

    def _own_row(self, first: int, group: list[int]) -> int:
        """The next of the rows that asked the same and has no answer yet."""
        at = self._next.get(first, 0)
        while at <= len(group):
            place = group[at - 1] if at else first
            if not self._best[place]:
                self._next[first] = at
                return place
            at += 1
        self._next[first] = at
        return first

    def _share(self, first: int, place: int, group: list[int], record: bytes) -> None:
        """Put it where the other rows that asked the same will look for it."""
        if self._joining.one_answer_each and place != first:
            return
        size = self._spill.size
        for number in {row // size for row in group} - {first // size}:
            self._spill.add_to_range(number, first, record)
