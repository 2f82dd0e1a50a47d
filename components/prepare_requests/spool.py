"""Rows on their way into files: shards at once, manifest and pending rows when all are known."""

from __future__ import annotations

import re
import tempfile
from binascii import hexlify
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import IO, Any, BinaryIO

import orjson

from components.errors import InputError
from components.prepare_requests.made import Made
from components.prepare_requests.plan import LONG, Shard, Usage, media_tokens
from components.prepare_requests.sent_index import SentIndex
from components.prepare_requests.settings import Settings
from components.rows.canonical import json_text
from components.storage import files
from components.storage.uris import join

MAX_MODELS = 64
_JSONL = "application/x-ndjson"
_UNSAFE = re.compile(r"[^a-z0-9]+")
_BUFFER = 1 << 20


@dataclass
class _Sink:
    """The open shard of one model."""

    model: str
    usage: Usage
    opened: AbstractContextManager[BinaryIO]
    out: BinaryIO
    name: str
    place: int  # in the list of shards
    requests: int = 0
    bytes: int = 0


@dataclass
class Spool:
    """Takes rows in input order.

    Ready rows go to their shard at once. The lines of manifest and pending rows wait in temporary
    files on disk, because the wave of a row may depend on rows that come later.
    """

    folder: str
    settings: Settings
    sampling: bool = False
    shards: list[Shard] = field(default_factory=list)
    usage: dict[str, Usage] = field(default_factory=dict)
    unique: int = 0
    _names: list[bytes] = field(default_factory=list)
    _sinks: dict[str, _Sink] = field(default_factory=dict)
    _json: dict[str, bytes] = field(default_factory=dict)
    _slugs: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Spool:
        self._stack = ExitStack()
        self._usual = self.settings.expected_output_tokens
        self._manifest: IO[bytes] = self._stack.enter_context(
            tempfile.TemporaryFile(buffering=_BUFFER)
        )
        self._pending: IO[bytes] = self._stack.enter_context(
            tempfile.TemporaryFile(buffering=_BUFFER)
        )
        self._sent = self._stack.enter_context(SentIndex(self.settings.limits.max_rows))
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            for sink in self._sinks.values():
                sink.opened.__exit__(kind, error, trace)
        finally:
            self._stack.close()

    def ready(self, row: int, made: Made, source: bytes, line: int) -> None:
        """A row that is sent in wave 0; equal requests share one line of a shard."""
        place = self._sent.find(made.digest)
        key = hexlify(made.digest)
        if place is None:
            place = self._send(made, key)
        self._manifest.write(
            b'{"row":%d,"id":%b,"model":%b,"wave":0,"status":"ready","reason":"","key":"k%b",'
            b'"shard":%b,"source":%b,"line":%d,"prompt":%b}\n'
            % (
                row,
                json_text(made.id) if made.id else b'""',
                self._json.get(made.model) or self._model_json(made.model),
                key,
                self._names[place],
                source,
                line,
                made.prompt,
            )
        )

    def waiting(self, row: int, made: Made, source: bytes, line: int) -> None:
        """A row with references; its wave is put in by `finish`."""
        self._unsent(row, made, b"waiting", b"", source, line)
        self._pending.write(
            b'{"row":%d,"id":%b,"model":%b,"template":%b\n'
            % (row, json_text(made.id), self._model_json(made.model), made.body)
        )
        self._count(made, extra=len(made.names) * self.settings.expected_output_tokens * 4)

    def invalid(self, row: int, made: Made, source: bytes, line: int) -> None:
        """A row that is never sent."""
        self._unsent(row, made, b"invalid", json_text(made.reason)[1:-1], source, line)

    def ids(self) -> Any:
        """Row and id of every row, in input order, read back from disk."""
        self._manifest.flush()
        self._manifest.seek(0)
        for line in self._manifest:
            entry = orjson.loads(line)
            yield entry["row"], entry["id"]

    def close_shards(self) -> None:
        """Let the shards appear."""
        while self._sinks:
            self._close(self._sinks.popitem()[1])

    def finish(
        self,
        settled: Mapping[int, tuple[int, str]],
        tail: Callable[[int], Mapping[str, Any]],
    ) -> None:
        """Write `manifest.jsonl` and `pending.jsonl`.

        Args:
            settled: for each waiting row its wave, and the reason where it is invalid after all.
            tail: for a waiting row, the fields that its pending line still lacks.
        """
        with files.open_write(join(self.folder, "manifest.jsonl"), _JSONL) as out:
            self._manifest.seek(0)
            if not settled:
                while chunk := self._manifest.read(_BUFFER):
                    out.write(chunk)
            else:
                for row, line in enumerate(self._manifest, start=1):
                    out.write(_settled(line, *settled[row]) if row in settled else line)
        with files.open_write(join(self.folder, "pending.jsonl"), _JSONL) as out:
            self._pending.seek(0)
            for line in self._pending:
                row = int(line[7 : line.index(b",")])
                if not settled[row][1]:
                    out.write(line[:-1] + b"," + orjson.dumps(tail(row))[1:] + b"\n")

    def _unsent(
        self, row: int, made: Made, status: bytes, reason: bytes, source: bytes, line: int
    ) -> None:
        self._manifest.write(
            b'{"row":%d,"id":%b,"model":%b,"wave":0,"status":"%b","reason":"%b","key":"",'
            b'"shard":"","source":%b,"line":%d,"prompt":%b}\n'
            % (
                row,
                json_text(made.id),
                json_text(made.model),
                status,
                reason,
                source,
                line,
                made.prompt,
            )
        )

    def _send(self, made: Made, key: bytes) -> int:
        line = b'{"key":"k' + key + b'","request":' + made.body + b"}\n"
        sink = self._sinks.get(made.model)
        if sink is None:
            sink = self._open(made.model, 0)
        elif (
            sink.requests >= self.settings.max_shard_requests
            or sink.bytes + len(line) > self.settings.max_shard_bytes
        ):
            self._close(self._sinks.pop(made.model))
            sink = self._open(made.model, int(sink.name[-11:-6]) + 1)
        sink.out.write(line)
        sink.requests += 1
        sink.bytes += len(line)
        self._sent.add(made.digest, sink.place)
        self.unique += 1
        usage = sink.usage
        if self.sampling:
            usage.consider(made.body, made.text_bytes / 4 + media_tokens(made.media))
        usage.requests += 1
        usage.text_bytes += made.text_bytes
        usage.output_tokens += self._expected(made) if made.max_output else self._usual
        if made.media:
            usage.media_tokens += media_tokens(made.media)
        if made.media or made.text_bytes > 4 * LONG:
            self._note_long(usage, made, made.text_bytes)
        return sink.place

    def _expected(self, made: Made) -> int:
        expected = self.settings.expected_output_tokens
        return min(made.max_output, expected) if made.max_output else expected

    def _count(self, made: Made, extra: int) -> None:
        usage = self._usage_of(made.model)
        usage.requests += 1
        usage.text_bytes += made.text_bytes + extra
        usage.output_tokens += self._expected(made)
        usage.media_tokens += media_tokens(made.media)
        self._note_long(usage, made, made.text_bytes + extra)

    def _note_long(self, usage: Usage, made: Made, text_bytes: int) -> None:
        tokens = text_bytes / 4 + media_tokens(made.media)
        if tokens > LONG:
            usage.long_input += tokens
            usage.long_output += self._expected(made)

    def _usage_of(self, model: str) -> Usage:
        if model not in self.usage:
            if len(self.usage) >= MAX_MODELS:
                raise InputError(
                    f"The rows name more than {MAX_MODELS} models",
                    fix="Every model is a batch job of its own; check the model column.",
                )
            self.usage[model] = Usage()
        return self.usage[model]

    def _open(self, model: str, number: int) -> _Sink:
        usage = self._usage_of(model)
        name = f"w000-{self._slug(model)}-{number:05d}.jsonl"
        opened = files.open_write(join(self.folder, "shards", name), _JSONL)
        sink = _Sink(model, usage, opened, opened.__enter__(), name, len(self._names))
        self._names.append(json_text(name))
        self.shards.append(Shard(name, model, 0, 0, 0))
        self._sinks[model] = sink
        return sink

    def _close(self, sink: _Sink) -> None:
        sink.opened.__exit__(None, None, None)
        self.shards[sink.place] = Shard(sink.name, sink.model, 0, sink.requests, sink.bytes)

    def _slug(self, model: str) -> str:
        if model not in self._slugs:
            slug = slug_of(model)
            taken = slug in self._slugs.values()
            self._slugs[model] = f"{slug}-{len(self._slugs)}" if taken else slug
        return self._slugs[model]

    def _model_json(self, model: str) -> bytes:
        found = self._json.get(model)
        if found is None:
            found = self._json[model] = json_text(model)
        return found


def slug_of(model: str) -> str:
    """A model's name as a part of file names."""
    return _UNSAFE.sub("-", model.rsplit("/", 1)[-1].lower()).strip("-")[:60] or "model"


def _settled(line: bytes, wave: int, reason: str) -> bytes:
    entry = orjson.loads(line)
    entry |= {"status": "invalid", "reason": reason} if reason else {"wave": wave}
    return orjson.dumps(entry) + b"\n"
