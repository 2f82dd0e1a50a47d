"""Write a workbook of many results: ours against xlsxwriter alone with the same cells, in one run.

    python bench/xlsx_rows.py [--rows N] [--json]

Each way is a process of its own. `floor` calls `write_string` and `write_number` for the cells, in
constant memory, and does nothing else: no checks, no cutting, no summary. Held to: 1.3 times that.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

LIMIT = 1.3
ANSWER = "A quick brown fox answers each question with care, in plain words that people read. " * 3


def rows(count: int) -> Iterator[dict[str, object]]:
    """Results as they are written."""
    for number in range(1, count + 1):
        yield {
            "row": number,
            "id": f"q{number}",
            "status": "ok",
            "text": f"Answer {number}: {ANSWER}",
            "model": "gemini-3.5-flash",
            "finish_reason": "STOP",
            "prompt_tokens": 200 + number % 50,
            "output_tokens": 300,
            "cost_usd": 0.0004 + number % 7 / 1e6,
            "attempts": 1,
            "matched_by": "key",
            "model_version": "gemini-3.5-flash",
            "source": "rows.csv",
            "line": number + 1,
        }


def ours(path: Path, count: int) -> None:
    """The product's writer."""
    from components.aggregate_results.predictions.results import columns_with
    from components.tables.xlsx_writer import XlsxWriter

    with XlsxWriter(str(path), columns_with([]), sheet="Results") as writer:
        for row in rows(count):
            writer.write(row)


def floor(path: Path, count: int) -> None:
    """Xlsxwriter alone."""
    import xlsxwriter

    from components.aggregate_results.predictions.results import columns_with

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(str(path), options)
    sheet = book.add_worksheet("Results")
    columns = columns_with([])
    for number, column in enumerate(columns):
        sheet.write_string(0, number, column.title)
    puts = [
        (c.name, number, sheet.write_number if c.numeric else sheet.write_string)
        for number, c in enumerate(columns)
    ]
    for place, row in enumerate(rows(count), 1):
        for name, number, put in puts:
            if name in row:
                put(place, number, row[name])
    book.close()


WAYS = {"floor": floor, "ours": ours}


def one(way: str, count: int) -> None:
    """Do it one way in this process and print the figures."""
    with tempfile.TemporaryDirectory(prefix="xlsx-bench-") as folder:
        path = Path(folder, "book.xlsx")
        began = time.perf_counter()
        WAYS[way](path, count)
        seconds = time.perf_counter() - began
        status = Path("/proc/self/status").read_text()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        size = path.stat().st_size
    print(json.dumps({"seconds": seconds, "peak_mb": int(peak.split()[1]) / 1024, "bytes": size}))


def main() -> int:
    """Run both ways and print them; returns 1 over the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", choices=WAYS)
    options = parser.parse_args()
    if options.one:
        one(options.one, options.rows)
        return 0
    found = {}
    for way in WAYS:
        command = [sys.executable, __file__, "--one", way, "--rows", str(options.rows)]
        ran = subprocess.run(command, stdout=subprocess.PIPE, check=True)
        found[way] = json.loads(ran.stdout)
    ratio = found["ours"]["seconds"] / found["floor"]["seconds"]
    if options.json:
        print(json.dumps({**found, "rows": options.rows, "ratio": ratio}))
    else:
        for way, told in found.items():
            print(
                f"{options.rows:,} rows as XLSX  {way:<6} {told['seconds']:6.2f} s "
                f"{told['peak_mb']:6.0f} MB  {told['bytes'] / 1e6:.1f} MB written"
            )
        print(f"ratio {ratio:.2f}, limit {LIMIT}")
    return 1 if ratio > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
