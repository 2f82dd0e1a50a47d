"""The keys of a manifest: which row has which, and the models that are named.

A second process reads half of it, before any answer can be joined.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from functools import partial

import msgspec

from components.aggregate_results.predictions.beside import made_beside
from components.aggregate_results.predictions.key_index import NO_KEY, KeyIndex, ident_of_key
from components.aggregate_results.predictions.lines import Span, halves, whole
from components.errors import InputError

Models = dict[str, None]


class _Keyed(msgspec.Struct, gc=False):
    row: int
    key: str | None = ""
    model: str | None = ""


_decode = msgspec.json.Decoder(_Keyed).decode


def manifest_keys(uri: str, *, beside: bool = False) -> tuple[KeyIndex, list[str]]:
    """The index of the keys, built, and the models in the order that they come first.

    Args:
        uri: of the manifest.
        beside: whether a second process is to help.

    Raises:
        InputError: a line is damaged, or a row is not in its place.
        ServiceError: the second process ended early.
    """
    index, models = _read_by_two(uri) if beside else _read(whole([uri]), 1)[1:]
    index.build()
    return index, list(models)


def _read_by_two(uri: str) -> tuple[KeyIndex, Models]:
    mine, theirs = halves([uri])
    try:
        with made_beside(partial(_told, theirs), "reads the manifest") as products:
            _, index, models = _read(mine, 1)
            first, more = pickle.loads(next(products))  # noqa: S301 - our fork's
            if first in (len(index) + 1, None):
                for piece in products:
                    index.learn(piece)
                return index, models | more
    except InputError:
        pass  # which line it is, the second half does not know
    return _read(whole([uri]), 1)[1:]


def _told(spans: Sequence[Span]) -> Iterator[list[bytes]]:
    """What the second process has to tell: its first row, models and keys."""
    first, index, models = _read(spans, None)
    yield [pickle.dumps((first, models))]
    for piece in index.told():
        yield [piece]


def _read(spans: Sequence[Span], first: int | None) -> tuple[int | None, KeyIndex, Models]:
    """The first row, None where there is none, and the keys and models of all.

    Args:
        spans: of one manifest.
        first: what the first row has to be; None: what it says.
    """
    index, models, number = KeyIndex(), Models(), first or 0
    for span in spans:
        for line in span.lines():
            row = _row(line, span.uri, number)
            if first is None:
                first = number = row.row
            if row.row != number:
                raise InputError(
                    f"Row {row.row} stands where row {number} should",
                    where=f"manifest line {number}",
                    fix="Prepare the rows again.",
                )
            index.add(ident_of_key(row.key) if row.key else NO_KEY)
            if row.model and row.model not in models:
                models[row.model] = None
            number += 1
    return first, index, models


def _row(line: bytes | None, uri: str, number: int) -> _Keyed:
    try:
        return _decode(line or b"")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(
            "The line is damaged", where=f"{uri}:{number}", fix="Prepare the rows again."
        ) from error
