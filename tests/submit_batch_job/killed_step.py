"""Run the submitting step again and again, killed one call later each time, then to its end.

Started by test_killed.py as a process of its own: one import, then a fork for each attempt, so
that a kill costs milliseconds. `python killed_step.py FOLDER WHEN` prints one JSON line a point.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import google.cloud.batch_v1  # noqa: F401 - loaded once, before the forks

from components.errors import Intent2BatchError
from components.submit_batch_job.run_step import submit_run
from components.supervision import driver

POINTS_MAX = 40
JOB = {
    "taskGroups": [{"taskSpec": {"runnables": [{"script": {"text": "true"}}]}}],
    "logsPolicy": {"destination": "CLOUD_LOGGING"},
}


def kill_at(point: int, when: str) -> None:
    """Let this process die by SIGKILL before or after its call of that number."""
    honest = driver._perform
    calls = 0

    def perform(effect: Any, *rest: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == point and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = honest(effect, *rest)
        if calls == point and when == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    driver._perform = perform


def attempt(folder: Path, point: int, when: str) -> int:
    """One attempt in a process of its own; how it ended, as `os.waitpid` tells it."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    code = 1
    try:
        kill_at(point, when)
        outcome = submit_run(
            str(folder / "run"),
            job_uri=str(folder / "run" / "job.json"),
            project="local-project",
            region="us-central1",
            max_wait_hours=0.0,
            dry_run=False,
            gcp_resources_path=str(folder / "gcp_resources"),
            link_path=str(folder / "link.md"),
        )
        code = 0 if outcome == "succeeded" else 3
    except Intent2BatchError as error:
        sys.stderr.write(f"{error}\n")
    finally:
        os._exit(code)


def main() -> None:
    """Every point in turn, until an attempt is through before it comes to its point."""
    folder, when = Path(sys.argv[1]), sys.argv[2]
    for point in range(1, POINTS_MAX):
        run = folder / str(point)
        (run / "run").mkdir(parents=True)
        (run / "run" / "job.json").write_text(json.dumps(JOB))
        first = attempt(run, point, when)
        second = attempt(run, 0, when)
        sys.stdout.write(json.dumps({"point": point, "first": first, "second": second}) + "\n")
        if first == 0:
            return


if __name__ == "__main__":
    main()
