"""The report: what came of the rows, what stands out, then the rows, failures first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from components.aggregate_results.predictions.around import Around
from components.aggregate_results.predictions.findings import Remark, rows_words
from components.aggregate_results.predictions.judge import STATUSES
from components.aggregate_results.predictions.samples import Samples, beginning
from components.aggregate_results.predictions.summary import OUTCOMES, PredictionSummary
from components.aggregate_results.predictions.tally import Lengths, Model, Tally
from components.aggregate_results.run_folder import mappings_of, text_of
from components.tables.charts import Tone
from components.tables.columns import Column, Kind
from components.tables.data_table import data_table
from components.tables.formats import count, dollars, moment_words, plural
from components.tables.html import Markup, el, join
from components.tables.page import Page, Section, Tile, bullets, callout, paragraphs, pill

TONES: dict[str, Tone] = {
    "ok": "ok",
    "truncated": "warn",
    "blocked": "bad",
    "failed": "bad",
    "missing": "bad",
    "invalid": "idle",
}
_SEVERITY: dict[str, Tone] = {"error": "bad", "warning": "warn", "hint": "run"}
# What the page's table shows, how, and under which title; the files hold every column.
_SHOWN: dict[str, tuple[Kind, str]] = {
    "row": ("integer", "Row"),
    "id": ("text", "Id"),
    "status": ("state", "Status"),
    "prompt": ("prose", "Prompt"),
    "text": ("prose", "Answer"),
    "reason": ("text", "Reason"),
    "model": ("name", "Model"),
    "prompt_tokens": ("integer", "Tokens in"),
    "output_tokens": ("integer", "Tokens out"),
    "cost_usd": ("dollars", "Cost"),
    "attempts": ("integer", "Attempts"),
}
_REMARKS = 25
_MODELS = 20
_MISTAKES = 50


def report_page(
    summary: PredictionSummary,
    tally: Tally,
    samples: Samples,
    found: Sequence[Remark],
    around: Around,
    made_at: datetime,
) -> Page:
    """The page of a finished collection."""
    tone, status = OUTCOMES[summary.outcome]
    return Page(
        title=f"{summary.headline} - intent2batch",
        kicker="Batch prediction",
        headline=summary.headline,
        tone=tone,
        status=status,
        lead=paragraphs(_reason(summary), _joined(summary, around)),
        tiles=_tiles(summary),
        sections=_sections(summary, tally, samples, found, around),
        notes=around.notes,
        made=f"Made by intent2batch on {moment_words(made_at.isoformat())}.",
    )


def _reason(summary: PredictionSummary) -> str:
    """Why the rows have no answers, as a sentence."""
    return f"{beginning(summary.reason, 1_000)}." if summary.reason else ""


def _joined(summary: PredictionSummary, around: Around) -> str:
    """How the answers were joined to the rows."""
    if around.table:
        tables = ", ".join(str(job.get("output_uri", "")) for job in around.jobs)
        return f"{around.table} went to the service as it is; the answers are in {tables or '-'}."
    if around.unsent:
        return ""
    if not summary.lines:
        return "No output files with answers were found."
    ways = {"key": "by the key that came back", "request": "by the request that came back"}
    told = ", ".join(
        f"{count(number)} {ways.get(how, how)}" for how, number in summary.matched_by.items()
    )
    files = plural(summary.files_read, "file")
    text = f"{plural(summary.lines, 'line')} in {files}; rows that got an answer: {told or 'none'}."
    if summary.shared:
        text += f" {plural(summary.shared, 'row')} share the answer of an equal row."
    return text


def _tiles(summary: PredictionSummary) -> list[Tile]:
    if not summary.rows:
        return []
    tiles = [
        Tile("Rows", count(summary.rows)),
        Tile("Answered", count(summary.ok), tone="ok" if summary.ok else None),
    ]
    unsent = summary.outcome in ("dry_run", "unsent")
    for name in STATUSES[1:]:
        number = getattr(summary, name)
        if number:
            label = "Not sent" if unsent and name == "missing" else name.capitalize()
            tone = None if unsent or TONES[name] == "idle" else TONES[name]
            tiles.append(Tile(label, count(number), tone=tone))
    tiles += _estimate_tiles(summary)
    if summary.lines:
        tiles.append(Tile("Tokens in", count(summary.prompt_tokens)))
        tiles.append(Tile("Tokens out", count(summary.output_tokens), "thoughts included"))
        tiles.append(_cost_tile(summary))
    return tiles


def _estimate_tiles(summary: PredictionSummary) -> list[Tile]:
    """What was expected, where nothing came yet that it could stand beside."""
    told = summary.estimate
    if not told or summary.lines:
        return []
    tokens = [told.get(name) for name in ("input_tokens", "output_tokens")]
    tiles = [Tile("Cost, estimated", dollars(_estimate(summary)))]
    if all(isinstance(number, int) for number in tokens):
        tiles.append(Tile("Tokens, estimated", f"{tokens[0]:,} in", f"{tokens[1]:,} out"))
    return tiles


def _estimate(summary: PredictionSummary) -> float | None:
    cost = summary.estimate.get("cost_batch_usd")
    return cost if isinstance(cost, int | float) else None


def _cost_tile(summary: PredictionSummary) -> Tile:
    """Unknown prices are told, never shown as nothing."""
    if summary.unpriced and not summary.spent_usd:
        return Tile("Cost", "unknown", "no price is known")
    notes = []
    if summary.unpriced:
        notes.append(f"{plural(summary.unpriced, 'answer')} without a price")
    elif summary.spent_usd > summary.cost_usd + 0.00005:
        notes.append("all attempts")
    if _estimate(summary) is not None:
        notes.append(f"estimated {dollars(_estimate(summary))}")
    return Tile("Cost", dollars(summary.spent_usd), ", ".join(notes))


def _sections(
    summary: PredictionSummary,
    tally: Tally,
    samples: Samples,
    found: Sequence[Remark],
    around: Around,
) -> list[Section]:
    sections = [
        _findings(found),
        _mistakes(around),
        _charts(tally),
        _models(tally),
        _rows(summary, samples),
        _side_by_side(samples),
        _notes(summary.notes[len(around.notes) :]),
        _files(summary),
    ]
    return [section for section in sections if section is not None]


def _findings(found: Sequence[Remark]) -> Section | None:
    if not found:
        return None
    made = [
        callout(
            _SEVERITY[remark.severity],
            beginning(remark.title, 300),
            el("p", beginning(remark.text, 800)),
            el("p", rows_words(remark.rows), class_="which") if remark.rows else None,
        )
        for remark in found[:_REMARKS]
    ]
    more = len(found) - _REMARKS
    note = f"{plural(more, 'more finding')} in results_summary.json." if more > 0 else ""
    return Section("What stands out", join(made), note)


def _mistakes(around: Around) -> Section | None:
    """What was wrong or doubtful with the rows before they were sent, as plan.json tells it."""
    listed = mappings_of(around.plan.get("findings"))
    if not listed:
        return None
    rows = [
        [
            _place(finding),
            pill(
                _SEVERITY.get(text_of(finding.get("severity")), "run"), _told(finding, "severity")
            ),
            ": ".join(filter(None, (_told(finding, "path"), _told(finding, "message")))),
            _told(finding, "fix"),
        ]
        for finding in listed[:_MISTAKES]
    ]
    counts = around.plan.get("finding_counts")
    every = sum(n for n in counts.values() if isinstance(n, int)) if isinstance(counts, dict) else 0
    note = f"The first {_MISTAKES} of {count(every)}." if every > len(rows) else ""
    made = table(("Where", "Severity", "What", "Fix"), rows, "Findings in the rows")
    return Section("Found in the rows before", made, note, folded=True)


def _severity(name: str) -> Markup:
    return pill(_SEVERITY.get(name, "run"), beginning(name, 20))


def _place(finding: Mapping[str, Any]) -> str:
    line = finding.get("line")
    return _told(finding, "file") + (f":{line}" if isinstance(line, int) and line else "")


def _told(finding: Mapping[str, Any], name: str) -> str:
    return beginning(text_of(finding.get(name)), 400)


def _charts(tally: Tally) -> Section | None:
    if not tally.rows:
        return None
    statuses = [(name.capitalize(), tally.status(name), TONES[name]) for name in STATUSES]
    parts = [
        el("div", el("h3", "Rows by status"), bars([s for s in statuses if s[1]])),
    ]
    lengths = tally.lengths()
    if lengths.total >= 2:
        parts.append(el("div", el("h3", "Characters in an answer"), bars(length_bars(lengths))))
    return Section("At a glance", el("div", el("div", join(parts), class_="two"), class_="card"))


def length_bars(lengths: Lengths) -> list[tuple[str, int, Tone]]:
    """A bar a doubling of the length."""
    by_doubling: dict[int, int] = {}
    for step, number in lengths.counts.items():
        key = -1 if step < 0 else step // 8
        by_doubling[key] = by_doubling.get(key, 0) + number
    keys = sorted(by_doubling)
    doublings = range(max(keys[0], 0), keys[-1] + 1)
    made: list[tuple[str, int, Tone]] = [
        (_span(key), by_doubling.get(key, 0), "run") for key in doublings
    ]
    if -1 in by_doubling:
        made.insert(0, ("None", by_doubling[-1], "warn"))
    return made


def _span(doubling: int) -> str:
    if not doubling:
        return "1"
    return f"{count(2**doubling)} to {count(2 ** (doubling + 1) - 1)}"


def bars(parts: Sequence[tuple[str, int, Tone]]) -> Markup:
    """Horizontal bars, each with its label and number."""
    peak = max((number for _, number, _ in parts), default=0) or 1
    drawn: list[Markup] = []
    for place, (label, number, tone) in enumerate(parts):
        y, end = 24 * place, f"{35 + 50 * number / peak:.2f}%"
        words = f"{label}: {count(number)}"
        drawn += [
            el("text", label, class_="tick", x="0", y=f"{y + 15}"),
            el(
                "rect",
                el("title", words),
                class_=f"bar {tone}",
                x="34%",
                y=f"{y + 4}",
                width=f"{50 * number / peak:.2f}%",
                height="14",
            ),
            el("text", count(number), class_="tick", x=end, y=f"{y + 15}"),
        ]
    told = ", ".join(f"{label} {count(number)}" for label, number, _ in parts)
    size = {"width": "100%", "height": str(24 * len(parts))}
    return el("svg", join(drawn), class_="chart", role="img", aria_label=told, **size)


def _models(tally: Tally) -> Section | None:
    """The models side by side in figures."""
    if not tally.rows:
        return None
    models = list(tally.models.items())
    used = [name for name in STATUSES if tally.status(name)]
    heads = ("Model", "Rows", *(name.capitalize() for name in used), "Like refusals",
             "Median characters", "Tokens in", "Tokens out", "Cost")  # fmt: skip
    rows = [_model_row(name, model, used) for name, model in models[:_MODELS]]
    more = len(models) - _MODELS
    note = f"{plural(more, 'more model')} in results_summary.json." if more > 0 else ""
    return Section("By model", table(heads, rows, "Figures by model"), note)


def _model_row(name: str, model: Model, statuses: Sequence[str]) -> list[object]:
    priced = model.answered > model.unpriced
    cost = (
        dollars(model.cost_usd) if priced and (model.cost_usd or not model.unpriced) else "unknown"
    )
    return [
        el("strong", beginning(name, 100) or "none", class_="name"),
        count(model.rows),
        *(count(model.statuses[status]) for status in statuses),
        count(model.refusals),
        count(model.lengths.quantile(0.5)),
        count(model.prompt_tokens),
        count(model.output_tokens),
        cost if model.answered else "-",
    ]


def table(heads: Sequence[str], rows: Sequence[Sequence[object]], caption: str) -> Markup:
    """A plain table."""
    head = el("tr", join(el("th", name, scope="col") for name in heads))
    body = [
        el("tr", join(el("td", cell, data_title=h) for h, cell in zip(heads, row, strict=True)))
        for row in rows
    ]
    made = el("table", el("caption", caption), el("thead", head), el("tbody", join(body)))
    return el("div", made, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _side_by_side(samples: Samples) -> Section | None:
    """The same row as several models answered it."""
    models, groups = samples.side_by_side()
    if not groups:
        return None
    heads = ["Row", *(beginning(model, 60) or "none" for model in models)]
    rows = [
        [beginning(name, 80), *(_side(group.get(model)) for model in models)]
        for name, group in groups
    ]
    return Section(
        "Side by side",
        table(heads, rows, "Answers of several models to the same row"),
        f"The first {plural(len(groups), 'row')} that several models were asked.",
    )


def _side(answer: tuple[str, str] | None) -> object:
    if answer is None:
        return ""
    status, text = answer
    return text if status == "ok" else join([pill(TONES[status], status.capitalize()), " ", text])


def _rows(summary: PredictionSummary, samples: Samples) -> Section | None:
    rows = samples.sample.rows()
    if not rows:
        return None
    made = data_table(
        _columns(rows),
        rows,
        key="rows",
        caption="Rows, those without a whole answer first",
        tones=TONES,
        total=summary.rows,
    )
    note = "Rows without a whole answer first." if samples.sample.important_seen else ""
    if len(rows) < summary.rows:
        note += (
            f" Of the others an even sample; all {count(summary.rows)} rows, with their whole "
            "texts, are in the files."
        )
    return Section("Rows", made, note.strip())


def _columns(rows: Sequence[Mapping[str, Any]]) -> list[Column]:
    """Columns that hold something, and something that differs."""
    used = {name for name in _SHOWN if any(row[name] not in (None, "") for row in rows)}
    for name in ("model", "attempts"):
        if len({row[name] for row in rows}) == 1:
            used.discard(name)
    return [Column(name, title, kind) for name, (kind, title) in _SHOWN.items() if name in used]


def _notes(notes: Sequence[str]) -> Section | None:
    """Strange lines of the outputs; what the reader has to know stands at the top of the page."""
    if not notes:
        return None
    listed = bullets([beginning(note, 400) for note in notes[:30]])
    return Section("Lines that were not used", listed, folded=True)


def _files(summary: PredictionSummary) -> Section:
    rows = [(name, el("code", uri)) for name, uri in summary.files.items()]
    return Section("Files", table(("What", "Where"), rows, "Files"), folded=True)
