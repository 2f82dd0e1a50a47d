"""Twenty runs drawn from seeds, through real HTTP and real processes, from a table to its results.

Rows are prepared, predicted by processes that are killed and started again, and aggregated. What
goes wrong is drawn: with rows, jobs and calls. The stand-in's answers follow from what it is asked,
so that an answer at the wrong row shows. A failing seed alone:

    SEEDED_RUN=13 .venv/bin/pytest -n 0 -s tests/batch_predict/test_seeded_runs.py
"""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from components.aggregate_results.predictions.aggregate import Options, aggregate_predictions
from components.aggregate_results.predictions.judge import STATUSES
from components.prepare_requests.prepare import prepare
from components.prepare_requests.settings import Settings
from components.rows.references import substituted
from components.storage import files
from emulator.faults import Fault
from emulator.vertex.unscripted import unscripted
from tests.batch_predict.conftest import BUCKET, Run, read_lines

SEEDS = range(20)
GROUP = 5
ALONE = os.environ.get("SEEDED_RUN", "")
SCRIPT = Path(__file__).with_name("seeded_step.py")
ROOT = SCRIPT.parents[2]
MODELS = ("gemini-3.5-flash", "gemini-3.8-flash")
FIRST = "*-a1-????????????????"  # the display names of first sendings

# Words of a prompt -> the scenario that they call for. Those of a first sending pass.
PASSING = {
    "busy": {"kind": "error", "code": 429, "display_name": FIRST},
    "lost": {"kind": "missing", "display_name": FIRST},
    "doubled": {"kind": "duplicate", "times": 2},
    "garbled": {"kind": "broken_json", "display_name": FIRST},
}
FINAL = {
    "blocked": {"kind": "blocked"},
    "recited": {"kind": "finish", "reason": "RECITATION"},
    "refused": {"kind": "error", "code": 400},
    "silent": {"kind": "empty"},
}
# The stand-in repeats the beginning of a prompt, which must not call for the same once more.
PREAMBLE = "Tell us in one short sentence what you make of this case, please; it is number"
WORDS = (*("plain",) * 6, "cut", *PASSING, *FINAL)
# What may happen to the jobs of a first sending, and whether rows may go without an answer of it.
JOBS: dict[str, tuple[dict[str, Any], bool]] = {
    "EXPIRED": ({"kind": "end", "state": "EXPIRED", "share": 0.5}, False),
    "PARTIALLY_SUCCEEDED": (
        {"kind": "end", "state": "PARTIALLY_SUCCEEDED", "share": 0.5}, False,
    ),
    "FAILED 13": ({"kind": "end", "state": "FAILED", "share": 0.5, "code": 13}, False),
    "FAILED 3": ({"kind": "end", "state": "FAILED", "code": 3}, True),
    "CANCELLED": ({"kind": "end", "state": "CANCELLED", "share": 0.5}, True),
    "gone": ({"kind": "gone", "calls": 2}, True),
    "stuck": ({"kind": "stuck", "state": "PENDING"}, True),
    "slow": ({"kind": "delay_state", "state": "PAUSED", "calls": 3}, False),
    "split": ({"kind": "split", "files": 2, "errors": True}, False),
    "torn": ({"kind": "torn"}, False),
    "foreign": ({"kind": "foreign", "count": 2}, False),
    "": ({}, False),
}  # fmt: skip
# In turn, so that each is among those of some seed.
CALLS = [
    Fault(f"vertex.{call}BatchPredictionJob{'s' * (call == 'List')}", nth, kind=kind, status=status)
    for kind, status in (("lose_reply", 503), ("drop", 503), ("status", 503), ("status", 429))
    for call, nth in (("Create", 1), ("Get", 2), ("List", 1))
]


