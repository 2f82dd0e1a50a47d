"""The report in a real browser: hostile text does nothing, the table can be filtered and sorted."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from components.aggregate_results.tasks import aggregate

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium is not installed (Debian: apt-get install chromium)"
)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MARK = "document.title='HACKED'"
HOSTILE = (
    f'</script><script>{MARK}</script><img src=x onerror="{MARK}"><svg onload="{MARK}">'
    f'<a href="javascript:{MARK}">x</a></pre></td>"\'&\u202egnp.exe\u2066\x00\x07\x1b[31m'
)


def dom(page: Path, profile: Path, *flags: str) -> str:
    """The document after its scripts have run."""
    done = subprocess.run(
        [str(CHROMIUM), *FLAGS, *flags, f"--user-data-dir={profile}", "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    return done.stdout


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def elements(text: str) -> list[tuple[str, dict[str, str | None]]]:
    """Every element of a document with its attributes."""
    parser = _Elements()
    parser.feed(text)
    return parser.found


def hostile_report(make: Any) -> Path:
    finding = dict.fromkeys(("path", "message", "rule", "fix", "file"), HOSTILE)
    item = dict.fromkeys(("path", "value", "quote", "why"), HOSTILE)
    event = dict.fromkeys(("time", "type", "description"), HOSTILE)
    fake = make.fake([make.ran(i, 1.0, 2.0, i % 3) for i in range(20)], lambda i: HOSTILE * 2)
    fake.machine = HOSTILE
    aggregate(
        make.run(
            intent={
                "outcome": "config",
                "turns": [HOSTILE],
                "message": HOSTILE,
                "evidence": [item],
                "assumptions": [item],
                "warnings": [HOSTILE],
                "questions": [HOSTILE],
            },
            findings=[{**finding, "severity": "error"}, {**finding, "severity": HOSTILE}],
            submission=make.ledger(
                20,
                outcome="failed",
                reason=HOSTILE,
                console_url=f"javascript:{MARK}",
                events=[event],
            ),
        ),
        service=fake.service(),
    )
    return make.folder / "report.html"


def test_a_hostile_report_does_nothing(make: Any, tmp_path: Path) -> None:
    after = dom(hostile_report(make), tmp_path / "profile")
    title = re.search(r"<title>(.*?)</title>", after, re.S)
    assert title is not None
    assert title[1] == "13 of 20 tasks failed - intent2batch"
    for tag, attributes in elements(after):
        assert tag not in ("img", "a", "iframe", "object"), tag
        assert not any(name.startswith("on") for name in attributes), tag
    assert "\u202e" not in after
    assert "[U+202E]gnp.exe" in after


def test_the_script_runs_under_its_policy(make: Any, tmp_path: Path) -> None:
    after = dom(hostile_report(make), tmp_path / "profile")
    assert 'placeholder="Filter rows"' in after
    assert re.search(r'<div class="controls">', after), "the controls are still hidden"
    assert 'aria-pressed="false">Failed 13' in after
    assert after.count('<button type="button">') >= 6
    assert "20 rows" in after


def test_a_script_that_got_in_would_not_run(make: Any, tmp_path: Path) -> None:
    """The second line of defence, tried by breaking the first."""
    page = hostile_report(make)
    text = page.read_text(encoding="utf-8")
    page.write_text(
        text.replace("<main>", f'<main><script>{MARK}</script><img src="x" onerror="{MARK}">'),
        encoding="utf-8",
    )
    after = dom(page, tmp_path / "profile")
    assert "<title>13 of 20 tasks failed - intent2batch</title>" in after


def test_sorting_and_filtering(make: Any, tmp_path: Path) -> None:
    """Drives the page's own controls from a script, which the test's copy of the page allows."""
    fake = make.fake([make.ran(i, 1.0, 1.0 + (i * 7) % 20, int(i % 3 == 0)) for i in range(20)])
    aggregate(make.run(submission=make.ledger(20, outcome="failed")), service=fake.service())
    page = make.folder / "report.html"
    drive = (
        "document.querySelectorAll('th button')[6].click();"
        "document.querySelectorAll('th button')[6].click();"
        "[...document.querySelectorAll('.controls button')].find("
        "b=>b.textContent.startsWith('Succeeded')).click();"
    )
    text = page.read_text(encoding="utf-8")
    text = re.sub(r"script-src .*?; base-uri", "script-src 'unsafe-inline'; base-uri", text)
    page.write_text(text.replace("</body>", f"<script>{drive}</script></body>"), encoding="utf-8")
    after = dom(page, tmp_path / "profile")
    body = after.split("<tbody>")[1].split("</tbody>")[0]
    took = re.findall(r'data-title="Took">([\d.]+) s', body)
    assert "Failed" not in body
    assert len(took) == 13
    assert [float(t) for t in took] == sorted((float(t) for t in took), reverse=True)
    assert "13 of 20 rows" in after
    assert 'aria-sort="descending"' in after


def test_a_page_of_many_tasks_is_drawn(make: Any, tmp_path: Path) -> None:
    tasks = [make.ran(i, 1.0 + i, 5.0, int(i % 50 == 0)) for i in range(2000)]
    aggregate(
        make.run(submission=make.ledger(2000, outcome="failed")), service=make.fake(tasks).service()
    )
    page = make.folder / "report.html"
    assert page.stat().st_size < 2_000_000
    shot = tmp_path / "page.png"
    dom(page, tmp_path / "profile", f"--screenshot={shot}", "--window-size=1200,1600")
    assert "Tasks running at once" in page.read_text(encoding="utf-8")
