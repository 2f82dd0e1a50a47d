"""Which rows wait for which: rows in waves, so that every wave needs only answers of earlier ones.

A row without references is in wave 0; any other one is in the wave after the last that it needs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass
class Waves:
    """The wave of each row that has references, or the reason why it can never be sent.

    Reasons are typed: `reference_cycle: …`, `failed_reference: …`, `too_many_waves: …`.
    """

    wave: dict[int, int] = field(default_factory=dict)
    reason: dict[int, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Number of waves, wave 0 included."""
        return 1 + max(self.wave.values(), default=0)


def in_waves(
    needs: Mapping[int, Sequence[int]],
    invalid: Callable[[int], bool],
    *,
    max_waves: int,
) -> Waves:
    """Order rows by what they need; time and memory grow with the number of references.

    Args:
        needs: for each row that has references, the rows that it needs.
        invalid: whether a row is known never to be sent. Rows of `needs` are not asked for.
        max_waves: rows beyond are invalid: every wave is a batch job that may wait for hours.
    """
    out = Waves()
    waits_for, followers = _edges(needs)
    ready = deque(row for row, count in waits_for.items() if count == 0)
    while ready:
        row = ready.popleft()
        _settle(row, needs[row], invalid, max_waves, out)
        for follower in followers.get(row, ()):
            waits_for[follower] -= 1
            if waits_for[follower] == 0:
                ready.append(follower)
    left = {row for row, count in waits_for.items() if count > 0}
    _refuse_circles(left, needs, out)
    return out


def _edges(needs: Mapping[int, Sequence[int]]) -> tuple[dict[int, int], dict[int, list[int]]]:
    """How many unsettled rows each row waits for, and who waits for it."""
    waits_for: dict[int, int] = {}
    followers: dict[int, list[int]] = {}
    for row, needed in needs.items():
        unsettled = [other for other in set(needed) if other in needs]
        waits_for[row] = len(unsettled)
        for other in unsettled:
            followers.setdefault(other, []).append(row)
    return waits_for, followers


def _settle(
    row: int,
    needed: Sequence[int],
    invalid: Callable[[int], bool],
    max_waves: int,
    out: Waves,
) -> None:
    wave = 1
    for other in needed:
        if other in out.reason or (other not in out.wave and invalid(other)):
            out.reason[row] = f"failed_reference: row {other}, which it needs, is not sent"
            return
        wave = max(wave, out.wave.get(other, 0) + 1)
    if wave >= max_waves:
        out.reason[row] = (
            f"too_many_waves: it would be sent in wave {wave + 1}, and {max_waves} are allowed"
        )
        return
    out.wave[row] = wave


def _refuse_circles(left: set[int], needs: Mapping[int, Sequence[int]], out: Waves) -> None:
    """Give every row that no order can reach its reason; rows of a circle are told which it is."""
    following = {row: next(other for other in needs[row] if other in left) for row in left}
    seen: set[int] = set()
    for start in sorted(left):
        path: list[int] = []
        row = start
        while row not in seen:
            seen.add(row)
            path.append(row)
            row = following[row]
        if row in path and row not in out.reason:
            circle = path[path.index(row) :]
            words = _circle_words(circle)
            for member in circle:
                out.reason[member] = f"reference_cycle: {words}"
    for row in left - out.reason.keys():
        out.reason[row] = f"failed_reference: row {following[row]}, which it needs, is not sent"


def _circle_words(circle: Sequence[int]) -> str:
    if len(circle) == 1:
        return f"row {circle[0]} needs its own answer"
    shown = [str(row) for row in circle[:6]] + (["…"] if len(circle) > 6 else [])
    return f"rows {', '.join(shown)} need each other's answers"
