"""Whole runs of rows drawn from a seed: the table, what goes wrong, and what must be true after it.

The stand-in's answers follow from what it is asked, so that an answer at the wrong row shows.
Shared by the seeded runs of the predicting step and by the fault campaign.
"""

from __future__ import annotations

import csv
import io
import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from components.aggregate_results.predictions.judge import STATUSES
from components.rows.references import substituted
from components.storage import files
from emulator.faults import Fault
from emulator.vertex.unscripted import unscripted

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

    def table(self) -> str:
        """The rows as CSV."""
        text = io.StringIO(newline="")
        out = csv.DictWriter(text, self.rows[0])
        out.writeheader()
        out.writerows(self.rows)
        return text.getvalue()

    def scenarios(self) -> list[dict[str, Any]]:
        """What the stand-in is told to do with rows and jobs."""
        told = [{**each, "match": f": {w}"} for w, each in {**PASSING, **FINAL}.items()]
        job, _ = JOBS[self.job]
        if job:
            told.append({**job, "display_name": FIRST})
        return [*told, {"kind": "echo", **self.echo}]


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


def check_sendings(specs: Sequence[dict[str, Any]], told: Drawn, uri: str, sent_again: int) -> None:
    """No job twice, no request more than three times, and only those again that had no answer.

    Args:
        specs: of all jobs that the stand-in holds.
        told: what was drawn.
        uri: the run folder.
        sent_again: how many rows the stand-in was sent again as they were.
    """
    ours = [spec for spec in specs if f"{uri}/" in spec["inputConfig"]["gcsSource"]["uris"][0]]
    assert max(Counter(spec["displayName"] for spec in ours).values(), default=1) == 1
    sent = Counter(
        line["key"]
        for spec in ours
        for line in read_lines(spec["inputConfig"]["gcsSource"]["uris"][0])
    )
    assert max(sent.values(), default=1) <= 3
    # Changed requests are other requests to the stand-in; these are sent as they were.
    again = {row["prompt"] for row, words in zip(told.rows, told.words, strict=True)
             if words in ("busy", "lost")}  # fmt: skip
    torn = sum("-a1-" in spec["displayName"] for spec in ours) if told.job == "torn" else 0
    assert sent_again <= len(again) + torn


def check_results(
    results: Sequence[dict[str, Any]], counts: dict[str, int], told: Drawn, uri: str, *,
    stopped: bool = False,
) -> None:  # fmt: skip
    """Each row has its own answer, or a reason why not.

    Args:
        results: the lines of results.jsonl.
        counts: of rows by status, as the summary tells them.
        told: what was drawn.
        uri: the run folder.
        stopped: whether the run may have ended before all was sent.
    """
    assert [result["row"] for result in results] == [*range(1, 1 + len(told.rows))]
    statuses = Counter(result["status"] for result in results)
    assert counts == {name: statuses[name] for name in STATUSES}
    asked = requests_by_key(uri)
    keys = {line["row"]: line["key"] for line in read_lines(manifest_of(uri))}
    for number, result in enumerate(results, start=1):
        if result["status"] != "ok":
            assert result["reason"], result
            assert stopped or JOBS[told.job][1] or not told.is_answered(number), result
            continue
        assert told.is_answered(number), result
        texts = {str(n): other["text"] for n, other in enumerate(results, start=1)}
        prompt = substituted(told.rows[number - 1]["prompt"], texts)
        requests = asked[keys[number]]
        assert {words_of(request) for request in requests} == {prompt}
        answers = {answer_to(request) for request in requests}
        assert result["text"] in answers, (result["text"], answers)


def manifest_of(uri: str) -> str:
    """The manifest that knows most."""
    resolved = list(files.list_uris(f"{uri}/prepared/resolved"))
    return resolved[-1] if resolved else f"{uri}/prepared/manifest.jsonl"


def requests_by_key(uri: str) -> dict[str, list[dict[str, Any]]]:
    """What was sent for each key."""
    if not files.exists(f"{uri}/predictions.json"):
        return {}
    ledger = json.loads(files.read_text(f"{uri}/predictions.json"))
    found: dict[str, list[dict[str, Any]]] = {}
    for job in ledger["jobs"]:
        for line in read_lines(f"{uri}/prepared/shards/{job['shard']}"):
            found.setdefault(line["key"], []).append(line["request"])
    return found


def read_lines(uri: str) -> list[dict[str, Any]]:
    """The objects of a JSONL file."""
    return [json.loads(line) for line in files.read_text(uri).splitlines()]


def words_of(request: dict[str, Any]) -> str:
    return str(request["contents"][0]["parts"][0]["text"])


def answer_to(request: dict[str, Any]) -> str:
    """What the stand-in says to a request."""
    return str(unscripted(request).parts[0]["text"])
