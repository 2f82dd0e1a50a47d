"""Runs both examples on this machine, from words to finished Batch jobs (`make run`)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
COMMAND = Path(sys.executable).with_name("intent2batch")
UPLOAD = f"--upload={HERE / 'data' / 'mauna-loa-co2.csv'}=gs://climate-readings/mauna-loa-co2.csv"

EXAMPLES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Five tasks that say hello", "hello.txt", ()),
    ("44 years of CO2 readings, a task a year; the last one checks the sum", "co2.txt", (UPLOAD,)),
)


def main() -> int:
    """Run every example; returns the exit code of the first that fails, or 0."""
    for title, intent, options in EXAMPLES:
        print(f"\n== {title} (examples/{intent})", flush=True)
        words = (HERE / intent).read_text(encoding="utf-8")
        line = [str(COMMAND), "run", "intent-to-batch", words, "--local", *options]
        code = subprocess.run(line, check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
