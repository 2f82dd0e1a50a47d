"""What is in store for a simulated run, and what may be sent again in it."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from components.batch_predict.predict import Settings
from components.supervision.life import (
    Policy,
)
from tests.batch_predict import simulated_rows as rows_of


class Violation(AssertionError):  # noqa: N818 - reads as what it is
    """A promise was broken."""


@dataclass
class Plan:
    """What is in store."""

    fault_rate: float
    crash_rate: float
    crashes: int
    stop_at: float | None
    refused: str
    keys: bool
    nulls: bool
    second_rate: float
    storage_failures: int
    rows: int
    chained: int
    settings: Settings


def plan(rng: random.Random) -> Plan:
    """Draw a schedule."""
    return Plan(
        fault_rate=rng.choice((0.0, 0.05, 0.2, 0.4)),
        crash_rate=rng.choice((0.0, 0.02, 0.1)),
        crashes=rng.randint(0, 6),
        stop_at=rng.choice((None, None, None, None, rng.uniform(0, 100), rng.uniform(0, 100_000))),
        refused=rng.choice(("", "", "", "", "", "", "", "", "gemini-b", "all")),
        keys=rng.random() < 0.5,
        nulls=rng.random() < 0.5,
        second_rate=rng.choice((0.0, 0.0, 0.01, 0.03)),
        storage_failures=rng.choice((0, 0, 5)),
        rows=rng.randint(1, 8),
        chained=rng.choice((0, 0, 2, 4)),
        settings=Settings(
            deadline_s=rng.choice((96 * 3600.0, 96 * 3600.0, 5000.0)),
            max_cost_usd=rng.choice((0.0, 0.0, 0.0, 1.0, 5.0)),
            online_up_to=rng.choice((0, 0, 0, 2)),
            online_at_once=1,
            jobs_at_once=rng.choice((0, 0, 1, 2)),
            requests_max=rng.choice((2, 100)),
            policy=Policy(poll_first=5.0, poll_max=7200.0, poll_growth=3.0, dedupe_s=None),
        ),
    )


@dataclass
class Requests:
    """What was sent and what came back, by words.

    Attributes:
        sent: how often in a job.
        final: what came back that asking again does not change.
        came: how often which status came back.
        by_job: of each job, by display name.
    """

    sent: Counter[str] = field(default_factory=Counter)
    final: dict[str, str] = field(default_factory=dict)
    came: Counter[tuple[str, str]] = field(default_factory=Counter)
    by_job: dict[str, dict[str, str]] = field(default_factory=dict)

    def send(self, words: str) -> None:
        """A request goes into a job."""
        if words in self.final:
            raise Violation(f"'{words}' was sent again although it came back {self.final[words]}")
        for status in rows_of.ONCE:
            if self.came[words, status] > 1:
                raise Violation(f"'{words}' was sent again although it came back {status} twice")
        self.sent[words] += 1

    def come(self, words: str, status: str) -> None:
        """Something came back."""
        self.came[words, status] += 1
        if status in rows_of.FINAL and self.final.get(words) != "ok":
            self.final[words] = status
