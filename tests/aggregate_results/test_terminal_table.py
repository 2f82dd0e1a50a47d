"""The table in a terminal, and as plain text."""

from __future__ import annotations

import io
from typing import Any

from components.aggregate_results.tasks import aggregate
from components.aggregate_results.terminal import choose, terminal_table
from components.batch.task_facts import row_of


class Screen(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_plain_text_where_there_is_no_terminal(make: Any) -> None:
    out = io.StringIO()
    terminal_table([row_of(make.ran(0, 1.0, 2.5)), row_of(make.ran(1, 1.0, 3.0, 137))], out)
    lines = out.getvalue().splitlines()
    assert lines[0].split() == [
        "Task", "State", "Exit", "What", "it", "means", "Attempts", "Took", "Zone",
    ]  # fmt: skip
    assert lines[1].split()[:8] == ["0", "✓", "succeeded", "0", "success", "1", "2.5", "s"]
    assert "137" in lines[2]
    assert "memory" in lines[2]
    assert "\x1b" not in out.getvalue()


def test_a_terminal_gets_colours(make: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Screen()
    terminal_table([row_of(make.ran(1, 1.0, 3.0, 137))], out)
    assert "\x1b[" in out.getvalue()


def test_up_to_fifty_tasks_keep_their_order(make: Any) -> None:
    rows = [row_of(make.ran(i, 1.0, 1.0, i % 2)) for i in range(50)]
    assert [row["index"] for row in choose(rows).rows] == list(range(50))


def test_beyond_fifty_failed_ones_come_first(make: Any) -> None:
    rows = [row_of(make.ran(i, 1.0, 1.0, 1 if i % 100 == 7 else 0)) for i in range(1000)]
    shown = choose(rows)
    assert [row["index"] for row in shown.rows[:10]] == list(range(7, 1000, 100))
    assert len(shown.rows) <= 50
    assert shown.total == 1000
    out = io.StringIO()
    terminal_table(rows, out)
    assert "failed ones first" in out.getvalue()
    assert "of 1,000 tasks" in out.getvalue()


def test_the_summary_follows(make: Any) -> None:
    fake = make.fake([make.ran(0, 1.0, 1.0, 137), make.task(1, "UNEXECUTED")])
    got = aggregate(make.run(submission=make.ledger(2, outcome="failed")), service=fake.service())
    out = io.StringIO()
    terminal_table([], out, summary=got)
    text = out.getvalue()
    assert "1 of 2 tasks failed" in text
    assert "exit code 137, 1 task (0)" in text
    assert "memoryMib" in text
    assert "1 task never ran" in text
    assert f"Report: {make.folder}/report.html" in text


def test_hostile_words_do_not_reach_the_terminal(make: Any) -> None:
    ledger = make.ledger(1, outcome="hopeless", reason="\x1b]0;owned\x07 [bold]x[/bold] \u202e")
    got = aggregate(make.run(submission=ledger), service=make.fake().service())
    out = Screen()
    terminal_table([], out, summary=got)
    assert "\x1b]0" not in out.getvalue()
    assert "\u202e" not in out.getvalue()
    assert "[bold]x[/bold]" in out.getvalue()
