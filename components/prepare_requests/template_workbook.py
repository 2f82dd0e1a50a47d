"""The workbook that results will have, before anything is sent: to look at, and to show around."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import orjson

from components.errors import InputError, WrongUse
from components.prepare_requests.made import Made
from components.prepare_requests.makers import chooser_for, maker_for, stored_turns, too_many_rows
from components.prepare_requests.settings import Settings
from components.prepare_requests.sources import expanded, opened
from components.prepare_requests.step import sources_in
from components.prepare_requests.tables import Row
from components.rows.result_columns import COLUMNS
from components.rows.shown import asked_in
from components.storage.uris import name_of
from components.tables import columns as tables
from components.tables.xlsx_writer import MAX_ROWS, XlsxWriter

_PROGRESS_ROWS = 10_000


def write_template(
    source: str,
    out_uri: str,
    settings: Settings | None = None,
    *,
    today: datetime.date | None = None,
    progress: Callable[[int], None] = lambda rows: None,
    sheet_rows: int = MAX_ROWS,
) -> int:
    """Write every row of the source with place, id, prompt and model, and nothing for an answer.

    The columns are those of the results. Prompts are as they will be sent, templates filled in,
    `${output.1}` still there. A row that cannot be sent has its reason, as in the results; whether
    the rows that a row refers to are there is not looked at.

    Args:
        source: files, folders or prefixes as in `prepare_step`; no `bq://` table, whose rows nobody
            here reads.
        out_uri: where, local or gs://; it appears when all rows are written.
        settings: what the person chose.
        today: for dates of models' retirement; the clock's if None.
        progress: called now and then with the number of rows written.
        sheet_rows: rows of a sheet with its header; further ones go to a next sheet.

    Returns:
        The number of rows.

    Raises:
        InputError: a source cannot be read as rows, or there are none or too many.
        WrongUse: a source is a `bq://` table.
        ServiceError: the workbook cannot be written.
    """
    settings = settings or Settings()
    found = expanded(sources_in(source))
    if found[0].startswith("bq://"):
        raise WrongUse("The rows of a bq:// table are not read here", fix="Export it as CSV.")
    models: Counter[str] = Counter()
    writer = XlsxWriter(
        out_uri,
        COLUMNS,
        sheet="Results",
        summary=lambda: _summary(models, found),
        max_rows=sheet_rows,
        whole="the whole text is in your file",
    )
    count = 0
    with writer:
        for count, (name, row, made) in enumerate(_made(found, settings, today), start=1):
            if count > settings.limits.max_rows:
                raise too_many_rows(settings.limits.max_rows, f"{name}:{row.line}")
            models[made.model] += 1
            writer.write(_shown(count, name, row.line, made))
            if count % _PROGRESS_ROWS == 0:
                progress(count)
        if not count:
            raise InputError("The sources hold no rows", where=", ".join(found[:3]))
    return count


def _made(
    found: Sequence[str], settings: Settings, today: datetime.date | None
) -> Iterator[tuple[str, Row, Made]]:
    chooser, history = chooser_for(settings, today), stored_turns(settings.history)
    for uri in found:
        name = name_of(uri)
        try:
            with opened(uri, settings, lambda rule, message, line, fix: None) as table:
                make = maker_for(table, settings, chooser, history, name)
                for row in table.rows:
                    yield name, row, Made("", reason=row.reason) if row.reason else make(row)
        except InputError as error:
            if len(found) == 1 or error.what != "The file is empty":
                raise


def _shown(number: int, name: str, line: int, made: Made) -> tables.Row:
    row: tables.Row = {"row": number, "id": made.id, "model": made.model}
    row |= {"source": name, "line": line or None}
    if made.reason:
        prompt = orjson.loads(made.prompt)
        return row | {"status": "invalid", "reason": made.reason, "prompt": prompt}
    return row | {"prompt": asked_in(orjson.loads(made.body))}


def _summary(models: Counter[str], found: Sequence[str]) -> Iterator[tuple[str, object]]:
    invalid = models.pop("", 0)
    yield "What it is", "Rows as they will be sent. Nothing was sent; answers are still empty."
    yield "Rows", models.total() + invalid
    if invalid:
        yield "Cannot be sent", invalid
    yield from models.most_common(20)
    yield "Sources", ", ".join(found[:20])
