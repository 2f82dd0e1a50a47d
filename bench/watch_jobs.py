"""Watch 500 jobs at once in one process, as in the cloud: reads, delay and memory.

    python bench/watch_jobs.py [--jobs N] [--json]

The stand-in of Batch runs in a process of its own, with jobs of a second and a half. The
watching process keeps the pace that it has in the cloud and holds nothing else. Held to: under 200
MB, under 2 reads a second, and the end of each job noticed within twice the interval between two
reads of it. Exit code 1: one of them was missed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

PARENT = "projects/local-project/locations/us-central1"
MOST_MB, MOST_READS = 200.0, 2.0


def make_jobs(count: int) -> list[str]:
    """Submit so many jobs; gives their names."""
    from google.cloud import batch_v1

    from components.batch.client import batch_client

    client = batch_client()
    spec = {"runnables": [{"script": {"text": "sleep 1.5"}}]}

    def make(number: int) -> str:
        job = batch_v1.Job.from_json(json.dumps({"taskGroups": [{"taskSpec": spec}]}))
        made: str = client.create_job(parent=PARENT, job=job, job_id=f"job-{number}").name
        return made

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(make, range(count)))


def watch(names: list[str]) -> dict[str, Any]:
    """Watch the jobs in this process, and tell what it took."""
    from components.batch.client import batch_client
    from components.submit_batch_job.watch_many import BatchReads, Known, watch_many
    from components.supervision.clock import SystemClock
    from components.supervision.life import Policy

    noticed: dict[str, float] = {}
    rounds: list[float] = []

    def notice(job: Known) -> None:
        if job.ended:
            noticed[job.name] = time.time()

    begun = time.time()
    got = watch_many(
        names,
        BatchReads(batch_client()),
        SystemClock(),
        Policy(),
        on_change=notice,
        on_round=lambda _: rounds.append(time.time()),
    )
    return {
        "begun": begun,
        "noticed": noticed,
        "rounds": rounds,
        "reads": got.reads,
        "seconds": time.time() - begun,
        "states": dict(got.counts),
        "peak_mb": peak_mb(),
    }


def peak_mb() -> float:
    """Peak memory of this process. (ru_maxrss would begin with that of the parent.)"""
    status = Path("/proc/self/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return round(int(peak.split()[1]) / 1024, 1)


def ended_at(names: list[str]) -> dict[str, float]:
    """When each job really ended, by the service's own event."""
    from components.batch.client import batch_client

    client = batch_client()
    return {
        name: client.get_job(name=name).status.status_events[-1].event_time.timestamp()
        for name in names
    }


def measure(count: int) -> dict[str, Any]:
    """Start the stand-in, make the jobs, watch them in another process."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "emulator", "--state", folder]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            os.environ.update(json.loads(server.stdout.readline()))
            names = make_jobs(count)
            ran = subprocess.run(
                [sys.executable, __file__, "--child"],
                input="\n".join(names), capture_output=True, text=True, check=False,
            )  # fmt: skip
            if ran.returncode:
                sys.exit(f"the watching ended with {ran.returncode}:\n{ran.stderr[-2000:]}")
            told = json.loads(ran.stdout)
            return figures(told, ended_at(names))
        finally:
            server.terminate()
            server.wait()


def figures(told: dict[str, Any], ended: dict[str, float]) -> dict[str, Any]:
    """What is printed; `late` counts jobs that were noticed after twice their interval."""
    rounds = [told["begun"], *told["rounds"]]
    delays, late = [], 0
    for name, event in ended.items():
        at = max(event, told["begun"])  # what ended before is noticed by the first read
        seen = told["noticed"][name]
        before = max(r for r in rounds if r <= at)
        after = min((r for r in rounds if r >= seen), default=rounds[-1])
        delays.append(seen - at)
        late += seen - at > 2 * max(after - before, 1.5)
    return {
        "jobs": len(ended),
        "states": told["states"],
        "seconds": round(told["seconds"], 1),
        "reads": told["reads"],
        "reads_a_second": round(told["reads"] / told["seconds"], 2),
        "longest_delay_s": round(max(delays), 2),
        "longest_interval_s": round(max(b - a for a, b in itertools.pairwise(rounds)), 2),
        "late": late,
        "peak_mb": told["peak_mb"],
    }


def main() -> int:
    """Measure and print; 1 where a limit was passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        sys.stdout.write(json.dumps(watch(sys.stdin.read().split())))
        return 0
    told = measure(arguments.jobs)
    if arguments.json:
        sys.stdout.write(json.dumps(told) + "\n")
    else:
        for name, value in told.items():
            sys.stdout.write(f"{name}: {value}\n")
    held = told["peak_mb"] < MOST_MB and told["reads_a_second"] < MOST_READS and not told["late"]
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
