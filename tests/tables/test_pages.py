"""Pages: escaping, the policy that forbids everything else, the sample, the charts."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.tables import charts
from components.tables.columns import Column
from components.tables.data_table import Sample, cell_words, data_table
from components.tables.formats import duration, moment, moment_words, ranges, stamp
from components.tables.html import Markup, el, escape, json_block, link
from components.tables.page import Page, Section, Tile, render

ANY = st.text(st.characters())
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&\u202e\x00"


class Tags(HTMLParser):
    """Every tag and attribute of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def hostile_page() -> str:
    column = (Column("a", HOSTILE), Column("b", "B", "state"), Column("c", "C", "long"))
    row = {"a": HOSTILE, "b": HOSTILE, "c": HOSTILE * 3}
    table = data_table(column, [row], key="t", caption=HOSTILE, tones={HOSTILE: HOSTILE})
    return render(
        Page(
            title=HOSTILE,
            kicker=HOSTILE,
            headline=HOSTILE,
            tone="bad",
            status=HOSTILE,
            lead=HOSTILE,
            facts=[(HOSTILE, HOSTILE)],
            tiles=[Tile(HOSTILE, HOSTILE, HOSTILE)],
            sections=[Section(HOSTILE, table, HOSTILE), Section(HOSTILE, Markup(""), folded=True)],
            notes=[HOSTILE],
            made=HOSTILE,
        )
    )


def test_hostile_text_makes_no_element() -> None:
    found = Tags(hostile_page()).tags
    assert [tag for tag, _ in found].count("script") == 2
    assert "img" not in {tag for tag, _ in found}
    names = {name for _, attributes in found for name in attributes}
    assert not {name for name in names if name.startswith("on") or name == "style"}


def test_a_page_loads_nothing() -> None:
    page = hostile_page()
    for tag, attributes in Tags(page).tags:
        assert not {"src", "srcset", "background", "action", "data"} & set(attributes), tag
        assert tag not in ("link", "iframe", "object", "embed", "form", "base")
    assert "@import" not in page
    assert re.findall(r"url\((?!#)", page) == []


