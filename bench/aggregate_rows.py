"""Join shuffled prediction rows of 2.7 kB to their input: time and peak memory, side by side.

    python bench/aggregate_rows.py [--rows N ...] [--rounds N] [--json] [--skip-notebook]

Each way is a process of its own, reading the same files from the page cache, and the best of
three rounds counts: on a shared machine the same work takes half as long again a minute later.
`decode` is a typed msgspec decode of every line that writes nothing; `ours` writes results.jsonl
and results.csv; `notebook` is the way of the batch-generation notebook, done to the same end: the
whole blob in memory, json.loads a line, a dict to join with, the csv module.

Held to, for 200,000 rows: at most 5 times the time of `decode`, a fifth of `notebook`, 400 MB;
for 1,000,000 rows: at most 5.5 times the time and 1.5 times the memory of 200,000.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

MODEL = "gemini-3.5-flash"
TEXT = """the quick brown fox jumps over lazy dogs and answers every question with care in plain
words, that people read: naïve "quoted" lines and numbers 12 345 or commas, too."""
WORDS = [*TEXT.split(), "end.\n"]


def make(folder: Path, count: int) -> None:
    """A run of `count` rows: manifest, and the outputs of one job, shuffled."""
    from components.rows.canonical import key_of

    (folder / "prepared").mkdir(parents=True)
    out = folder / "predictions" / "job-1" / "prediction-model-2026-11-20T10:00:00.000000Z"
    out.mkdir(parents=True)
    draw = random.Random(7)
    texts = [" ".join(draw.choices(WORDS, k=220)) for _ in range(997)]
    keys = []
    with (folder / "prepared" / "manifest.jsonl").open("w", encoding="utf-8") as file:
        for number in range(count):
            keys.append(key_of(_request(number, texts), MODEL))
            row = {
                "row": number + 1,
                "id": f"q{number}",
                "model": MODEL,
                "wave": 0,
                "status": "ready",
                "reason": "",
                "key": keys[-1],
                "shard": "w000-gemini-3-5-flash-00000.jsonl",
                "source": "rows.csv",
                "line": number + 2,
            }
            file.write(json.dumps(row) + "\n")
    order = list(range(count))
    draw.shuffle(order)
    with (out / "predictions.jsonl").open("w", encoding="utf-8") as file:
        for number in order:
            line = _line(number, keys[number], texts)
            file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


def _request(number: int, texts: list[str]) -> dict[str, object]:
    text = f"Question {number}: {texts[number % 991][:900]}"
    return {"contents": [{"parts": [{"text": text}], "role": "user"}]}


def _line(number: int, key: str, texts: list[str]) -> dict[str, object]:
    details = [{"modality": "TEXT", "tokenCount": 200}]
    return {
        "key": key,
        "request": _request(number, texts),
        "status": "",
        "response": {
            "candidates": [
                {
                    "avgLogprobs": -0.21,
                    "content": {
                        "parts": [{"text": f"Answer {number}: {texts[number % 997]}"}],
                        "role": "model",
                    },
                    "finishReason": "STOP",
                    "score": -12.5,
                }
            ],
            "createTime": "2026-11-20T10:00:00.123456Z",
            "modelVersion": MODEL,
            "responseId": f"r{number:010d}",
            "usageMetadata": {
                "billablePromptUsage": {"textCount": 900},
                "candidatesTokenCount": 300,
                "candidatesTokensDetails": details,
                "promptTokenCount": 200,
                "promptTokensDetails": details,
                "totalTokenCount": 500,
                "trafficType": "ON_DEMAND",
            },
        },
        "processed_time": "2026-11-20T10:00:00.123456+00:00",
    }


def output_of(folder: Path) -> Path:
    """The one output file."""
    return next((folder / "predictions").rglob("predictions.jsonl"))


def decode(folder: Path) -> None:
    """The floor: every line through a typed decoder, texts included, nothing kept."""
    import msgspec

    part = msgspec.defstruct("Part", [("text", str, "")])
    content = msgspec.defstruct("Content", [("parts", list[part])])  # type: ignore[valid-type]
    candidate = msgspec.defstruct("Candidate", [("content", content), ("finishReason", str)])
    usage = msgspec.defstruct("Usage", [("promptTokenCount", int), ("candidatesTokenCount", int)])
    response = msgspec.defstruct(
        "Response",
        [("candidates", list[candidate]), ("usageMetadata", usage)],  # type: ignore[valid-type]
    )
    row = msgspec.defstruct("Row", [("key", str), ("status", str), ("response", response)])
    take = msgspec.json.Decoder(row).decode
    with output_of(folder).open("rb") as file:
        for line in file:
            take(line)


def ours(folder: Path) -> None:
    """The product."""
    from components.aggregate_results.predictions.aggregate import Options, aggregate_predictions

    summary = aggregate_predictions(
        str(folder), out_uri=str(folder / "ours"), options=Options(formats=("jsonl", "csv"))
    )
    if summary.ok != summary.rows or summary.lines != summary.rows:
        raise SystemExit(summary.headline)


def notebook(folder: Path) -> None:
    """Everything in memory."""
    blob = output_of(folder).read_bytes()
    answers = {}
    for line in blob.decode().split("\n"):
        if line:
            row = json.loads(line)
            answers[row["key"]] = row
    manifest = (folder / "prepared" / "manifest.jsonl").read_text().splitlines()
    with (
        (folder / "notebook.csv").open("w", newline="", encoding="utf-8") as table,
        (folder / "notebook.jsonl").open("w", encoding="utf-8") as lines,
    ):
        cells = csv.writer(table)
        for text in manifest:
            asked = json.loads(text)
            response = answers[asked["key"]]["response"]
            candidate, usage = response["candidates"][0], response["usageMetadata"]
            result = {
                "row": asked["row"],
                "id": asked["id"],
                "text": candidate["content"]["parts"][0]["text"],
                "finish_reason": candidate["finishReason"],
                "prompt_tokens": usage["promptTokenCount"],
                "output_tokens": usage["candidatesTokenCount"],
            }
            cells.writerow(result.values())
            lines.write(json.dumps(result, ensure_ascii=False) + "\n")


WAYS: dict[str, Callable[[Path], None]] = {"decode": decode, "ours": ours, "notebook": notebook}


def peak_mb() -> float:
    """Peak memory of this process and of the largest that it started.

    (ru_maxrss of itself would begin with that of its parent.)
    """
    status = Path("/proc/self/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    started = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return round((int(peak.split()[1]) + started) / 1024, 1)


def one(way: str, folder: Path) -> None:
    """Do it one way in this process and print the figures."""
    began = time.perf_counter()
    WAYS[way](folder)
    print(json.dumps({"seconds": time.perf_counter() - began, "peak_mb": peak_mb()}))


def measure(counts: list[int], skip: set[str], rounds: int) -> Iterator[dict[str, object]]:
    """The figures of every way for every number of rows: the least time, the most memory."""
    for count in counts:
        with tempfile.TemporaryDirectory(prefix="rows-bench-") as place:
            folder = Path(place)
            make(folder, count)
            size, many = output_of(folder).stat().st_size, count > 300_000
            ways = [way for way in WAYS if way not in skip and not (way == "notebook" and many)]
            ran = [(way, run(way, folder)) for _ in range(rounds) for way in ways]
            for way in ways:
                figures = [found for name, found in ran if name == way]
                best = {
                    "seconds": min(found["seconds"] for found in figures),
                    "peak_mb": max(found["peak_mb"] for found in figures),
                }
                yield {"rows": count, "bytes": size, "way": way, **best}


def run(way: str, folder: Path) -> dict[str, float]:
    """The figures of one way in a process of its own, with the input in the page cache."""
    shutil.rmtree(folder / "ours", ignore_errors=True)
    with output_of(folder).open("rb") as file:
        while file.read(1024 * 1024):
            pass
    told = subprocess.run(
        [sys.executable, __file__, "--one", way, str(folder)], stdout=subprocess.PIPE, check=True
    )
    return dict(json.loads(told.stdout))


def verdicts(found: dict[tuple[str, int], dict[str, object]]) -> Iterator[tuple[str, float, float]]:
    """What is held to: in words, the figure, and the most that it may be."""

    def figure(way: str, count: int, name: str) -> float:
        return float(str(found[way, count][name]))

    few, many = 200_000, 1_000_000
    ways = {way for way, count in found if count == few}
    if {"ours", "decode"} <= ways:
        ratio = figure("ours", few, "seconds") / figure("decode", few, "seconds")
        yield "times the typed decode", ratio, 5.0
        yield "MB", figure("ours", few, "peak_mb"), 400.0
    if {"ours", "notebook"} <= ways:
        ratio = figure("ours", few, "seconds") / figure("notebook", few, "seconds")
        yield "times the notebook's way", ratio, 0.2
    if ("ours", many) in found and "ours" in ways:
        for name, most in (("seconds", 5.5), ("peak_mb", 1.5)):
            ratio = figure("ours", many, name) / figure("ours", few, name)
            yield f"times the {name} for 5 times the rows", ratio, most


def main() -> int:
    """Run and print; returns 1 where a limit was passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[200_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--skip-notebook", action="store_true")
    parser.add_argument("--one", nargs=2, metavar=("WAY", "FOLDER"))
    options = parser.parse_args()
    if options.one:
        one(options.one[0], Path(options.one[1]))
        return 0
    floor, skip = 1.0, {"notebook"} if options.skip_notebook else set()
    found: dict[tuple[str, int], dict[str, object]] = {}
    for figures in measure(options.rows, skip, options.rounds):
        found[str(figures["way"]), int(str(figures["rows"]))] = figures
        if options.json:
            print(json.dumps(figures), flush=True)
            continue
        if figures["way"] == "decode":
            floor = float(str(figures["seconds"]))
        seconds = float(str(figures["seconds"]))
        print(
            f"{figures['rows']:>9,} rows, {int(str(figures['bytes'])) / 1e6:,.0f} MB  "
            f"{figures['way']:<9} {seconds:7.2f} s  {seconds / floor:5.1f} x  "
            f"{figures['peak_mb']:8.0f} MB",
            flush=True,
        )

    over = 0
    for words, figure, most in verdicts(found):
        over += figure > most
        print(
            f"{figure:9.2f} {words}, limit {most:g}{'   OVER THE LIMIT' if figure > most else ''}"
        )
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
