"""Charts as inline SVG, drawn here, so that the page needs no script for them.

Every horizontal measure is a percentage and every vertical one a pixel: the charts fill any
width while their letters keep their size. Colours come from the page's style sheet by class;
failed pieces are hatched too, so that the difference is not only one of colour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from components.tables.formats import count, duration
from components.tables.html import Markup, el, join

Tone = Literal["ok", "bad", "warn", "idle", "run"]
MAX_LANES = 300
LABELLED_LANES = 40
_BUCKETS = 96
_BINS = 24


@dataclass(frozen=True)
class Span:
    """One bar of a timeline: seconds since 1970."""

    label: str
    start: float
    end: float
    tone: Tone
    words: str


@dataclass(frozen=True)
class Series:
    """Many spans in flat arrays (8 bytes a number), for jobs of 100,000 tasks and more.

    `tones` holds an index into `palette` for each span.
    """

    starts: Sequence[float]
    ends: Sequence[float]
    tones: Sequence[int]
    palette: Sequence[tuple[Tone, str]]


def _percent(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") + "%"


def _bar(x: float, width: float, y: float, height: float, tone: str, words: str) -> Markup:
    return el(
        "rect",
        el("title", words),
        class_=f"bar {tone}",
        x=_percent(x),
        width=_percent(width),
        y=f"{y:g}",
        height=f"{height:g}",
    )


def _svg(body: Markup, height: float, title: str, description: str) -> Markup:
    return el(
        "svg",
        el("title", title),
        el("desc", description),
        body,
        class_="chart",
        role="img",
        width="100%",
        height=f"{height:g}",
        aria_label=f"{title}. {description}",
    )


_CLOCK = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


def round_step(span: float, pieces: int) -> float:
    """A step of 1, 2 or 5 times a power of ten that cuts the span into about that many pieces."""
    raw = span / max(pieces, 1)
    power: float = 10 ** math.floor(math.log10(raw)) if raw > 0 else 1
    return float(next((power * f for f in (1, 2, 5) if raw <= power * f), power * 10))


def time_step(seconds: float, pieces: int) -> float:
    """The same for time: above half a minute, whole minutes, hours or days."""
    raw = seconds / max(pieces, 1)
    if raw <= 30:
        return round_step(seconds, pieces)
    days = 86400 * math.ceil(raw / 86400)
    return float(next((step for step in _CLOCK if raw <= step), days))


def _time_axis(span: float, height: float) -> Markup:
    """Grid lines and labels: time since the start."""
    step = time_step(span, 6)
    parts = []
    for number in range(int(span / step) + 1):
        x = 100 * number * step / span
        anchor = "start" if x < 4 else "end" if x > 96 else "middle"
        parts.append(
            el("line", class_="grid", x1=_percent(x), x2=_percent(x), y1=0, y2=f"{height:g}")
        )
        words = duration(number * step) if number else "0"
        place = {"x": _percent(x), "y": f"{height + 16:g}", "text_anchor": anchor}
        parts.append(el("text", words, class_="tick", **place))
    return join(parts)


def timeline(spans: Sequence[Span]) -> Markup:
    """A lane a task, in the order given; for up to MAX_LANES tasks."""
    if not spans:
        return Markup("")
    first = min(span.start for span in spans)
    whole = max(max(span.end for span in spans) - first, 0.001)
    labelled = len(spans) <= LABELLED_LANES
    lane = 22 if labelled else min(4.0, 480 / len(spans))
    thick = 12 if labelled else lane * 0.75
    height = lane * len(spans)
    bars = []
    for number, span in enumerate(spans):
        x = 100 * (span.start - first) / whole
        width = max(100 * (span.end - span.start) / whole, 0.15)
        top = lane * number + (lane - thick) / 2
        bars.append(_bar(min(x, 99.85), width, top, thick, span.tone, span.words))
    body = join([_time_axis(whole, height), *bars])
    words = f"{len(spans)} tasks over {duration(whole)}"
    chart = _svg(body, height + 22, "Timeline of tasks", words)
    if not labelled:
        return el("div", chart, class_="lanes")
    labels = join(el("span", span.label) for span in spans)
    return el(
        "div", el("div", labels, class_="names", aria_hidden="true"), chart, class_="lanes named"
    )


def running(series: Series) -> Markup:
    """How many tasks ran at each time, stacked by how they ended: for many tasks."""
    if not len(series.starts):
        return Markup("")
    first = min(series.starts)
    whole = max(max(series.ends) - first, 0.001)
    levels = _levels(series, first, whole)
    peak = max(0.001, *(sum(column) for column in zip(*levels, strict=True)))
    height = 170.0
    bars = [_level_lines(peak, height), _time_axis(whole, height)]
    width = 100 / _BUCKETS
    for number in range(_BUCKETS):
        at = duration(whole * (number + 0.5) / _BUCKETS)
        tops = [(level[number], *series.palette[k]) for k, level in enumerate(levels)]
        bars.append(_stack(number * width, width, tops, peak, height, lambda v: f"{v:.1f}", at))
    words = f"at most {peak:.0f} at once, over {duration(whole)}"
    chart = _svg(join(bars), height + 22, "Tasks running over time", words)
    return _with_levels(chart, peak, height)


def _levels(series: Series, first: float, whole: float) -> list[list[float]]:
    """Mean number of running tasks in each bucket, a list for each entry of the palette."""
    steps = [[0.0] * (_BUCKETS + 1) for _ in series.palette]
    parts = [[0.0] * (_BUCKETS + 1) for _ in series.palette]
    wide = whole / _BUCKETS
    for start, end, tone in zip(series.starts, series.ends, series.tones, strict=True):
        a, b = (start - first) / wide, (end - first) / wide
        i, j = min(int(a), _BUCKETS - 1), min(int(b), _BUCKETS - 1)
        part = parts[tone]
        if i == j:
            part[i] += b - a
            continue
        part[i] += i + 1 - a
        part[j] += b - j
        steps[tone][i + 1] += 1
        steps[tone][j] -= 1
    for step, part in zip(steps, parts, strict=True):
        level = 0.0
        for number in range(_BUCKETS):
            level += step[number]
            part[number] += level
    return [part[:_BUCKETS] for part in parts]


def _levels_of(peak: float, height: float) -> list[tuple[float, int]]:
    """Height in pixels and number of each horizontal grid line."""
    step = max(round_step(peak, 3), 1)
    return [
        (height * (1 - number * step / peak), round(number * step))
        for number in range(int(peak / step) + 1)
    ]


def _level_lines(peak: float, height: float) -> Markup:
    lines = []
    for y, _ in _levels_of(peak, height):
        lines.append(el("line", class_="grid", x1="0%", x2="100%", y1=f"{y:.1f}", y2=f"{y:.1f}"))
    return join(lines)


def _with_levels(chart: Markup, peak: float, height: float) -> Markup:
    """The chart with the numbers of its grid lines at its left."""
    labels = [
        el("text", count(number), class_="tick", x=30, y=f"{y + 4:.1f}", text_anchor="end")
        for y, number in _levels_of(peak, height)
    ]
    scale = el("svg", join(labels), class_="scale", width=38, height=height, aria_hidden="true")
    return el("div", scale, chart, class_="lanes")


def _stack(
    x: float,
    width: float,
    tops: Sequence[tuple[float, str, str]],
    peak: float,
    height: float,
    words: Callable[[float], str],
    where: str,
) -> Markup:
    """Bars on top of each other: `tops` is (value, tone, label) from below."""
    bars, floor = [], height
    for value, tone, label in tops:
        if value <= 0:
            continue
        tall = max(height * value / peak, 1.0)
        title = f"{where}: {words(value)} {label.lower()}"
        bars.append(_bar(x + width * 0.04, width * 0.92, floor - tall, tall, tone, title))
        floor -= tall
    return join(bars)


def histogram(values: Sequence[Sequence[float]], palette: Sequence[tuple[Tone, str]]) -> Markup:
    """How long things took: bars stacked by kind, with the median and the 95th percentile.

    Args:
        values: seconds, a sequence for each entry of `palette`.
        palette: tone and label of each.
    """
    every = sorted(value for part in values for value in part)
    if not every:
        return Markup("")
    edges = _edges(every[0], every[-1])
    counts = [_binned(part, edges) for part in values]
    peak = max(1, *(sum(column) for column in zip(*counts, strict=True)))
    height, width = 170.0, 100 / (len(edges) - 1)
    parts = [_level_lines(peak, height)]
    for number in range(len(edges) - 1):
        where = f"{duration(edges[number])} to {duration(edges[number + 1])}"
        tops = [(float(part[number]), *palette[k]) for k, part in enumerate(counts)]
        parts.append(
            _stack(number * width, width, tops, peak, height, lambda v: count(int(v)), where)
        )
    parts.append(_edge_labels(edges, height))
    middle, high = quantile(every, 0.5), quantile(every, 0.95)
    words = f"{count(len(every))} tasks, median {duration(middle)}, 95 % within {duration(high)}"
    return _with_levels(_svg(join(parts), height + 22, "Durations", words), peak, height)


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which this share of the sorted values lies (nearest rank)."""
    return ordered[min(max(math.ceil(share * len(ordered)) - 1, 0), len(ordered) - 1)]


