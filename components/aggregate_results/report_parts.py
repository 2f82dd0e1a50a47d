"""The parts of a report that come from the run folder: words, findings, request, events."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from components.aggregate_results.run_folder import Run, mappings_of, text_of, texts_of
from components.aggregate_results.summary import Summary
from components.tables.columns import as_text
from components.tables.formats import count, moment_words, plural
from components.tables.html import Markup, el, join
from components.tables.page import Section, bullets, pill, preformatted

# Bounds of what a page repeats, so that it stays small whatever the run folder holds.
_TEXT = 40_000
_ITEMS = 200
_TABLE = 150_000
_SEVERITY = {"error": "bad", "warning": "warn", "hint": "run"}


def short(text: str, limit: int = _TEXT) -> str:
    """The text, cut with a remark where it is too long for a page."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}\n[… {count(len(text) - limit)} more characters]"


def intent_sections(run: Run) -> list[Section | None]:
    """What the person wrote, and what was understood of it."""
    if not run.intent:
        return []
    asked = run.intent.get("outcome") in ("clarify", "reject")
    sections: list[Section | None] = []
    questions = texts_of(run.intent.get("questions"))[:_ITEMS]
    if questions and asked:
        listed = join(el("li", short(question, 1000)) for question in questions)
        sections.append(Section("Please answer", el("ol", listed, class_="questions")))
    sections.append(_words(run, folded=not asked))
    sections.append(_understood(run, folded=not asked))
    return sections


