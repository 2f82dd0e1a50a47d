"""A later wave: rows that need earlier answers get them, in one pass, and become shards.

Beside the shards it writes `prepared/resolved/w001.jsonl` and so on: the manifest after the wave
before, with the rows of this wave made `ready` (with key, shard and prompt) or `invalid` (with the
reason). A file a wave, so that a process that is late with a wave writes over nothing later.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from components.batch_predict.book import Doc
from components.batch_predict.files import Files
from components.batch_predict.outcomes import Outcome
from components.batch_predict.places import Places
from components.batch_predict.settle import outcomes_of
from components.batch_predict.shards import Shard, ShardWriter
from components.errors import InputError
from components.rows.canonical import TooDeep, key_of
from components.rows.references import fill, texts_of
from components.rows.shown import prompt_of


@dataclass(frozen=True)
class Bounds:
    """Limits of shards and of requests, and why so many of them are not sent (empty: they are)."""

    requests_max: int
    bytes_max: int
    prompt_chars_max: int
    veto: Callable[[int], str] = lambda requests: ""


@dataclass
class _Known:
    """What the manifest tells.

    Attributes:
        wave_of: the wave of each row that needs others.
        keys: the key of each row that is needed, or empty text and why it has none.
        sent: the shard of each key that was sent in an earlier wave.
    """

    rows: set[int] = field(default_factory=set)
    keys: dict[int, tuple[str, str]] = field(default_factory=dict)
    sent: dict[str, str] = field(default_factory=dict)


def open_wave(files: Files, places: Places, doc: Doc, wave: int, bounds: Bounds) -> list[Shard]:
    """Make the shards of a wave after the first.

    Args:
        files: where everything lies.
        places: what lies where.
        doc: the ledger; all earlier waves are settled.
        wave: which one, 1 or more.
        bounds: limits.

    Raises:
        InputError: manifest or pending rows cannot be read.
        ServiceError: a file cannot be read or written.
    """
    known = _known(files, places, wave)
    veto = bounds.veto(len(known.rows))
    answers = _answers(files, places, doc, wave, {key for key, _ in known.keys.values() if key})
    changed: dict[int, dict[str, str]] = {}
    own: dict[str, str] = {}
    with ShardWriter(files, places, wave, 1, bounds.requests_max, bounds.bytes_max) as writer:
        for line in _pending(files, places, known.rows):
            model, row = str(line["model"]), int(line["row"])
            request, reason = (
                (None, f"not_sent: {veto}") if veto else _filled(line, known, answers, bounds)
            )
            if request is None:
                changed[row] = {"status": "invalid", "reason": reason}
                continue
            key = key_of(request, model)
            shard = known.sent.get(key) or own.get(key)
            if shard is None:
                shard = own[key] = writer.write(model, key, request)
            changed[row] = {"status": "ready", "reason": "", "key": key, "shard": shard,
                            "prompt": prompt_of(request)}  # fmt: skip
    _write_resolved(files, places, wave, changed)
    return writer.made


def _known(files: Files, places: Places, wave: int) -> _Known:
    known = _Known()
    for line in _manifest(files, places, wave - 1):
        if line["wave"] == wave and line["status"] != "invalid":
            known.rows.add(line["row"])
    needed = {row for line in _pending(files, places, known.rows) for row in _refs(line).values()}
    for line in _manifest(files, places, wave - 1):
        key = str(line.get("key") or "")
        if line["row"] in needed:
            known.keys[line["row"]] = (key, str(line.get("reason") or "it was not sent"))
        if key and line["wave"] < wave:
            known.sent[key] = str(line["shard"])
    return known


def _answers(
    files: Files, places: Places, doc: Doc, wave: int, wanted: set[str]
) -> dict[str, Outcome]:
    """What came back for the keys that are needed: the last sending that answers counts."""
    found: dict[str, Outcome] = {}
    for entry in doc.entries:
        if entry.wave < wave:
            for key, outcome in outcomes_of(files, places, entry, keep=wanted).items():
                if key in wanted and (key not in found or found[key].status != "ok"):
                    found[key] = outcome
    return found


def _filled(
    line: Mapping[str, Any], known: _Known, answers: Mapping[str, Outcome], bounds: Bounds
) -> tuple[dict[str, Any] | None, str]:
    """The request with its answers put in; or None and why there is none."""
    texts = {}
    for name, row in _refs(line).items():
        key, why = known.keys.get(row, ("", "there is no such row"))
        outcome = answers.get(key)
        if outcome is None or outcome.status != "ok":
            told = f"{outcome.status} {outcome.reason}".strip() if outcome else why
            return None, f"failed_reference: row {row}, which it needs, has no answer ({told})"
        if not outcome.text:
            return None, f"failed_reference: the answer to row {row}, which it needs, has no text"
        texts[name] = outcome.text
    try:
        request = fill(line["template"], texts)
        key_of(request, str(line["model"]))
    except KeyError as error:
        return None, f"failed_reference: it needs the answer {error.args[0]!r}, which is not known"
    except TooDeep as error:
        return None, f"invalid_prompt: {error}"
    length = sum(len(text) for text in texts_of(request))
    if 0 < bounds.prompt_chars_max < length:
        return None, (
            f"invalid_prompt: {length} characters with the answers put in, "
            f"{bounds.prompt_chars_max} are allowed"
        )
    return request, ""


def _refs(line: Mapping[str, Any]) -> dict[str, int]:
    """Which row each name means; without `refs` the names are the rows' own numbers."""
    refs = line.get("refs")
    if isinstance(refs, dict):
        return {str(name): int(row) for name, row in refs.items()}
    return {str(row): int(row) for row in line["needs"]}


def _manifest(files: Files, places: Places, wave: int) -> Iterator[dict[str, Any]]:
    return _objects(files, manifest_after(places, wave))


def manifest_after(places: Places, wave: int) -> str:
    """The manifest that knows the rows up to a wave; those of wave 0 are known from the start."""
    if wave < 1:
        return places.prepared("manifest.jsonl")
    return places.prepared("resolved", f"w{wave:03d}.jsonl")


def _pending(files: Files, places: Places, rows: set[int]) -> Iterator[dict[str, Any]]:
    for line in _objects(files, places.prepared("pending.jsonl")):
        if line["row"] in rows:
            yield line


def _objects(files: Files, uri: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(files.lines(uri), start=1):
        try:
            told = json.loads(line)
            if not isinstance(told, dict):
                raise ValueError("no object")
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"The line is damaged ({error})", where=f"{uri}:{number}",
                fix="Prepare the rows again.",
            ) from error  # fmt: skip
        yield told


def _write_resolved(
    files: Files, places: Places, wave: int, changed: Mapping[int, Mapping[str, str]]
) -> None:
    """Write what is known of all rows."""
    source = manifest_after(places, wave - 1)
    with files.writer(manifest_after(places, wave)) as write:
        for line in files.lines(source):
            told = {**(before := json.loads(line)), **changed.get(before["row"], {})}
            write(_line(told) if told != before else line)


def _line(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=True).encode() + b"\n"
