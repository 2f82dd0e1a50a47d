"""Submit a job and see it through; what fails for a reason that a change may mend runs again.

Each round is a job of its own with a ledger of its own, supervised like the first. What was decided
is written to `rounds.json` before a round's job is made, so that a process that takes the run up
goes on with the same round and decides nothing twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from components.batch.diagnosis import Cause
from components.batch.look_into import look_at
from components.batch.names import JobNames
from components.batch.policy import CostOf
from components.batch.rules.view import JobView
from components.batch.service import Service, live_service, told_by_service
from components.batch.task_rows import rows_of
from components.config.check import Against, validate_bytes
from components.errors import InputError
from components.rounds.adapt import Adapt, Decision, Ended, decide
from components.rounds.following import NextRound, next_round, over_all
from components.rounds.gather import Series, gather
from components.rounds.payload import Choices
from components.storage import files
from components.storage.uris import is_gcs, join
from components.submit_batch_job.submit import Waiting, submit_and_watch, submit_named
from components.supervision.clock import stopping_clock
from components.supervision.ledger import Ledger
from components.tables.formats import plural, ranges

ROUNDS_FILE = "rounds.json"
VERSION = 1


@dataclass(frozen=True)
class Bounds:
    """What holds the rounds.

    Attributes:
        adapt: how far the job may be changed, and how often.
        against: rules and policy that each changed job is held to.
        cost_of: what a job costs at worst.
        max_cost_usd: what all rounds may cost together at worst; 0 sets no limit.
        choices: what a person says of the job's images.
    """

    adapt: Adapt
    against: Against
    cost_of: CostOf
    max_cost_usd: float = 0.0
    choices: Choices = field(default_factory=Choices)


@dataclass(frozen=True)
class Planned:
    """A round as it stands in rounds.json.

    Attributes:
        number: from 1.
        job: what is submitted.
        base: the first job with all changes so far, without what tells tasks their index.
        names: what names the round's job.
        indexes: which tasks of the first job run.
        given_up: which have not succeeded and do not run again.
        why: what was found and changed, a sentence each.
        changes: as data.
        preempted: how often the most unlucky task was preempted in the round before.
        machine: machine type of the round before.
    """

    number: int
    job: dict[str, Any]
    base: dict[str, Any]
    names: dict[str, Any]
    indexes: list[int]
    given_up: list[int]
    why: list[str]
    changes: list[dict[str, Any]]
    preempted: int = 0
    machine: str = ""


@dataclass(frozen=True)
class Adapted:
    """How it ended.

    Attributes:
        ledger: of the last round, or of the first job; its outcome is that of all of them.
        rounds: what was run again.
    """

    ledger: Ledger
    rounds: Sequence[Planned] = ()


def submit_and_adapt(
    job: Mapping[str, Any],
    *,
    project: str,
    region: str,
    run: str,
    ledger_uri: str,
    dry_run: bool = False,
    made_before: bool = False,
    waiting: Waiting,
    bounds: Bounds | None = None,
) -> Adapted:
    """Submit a job, follow it, and run again with changes what they may mend.

    Called again with the same run, job and ledger it takes the last round up where it stands.

    Args:
        job: the Batch v1 Job, JSON in camelCase.
        project: the id of the project.
        region: the region of the job.
        run: what tells this run from others.
        ledger_uri: where the first job's ledger lies; rounds.json and the other ledgers go beside.
        dry_run: write down the exact request and call nothing.
        made_before: the first job is known to have been made.
        waiting: how to wait; `max_wait_s` is for all rounds together.
        bounds: what holds the rounds; None: there are none.

    Raises:
        InputError: this is no Batch job, or a ledger or rounds.json belongs to another.
        ServiceError: there are no credentials, or a ledger cannot be written.
    """
    # Signals are heard from the first job to the last: one between two of them ends both.
    with nullcontext(waiting.clock) if waiting.clock else stopping_clock() as clock:
        return _rounds(
            job,
            ledger_uri,
            replace(waiting, clock=clock),
            bounds,
            lambda patient: submit_and_watch(
                job,
                project=project,
                region=region,
                run=run,
                ledger_uri=ledger_uri,
                dry_run=dry_run,
                made_before=made_before,
                waiting=patient,
            ),
        )


def _rounds(
    job: Mapping[str, Any],
    ledger_uri: str,
    waiting: Waiting,
    bounds: Bounds | None,
    submit_first: Callable[[Waiting], Ledger],
) -> Adapted:
    most = bounds.adapt.rounds if bounds else 0
    if bounds and most:
        waiting = replace(waiting, stock_out_s=bounds.adapt.stock_out_s)
    ledger = submit_first(waiting)
    if bounds is None or not most or ledger.outcome in (None, "dry_run"):
        return Adapted(ledger)
    folder = ledger_uri.rpartition("/")[0] or "."
    rounds, end = _read(folder)
    spent_s = 0.0
    for number in range(1, most + 1):
        spent_s += _took_s(ledger)
        if number > len(rounds):
            if end or ledger.outcome not in ("failed", "hopeless"):
                break
            if waiting.max_wait_s is not None and spent_s >= waiting.max_wait_s:
                waiting.say("no further round: the time allowed is over")
                break
            planned, end = _plan(ledger, job, rounds, folder, bounds, waiting)
            if planned is None:
                _write(folder, rounds, end)
                break
            rounds.append(planned)
            _write(folder, rounds, "")
        now = rounds[number - 1]
        waiting.say(f"round {number}: {plural(len(now.indexes), 'task')} again")
        ledger = submit_named(
            now.job,
            JobNames(**now.names),
            ledger_uri=join(folder, "rounds", str(number), "submission.json"),
            waiting=_with_rest_of_time(waiting, spent_s),
        )
    if rounds and ledger.outcome == "succeeded":
        ledger = _with_rest(ledger, rounds[-1].given_up)
    return Adapted(ledger, rounds)


def _took_s(ledger: Ledger) -> float:
    """How long a job that has ended took."""
    life = ledger.life
    if life.submitted_at is None or life.ended_at is None:
        return 0.0
    return max(0.0, life.ended_at - life.submitted_at)


def _with_rest_of_time(waiting: Waiting, spent_s: float) -> Waiting:
    if waiting.max_wait_s is None:
        return waiting
    return replace(waiting, max_wait_s=max(1.0, waiting.max_wait_s - spent_s))


def _plan(
    ledger: Ledger,
    job: Mapping[str, Any],
    rounds: Sequence[Planned],
    folder: str,
    bounds: Bounds,
    waiting: Waiting,
) -> tuple[Planned | None, str]:
    """The next round; or None and why there is none."""
    try:
        service = live_service(waiting.say)
        series = gather(ledger.job_name, service)
        base = rounds[-1].base if rounds else dict(job)
        ended, preempted = _ended(service, series, rounds, base)
        decided = decide(base, ended, bounds.adapt, count=len(series.first.indexes))
        for line in decided.why:
            waiting.say(line)
        if decided.job is None:
            return None, "; ".join(decided.why)
        made = _made(series, decided, folder, bounds)
    except InputError as error:
        waiting.say(f"no further round: {error}")
        return None, str(error)
    except Exception as error:
        if not told_by_service(error):
            raise
        # A later attempt of the step may ask again, so this is no end.
        waiting.say(f"no further round, as the service did not say what became of this: {error}")
        return None, ""
    left = sorted(set(series.left) - set(made.indexes))
    return _planned(made, decided, left, preempted, JobView(base).machine_type), ""


def _ended(
    service: Service, series: Series, rounds: Sequence[Planned], base: Mapping[str, Any]
) -> tuple[Ended, int]:
    """What became of the last round, and how often a task of it was preempted at most."""
    last = series.last
    job = service.job(last.name)
    failed = list(rows_of(service, last.name, job, "FAILED"))
    causes = [
        _named(cause, last.indexes) for cause in look_at(service, last.name, job, failed).causes
    ]
    preempted = max((int(row["preemptions"]) for row in failed), default=0)
    never = [
        last.indexes[row["index"]] for row in rows_of(service, last.name, job, "UNEXECUTED")
    ]  # fmt: skip
    tried = [*(each.machine for each in rounds), JobView(dict(base)).machine_type]
    before = sum(each.preempted for each in rounds)
    return Ended(causes, never, before + preempted, [name for name in tried if name]), preempted


def _named(cause: Cause, indexes: Sequence[int]) -> Cause:
    """The cause with tasks by their index in the first job."""
    return replace(cause, tasks=[indexes[at] for at in cause.tasks if at < len(indexes)])


def _made(series: Series, decided: Decision, folder: str, bounds: Bounds) -> NextRound:
    """The next round's job, held to the rules, the policy and the budget.

    Raises:
        InputError: it breaks one of them, or cannot be made.
    """
    made = next_round(
        series,
        bounds.choices,
        folder=join(folder, "rounds", "indexes") if is_gcs(folder) else "",
        changed=decided.job,
        only=decided.indexes,
    )
    data = json.dumps(made.job, ensure_ascii=False).encode()
    errors = validate_bytes(data, "the next round", against=bounds.against).errors
    if errors:
        raise InputError(f"the changed job is not allowed: {errors[0].path}: {errors[0].message}")
    jobs = [*(each.job for each in series.rounds), made.job]
    over = over_all(jobs, bounds.cost_of, bounds.max_cost_usd)
    if over:
        raise InputError(over)
    made.write_manifest()
    return made


def _planned(
    made: NextRound, decided: Decision, given_up: list[int], preempted: int, machine: str
) -> Planned:
    return Planned(
        number=made.number,
        job=made.job,
        base=dict(decided.job or {}),
        names={**asdict(made.names), "labels": dict(made.names.labels)},
        indexes=list(made.indexes),
        given_up=given_up,
        why=list(decided.why),
        changes=[change.to_dict() for change in decided.changes],
        preempted=preempted,
        machine=machine,
    )


def _with_rest(ledger: Ledger, given_up: Sequence[int]) -> Ledger:
    """The last round succeeded; where tasks were not run again, the whole did not."""
    if not given_up:
        return ledger
    reason = (
        f"{plural(len(given_up), 'task')} ({ranges(given_up)}) failed for reasons that another run "
        "does not mend; the others succeeded"
    )
    return replace(ledger, life=replace(ledger.life, outcome="failed", reason=reason))


# --- rounds.json ----------------------------------------------------------------------------------


def _read(folder: str) -> tuple[list[Planned], str]:
    """The rounds that an earlier process decided on, and why it decided on no further one."""
    place = join(folder, ROUNDS_FILE)
    if not files.exists(place):
        return [], ""
    try:
        told = json.loads(files.read_text(place))
        if told["version"] != VERSION:
            raise ValueError(f"version {told['version']!r}")
        return [Planned(**each) for each in told["rounds"]], str(told["end"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            f"This does not tell of rounds ({type(error).__name__}: {error})",
            where=place,
            fix="Start a new run.",
        ) from error


def _write(folder: str, rounds: Sequence[Planned], end: str) -> None:
    told = {"version": VERSION, "rounds": [asdict(each) for each in rounds], "end": end}
    files.write_json(join(folder, ROUNDS_FILE), told)
