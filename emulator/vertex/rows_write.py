"""The output of a batch prediction: rows in another order than the input, line by line.

Rows come in any order from the service (a public sample of ten shows 4, 9, 0, 8, 3, 2, 1, 7, 5, 6),
so here they never come in the order of the input, where there are two or more.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from emulator.vertex.batch_jobs_scenarios import Scenario
from emulator.vertex.rows_answer import Model, RowAnswer, answered
from emulator.vertex.rows_read import Survey, filled

_PIECE = 256 * 1024


@dataclass
class Counts:
    """Rows that were answered; rows of nobody and repeated ones are not among them."""

    succeeded: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Form:
    """How rows are written: see the scenario `echo`."""

    keys: bool = False
    nulls: bool = True
    order: str = "new"


class Lines:
    """The lines of the output of one job.

    Args:
        survey: the input.
        scenarios: of the job.
        model: what answers.
        clock: seconds since 1970.
        is_stopped: ends the lines early, before the next row.
        note: gets each request that is answered, as JSON with sorted keys.
        at_once: rows that the model is asked at the same time; they are written in order all the
            same.
    """

    def __init__(
        self,
        survey: Survey,
        scenarios: Sequence[Scenario],
        model: Model,
        clock: Callable[[], float],
        is_stopped: Callable[[], bool],
        note: Callable[[str], None] = lambda _: None,
        at_once: int = 1,
    ) -> None:
        self.counts = Counts()
        self._note = note
        self._at_once = at_once
        self._survey = survey
        self._clock = clock
        self._model = model
        self._is_stopped = is_stopped
        self._scenarios = scenarios
        self._faults = [s for s in scenarios if s.kind in ("missing", "duplicate")]
        echo = next((s for s in scenarios if s.kind == "echo"), None)
        self._form = Form(echo.keys, echo.nulls, echo.order) if echo else Form()

    def of(self, order: Sequence[int]) -> Iterator[tuple[bytes, bool]]:
        """Each line, and whether its row failed."""
        again: list[tuple[int, Scenario, int]] = []
        for index, row, answer in self._answered(order):
            hits = [s for s in self._faults if s.points_at(index + 1, answer.words)]
            if any(s.kind == "missing" for s in hits):
                continue
            if answer.status:
                self.counts.failed += 1
            else:
                self.counts.succeeded += 1
            again += [(index, s, n) for s in hits for n in range(2, s.times + 1)]
            yield self._line(row, answer), bool(answer.status)
        if self._is_stopped():
            return
        for index, scenario, number in again:
            row = self._survey.row(index)
            answer = answered(row["request"], index + 1, self._scenarios, self._model)
            if scenario.differs:
                _say_otherwise(answer.response, number)
            yield self._line(row, answer), bool(answer.status)

    def _answered(self, order: Sequence[int]) -> Iterator[tuple[int, dict[str, Any], RowAnswer]]:
        """Place, row and answer of each, until it is stopped; what was asked by then is told."""
        if self._at_once == 1:
            for index, row in self._rows(order):
                yield index, row, self._answer(index, row)
            return
        asked: deque[tuple[int, dict[str, Any], Future[RowAnswer]]] = deque()
        with ThreadPoolExecutor(self._at_once, "emulator-predictions-row") as pool:
            for index, row in self._rows(order):
                asked.append((index, row, pool.submit(self._answer, index, row)))
                if len(asked) == self._at_once:
                    place, first, answer = asked.popleft()
                    yield place, first, answer.result()
            for place, first, answer in asked:
                yield place, first, answer.result()

    def _rows(self, order: Sequence[int]) -> Iterator[tuple[int, dict[str, Any]]]:
        for index in order:
            if self._is_stopped():
                return
            row = self._survey.row(index)
            self._note(_sorted_json(row["request"]))
            yield index, row

    def _answer(self, index: int, row: dict[str, Any]) -> RowAnswer:
        return answered(row["request"], index + 1, self._scenarios, self._model)

    def of_nobody(self) -> Iterator[tuple[bytes, bool]]:
        """The lines of rows that were not in the input."""
        count = sum(s.count for s in self._scenarios if s.kind == "foreign")
        for number in range(1, count + 1):
            text = f"A row that nobody sent, number {number}."
            row = {"request": {"contents": [{"role": "user", "parts": [{"text": text}]}]}}
            yield self._line(row, answered(row["request"], 0, (), self._model)), False

    def _line(self, row: dict[str, Any], answer: RowAnswer) -> bytes:
        request = row["request"]
        if self._form.nulls:
            request = filled(request, self._survey.shape)
        moment = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds")
        fields = {
            "request": _sorted_json(request),
            "status": _sorted_json(answer.status),
            "response": _sorted_json(answer.response),
            "processed_time": f'"{moment}"',
        }
        if self._form.order == "old":
            names = ("status", "processed_time", "request", "response")
            fields = {name: fields[name] for name in names}
        if self._form.keys:
            extra = {k: _sorted_json(v) for k, v in sorted(row.items()) if k not in fields}
            fields = {json.dumps(k)[1:-1]: v for k, v in extra.items()} | fields
        text = ",".join(f'"{name}":{value}' for name, value in fields.items())
        return f"{{{text}}}\n".encode("utf-8", "replace")  # a lone surrogate is no text


def _sorted_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _say_otherwise(response: dict[str, Any], number: int) -> None:
    for candidate in response.get("candidates", []):
        for part in candidate["content"].get("parts", [])[-1:]:
            if "text" in part:
                part["text"] += f" (said otherwise, {number})"


def shuffled(count: int, seed: str) -> array[int]:
    """The places 0 to count - 1 in an order that only the seed decides."""
    order = array("L", range(count))
    random.Random(hashlib.sha256(seed.encode()).digest()).shuffle(order)  # noqa: S311 - no secret
    if count > 1 and all(place == index for index, place in enumerate(order)):
        order.reverse()
    return order


def first_share(order: array[int], share: float) -> array[int]:
    """The first rows of an order: this share of them, rounded up."""
    return order[: math.ceil(share * len(order))]


class Stream:
    """Lines as a readable, so that no more than a piece is held."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._left = bytearray()

    def read(self, size: int = _PIECE, /) -> bytes:
        """At most `size` bytes, none at the end."""
        while len(self._left) < size and (line := next(self._lines, b"")):
            self._left += line
        piece = bytes(self._left[:size])
        del self._left[:size]
        return piece


def torn(lines: Iterator[bytes]) -> Iterator[bytes]:
    """The lines, the last one cut in the middle."""
    last = b""
    for line in lines:
        if last:
            yield last
        last = line
    yield last[: len(last) // 2]
