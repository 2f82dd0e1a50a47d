"""The input of a batch prediction: where its lines are, and which fields they have together.

The file is read twice and never held: once to check every line and to note where it begins, then
line by line in the order in which the rows are written.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NoReturn

MAX_REQUESTS = 200_000  # of a job (documentation of batch inference)
MAX_BYTES = 2**30  # of the input, 1 GB there; the larger reading of it
_MAX_LINE = 64 * 1024 * 1024
_MAX_FIELDS = 200  # of one place that are filled with null; a place with more holds data as names
_MAX_PLACES = 5000


class UnreadableInputError(Exception):
    """The input as a whole cannot be imported; the text says which line and why."""


class Shape:
    """The fields that any row has at one place."""

    def __init__(self) -> None:
        self.fields: dict[str, Shape] = {}
        self.items: Shape | None = None
        self.blank: dict[str, None] = {}


@dataclass
class Survey:
    """What the first reading found.

    Attributes:
        files: the inputs, open.
        file_of: a row's place among them.
        offset_of: where the row's line begins.
        shape: the fields of all requests together.
    """

    files: Sequence[BinaryIO]
    file_of: array[int] = field(default_factory=lambda: array("H"))
    offset_of: array[int] = field(default_factory=lambda: array("Q"))
    shape: Shape = field(default_factory=Shape)

    def __len__(self) -> int:
        return len(self.offset_of)

    def row(self, index: int) -> dict[str, Any]:
        """The row at this place of the input, from 0."""
        file = self.files[self.file_of[index]]
        file.seek(self.offset_of[index])
        row: dict[str, Any] = json.loads(file.readline())
        return row


def surveyed(
    files: Sequence[BinaryIO], check: Callable[[], object], most: int = MAX_REQUESTS
) -> Survey:
    """Read all files once.

    Args:
        files: open, and kept open by the caller.
        check: called at each line; may raise to end it.
        most: requests of a job.

    Raises:
        UnreadableInputError: a line is no JSON object with a request, or there are none or too
            many. One such line fails the whole job: the service imports the input as a table
            before it begins (the wording of its errors is not known).
    """
    survey = Survey(files)
    budget = [_MAX_PLACES]
    for number, file in enumerate(files):
        offset, line_number = 0, 0
        while line := file.readline(_MAX_LINE + 1):
            line_number += 1
            check()
            if line.strip():
                request = _request(line, line_number)
                _learn(survey.shape, request, budget)
                survey.file_of.append(number)
                survey.offset_of.append(offset)
                if len(survey) > most:
                    raise UnreadableInputError(f"The input has more than {most} requests.")
            offset += len(line)
    if not len(survey):
        raise UnreadableInputError("The input has no requests.")
    return survey


def _request(line: bytes, number: int) -> dict[str, Any]:
    if len(line) > _MAX_LINE:
        raise UnreadableInputError(f"Line {number} is longer than {_MAX_LINE} bytes.")
    try:
        row = json.loads(line.decode(), parse_constant=_no_constant)
    except RecursionError:
        raise UnreadableInputError(f"Line {number} is nested too deeply.") from None
    except ValueError as error:  # the wording of json and of utf-8 names the place
        raise UnreadableInputError(f"Line {number} is not JSON: {str(error)[:200]}") from error
    if not isinstance(row, dict) or not isinstance(row.get("request"), dict):
        raise UnreadableInputError(f"Line {number} has no object 'request'.")
    request: dict[str, Any] = row["request"]
    return request


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _learn(shape: Shape, value: Any, budget: list[int]) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            known = shape.fields.get(name)
            if known is None:
                if budget[0] <= 0 or len(shape.fields) > _MAX_FIELDS:
                    continue
                budget[0] -= 1
                known = shape.fields[name] = Shape()
                shape.blank[name] = None
            if isinstance(inner, dict | list):
                _learn(known, inner, budget)
    else:
        if shape.items is None:
            shape.items = Shape()
        for inner in value:
            if isinstance(inner, dict | list):
                _learn(shape.items, inner, budget)


def filled(value: Any, shape: Shape | None) -> Any:
    """The value with null for each field that another row has at the same place.

    So the 2024 backend echoed requests (a public sample of its output); places with very many
    names are left as they are, as their names are data.
    """
    if shape is None:
        return value
    if isinstance(value, dict):
        blank = shape.blank if len(shape.blank) <= _MAX_FIELDS else {}
        fields = shape.fields
        return {**blank, **{k: filled(v, fields.get(k)) for k, v in value.items()}}
    if isinstance(value, list):
        return [filled(inner, shape.items) for inner in value]
    return value
