"""Collect the results of a job of 100,000 tasks: seconds and peak memory in one process.

    python bench/aggregate_100k.py [--tasks N] [--json]

The tasks are made as the listing is read, a page at a time, as the client does. Held to: less than
300 MB and 60 s.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

JOB = "projects/p/locations/us-central1/jobs/big"


def tasks(count: int) -> Iterator[Any]:
    """Tasks with real events: most succeed, some are retried, some fail, the last never ran."""
    from google.cloud import batch_v1

    make = batch_v1.Task.pb()
    for index in range(count):
        task = make()
        task.name = f"{JOB}/taskGroups/group0/tasks/{index}"
        start = 1790000000 + index // 500 * 30
        if index > count * 0.98:
            task.status.state = 6
        else:
            failed = index % 97 == 0
            task.status.state = 4 if failed else 5
            _event(task, start, "PENDING", "ASSIGNED", 2)
            _event(task, start + 2, "ASSIGNED", "RUNNING", 3)
            if index % 41 == 0:
                _event(task, start + 9, "RUNNING", "PENDING", 1, 50001)
                _event(task, start + 12, "ASSIGNED", "RUNNING", 3)
            last = (start + 14 + index % 23, "RUNNING")
            if failed:
                _event(task, *last, "FAILED", 4, (1, 137, 50005)[index % 3])
            else:
                _event(task, *last, "SUCCEEDED", 5)
        yield task


def _event(task: Any, at: int, old: str, new: str, state: int, code: int = 0) -> None:
    event = task.status.status_events.add()
    event.type_ = "STATUS_CHANGED"
    end = f" due to Spot Preemption with exit code {code}" if code else ""
    event.description = (
        f"Task state is updated from {old} to {new} on "
        f"zones/us-central1-a/instances/{10**18 + at}{end}."
    )
    event.event_time.seconds = at
    event.task_state = state
    if code:
        event.task_execution.exit_code = code


def peak_mb() -> float:
    """Peak memory of this process. (ru_maxrss would begin with that of the parent.)"""
    status = Path("/proc/self/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return round(int(peak.split()[1]) / 1024, 1)


def measure(count: int) -> dict[str, float]:
    """Collect a job of `count` tasks and give the figures."""
    from components.aggregate_results.tasks import aggregate
    from components.batch.logs import Tails
    from components.batch.service import Service

    def job(name: str) -> Any:
        from google.cloud import batch_v1

        return batch_v1.Job.pb()(uid="big-uid")

    service = Service(
        job=job,
        tasks=lambda name, group, state: tasks(count),
        tails=lambda uid, indexes, **_: Tails(dict.fromkeys(indexes, "a line of output\n" * 20)),
    )
    with tempfile.TemporaryDirectory() as folder:
        ledger = {
            "job_name": JOB,
            "outcome": "failed",
            "request": {"job": {"logsPolicy": {"destination": "CLOUD_LOGGING"}}},
        }
        (Path(folder) / "submission.json").write_text(json.dumps(ledger))
        begun = time.perf_counter()
        summary = aggregate(folder, service=service)
        seconds = time.perf_counter() - begun
        report = (Path(folder) / "report.html").stat().st_size
        xlsx = (Path(folder) / "tasks.xlsx").stat().st_size
    return {
        "rows": summary.tasks,
        "seconds": round(seconds, 2),
        "peak_mb": peak_mb(),
        "report_bytes": report,
        "xlsx_bytes": xlsx,
    }


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = measure(options.tasks)
    if options.json:
        print(json.dumps(figures))
        return
    print(
        f"{figures['rows']:,} tasks: {figures['seconds']:.1f} s, peak {figures['peak_mb']:.0f} MB, "
        f"report {figures['report_bytes'] / 1e6:.2f} MB, "
        f"workbook {figures['xlsx_bytes'] / 1e6:.1f} MB"
    )


if __name__ == "__main__":
    main()
