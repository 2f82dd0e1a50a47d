"""The result of a run in one small object: what summary.json holds and programs read."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Summary:
    """What a run came to.

    Args:
        run_uri: the run folder.
        outcome: a key of `outcomes.OUTCOMES`.
        headline: what happened, in one line.
        reason: why, where there is a reason to tell.
        remedy: what to do next.
        job_name: `projects/P/locations/L/jobs/J`; "" if there is no job.
        console_url: the job in the Google Cloud console.
        tasks: how many tasks were listed; `expected` how many the job asked for.
        succeeded: tasks that succeeded.
        failed: tasks that failed.
        unexecuted: tasks that never ran because the job ended before.
        other: tasks that had not ended when this was read.
        retried: tasks that ran more than once.
        preempted: tasks that lost a Spot VM at least once.
        seconds: from the first start to the last end.
        task_seconds: sum of the tasks' last attempts.
        durations: shortest, median, p95 and longest, in seconds.
        failures: for each exit code: code, meaning, remedy, count, indexes (as text).
        causes: why tasks failed, as components.batch.diagnosis.Cause tells it.
        rounds: in which tasks ran again: job_name, outcome, tasks (as text) and why.
        files: name -> URI of what was written.
        notes: what is missing from this result, and why.
    """

    run_uri: str
    outcome: str
    headline: str
    reason: str = ""
    remedy: str = ""
    job_name: str = ""
    console_url: str = ""
    tasks: int = 0
    expected: int = 0
    succeeded: int = 0
    failed: int = 0
    unexecuted: int = 0
    other: int = 0
    retried: int = 0
    preempted: int = 0
    seconds: float = 0.0
    task_seconds: float = 0.0
    durations: dict[str, float] = field(default_factory=dict)
    failures: tuple[dict[str, Any], ...] = ()
    causes: tuple[dict[str, Any], ...] = ()
    rounds: tuple[dict[str, Any], ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return dataclasses.asdict(self)

    def metrics(self) -> dict[str, float]:
        """The figures that the console shows beside a run."""
        names = ("tasks", "succeeded", "failed", "unexecuted", "retried", "preempted", "seconds")
        return {name: getattr(self, name) for name in names}
