"""Play schedules of one remote job in virtual time: seconds, and schedules a second.

    python bench/supervision_schedules.py [--schedules N] [--json]

One process, one core. Each schedule is the life of one job with the faults, lost replies, crashes
and cancels of `tests/supervision/simulation.py`, drawn from its seed: N against Batch, and a fifth
of that against a service that chooses the job's id itself. The test suite plays the first
thousand. Held to: 12,000 schedules in 60 seconds of processor time. Exit code 1: too slow, or a
broken promise.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

LIMIT_S = 60.0  # of 12,000
REPEAT = "SUPERVISION_SEED={}:{} .venv/bin/pytest -n 0 -s tests/supervision/test_simulation.py"


def measure(count: int) -> tuple[dict[str, float], dict[str, int], bool]:
    """Play so many schedules: the figures, how they ended, and whether all went well."""
    from tests.supervision import simulation

    ends: Counter[str] = Counter()
    well = True
    schedules = [("batch", seed) for seed in range(count)]
    schedules += [("server", seed) for seed in range(count // 5)]
    start, cpu = time.perf_counter(), time.process_time()
    for mode, seed in schedules:
        try:
            ends[str(simulation.run(seed, mode).outcome)] += 1
        except simulation.Violation as broken:
            well = False
            sys.stderr.write(f"{broken}; repeat with {REPEAT.format(mode, seed)}\n")
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    figures = {
        "schedules": len(schedules),
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu, 2),
        "schedules_per_second": round(len(schedules) / cpu),
        "limit_cpu_seconds": round(LIMIT_S * len(schedules) / 12_000, 2),
    }
    return figures, dict(ends.most_common()), well


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schedules", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures, ends, well = measure(arguments.schedules)
    if arguments.json:
        sys.stdout.write(json.dumps({**figures, "ends": ends}) + "\n")
    else:
        sys.stdout.writelines(f"  {number:9,} {name}\n" for name, number in ends.items())
        for name, value in figures.items():
            sys.stdout.write(f"{name}: {value:,}\n")
    if not well or figures["cpu_seconds"] > figures["limit_cpu_seconds"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
