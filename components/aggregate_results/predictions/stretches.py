"""The second pass by stretches of rows: what goes into the files of each, and into the sums.

Making it takes most of the time, so a second process makes some stretches, and nothing else: files
are written, and sums and samples taken, here and in order.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count, islice

from components.aggregate_results.predictions.beside import (
    MOST_TICKETS,
    Bytes,
    Products,
    made_beside,
    tickets,
)
from components.aggregate_results.predictions.ordered_rows import OrderedRows
from components.aggregate_results.predictions.results import CsvRows, Row, json_lines
from components.aggregate_results.predictions.tally import Sums
from components.errors import InputError

_ROWS = 64


@dataclass(frozen=True)
class Stretch:
    """Some rows that follow each other.

    Attributes:
        lines: of results.jsonl; good until the next stretch is asked for.
        table: rows of results.csv; good for as long.
        sums: for the tally.
        shown: the rows themselves, for the page and the workbook.
    """

    lines: Bytes
    table: Bytes
    sums: Sums
    shown: list[Row]


_Numbered = tuple[int, Stretch]


@dataclass(frozen=True)
class Making:
    """What is to be made of the rows; what nobody wants stays empty.

    Args:
        rows: in the order of the input.
        count: how many there are.
        lines: whether lines of JSON are wanted.
        csv: what makes rows of CSV, None if they are not wanted.
        shown: whether the rows themselves are wanted.
    """

    rows: OrderedRows
    count: int
    lines: bool
    csv: CsvRows | None
    shown: bool

    @property
    def size(self) -> int:
        """Rows of a stretch: some hundred kilobytes of text, which a pipe holds."""
        return max(_ROWS, -(-self.count // MOST_TICKETS))

    def stretches(self, wanted: Iterator[int]) -> Iterator[_Numbered]:
        """Those that are wanted by their number, from 0 on, with it."""
        for number, rows in self.rows.stretches(self.size, wanted):
            lines = json_lines(rows) if self.lines else b""
            table = self.csv.rows(rows) if self.csv else b""
            yield number, Stretch(lines, table, Sums(rows), rows if self.shown else [])


@contextmanager
def all_stretches(making: Making, *, beside: bool) -> Iterator[Iterator[Stretch]]:
    """All stretches in order; `beside`: with the help of a second process.

    Raises:
        InputError: on the way: the rows are not the same all the time.
        ServiceError: on the way: the second process ended early.
    """
    if not beside:
        yield (stretch for _, stretch in making.stretches(count()))
        return
    total = -(-making.count // making.size)
    with tickets(total) as wanted:
        make = partial(_packed, making, wanted)
        with made_beside(make, "makes rows of the results") as theirs:
            yield _whole(_in_order(making.stretches(wanted), theirs), total)


def _packed(making: Making, wanted: Iterator[int]) -> Iterator[list[Bytes]]:
    """Each as a pickle without what goes into files, which then follows as it is."""
    for number, made in making.stretches(wanted):
        rest = (number, len(made.lines), len(made.table), made.sums, made.shown)
        yield [pickle.dumps(rest, pickle.HIGHEST_PROTOCOL), made.lines, made.table]


def _unpacked(product: memoryview) -> _Numbered:
    number, lines, table, sums, shown = pickle.loads(product)  # noqa: S301 - our fork's
    files = product[len(product) - lines - table :]
    return number, Stretch(files[:lines], files[lines:], sums, shown)


def _in_order(mine: Iterator[_Numbered], products: Products) -> Iterator[_Numbered]:
    """Theirs are taken up as soon as they are there; only in between one more is made here."""
    theirs: Iterator[_Numbered] = map(_unpacked, products)
    done = 0
    for number, stretch in mine:
        yield from islice(theirs, number - done)
        yield number, stretch
        done = number + 1
        while products.waiting() and (made := next(theirs, None)):
            yield made
            done += 1
    yield from theirs


def _whole(numbered: Iterator[_Numbered], total: int) -> Iterator[Stretch]:
    """Each stretch, if none is missing."""
    done = 0
    for number, stretch in numbered:
        if number != done:
            break
        yield stretch
        done += 1
    if done != total:
        raise InputError("The rows were changed while they were read", fix="Aggregate again.")
