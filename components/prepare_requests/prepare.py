"""Rows into checked request shards, a manifest and a plan."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from components.batch.findings import SEVERITY_ORDER, Severity
from components.errors import InputError
from components.prepare_requests.count import Counter, measure
from components.prepare_requests.links import File, Links, Settled, settled
from components.prepare_requests.made import Made
from components.prepare_requests.makers import (
    chooser_for,
    maker_for,
    stored_turns,
    too_many_rows,
)
from components.prepare_requests.plan import Findings, Plan, Shard, estimated
from components.prepare_requests.settings import Settings
from components.prepare_requests.sources import expanded, opened
from components.prepare_requests.spool import Spool
from components.prepare_requests.tables import Table
from components.rows.canonical import json_text
from components.rows.conversation import Turn
from components.rows.models import Choice
from components.rows.prices import Prices, load_prices
from components.storage import files as storage
from components.storage.uris import join, name_of
from components.tables.formats import dollars

log = logging.getLogger(__name__)

Progress = Callable[[int], None]
_PROGRESS_ROWS = 10_000


@dataclass
class _Run:
    """What is collected while rows are read."""

    settings: Settings
    chooser: Callable[[str], Choice]
    history: list[Turn]
    spool: Spool
    progress: Progress
    findings: Findings = field(default_factory=Findings)
    links: Links = field(default_factory=Links)
    files: list[File] = field(default_factory=list)
    invalid: bytearray = field(default_factory=lambda: bytearray(1))  # by row, from 1
    rows: int = 0
    ready: int = 0


def prepare(
    sources: Sequence[str],
    run_uri: str,
    settings: Settings | None = None,
    *,
    today: datetime.date | None = None,
    count: Counter | None = None,
    progress: Progress = lambda rows: None,
) -> Plan:
    """Read rows, check them, and write `prepared/` below `run_uri`; the plan comes last.

    Rows that cannot be sent do not stop the others: they are `invalid` in the manifest, with their
    reason. Memory does not grow with the rows but for some hundred bytes for each row with
    references.

    Args:
        sources: CSV, XLSX or JSONL files, folders of such, names with `*`, prefixes of names, or
            one `bq://` table.
        run_uri: the run's folder, local or gs://.
        settings: what the person chose.
        today: for dates of models' retirement; the clock's if None.
        count: counts tokens of a sample of the requests; where it fails, the heuristic stands and
            a finding says so.
        progress: called now and then with the number of rows read.

    Raises:
        InputError: a source cannot be read as rows at all, or there are too many.
        WrongUse: sources or settings contradict each other.
        ServiceError: something cannot be read or written.
    """
    settings = settings or Settings()
    prices = load_prices(settings.prices)
    found = expanded(sources)
    chooser = chooser_for(settings, today)
    folder = join(run_uri, "prepared")
    if found[0].startswith("bq://"):
        return _written(_table_plan(found[0], settings, chooser, prices), folder)
    with Spool(folder, settings, sampling=count is not None) as spool:
        run = _Run(settings, chooser, stored_turns(settings.history), spool, progress)
        for number, uri in enumerate(found):
            _read_file(run, number, uri, alone=len(found) == 1)
        if not run.rows:
            raise InputError("The sources hold no rows", where=", ".join(found[:3]))
        spool.close_shards()
        order = settled(run.links, run.files, spool.ids(), run.invalid, settings.max_waves)
        _note_unsent(run, order)
        spool.finish(order.rows, lambda row: _tail(order, row))
    counted = _counted(run, count) if count else 0
    return _written(_plan(run, order, found, prices, counted), folder)


def _counted(run: _Run, count: Counter) -> int:
    counted, problem = measure(run.spool.usage, count)
    if problem:
        run.findings.add("not_counted", "warning", problem, must=True)
    return counted


def _read_file(run: _Run, number: int, uri: str, *, alone: bool) -> None:
    first = run.rows + 1
    name = name_of(uri)

    def note(rule: str, message: str, line: int, fix: str) -> None:
        run.findings.add(rule, "warning", message, file=name, line=line, fix=fix)

    try:
        with opened(uri, run.settings, note) as table:
            _read_rows(run, number, name, table)
    except InputError as error:
        if alone or error.what != "The file is empty":
            raise
        note("empty_file", "the file is empty", 0, "")
    run.files.append(File(name, first, run.rows + 1 - first))
    if run.rows < first:
        if alone:
            raise InputError(
                "The file has no rows", where=uri, fix="Give it a row below its header."
            )
        note("no_rows", "the file has no rows", 0, "")


def _read_rows(run: _Run, number: int, name: str, table: Table) -> None:
    make = maker_for(table, run.settings, run.chooser, run.history, name)
    source = json_text(name)
    spool, most, before = run.spool, run.settings.limits.max_rows, run.rows
    for row in table.rows:
        run.rows += 1
        run.invalid.append(0)
        if run.rows > most:
            raise too_many_rows(most, f"{name}:{row.line}")
        made = Made("", reason=row.reason) if row.reason else make(row)
        if made.reason:
            run.invalid[run.rows] = 1
            spool.invalid(run.rows, made, source, row.line)
            _note_invalid(run, made, _place(name, row.line, run.rows - before), row.line)
        elif made.names:
            run.links.add(run.rows, made.names, number, row.line)
            spool.waiting(run.rows, made, source, row.line)
        else:
            run.ready += 1
            spool.ready(run.rows, made, source, row.line)
        if made.problems and not made.reason:
            _note_warnings(run, made, _place(name, row.line, run.rows - before), row.line)
        if run.rows % _PROGRESS_ROWS == 0:
            run.progress(run.rows)


def _place(file: str, line: int, row: int) -> str:
    """The file, with the row in it where there are no lines: in one JSON document."""
    return file if line else f"{file} row {row}"


def _note_invalid(run: _Run, made: Made, file: str, line: int) -> None:
    errors = [problem for problem in made.problems if problem.severity == "error"]
    if not errors:
        run.findings.reason(made.reason, file, line)
    for problem in errors:
        run.findings.add(
            problem.rule,
            "error",
            problem.message,
            file=file,
            line=line,
            path=problem.path,
            fix=problem.fix,
        )


def _note_warnings(run: _Run, made: Made, file: str, line: int) -> None:
    for problem in made.problems:
        message = f"{problem.path}: {problem.message}" if problem.path else problem.message
        if problem.rule == "history_cut":
            run.findings.add(problem.rule, "warning", message, file=file, line=line)
        else:
            run.findings.add_once(problem.rule, message, file, line, problem.fix)


def _note_unsent(run: _Run, order: Settled) -> None:
    for row, (_, reason) in order.rows.items():
        if reason:
            file, line = run.files[run.links.file_of[row]], run.links.line_of[row]
            place = _place(file.name, line, row - file.first + 1)
            run.findings.reason(reason, place, line)


def _tail(order: Settled, row: int) -> dict[str, object]:
    refs = order.refs[row]
    return {"needs": sorted(set(refs.values())), "refs": refs}


def _plan(run: _Run, order: Settled, sources: list[str], prices: Prices, counted: int) -> Plan:
    waiting = sum(1 for _, reason in order.rows.values() if not reason)
    expected = run.settings.expected_output_tokens
    estimate = estimated(run.spool.usage, prices, expected, counted)
    _judge_cost(run.findings, estimate.cost_batch_usd, estimate.unknown_prices, run.settings)
    return Plan(
        rows=run.rows,
        ready=run.ready,
        waiting=waiting,
        invalid=run.rows - run.ready - waiting,
        unique_requests=run.spool.unique,
        waves=order.waves,
        shards=run.spool.shards,
        estimate=estimate,
        findings=[
            finding.to_dict()
            for finding in sorted(run.findings.kept, key=lambda f: SEVERITY_ORDER[f.severity])
        ],
        finding_counts=run.findings.counts,
        sources=sources,
        settings=run.settings.to_dict(),
    )


def _judge_cost(
    findings: Findings, cost: float | None, unknown: Sequence[str], settings: Settings
) -> None:
    """A limit that cannot be compared with anything holds too: it stops what is unknown."""
    most = settings.max_cost_usd
    if unknown:
        words = f"the price of {', '.join(unknown[:5])} is unknown"
        severity: Severity = "error" if most else "warning"
        findings.add("cost_unknown", severity, words, fix="Give a price file (prices).", must=True)
    elif most and cost is not None and cost > most:
        findings.add(
            "cost_above_limit",
            "error",
            f"the estimate is {dollars(cost)}, and {dollars(most)} is allowed",
            fix="Raise the limit (--max-cost, max_cost_usd), take a cheaper model, or send fewer "
            "rows.",
            must=True,
        )


def _table_plan(
    uri: str, settings: Settings, chooser: Callable[[str], Choice], prices: Prices
) -> Plan:
    """A BigQuery table goes to the service as it is; nobody here has seen its rows."""
    parts = uri.removeprefix("bq://").split(".")
    if len(parts) != 3 or not all(parts) or any(c.isspace() for c in uri):
        raise InputError("It names no table", where=uri, fix="Write bq://project.dataset.table.")
    choice = chooser("")
    if choice.error:
        raise InputError(choice.error.partition(": ")[2], where="model")
    findings = Findings()
    for words in choice.warnings:
        findings.add("model", "warning", words)
    findings.add("not_checked", "warning", "rows of a table are not read, checked or estimated")
    if settings.max_cost_usd:
        findings.add(
            "cost_unknown",
            "error",
            f"what the rows of {uri} will cost is unknown, and {dollars(settings.max_cost_usd)} is "
            "allowed",
            fix="Leave max_cost_usd out, or export the table as CSV or JSONL.",
        )
    return Plan(
        rows=0,
        ready=0,
        waiting=0,
        invalid=0,
        unique_requests=0,
        waves=1,
        shards=[Shard(uri, choice.model, 0, 0, 0)],
        estimate=replace(
            estimated({}, prices, settings.expected_output_tokens),
            cost_batch_usd=None,
            cost_online_usd=None,
        ),
        findings=[finding.to_dict() for finding in findings.kept],
        finding_counts=findings.counts,
        sources=[uri],
        settings=settings.to_dict(),
    )


def _written(plan: Plan, folder: str) -> Plan:
    storage.write_json(join(folder, "plan.json"), plan.to_dict())
    return plan
