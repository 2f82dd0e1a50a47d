"""The best answer of each row, set down, and the sums over all answers of rows."""

from __future__ import annotations

import pickle
import sys
from array import array
from collections.abc import Iterator

import msgspec

from components.aggregate_results.predictions.decisions import JsonFaults
from components.aggregate_results.predictions.flatten import Fields
from components.aggregate_results.predictions.jobs import Job, model_name
from components.aggregate_results.predictions.joining import Joining
from components.aggregate_results.predictions.judge import GRADES, Answer
from components.aggregate_results.predictions.pricing import Price, no_price, price_of
from components.aggregate_results.predictions.spill import Spill

MOST_ATTEMPTS = 31
_BY_KEY = 1  # the bit of no attempt
_MANY = 65_536  # rows at a time, where all are gone through
_encode = msgspec.msgpack.Encoder().encode


def worth_of(answer: Answer) -> int:
    """Of two answers of a row the one of more worth counts: the better, else the earlier sent."""
    return GRADES[answer.status] << 5 | MOST_ATTEMPTS - answer.attempt


def last_attempt(mark: int) -> int:
    """The last attempt at a row that was answered, by the row's mark."""
    return mark.bit_length() - 1


class Kept:
    """Takes the answers of rows.

    Args:
        joining: knows the rows.
        spill: where answers are set down.
        price: what an answer costs.
        broken: what is wrong with answers that were to be JSON.
    """

    def __init__(
        self, joining: Joining, spill: Spill, price: Price, broken: JsonFaults | None
    ) -> None:
        self.answers = 0
        self.spent_usd = 0.0
        self.fields = Fields()
        # Of each row: a bit for each attempt that was answered, and one for an answer by key.
        self.marks = array("I", bytes(4 * joining.rows))
        self.spill = spill
        self._best = bytearray(joining.rows)
        self._joining = joining
        self._price = None if price is no_price else price
        self._broken = broken or None  # asked for each answer
        self._next: dict[int, int] = {}

    def keep(self, answer: Answer, first: int, how: str, job: Job) -> None:
        """Set the answer down if it is the best so far for its row.

        Args:
            answer: it is filled in.
            first: the place of the row, from 0 on; of equal rows, of the first.
            how: it was matched: "key" or "request".
            job: whose answer it is.
        """
        answer.matched_by = how
        answer.attempt = attempt = job.attempt if job.attempt < MOST_ATTEMPTS else MOST_ATTEMPTS
        answer.batch = job.batch
        if self._price:
            model = job.model or model_name(answer.model_version)
            answer.cost_usd = cost = price_of(answer, model, self._price)
            # An answer that gives way to a better one was paid for, too.
            self.spent_usd += cost or 0.0
        if answer.status == "ok":
            if self._broken and (fault := self._broken.of(first, attempt, answer.literal)):
                answer.status = "failed"  # its text is kept
                answer.reason = f"no JSON, which was asked for: {fault}"
            else:
                self.fields.add(answer.literal)
        place, groups = first, self._joining.groups
        group = groups.get(first) if groups else None
        if group and self._joining.one_answer_each and how == "request":
            place = self._own_row(first, group)
        self.answers += 1
        self.marks[place] |= 1 << attempt | (how == "key")
        worth = worth_of(answer)
        if worth > self._best[place]:
            self._best[place] = worth
            record = _encode(answer)
            self.spill.add(place, record)
            if group:
                self._share(first, place, group, record)

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
        size = self.spill.size
        for number in {row // size for row in group} - {first // size}:
            self.spill.add_to_range(number, first, record)

    def told(self) -> Iterator[bytes]:
        """All that another process needs for `add`, in pieces, when nothing more comes."""
        self.spill.settle()
        sums = (self.answers, self.spent_usd, self.fields, self.spill.pieces)
        yield pickle.dumps(sums, pickle.HIGHEST_PROTOCOL)
        for at in range(0, len(self.marks), _MANY):
            yield self.marks[at : at + _MANY].tobytes() + self._best[at : at + _MANY]

    def add(self, told: Iterator[bytes | memoryview], spill: Spill) -> None:
        """Add what another one tells, whose answers came behind these and went into `spill`."""
        answers, spent_usd, fields, pieces = pickle.loads(next(told))  # noqa: S301 - our fork's
        spill.learn(pieces)
        self.answers += answers
        self.spent_usd += spent_usd
        self.fields.add_all(fields)
        for at, piece in zip(range(0, len(self.marks), _MANY), told, strict=True):
            mine = self.marks[at : at + _MANY]
            marks, best = piece[: 4 * len(mine)], piece[4 * len(mine) :]
            either = _number(mine.tobytes()) | _number(marks)
            self.marks[at : at + _MANY] = array("I", either.to_bytes(4 * len(mine), sys.byteorder))
            self._best[at : at + _MANY] = bytes(map(max, self._best[at : at + _MANY], best))

    def counted(self) -> tuple[int, int, int]:
        """Rows with an answer, rows with one by key, and answers by different attempts of each."""
        rows, by_key, every = len(self.marks) - self._best.count(0), 0, 0
        for at in range(0, len(self.marks), _MANY):
            marks = self.marks[at : at + _MANY]
            bits = _number(marks.tobytes())
            every += bits.bit_count()
            by_key += (bits & _number(array("I", [_BY_KEY]).tobytes() * len(marks))).bit_count()
        return rows, by_key, every - by_key


def _number(marks: bytes | memoryview) -> int:
    return int.from_bytes(marks, sys.byteorder)
