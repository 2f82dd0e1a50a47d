"""What stands out in the results, in words with numbers: for people who will not read every row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from components.aggregate_results.predictions.flatten import Fields
from components.aggregate_results.predictions.gather import Counts
from components.aggregate_results.predictions.tally import Model, Tally
from components.tables.formats import count, plural, ranges

_ENOUGH = 20  # of fewer answers shares say nothing
_FAR = 8.0  # times the median
_DRIFT_SHARE = 0.10
_DRIFT_LENGTH = 2.0


@dataclass(frozen=True)
class Remark:
    """One finding: `kind` for programs, `title` and `text` for people."""

    kind: str
    severity: Literal["error", "warning", "hint"]
    title: str
    text: str
    rows: tuple[int, ...] = ()


def remarks(tally: Tally, counts: Counts, fields: Fields, *, asked: bool = True) -> list[Remark]:
    """All findings, the gravest first; rows that nobody `asked` are not missed."""
    found = [
        *(_lost(tally, counts) if asked else ()),
        *_foreign(counts),
        *_statuses(tally),
        *_refusals(tally),
        *_outliers(tally),
        *_drift(tally),
        *_versions(tally),
        *_not_json(fields),
        *_prices(tally),
    ]
    order = {"error": 0, "warning": 1, "hint": 2}
    return sorted(found, key=lambda remark: order[remark.severity])


def _share(part: int, whole: int) -> str:
    percent = 100 * part / whole if whole else 0.0
    return f"{percent:.0f} %" if percent >= 1 else f"{percent:.1g} %"


def _lost(tally: Tally, counts: Counts) -> Iterator[Remark]:
    missing = tally.status("missing")
    if missing:
        rows = [
            row
            for kind, found in tally.reason_rows.items()
            if kind.startswith("missing")
            for row in found
        ]
        yield Remark(
            "missing",
            "error",
            f"{plural(missing, 'row')} without an answer",
            f"{_share(missing, tally.rows)} of the rows were asked and no answer came back.",
            tuple(sorted(rows)[:5]),
        )
    if counts.unreadable:
        yield Remark(
            "unreadable",
            "warning",
            f"{plural(counts.unreadable, 'line')} could not be read",
            "It is no JSON object or cut short, as a job that ends early leaves it. Its row counts "
            "as missing unless another answer came.",
        )


def _foreign(counts: Counts) -> Iterator[Remark]:
    if counts.foreign:
        why = ", ".join(f"{count(n)} {name}" for name, n in counts.why_foreign.most_common())
        yield Remark(
            "foreign",
            "warning",
            f"{plural(counts.foreign, 'answer')} to no row of the input",
            f"Left out, because nothing proves whose they are: {why}.",
        )
    if counts.duplicate:
        yield Remark(
            "duplicate",
            "hint",
            f"{plural(counts.duplicate, 'answer')} came more than once",
            "Of each the best one counts, of equal ones the first.",
        )


def _statuses(tally: Tally) -> Iterator[Remark]:
    for kind, number in tally.reasons.most_common(12):
        status, _, reason = kind.partition(": ")
        if status == "missing":
            continue
        severity: Literal["error", "warning"] = "warning" if status == "truncated" else "error"
        name = "empty" if reason.startswith("empty answer") else status
        rows = tuple(tally.reason_rows[kind])
        yield Remark(
            name,
            severity,
            f"{plural(number, 'row')} {status}" + (f": {reason}" if reason else ""),
            f"{_share(number, tally.rows)} of all rows. {_REMEDIES.get(name, '')}".strip(),
            rows,
        )


_REMEDIES = {
    "truncated": "More room (maxOutputTokens) or a shorter question gives whole answers.",
    "blocked": "The same question is blocked again; ask in other words or use another model.",
    "empty": "Often all tokens went into thoughts: give more room or less thinking.",
    "invalid": "These rows were never sent. Mend them in the input.",
    "failed": "Send these rows again if the reason is one that passes.",
}


def _refusals(tally: Tally) -> Iterator[Remark]:
    for name, model in tally.models.items():
        if model.refusals:
            like = "reads like a refusal" if model.refusals == 1 else "read like refusals"
            yield Remark(
                "refusals",
                "warning",
                f"{plural(model.refusals, 'answer')} of {name or 'the model'} {like}",
                f"Such begin like “I cannot …”: {_share(model.refusals, model.answered)} of its "
                "answers. They count as ok.",
                tuple(model.refused_rows),
            )


def _outliers(tally: Tally) -> Iterator[Remark]:
    lengths = tally.lengths()
    median = lengths.quantile(0.5)
    if lengths.total < _ENOUGH or not median:
        return
    long = lengths.between(_FAR * median, float("inf"))
    short = lengths.between(1, median / _FAR)
    if long:
        rows = tuple(row for length, row in tally.longest if length > _FAR * median * 0.9)
        yield Remark(
            "long",
            "hint",
            f"{plural(long, 'answer')} far longer than the others",
            f"Over {_FAR:.0f} times the median of about {count(median)} characters.",
            rows,
        )
    if short:
        rows = tuple(row for length, row in tally.shortest if length < median / _FAR * 1.1)
        yield Remark(
            "short",
            "hint",
            f"{plural(short, 'answer')} far shorter than the others",
            f"Under an eighth of the median of about {count(median)} characters.",
            rows,
        )


def _drift(tally: Tally) -> Iterator[Remark]:
    models = [(n, m) for n, m in tally.models.items() if m.answered >= _ENOUGH]
    for number, (a, first) in enumerate(models):
        for b, second in models[number + 1 :]:
            words = list(_differences(a, first, b, second))
            if words:
                yield Remark("drift", "hint", f"{a} and {b} differ", " ".join(words))


def _differences(a: str, first: Model, b: str, second: Model) -> Iterator[str]:
    one, two = first.lengths.quantile(0.5), second.lengths.quantile(0.5)
    if one and two and max(one, two) >= _DRIFT_LENGTH * min(one, two):
        yield f"The median answer has {count(one)} characters from {a}, {count(two)} from {b}."
    for status in ("ok", "truncated", "blocked", "failed"):
        x = first.statuses[status] / first.answered
        y = second.statuses[status] / second.answered
        if abs(x - y) >= _DRIFT_SHARE:
            yield f"{status.capitalize()}: {100 * x:.0f} % and {100 * y:.0f} %."
    x, y = first.refusals / first.answered, second.refusals / second.answered
    if abs(x - y) >= _DRIFT_SHARE:
        yield f"Like refusals: {100 * x:.0f} % and {100 * y:.0f} %."


def _versions(tally: Tally) -> Iterator[Remark]:
    for name, model in tally.models.items():
        versions = [(v, n) for v, n in model.versions.most_common() if v]
        if len(versions) > 1:
            told = ", ".join(f"{version} {count(number)}" for version, number in versions[:6])
            yield Remark(
                "versions",
                "warning",
                f"{name or 'The model'} answered in {len(versions)} versions",
                f"Answers of different versions may not be comparable: {told}.",
            )


def _not_json(fields: Fields) -> Iterator[Remark]:
    other = fields.answers - fields.objects
    if other and fields.objects >= 0.5 * fields.answers:
        yield Remark(
            "not_json",
            "warning",
            f"{plural(other, 'answer')} are no JSON objects",
            f"The other {count(fields.objects)} are, and their fields are columns.",
        )


def _prices(tally: Tally) -> Iterator[Remark]:
    unknown = {name: model.unpriced for name, model in tally.models.items() if model.unpriced}
    if unknown:
        names = ", ".join(sorted(name or "unknown model" for name in unknown))
        yield Remark(
            "unpriced",
            "hint",
            f"The cost of {plural(sum(unknown.values()), 'answer')} is unknown",
            f"No price is known for {names}; sums leave these answers out.",
        )


def rows_words(rows: tuple[int, ...]) -> str:
    """`Rows 3-5, 9, for example.`"""
    return f"For example row{'s' if len(rows) > 1 else ''} {ranges(rows)}." if rows else ""
