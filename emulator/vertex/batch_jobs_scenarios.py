"""What is to go wrong with batch predictions, set through `POST /_emulator/prediction_scenarios`.

A scenario is bound to a job when the job is created. `display_name` says to which (a pattern with
`*` and `?`; all by default), `jobs` to how many of those that are still to come (0: all).

The job:

`delay_state` (`state`, `calls`, `share`): shown in the state by so many GetJob calls before it goes
    on. QUEUED and PENDING come before any work; cancelled in RUNNING, PAUSED or UPDATING, the job
    has finished that share of its rows; CANCELLING holds back the end of a cancellation.
`stuck` (`state`, `share`): the same for ever, or until it is cancelled.
`end` (`state`, `share`, `code`, `message`): ends as EXPIRED, PARTIALLY_SUCCEEDED, FAILED or
    CANCELLED, with that share of its rows written (half of them; FAILED: none).
`split` (`files`, `errors`): writes `predictions_0001.jsonl` and so on; with `errors`, failed rows
    go to `errors_0001.jsonl`.
`gone` (`calls`): at the GetJob call of that number there is no such job.
`refuse` (`model`, `code`, `message`): creating a job for a model of this pattern fails.
`echo` (`keys`, `nulls`, `order`): whether rows keep unknown top-level keys such as `key` (they do
    not, unless told), have absent fields filled with null (they have), and which backend's order of
    keys they have, `new` or `old`.
`sources`: several input uris and wildcards are taken (they are refused, unless told).

Rows, those that `rows` (places in the input from 1), `every` (the n-th, the 2n-th, ...) and `match`
(words of the last turn) all point at; without these every row:

`missing`: is not written. `duplicate` (`times`, `differs`): is written so often.
`foreign` (`count`): so many rows are written that nobody sent.
`error` (`code`, `message`): a failed row. `blocked` (`reason`): the prompt is blocked.
`finish` (`reason`): ends for that reason without text, RECITATION unless told.
`max_tokens` (`below`): is cut, where the request allows no more than `below` tokens (or always).
`empty`: has no candidates. `no_parts`: has a candidate without parts.
`broken_json`: answers text that is no JSON. `torn`: the last line written is cut in the middle.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

STATES = {
    "QUEUED": 1,
    "PENDING": 2,
    "RUNNING": 3,
    "SUCCEEDED": 4,
    "FAILED": 5,
    "CANCELLING": 6,
    "CANCELLED": 7,
    "PAUSED": 8,
    "EXPIRED": 9,
    "UPDATING": 10,
    "PARTIALLY_SUCCEEDED": 11,
}
BEFORE_WORK = ("QUEUED", "PENDING")
_HELD = (*BEFORE_WORK, "RUNNING", "PAUSED", "UPDATING", "CANCELLING")
_ENDS = ("EXPIRED", "PARTIALLY_SUCCEEDED", "FAILED", "CANCELLED")
_WHICH = {"rows", "every", "match"}
# Kind -> the fields it may have besides kind, display_name and jobs.
_KINDS: dict[str, set[str]] = {
    "delay_state": {"state", "calls", "share"},
    "stuck": {"state", "share"},
    "end": {"state", "share", "code", "message"},
    "split": {"files", "errors"},
    "gone": {"calls"},
    "refuse": {"model", "code", "message"},
    "echo": {"keys", "nulls", "order"},
    "sources": set(),
    "missing": _WHICH,
    "duplicate": _WHICH | {"times", "differs"},
    "foreign": {"count"},
    "error": _WHICH | {"code", "message"},
    "blocked": _WHICH | {"reason"},
    "finish": _WHICH | {"reason"},
    "max_tokens": _WHICH | {"below"},
    "empty": _WHICH,
    "no_parts": _WHICH,
    "broken_json": _WHICH,
    "torn": set(),
}
# The kinds that change what a row answers; the first that points at a row counts.
ANSWERS = ("error", "blocked", "finish", "max_tokens", "empty", "no_parts", "broken_json")


@dataclass(frozen=True)
class Scenario:
    """One thing that goes wrong; the text above says what the fields mean."""

    kind: str
    display_name: str = "*"
    jobs: int = 0
    state: str = ""
    calls: int = 1
    share: float = 0.5
    code: int = 0
    message: str = ""
    model: str = "*"
    files: int = 2
    errors: bool = False
    keys: bool = False
    nulls: bool = True
    order: str = "new"
    rows: Sequence[int] = ()
    every: int = 0
    match: str = ""
    times: int = 2
    differs: bool = False
    count: int = 1
    reason: str = ""
    below: int = 0

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Scenario:
        """The scenario that the JSON object describes.

        Raises:
            ValueError: a field is missing, unknown or of the wrong kind; the text says which.
        """
        kind = data.get("kind")
        if not isinstance(kind, str) or kind not in _KINDS:
            raise ValueError(f"'kind' must be one of {', '.join(_KINDS)}")
        unknown = set(data) - _KINDS[kind] - {"kind", "display_name", "jobs"}
        if unknown:
            raise ValueError(f"'{kind}' has no field '{min(unknown)}'")
        for name, value in data.items():
            _check(name, value)
        states = {"end": _ENDS, "delay_state": _HELD, "stuck": _HELD}.get(kind, ("",))
        if kind == "end" and data.get("state") == "FAILED":
            data = {"share": 0, **data}
        scenario = Scenario(**data)
        if scenario.state not in states:
            raise ValueError(f"'state' of '{kind}' must be one of {', '.join(states)}")
        if scenario.order not in ("new", "old"):
            raise ValueError("'order' must be 'new' or 'old'")
        return scenario

    def points_at(self, place: int, words: str) -> bool:
        """Whether a row is meant.

        Args:
            place: of the row in the input, from 1.
            words: of its last turn.
        """
        return (
            (not self.rows or place in self.rows)
            and (not self.every or place % self.every == 0)
            and self.match in words
        )


class Scenarios:
    """The scenarios that wait for jobs; safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set: list[tuple[Scenario, dict[str, Any]]] = []
        self._left: dict[int, int] = {}  # of those in _set, by place, that are for so many jobs

    def add(self, data: dict[str, Any]) -> None:
        """Set a scenario for jobs to come.

        Raises:
            ValueError: it is none.
        """
        scenario = Scenario.from_json(data)
        with self._lock:
            if scenario.jobs:
                self._left[len(self._set)] = scenario.jobs
            self._set.append((scenario, data))

    def clear(self) -> None:
        """Forget all; jobs that were created keep theirs."""
        with self._lock:
            self._set.clear()
            self._left.clear()

    def take(self, display_name: str, model: str, *, refusing: bool) -> list[dict[str, Any]]:
        """Those for a job that is being created, as they came, in the order they were set.

        Args:
            display_name: of the job.
            model: its name alone.
            refusing: only those of kind `refuse`; otherwise only the others.
        """
        found = []
        with self._lock:
            for place, (scenario, data) in enumerate(self._set):
                if (
                    (scenario.kind == "refuse") is refusing
                    and fnmatchcase(display_name, scenario.display_name)
                    and fnmatchcase(model, scenario.model)
                    and self._left.get(place, 1)
                ):
                    if place in self._left:
                        self._left[place] -= 1
                    found.append(data)
        return found


_FLAGS = {"errors", "keys", "nulls", "differs"}
_TEXTS = {"kind", "display_name", "state", "message", "model", "order", "match", "reason"}


def _check(name: str, value: object) -> None:
    if name in _FLAGS:
        if not isinstance(value, bool):
            raise ValueError(f"'{name}' must be true or false")
    elif name in _TEXTS:
        if not isinstance(value, str):
            raise ValueError(f"'{name}' must be text")
    elif name == "share":
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise ValueError("'share' must be a number from 0 to 1")
    elif name == "rows":
        if not isinstance(value, list) or not all(_whole(each) and each for each in value):
            raise ValueError("'rows' must be a list of places, which count from 1")
    elif not _whole(value):
        raise ValueError(f"'{name}' must be a whole number from 0 to 1000000")


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 10**6
