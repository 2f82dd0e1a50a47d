"""The report of a run as a page: what happened first, then why, then everything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from components.aggregate_results.outcomes import OUTCOMES
from components.aggregate_results.report_parts import (
    events_section,
    files_section,
    findings_section,
    intent_sections,
    request_section,
    rounds_section,
    unexplained,
)
from components.aggregate_results.run_folder import Run, text_of, texts_of
from components.aggregate_results.summary import Summary
from components.aggregate_results.tally import TONES, Tally
from components.batch.failures import Failure
from components.batch.task_facts import COLUMNS
from components.tables import charts
from components.tables.columns import Column, Row
from components.tables.data_table import Sample, data_table, ending
from components.tables.formats import count, duration, moment_words, plural, ranges, stamp
from components.tables.html import Markup, el, join, link
from components.tables.page import (
    Page,
    Section,
    Tile,
    callout,
    paragraphs,
    preformatted,
)
from components.tables.text import brief

_REASONS_SHOWN = 8
_CAUSES_SHOWN = 5
_FORECAST_SHOWN = 300
_HISTOGRAM_FROM = 12  # of fewer tasks the timeline says it all
_STATE_ORDER = ("SUCCEEDED", "FAILED", "UNEXECUTED", "RUNNING", "ASSIGNED", "PENDING", "UNKNOWN")
# What the page's table shows; the files hold every column.
_SHOWN = ("index", "state", "exit_code", "meaning", "attempts", "started_at", "duration_s")
_TITLES = {"duration_s": "Took"}


def report_page(
    run: Run, summary: Summary, tally: Tally, sample: Sample, made_at: datetime
) -> Page:
    """The page of a run.

    Args:
        run: what the run folder holds.
        summary: what it came to.
        tally: the sums over all tasks.
        sample: which tasks are shown one by one.
        made_at: time of the report.
    """
    outcome = OUTCOMES[summary.outcome]
    return Page(
        title=f"{summary.headline} - intent2batch",
        kicker=_kicker(run),
        headline=summary.headline,
        tone=outcome.tone,
        status=outcome.status,
        lead=paragraphs(_reason(run, summary), _remedy(run, summary)),
        facts=_facts(run, summary, sample),
        tiles=_tiles(summary),
        sections=_sections(run, summary, tally, sample),
        notes=summary.notes,
        made=f"Made by intent2batch on {moment_words(made_at.isoformat())}.",
    )


def _kicker(run: Run) -> str:
    job = run.job_name.rsplit("/", 1)[-1]
    return f"Batch job {job}" if job else "Batch job from words"


def _reason(run: Run, summary: Summary) -> str:
    """Why, unless a section below says the same and more."""
    told_below = (
        summary.outcome == "findings"
        or (summary.outcome == "failed" and summary.failures)
        or (summary.outcome == "clarify" and texts_of(run.intent.get("questions")))
    )
    return "" if told_below else summary.reason


def _remedy(run: Run, summary: Summary) -> str:
    """What to do; where there are failed tasks the section about them says it better."""
    return "" if summary.failures or run.outcome == "succeeded" else summary.remedy


def _facts(run: Run, summary: Summary, sample: Sample) -> list[tuple[str, str | Markup]]:
    parts = run.job_name.split("/")
    facts: list[tuple[str, str | Markup]] = []
    if len(parts) >= 6:
        facts += [("Project", parts[1]), ("Region", parts[3])]
    begun, ended = stamp(run.ledger.get("submitted_at")), stamp(run.last_ledger.get("ended_at"))
    if begun is not None:
        facts.append(("Submitted", moment_words(text_of(run.ledger.get("submitted_at")))))
    zones = {row["zone"] for row in sample.rows() if row["zone"]}
    if len(zones) == 1:
        facts.append(("Zone", zones.pop()))
    if begun is not None and ended is not None:
        facts.append(("Job took", duration(ended - begun)))
    told = run.gate.get("forecast")
    foretold = text_of(told.get("line")) if isinstance(told, dict) else ""
    if foretold:
        facts.append(("Forecast", brief(foretold, _FORECAST_SHOWN)))
    if summary.console_url and run.job_name:
        facts.append(("Job", link(summary.console_url, "Open in the Google Cloud console")))
    return facts


def _tiles(summary: Summary) -> list[Tile]:
    if not summary.tasks:
        return []
    tiles = [
        Tile("Tasks", count(summary.tasks)),
        Tile("Succeeded", count(summary.succeeded), tone="ok" if summary.succeeded else None),
        Tile("Failed", count(summary.failed), tone="bad" if summary.failed else None),
    ]
    if summary.unexecuted:
        tiles.append(Tile("Never ran", count(summary.unexecuted), "the job ended first"))
    if summary.other:
        tiles.append(Tile("Not ended", count(summary.other)))
    if summary.retried or summary.preempted:
        lost = f"{count(summary.preempted)} lost a Spot VM" if summary.preempted else ""
        tiles.append(Tile("Retried", count(summary.retried), lost))
    if summary.durations:
        sums = f"{duration(summary.task_seconds)} of task time"
        tiles.append(Tile("Elapsed", duration(summary.seconds), sums))
    if summary.durations and summary.tasks > 1:
        longest = f"longest {duration(summary.durations['longest'])}"
        tiles.append(Tile("Median task", duration(summary.durations["median"]), longest))
    return tiles


def _sections(run: Run, summary: Summary, tally: Tally, sample: Sample) -> list[Section]:
    sections: list[Section | None] = []
    if summary.outcome in ("clarify", "reject"):
        sections += intent_sections(run)
    elif summary.outcome == "findings":
        sections.append(findings_section(run))
    elif summary.outcome == "dry_run":
        sections += [request_section(run), findings_section(run)]
    if unexplained(run):
        sections.append(events_section(run))
    sections += [
        rounds_section(summary),
        _failures(tally, summary.causes, sample),
        _charts(tally),
        _tasks(summary, sample),
    ]
    if summary.outcome not in ("clarify", "reject"):
        sections += intent_sections(run)
    if summary.outcome not in ("findings", "dry_run"):
        sections.append(findings_section(run))
    if summary.outcome != "dry_run":
        sections.append(request_section(run))
    if not unexplained(run):
        sections.append(events_section(run))
    sections.append(files_section(summary))
    return [section for section in sections if section is not None]


def _failures(tally: Tally, causes: Sequence[Mapping[str, Any]], sample: Sample) -> Section | None:
    """Failed tasks by exit code, each with what it means, what to do, and one task's output."""
    reasons = tally.failures.by_count()
    if not reasons:
        return None
    outputs = {row["index"]: text_of(row["output_tail"]) for row in sample.important}
    cards = [
        _failure(reason, [cause for cause in causes if cause["code"] == reason.code], outputs)
        for reason in reasons[:_REASONS_SHOWN]
    ]
    more = len(reasons) - _REASONS_SHOWN
    note = f"{plural(more, 'further exit code')} in the table below." if more > 0 else ""
    return Section("What went wrong", join(cards), note)


