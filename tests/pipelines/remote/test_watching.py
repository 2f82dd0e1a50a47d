"""Following a run: each change is told once, silence is waited for, someone may ask to stop."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from components.errors import InputError
from pipelines.remote.run import Run, Step
from pipelines.remote.watching import PATIENCE_S, follow
from pipelines.service_errors import UnclearError


def run(state: str, **steps: str) -> Run:
    return Run(
        id="r",
        name="r",
        title="",
        pipeline="p",
        state=state,
        steps=tuple(Step(name, name.capitalize(), state) for name, state in steps.items()),
    )


class Played:
    """A platform that shows a run in one state after the other, and a clock that only it moves.

    Args:
        shown: runs, or what is raised instead.
        stop_after: the number of waits after which someone asks to stop.
    """

    title, options, poll_s = "Played", "", (5.0, 30.0)

    def __init__(self, shown: Sequence[Run | Exception], stop_after: int = 10**6) -> None:
        self.shown, self.stop_after = list(shown), stop_after
        self.waits: list[float] = []
        self.said: list[str] = []

    def get(self, run_id: str) -> Run:
        found = self.shown.pop(0) if len(self.shown) > 1 else self.shown[0]
        if isinstance(found, Exception):
            raise found
        return found

    def now(self) -> float:
        return sum(self.waits)

    def sleep(self, seconds: float) -> None:
        assert len(self.waits) < 1000, "it waits for ever"
        self.waits.append(seconds)

    def stop_asked(self) -> str:
        return "interrupted" if len(self.waits) >= self.stop_after else ""

    def follow(self, first: Run) -> Run:
        return follow(self, first, say=lambda line: self.said.append(line[10:]), clock=self)


def test_every_change_is_told_once():
    played = Played(
        [
            run("running", read="running"),
            run("running", read="running"),
            run("running", read="succeeded", check="failed"),
            run("failed", read="succeeded", check="failed"),
        ]
    )
    assert played.follow(run("pending")).state == "failed"
    assert played.said == [
        "run pending",
        "Read: running",
        "run running",
        "Read: succeeded",
        "Check: failed",
        "run failed",
    ]


def test_looks_become_rarer_while_nothing_changes_and_frequent_again():
    played = Played([*[run("running")] * 12, run("running", read="running"), run("succeeded")])
    played.follow(run("running"))
    assert played.waits[:4] == [5.0, 7.5, 11.25, 16.875]
    assert max(played.waits) == 30.0
    assert played.waits[-1] == 5.0


def test_silence_is_told_once_and_waited_for():
    gone = UnclearError("Vertex AI answered 503")
    played = Played([gone, gone, run("running"), gone, run("succeeded")])
    assert played.follow(run("running")).state == "succeeded"
    assert sum("Vertex AI" in line or "answered 503" in line for line in played.said) == 2


def test_silence_that_lasts_ends_the_watching():
    played = Played([UnclearError("Vertex AI answered 503")])
    with pytest.raises(UnclearError):
        played.follow(run("running"))
    assert PATIENCE_S < played.now() < PATIENCE_S + 60


def test_a_run_that_is_gone_ends_the_watching_at_once():
    played = Played([InputError("There is no such run")])
    with pytest.raises(InputError):
        played.follow(run("running"))
    assert len(played.waits) == 1


def test_someone_who_asks_to_stop_gets_the_run_as_it_stands():
    played = Played([run("running")], stop_after=2)
    assert played.follow(run("running")).state == "running"
    assert len(played.waits) == 2


def test_a_run_that_has_ended_is_not_waited_for():
    played = Played([InputError("never asked")])
    assert played.follow(run("cancelled")).state == "cancelled"
    assert played.waits == []


def test_what_was_told_before_is_not_told_again():
    played = Played([])
    before = run("running", read="succeeded", check="running")
    after = run("cancelled", read="succeeded", check="cancelled")
    follow(played, after, say=played.said.append, clock=played, told=before)
    assert [line[10:] for line in played.said] == ["Check: cancelled", "run cancelled"]