def _edges(low: float, high: float) -> list[float]:
    """Edges of the bars: even steps, or even factors where the values span decades."""
    if 0 < low < high / 100:
        low = max(low, high / 1e6)  # what is shorter stands in the first bar
        factor = (high / low) ** (1 / _BINS)
        return [low * factor**number for number in range(_BINS)] + [high * 1.000001]
    step = time_step(max(high - low, high / 1000, 0.001), 16)
    first = math.floor(low / step)
    last = max(math.floor(high / step) + 1, first + 4)
    return [step * number for number in range(first, last + 1)]


def _binned(values: Sequence[float], edges: Sequence[float]) -> list[int]:
    from bisect import bisect_right

    counts = [0] * (len(edges) - 1)
    for value in values:
        counts[min(max(bisect_right(edges, value) - 1, 0), len(counts) - 1)] += 1
    return counts


def _edge_labels(edges: Sequence[float], height: float) -> Markup:
    base = el("line", class_="axis", x1="0%", x2="100%", y1=f"{height:g}", y2=f"{height:g}")
    parts = [base]
    every = max(1, math.ceil((len(edges) - 1) / 6))
    for number in range(0, len(edges), every):
        x = 100 * number / (len(edges) - 1)
        anchor = "start" if x < 4 else "end" if x > 96 else "middle"
        place = {"x": _percent(x), "y": f"{height + 16:g}", "text_anchor": anchor}
        parts.append(el("text", duration(edges[number]), class_="tick", **place))
    return join(parts)
