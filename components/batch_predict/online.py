"""Small rounds online: each request asked by itself, the answers written as a batch job would.

Answers are written in parts of as many requests as are under way at once, so that a process that
dies loses no more than those; the next one goes on behind the last part.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Literal

from components.batch_predict.book import Entry
from components.batch_predict.files import Files
from components.batch_predict.places import Places
from components.batch_predict.shards import Line, read_shard
from components.storage.versioned import Conflict
from components.supervision.clock import Clock

# (model, request) -> (status, response) as an output row has them. It raises nothing for what the
# service says; what passes with time it has tried again already.
Ask = Callable[[str, Mapping[str, Any]], tuple[str, Mapping[str, Any]]]
Ended = tuple[Literal["succeeded", "cancelled", "deadline"], str]


def answer_online(
    files: Files,
    places: Places,
    entry: Entry,
    ask: Ask,
    clock: Clock,
    *,
    at_once: int,
    deadline_at: float,
) -> Ended:
    """Ask every request of a shard that has no answer yet; how that ended, and why.

    Raises:
        InputError: the shard cannot be read.
        ServiceError: a file cannot be read or written.
    """
    while True:
        folder, number, left = _left(files, places, entry)
        while some := list(islice(left, max(1, at_once))):
            if clock.stop_asked():
                return "cancelled", clock.stop_asked()
            if clock.now() >= deadline_at:
                return "deadline", "it did not end within the time allowed"
            number += 1
            rows = [_line(row, clock.now()) for row in _asked(some, entry.model, ask)]
            uri = f"{folder}/online-{number:05d}/predictions.jsonl"
            try:
                files.write(uri, "".join(rows), None)
            except Conflict:
                break  # another process was faster, and may have gone on from what it got
        else:
            return "succeeded", ""


def _left(files: Files, places: Places, entry: Entry) -> tuple[str, int, Iterator[Line]]:
    """Where the answers lie, in how many parts, and the requests that have none yet."""
    folder = places.outputs(entry.display_name)
    parts = [uri for uri in files.below(folder) if uri.endswith(".jsonl")]
    done = {json.loads(line)["key"] for uri in parts for line in files.lines(uri)}
    shard = places.shard(entry.shard)
    lines = read_shard(files.lines(shard), shard)
    return folder, len(parts), (line for line in lines if line.key not in done)


def _line(row: Mapping[str, Any], now: float) -> str:
    told = {**row, "processed_time": datetime.fromtimestamp(now, UTC).isoformat()}
    return json.dumps(told, ensure_ascii=True) + "\n"


def _asked(lines: list[Line], model: str, ask: Ask) -> Iterator[dict[str, Any]]:
    def one(line: Line) -> dict[str, Any]:
        status, response = ask(model, line.request)
        return {"key": line.key, "request": line.request, "status": status, "response": response}

    if len(lines) == 1:
        yield one(lines[0])
        return
    with ThreadPoolExecutor(len(lines)) as pool:
        yield from pool.map(one, lines)
