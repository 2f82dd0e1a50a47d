"""From output files to results.jsonl, results.csv, results.xlsx, report.html and a summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from components.aggregate_results.predictions.around import ALONE, Around, read_around
from components.aggregate_results.predictions.beside import worth_it
from components.aggregate_results.predictions.decisions import JsonFaults
from components.aggregate_results.predictions.findings import Remark, remarks
from components.aggregate_results.predictions.flatten import Fields
from components.aggregate_results.predictions.gather import Counts, gather
from components.aggregate_results.predictions.jobs import Job, read_jobs
from components.aggregate_results.predictions.joining import (
    Joining,
    ManifestJoin,
    RequestJoin,
)
from components.aggregate_results.predictions.judge import STATUSES
from components.aggregate_results.predictions.lines import numbered_lines
from components.aggregate_results.predictions.ordered_rows import OrderedRows
from components.aggregate_results.predictions.page import report_page
from components.aggregate_results.predictions.pricing import Price, no_price
from components.aggregate_results.predictions.results import (
    CsvRows,
    Row,
    as_cells,
    columns_with,
)
from components.aggregate_results.predictions.samples import Samples
from components.aggregate_results.predictions.sources import (
    Manifest,
    RequestFile,
    Source,
)
from components.aggregate_results.predictions.spill import Spill
from components.aggregate_results.predictions.stretches import Making, all_stretches
from components.aggregate_results.predictions.summary import PredictionSummary, ended
from components.aggregate_results.predictions.tally import Model, Tally
from components.errors import WrongUse
from components.storage import files
from components.storage.uris import join, name_of
from components.tables.formats import count
from components.tables.page import render
from components.tables.writers import CSV_TYPE, JSONL_TYPE

FORMATS = ("jsonl", "csv", "xlsx", "html")
_ROW_BYTES = 500  # of a manifest, more than most: a second process is only worth it for many
_LOOKED_AT = 20  # output files, to see what answers are joined by
_OURS = frozenset({"results.jsonl"})
_Take = Callable[[Row], None]


@dataclass(frozen=True)
class Options:
    """How results are written.

    Args:
        formats: any of jsonl, csv, xlsx, html. results_summary.json is written always.
        excel_mark: begin the CSV with a byte order mark, which Excel wants.
        formula_guard: put `'` before CSV text that a spreadsheet would run.
        price: what an answer costs, called as `price(model, prompt_tokens, output_tokens,
            cached_tokens, batch=True)`; None where the price is unknown.
        now: the time of the report.
        beside: whether a second process is to help with so many rows.
    """

    formats: Sequence[str] = FORMATS
    excel_mark: bool = False
    formula_guard: bool = True
    price: Price = no_price
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    beside: Callable[[int], bool] = worth_it

    def __post_init__(self) -> None:
        unknown = [name for name in self.formats if name not in FORMATS]
        if unknown or not self.formats:
            raise WrongUse(
                f"'{', '.join(unknown)}' is no format of results",
                fix=f"Choose from {', '.join(FORMATS)}.",
            )


def aggregate_predictions(
    run_uri: str, *, out_uri: str = "", options: Options | None = None, state: str = ""
) -> PredictionSummary:
    """Collect the answers of a run: its manifest, its ledger, the outputs of its jobs.

    Where there are no rows to write (a BigQuery table, or rows that could not be prepared), the
    report and the summary tell that.

    Args:
        run_uri: the run folder; any of its files may be missing.
        out_uri: where to write; the run folder if empty.
        options: formats, prices and the like.
        state: how the platform says that the steps before ended; empty if nobody says it.

    Raises:
        InputError: the manifest is damaged.
        ServiceError: something could not be read or written.
    """
    around = read_around(run_uri, state=state)
    place = _manifest(run_uri)
    if around.table or not place:
        return _without_rows(around, out_uri or run_uri, options or Options())
    options = options or Options()
    jobs = read_jobs(join(run_uri, "predictions.json"))
    beside = options.beside(files.size(place) // _ROW_BYTES)
    joining = ManifestJoin(place, join(run_uri, "prepared", "shards"), beside=beside)
    broken = JsonFaults(run_uri, jobs, joining.place_of, joining.rows)
    uris = output_files([join(run_uri, "predictions")])
    if around.plan and not around.unsent and not jobs and not uris:
        around = replace(around, unsent="Not sent: the rows were only prepared")
    found = _Found(Manifest(place), joining, jobs, broken, around)
    return _aggregate(found, uris, out_uri or run_uri, options)


def _manifest(run_uri: str) -> str:
    """The manifest that knows what became of rows of later waves, else the first; "" for none."""
    resolved = [
        uri
        for uri in files.list_uris(join(run_uri, "prepared", "resolved"))
        if uri.endswith(".jsonl")
    ]
    first = join(run_uri, "prepared", "manifest.jsonl")
    return resolved[-1] if resolved else first if files.exists(first) else ""


def aggregate_outputs(
    rows_uri: str, outputs: Sequence[str], out_uri: str, *, options: Options | None = None
) -> PredictionSummary:
    """Collect the answers of jobs made elsewhere.

    Args:
        rows_uri: the request JSONL that was sent: `{"key", "request"}` a line, key or not.
        outputs: `*.jsonl` files, and folders; every `*.jsonl` below them is read.
        out_uri: folder to write to.
        options: formats, prices and the like.

    Raises:
        InputError: there is no such file, or it is not UTF-8.
        WrongUse: there are no outputs.
        ServiceError: something could not be read or written.
    """
    found = [output_files([place], (rows_uri,)) for place in outputs]
    for place, uris in zip(outputs, found, strict=True):
        if not uris:
            raise WrongUse(
                "There are no output files", where=place, fix="Name the folder that holds *.jsonl."
            )
    source = RequestFile(rows_uri)
    joining = RequestJoin(source)
    every = sorted({uri for uris in found for uri in uris})
    joining.expect(_first_lines(every[:_LOOKED_AT]))
    return _aggregate(_Found(source, joining), every, out_uri, options or Options())


def _first_lines(uris: Sequence[str]) -> Iterator[bytes]:
    for uri in uris:
        first = next(numbered_lines(uri), (0, None))[1]
        if first:
            yield first


def output_files(folders: Sequence[str], leave_out: Sequence[str] = ()) -> list[str]:
    """Every `*.jsonl` below the folders, each once, in name order; not what we write."""
    found = {
        uri
        for folder in folders
        for uri in (*files.list_uris(folder), *([folder] if files.exists(folder) else ()))
        if uri.endswith(".jsonl") and name_of(uri) not in _OURS and uri not in leave_out
    }
    return sorted(found)


@dataclass(frozen=True)
class _Found:
    """What there is besides the outputs: the rows, and what is known of their run."""

    source: Source
    joining: Joining
    jobs: Sequence[Job] = ()
    broken: JsonFaults | None = None
    around: Around = ALONE


def _aggregate(
    run: _Found, uris: Sequence[str], out_uri: str, options: Options
) -> PredictionSummary:
    joining, around = run.joining, run.around
    beside = options.beside(joining.rows)
    with ExitStack() as stack:
        spills = [stack.enter_context(Spill(joining.rows)) for _ in range(1 + beside)]
        kept, counts = gather(uris, run.jobs, joining, spills, options.price, run.broken)
        joining.forget()
        names = kept.fields.names()
        rows = OrderedRows(
            run.source,
            joining,
            spills,
            kept,
            run.jobs,
            options.price,
            structured=bool(names),
            unsent=around.unsent,
        )
        tally, samples = Tally(), Samples()
        making = _making(rows, joining.rows, names, options)
        written = _write(making, tally, samples, names, counts, out_uri, options, beside)
    around = around.with_versions(v for model in tally.models.values() for v in model.versions)
    found = remarks(tally, counts, kept.fields, asked=not around.unsent)
    summary = ended(_summary(tally, counts, kept.fields, names, found, written), around)
    return _tell(summary, tally, samples, found, around, out_uri, options)


def _without_rows(around: Around, out_uri: str, options: Options) -> PredictionSummary:
    """The summary of a run without a row of its own: the service counts those of a table."""
    counts: Counter[str] = Counter()
    for job in around.jobs:
        told = job.get("counts")
        counts.update(told if isinstance(told, dict) else {})
    ok, failed = counts["ok"], counts["given_up"]
    summary = PredictionSummary("", ok + failed, ok, 0, 0, failed, 0, 0)
    return _tell(ended(summary, around), Tally(), Samples(), [], around, out_uri, options)


def _tell(
    summary: PredictionSummary,
    tally: Tally,
    samples: Samples,
    found: Sequence[Remark],
    around: Around,
    out_uri: str,
    options: Options,
) -> PredictionSummary:
    """Write the summary and the page."""
    written = {**summary.files, "summary": join(out_uri, "results_summary.json")}
    if "html" in options.formats:
        written["report"] = join(out_uri, "report.html")
    summary = replace(summary, files=written)
    if "html" in options.formats:
        page = report_page(summary, tally, samples, found, around, options.now())
        files.write_text(written["report"], render(page), "text/html; charset=utf-8")
    files.write_json(written["summary"], summary.to_dict())
    return summary


def _making(rows: OrderedRows, number: int, names: list[str], options: Options) -> Making:
    wanted = {*options.formats}
    csv = CsvRows(names, formula_guard=options.formula_guard) if "csv" in wanted else None
    return Making(rows, number, "jsonl" in wanted, csv, shown=bool({"xlsx", "html"} & wanted))


def _write(
    making: Making,
    tally: Tally,
    samples: Samples,
    names: list[str],
    counts: Counts,
    out_uri: str,
    options: Options,
    beside: bool,
) -> dict[str, str]:
    """One walk over the rows feeds every file; if anything fails, none appears."""
    stem = join(out_uri, "results")
    written = {name: f"{stem}.{name}" for name in options.formats if name != "html"}
    with ExitStack() as stack:
        stretches = stack.enter_context(all_stretches(making, beside=beside))
        takes: list[_Take] = []
        if making.lines:
            lines = stack.enter_context(files.open_write(written["jsonl"], JSONL_TYPE))
        if making.csv:
            table = stack.enter_context(files.open_write(written["csv"], CSV_TYPE))
            table.write(making.csv.head(excel_mark=options.excel_mark))
        if "xlsx" in written:
            takes.append(_xlsx(stack, written["xlsx"], names, tally, counts))
        if "html" in options.formats:
            takes.append(samples.add)
        for stretch in stretches:
            if making.lines:
                lines.write(stretch.lines)
            if making.csv:
                table.write(stretch.table)
            tally.add(stretch.sums)
            for take in takes:
                for row in stretch.shown:
                    take(row)
    return written


def _xlsx(stack: ExitStack, uri: str, names: list[str], tally: Tally, counts: Counts) -> _Take:
    from components.tables.xlsx_writer import XlsxWriter

    writer = XlsxWriter(
        uri,
        columns_with(names),
        sheet="Results",
        summary=lambda: summary_rows(tally, counts),
    )
    write = stack.enter_context(writer).write
    return lambda row: write(as_cells(row))


def summary_rows(tally: Tally, counts: Counts) -> Iterator[tuple[str, Any]]:
    """The first sheet of the workbook."""
    yield "Rows", tally.rows
    for status in STATUSES:
        yield f"Rows {status}", tally.status(status)
    yield "Answers read", counts.lines
    yield "Duplicate answers", counts.duplicate
    yield "Answers to no row", counts.foreign
    yield "Lines not readable", counts.unreadable
    yield "Cost of all answers (USD)", round(counts.spent_usd, 6)
    for name, model in tally.models.items():
        label = name or "no model"
        yield f"{label}: rows", model.rows
        yield f"{label}: prompt tokens", model.prompt_tokens
        yield f"{label}: output tokens", model.output_tokens
        if model.rows > model.unpriced:
            yield f"{label}: cost (USD)", round(model.cost_usd, 6)
        for finish, number in model.finishes.most_common(12):
            yield f"{label}: finish reason {finish or 'none'}", number


def _summary(
    tally: Tally,
    counts: Counts,
    fields: Fields,
    names: Sequence[str],
    found: Sequence[Remark],
    written: dict[str, str],
) -> PredictionSummary:
    models = tally.models.values()
    statuses: dict[str, Any] = {name: tally.status(name) for name in STATUSES}
    notes = [f"{count(counts.requests)} lines are requests, not answers."] * bool(counts.requests)
    notes += [f"Not used: {example}" for example in counts.examples]
    if fields.left_out:
        notes.append(f"{count(fields.left_out)} rarer fields have no column of their own.")
    return PredictionSummary(
        headline="",
        rows=tally.rows,
        **statuses,
        files_read=counts.files,
        lines=counts.lines,
        matched=counts.matched,
        duplicate=counts.duplicate,
        retried=counts.retried,
        foreign=counts.foreign,
        unreadable=counts.unreadable,
        shared=tally.shared,
        matched_by=dict(counts.how),
        prompt_tokens=sum(model.prompt_tokens for model in models),
        output_tokens=sum(model.output_tokens for model in models),
        spent_usd=round(counts.spent_usd, 6),
        cost_usd=round(sum(model.cost_usd for model in models), 6),
        unpriced=sum(model.unpriced for model in models),
        models={name: _figures(model) for name, model in tally.models.items()},
        findings=tuple(
            {
                "kind": remark.kind,
                "severity": remark.severity,
                "title": remark.title,
                "text": remark.text,
                "rows": list(remark.rows),
            }
            for remark in found
        ),
        structured=fields.objects,
        fields=tuple(names),
        files=written,
        notes=tuple(notes),
    )


def _figures(model: Model) -> dict[str, Any]:
    return {
        "rows": model.rows,
        **{name: model.statuses[name] for name in STATUSES},
        "prompt_tokens": model.prompt_tokens,
        "output_tokens": model.output_tokens,
        "cost_usd": round(model.cost_usd, 6),
        "unpriced": model.unpriced,
        "like_refusals": model.refusals,
        "median_characters": model.lengths.quantile(0.5),
        "finish_reasons": dict(model.finishes.most_common(20)),
        "versions": dict(model.versions.most_common(20)),
    }
