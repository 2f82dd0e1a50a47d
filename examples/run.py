"""Runs the examples on this machine: words to Batch jobs, rows to answers (`make run`)."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
COMMAND = Path(sys.executable).with_name("intent2batch")
UPLOAD = f"--upload={HERE / 'data' / 'mauna-loa-co2.csv'}=gs://climate-readings/mauna-loa-co2.csv"

ANY_MODEL = 'options={"models": {"*": "gemini-3.5-flash"}}'

EXAMPLES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Five tasks that say hello", "hello", ()),
    ("44 years of CO2 readings, a task a year; the last one checks the sum", "co2", (UPLOAD,)),
)


def main() -> int:
    """Run every example; returns the exit code of the first that fails, or 0."""
    runs = Path("runs") / f"examples-{datetime.datetime.now().astimezone():%Y%m%d-%H%M%S}"
    for title, name, options in EXAMPLES:
        print(f"\n== {title} (examples/{name}.txt)", flush=True)
        words = (HERE / f"{name}.txt").read_text(encoding="utf-8")
        out = f"--out={runs / name}"
        line = [str(COMMAND), "run", "intent-to-batch", words, "--local", out, *options]
        code = subprocess.run(line, check=False).returncode
        if code:
            return code
    code = print_readings(runs / "co2" / "results" / "tasks.jsonl")
    return code or run_rows(runs / "capitals")


def run_rows(out: Path) -> int:
    """Four prompts, two of which use the answers of others; returns the exit code."""
    rows = HERE / "rows" / "capitals.csv"
    print(
        "\n== Four prompts, two with the answers of others (examples/rows/capitals.csv)", flush=True
    )
    line = [str(COMMAND), "run", "batch-prediction", str(rows), "--local", f"--out={out}"]
    return subprocess.run([*line, "-p", ANY_MODEL], check=False).returncode


def print_readings(tasks: Path) -> int:
    """Print the first and the last year, and what the check said; 1 if no task has checked."""
    rows = [json.loads(line) for line in tasks.read_text(encoding="utf-8").splitlines()]
    output = [line for row in rows for line in str(row["output_tail"]).splitlines()]
    years = sorted(line.split(",") for line in output if "," in line and line[:4].isdigit())
    for year in (years[0], years[-1]):
        print(f"CO2 in {year[0]}: {year[3]} ppm on average of {year[1]} weeks, +- {year[6]}")
    checks = dict.fromkeys(line for line in output if line.startswith("checked:"))
    print(*checks or ["no task has checked the sum"], sep="\n")
    return 0 if checks else 1


if __name__ == "__main__":
    sys.exit(main())
