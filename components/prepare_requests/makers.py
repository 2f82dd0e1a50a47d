"""What makes requests from the rows of a file, and what they have in common with other rows."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Callable, Sequence

from components.errors import InputError
from components.gemini import models
from components.prepare_requests.made import Made
from components.prepare_requests.make import ObjectMaker, TableMaker
from components.prepare_requests.settings import Settings
from components.prepare_requests.sources import opened
from components.prepare_requests.tables import Row, Table
from components.prepare_requests.template import MissingColumns
from components.rows.conversation import BadConversation, Turn, turns_of
from components.rows.models import Choice, choose
from components.rows.references import escaped
from components.storage.uris import name_of

_MAX_NAMED_MODELS = 4096
_LONGEST_MODEL = 300


def chooser_for(settings: Settings, today: datetime.date | None = None) -> Callable[[str], Choice]:
    """The model that a row's name stands for; `today` is the clock's if None."""
    day = today or datetime.datetime.now(datetime.UTC).date()
    default = settings.model or models.default_model()

    @functools.lru_cache(maxsize=_MAX_NAMED_MODELS)
    def chosen(name: str) -> Choice:
        return choose(name, settings.models, default, day)

    return lambda name: chosen(name[:_LONGEST_MODEL])


def stored_turns(uri: str) -> list[Turn]:
    """The turns of a stored conversation: JSON Lines, or a table with columns `role` and `text`.

    They are text, as what is said in them was said before: references in them mean no row.

    Raises:
        InputError: it is no conversation; the message names the line.
    """
    if not uri:
        return []
    name = name_of(uri)
    turns: list[Turn] = []
    with opened(uri, Settings(), lambda rule, message, line, fix: None) as table:
        header = [column.strip().lower() for column in table.header or ()]
        for row in table.rows:
            where = f"{name}:{row.line}"
            if row.reason:
                raise InputError(row.reason.partition(": ")[2], where=where)
            value = row.value if table.header is None else dict(zip(header, row.cells, strict=True))
            turns += _turns(value, where)
    return turns


def _turns(value: object, where: str) -> list[Turn]:
    try:
        found, system = turns_of([value])
    except BadConversation as error:
        raise InputError(f"A turn cannot be read: {error}", where=where) from error
    if system:
        raise InputError(
            "A stored conversation holds a system text", where=where, fix="Use `system`."
        )
    return [Turn(turn.role, escaped(turn.text)) for turn in found]


def too_many_rows(most: int, where: str) -> InputError:
    """The error of the first row that is one too many."""
    return InputError(
        f"There are more than {most:,} rows (max_rows)",
        where=where,
        fix="Split the file, or set max_rows or MAX_EXECUTIONS_PER_BATCH.",
    )


def maker_for(
    table: Table,
    settings: Settings,
    choose: Callable[[str], Choice],
    history: Sequence[Turn],
    name: str,
) -> Callable[[Row], Made]:
    """What makes a request from each row of the table that can be read.

    Args:
        table: the open file.
        settings: of the preparation.
        choose: see `chooser_for`.
        history: see `stored_turns`.
        name: of the file, for errors.

    Raises:
        InputError: the table holds nothing to send, or lacks columns of the template.
    """
    if table.header is None:
        objects = ObjectMaker(settings, choose, history, name)
        return lambda row: objects.make(row.value)
    try:
        cells = TableMaker(table.header, settings, choose, history, name)
    except MissingColumns as error:
        raise InputError(
            f"The template names columns that are not there: {error.words}",
            where=f"{name}:1",
            fix=f"Columns: {', '.join(table.header[:12])}.",
        ) from error
    return lambda row: cells.make(row.cells)