def test_the_policy_allows_the_style_and_the_script_by_hash_only() -> None:
    page = hostile_page()
    policy = next(
        attributes["content"]
        for tag, attributes in Tags(page).tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for tag, name in (("style", "style-src"), ("script", "script-src")):
        text = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.S)
        assert len(text) == 1
        digest = base64.b64encode(hashlib.sha256(text[0].encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}'" in policy


@given(ANY)
def test_escaped_text_is_text(text: str) -> None:
    assert Tags(escape(text)).tags == []


@given(
    st.recursive(ANY | st.integers() | st.none(), lambda x: st.lists(x) | st.dictionaries(ANY, x))
)
def test_json_in_a_page_reads_back_and_cannot_end_its_block(value: Any) -> None:
    block = json_block("x", value)
    inner = block.removeprefix('<script type="application/json" id="x">').removesuffix("</script>")
    assert "<" not in inner
    assert json.loads(inner) == value


@pytest.mark.parametrize("name", ["onclick", "style", "on_load", "a b", 'x"y'])
def test_no_attribute_that_runs(name: str) -> None:
    with pytest.raises(ValueError, match="never written"):
        el("p", **{name: "x"})


@pytest.mark.parametrize(
    ("url", "linked"),
    [
        ("https://console.cloud.google.com/x", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("http://example.com", False),
        (" https://example.com", False),
        ("", False),
    ],
)
def test_only_https_becomes_a_link(url: str, linked: bool) -> None:
    made = link(url, "text")
    assert ("<a " in made) is linked
    assert not linked or 'rel="noopener noreferrer"' in made


def test_the_page_is_whole_without_its_script() -> None:
    rows = [{"n": n, "s": "FAILED" if n < 3 else "SUCCEEDED"} for n in range(250)]
    columns = (Column("n", "N", "integer"), Column("s", "S", "state"))
    made = data_table(columns, rows, key="t", caption="c", tones={"FAILED": "bad"}, total=900)
    assert made.count("<tr>") == 101
    assert "The first 100 of 250 rows" in made
    assert made.count('<span class="pill bad">') == 3
    data = json.loads(re.search(r'id="t-data">(.*?)</script>', made)[1])  # type: ignore[index]
    assert len(data["rows"]) == 250
    assert data["sort"] == {"0": list(range(250))}


def test_a_sample_keeps_the_important_and_an_even_share_of_the_rest() -> None:
    sample = Sample(important_cap=10, others_cap=20)
    for number in range(10_000):
        sample.add({"n": number}, number % 100 == 0)
    rows = [row["n"] for row in sample.rows()]
    assert rows[:10] == [n * 100 for n in range(10)]
    others = rows[10:]
    assert 10 <= len(others) <= 20
    assert others == sorted(others)
    assert max(others) > 8000
    assert sample.seen == 10_000


def test_a_sample_stays_small_whatever_the_rows_hold() -> None:
    sample = Sample(bytes_left=50_000)
    for number in range(2000):
        sample.add({"n": number, "text": "x" * 100_000}, number % 2 == 0)
    kept = sample.rows()
    assert 5 <= len(kept) <= 20


@pytest.mark.parametrize("text", ["<" * 5000, "日" * 5000, "😀" * 5000, '\\"\n' * 2000])
def test_a_sample_counts_what_escaping_adds(text: str) -> None:
    columns = (Column("n", "N", "integer"), Column("t", "T", "long"))
    sample = Sample()
    for number in range(1000):
        sample.add({"n": number, "t": text}, number % 2 == 0)
    made = data_table(columns, sample.rows(), key="t", caption="c", tones={})
    assert len(made.encode()) < 1_400_000


def test_long_output_keeps_its_end() -> None:
    words = cell_words(Column("o", "O", "long"), "x" * 10_000 + "the end")
    assert len(words) < 4_100
    assert words.endswith("the end")
    assert "characters before" in words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "-"),
        (0, "0 s"),
        (0.0001, "under 1 ms"),
        (0.042, "42 ms"),
        (0.9999, "1 s"),
        (2.5, "2.5 s"),
        (9.96, "10 s"),
        (48.4, "48 s"),
        (59.7, "1 min"),
        (200, "3 min 20 s"),
        (7500, "2 h 05 min"),
        (273_600, "3 d 04 h"),
        (-3, "-3 s"),
    ],
)
def test_durations(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


@given(st.floats(0, 4e9))
def test_times_read_back(seconds: float) -> None:
    assert stamp(moment(seconds)) == pytest.approx(seconds, abs=0.001)


def test_times_in_words() -> None:
    assert moment_words("2026-11-21T10:30:05.123456789Z") == "2026-11-21 10:30:05 UTC"
    assert moment_words("2026-11-21T12:30:05+02:00") == "2026-11-21 10:30:05 UTC"
    assert moment_words("tomorrow") == "tomorrow"


@pytest.mark.parametrize(
    ("indexes", "words"),
    [
        ([], ""),
        ([4], "4"),
        ([0, 1, 2, 9, 11, 12], "0-2, 9, 11-12"),
        (range(0, 40, 2), "0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22 … and 8 more"),
    ],
)
def test_ranges(indexes: Any, words: str) -> None:
    assert ranges(indexes) == words


SPANS = st.lists(
    st.tuples(st.floats(0, 1e6), st.floats(0, 1e5), st.integers(0, 1)), min_size=1, max_size=60
)
PALETTE: Any = (("ok", "Succeeded"), ("bad", "Failed"))


@given(SPANS)
def test_the_levels_add_up_to_the_time_that_tasks_ran(
    spans: list[tuple[float, float, int]],
) -> None:
    starts = [start for start, _, _ in spans]
    ends = [start + length for start, length, _ in spans]
    series = charts.Series(starts, ends, [tone for *_, tone in spans], PALETTE)
    first, whole = min(starts), max(max(ends) - min(starts), 0.001)
    levels = charts._levels(series, first, whole)
    area = sum(map(sum, levels)) * whole / len(levels[0])
    assert area == pytest.approx(sum(ends) - sum(starts), rel=1e-6, abs=1e-3)


@given(SPANS)
def test_charts_of_anything_are_drawn_within_their_frame(
    spans: list[tuple[float, float, int]],
) -> None:
    starts = [start for start, _, _ in spans]
    ends = [start + length for start, length, _ in spans]
    tones = [tone for *_, tone in spans]
    pairs = list(zip(starts, ends, strict=True))
    made = [
        charts.running(charts.Series(starts, ends, tones, PALETTE)),
        charts.timeline([charts.Span("x", s, e, "ok", "x") for s, e in pairs]),
        charts.histogram([[end - start for start, end in pairs], []], PALETTE),
    ]
    for svg in made:
        for _, attributes in Tags(svg).tags:
            for name in ("x", "x1", "x2"):
                value = attributes.get(name) or ""
                assert not value.endswith("%") or -0.01 <= float(value[:-1]) <= 100.01
            assert "nan" not in str(attributes)


def test_a_histogram_counts_every_value() -> None:
    for values in ([1.0], [1.0, 1.0], [0.001, 1000.0], [5e-324, 9.0], [0.0, 0.0], [5, 6, 7, 8.0]):
        edges = charts._edges(min(values), max(values))
        assert sum(charts._binned(values, edges)) == len(values)
        assert edges == sorted(set(edges))


def test_charts_say_in_words_what_they_show() -> None:
    chart = charts.histogram([[1.0, 2.0, 3.0], []], PALETTE)
    assert 'role="img"' in chart
    assert "median 2 s" in chart
    assert 'class="bar bad"' not in chart


@pytest.mark.parametrize(
    ("amount", "words"), [(0.0, "$0.00"), (0.000011, "$0.000011"), (0.02, "$0.0200"), (None, "")]
)
def test_a_cell_shows_amounts_however_small(amount: float | None, words: str) -> None:
    assert cell_words(Column("cost", "Cost", "dollars"), amount) == words
