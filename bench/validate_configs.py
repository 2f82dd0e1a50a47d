"""Check every real config of a folder: how many are told right, and how long one takes.

    python bench/validate_configs.py [FOLDER] [--json]

FOLDER holds job files and an index.csv with the columns file, strict_ok (yes or no) and
strict_error (what the strict parser says). Held to: 5 ms a config, median, in one process.
"""

from __future__ import annotations

import argparse
import copy
import csv
import json
import re
import statistics
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

LIMIT_MS = 5.0
REPEATS = 5


def parses_strictly(job: Any) -> bool:
    """Whether the proto's own parser takes the job."""
    from google.cloud import batch_v1
    from google.protobuf import json_format

    try:
        json_format.ParseDict(copy.deepcopy(job), batch_v1.Job.pb(batch_v1.Job()))
    except (json_format.ParseError, ValueError, TypeError, AttributeError):
        return False
    return True


def milliseconds(data: bytes, file: str) -> float:
    """The median time of checking the bytes of one file."""
    from components.config.check import validate_bytes

    taken = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        validate_bytes(data, file)
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def at_the_right_line(row: dict[str, str], text: str, errors: list[Any]) -> bool:
    """Whether an error stands where the strict parser's words say, or at the field they name."""
    said = row["strict_error"]
    place = re.search(r"line (\d+) column", said)
    if place is not None:
        return any(abs(f.line - int(place[1])) <= 1 for f in errors)
    unknown = re.findall(r'has no field named "(\w+)"', said)
    field = (unknown or re.findall(r"Failed to parse (\w+) field", said))[-1]
    lines = text.splitlines()
    return any(re.search(rf"\b{field}\b", lines[f.line - 1]) for f in errors)


def look(folder: Path, row: dict[str, str]) -> dict[str, Any]:
    """What checking and mending one config gives."""
    from components.config.check import validate_bytes
    from components.config.fix import fix_text

    data = (folder / row["file"]).read_bytes()
    errors = validate_bytes(data, row["file"]).errors
    found: dict[str, Any] = {
        "rules": {f.rule for f in errors},
        "ms": milliseconds(data, row["file"]),
    }
    if row["strict_ok"] == "no":
        text = data.decode("utf-8")
        after = validate_bytes(fix_text(text, row["file"]).text.encode(), row["file"])
        found["told"] = at_the_right_line(row, text, errors)
        found["mended"] = after.job is not None and parses_strictly(after.job)
        found["blank"] = not found["mended"] and any("blank" in f.message for f in after.errors)
    return found


def measure(folder: Path) -> dict[str, Any]:
    """The counts over all configs of the folder, and the times."""
    with (folder / "index.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    looked = [(row["strict_ok"] == "yes", look(folder, row)) for row in rows]
    fine = [found for strict, found in looked if strict]
    broken = [found for strict, found in looked if not strict]
    times = sorted(found["ms"] for _, found in looked)
    return {
        "configs": len(rows),
        "parse_strictly": len(fine),
        "of_these_no_error": sum(not found["rules"] for found in fine),
        "of_these_only_blanks": sum(found["rules"] == {"PLACEHOLDER"} for found in fine),
        "of_these_really_wrong": sum(bool(found["rules"] - {"PLACEHOLDER"}) for found in fine),
        "broken": len(broken),
        "of_these_told_at_the_line": sum(found["told"] for found in broken),
        "of_these_mended": sum(found["mended"] for found in broken),
        "of_these_blank": sum(found["blank"] for found in broken),
        "median_ms": round(statistics.median(times), 2),
        "p95_ms": round(times[int(len(times) * 0.95)], 2),
        "max_ms": round(times[-1], 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "folder", nargs="?", type=Path, default=ROOT.parent / "shared" / "batch_configs"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if not (options.folder / "index.csv").is_file():
        sys.exit(f"There is no {options.folder / 'index.csv'}: name the folder of the configs.")
    found = measure(options.folder)
    if options.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name.replace('_', ' '):28} {value:>8}")
    if found["median_ms"] > LIMIT_MS:
        sys.exit(f"slower than {LIMIT_MS} ms a config")


if __name__ == "__main__":
    main()
