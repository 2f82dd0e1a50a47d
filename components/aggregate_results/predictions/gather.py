"""The first pass: every line of every output file, joined and set down by its row's place.

A second process reads half of the files' bytes. What it keeps is added to what this one does; lines
that are no answer, or whose row has to be looked for, are seen to here when all others were, in the
order of the files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

from components.aggregate_results.predictions.aside import Aside
from components.aggregate_results.predictions.beside import made_beside
from components.aggregate_results.predictions.decisions import JsonFaults
from components.aggregate_results.predictions.decode import decode
from components.aggregate_results.predictions.jobs import Job, job_of
from components.aggregate_results.predictions.joining import FOREIGN, Joining
from components.aggregate_results.predictions.judge import judge
from components.aggregate_results.predictions.kept import Kept
from components.aggregate_results.predictions.lines import Span, halves, whole
from components.aggregate_results.predictions.pricing import Price, no_price
from components.aggregate_results.predictions.reading import read
from components.aggregate_results.predictions.spill import Spill

_EXAMPLES = 20


@dataclass
class Counts:
    """What the output files held.

    Args:
        files: how many there were.
        lines: of all files, blank ones left out.
        matched: rows that have an answer.
        duplicate: further answers of the same attempt to a row that had one.
        retried: answers of another attempt to a row that had one.
        foreign: answers that are no row's, or whose row cannot be proved.
        unreadable: lines that are no JSON object, cut short or too long.
        requests: lines that are requests and no answers.
        spent_usd: cost of all answers, as far as prices are known.
        how: rows by how they were matched, by the best proof of each.
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
    how: dict[str, int] = field(default_factory=dict)
    why_foreign: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def odd(self, what: str, where: str) -> None:
        """Remember where a strange line stands, of the first ones."""
        if len(self.examples) < _EXAMPLES:
            self.examples.append(f"{where}: {what}")

    def count(self, kept: Kept) -> None:
        """Count the answers of rows, when there are no more."""
        self.matched, by_key, attempts = kept.counted()
        self.retried = attempts - self.matched
        self.duplicate = kept.answers - attempts
        how = {"key": by_key, "request": self.matched - by_key}
        self.how = {name: rows for name, rows in how.items() if rows}
        self.lines = kept.answers + self.foreign + self.unreadable + self.requests
        self.spent_usd = kept.spent_usd


def gather(
    uris: Sequence[str],
    jobs: Sequence[Job],
    joining: Joining,
    spills: Sequence[Spill],
    price: Price = no_price,
    broken: JsonFaults | None = None,
) -> tuple[Kept, Counts]:
    """Read the files.

    Args:
        uris: of the output files.
        jobs: of the ledger.
        joining: knows the rows.
        spills: where answers are set down; a second one is for a second process to help with.
        price: what an answer costs.
        broken: what is wrong with answers that were to be JSON.

    Returns:
        what was kept, and counted

    Raises:
        InputError: a file is not there, or is UTF-16.
        ServiceError: it could not be read, or the second process ended early.
    """
    kept = Kept(joining, spills[0], price, broken)
    counts = Counts(files=len(uris))
    with Aside() as first, Aside() as second:
        if len(spills) == 1:
            read(whole(uris), jobs, joining, kept, first)
            before: dict[int, int] = {}
        else:
            mine, theirs = halves(uris)
            other = partial(Kept, joining, spills[1], price, broken)
            make = partial(_told, theirs, jobs, joining, other, second)
            with made_beside(make, "reads the answers") as products:
                before = read(mine, jobs, joining, kept, first)
                kept.add(products, spills[1])
        behind = ((file, before.get(file, 0) + at, raw) for file, at, raw in second.lines())
        for file, at, raw in chain(first.lines(), behind):
            if raw is None or not raw.isspace():
                _see_to(raw, f"{uris[file]}:{at}", job_of(uris[file], jobs), joining, kept, counts)
    spills[0].settle()
    counts.count(kept)
    return kept, counts


def _told(
    spans: Sequence[Span],
    jobs: Sequence[Job],
    joining: Joining,
    empty: Callable[[], Kept],
    aside: Aside,
) -> Iterator[list[bytes]]:
    """What the second process has to tell, when it has read all."""
    kept = empty()
    read(spans, jobs, joining, kept, aside)
    aside.settle()
    for piece in kept.told():
        yield [piece]


def _see_to(
    raw: bytes | None, where: str, job: Job, joining: Joining, kept: Kept, counts: Counts
) -> None:
    """Find the row of a line that was put aside, or count what else it is."""
    line = decode(raw) if raw is not None else None
    if line is None:
        counts.unreadable += 1
        counts.odd("no JSON object, cut short or too long", where)
    elif not line.is_answer:
        counts.requests += 1
    else:
        answer = judge(line)
        place, how = joining.find(line, raw or b"", job, answer.model_version)
        if place == FOREIGN:
            counts.foreign += 1
            counts.why_foreign[how] += 1
            counts.odd(how, where)
        else:
            kept.keep(answer, place, how, job)
