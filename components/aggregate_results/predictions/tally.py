"""Sums over all rows in memory that does not grow with them: counts, and lengths by steps."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from components.aggregate_results.predictions.results import Row

_STEPS = 8  # steps a doubling: lengths are known to within 9 %
_EXAMPLES = 5
_MODELS = 50
_PAIRS = 200
_NONE = 2**63
_MANY = "(further models)"
# How a model begins when it declines. Only looked for at the start of an answer.
_REFUSAL = re.compile(
    r"\W{0,3}(?:(?:i(?:['\u2019])?m|i am) (?:very |so |really )?"
    r"(?:sorry|unable|not able|afraid i can)"
    r"|sorry,? (?:but )?i (?:can|am|will)"
    r"|i (?:can(?:no|['\u2019])t|can not|won['\u2019]t|must decline|am not able"
    r"|apologi[sz]e,? but)|as an ai\b|unfortunately,? i (?:can|am)"
    r"|my (?:guidelines|programming) )",
    re.I,
)


_Alike = tuple[str, str, str, str, bool, bool]
"""What rows have in common: model, status, finish reason, version, if matched, if shared."""

# Looked at before the expression is tried, which takes longer.
_MARKS = frozenset("\"'*_>#([-.\u201c ")
_BEGINNINGS = frozenset(
    first + second
    for word in ("i ", "i'", "i\u2019", "so", "as", "un", "my")
    for first in (word[0], word[0].upper())
    for second in (word[1], word[1].upper())
)


def _none_yet() -> defaultdict[Any, int]:
    """Counts that are raised for every row: a Counter takes more than twice as long for it."""
    return defaultdict(int)


class Lengths:
    """A histogram of text lengths in steps of an eighth of a doubling."""

    def __init__(self) -> None:
        self.counts = _none_yet()
        self.total = 0

    def add(self, length: int) -> None:
        """Count a text of so many characters."""
        self.counts[step_of(length)] += 1
        self.total += 1

    def add_all(self, other: Lengths) -> None:
        """Count the others, too."""
        for step, number in other.counts.items():
            self.counts[step] += number
        self.total += other.total

    def quantile(self, share: float) -> int:
        """About the length below which this share of the texts lies; 0 if there are none."""
        wanted, seen = max(math.ceil(share * self.total), 1), 0
        for step in sorted(self.counts):
            seen += self.counts[step]
            if seen >= wanted:
                return middle_of(step)
        return 0

    def between(self, low: float, high: float) -> int:
        """How many texts are about so long."""
        return sum(n for step, n in self.counts.items() if low <= middle_of(step) < high)


@lru_cache(maxsize=16_384)
def step_of(length: int) -> int:
    """The step that a length lies in; -1 for 0."""
    return int(math.log2(length) * _STEPS) if length else -1


def middle_of(step: int) -> int:
    """The length in the middle of a step."""
    return 0 if step < 0 else round(2 ** ((step + 0.5) / _STEPS))


@dataclass
class Model:
    """The sums of one model."""

    statuses: defaultdict[str, int] = field(default_factory=_none_yet)
    ends: defaultdict[tuple[str, str], int] = field(default_factory=_none_yet)
    lengths: Lengths = field(default_factory=Lengths)
    prompt_tokens: int = 0
    output_tokens: int = 0
    thinking_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0
    refusals: int = 0
    refused_rows: list[int] = field(default_factory=list)

    def add(self, alike: _Alike, rows: _Rows) -> None:
        """Add rows that are alike."""
        _, status, finish, version, matched, shared = alike
        self.statuses[status] += rows.rows
        self.lengths.add_all(rows.lengths)
        if not matched:
            return
        pair = (finish, version)
        if len(self.ends) < _PAIRS or pair in self.ends:
            self.ends[pair] += rows.rows
        if not shared:
            self.prompt_tokens += rows.prompt_tokens
            self.output_tokens += rows.output_tokens
            self.thinking_tokens += rows.thinking_tokens
            self.cached_tokens += rows.cached_tokens
            self.unpriced += rows.unpriced

    @property
    def finishes(self) -> Counter[str]:
        """How answers ended."""
        return _summed(self.ends, 0)

    @property
    def versions(self) -> Counter[str]:
        """Which versions answered."""
        return _summed(self.ends, 1)

    @property
    def rows(self) -> int:
        """How many rows asked it."""
        return sum(self.statuses.values())

    @property
    def answered(self) -> int:
        """How many of them have an answer of any kind."""
        return self.rows - self.statuses["missing"] - self.statuses["invalid"]


def _summed(pairs: dict[tuple[str, str], int], place: int) -> Counter[str]:
    sums: Counter[str] = Counter()
    for pair, number in pairs.items():
        sums[pair[place]] += number
    return sums


@dataclass
class Tally:
    """Add the sums of each stretch of rows once, in order."""

    models: dict[str, Model] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    reason_rows: dict[str, list[int]] = field(default_factory=dict)
    longest: list[tuple[int, int]] = field(default_factory=list)
    shortest: list[tuple[int, int]] = field(default_factory=list)
    shared: int = 0
    _long: int = -1
    _short: int = _NONE

    def add(self, sums: Sums) -> None:
        """Count the rows that follow."""
        for alike, rows in sums.groups.items():
            self._model(alike[0]).add(alike, rows)
            self.shared += rows.rows * alike[-1]
        for name, cost in sums.costs:
            self._model(name).cost_usd += cost
        for name, row in sums.refused:
            model = self._model(name)
            model.refusals += 1
            if len(model.refused_rows) < _EXAMPLES:
                model.refused_rows.append(row)
        for length, row in sums.texts:
            if length > self._long or length < self._short:
                self._add_extreme(length, row)
        for status, kind, row in sums.reasons:
            self._add_reason(status, kind, row)

    def _model(self, name: str) -> Model:
        found = self.models.get(name)
        if found is None:
            if len(self.models) >= _MODELS:
                name = _MANY
            found = self.models.setdefault(name, Model())
        return found

    def _add_extreme(self, length: int, row: int) -> None:
        if length > self._long:
            self.longest = sorted([*self.longest, (length, row)], reverse=True)[:_EXAMPLES]
            self._long = self.longest[-1][0] if len(self.longest) == _EXAMPLES else -1
        if 0 < length < self._short:
            self.shortest = sorted([*self.shortest, (length, row)])[:_EXAMPLES]
            self._short = self.shortest[-1][0] if len(self.shortest) == _EXAMPLES else _NONE

    def _add_reason(self, status: str, kind: str, row: int) -> None:
        kind = f"{status}: {kind}" if kind else status
        if kind not in self.reasons and len(self.reasons) >= 200:
            kind = f"{status}: other reasons"
        self.reasons[kind] += 1
        rows = self.reason_rows.setdefault(kind, [])
        if len(rows) < _EXAMPLES:
            rows.append(row)

    @property
    def rows(self) -> int:
        """How many rows."""
        return sum(model.rows for model in self.models.values())

    def status(self, name: str) -> int:
        """How many rows have this status."""
        return sum(model.statuses[name] for model in self.models.values())

    def lengths(self) -> Lengths:
        """Of the answers of all models."""
        every = Lengths()
        for model in self.models.values():
            every.add_all(model.lengths)
        return every


@dataclass(slots=True)
class _Rows:
    """The sums of rows that are alike."""

    rows: int = 0
    lengths: Lengths = field(default_factory=Lengths)
    prompt_tokens: int = 0
    output_tokens: int = 0
    thinking_tokens: int = 0
    cached_tokens: int = 0
    unpriced: int = 0


class Sums:
    """What a stretch of rows adds to a tally, in memory that grows with the stretch.

    A shared row has its answer from another row, which pays for it.

    Attributes:
        groups: rows that are alike, in the order of the first of each.
        texts: (characters, row) of each whole or truncated answer.
        costs: (model, US dollars) of each answer with a price, as the order makes the last digit.
        refused: (model, row) of each answer that reads like a refusal.
        reasons: (status, kind of reason, row) of each row that is not ok.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self.groups: defaultdict[_Alike, _Rows] = defaultdict(_Rows)
        self.texts: list[tuple[int, int]] = []
        self.costs: list[tuple[str, float]] = []
        self.refused: list[tuple[str, int]] = []
        self.reasons: list[tuple[str, str, int]] = []
        for row in rows:  # one loop without calls, as it is done for each row
            r, text, shared = row.result, row.text, row.shared
            status, model = r.status, r.model
            sums = self.groups[
                model, status, r.finish_reason, r.model_version, r.matched_by != "", shared
            ]
            sums.rows += 1
            if status == "ok" or status == "truncated":
                length = len(text)
                sums.lengths.add(length)
                self.texts.append((length, r.row))
                likely = text[:2] in _BEGINNINGS or text[:1] in _MARKS
                if likely and status == "ok" and _REFUSAL.match(text):
                    self.refused.append((model, r.row))
            if status != "ok":
                self.reasons.append((status, kind_of(r.reason), r.row))
            sums.prompt_tokens += r.prompt_tokens or 0
            sums.output_tokens += r.output_tokens or 0
            sums.thinking_tokens += r.thinking_tokens or 0
            sums.cached_tokens += r.cached_tokens or 0
            if r.cost_usd is not None:
                if not shared:
                    self.costs.append((model, r.cost_usd))
            elif r.prompt_tokens is not None:
                sums.unpriced += 1


_NUMBERS = re.compile(r"\d{4,}|'[^']{25,200}'|\"[^\"]{25,200}\"|[0-9a-f-]{16,}")


def kind_of(reason: str) -> str:
    """The beginning of a reason without what differs from row to row."""
    line = reason[:400].replace("\n", " ")
    return _NUMBERS.sub("…", line)[:120]
