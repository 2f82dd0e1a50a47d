"""What was prepared, what it will cost at most by a stated estimate, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from components.batch.findings import Finding, Severity
from components.rows.prices import Prices

VERSION = 1
MAX_FINDINGS = 1000
LONG = 200_000  # tokens; beyond, some models cost more (price tables of Gemini Pro, 2026-11)
_SAMPLE = 16
_SAMPLED_BYTES = 1_000_000
_MAX_A_RULE = 250  # so that one rule does not hide the others


@dataclass(frozen=True)
class Shard:
    """A file of requests to one model: one batch job. For `bq://` its name is the table."""

    name: str
    model: str
    wave: int
    requests: int
    bytes: int


@dataclass(frozen=True)
class Estimate:
    """Tokens and USD before anything runs; None where a price is unknown."""

    input_tokens: int
    output_tokens: int
    cost_batch_usd: float | None
    cost_online_usd: float | None
    how: str
    unknown_prices: list[str]


@dataclass(frozen=True)
class Plan:
    """`prepared/plan.json`: counts of rows, the shards, the estimate and the findings.

    `finding_counts` counts all findings by rule; `findings` holds the first 1000.
    """

    rows: int
    ready: int
    waiting: int
    invalid: int
    unique_requests: int
    waves: int
    shards: list[Shard]
    estimate: Estimate
    findings: list[dict[str, Any]]
    finding_counts: dict[str, int]
    sources: list[str]
    settings: dict[str, Any]
    version: int = VERSION

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON data."""
        return asdict(self)

    def metrics(self) -> dict[str, float]:
        """The figures of the plan; costs that are unknown are left out."""
        figures: dict[str, float | None] = {
            "rows": self.rows,
            "rows_ready": self.ready,
            "rows_waiting": self.waiting,
            "rows_invalid": self.invalid,
            "requests": self.unique_requests,
            "waves": self.waves,
            "estimated_input_tokens": self.estimate.input_tokens,
            "estimated_output_tokens": self.estimate.output_tokens,
            "estimated_cost_usd": self.estimate.cost_batch_usd,
        }
        return {name: value for name, value in figures.items() if value is not None}


@dataclass
class Usage:
    """What one model is asked for: bytes of text, tokens of media, requests, tokens of answers.

    `long_input` and `long_output` are the tokens of the requests with more than `LONG` of them.

    `sample` holds some requests, spread over all, with the tokens that are assumed for each;
    `factor` is what the service counted for them in proportion.
    """

    requests: int = 0
    text_bytes: int = 0
    media_tokens: int = 0
    output_tokens: int = 0
    long_input: float = 0
    long_output: int = 0
    factor: float = 1.0
    sample: list[tuple[bytes, float]] = field(default_factory=list)
    _stride: int = 1

    def input_tokens(self) -> int:
        """4 bytes of UTF-8 are about one token."""
        return round((self.text_bytes // 4 + self.media_tokens) * self.factor)

    def cost(self, model: str, prices: Prices, *, batch: bool) -> float | None:
        """USD for all of it; None where the price is unknown."""
        told, long = self.input_tokens(), round(self.long_input * self.factor)
        short = prices.cost(
            model, told - long, self.output_tokens - self.long_output, batch=batch, length=0
        )
        more = prices.cost(model, long, self.long_output, batch=batch, length=LONG + 1)
        return None if short is None or more is None else short + more

    def consider(self, body: bytes, tokens: float) -> None:
        """Take a request into the sample or not; the sample keeps at most 16, evenly spread."""
        if self.requests % self._stride or len(body) > _SAMPLED_BYTES:
            return
        self.sample.append((body, tokens))
        if len(self.sample) > _SAMPLE:
            self.sample = self.sample[::2]
            self._stride *= 2


# Tokens of a file, whose size nobody has looked up: an image of Gemini 3 at its default
# resolution (docs: media resolution, 2026-11); a minute of audio or of video at low resolution.
_MEDIA_TOKENS = {"image": 1120, "audio": 1920, "video": 6000}
_OTHER_MEDIA_TOKENS = 5000


def media_tokens(types: Iterable[str]) -> int:
    """Assumed tokens of the files of a request."""
    return sum(
        _MEDIA_TOKENS.get(mime.split("/", 1)[0].lower(), _OTHER_MEDIA_TOKENS) for mime in types
    )


def estimated(
    usage: Mapping[str, Usage], prices: Prices, expected_output: int, counted: int = 0
) -> Estimate:
    """The estimate over all models; `counted` requests were counted by the service."""
    batch: float | None = 0.0
    online: float | None = 0.0
    unknown = []
    for model, used in sorted(usage.items()):
        one, other = (used.cost(model, prices, batch=b) for b in (True, False))
        if one is None or other is None:
            unknown.append(model)
            batch = online = None
        elif batch is not None and online is not None:
            batch, online = batch + one, online + other
    measure = "1 token for 4 bytes of text"
    if counted:
        measure = f"{counted} sampled requests counted by the service, the others in proportion"
    how = (
        f"{measure}; answers of "
        f"{expected_output} tokens or maxOutputTokens if that is less; "
        f"prices of {prices.dated} ({prices.source})"
    )
    if any(used.media_tokens for used in usage.values()):
        how += "; an image 1,120 tokens, a minute for each audio or video, 5,000 for other files"
    return Estimate(
        input_tokens=sum(used.input_tokens() for used in usage.values()),
        output_tokens=sum(used.output_tokens for used in usage.values()),
        cost_batch_usd=None if batch is None else round(batch, 6),
        cost_online_usd=None if online is None else round(online, 6),
        how=how,
        unknown_prices=unknown,
    )


@dataclass
class Findings:
    """Collects findings within bounds and counts them all."""

    kept: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    _said: set[tuple[str, str]] = field(default_factory=set)

    def add(
        self,
        rule: str,
        severity: Severity,
        message: str,
        *,
        file: str = "",
        line: int = 0,
        path: str = "",
        fix: str = "",
        must: bool = False,
    ) -> None:
        """Take one finding, or only count it; one about all rows (`must`) is always kept."""
        count = self.counts[rule] = self.counts.get(rule, 0) + 1
        if must and len(self.kept) >= MAX_FINDINGS:
            self.kept.pop()
        if count <= _MAX_A_RULE and len(self.kept) < MAX_FINDINGS:
            self.kept.append(Finding(rule, severity, path, message, fix, file, line))

    def add_once(self, rule: str, message: str, file: str, line: int, fix: str) -> None:
        """Take a warning that would be the same for many rows at its first row only."""
        if (rule, message) not in self._said and len(self._said) < 10_000:
            self._said.add((rule, message))
            self.add(rule, "warning", message, file=file, line=line, fix=fix)

    def reason(self, reason: str, file: str, line: int) -> None:
        """Take the typed reason of a row that is not sent."""
        rule, _, message = reason.partition(": ")
        self.add(rule, "error", message or rule, file=file, line=line, fix=_FIXES.get(rule, ""))


_FIXES = {
    "ambiguous_reference": "Give each row an id of its own, other than a number; or, if places are "
    'meant, {"columns": {"id": ""}} in the options.',
    "unknown_model": "Name one that is, or map it in the options: "
    '{"models": {"NAME": "gemini-…"}}; if the column names no models: {"columns": {"model": ""}}.',
}
