"""`intent2batch chat` with lines from standard input: editor, files, submission, exit codes."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from components.errors import Intent2BatchError
from emulator.launch import Emulator
from pipelines.cli import chat
from tests.cli.conftest import ended

FIRST = "2 tasks of `test $BATCH_TASK_INDEX -lt 2`, 5 minutes each, e2-standard-2"


class Chat:
    """Holds a dialogue in a folder of its own."""

    def __init__(self) -> None:
        self.app = typer.Typer()
        chat.register(self.app)
        self.app.command("other")(lambda: None)

    def __call__(self, *lines: str, words: tuple[str, ...] = ()) -> tuple[int, str, str]:
        """Exit code, stdout and stderr, as `intent2batch` gives them."""
        return ended(self.app, ["chat", *words], "\n".join([*lines, ""]))


@pytest.fixture
def hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chat:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "local-project")
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)
    return Chat()


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An editor that puts in a file's place what lies beside it, and keeps what it was given."""
    script = tmp_path / "my editor.py"
    script.write_text(
        "import pathlib, sys\n"
        "here, file = pathlib.Path(__file__).parent, pathlib.Path(sys.argv[-1])\n"
        "(here / 'given').write_bytes(file.read_bytes())\n"
        "(here / 'wanted').exists() or sys.exit(3)\n"
        "file.write_bytes((here / 'wanted').read_bytes())\n"
    )
    monkeypatch.setenv("EDITOR", f"{sys.executable} '{script}' --wait")
    return tmp_path


def test_a_dialogue_to_a_finished_job(emulator: Emulator, hold: Chat) -> None:
    code, out, told = hold(FIRST, "name nightly", "dry-run", "submit", "exit")
    assert code == 0
    assert len(emulator.batch.book.everything()) == 1
    parent = "projects/local-project/locations/us-central1"
    assert re.search(rf"^{parent}/jobs/nightly-[0-9a-f]{{12}}$", out, re.MULTILINE)
    assert '"method": "POST"' in out
    assert "succeeded; what each task did" in told
    assert told.rstrip().endswith("Left.")
    ledger = json.loads(Path("runs/nightly/submission.json").read_text())
    assert ledger["outcome"] == "succeeded"
    assert ledger["request"]["job"]["taskGroups"][0]["taskCount"] == 2


def test_a_dry_run_calls_nothing_and_leaves_nothing(emulator: Emulator, hold: Chat) -> None:
    code, out, told = hold(FIRST, "dry-run")
    assert code == 0
    assert "Forecast: about" in out
    assert '"request_id"' in out
    assert "Left; nothing was submitted." in told
    assert emulator.faults.calls() == {}
    assert [path.name for path in Path().iterdir()] == ["emulator"]


def test_each_submission_without_a_name_is_a_run_of_its_own(emulator: Emulator, hold: Chat) -> None:
    code, _, _ = hold(FIRST, "submit no-wait", "submit no-wait")
    assert code == 0
    assert len(emulator.batch.book.everything()) == 2
    assert len(list(Path("runs").iterdir())) == 2


def test_a_name_that_has_a_job_takes_no_other(emulator: Emulator, hold: Chat) -> None:
    lines = (FIRST, "name mine", "submit", "submit", "make it 1 task", "submit")
    code, _, told = hold(*lines)
    assert code == 1
    assert "This run has submitted a job already" in told
    assert len(emulator.batch.book.everything()) == 1


def test_a_failed_job_is_told_and_the_dialogue_goes_on(emulator: Emulator, hold: Chat) -> None:
    first = FIRST.replace("-lt 2", "-lt 1")
    code, out, told = hold(first, "submit", "show")
    assert "The job failed" in told
    assert out.count("A job of 2 tasks") == 2
    assert code == 0
    assert hold(first, "submit", "exit")[0] == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--max-cost", "0.001"), "more than the $0.0010 allowed"),
        (("--policy", "policy.yaml"), "POLICY_TASKS"),
    ],
)
def test_budget_and_policy_stop_a_submission(
    emulator: Emulator, hold: Chat, options: tuple[str, ...], told: str
) -> None:
    Path("policy.yaml").write_text("max_tasks: 1\n")
    code, out, _ = hold(FIRST, "submit", words=options)
    assert code == 1
    assert told in out
    assert "Nothing was submitted." in out
    assert emulator.batch.book.everything() == []
    assert not Path("runs").exists()


