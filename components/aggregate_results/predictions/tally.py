"""Sums over all rows in memory that does not grow with them: counts, and lengths by steps."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from components.aggregate_results.predictions.results import Result

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


_FIRST = frozenset("IiSsAaUuMm\"'*_>#([-.\u201c ")  # looked at before the expression is tried


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

    def merged(self, other: Lengths) -> Lengths:
        """Both together."""
        sum_ = Lengths()
        for lengths in (self, other):
            for step, number in lengths.counts.items():
                sum_.counts[step] += number
        sum_.total = self.total + other.total
        return sum_

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

    def add_finish(self, finish: str, version: str) -> None:
        """Count how an answer ended and which version gave it."""
        pair = (finish, version)
        if len(self.ends) < _PAIRS or pair in self.ends:
            self.ends[pair] += 1

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
    """Add each row once."""

    models: dict[str, Model] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    reason_rows: dict[str, list[int]] = field(default_factory=dict)
    longest: list[tuple[int, int]] = field(default_factory=list)
    shortest: list[tuple[int, int]] = field(default_factory=list)
    shared: int = 0
    _long: int = -1
    _short: int = _NONE

    def add(self, result: Result, *, shared: bool) -> None:
        """Count the row; a `shared` one has its answer from another row, which pays for it."""
        model = self.models.get(result.model) or self._model(result.model)
        status = result.status
        model.statuses[status] += 1
        if status == "ok" or status == "truncated":
            self._add_text(model, result)
        if status != "ok":
            self._add_reason(result)
        if result.matched_by:
            model.add_finish(result.finish_reason, result.model_version)
            if shared:
                self.shared += 1
            else:
                _add_tokens(model, result)

    def _model(self, name: str) -> Model:
        if len(self.models) >= _MODELS:
            name = _MANY
        return self.models.setdefault(name, Model())

    def _add_text(self, model: Model, result: Result) -> None:
        text = result.text
        length = len(text)
        model.lengths.add(length)
        if text[:1] in _FIRST and result.status == "ok" and _REFUSAL.match(text):
            model.refusals += 1
            if len(model.refused_rows) < _EXAMPLES:
                model.refused_rows.append(result.row)
        if length > self._long:
            self.longest = sorted([*self.longest, (length, result.row)], reverse=True)[:_EXAMPLES]
            self._long = self.longest[-1][0] if len(self.longest) == _EXAMPLES else -1
        if 0 < length < self._short:
            self.shortest = sorted([*self.shortest, (length, result.row)])[:_EXAMPLES]
            self._short = self.shortest[-1][0] if len(self.shortest) == _EXAMPLES else _NONE

    def _add_reason(self, result: Result) -> None:
        """By status and the beginning of the reason; texts of the service differ in their ends."""
        kind = f"{result.status}: {kind_of(result.reason)}" if result.reason else result.status
        if kind not in self.reasons and len(self.reasons) >= 200:
            kind = f"{result.status}: other reasons"
        self.reasons[kind] += 1
        rows = self.reason_rows.setdefault(kind, [])
        if len(rows) < _EXAMPLES:
            rows.append(result.row)

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
            every = every.merged(model.lengths)
        return every


def _add_tokens(model: Model, result: Result) -> None:
    model.prompt_tokens += result.prompt_tokens or 0
    model.output_tokens += result.output_tokens or 0
    model.thinking_tokens += result.thinking_tokens or 0
    model.cached_tokens += result.cached_tokens or 0
    if result.cost_usd is not None:
        model.cost_usd += result.cost_usd
    elif result.prompt_tokens is not None:
        model.unpriced += 1


_NUMBERS = re.compile(r"\d{4,}|'[^']{25,200}'|\"[^\"]{25,200}\"|[0-9a-f-]{16,}")


def kind_of(reason: str) -> str:
    """A reason without what differs from row to row."""
    line = reason[:400].replace("\n", " ")
    return _NUMBERS.sub("…", line)[:120]
