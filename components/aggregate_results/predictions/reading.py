"""The lines of the output files, most of them read by a second process.

It gives the lines in their order: those that it is sure of as answers with their places, all others
as they are, for the first pass to see to. Some of the plain ones it leaves, too, as the first pass
would otherwise wait for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from components.aggregate_results.predictions.decisions import JsonFaults
from components.aggregate_results.predictions.decode import decode
from components.aggregate_results.predictions.flatten import may_be_object
from components.aggregate_results.predictions.jobs import Job, job_of, model_name
from components.aggregate_results.predictions.joining import FOREIGN, Joining
from components.aggregate_results.predictions.judge import GRADES, Answer, judge
from components.aggregate_results.predictions.lines import numbered_lines
from components.aggregate_results.predictions.pricing import Price, no_price, price_of

_LEFT, _OF = 2, 5  # so many lines of so many: with it, both processes have about as much to do
_LINES = 256
_BYTES = 64 * 1024
_MAX_ATTEMPT = 31


class Found(msgspec.Struct, array_like=True, gc=False):
    """An answer to a row.

    Args:
        place: of the row, from 0 on.
        how: it was matched.
        attempt: which sending.
        worth: the answer of more worth counts. Better is better; of equal ones the earlier attempt.
        ok: whether it is whole and good.
        cost_usd: None if unknown.
        literal: its text as JSON, where that may be an object.
        record: the answer as it is set down.
    """

    place: int
    how: str
    attempt: int
    worth: int
    ok: bool
    cost_usd: float | None
    literal: bytes
    record: bytes


class ReadLine(msgspec.Struct, array_like=True, gc=False):
    """A line with its number: the answer, or the line itself, None if it is too long."""

    number: int
    raw: bytes | None
    found: Found | None = None


class Batch(msgspec.Struct, array_like=True, gc=False):
    """Some lines of a file, by its number from 0 on."""

    file: int
    lines: list[ReadLine]


_encode = msgspec.msgpack.Encoder().encode
batch_of = msgspec.msgpack.Decoder(Batch).decode


class Reader:
    """Reads lines.

    Args:
        joining: knows the rows.
        price: what an answer costs.
        broken: what is wrong with answers that were to be JSON.
    """

    def __init__(self, joining: Joining, price: Price, broken: JsonFaults | None) -> None:
        self._joining = joining
        self._price = price
        self._broken = broken or None  # asked for each answer

    def batches(self, uris: Sequence[str], jobs: Sequence[Job]) -> Iterator[list[bytes]]:
        """All lines, for `batch_of`."""
        for file, uri in enumerate(uris):
            job = job_of(uri, jobs)
            batch, size = Batch(file, []), 0
            for number, raw in numbered_lines(uri):
                mine = number % _OF >= _LEFT
                found = self._sure(raw, job) if raw and mine else None
                batch.lines.append(ReadLine(number, b"" if found else raw, found))
                size += len(found.record if found else raw or b"")
                if size > _BYTES or len(batch.lines) == _LINES:
                    yield [_encode(batch)]
                    batch, size = Batch(file, []), 0
            yield [_encode(batch)]

    def _sure(self, raw: bytes, job: Job) -> Found | None:
        line = decode(raw)
        if line is None or not line.is_answer:
            return None
        answer = judge(line)
        place, how = self._joining.sure(line, raw, job, answer.model_version)
        return None if place == FOREIGN else self.found(answer, place, how, job)

    def found(self, answer: Answer, place: int, how: str, job: Job) -> Found:
        """The answer of a job to the row at a place (of equal rows, the first)."""
        answer.matched_by = how
        answer.attempt = attempt = min(job.attempt, _MAX_ATTEMPT)
        answer.batch = job.batch
        if self._price is not no_price:
            model = job.model or model_name(answer.model_version)
            answer.cost_usd = price_of(answer, model, self._price)
        broken = self._broken if answer.status == "ok" else None
        if broken and (fault := broken.of(place, attempt, answer.literal)):
            answer.status = "failed"  # its text is kept
            answer.reason = f"no JSON, which was asked for: {fault}"
        return Found(
            place,
            how,
            attempt,
            GRADES[answer.status] << 5 | _MAX_ATTEMPT - attempt,
            answer.status == "ok",
            answer.cost_usd,
            answer.literal if may_be_object(answer.literal) else b"",
            _encode(answer),
        )
