"""Run the step as often as it is told to, each time in a process of its own.

Started by test_seeded_runs.py: one import, then a fork for each attempt. A line of standard input
`{"run": URI, "kill": POINT, "settings": {...}}` is one attempt, killed behind its call of that
number (0: not killed); a line of standard output says how it ended, as `os.waitpid` tells it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

import google.api_core.exceptions
import google.cloud.storage  # noqa: F401 - loaded once, before the forks

from components.batch_predict.predict import Settings
from components.batch_predict.run_step import predict_run
from components.errors import Intent2BatchError
from tests.batch_predict.killed_step import kill_behind


def attempt(told: Mapping[str, Any]) -> int:
    """One attempt; how it ended."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    code = 1
    try:
        kill_behind(told["kill"])
        predict_run(
            told["run"],
            project="local-project",
            location="us-central1",
            settings=Settings(**told["settings"]),
        )
        code = 0
    except Intent2BatchError as error:
        sys.stderr.write(f"{error}\n")
    finally:
        os._exit(code)


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(f"{attempt(json.loads(line))}\n")
        sys.stdout.flush()