def test_a_job_in_an_editor(hold: Chat, editor: Path) -> None:
    (editor / "wanted").write_text(json.dumps({"taskGroups": [{"taskCount": 7, "taskSpec": {
        "runnables": [{"script": {"text": "date"}}]}}]}))  # fmt: skip
    code, out, _ = hold(FIRST, "edit", "make it 8 tasks", "job")
    assert code == 0
    assert json.loads((editor / "given").read_text())["taskGroups"][0]["taskCount"] == 2
    assert "edited by hand" in out
    assert json.loads(out[out.rindex("\n{\n") :])["taskGroups"][0]["taskCount"] == 8


def test_a_broken_job_is_opened_again(hold: Chat, editor: Path) -> None:
    (editor / "wanted").write_text('{"taskGroups": [')
    code, out, _ = hold(FIRST, "edit yaml", "edit")
    assert code == 1
    assert "job.yaml:1:" in out
    assert "The job is as before" in out
    assert (editor / "given").read_text() == '{"taskGroups": ['


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("", "No editor is set"),
        ("/nonexistent/editor -x", "cannot be started"),
        ("'unclosed", "cannot be started"),
        ("false", "The editor ended with 1"),
        ("rm", "job.json"),
    ],
)
def test_an_editor_that_does_not_work(
    hold: Chat, monkeypatch: pytest.MonkeyPatch, command: str, told: str
) -> None:
    monkeypatch.setenv("EDITOR", command)
    code, _, said = hold(FIRST, "edit")
    assert code == 1
    assert told in said


def test_files_are_saved_and_never_overwritten(hold: Chat) -> None:
    Path("there.json").write_text("mine")
    code, out, told = hold(FIRST, "save there.json", "save a.json", "4 tasks", "save a.json")
    assert code == 0
    assert "There is such a file already" in told
    assert Path("there.json").read_text() == "mine"
    assert json.loads(Path("a.json").read_text())["taskGroups"][0]["taskCount"] == 4
    assert out.count("Saved: a.json") == 2
    assert hold(FIRST, "save b.yaml")[0] == 0
    assert Path("b.yaml").read_text().startswith("taskGroups:\n")


def test_a_dialogue_begins_with_words_or_a_job(hold: Chat) -> None:
    assert hold(FIRST, "save a.json")[0] == 0
    code, out, _ = hold("save b.json", words=("--job", "a.json", "make", "it", "9 tasks"))
    assert code == 0
    assert '+      "taskCount": 9,' in out
    assert json.loads(Path("b.json").read_text())["taskGroups"][0]["taskCount"] == 9


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--region", "mars"), 2, "not a region"),
        (("--name", "../up"), 2, "cannot be the name of a run"),
        (("--project", "No Such"), 2, "not the id of a project"),
        (("--reader", "oracle"), 2, "no reader"),
        (("--task-time", "soon"), 2, "not a time"),
        (("--policy", "none.yaml"), 2, "none.yaml"),
        (("--job", "none.json"), 2, "none.json"),
    ],
)
def test_wrong_use_ends_before_anything_is_said(
    hold: Chat, words: tuple[str, ...], code: int, told: str
) -> None:
    got, out, said = hold(FIRST, words=words)
    assert (got, out) == (code, "")
    assert told in said


@pytest.mark.parametrize(
    ("lines", "code"),
    [((), 0), ((FIRST,), 0), (("3 tasks on spot",), 1), ((FIRST, "200000 tasks"), 1)],
)
def test_the_exit_code_is_that_of_the_last_line(
    hold: Chat, lines: tuple[str, ...], code: int
) -> None:
    got, _, told = hold(*lines)
    assert got == code
    assert "nothing was submitted" in told


def test_what_is_no_text_is_told(hold: Chat) -> None:
    result = CliRunner().invoke(hold.app, ["chat"], input=b"3 tasks\xff\xfe\n")
    assert isinstance(result.exception, Intent2BatchError)
    assert "not UTF-8" in str(result.exception)
