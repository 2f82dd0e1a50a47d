"""Whether a run may send its requests, and afterwards whether enough of its rows have an answer."""

from __future__ import annotations

import json

import msgspec

from components.batch_predict.book import Doc
from components.batch_predict.files import Files
from components.batch_predict.places import Places
from components.batch_predict.shards import is_table
from components.batch_predict.waves import manifest_after
from components.errors import InputError, WorkFailed
from components.storage.uris import join
from components.tables.formats import count, plural

_GATE = "gate.json"


class _Row(msgspec.Struct, gc=False):
    status: str
    key: str | None = ""


class _Decided(msgspec.Struct, gc=False):
    key: str
    given_up: str = ""


def check_gate(files: Files, places: Places) -> None:
    """Stop where the preparing step said that nothing should be sent; no gate stops nothing.

    Raises:
        InputError: the requests may not be sent; the message is the step's own.
    """
    uri = join(places.run_uri, _GATE)
    found = files.read(uri)
    if found is None:
        return
    try:
        gate = json.loads(found.text)
        go, reason = bool(gate["go"]), str(gate["reason"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            "The gate of the run is damaged", where=uri, fix="Prepare the rows again."
        ) from error
    if not go:
        raise InputError(reason.rstrip("."), fix="Change the rows or the limits, and run again.")


def rows_without_answer(files: Files, places: Places, doc: Doc) -> tuple[int, int]:
    """How many rows there are, and how many of them have no whole answer for good.

    Raises:
        WorkFailed: the job of a table failed, and the service counts no rows of it.
    """
    if any(is_table(entry.shard) for entry in doc.entries):
        return _rows_of_table(doc)
    given_up = _given_up(files, places)
    rows = unanswered = 0
    decode = msgspec.json.Decoder(_Row).decode
    for line in files.lines(manifest_after(places, doc.waves_done - 1)):
        row = decode(line)
        rows += 1
        unanswered += row.status != "ready" or row.key in given_up
    return rows, unanswered


def _rows_of_table(doc: Doc) -> tuple[int, int]:
    """As the service counts them."""
    rows = unanswered = 0
    for entry in doc.entries:
        counts = entry.counts or {}
        counted = counts.get("ok", 0) + counts.get("given_up", 0)
        if not counted and entry.ledger.outcome != "succeeded":
            raise WorkFailed(
                f"The job of {entry.shard} ended as {entry.ledger.outcome}: {entry.ledger.reason}",
                where=entry.ledger.job_name,
                fix="Mend what it says, and start a new run.",
            )
        rows += counted
        unanswered += counts.get("given_up", 0)
    return rows, unanswered


def _given_up(files: Files, places: Places) -> set[str]:
    """The keys of the requests that nobody sends again."""
    decode = msgspec.json.Decoder(_Decided).decode
    return {
        decided.key
        for uri in files.below(places.prepared("decisions"))
        for line in files.lines(uri)
        if (decided := decode(line)).given_up
    }


def check_ratio(rows: int, unanswered: int, max_failed_ratio: float) -> None:
    """Fail where more rows than allowed have no answer.

    Raises:
        WorkFailed: too many.
    """
    if unanswered > rows * max_failed_ratio:
        verb = "has" if unanswered == 1 else "have"
        raise WorkFailed(
            f"{count(unanswered)} of {plural(rows, 'row')} {verb} no whole answer, more than the "
            f"ratio of {max_failed_ratio:g} that is allowed (max_failed_ratio)",
            fix="The report says which rows, and why.",
        )
