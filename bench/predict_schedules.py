"""Play schedules of whole batch prediction runs in virtual time: seconds, and schedules a second.

    python bench/predict_schedules.py [--schedules N] [--first SEED] [--json]

One process, one core. Each schedule is a run of many jobs drawn from its seed, with every fault of
`tests/batch_predict/simulation.py`; how often each of them happened is printed. Held to: 10,000
schedules in 60 seconds of processor time. Exit code 1: too slow, a broken promise, or a fault that
never happened.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

LIMIT_S = 60.0  # of 10,000
REPEAT = "PREDICT_SEED={} .venv/bin/pytest -n 0 -s tests/batch_predict/test_simulation.py"


def measure(first: int, count: int) -> tuple[dict[str, float], dict[str, dict[str, int]], bool]:
    """Play so many schedules: the figures, what happened how often, and whether all went well."""
    from tests.batch_predict import simulation

    ends: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    well = True
    start, cpu = time.perf_counter(), time.process_time()
    for seed in range(first, first + count):
        try:
            told = simulation.run(seed)
        except simulation.Violation as broken:
            well = False
            sys.stderr.write(f"{broken}; repeat with {REPEAT.format(seed)}\n")
            continue
        ends[told.ended] += 1
        faults += told.faults
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    for never in sorted(simulation.FAULTS - faults.keys()):
        well = False
        sys.stderr.write(f"never happened: {never}\n")
    figures = {
        "schedules": count,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu, 2),
        "schedules_per_second": round(count / cpu),
        "limit_cpu_seconds": round(LIMIT_S * count / 10_000, 2),
    }
    return figures, {"ends": dict(ends), "faults": dict(faults.most_common())}, well


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schedules", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, metavar="SEED")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures, happened, well = measure(arguments.first, arguments.schedules)
    if arguments.json:
        sys.stdout.write(json.dumps({**figures, **happened}) + "\n")
    else:
        for what, counts in happened.items():
            sys.stdout.write(f"{what}:\n")
            sys.stdout.writelines(f"  {number:9,} {name}\n" for name, number in counts.items())
        for name, value in figures.items():
            sys.stdout.write(f"{name}: {value:,}\n")
    if not well or figures["cpu_seconds"] > figures["limit_cpu_seconds"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
