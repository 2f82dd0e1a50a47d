"""The second pass: the rows of the input in their order, each with its answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice

import msgspec

from components.aggregate_results.predictions.decode import text_of
from components.aggregate_results.predictions.flatten import flat, object_of
from components.aggregate_results.predictions.jobs import Job, model_name
from components.aggregate_results.predictions.joining import Joining, firsts
from components.aggregate_results.predictions.judge import Answer
from components.aggregate_results.predictions.kept import Kept, last_attempt, worth_of
from components.aggregate_results.predictions.pricing import Price, no_price, price_of
from components.aggregate_results.predictions.results import Result, Row
from components.aggregate_results.predictions.sources import InputRow, Source
from components.aggregate_results.predictions.spill import Spill, Taken

_decode_answer = msgspec.msgpack.Decoder(Answer).decode


class OrderedRows:
    """Gives the rows of the input in their order; iterate once in each process."""

    def __init__(
        self,
        source: Source,
        joining: Joining,
        spills: Sequence[Spill],
        kept: Kept,
        jobs: Sequence[Job],
        price: Price,
        *,
        structured: bool,
        unsent: str = "",
    ) -> None:
        self._source = source
        self._spills = spills
        self._marks = kept.marks
        self._first_of = firsts(joining.rows, joining.groups)
        self._shards = _sent(jobs)
        self._price = price
        self._structured = structured
        self._unsent = unsent
        self._taken: list[Taken] = []
        self._taken_to = 0  # the rows before it were taken up

    def stretches(self, size: int, wanted: Iterator[int]) -> Iterator[tuple[int, list[Row]]]:
        """Stretches of so many rows, by their number from 0 on: those that are wanted.

        Args:
            size: rows of a stretch; the last one may be shorter.
            wanted: their numbers, in order; asked for the next when one was taken up.
        """
        lines = enumerate(self._source.lines())
        at = 0
        for number in wanted:
            passed_over = number * size - at
            first = next(islice(lines, passed_over, None), None)
            if first is None:
                return
            at = number * size + size
            stretch = chain((first,), islice(lines, size - 1))
            yield number, [self._row(place, on, line) for place, (on, line) in stretch]

    def _row(self, place: int, at: int, line: bytes | None) -> Row:
        row = self._source.row(place, at, line)
        while place >= self._taken_to:
            number = self._taken_to // self._spills[0].size
            self._taken = [spill.take(number) for spill in self._spills]
            self._taken_to += self._spills[0].size
        record, shared = self._best(place), False
        if record is None and self._first_of is not None:
            record = self._best(self._first_of[place])
            shared = record is not None
        if record is None or row.status == "invalid":
            return Row(self._without(place, row), "")
        answer = _decode_answer(record)
        fields = None
        text, literal = text_of(answer.literal)
        if self._structured and answer.status == "ok":
            value = object_of(text)
            fields = flat(value) if value else None
        return Row(self._result(place, row, answer, literal, shared), text, fields, shared)

    def _best(self, place: int) -> memoryview | None:
        """The best answer that was set down for a row."""
        best = None
        for taken in self._taken:
            record = taken.get(place)
            if record is not None and (best is None or _worth(record) > _worth(best)):
                best = record
        return best

    def _result(
        self, place: int, row: InputRow, answer: Answer, literal: bytes, shared: bool
    ) -> Result:
        model = row.model or model_name(answer.model_version)
        cost = answer.cost_usd
        if cost is None and row.model and self._price is not no_price:
            cost = price_of(answer, row.model, self._price)
        if shared and cost is not None:
            cost = 0.0
        first = self._first_of[place] if shared and self._first_of is not None else place
        return Result(
            row.row,
            row.id,
            answer.status,
            row.prompt or "",
            msgspec.Raw(literal),
            answer.reason,
            model,
            answer.finish_reason,
            answer.prompt_tokens,
            answer.output_tokens,
            answer.thinking_tokens,
            answer.cached_tokens,
            cost,
            last_attempt(self._marks[first]),
            answer.matched_by,
            answer.model_version,
            row.source or "",
            row.line,
        )

    def _without(self, place: int, row: InputRow) -> Result:
        """A row that has no answer: never sent, or lost, and why."""
        result = Result(row.row, row.id, "missing", row.prompt or "", model=row.model or "")
        result.source, result.line = row.source or "", row.line
        if row.status == "invalid":
            result.status = "invalid"
            result.reason = row.reason or "not sent"
            return result
        job = self._shards.get(row.shard or "")
        if self._unsent:
            result.reason = self._unsent
        elif job is not None:
            result.attempts = job.attempt
            ended = job.outcome or job.state or "no end"
            result.reason = f"no answer came back; its job: {ended}"
        elif row.status == "waiting":
            result.reason = "never sent: it waited for answers of other rows"
        elif self._shards:
            result.reason = "never sent: its job was not made"
        else:
            result.reason = "no answer came back"
        return result


def _worth(record: memoryview) -> int:
    return worth_of(_decode_answer(record))


def _sent(jobs: Sequence[Job]) -> dict[str, Job]:
    """The last job of each shard."""
    last: dict[str, Job] = {}
    for job in jobs:
        if job.shard and (job.shard not in last or job.attempt >= last[job.shard].attempt):
            last[job.shard] = job
    return last
