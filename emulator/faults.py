"""Faults on demand: which call is answered wrongly, and how many calls each method has had.

A method is named `<service>.<call>`, as the routes of the service name it (`batch.CreateJob`,
`storage.insert`, `vertex.generateContent`). Counting, not chance, decides which call is hit, so
that a test sees the same thing every time.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

_CALLERS = 20  # names that are kept of those that called a method
Kind = Literal["status", "drop", "lose_reply"]


@dataclass(frozen=True)
class Fault:
    """What happens to calls `nth` to `nth + count - 1` of a method, counted from now.

    Args:
        method: the name of the call, or `*` for every call of every service (the Cloud Storage
            client asks for `storage.buckets.get` in the background, at a time of its own).
        nth: the first call that is hit; 1 is the next one.
        count: how many calls in a row are hit.
        kind: `status`: answered with an error, nothing done. `drop`: the connection is closed,
            nothing done. `lose_reply`: the work is done, then the connection is closed.
        status: the HTTP status of kind `status`.
    """

    method: str
    nth: int = 1
    count: int = 1
    kind: Kind = "status"
    status: int = 503

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Fault:
        """The fault that the JSON object describes.

        Raises:
            ValueError: a field is missing, unknown or of the wrong kind; the text says which.
        """
        unknown = set(data) - set(Fault.__dataclass_fields__)
        if unknown:
            raise ValueError(f"unknown field '{min(unknown)}'")
        method, kind = data.get("method"), data.get("kind", "status")
        if not isinstance(method, str) or not method:
            raise ValueError("'method' must name a call, as in 'storage.insert'")
        if kind not in get_args(Kind):
            raise ValueError(f"'kind' must be one of {', '.join(get_args(Kind))}")
        return Fault(
            method=method,
            nth=_whole(data, "nth", 1, 1, 10**9),
            count=_whole(data, "count", 1, 1, 10**9),
            kind=cast(Kind, kind),
            status=_whole(data, "status", 503, 400, 599),
        )


class Faults:
    """The faults that are set and the calls that were counted; safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._callers: dict[str, set[str]] = {}
        self._set: list[tuple[Fault, int]] = []  # with the count of its calls when it was set

    def add(self, fault: Fault) -> None:
        """Set a fault; the calls that it counts begin with the next one."""
        with self._lock:
            self._set.append((fault, self._count(fault.method)))

    def clear(self) -> None:
        """Forget all faults and all counts."""
        with self._lock:
            self._set.clear()
            self._calls.clear()
            self._callers.clear()

    def note(self, method: str, caller: str = "") -> Fault | None:
        """Count a call; returns the fault that hits it, the one that was set first.

        Args:
            method: what was called.
            caller: what the client calls itself.
        """
        with self._lock:
            self._calls[method] += 1
            callers = self._callers.setdefault(method, set())
            if caller and len(callers) < _CALLERS:
                callers.add(caller)
            for fault, before in self._set:
                if fault.method in (method, "*"):
                    number = self._count(fault.method) - before
                    if fault.nth <= number < fault.nth + fault.count:
                        return fault
            return None

    def calls(self) -> dict[str, int]:
        """How often each method was called, the calls that were hit included."""
        with self._lock:
            return dict(sorted(self._calls.items()))

    def callers(self) -> dict[str, list[str]]:
        """How the clients that called each method call themselves, the first of them."""
        with self._lock:
            return {method: sorted(names) for method, names in sorted(self._callers.items())}

    def _count(self, method: str) -> int:
        return self._calls.total() if method == "*" else self._calls[method]


def _whole(data: Mapping[str, Any], name: str, default: int, low: int, high: int) -> int:
    value = data.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"'{name}' must be a whole number from {low} to {high}")
    return value
