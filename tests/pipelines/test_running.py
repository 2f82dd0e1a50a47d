"""A whole run on this machine: steps, their words, failures, cancelling; nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from components.errors import WrongUse
from pipelines.local_services import STAND_IN_VARIABLES
from pipelines.request import Request
from pipelines.running import Outcome, run_here


@pytest.fixture(autouse=True)
def no_stand_ins(monkeypatch):
    # The steps here call no service.
    for name in STAND_IN_VARIABLES:
        monkeypatch.setenv(name, "http://127.0.0.1:9/")


class Run:
    """One run of the small pipeline, and what was said of it."""

    def __init__(self, spec: Path, folder: Path) -> None:
        self.spec = spec
        self.folder = folder
        self.said: list[str] = []
        self.outcome = Outcome(folder)
        self.answer_to = {"": 0}

    def say(self, line: str) -> None:
        self.said.append(line)
        for words, number in self.answer_to.items():
            if words and words in line:
                os.kill(os.getpid(), number)

    def __call__(self, mode: str) -> Run:
        def show(outcome: Outcome) -> int:
            self.outcome = outcome
            return 7

        request = Request(str(self.spec), words=(f"mode={mode}",), out=self.folder)
        assert run_here(request, say=self.say, show=show) == 7
        return self

    @property
    def left(self) -> set[str]:
        return {path.name for path in Path(self.outcome.run_uri).iterdir()}

    def seen(self, words: str) -> int:
        return sum(words in line for line in self.said)


@pytest.fixture
def run(small: Path, tmp_path: Path) -> Run:
    return Run(small, tmp_path / "run")


def test_a_run_says_what_its_steps_say_and_how_long_they_took(run):
    run("go")
    assert run.outcome.failed == ""
    assert run.left == {"second", "last.json"}
    assert run.said[:2] == ["Do as told …", "    careful"]
    assert run.said[2].startswith("    here ")
    assert "\x1b" not in run.said[2]
    assert [line[:15].strip() for line in run.said[3:]] == [
        "Do as told",
        "Leave a mark",
        "Report",
    ]
    assert all(line.endswith(" s") for line in run.said[3:])
    assert "not for people" in (run.folder / "run.log").read_text()
    assert (run.folder / "results" / "second").exists()
    assert set(run.outcome.step_seconds) == {"first", "second", "last"}
    assert not (run.folder / "tmp").exists()


def test_a_branch_that_is_not_taken(run):
    run("no")
    assert run.outcome.failed == ""
    assert run.left == {"last.json"}


def test_a_failed_step_is_told_in_its_own_sentence(run):
    run("fail")
    assert run.outcome.failed == "Do as told"
    assert run.outcome.sentence == "The intent is empty. Say what should run."
    assert run.left == {"last.json"}
    assert json.loads(Path(run.outcome.run_uri, "last.json").read_text())["state"] == "FAILED"
    assert not run.seen("The intent is empty")  # it is told once, when the run ends
    assert run.seen("Do as told: the step is tried again, its job is not") == 1
    assert run.seen("careful") == 1


def test_a_step_that_works_the_second_time_did_not_fail(run):
    run("fail once")
    assert run.outcome.failed == ""
    assert {"second", "last.json"} <= run.left
    assert run.seen("failed") == 1


def test_a_defect_keeps_its_traceback_in_the_log_alone(run):
    run("crash")
    assert run.outcome.failed == "Do as told"
    assert run.outcome.sentence == ""
    assert "ValueError: a defect" in (run.folder / "run.log").read_text()
    assert not run.seen("Traceback")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_cancelled_run_begins_no_step_but_its_report(run, number):
    run.answer_to = {"waiting": number}
    run("wait")
    assert run.outcome.signal == number
    assert not run.outcome.killed
    assert run.left == {"process", "last.json"}
    assert not alive(run)


def test_a_second_signal_kills_what_does_not_end(run):
    run.answer_to = {"waiting": signal.SIGINT, "once more to kill": signal.SIGINT}
    run("stubborn")
    assert run.outcome.killed
    assert not alive(run)


def alive(run: Run) -> bool:
    process = int(next(run.folder.glob("steps/*/*/process")).read_text())
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # A process that ended and was not reaped by whoever adopts orphans here still has a number.
    state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return state != "Z"


def test_wrong_parameters_leave_nothing(small, tmp_path):
    request = Request(str(small), words=("mood=good",), out=tmp_path / "run")
    with pytest.raises(WrongUse, match="Did you mean mode"):
        run_here(request, say=print, show=lambda outcome: 0)
    assert not (tmp_path / "run").exists()
