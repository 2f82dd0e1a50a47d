"""Follow many jobs of the Batch service, and say how they stand."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from components.batch.client import is_local
from components.submit_batch_job.submit import Waiting, client_here, policy_for
from components.submit_batch_job.watch_many import (
    READS_A_SECOND,
    BatchReads,
    Known,
    Watched,
    watch_many,
)
from components.supervision.clock import Clock, SystemClock

_SAY_EVERY_S = 30.0
_LOCAL_READS = 50.0  # a second: looks at a stand-in are free


@dataclass
class _Standing:
    """Says how many jobs are in which state, where that is new, and not too often."""

    say: Callable[[str], None]
    clock: Clock
    said: str = ""
    next_at: float = 0.0

    def __call__(self, watched: Watched) -> None:
        """After a round."""
        text = ", ".join(f"{count:,} {state}" for state, count in watched.counts.most_common())
        if text != self.said and self.clock.now() >= self.next_at:
            self.said, self.next_at = text, self.clock.now() + _SAY_EVERY_S
            self.say(f"{len(watched.jobs):,} jobs: {text}")


def watch_jobs(
    names: Sequence[str], *, waiting: Waiting, on_change: Callable[[Known], None]
) -> Watched:
    """Follow jobs until all have ended or the time is over.

    Args:
        names: full names.
        waiting: how to wait; `max_wait_s`, `say` and `clock` count.
        on_change: is told of each job whose state is new.

    Raises:
        ServiceError: there are no credentials, or the jobs cannot be read.
    """
    local = is_local()
    with contextlib.ExitStack() as stack:
        clock = waiting.clock or stack.enter_context(contextlib.closing(SystemClock()))
        return watch_many(
            names,
            BatchReads(client_here()),
            clock,
            policy_for(waiting, local=local),
            on_change=on_change,
            on_round=_Standing(waiting.say, clock),
            on_trouble=lambda reason: waiting.say(f"no answer, trying again: {reason}"),
            reads_a_second=_LOCAL_READS if local else READS_A_SECOND,
        )
