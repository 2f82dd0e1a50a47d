"""Follow many jobs at once, with few reads: one list serves all jobs of a project and region.

Jobs are listed from the newest on, a page at a time, until each one that is still followed was seen
(`order_by` of ListJobsRequest; its filter has no documented grammar, so none is used). Where that
takes more pages than there are jobs left, each is got by itself. The wait between two rounds grows
while nothing changes, as for a single job, and is never so short that a second has more reads than
it may; a job that has ended is seen in the first round after.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from components.batch.events import failure_reason
from components.batch.states import ENDED, job_stage, job_state_name
from components.errors import ServiceError
from components.supervision.answers import to_find
from components.supervision.clock import Clock
from components.supervision.life import (
    Failed,
    Missing,
    Observation,
    Policy,
    Refused,
    Stage,
    Woke,
)

if TYPE_CHECKING:
    from google.cloud.batch_v1 import BatchServiceClient, Job

T = TypeVar("T")

PAGE = 200  # jobs hold up to 1 MB each, so no more of them at a time
READS_A_SECOND = 1.5
_REFUSALS_MAX = 5
_FAILURES_MAX = 40  # in a row, with backoff: more than half an hour


@dataclass(frozen=True)
class Known:
    """What is known of a job.

    Attributes:
        name: its full name.
        state: the service's word; empty before it was seen, `DELETED` when it is gone.
        stage: the same in our words.
        why: of a failed job, why.
    """

    name: str
    state: str = ""
    stage: Stage = "unknown"
    why: str = ""

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to come."""
        return self.stage in ENDED or self.state == "DELETED"


class Reads(Protocol):
    """The reads of a service; each raises what the client raises."""

    def page(self, parent: str, token: str) -> tuple[Sequence[Known], str]:
        """A page of the jobs of `projects/P/locations/R`, the newest first, and the next token."""

    def get(self, name: str) -> Known:
        """One job."""


@dataclass
class _Place:
    """The jobs of one project and region that are still followed."""

    parent: str
    left: dict[str, Known]
    due: float = 0.0
    wait: float = 0.0
    quiet: int = 0
    failures: int = 0
    refusals: int = 0
    pages: int = 1  # that the last listing took


@dataclass
class Watched:
    """How it stands: what is known of each job, and how much was read."""

    jobs: dict[str, Known]
    reads: int = 0

    @property
    def counts(self) -> Counter[str]:
        """How many jobs are in which state."""
        return Counter(job.state or "UNKNOWN" for job in self.jobs.values())


def watch_many(
    names: Iterable[str],
    reads: Reads,
    clock: Clock,
    policy: Policy,
    *,
    on_change: Callable[[Known], None] = lambda _: None,
    on_round: Callable[[Watched], None] = lambda _: None,
    on_trouble: Callable[[str], None] = lambda _: None,
    reads_a_second: float = READS_A_SECOND,
) -> Watched:
    """Follow jobs until all have ended, or the time is over.

    Args:
        names: full names of the jobs.
        reads: the service.
        clock: time and waiting.
        policy: how patient to be (`poll_first`, `poll_max`, `poll_growth`, `backoff_max`,
            `max_wait_s`).
        on_change: is told of each job whose state is new.
        on_round: is told how it stands after each round.
        on_trouble: is told of a read that failed.
        reads_a_second: so many reads at most, over time.

    Raises:
        ServiceError: reading is refused for good, or failed too long.
    """
    watched = Watched({name: Known(name) for name in dict.fromkeys(names)})
    places = _places(watched)
    ends_at = None if policy.max_wait_s is None else clock.now() + policy.max_wait_s
    while places:
        place = min(places, key=lambda each: each.due)
        if ends_at is not None and max(place.due, clock.now()) >= ends_at:
            return watched
        wait = place.due - clock.now()
        if wait > 0:
            clock.sleep(wait)
        changed, seen = _round(place, watched, reads, on_change, on_trouble)
        place.wait = _wait(place, policy, changed, seen, len(places), reads_a_second)
        place.due = clock.now() + place.wait
        on_round(watched)
        if not place.left:
            places.remove(place)
    return watched


def _places(watched: Watched) -> list[_Place]:
    found: dict[str, _Place] = {}
    for name, job in watched.jobs.items():
        parent = name.partition("/jobs/")[0]
        found.setdefault(parent, _Place(parent, {})).left[name] = job
    return list(found.values())


