"""The words of the supervision: a job's life, what may be observed of it, what may be done."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any, Literal

Phase = Literal["find", "create", "watch", "ended"]
Stage = Literal[
    "waiting", "running", "succeeded", "failed", "cancelling", "cancelled", "deleting", "unknown"
]
Outcome = Literal[
    "succeeded", "failed", "cancelled", "deleted", "hopeless", "refused", "deadline", "dry_run"
]
Ask = Literal["", "cancel", "deadline", "hopeless"]

# From these a job may still be cancelled; an unknown state counts as still going.
CANCELLABLE: frozenset[Stage] = frozenset({"waiting", "running", "unknown"})
EVENTS_KEPT = 200


@dataclass(frozen=True, slots=True)
class Event:
    """One status event, as the service worded it. `time` is RFC 3339."""

    time: str
    type: str
    description: str


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient the supervision is. Times in seconds.

    Attributes:
        poll_first: the wait before the second look.
        poll_max: the longest wait between looks.
        poll_growth: factor from one wait to the next while nothing changes.
        backoff_first: longest wait after a first failed call; doubles with each failure.
        backoff_max: longest wait between failed calls.
        settle_s: a create without an answer may still take effect for this long after it was sent.
        dedupe_s: for this long after a create without an answer the service makes no second job
            for the same request id. None: it has no request ids; a look after `settle_s` decides.
        recancel_s: send the cancel again when the job has not reacted for this long.
        cancel_wait_s: give up bringing a job to rest after this long in one process. Long, so that
            an outage of the service does not leave a job running.
        refusals_max: so many refusals in a row of a job that exists before giving up.
        max_wait_s: how long the job may take from the first attempt to its end; None: any time.
        leave_at_deadline: leave the job running when the deadline passes, instead of cancelling.
    """

    poll_first: float = 1.5
    poll_max: float = 30.0
    poll_growth: float = 1.3
    backoff_first: float = 1.0
    backoff_max: float = 60.0
    settle_s: float = 60.0
    dedupe_s: float | None = 3300.0
    recancel_s: float = 60.0
    cancel_wait_s: float = 6 * 3600.0
    refusals_max: int = 5
    max_wait_s: float | None = None
    leave_at_deadline: bool = False


@dataclass(frozen=True, slots=True)
class Life:
    """What is known of one remote job: this is what the ledger stores. Times: Unix seconds.

    Attributes:
        phase: where the life stands.
        job_name: the service's name of the job; empty until it is known to exist and be ours.
        uid: the service's unique id of the job.
        state: the service's own word for the state last seen.
        asked: why the job is to be brought to rest before its own end; empty if it is not.
        why_asked: the same in words.
        unknown_since: when the first create without a clear answer was sent.
        created_at: when the last create was sent, or was found to have no clear answer.
        refusal: why a create was refused while an earlier one may still take effect.
        outcome: how it ended; None while it goes on.
    The last fields pace the calls; they are neither compared nor written down, and start anew in
    each process.
    """

    phase: Phase = "find"
    job_name: str = ""
    uid: str = ""
    state: str = ""
    asked: Ask = ""
    why_asked: str = ""
    asked_at: float | None = None
    unknown_since: float | None = None
    created_at: float | None = None
    refusal: str = ""
    deadline_at: float | None = None
    outcome: Outcome | None = None
    reason: str = ""
    submitted_at: float | None = None
    ended_at: float | None = None
    events: tuple[Event, ...] = ()

    looked: bool = field(default=False, compare=False)
    cancellable: bool = field(default=False, compare=False)
    cancel_at: float | None = field(default=None, compare=False)
    failures: int = field(default=0, compare=False)
    refusals: int = field(default=0, compare=False)
    polls: int = field(default=0, compare=False)
    pause: Wait | None = field(default=None, compare=False)


_NAMES = tuple(known.name for known in fields(Life))
_values = attrgetter(*_NAMES)


def changed(life: Life, **values: Any) -> Life:
    """The life with other values, as `dataclasses.replace` has it, which takes three times as long.

    Every observation changes a life, and a test plays millions of them.
    """
    return Life(**{**dict(zip(_NAMES, _values(life), strict=True)), **values})


# --- observations ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Woke:
    """The process has just started, or a wait is over."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The job exists: the answer to find, create or look.

    Attributes:
        name: the service's name of the job.
        stage: its state in our words.
        uid: the service's unique id.
        state: its state in the service's word.
        ours: whether its labels prove that this run made it from this content.
        events: all status events, oldest first.
        why: for a failed job, why.
        hopeless: why a waiting job can never start; empty if it may.
    """

    name: str
    stage: Stage
    uid: str = ""
    state: str = ""
    ours: bool = True
    events: tuple[Event, ...] = ()
    why: str = ""
    hopeless: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no such job."""


@dataclass(frozen=True, slots=True)
class Exists:
    """A create was answered: a job of that name is there already."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A cancel was accepted, or came too late to matter: look what became of the job."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A call failed in a way that may pass, and nothing was made (429; any trouble with a look).

    Attributes:
        reason: what the service or the network said.
        retry_after: seconds for which the service asked to be left alone.
    """

    reason: str
    retry_after: float = 0.0


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A create failed in a way that may pass, and may have made the job, or may do so yet.

    Attributes:
        reason: what the service or the network said: 5xx, deadline, dropped connection.
        retry_after: seconds for which the service asked to be left alone.
    """

    reason: str
    retry_after: float = 0.0


@dataclass(frozen=True, slots=True)
class Refused:
    """A call was refused for good: bad request, no permission, no such project."""

    reason: str


@dataclass(frozen=True, slots=True)
class StopAsked:
    """Someone asked for the job to be cancelled."""

    why: str


Observation = Woke | Seen | Missing | Exists | Accepted | Failed | Unanswered | Refused | StopAsked


# --- actions --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Find:
    """Look whether the job exists, and prove that it is ours. Answer: Seen, Missing."""


@dataclass(frozen=True, slots=True)
class Create:
    """Create the job, with the ids that are in the ledger. Answer: Seen, Exists, Unanswered."""


@dataclass(frozen=True, slots=True)
class Look:
    """Get the job's state. Answer: Seen, Missing."""

    name: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Ask the service to cancel the job. Answer: Accepted, Missing."""

    name: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait between `least` and `most` seconds, unless a stop is asked. Answer: Woke."""

    least: float
    most: float


@dataclass(frozen=True, slots=True)
class End:
    """Nothing more to do: the life has ended."""


Action = Find | Create | Look | Cancel | Wait | End