def _failure(
    reason: Failure, causes: Sequence[Mapping[str, Any]], outputs: Mapping[int, str]
) -> Markup:
    code = "No exit code" if reason.code is None else f"Exit code {reason.code}"
    number = len(reason.indexes)
    example = next((index for index in reason.indexes if outputs.get(index)), None)
    output = None
    if example is not None:
        label = f"Last lines of task {example}"
        output = join(
            [el("p", label, class_="which"), preformatted(ending(outputs[example]), label)]
        )
    event = el("p", "Batch says: ", el("code", reason.event), class_="which")
    return callout(
        "bad",
        f"{code}: {reason.meaning}",
        el("p", f"{plural(number, 'task')}: {ranges(reason.indexes)}", class_="which"),
        join(_why(cause, alone=len(causes) == 1) for cause in causes[:_CAUSES_SHOWN])
        if any(cause["seen"] for cause in causes)
        else el("p", " ".join([*(cause["now"] for cause in causes), reason.remedy]).strip()),
        output,
        event if reason.event and output is None else None,
    )


def _why(cause: Mapping[str, Any], *, alone: bool) -> Markup:
    """What the output of tasks says of why they failed."""
    who = "" if alone else f" ({plural(cause['count'], 'task')}: {cause['indexes']})"
    return el(
        "p",
        el("strong", f"{cause['what'][:1].upper()}{cause['what'][1:]}{who}."),
        f" {cause['now']} {cause['remedy']}",
        el("br"),
        el("code", cause["evidence"]),
    )


