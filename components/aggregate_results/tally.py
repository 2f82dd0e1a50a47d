"""The sums over all rows, in flat arrays: a few dozen bytes a task."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field

from components.batch.failures import Failures
from components.tables.charts import Series, Tone, quantile
from components.tables.columns import Row
from components.tables.formats import stamp

TONES: dict[str, Tone] = {
    "SUCCEEDED": "ok",
    "FAILED": "bad",
    "RUNNING": "run",
    "ASSIGNED": "run",
    "PENDING": "idle",
    "UNEXECUTED": "idle",
    "UNKNOWN": "idle",
}
_PALETTE: tuple[tuple[Tone, str], ...] = (("ok", "Succeeded"), ("bad", "Failed"))


@dataclass
class Tally:
    """Add each row once, in index order."""

    states: Counter[str] = field(default_factory=Counter)
    retried: int = 0
    preempted: int = 0
    failures: Failures = field(default_factory=Failures)
    ran: array[int] = field(default_factory=lambda: array("q"))
    starts: array[float] = field(default_factory=lambda: array("d"))
    ends: array[float] = field(default_factory=lambda: array("d"))
    tones: array[int] = field(default_factory=lambda: array("b"))

    def add(self, row: Row) -> None:
        """Count the row."""
        state = row["state"]
        self.states[state] += 1
        self.retried += row["attempts"] > 1
        self.preempted += row["preemptions"] > 0
        if state == "FAILED":
            self.failures.add(row)
        start, end = stamp(row["started_at"]), stamp(row["ended_at"])
        if start is not None and end is not None:
            self.ran.append(row["index"])
            self.starts.append(start)
            self.ends.append(max(end, start))
            self.tones.append(int(state == "FAILED"))

    @property
    def tasks(self) -> int:
        """How many rows."""
        return sum(self.states.values())

    @property
    def series(self) -> Series:
        """The tasks that ran, for the charts."""
        return Series(self.starts, self.ends, self.tones, _PALETTE)

    @property
    def wall_seconds(self) -> float | None:
        """From the first start to the last end."""
        return max(self.ends) - min(self.starts) if self.ran else None

    @property
    def task_seconds(self) -> float:
        """The sum over all tasks' last attempts."""
        return sum(self.ends) - sum(self.starts)

    def durations(self) -> tuple[list[float], list[float]]:
        """Seconds of the succeeded and of the failed tasks, each sorted."""
        parts: tuple[list[float], list[float]] = ([], [])
        for start, end, tone in zip(self.starts, self.ends, self.tones, strict=True):
            parts[tone].append(end - start)
        return sorted(parts[0]), sorted(parts[1])

    def spread(self) -> dict[str, float]:
        """Shortest, median, 95th percentile and longest duration in seconds; {} if none ran."""
        succeeded, failed = self.durations()
        every = sorted(succeeded + failed)
        if not every:
            return {}
        return {
            "shortest": round(every[0], 3),
            "median": round(quantile(every, 0.5), 3),
            "p95": round(quantile(every, 0.95), 3),
            "longest": round(every[-1], 3),
        }