def _words(run: Run, *, folded: bool) -> Section | None:
    turns = texts_of(run.intent.get("turns"))[:_ITEMS]
    if not turns:
        return None
    share = max(_TEXT // len(turns), 200)
    quotes = join(el("blockquote", short(turn, share)) for turn in turns)
    return Section("What was asked for", quotes, folded=folded)


def _understood(run: Run, *, folded: bool) -> Section | None:
    evidence = mappings_of(run.intent.get("evidence"))[:_ITEMS]
    assumed = mappings_of(run.intent.get("assumptions"))[:_ITEMS]
    warned = texts_of(run.intent.get("warnings")) + [
        f"Not read: {text}" for text in texts_of(run.intent.get("unread"))
    ]
    parts: list[Markup] = []
    if evidence:
        rows = [
            (_path(item.get("path")), _code(item.get("value")), _quote(item)) for item in evidence
        ]
        parts.append(_table("From the words", ("Field", "Value", "Because you wrote"), rows))
    if assumed:
        rows = [(_path(i.get("path")), _code(i.get("value")), _some(i.get("why"))) for i in assumed]
        parts.append(_table("Assumed, as the words do not say", ("Field", "Value", "Why"), rows))
    if warned:
        parts.append(el("h3", "Mind"))
        parts.append(bullets([_some(text) for text in warned[:50]]))
    if not parts:
        return None
    return Section("What was understood", join(parts), folded=folded)


def findings_section(run: Run) -> Section | None:
    """What the checks of the job found, errors first."""
    if not run.findings:
        return None
    order = {"error": 0, "warning": 1, "hint": 2}
    ranked = sorted(run.findings, key=lambda finding: order.get(_some(finding.get("severity")), 3))
    rows = [
        (
            _severity(finding),
            _path(finding.get("path")),
            el("span", _some(finding.get("message")), _fix(finding)),
            _code(finding.get("rule")),
        )
        for finding in ranked[:_ITEMS]
    ]
    table = _table("", ("Severity", "Where", "What, and how to mend it", "Rule"), rows)
    errors = any(finding.get("severity") == "error" for finding in run.findings)
    more = len(run.findings) - _ITEMS
    note = f"{plural(more, 'more finding')} in findings.json." if more > 0 else ""
    return Section("Findings", table, note, folded=not errors)


def _severity(finding: Mapping[str, Any]) -> Markup:
    severity = _some(finding.get("severity"))
    return pill(_SEVERITY.get(severity, "idle"), severity.capitalize() or "Unknown")


def _fix(finding: Mapping[str, Any]) -> Markup | None:
    fix = _some(finding.get("fix"))
    place = _some(finding.get("file"))
    line = finding.get("line")
    if place and isinstance(line, int) and line:
        place = f"{place}:{line}"
    parts = [el("br"), el("strong", "Fix: "), fix] if fix else []
    parts += [el("br"), el("code", place)] if place else []
    return join(parts) if parts else None


def request_section(run: Run) -> Section | None:
    """The request that made the job, or would have made it: exactly what is sent."""
    request = run.ledger.get("request")
    request = request if isinstance(request, dict) else {}
    if not request and not run.job:
        return None
    dry = run.outcome == "dry_run"
    text = short(json.dumps(run.job, indent=2, ensure_ascii=False), 60_000)
    parts: list[object] = []
    if request:
        parts.append(preformatted(_call(request), "Method and URL"))
    parts.append(preformatted(text, "Body of the request", whole=dry))
    title = "The request" if request else "The job"
    return Section(title, join(parts), folded=not dry)


def _call(request: Mapping[str, Any]) -> str:
    """The REST call, as the Batch API documents projects.locations.jobs.create."""
    parent = quote(text_of(request.get("parent")), safe="/")
    names = {"job_id": "jobId", "request_id": "requestId"}
    query = "&".join(
        f"{ours}={quote(text_of(request.get(theirs)), safe='')}"
        for theirs, ours in names.items()
        if text_of(request.get(theirs))
    )
    return f"POST https://batch.googleapis.com/v1/{parent}/jobs" + (f"?{query}" if query else "")


def events_section(run: Run) -> Section | None:
    """The job's history as Batch tells it."""
    events = [
        event
        for number in range(len(run.rounds) + 1)
        for event in mappings_of(run.ledger_of(number).get("events"))
    ]
    if not events:
        return None
    events = sorted(events, key=lambda event: _some(event.get("time")))[-_ITEMS:]
    rows = [
        (
            el("span", moment_words(_some(event.get("time")), ""), class_="mono"),
            join([_some(event.get("description")), _meaning(event)]),
        )
        for event in events
    ]
    return Section(
        "The job's events", _table("", ("Time (UTC)", "Event"), rows), folded=not unexplained(run)
    )


def rounds_section(summary: Summary) -> Section | None:
    """In which jobs tasks ran again, why, and with which changes."""
    if not summary.rounds:
        return None
    rows = [
        (
            str(number),
            _some(told["tasks"]),
            bullets([_some(line) for line in told["why"]]),
            _some(told["outcome"]),
            _code(told["job_name"].rpartition("/")[2]),
        )
        for number, told in enumerate(summary.rounds, start=1)
    ]
    heads = ("Round", "Tasks", "Why, and what was changed", "Outcome", "Job")
    return Section("Run again", _table("", heads, rows))


def _meaning(event: Mapping[str, Any]) -> Markup | None:
    """What an event of trouble means, and what to do."""
    from components.batch.events import diagnose

    found = diagnose(text_of(event.get("description")))
    if found.kind == "info":
        return None
    cause = found.cause[:1].upper() + found.cause[1:]
    return el("span", f"{cause}. {found.remedy}".strip(), class_="means")


def unexplained(run: Run) -> bool:
    """Whether the job's events are the explanation, since no task can give one."""
    return run.outcome in ("hopeless", "refused", "deadline", "unfinished")


def files_section(summary: Summary) -> Section | None:
    """Where everything lies."""
    rows = [(name, _code(uri)) for name, uri in summary.files.items()]
    rows.append(("run folder", _code(summary.run_uri)))
    return Section("Files", _table("", ("What", "Where"), rows), folded=True)


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> Markup:
    head = el("tr", join(el("th", name, scope="col") for name in heads))
    body: list[Markup] = []
    room = _TABLE
    for row in rows:
        cells = join(el("td", cell, data_title=h) for h, cell in zip(heads, row, strict=True))
        room -= len(cells)
        if room < 0:
            break
        body.append(el("tr", cells))
    table = el("table", el("thead", head), el("tbody", join(body)), class_="plain")
    box = el("div", table, class_="scroll", tabindex="0", role="region", aria_label=title or None)
    left = len(rows) - len(body)
    more = el("p", f"{plural(left, 'more row')} not shown.", class_="counted") if left else None
    return join([el("h3", title) if title else None, box, more])


def _some(value: Any) -> str:
    return short(as_text(value), 600)


def _code(value: Any) -> Markup:
    return el("code", _some(value))


def _path(value: Any) -> Markup:
    """A field's path, which may break behind its dots."""
    return el("code", join(_some(value).split("."), ".<wbr>"))


def _quote(item: Mapping[str, Any]) -> str:
    quoted = _some(item.get("quote"))
    return f"“{quoted}”" if quoted else ""
