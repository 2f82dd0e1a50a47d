"""The failed tasks of a job by exit code, in flat arrays: a few bytes a task."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from components.tables.columns import Row


@dataclass
class Failure:
    """All failed tasks with the same exit code; code None is that of tasks that tell none."""

    code: int | None
    meaning: str
    remedy: str
    event: str
    indexes: array[int] = field(default_factory=lambda: array("q"))


@dataclass
class Failures:
    """Add the row of each failed task once, in index order."""

    by_code: dict[int | None, Failure] = field(default_factory=dict)

    def add(self, row: Row) -> None:
        """Count the row of a task that failed."""
        code = row["exit_code"]
        found = self.by_code.get(code)
        if found is None:
            found = Failure(code, row["meaning"], row["remedy"], row["last_event"])
            self.by_code[code] = found
        found.indexes.append(row["index"])

    def by_count(self) -> list[Failure]:
        """The most frequent first."""
        return sorted(self.by_code.values(), key=lambda f: (-len(f.indexes), f.code or -1))

    def worth_reading(self, limit: int) -> list[int]:
        """Tasks whose output is worth reading: one of each code first, then the second."""
        rounds: Any = zip_longest(*(failure.indexes for failure in self.by_count()))
        chosen: list[int] = []
        for round_ in rounds:
            chosen.extend(index for index in round_ if index is not None)
            if len(chosen) >= limit:
                break
        return chosen[:limit]
