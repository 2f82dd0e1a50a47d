"""What is to go wrong with which job, set through `POST /_emulator/scenarios`.

`preempt_task`, `vanish_vm` (`task`, `attempt`, `when`): the attempt fails with 50001 or 50002.
`quota_fail` (`state`, `quota`, `limit`): the job goes from QUEUED (or SCHEDULED) to FAILED.
`stuck_queued` (`events`, `quota`, `limit`): the job stays QUEUED, with that many quota events: one
    at first, one more at each GetJob call from the second on.
`stock_out` (`machine`, `zone`): a job that asks for this machine type, or that may run in this zone
    only, stays SCHEDULED with an event that says that there are no such machines; left out: any.
`delay_state` (`state`, `calls`): the job stays in the state until GetJob has shown it so often.
`delete_job` (`calls`): at the GetJob call of that number the job is gone, as if by someone else.

`job_id` names a job or is `*`. `task` left out is every task, `attempt` counts from 0. `when` is
`start` (before the first step), `running` (killed as soon as a process runs) or `after:N` (after
step N). Time is nowhere: only calls are counted.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

Kind = Literal[
    "preempt_task",
    "vanish_vm",
    "quota_fail",
    "stuck_queued",
    "stock_out",
    "delay_state",
    "delete_job",
]
_STATES = ("QUEUED", "SCHEDULED", "RUNNING", "CANCELLATION_IN_PROGRESS", "DELETION_IN_PROGRESS")
_WHEN = re.compile(r"start|running|after:\d{1,3}")


@dataclass(frozen=True)
class Scenario:
    """One thing that goes wrong; the table above says what the fields mean."""

    job_id: str
    kind: Kind
    task: int | None = None
    attempt: int = 0
    when: str = "running"
    state: str = "QUEUED"
    calls: int = 1
    events: int = 0
    quota: str = "GPUS_ALL_REGIONS"
    limit: str = "0.0"
    usage: str = "0.0"
    wanted: str = "1.0"
    machine: str = ""
    zone: str = ""

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Scenario:
        """The scenario that the JSON object describes.

        Raises:
            ValueError: a field is missing, unknown or of the wrong kind; the text says which.
        """
        unknown = set(data) - set(Scenario.__dataclass_fields__)
        if unknown:
            raise ValueError(f"unknown field '{min(unknown)}'")
        if data.get("kind") not in get_args(Kind):
            raise ValueError(f"'kind' must be one of {', '.join(get_args(Kind))}")
        if not isinstance(data.get("job_id"), str):
            raise ValueError("'job_id' must be the id of a job, or '*'")
        for name in ("task", "attempt", "calls", "events"):
            if data.get(name) is not None:
                _check_count(name, data[name])
        for name in (
            "quota", "limit", "usage", "wanted", "when", "state", "machine", "zone",
        ):  # fmt: skip
            if not isinstance(data.get(name, ""), str):
                raise ValueError(f"'{name}' must be text")
        scenario = Scenario(**{name: value for name, value in data.items() if value is not None})
        if not _WHEN.fullmatch(scenario.when):
            raise ValueError("'when' must be 'start', 'running' or 'after:N'")
        if scenario.state not in _STATES:
            raise ValueError(f"'state' must be one of {', '.join(_STATES)}")
        return scenario

    def hits(self, index: int, attempt: int) -> bool:
        """Whether the scenario is for this attempt of this task."""
        return self.task in (None, index) and self.attempt == attempt

    def starves(self, machine: str, places: Sequence[str]) -> bool:
        """Whether there are no such machines in the only place that is allowed."""
        return self.machine in ("", machine) and (
            not self.zone or list(places) == [f"zones/{self.zone}"]
        )


class Scenarios:
    """The scenarios that are set; safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set: list[Scenario] = []

    def add(self, scenario: Scenario) -> None:
        """Set a scenario, for the jobs there are and those to come."""
        with self._lock:
            self._set.append(scenario)

    def clear(self) -> None:
        """Forget all; what has gone wrong stays wrong."""
        with self._lock:
            self._set.clear()

    def of(self, job_id: str, *kinds: Kind) -> list[Scenario]:
        """Those of these kinds for the job, in the order in which they were set."""
        with self._lock:
            return [
                each for each in self._set if each.kind in kinds and each.job_id in (job_id, "*")
            ]


def _check_count(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10**6:
        raise ValueError(f"'{name}' must be a whole number from 0 to 1000000")
