"""What the tool adds on top of the work, as ratios against a floor measured in the same run.

    python bench/run.py            # everything, about a minute on two cores
    python bench/run.py help       # only the rows whose name holds the word

Each row is the median of several runs of a whole process, so imports and start-up count. The
floors are what nobody can avoid: an empty Python process, `import kfp`, the bare tasks.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
COMMAND = str(Path(sys.executable).with_name("intent2batch"))
HELLO = "Run `echo hello ${BATCH_TASK_INDEX}` as 5 tasks, at most 2 at once, spot is fine."
TASKS, AT_ONCE = 1000, 20


@dataclass(frozen=True)
class Row:
    """One thing measured, what it is held against, and the most that it may take."""

    name: str
    measured: Callable[[], object]
    floor_name: str
    floor: Callable[[], object]
    limit_s: float
    repeats: int = 3


def start(*command: str, stdin: str | None = None, env: dict[str, str] | None = None) -> None:
    """Run a process to its end; its output is kept for the error message only."""
    ran = subprocess.run(command, input=stdin, env=env, capture_output=True, text=True, check=False)
    if ran.returncode:
        sys.exit(
            f"{command[:4]} ended with {ran.returncode}:\n{ran.stdout[-800:]}{ran.stderr[-2000:]}"
        )


def seconds(action: Callable[[], object], repeats: int) -> float:
    """The median wall time of the action."""
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        action()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def bare_tasks(count: int, at_once: int) -> None:
    """The same trivial tasks with nothing around them."""
    with ThreadPoolExecutor(at_once) as pool:
        list(
            pool.map(lambda _: subprocess.run(["/bin/sh", "-c", "true"], check=True), range(count))
        )


def parse_sixty() -> None:
    """Sixty intents through one process."""
    lines = (HERE / "intents.txt").read_text().splitlines()
    cases = [json.dumps({"id": str(i), "turns": [lines[i % len(lines)]]}) for i in range(60)]
    start(COMMAND, "parse", "--jsonl", "--reader", "offline", stdin="\n".join(cases) + "\n")


def whole_run() -> None:
    """The main job: five tasks from words to report."""
    with tempfile.TemporaryDirectory() as out:
        start(COMMAND, "run", "intent-to-batch", HELLO, "--local", "--out", out)


def thousand_tasks() -> None:
    """A job of 1,000 trivial tasks through the stand-in of Batch, from submit to the end."""
    job = {
        "taskGroups": [
            {
                "taskCount": TASKS,
                "parallelism": AT_ONCE,
                "taskSpec": {"runnables": [{"script": {"text": "true"}}]},
            }
        ],
        "logsPolicy": {"destination": "CLOUD_LOGGING"},
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "job.json")
        file.write_text(json.dumps(job))
        server = subprocess.Popen(
            [sys.executable, "-m", "emulator", "--state", f"{folder}/state"],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert server.stdout is not None
            env = os.environ | json.loads(server.stdout.readline())
            start(COMMAND, "submit", str(file), "--ledger", f"{folder}/ledger.json", env=env)
        finally:
            server.terminate()
            server.wait()


def rows() -> list[Row]:
    """What is measured."""
    python = sys.executable
    empty = ("an empty Python process", lambda: start(python, "-c", ""))
    kfp = ("python -c 'import kfp'", lambda: start(python, "-c", "import kfp"))
    return [
        Row("intent2batch --help", lambda: start(COMMAND, "--help"), *empty, 0.3, 9),
        Row("parse 60 intents", parse_sixty, *empty, 1.0, 5),
        Row("a run of 5 trivial tasks, all overhead", whole_run, *kfp, 4.0),
        Row(
            f"{TASKS} tasks, {AT_ONCE} at once, submit to end",
            thousand_tasks,
            "the bare tasks",
            lambda: bare_tasks(TASKS, AT_ONCE),
            20.0,
            1,
        ),
    ]


def machine() -> str:
    """What this runs on, in a line."""
    told = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.partition(": ")[2] for line in told if line.startswith("model name")), "CPU")
    return f"{os.cpu_count()} cores of {model}, Python {sys.version.split()[0]}"


def main(words: Sequence[str]) -> int:
    """Measure, print a table, and return 1 where a limit was passed."""
    over = 0
    print(machine())
    print(f"{'what':42} {'seconds':>8} {'limit':>6} {'floor':>7} {'ratio':>6}  held against")
    for row in rows():
        if words and not any(word in row.name for word in words):
            continue
        floor, taken = seconds(row.floor, row.repeats), seconds(row.measured, row.repeats)
        over += taken > row.limit_s
        print(
            f"{row.name:42} {taken:8.2f} {row.limit_s:6.1f} {floor:7.2f} {taken / floor:6.1f}"
            f"  {row.floor_name}{'   OVER THE LIMIT' if taken > row.limit_s else ''}",
            flush=True,
        )
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
