"""From rows to answers, with faults: what is drawn from a seed, and what is checked."""

from __future__ import annotations

import json
import random
import traceback
import urllib.request
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.aggregate_results.predictions.judge import STATUSES
from components.batch_predict.book import from_text
from components.storage import files
from emulator.vertex.batch_jobs_book import FINAL
from tests.batch_predict import seeded_rows
from tests.batch_predict.seeded_rows import Drawn, check_results, check_sendings, read_lines
from tests.chaos.playing import (
    BUCKET,
    Platform,
    PromiseBrokenError,
    Strike,
    Told,
    drawn_trouble,
    run_folder,
)

PIPELINE = "batch-prediction"

CALLS = ("vertex.CreateBatchPredictionJob", "vertex.GetBatchPredictionJob",
         "vertex.ListBatchPredictionJobs", "storage.insert", "storage.get",
         "storage.list")  # fmt: skip
CANCEL_AT = ("vertex.CreateBatchPredictionJob", "vertex.GetBatchPredictionJob")
UPTO = 80


@dataclass
class Run:
    """What is in store for one seed: a table with its troubles, and those of calls and steps."""

    rows: Drawn
    trouble: Told


def drawn(seed: int) -> Run:
    """Draw a run."""
    rng = random.Random(f"rows {seed}")
    rows = seeded_rows.drawn(seed)
    if rows.job == "stuck":
        rows.settings["deadline_s"] = 1.5
    trouble = drawn_trouble(rng, CALLS, upto=UPTO, cancel_at=CANCEL_AT)
    if rows.job == "stuck" and rng.random() < 0.5:
        trouble.strikes.append(
            Strike("vertex.GetBatchPredictionJob", rng.randint(1, 4), kill=False)
        )
    return Run(rows, trouble)


def play(platform: Platform, seed: int) -> None:
    """One run from its table to its results.

    Raises:
        PromiseBrokenError: it broke a promise.
    """
    told, emulator = drawn(seed), platform.emulator
    where = {"project": emulator.project, "location": "us-central1"}
    files.write_text(f"{BUCKET}/chaos/sources/{seed}.csv", told.rows.table())
    vertex = f"{emulator.urls['vertex']}/_emulator"
    for what in ("prediction_scenarios", "predictions"):
        platform.post(f"{vertex}/{what}")
    for scenario in told.rows.scenarios():
        platform.post(f"{vertex}/prediction_scenarios", scenario)
    before = set(held(platform))

    def steps(place: Mapping[str, Any]) -> None:
        options = json.dumps({"max_shard_requests": 3})
        more = {"source": f"{BUCKET}/chaos/sources/{seed}.csv", "options": options,
                "count_tokens": seed % 2 == 0, "max_failed_ratio": 1.0}  # fmt: skip
        platform.step("prepare-the-requests", {**place, **where, **more})
        hours = told.rows.settings.get("deadline_s", 600.0) / 3600
        more = {"deadline_hours": hours, "max_failed_ratio": 1.0}
        platform.step("batch-predict", {**place, **where, **more})

    state = platform.play(PIPELINE, seed, told.trouble, steps, "collect-the-answers")
    made = {name: job for name, job in held(platform).items() if name not in before}
    platform.happened.counts["jobs made"] += len(made)
    with urllib.request.urlopen(f"{vertex}/predictions") as answer:
        sent_again = json.load(answer)["sent_again"]
    check(told.rows, run_folder(PIPELINE, seed), list(made.values()), sent_again, state)


def held(platform: Platform) -> dict[str, dict[str, Any]]:
    """All prediction jobs that the stand-in holds, by its own files."""
    folder = platform.state / "predictions"
    return {path.name: json.loads(path.read_text()) for path in folder.rglob("*.json")}


def check(
    told: Drawn, folder: str, made: list[dict[str, Any]], sent_again: int, state: str
) -> None:
    """What every run promises.

    Raises:
        PromiseBrokenError: it is not so.
    """
    twice = [n for n, times in Counter(j["spec"]["displayName"] for j in made).items() if times > 1]
    if twice:
        raise PromiseBrokenError(f"two jobs for the same work: {twice}")
    left = [f"{job['id']} is {job['state']}" for job in made
            if job["state"] not in FINAL and not job["deleted"]]  # fmt: skip
    if left:
        raise PromiseBrokenError(f"left running: {left}")
    if "</html>" not in files.read_text(f"{folder}/report.html"):
        raise PromiseBrokenError("the report is no whole page")
    if state == "FAILED":
        raise PromiseBrokenError("failed, and nothing stood in its way")
    if not files.exists(f"{folder}/prepared/plan.json"):
        if state != "CANCELLED":
            raise PromiseBrokenError("nothing was prepared")
        return
    summary = json.loads(files.read_text(f"{folder}/results_summary.json"))
    if files.exists(f"{folder}/predictions.json"):
        from_text(files.read_text(f"{folder}/predictions.json"))
    elif made or state != "CANCELLED":
        raise PromiseBrokenError("there is no ledger")
    try:
        check_sendings([job["spec"] for job in made], told, folder, sent_again)
        results = read_lines(f"{folder}/results.jsonl")
        counts = {status: summary[status] for status in STATUSES}
        check_results(results, counts, told, folder, stopped=state == "CANCELLED")
    except AssertionError as broken:
        where = traceback.extract_tb(broken.__traceback__)[-1]
        raise PromiseBrokenError(f"{where.line} {str(broken)[:3000]}") from broken
