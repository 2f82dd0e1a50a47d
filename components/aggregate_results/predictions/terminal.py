"""What came of the rows, in a terminal: figures by model, what stands out, where the files are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TextIO

from components.aggregate_results.predictions.findings import rows_words
from components.aggregate_results.predictions.judge import STATUSES
from components.aggregate_results.predictions.summary import PredictionSummary
from components.tables.formats import count, dollars, plural
from components.tables.text import one_line

_FINDINGS = 8
_MODELS = 12


def print_answers(summary: PredictionSummary, out: TextIO) -> None:
    """Print the summary of a collection as plain lines."""
    for line in summary_lines(summary):
        out.write(f"{one_line(line).rstrip()}\n")


def summary_lines(summary: PredictionSummary) -> Iterator[str]:
    """What happened in some lines, the most important first."""
    yield from _figures(summary)
    yield summary.headline
    if summary.reason:
        yield f"{summary.reason}."
    for finding in summary.findings[:_FINDINGS]:
        rows = rows_words(tuple(finding["rows"]))
        yield f"  {finding['title']}" + (f" - {rows[:1].lower()}{rows[1:]}" if rows else "")
    more = len(summary.findings) - _FINDINGS
    if more > 0:
        yield f"  and {plural(more, 'more finding')} in the report"
    yield from _money(summary)
    yield from (f"  note: {note}" for note in summary.notes[:_FINDINGS])
    for name, uri in summary.files.items():
        if name != "summary":
            yield f"{name.capitalize() if name == 'report' else name.upper()}: {uri}"


def _figures(summary: PredictionSummary) -> Iterator[str]:
    """A line a model: rows by status, tokens and cost."""
    if not summary.rows or not summary.models:
        return
    used = [name for name in STATUSES if any(model[name] for model in summary.models.values())]
    heads = ("Model", "Rows", *(name.capitalize() for name in used), "Tokens in", "out", "Cost")
    lines = [
        (
            name or "no model",
            count(model["rows"]),
            *(count(model[status]) for status in used),
            count(model["prompt_tokens"]),
            count(model["output_tokens"]),
            _cost(model["cost_usd"], model["unpriced"]),
        )
        for name, model in list(summary.models.items())[:_MODELS]
    ]
    yield from _columns([heads, *lines])


def _columns(table: Sequence[Sequence[str]]) -> Iterator[str]:
    """The first column to the left, the others to the right, two blanks between."""
    widths = [max(len(line[n]) for line in table) for n in range(len(table[0]))]
    for first, *rest in table:
        cells = [text.rjust(width) for text, width in zip(rest, widths[1:], strict=True)]
        yield "  ".join([first.ljust(widths[0]), *cells])


def _money(summary: PredictionSummary) -> Iterator[str]:
    if summary.lines:
        spent = _cost(summary.spent_usd, summary.unpriced)
        told = summary.estimate.get("cost_batch_usd")
        before = f" (estimated before: {dollars(told)})" if isinstance(told, int | float) else ""
        yield (
            f"{plural(summary.prompt_tokens, 'token')} in, {count(summary.output_tokens)} out, "
            f"cost {spent}{before}"
        )


def _cost(amount: float, unpriced: int) -> str:
    if unpriced and not amount:
        return "unknown"
    return dollars(amount) + ("+" if unpriced else "")