def _charts(tally: Tally) -> Section | None:
    if not tally.ran:
        return None
    many = len(tally.ran) > charts.MAX_LANES
    if many:
        title = "Tasks running at once"
        drawn = charts.running(tally.series)
    else:
        title = "Timeline"
        drawn = charts.timeline(_spans(tally))
    succeeded, failed = tally.durations()
    parts = [el("div", el("h3", title), drawn)]
    if len(tally.ran) >= _HISTOGRAM_FROM:
        bars = charts.histogram([succeeded, failed], tally.series.palette)
        parts.append(el("div", el("h3", "How long tasks took"), bars))
    shares: list[tuple[str, int, charts.Tone]] = [
        (state.capitalize(), tally.states[state], TONES[state])
        for state in _STATE_ORDER
        if tally.states[state]
    ]
    body = el(
        "div",
        el("div", join(parts), class_="two" if len(parts) > 1 else None),
        _legend(shares),
        class_="card",
    )
    return Section("When tasks ran", body, "Last attempt of each task. Times count from the first.")


def _spans(tally: Tally) -> list[charts.Span]:
    every: Sequence[tuple[int, float, float, int]] = list(
        zip(tally.ran, tally.starts, tally.ends, tally.tones, strict=True)
    )
    return [
        charts.Span(
            label=f"Task {index}",
            start=start,
            end=end,
            tone="bad" if tone else "ok",
            words=f"Task {index}: {'failed' if tone else 'succeeded'}, {duration(end - start)}",
        )
        for index, start, end, tone in sorted(every)
    ]


def _legend(shares: Sequence[tuple[str, int, charts.Tone]]) -> Markup:
    """Colour, word and number of each state."""
    items = [
        el(
            "li",
            el(
                "svg",
                el("rect", class_=f"bar {tone}", width="12", height="12", rx="2"),
                width="12",
                height="12",
                aria_hidden="true",
            ),
            f"{label} {count(number)}",
        )
        for label, number, tone in shares
    ]
    return el("ul", join(items), class_="legend")


def _tasks(summary: Summary, sample: Sample) -> Section | None:
    rows = sample.rows()
    if not rows:
        return None
    shown = table_columns(rows)
    table = data_table(
        shown,
        rows,
        key="tasks",
        caption="Tasks, failed ones first",
        tones=TONES,
        total=summary.tasks,
    )
    return Section("Tasks", table, _sampled(sample, len(rows)))


def table_columns(rows: Sequence[Row]) -> list[Column]:
    """The columns for a page: zones only where they differ, output only where there is some."""
    zones = {row.get("zone") for row in rows if row.get("zone")}
    return [
        replace(column, title=_TITLES.get(column.name, column.title))
        for column in COLUMNS
        if column.name in _SHOWN
        or (column.name == "zone" and len(zones) > 1)
        or (column.name == "round" and any(row.get("round") for row in rows))
        or (column.name == "output_tail" and any(row.get("output_tail") for row in rows))
    ]


def _sampled(sample: Sample, shown: int) -> str:
    if shown == sample.seen:
        return "Failed tasks first." if sample.important_seen else ""
    kept = len(sample.important)
    which = "all" if kept == sample.important_seen else f"the first {count(kept)} of"
    failed = f"{which} {plural(sample.important_seen, 'failed task')} and " if kept else ""
    return (
        f"Shown are {failed}an even sample of the others. All {count(sample.seen)} tasks are in "
        "tasks.csv, tasks.xlsx and tasks.jsonl."
    )