@dataclass
class Drawn:
    """What is in store for one seed.

    Attributes:
        rows: the table, a dict a row.
        words: of each row: what is to happen to it.
        needs: of each row: the number of the row whose answer it needs, or 0.
        job: what happens to jobs, a key of JOBS.
        calls: faults of calls.
        kills: behind which call each of the first processes dies.
    """

    rows: list[dict[str, str]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    needs: list[int] = field(default_factory=list)
    job: str = ""
    calls: list[Fault] = field(default_factory=list)
    kills: list[int] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    echo: dict[str, Any] = field(default_factory=dict)

    def is_answered(self, row: int) -> bool:
        """Whether a row has to get an answer, if its job does not forbid it."""
        need = self.needs[row - 1]
        return self.words[row - 1] not in FINAL and (not need or self.is_answered(need))


def drawn(seed: int) -> Drawn:
    """Draw a run. Jobs come in turn, so that twenty seeds see them all."""
    rng = random.Random(seed)
    run = Drawn(job=list(JOBS)[seed % len(JOBS)])
    for number in range(1, rng.randint(4, 9)):
        like = rng.randrange(len(run.rows)) if number > 2 and rng.random() < 0.25 else -1
        if like >= 0:  # one request for both
            run.rows.append(run.rows[like])
            run.words.append(run.words[like])
            run.needs.append(run.needs[like])
            continue
        words, need = rng.choice(WORDS), rng.choice((0, 0, rng.randrange(number)))
        prompt = f"{PREAMBLE} {number}: {words}" + (f", after ${{output.{need}}}" if need else "")
        run.rows.append({
            "prompt": prompt, "model": rng.choice(MODELS),
            "max_output_tokens": "20" if words == "cut" else "",
            "response_mime_type": "application/json" if words == "garbled" else "",
        })  # fmt: skip
        run.words.append(words)
        run.needs.append(need)
    run.calls = [CALLS[seed % len(CALLS)], *rng.sample(CALLS, 1)][
        : rng.randint(int(seed < len(CALLS)), 2)
    ]
    run.kills = [rng.randint(1, 40) for _ in range(rng.randint(0, 2))]
    run.settings = {"jobs_at_once": rng.choice((0, 1)), "requests_max": rng.choice((2, 100))}
    if run.job == "stuck":
        run.settings["deadline_s"] = 1.5
    run.echo = {"keys": rng.random() < 0.5, "nulls": rng.random() < 0.5,
                "order": rng.choice(("new", "old"))}  # fmt: skip
    return run


@pytest.mark.parametrize("first", range(0, len(SEEDS), GROUP))
def test_every_row_is_accounted_for(run: Run, tmp_path: Path, first: int) -> None:
    with steps() as step:
        for seed in SEEDS[first : first + GROUP]:
            if ALONE in ("", str(seed)):
                try:
                    play(run, tmp_path, drawn(seed), f"run-{seed}", step)
                except AssertionError as broken:
                    broken.add_note(f"repeat with SEEDED_RUN={seed}")
                    raise


def test_the_seeds_draw_everything() -> None:
    runs = [drawn(seed) for seed in SEEDS]
    assert {run.job for run in runs} == JOBS.keys()
    assert {words for run in runs for words in run.words} == set(WORDS)
    assert {fault for run in runs for fault in run.calls} == set(CALLS)
    assert sum(bool(run.kills) for run in runs) > 5
    assert sum(any(run.needs) for run in runs) > 5
    assert sum(len(run.rows) > len({row["prompt"] for row in run.rows}) for run in runs) > 5


@contextmanager
def steps() -> Iterator[subprocess.Popen[str]]:
    """Processes of the step, begun by lines."""
    with subprocess.Popen(
        [sys.executable, str(SCRIPT)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as step:
        yield step
        assert step.stdin is not None
        step.stdin.close()


def play(run: Run, folder: Path, told: Drawn, name: str, step: subprocess.Popen[str]) -> None:
    """One run from its table to its results, and whether it kept its promises."""
    table, uri = folder / f"{name}.csv", f"{BUCKET}/seeded/{name}"
    with table.open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, told.rows[0])
        out.writeheader()
        out.writerows(told.rows)
    prepare([str(table)], uri, Settings(max_shard_requests=3))
    trouble(run, told)
    for kill in [*told.kills, 0]:
        ended = attempt(step, {"run": uri, "kill": kill, "settings": told.settings})
        assert ended in ((0, signal.SIGKILL) if kill else (0,))
    run.emulator.faults.clear()
    nothing_was_sent_without_need(run, told, uri)
    rows_in_are_rows_out(folder, told, uri)


def trouble(run: Run, told: Drawn) -> None:
    """Let go wrong what was drawn, and count anew."""
    for what in ("prediction_scenarios", "predictions"):
        url = f"{run.vertex_url}/_emulator/{what}"
        urllib.request.urlopen(urllib.request.Request(url, method="DELETE")).close()
    for words, scenario in {**PASSING, **FINAL}.items():
        run.scenario(**scenario, match=f": {words}")
    job, _ = JOBS[told.job]
    if job:
        run.scenario(**job, display_name=FIRST)
    run.scenario("echo", **told.echo)
    for fault in told.calls:
        run.emulator.faults.add(fault)


def attempt(step: subprocess.Popen[str], told: dict[str, Any]) -> int:
    assert step.stdin is not None
    assert step.stdout is not None
    step.stdin.write(json.dumps(told) + "\n")
    step.stdin.flush()
    return int(step.stdout.readline())


def nothing_was_sent_without_need(run: Run, told: Drawn, uri: str) -> None:
    """No job twice, no request more than three times, and only those again that had no answer."""
    jobs = [job["spec"] for job in run.held()]
    ours = [spec for spec in jobs if f"{uri}/" in spec["inputConfig"]["gcsSource"]["uris"][0]]
    assert max(Counter(spec["displayName"] for spec in ours).values()) == 1
    sent = Counter(
        line["key"]
        for spec in ours
        for line in read_lines(spec["inputConfig"]["gcsSource"]["uris"][0])
    )
    assert max(sent.values()) <= 3
    # Changed requests are other requests to the stand-in; these are sent as they were.
    again = {row["prompt"] for row, words in zip(told.rows, told.words, strict=True)
             if words in ("busy", "lost")}  # fmt: skip
    torn = sum("-a1-" in spec["displayName"] for spec in ours) if told.job == "torn" else 0
    with urllib.request.urlopen(f"{run.vertex_url}/_emulator/predictions") as answer:
        assert json.load(answer)["sent_again"] <= len(again) + torn


def rows_in_are_rows_out(folder: Path, told: Drawn, uri: str) -> None:
    """Each row has its own answer, or a reason why not."""
    out = str(folder / uri.rpartition("/")[2])
    summary = aggregate_predictions(uri, out_uri=out, options=Options(formats=("jsonl",)))
    results = read_lines(f"{out}/results.jsonl")
    assert [result["row"] for result in results] == [*range(1, 1 + len(told.rows))]
    statuses = Counter(result["status"] for result in results)
    assert {name: getattr(summary, name) for name in STATUSES} == {
        name: statuses[name] for name in STATUSES
    }
    asked = requests_by_key(uri)
    manifest = "resolved" if any(told.needs) else "manifest"
    keys = {line["row"]: line["key"] for line in read_lines(f"{uri}/prepared/{manifest}.jsonl")}
    for number, result in enumerate(results, start=1):
        if result["status"] != "ok":
            assert result["reason"], result
            assert JOBS[told.job][1] or not told.is_answered(number), result
            continue
        assert told.is_answered(number), result
        texts = {str(n): other["text"] for n, other in enumerate(results, start=1)}
        prompt = substituted(told.rows[number - 1]["prompt"], texts)
        requests = asked[keys[number]]
        assert {words_of(request) for request in requests} == {prompt}
        assert result["text"] in {answer_to(request) for request in requests}


def requests_by_key(uri: str) -> dict[str, list[dict[str, Any]]]:
    """What was sent for each key."""
    ledger = json.loads(files.read_text(f"{uri}/predictions.json"))
    found: dict[str, list[dict[str, Any]]] = {}
    for job in ledger["jobs"]:
        for line in read_lines(f"{uri}/prepared/shards/{job['shard']}"):
            found.setdefault(line["key"], []).append(line["request"])
    return found


def words_of(request: dict[str, Any]) -> str:
    return str(request["contents"][0]["parts"][0]["text"])


def answer_to(request: dict[str, Any]) -> str:
    """What the stand-in says to a request."""
    return str(unscripted(request).parts[0]["text"])
