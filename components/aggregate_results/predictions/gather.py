"""The first pass: every line of every output file, joined and set down by its row's place."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from components.aggregate_results.predictions.beside import made_beside
from components.aggregate_results.predictions.decisions import JsonFaults
from components.aggregate_results.predictions.decode import decode
from components.aggregate_results.predictions.flatten import Fields
from components.aggregate_results.predictions.jobs import Job, job_of
from components.aggregate_results.predictions.joining import FOREIGN, Joining
from components.aggregate_results.predictions.judge import judge
from components.aggregate_results.predictions.lines import numbered_lines
from components.aggregate_results.predictions.pricing import Price, no_price
from components.aggregate_results.predictions.reading import Found, Reader, batch_of
from components.aggregate_results.predictions.spill import Spill

log = logging.getLogger(__name__)

_EXAMPLES = 20


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
        self._reader = Reader(joining, price, broken)
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
        make = partial(self._reader.batches, uris, jobs)
        with made_beside(make, "reads the answers") as products:
            for batch in map(batch_of, products):
                uri, job = named[batch.file]
                for line in batch.lines:
                    if line.found is None:
                        self._take(uri, line.number, line.raw, job)
                    else:
                        self.counts.lines += 1
                        self._keep(line.found)

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
                self._keep(self._reader.found(answer, place, how, job))

    def _keep(self, found: Found) -> None:
        """Set the answer down if it is the best so far for its row."""
        groups, first = self._joining.groups, found.place
        place, group = first, groups.get(first) if groups else None
        if group and self._joining.one_answer_each and found.how == "request":
            place = self._own_row(place, group)
        if found.cost_usd is not None:  # an answer that gives way to a better one was paid for, too
            self.counts.spent_usd += found.cost_usd
        best = self._best[place]
        self._count(place, found, best)
        if found.ok:
            self.fields.add(found.literal)
        if found.worth <= best:
            return
        self._best[place] = found.worth
        self._spill.add(place, found.record)
        if group:
            self._share(first, place, group, found.record)

    def _count(self, place: int, found: Found, best: int) -> None:
        """Count an answer of a row: its first, one more of the same attempt, or of another one."""
        counts, attempt = self.counts, found.attempt
        if not best:
            counts.matched += 1
            counts.how[found.how] += 1
        elif self.attempts[place] == attempt:
            counts.duplicate += 1
        else:
            counts.retried += 1
        if attempt > self.attempts[place]:
            self.attempts[place] = attempt

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
