"""The lines of the output files, most of them decoded and joined by a second process.

It gives the lines in their order: those that it is sure of as answers with their places, all others
as they are, for the first pass to see to. Some of the plain ones it leaves, too, as the first pass
would otherwise wait for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from components.aggregate_results.predictions.decode import decode
from components.aggregate_results.predictions.jobs import Job, job_of
from components.aggregate_results.predictions.joining import FOREIGN, Joining
from components.aggregate_results.predictions.judge import Answer, judge
from components.aggregate_results.predictions.lines import numbered_lines

_LEFT = 5  # every so-maniest line: with it, both processes have about as much to do
_LINES = 256
_BYTES = 64 * 1024


class ReadLine(msgspec.Struct, array_like=True, gc=False):
    """A line with its number: an answer and its place, or the line itself, None if too long."""

    number: int
    raw: bytes | None
    place: int = FOREIGN
    answer: Answer | None = None


class Batch(msgspec.Struct, array_like=True, gc=False):
    """Some lines of a file, by its number from 0 on."""

    file: int
    lines: list[ReadLine]


_encode = msgspec.msgpack.Encoder().encode
batch_of = msgspec.msgpack.Decoder(Batch).decode


def batches(uris: Sequence[str], jobs: Sequence[Job], joining: Joining) -> Iterator[bytes]:
    """All lines, for `batch_of`."""
    for file, uri in enumerate(uris):
        job = job_of(uri, jobs)
        batch, size = Batch(file, []), 0
        for number, raw in numbered_lines(uri):
            read = _read(number, raw, job, joining)
            batch.lines.append(read)
            size += len(read.raw or b"") if read.answer is None else len(read.answer.literal)
            if size > _BYTES or len(batch.lines) == _LINES:
                yield _encode(batch)
                batch, size = Batch(file, []), 0
        yield _encode(batch)


def _read(number: int, raw: bytes | None, job: Job, joining: Joining) -> ReadLine:
    line = decode(raw) if raw is not None and number % _LEFT else None
    if line is not None and line.is_answer:
        answer = judge(line)
        place, how = joining.sure(line, raw or b"", job, answer.model_version)
        if place != FOREIGN:
            answer.matched_by = how
            return ReadLine(number, b"", place, answer)
    return ReadLine(number, raw)
