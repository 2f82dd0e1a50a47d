"""Prepare a CSV of many rows: rows a second and peak memory in one process.

    python bench/prepare_rows.py [--rows N] [--json]

Every row has its own prompt of about 100 characters, and an id. Held to: 60,000 rows a second.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def write_rows(path: Path, count: int) -> None:
    """A CSV with an id and a prompt a row; every tenth prompt holds a comma and a line end."""
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["id", "prompt"])
        for number in range(count):
            gap = ",\n" if number % 10 == 0 else " "
            out.writerow(
                [
                    f"row-{number}",
                    f"Say in one sentence{gap}what the customer {number} wants: "
                    f"'the parcel {number * 7919 % 1_000_003} has not come, where is it?'",
                ]
            )


def peak_mb() -> float:
    """Peak memory of this process."""
    status = Path("/proc/self/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return round(int(peak.split()[1]) / 1024, 1)


def measure(count: int) -> dict[str, float]:
    """Prepare so many rows and give the figures."""
    from components.prepare_requests.prepare import prepare

    with tempfile.TemporaryDirectory(prefix="prepare-rows-") as folder:
        source = Path(folder) / "rows.csv"
        write_rows(source, count)
        before = peak_mb()
        start, cpu = time.perf_counter(), time.process_time()
        plan = prepare([str(source)], str(Path(folder) / "run"))
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        if (plan.ready, plan.unique_requests) != (count, count):
            raise SystemExit(f"wrong plan: {plan.ready} ready, {plan.unique_requests} unique")
    return {
        "rows": count,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu, 2),
        "rows_per_second": round(count / seconds),
        "peak_mb": peak_mb(),
        "peak_mb_before": before,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = measure(arguments.rows)
    if arguments.json:
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    for name, value in figures.items():
        sys.stdout.write(f"{name}: {value:,}\n")


if __name__ == "__main__":
    main()