def _round(
    place: _Place,
    watched: Watched,
    reads: Reads,
    on_change: Callable[[Known], None],
    on_trouble: Callable[[str], None],
) -> tuple[bool, int]:
    """Read all jobs of a place that are still followed; whether any is new, and how many reads."""
    before = watched.reads
    changed = False
    source = _got if len(place.left) < place.pages else _listed
    for result in source(place, watched, reads):
        if isinstance(result, Known):
            changed |= _take(result, place, watched, on_change)
        elif isinstance(result, Refused):
            place.refusals += 1
            if place.refusals >= _REFUSALS_MAX:
                raise ServiceError(f"The jobs cannot be read: {result.reason}", where=place.parent)
            on_trouble(result.reason)
        elif isinstance(result, Failed):
            place.failures += 1
            if place.failures >= _FAILURES_MAX:
                raise ServiceError(f"The jobs cannot be read: {result.reason}", where=place.parent)
            on_trouble(result.reason)
        elif isinstance(result, _Read):
            place.failures = place.refusals = 0
    return changed, watched.reads - before


def _take(job: Known, place: _Place, watched: Watched, on_change: Callable[[Known], None]) -> bool:
    if watched.jobs[job.name].state == job.state:
        return False
    watched.jobs[job.name] = job
    if job.ended:
        place.left.pop(job.name, None)
    else:
        place.left[job.name] = job
    on_change(job)
    return True


@dataclass(frozen=True)
class _Read:
    """A read that was answered."""


_Result = Known | _Read | Failed | Refused | Missing


def _listed(place: _Place, watched: Watched, reads: Reads) -> Iterator[_Result]:
    """The jobs by listing; those that no page has are got by themselves."""
    # By id: the service may name the project by its number.
    unseen = {name.rpartition("/")[2]: name for name in place.left}
    token, pages = "", 0
    while unseen:
        page, answer = _read(watched, partial(reads.page, place.parent, token))
        yield Refused("there is no such place") if isinstance(answer, Missing) else answer
        if page is None:
            return
        pages += 1
        for job in page[0]:
            name = unseen.pop(job.name.rpartition("/")[2], "")
            if name:
                yield replace(job, name=name)
        token = page[1]
        if not token:
            break
    place.pages = pages
    yield from _each(sorted(unseen.values()), watched, reads)


def _got(place: _Place, watched: Watched, reads: Reads) -> Iterator[_Result]:
    """The jobs one by one."""
    yield from _each(list(place.left), watched, reads)


def _each(names: Sequence[str], watched: Watched, reads: Reads) -> Iterator[_Result]:
    for name in names:
        job, answer = _read(watched, partial(reads.get, name))
        yield answer
        if job is not None:
            yield replace(job, name=name)
        elif isinstance(answer, Missing):
            yield Known(name, "DELETED")
        else:
            return


def _read(
    watched: Watched, call: Callable[[], T]
) -> tuple[T | None, _Read | Failed | Refused | Missing]:
    """The answer to a read, or why there is none."""
    got: list[T] = []

    def read() -> Observation:
        got.append(call())
        return Woke()

    watched.reads += 1
    observed = to_find(read)
    if got:
        return got[0], _Read()
    if isinstance(observed, Failed | Refused | Missing):
        return None, observed
    raise AssertionError(f"a read is never answered with {observed}")


def _wait(
    place: _Place, policy: Policy, changed: bool, seen: int, places: int, reads_a_second: float
) -> float:
    """How long until the next round."""
    least = seen * places / reads_a_second
    troubles = place.failures + place.refusals
    if troubles:
        backoff = policy.backoff_first * 2.0 ** min(troubles, 16)
        return max(least, min(policy.backoff_max, backoff))
    place.quiet = 0 if changed else place.quiet + 1
    poll = policy.poll_first * policy.poll_growth ** min(place.quiet, 64)
    return max(least, min(policy.poll_max, poll))


# --- the service ----------------------------------------------------------------------------------


class BatchReads:
    """The reads of the Batch service."""

    def __init__(self, client: BatchServiceClient) -> None:
        self._client = client

    def page(self, parent: str, token: str) -> tuple[Sequence[Known], str]:
        """A page of the jobs of a project and region, the newest first."""
        from components.batch.client import call_options

        request = {
            "parent": parent,
            "page_size": PAGE,
            "page_token": token,
            "order_by": "create_time desc",
        }
        page = next(self._client.list_jobs(request=request, **call_options()).pages)
        return [_known(job) for job in page.jobs], str(page.next_page_token)

    def get(self, name: str) -> Known:
        """One job."""
        from components.batch.client import call_options

        return _known(self._client.get_job(name=name, **call_options()))


def _known(job: Job) -> Known:
    from components.submit_batch_job.batch_job import to_events

    raw: Any = type(job).pb(job)
    state = job_state_name(raw.status.state)
    stage = job_stage(state)
    why = failure_reason(to_events(job.status.status_events)) if stage == "failed" else ""
    return Known(job.name, state, stage, why)
