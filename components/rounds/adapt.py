"""What to change about a job so that its failed tasks may succeed, and whether that can help.

Pure: what became of a round goes in, the next one's job and the reasons come out. What another run
does not mend (a program's own error, a missing file, a permission) is never run again.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.batch.diagnosis import Cause, Kind
from components.batch.rules.view import POLICY
from components.config.bench import Bench, Change
from components.config.enlarge import more_memory, more_time, other_machine, zone_to_region
from components.errors import WrongUse
from components.tables.formats import plural, ranges
from components.tables.text import brief, json_text

_MOST = 10  # as Batch's own maxRetryCount
_STOPPED_REPORTING = 50002


@dataclass(frozen=True)
class Adapt:
    """How far a job may be changed and run again.

    Attributes:
        rounds: at most so many further jobs; 0: none.
        preemptions: after so many preemptions of a task the next round is on standard VMs.
        longer: whether tasks that ran out of time may have more of it.
        stock_out_s: a job that waits for machines so long is given other ones.
    """

    rounds: int = 0
    preemptions: int = 2
    longer: bool = False
    stock_out_s: float = 900.0


def checked_adapt(adapt: Adapt) -> Adapt:
    """The same, if its numbers can be meant.

    Raises:
        WrongUse: one cannot.
    """
    if not 0 <= adapt.rounds <= _MOST:
        raise WrongUse(f"{adapt.rounds} further rounds", fix=f"Allow 0 to {_MOST}.")
    if adapt.preemptions < 1:
        raise WrongUse(f"{adapt.preemptions} preemptions", fix="Say after how many, from 1.")
    return adapt


@dataclass(frozen=True)
class Ended:
    """What became of a round.

    Attributes:
        causes: why tasks, or the job, failed; tasks by their index in the first job.
        never_ran: indexes of tasks that never ran.
        preempted: how often the most unlucky task was preempted, in all rounds so far.
        tried: machine types of all rounds so far.
    """

    causes: Sequence[Cause]
    never_ran: Sequence[int] = ()
    preempted: int = 0
    tried: Sequence[str] = ()


@dataclass(frozen=True)
class Decision:
    """What to do next.

    Attributes:
        job: the first job as it is to be from now on; None: no further round.
        indexes: which tasks run again.
        changes: what is different about the job.
        why: what is told, a sentence a line.
    """

    job: dict[str, Any] | None
    indexes: Sequence[int] = ()
    changes: Sequence[Change] = ()
    why: Sequence[str] = ()


@dataclass
class _Try:
    """The job on the bench, and what was decided of each cause."""

    bench: Bench
    ended: Ended
    adapt: Adapt
    why: list[str] = field(default_factory=list)
    enlarged: bool = False

    def memory(self, cause: Cause) -> str:
        if self.enlarged:
            return ""
        self.enlarged = True
        return self._changed(more_memory, "no machine is known that has more memory")

    def lost(self, cause: Cause) -> str:
        # Other losses are the service's; a VM that stops reporting was mostly short of memory.
        if cause.code == _STOPPED_REPORTING and not self.bench.view.template:
            self.memory(cause)
        return ""

    def preempted(self, cause: Cause) -> str:
        view = self.bench.view
        if view.is_spot and self.ended.preempted >= self.adapt.preemptions:
            self.bench.put((*POLICY, "provisioningModel"), "STANDARD",
                           f"a task was preempted {plural(self.ended.preempted, 'time')}",
                           certain=True)  # fmt: skip
        return ""

    def time(self, cause: Cause) -> str:
        if not self.adapt.longer:
            return "more time is given only where that is asked for"
        return self._changed(more_time, "the limits are the longest that Batch takes")

    def stock(self, cause: Cause) -> str:
        before = len(self.bench.changes)
        zone_to_region(self.bench, "the zone has no such machines free; any of the region may")
        if len(self.bench.changes) > before:
            return ""
        return self._changed(
            lambda bench: other_machine(bench, self.ended.tried), "no other machine is like it"
        )

    def _changed(self, change: Callable[[Bench], None], otherwise: str) -> str:
        before = len(self.bench.changes)
        if not self.bench.view.template:
            change(self.bench)
        return "" if len(self.bench.changes) > before else otherwise


# What answers a cause; each says why it cannot help, or nothing.
_ANSWERS: Mapping[Kind, Callable[[_Try, Cause], str]] = {
    "memory": _Try.memory,
    "lost_vm": _Try.lost,
    "preempted": _Try.preempted,
    "time": _Try.time,
    "stock": _Try.stock,
}


def decide(job: Mapping[str, Any], ended: Ended, adapt: Adapt, *, count: int) -> Decision:
    """What to do after a round that did not succeed.

    Args:
        job: the first job as it was in that round, without what tells tasks their index.
        ended: what became of it.
        adapt: how far it may be changed.
        count: how many tasks the first job has.
    """
    trying = _Try(Bench(copy.deepcopy(dict(job))), ended, adapt)
    errors = _errors(trying.bench)
    again: set[int] = set()
    for cause in ended.causes:
        who = _who(cause)
        answer = _ANSWERS.get(cause.kind)
        no = answer(trying, cause) if answer else "another run would end the same way"
        if no:
            trying.why.append(f"{who}: {cause.what}; not run again: {no}")
        else:
            trying.why.append(f"{who}: {cause.what}")
            again.update(cause.tasks or range(count))
    if not again:
        return Decision(None, why=[*trying.why, "nothing is left that another run may mend"])
    if _errors(trying.bench) > errors:
        return Decision(None, why=[*trying.why, "the changed job would break rules of Batch"])
    again.update(ended.never_ran)
    changes = trying.bench.changes
    return Decision(
        trying.bench.job,
        sorted(again),
        changes,
        [*trying.why, *(change_line(change) for change in changes)]
        + ([] if changes else ["the job stays as it is"]),
    )


def _who(cause: Cause) -> str:
    if not cause.tasks:
        return "the job"
    return f"task{'s' if len(cause.tasks) > 1 else ''} {ranges(cause.tasks)}"


def change_line(change: Change) -> str:
    """A change in one line."""
    before, after = (brief(json_text(value), 60) for value in (change.before, change.after))
    was = "" if change.before is None else f"{before} -> "
    return f"{change.path}: {was}{after}, as {change.reason}"


def _errors(bench: Bench) -> int:
    return sum(finding.severity == "error" for finding in bench.findings())
