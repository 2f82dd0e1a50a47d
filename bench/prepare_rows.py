"""Prepare CSVs of many rows: rows a second, and how peak memory grows from a tenth to all of them.

    python bench/prepare_rows.py [--rows N] [--json]

Every row has its own prompt of about 100 characters, and an id; each size is a process of its own.
Held to: 60,000 rows a second of processor time, and memory that stays flat (10 bytes a row).
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

LEAST_ROWS = 60_000  # a second
MOST_BYTES = 10  # a row


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
        "rows_per_cpu_second": round(count / cpu),
        "peak_mb": peak_mb(),
        "peak_mb_before": before,
    }


def main() -> None:
    """Measure and print; 1 where a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--alone", action="store_true", help="measure this size in this process")
    arguments = parser.parse_args()
    if arguments.alone:
        sys.stdout.write(json.dumps(measure(arguments.rows)) + "\n")
        return
    few, many = (elsewhere(rows) for rows in (arguments.rows // 10, arguments.rows))
    grown = (many["peak_mb"] - few["peak_mb"]) * 1_048_576 / (many["rows"] - few["rows"])
    if arguments.json:
        sys.stdout.write(json.dumps([few, many]) + "\n")
    else:
        for told in (few, many):
            sys.stdout.write(
                f"{told['rows']:>10,} rows  {told['seconds']:6.2f} s  "
                f"{told['rows_per_second']:>8,.0f} rows/s  "
                f"{told['rows_per_cpu_second']:>8,.0f} rows/s of processor  "
                f"peak {told['peak_mb']:.0f} MB\n"
            )
        sys.stdout.write(f"{grown:.0f} bytes of memory a row, limit {MOST_BYTES}\n")
    sys.exit(many["rows_per_cpu_second"] < LEAST_ROWS or grown > MOST_BYTES)


def elsewhere(rows: int) -> dict[str, float]:
    """Measure in a process of its own, whose peak memory is that of this size alone."""
    command = [sys.executable, __file__, "--alone", "--rows", str(rows)]
    told: dict[str, float] = json.loads(subprocess.check_output(command))
    return told


if __name__ == "__main__":
    main()
