"""One pass over the rows feeds every writer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from typing import Any, Protocol

from components.tables.columns import Column, Row

JSONL_TYPE = "application/x-ndjson"
CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class RowWriter(Protocol):
    """A context manager that takes rows; its file appears when the block ends without an error."""

    def __enter__(self) -> RowWriter: ...

    def __exit__(self, *args: Any) -> bool | None: ...

    def write(self, row: Row) -> None:
        """Append one row."""


def write_rows(
    rows: Iterable[Row],
    writers: Sequence[RowWriter],
    *,
    also: Callable[[Row], None] | None = None,
) -> int:
    """Write every row to every writer and give the number of rows.

    Args:
        rows: read once, never held.
        writers: all of them are opened first; if anything fails, no file appears.
        also: something else that wants to see each row (a sample for the page, say).
    """
    count = 0
    with ExitStack() as stack:
        takes: list[Callable[[Row], None]] = [
            stack.enter_context(writer).write for writer in writers
        ]
        if also is not None:
            takes.append(also)
        for row in rows:
            for take in takes:
                take(row)
            count += 1
    return count


def writers_for(
    formats: Sequence[str],
    columns: Sequence[Column],
    stem: str,
    *,
    sheet: str = "Rows",
    summary: Callable[[], Iterable[tuple[str, Any]]] | None = None,
) -> list[RowWriter]:
    """Writers for `stem.jsonl`, `stem.csv`, `stem.xlsx`, by the names of the formats.

    Args:
        formats: any of `jsonl`, `csv`, `xlsx`.
        columns: what the rows hold.
        stem: path or `gs://` URI without the ending.
        sheet: name of the sheet of rows in XLSX.
        summary: gives the rows of a first sheet in XLSX when all rows are written; None: no sheet.
    """
    from components.tables.csv_writer import CsvWriter
    from components.tables.jsonl_writer import JsonlWriter
    from components.tables.xlsx_writer import XlsxWriter

    made: dict[str, Callable[[], RowWriter]] = {
        "jsonl": lambda: JsonlWriter(f"{stem}.jsonl"),
        "csv": lambda: CsvWriter(f"{stem}.csv", columns),
        "xlsx": lambda: XlsxWriter(f"{stem}.xlsx", columns, sheet=sheet, summary=summary),
    }
    return [made[name]() for name in formats]
