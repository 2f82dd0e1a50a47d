"""Shards: files of request lines of one model, within the limits of a batch job."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import msgspec

from components.batch_predict.files import Files, Write
from components.batch_predict.places import Places, slug
from components.errors import InputError
from components.rows.canonical import encoded

# "Up to 200,000 requests" and 1 GB of a Cloud Storage file (batch inference documentation).
REQUESTS_MAX = 200_000
BYTES_MAX = 1_000_000_000


@dataclass(frozen=True)
class Shard:
    """A shard that lies ready to be sent."""

    name: str
    model: str
    wave: int
    attempt: int
    requests: int


def is_table(name: str) -> bool:
    """Whether a shard is a table of BigQuery, which goes to the service as it is."""
    return name.startswith("bq://")


class Line(msgspec.Struct):
    """A line of a shard."""

    key: str
    request: dict[str, Any]


_decode = msgspec.json.Decoder(Line).decode


def read_shard(lines: Iterable[bytes], where: str) -> Iterator[Line]:
    """The lines of a shard.

    Raises:
        InputError: a line is none.
    """
    for number, line in enumerate(lines, start=1):
        try:
            yield _decode(line)
        except (msgspec.DecodeError, RecursionError) as error:
            raise InputError(
                f"This is no line of a shard ({error})",
                where=f"{where}:{number}",
                fix="Prepare the rows again.",
            ) from error


@dataclass
class _Open:
    """The shard of a model that is being written."""

    name: str
    write: Write
    end: ExitStack
    requests: int = 0
    size: int = 0


@dataclass
class ShardWriter:
    """Writes requests into new shards, those of each model into its own. A context manager.

    Shards are named by wave, attempt and model, so that the same work done again writes the same
    files.
    """

    files: Files
    places: Places
    wave: int
    attempt: int
    requests_max: int = REQUESTS_MAX
    bytes_max: int = BYTES_MAX
    made: list[Shard] = field(default_factory=list)
    _open: dict[str, _Open] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        for model in list(self._open):
            self._close(model, kind, *rest)

    def write(self, model: str, key: str, request: Mapping[str, Any]) -> str:
        """Write a request; the name of the shard that it went to."""
        line = encoded({"key": key, "request": request}) + b"\n"
        current = self._open.get(model)
        if current and (
            current.requests >= self.requests_max or current.size + len(line) > self.bytes_max
        ):
            self._close(model)
            current = None
        current = current or self._begin(model)
        current.write(line)
        current.requests += 1
        current.size += len(line)
        return current.name

    def _begin(self, model: str) -> _Open:
        # Two models may have one slug: the number goes on over both.
        stem = f"w{self.wave:03d}-a{self.attempt}-{slug(model)[-60:]}"
        number = self._numbers.get(stem, 0)
        self._numbers[stem] = number + 1
        name = f"{stem}-{number:05d}.jsonl"
        end = ExitStack()
        write = end.enter_context(self.files.writer(self.places.shard(name)))
        self._open[model] = _Open(name, write, end)
        return self._open[model]

    def _close(self, model: str, *error: Any) -> None:
        ended = self._open.pop(model)
        ended.end.__exit__(*(error or (None, None, None)))
        if not error or error[0] is None:
            self.made.append(Shard(ended.name, model, self.wave, self.attempt, ended.requests))
