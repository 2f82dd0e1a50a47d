"""The fault campaign: seeded runs of both pipelines against the stand-ins, with faults.

    python bench/chaos.py [--runs N] [--first SEED] [--only PIPELINE] [--at-once N] [--json]

Each run's steps are real processes, and what goes wrong is drawn from its seed: calls answered with
429, 503 or after the deadline, dropped connections, lost replies, preempted tasks, vanished VMs,
steps killed in the middle of a call, cancelled runs; in some runs failed tasks run again in further
rounds. Checked after each: no second job for the same work, no task that had succeeded run again,
nothing left running, every task or row accounted for, a readable ledger, a report. Exit code 1: a
broken promise, told with the command that repeats it, or something that never happened.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

PIPELINES = ("intent-to-batch", "batch-prediction")
SLICE = 20  # runs that share stand-ins
MANY = 100  # from so many runs on, everything has to happen
EVERYTHING = ("429", "503", "deadline", "dropped connection", "lost reply", "killed steps",
              "cancelled runs", "preempted tasks", "vanished VMs", "further rounds")  # fmt: skip
ONLY_OF_TASKS = EVERYTHING[-3:]


def play(pipeline: str, first: int, count: int) -> tuple[Counter[str], list[str]]:
    """Play some runs on stand-ins of their own: what happened, and the broken promises."""
    from tests.chaos.campaign import campaign, stand_ins

    with stand_ins() as platform:
        happened = campaign(platform, pipeline, range(first, first + count))
    return happened.counts, happened.violations


def measure(
    pipeline: str, first: int, count: int, at_once: int
) -> tuple[dict[str, int], list[str]]:
    """Play all runs of a pipeline: how often what happened, and the broken promises."""
    counts: Counter[str] = Counter()
    violations: list[str] = []
    last = first + count
    slices = [(pipeline, n, min(SLICE, last - n)) for n in range(first, last, SLICE)]
    # Spawned, as a fork would take the threads' locks along.
    with ProcessPoolExecutor(at_once, mp_context=get_context("spawn")) as pool:
        for happened, broken in pool.map(play, *zip(*slices, strict=True)):
            counts += happened
            violations += broken
    if count >= MANY:
        wanted = [w for w in EVERYTHING if w not in ONLY_OF_TASKS or pipeline == PIPELINES[0]]
        violations += [f"{pipeline}: never happened: {what}" for what in wanted if not counts[what]]
    return dict(sorted(counts.items())), violations


def main() -> None:
    """Play and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="of each pipeline")
    parser.add_argument("--first", type=int, default=0, metavar="SEED")
    parser.add_argument("--only", choices=PIPELINES)
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    told = {}
    broken: list[str] = []
    for pipeline in [arguments.only] if arguments.only else PIPELINES:
        start = time.perf_counter()
        counts, violations = measure(pipeline, arguments.first, arguments.runs, arguments.at_once)
        figures = {**counts, "violations": len(violations),
                   "wall seconds": round(time.perf_counter() - start)}  # fmt: skip
        told[pipeline] = figures
        broken += violations
        if not arguments.json:
            sys.stdout.write(f"{pipeline}:\n")
            sys.stdout.writelines(f"  {number:7,} {name}\n" for name, number in figures.items())
            sys.stdout.flush()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = round(used.ru_utime + used.ru_stime)
    if arguments.json:
        sys.stdout.write(json.dumps({**told, "cpu_seconds": cpu, "violations": broken}) + "\n")
    else:
        sys.stdout.write(f"{cpu:,} seconds of processor time, all against the stand-ins\n")
    sys.stderr.writelines(f"{each}\n" for each in broken)
    if broken:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
