"""From words to a finished job, with faults: what is drawn from a seed, and what is checked."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from components.aggregate_results.outcomes import OUTCOMES
from components.batch.rerun_marks import marked_indexes
from components.storage import files
from components.supervision import ledger as ledgers
from components.supervision.ledger import Ledger
from emulator.batch.jobs import FINAL
from tests.chaos.playing import (
    Platform,
    PromiseBrokenError,
    Strike,
    Told,
    drawn_trouble,
    run_folder,
)

PIPELINE = "intent-to-batch"
ECHO = ("Run `echo hello ${{BATCH_TASK_INDEX}}` as {tasks} tasks, at most {at_once} at once, "
        "spot is fine, retry each up to 2 times.")  # fmt: skip
ONCE = ECHO.replace("retry each up to 2 times", "no retries")  # a further round makes it good
FAILS = "Run `test ${{BATCH_TASK_INDEX}} -ne 1` as {tasks} tasks, at most {at_once} at once."
LONG = "Run `sleep 900` as {tasks} tasks, at most {at_once} at once, 20 minutes at most."
OPEN = "Run my model on the data."
CALLS = ("batch.CreateJob", "batch.GetJob", "batch.CancelJob", "batch.ListTasks", "storage.insert",
         "storage.get", "logging.ListLogEntries")  # fmt: skip
UPTO = 30


@dataclass
class Run:
    """What is in store for one seed.

    Attributes:
        intent: the words.
        tasks: how many tasks they ask for; 0: they are not clear.
        dry: whether it is only shown.
        rounds: how many further jobs may make good what failed.
        scenarios: what goes wrong with tasks and the job.
        trouble: with calls and steps.
    """

    intent: str
    tasks: int = 0
    dry: bool = False
    rounds: int = 0
    scenarios: list[dict[str, Any]] = field(default_factory=list)
    trouble: Told = field(default_factory=Told)


def drawn(seed: int) -> Run:
    """Draw a run."""
    rng = random.Random(f"words {seed}")
    tasks = rng.randint(1, 6)
    trouble = drawn_trouble(
        rng, CALLS, upto=UPTO, cancel_at=("batch.CreateJob", "batch.GetJob", "batch.GetJob")
    )
    text = rng.choice((ECHO, ECHO, ECHO, ECHO, FAILS, OPEN if rng.random() < 0.3 else ECHO))
    if rng.random() < 0.15:
        text = LONG
        # Nothing else would end it.
        trouble.strikes = [s for s in trouble.strikes if s.kill]
        trouble.strikes.append(Strike("batch.GetJob", rng.randint(2, 5), kill=False))
    at_once = rng.randint(1, tasks)
    run = Run(text.format(tasks=tasks, at_once=at_once), tasks, trouble=trouble)
    if text is OPEN:
        run.tasks = 0
    if text is ECHO:
        run.scenarios = _scenarios(rng, tasks)
        run.dry = rng.random() < 0.05
        # Drawn apart, so that all other seeds stay as they are.
        apart = random.Random(f"rounds {seed}")
        if not run.dry and apart.random() < 0.2:
            run.intent, run.rounds = ONCE.format(tasks=tasks, at_once=at_once), 2
            kind = apart.choice(("preempt_task", "vanish_vm"))
            run.scenarios.append({"kind": kind, "task": apart.randrange(tasks), "attempt": 0})
    return run


def _scenarios(rng: random.Random, tasks: int) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    for kind in ("preempt_task", "vanish_vm"):
        if rng.random() < 0.4:
            when = rng.choice(("start", "running", "after:0"))
            attempts = range(rng.choice((1, 1, 2)))
            task = rng.randrange(tasks)
            told += [{"kind": kind, "task": task, "attempt": n, "when": when} for n in attempts]
    if rng.random() < 0.4:
        state = rng.choice(("QUEUED", "SCHEDULED", "RUNNING"))
        told.append({"kind": "delay_state", "state": state, "calls": rng.randint(1, 3)})
    rare = rng.random()
    if rare < 0.04:
        told.append({"kind": "quota_fail"})
    elif rare < 0.08:
        told.append({"kind": "delete_job", "calls": 2})
    return told


def play(platform: Platform, seed: int) -> None:
    """One run from its words to its report.

    Raises:
        PromiseBrokenError: it broke a promise.
    """
    told, emulator = drawn(seed), platform.emulator
    before = {job.uid for job in emulator.batch.book.everything()}
    scenarios = f"{emulator.urls['batch']}/_emulator/scenarios"
    for scenario in told.scenarios:
        platform.post(scenarios, {"job_id": "*", **scenario})

    def steps(place: Mapping[str, Any]) -> None:
        platform.step("read-the-intent", {"intent": told.intent, "intent_uri": "",
                                          "reader": "offline", **place})  # fmt: skip
        job = str(platform.outputs("read-the-intent") / "job")
        platform.step("check-the-job", place, {"job": job})
        job = str(platform.outputs("check-the-job") / "checked_job")
        go = platform.step("decide-submission", {**place, "dry_run": told.dry})
        more = {"project": emulator.project, "region": "", "dry_run": not go,
                "adapt_rounds": told.rounds}  # fmt: skip
        platform.step("submit-batch-job", {**place, **more}, {"job": job})

    try:
        state = platform.play(PIPELINE, seed, told.trouble, steps, "aggregate-results")
    finally:
        platform.post(scenarios)
    made = [job for job in emulator.batch.book.everything() if job.uid not in before]
    platform.happened.counts["jobs made"] += len(made)
    platform.happened.counts["further rounds"] += max(0, len(made) - 1)
    _count(platform, made)
    check(told, run_folder(PIPELINE, seed), made, state)


def _count(platform: Platform, made: list[Any]) -> None:
    """How often what was drawn for tasks really hit."""
    for job in made:
        codes = [event.code for task in job.tasks.values() for event in task.events]
        for what, code in (("preempted tasks", 50001), ("vanished VMs", 50002)):
            platform.happened.counts[what] += codes.count(code)


def check(told: Run, folder: str, made: list[Any], state: str) -> None:
    """What every run promises.

    Raises:
        PromiseBrokenError: it is not so.
    """
    names = [job.name for job in made]
    if len(names) > 1 + told.rounds or len(set(names)) < len(names):
        raise PromiseBrokenError(f"{len(made)} jobs for one run: {names}")
    left = [f"{job.name} is {job.state}" for job in made if not _is_over(job)]
    if left:
        raise PromiseBrokenError(f"left running: {left}")
    summary = json.loads(files.read_text(f"{folder}/summary.json"))
    if summary["outcome"] not in OUTCOMES or summary["outcome"] == "unfinished":
        raise PromiseBrokenError(f"the report tells the outcome {summary['outcome']!r}")
    if "</html>" not in files.read_text(f"{folder}/report.html"):
        raise PromiseBrokenError("the report is no whole page")
    lives = _lives(folder, told.rounds)
    if not lives:
        if made:
            raise PromiseBrokenError("a job was made, and no ledger tells of it")
        if state == "SUCCEEDED":
            raise PromiseBrokenError("the run succeeded without a job")
        return
    for job in made:
        _check_job(job, lives)
    _check_tasks(made, folder)
    _check_end(told, _outcome(folder, list(lives.values())), state, summary)


def _lives(folder: str, rounds: int) -> dict[str, Ledger]:
    """The ledgers of the first job and of its rounds, by the ids of their jobs."""
    places = [f"{folder}/submission.json"]
    places += [f"{folder}/rounds/{number}/submission.json" for number in range(1, rounds + 1)]
    found = [ledgers.from_text(files.read_text(p)) for p in places if files.exists(p)]
    return {str(ledger.request["job_id"]): ledger for ledger in found}


def _outcome(folder: str, lives: list[Ledger]) -> str | None:
    """How all jobs together ended; a round that was not made does not count."""
    made = [lives[0], *(ledger for ledger in lives[1:] if ledger.job_name)]
    outcome = made[-1].outcome
    if len(made) > 1 and outcome == "succeeded":
        rounds = json.loads(files.read_text(f"{folder}/rounds.json"))["rounds"]
        return "failed" if rounds[len(made) - 2]["given_up"] else outcome
    return outcome


def _is_over(job: Any) -> bool:
    return job.deleted or job.state in FINAL or job.state == "DELETION_IN_PROGRESS"


def _check_job(job: Any, lives: dict[str, Ledger]) -> None:
    wanted = {"SUCCEEDED": "succeeded", "FAILED": "failed", "CANCELLED": "cancelled"}
    if job.job_id not in lives:
        raise PromiseBrokenError(f"no ledger tells of {job.name}")
    outcome = lives[job.job_id].outcome
    if not _is_gone(job) and outcome != wanted[job.state]:
        raise PromiseBrokenError(f"the job is {job.state}, the ledger says {outcome}")


def _is_gone(job: Any) -> bool:
    """By someone else, perhaps only after its end was seen."""
    return job.deleted or job.state == "DELETION_IN_PROGRESS"


def _check_tasks(made: list[Any], folder: str) -> None:
    """What succeeded never runs again, and the table tells each task as its last job left it."""
    true: dict[int, str] = {}
    for job in sorted(made, key=lambda job: job.created_ns):
        count = job.task_count
        indexes = marked_indexes({"taskGroups": [job.group]}) or range(count)
        again = [index for index in indexes if true.get(index) == "SUCCEEDED"]
        if again:
            raise PromiseBrokenError(f"{job.name} runs {again} again, which had succeeded")
        for place, index in enumerate(indexes):
            true[index] = job.tasks[place].state if place in job.tasks else job.idle
    if not made or any(_is_gone(job) for job in made):
        return
    rows = [json.loads(line) for line in files.read_text(f"{folder}/tasks.jsonl").splitlines()]
    told = {row["index"]: row["state"] for row in rows}
    if told != true or len(rows) != len(true):
        raise PromiseBrokenError(f"the table tells {told}, the tasks are {true}")


def _check_end(told: Run, outcome: str | None, state: str, summary: dict[str, Any]) -> None:
    if summary["outcome"] != (outcome or "unfinished"):
        raise PromiseBrokenError(f"the report says {summary['outcome']}, the ledger {outcome}")
    good = ("dry_run",) if told.dry else ("succeeded",)
    if (state == "SUCCEEDED") != (outcome in good) and state != "CANCELLED":
        raise PromiseBrokenError(f"the run ended as {state}, its ledger as {outcome}")
    hurt = {each["kind"] for each in told.scenarios} & {"quota_fail", "delete_job"}
    may = told.tasks and "test" not in told.intent and not hurt and not told.rounds
    if may and state == "FAILED":
        raise PromiseBrokenError(
            f"failed, and nothing stood in its way: {outcome} ({summary['headline']})"
        )
