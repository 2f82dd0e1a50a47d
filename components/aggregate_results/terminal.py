"""The tasks as a table: in a terminal with colours, elsewhere as plain text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TextIO

from components.aggregate_results.summary import Summary
from components.batch.diagnosis import cause_lines
from components.tables.columns import Row
from components.tables.data_table import Sample
from components.tables.formats import count, duration, plural
from components.tables.text import one_line, visible

LIMIT = 50
_STYLES = {
    "SUCCEEDED": "green",
    "FAILED": "bold red",
    "UNEXECUTED": "dim",
    "RUNNING": "blue",
    "ASSIGNED": "blue",
}
_SIGNS = {"SUCCEEDED": "✓", "FAILED": "✕", "RUNNING": "▸", "ASSIGNED": "▸"}
_HEADS = ("Task", "State", "Exit", "What it means", "Attempts", "Took", "Zone")


@dataclass(frozen=True)
class Shown:
    """The rows to print, and how many there were."""

    rows: list[Row]
    total: int


def choose(rows: Iterable[Row], limit: int = LIMIT) -> Shown:
    """All rows in index order up to the limit; beyond it failed ones first, then a sample."""
    sample = Sample(important_cap=limit, others_cap=limit)
    first: list[Row] = []
    for row in rows:
        if len(first) < limit:
            first.append(row)
        sample.add(row, row["state"] == "FAILED")
    if sample.seen <= limit:
        return Shown(sorted(first, key=lambda row: row["index"]), sample.seen)
    return Shown(sample.rows()[:limit], sample.seen)


def terminal_table(
    rows: Iterable[Row], out: TextIO, *, summary: Summary | None = None, limit: int = LIMIT
) -> None:
    """Print the tasks, and the summary below them.

    Args:
        rows: rows of tasks, in any number.
        out: where to; colours and lines only if it is a terminal.
        summary: its headline, failures and files are printed too.
        limit: how many tasks; beyond it failed ones come first.
    """
    from rich.console import Console

    shown = choose(rows, limit)
    plain = not out.isatty()
    console = Console(
        file=out,
        force_terminal=False if plain else None,
        no_color=plain or None,
        width=200 if plain else None,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=plain,
    )
    if shown.rows and plain:
        out.writelines(f"{line}\n" for line in _plain_lines(shown.rows))
    elif shown.rows:
        console.print(_rich_table(shown.rows))
    if shown.total > len(shown.rows):
        failed = "failed ones first, " if any(r["state"] == "FAILED" for r in shown.rows) else ""
        console.print(f"{failed}{len(shown.rows)} of {count(shown.total)} tasks")
    if summary is not None:
        for line in summary_lines(summary):
            console.print(line)


def _cells(row: Row) -> tuple[str, ...]:
    code = row["exit_code"]
    state = row["state"]
    return (
        str(row["index"]),
        one_line(f"{_SIGNS.get(state, '○')} {state.lower()}"),
        "" if code is None else str(code),
        one_line(str(row["meaning"])),
        str(row["attempts"]),
        duration(row["duration_s"]),
        one_line(str(row["zone"])),
    )


def _rich_table(rows: list[Row]) -> object:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for title in _HEADS:
        right = title in ("Task", "Exit", "Attempts", "Took")
        table.add_column(title, justify="right" if right else "left", no_wrap=title != _HEADS[3])
    for row in rows:
        cells = _cells(row)
        style = _STYLES.get(row["state"], "")
        table.add_row(*(Text(c, style=style if n == 1 else "") for n, c in enumerate(cells)))
    return table


def _plain_lines(rows: list[Row]) -> list[str]:
    """Columns kept apart by two blanks, for pipes and logs."""
    table = [_HEADS, *(_cells(row) for row in rows)]
    widths = [max(len(line[n]) for line in table) for n in range(len(_HEADS))]
    return [
        "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in table
    ]


def summary_lines(summary: Summary) -> list[str]:
    """What happened in a few lines: headline, why, failures with remedies, where the files are."""
    lines = [summary.headline]
    if summary.reason and not (summary.outcome == "failed" and summary.failures):
        lines.append(summary.reason)
    lines += [f"  {line}" for line in cause_lines(summary.causes)]
    for number, told in enumerate(summary.rounds, start=1):
        lines.append(f"  round {number} ran tasks {told['tasks']} again ({told['outcome']}):")
        lines += [f"    {line}" for line in told["why"]]
    if summary.unexecuted:
        lines.append(f"  {plural(summary.unexecuted, 'task')} never ran: the job ended before")
    if summary.remedy and not summary.failures and summary.outcome != "succeeded":
        lines.append(summary.remedy)
    lines += [f"  note: {note}" for note in summary.notes]
    if "report" in summary.files:  # a summary may be of another release
        lines.append(f"Report: {summary.files['report']}")
    return [visible(line) for line in lines]
