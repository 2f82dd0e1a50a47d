"""Run the step again and again, killed behind one more of its calls each time, then to its end.

Started by test_killed.py as a process of its own: one import, then a fork for each attempt, so
that a kill costs milliseconds. `python killed_step.py BUCKET FOLDER FIRST STEP` prints one JSON
line a point.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import google.api_core.exceptions
import google.cloud.storage  # noqa: F401 - loaded once, before the forks

from components.batch_predict.files import StoredFiles
from components.batch_predict.run_step import predict_run
from components.errors import Intent2BatchError
from components.gemini.vertex import Vertex
from tests.batch_predict.conftest import prepare, request_of

POINTS_MAX = 200


def kill_behind(point: int) -> None:
    """Let this process die by SIGKILL when its call of that number is done; 0: never."""
    calls = 0

    def count() -> None:
        nonlocal calls
        calls += 1
        if calls == point:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(honest: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            result = honest(*args, **more)
            count()
            return result

        return call

    @contextmanager
    def writer(self: StoredFiles, uri: str) -> Iterator[Any]:
        with honest_writer(self, uri) as write:
            yield write
        count()

    honest_writer = StoredFiles.writer
    StoredFiles.writer = writer  # type: ignore[method-assign]
    for name in ("below", "read", "write"):
        setattr(StoredFiles, name, counted(getattr(StoredFiles, name)))
    Vertex.call = counted(Vertex.call)  # type: ignore[method-assign]


def attempt(run_uri: str, point: int) -> int:
    """One attempt in a process of its own; how it ended, as `os.waitpid` tells it.

    What is prepared is prepared there too: connections do not survive a fork.
    """
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    code = 1
    try:
        if point:
            shards = {name: [request_of(f"{point} {name} {n}") for n in range(2)] for name in "ab"}
            prepare(run_uri, {f"w000-{name}.jsonl": rows for name, rows in shards.items()})
        kill_behind(point)
        summary = predict_run(run_uri, project="local-project", location="us-central1")
        code = 0 if summary.answered == 4 else 3
    except Intent2BatchError as error:
        sys.stderr.write(f"{error}\n")
    finally:
        os._exit(code)


def main() -> None:
    """Every point in turn, until an attempt is through before it comes to its point."""
    bucket, folder = sys.argv[1:3]
    for point in range(int(sys.argv[3]), POINTS_MAX, int(sys.argv[4])):
        run_uri = f"{bucket}/{folder}/run-{point}"
        first = attempt(run_uri, point)
        second = attempt(run_uri, 0)
        sys.stdout.write(json.dumps({"run": run_uri, "first": first, "second": second}) + "\n")
        if first == 0:
            return


if __name__ == "__main__":
    main()
