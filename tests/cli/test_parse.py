"""`intent2batch parse`: streams, exit codes, --jsonl."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from components.errors import InputError, WrongUse
from pipelines.cli import parse


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer()
    parse.register(made)
    made.command("other")(lambda: None)  # with one command only, typer leaves out its name
    return made


def test_a_job_goes_to_standard_output(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["parse", "3 tasks of `./a`, spot"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["taskGroups"][0]["taskCount"] == 3
    assert "What was assumed" in result.stderr
    assert '"3 tasks"' in result.stderr


def test_questions_end_with_exit_code_1(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["parse", "3 tasks on spot"])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "What should each task run?" in result.stderr


def test_the_whole_answer_as_json(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["parse", "--json", "200000 tasks of `./a`"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["outcome"] == "reject"


def test_later_turns_change_the_job(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["parse", "3 tasks of `./a`", "--turn", "make it 9 tasks"])
    assert json.loads(result.stdout)["taskGroups"][0]["taskCount"] == 9


@pytest.mark.parametrize("args", [["parse"], ["parse", "-"]])
def test_the_intent_from_standard_input(app: typer.Typer, args: list[str]) -> None:
    result = CliRunner().invoke(app, args, input="4 tasks of `./a`")
    assert json.loads(result.stdout)["taskGroups"][0]["taskCount"] == 4


def test_the_intent_from_a_file(app: typer.Typer, tmp_path: Path) -> None:
    file = tmp_path / "intent.txt"
    file.write_text("5 tasks of `./a`")
    result = CliRunner().invoke(app, ["parse", "--file", str(file)])
    assert json.loads(result.stdout)["taskGroups"][0]["taskCount"] == 5


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["parse", "  "], WrongUse),
        (["parse", "--reader", "oracle", "x"], WrongUse),
        (["parse", "--file", "/nonexistent/intent"], InputError),
        (["parse", "--file", "/"], InputError),
        (["parse", "x" * 100_000], InputError),
    ],
)
def test_bad_use_is_told(app: typer.Typer, args: list[str], error: type[Exception]) -> None:
    assert isinstance(CliRunner().invoke(app, args).exception, error)


def test_a_binary_file_is_no_intent(app: typer.Typer, tmp_path: Path) -> None:
    file = tmp_path / "intent.bin"
    file.write_bytes(b"\xff\xfe\x00\x01")
    assert isinstance(CliRunner().invoke(app, ["parse", "-f", str(file)]).exception, InputError)


def test_lines_in_lines_out(app: typer.Typer) -> None:
    lines = [
        {"id": "a", "turns": ["2 tasks of `./a`"]},
        {"id": "b", "turns": [""]},
        {"id": "c", "turns": ["2 tasks of `./a`", "on spot"]},
        {"id": "d", "turns": ["x" * 70_000]},
    ]
    given = "".join(json.dumps(line) + "\n" for line in lines)
    result = CliRunner().invoke(app, ["parse", "--jsonl"], input=given)
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [a["id"] for a in answers] == ["a", "b", "c", "d"]
    assert [a["outcome"] for a in answers] == ["config", "clarify", "config", "reject"]
    assert all(set(a) == {"id", "outcome", "job", "message"} for a in answers)


@pytest.mark.parametrize("line", ["{", "[]", '{"id": "a"}', '{"id": "a", "turns": "x"}'])
def test_a_line_of_another_form_is_wrong_use(app: typer.Typer, line: str) -> None:
    error = CliRunner().invoke(app, ["parse", "--jsonl"], input=line).exception
    assert isinstance(error, WrongUse)
    assert "line 1" in str(error)


def test_the_offline_reader_needs_no_google_library() -> None:
    code = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "from components.parse_intent.answer import answer_intent\n"
        "assert answer_intent(['3 tasks of `./a` on e2-small']).outcome == 'config'\n"
        "print([m for m in set(sys.modules) - before if m.startswith(('google', 'kfp', 'httpx'))])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_words_of_an_intent_command_no_terminal(app: typer.Typer) -> None:
    hostile = "3 tasks of `echo \x1b]0;title\x07 \x1b[2J \x9b31m \u202egpj`"
    result = CliRunner().invoke(app, ["parse", hostile])
    for output in (result.stdout, result.stderr):
        assert not any(sign in output for sign in "\x1b\x07\x9b\u202e")
    text = json.loads(result.stdout)["taskGroups"][0]["taskSpec"]["runnables"][0]["script"]["text"]
    assert text in hostile
    assert "[U+202E]" in result.stderr


def test_half_a_character_comes_through(app: typer.Typer) -> None:
    line = '{"id": "a", "turns": ["3 tasks of `echo \\ud800`"]}\n'
    result = CliRunner().invoke(app, ["parse", "--jsonl"], input=line)
    assert result.exit_code == 0
    assert "\\ud800" in result.stdout


JOB = """{"taskGroups": [{"taskSpec": {"runnables": [{"script": {"text": "./a"}}]},
  "taskCount":   4}]}
"""


def test_words_change_a_job(app: typer.Typer, tmp_path: Path) -> None:
    file = tmp_path / "job.json"
    file.write_text(JOB)
    result = CliRunner().invoke(app, ["parse", "--job", str(file), "9 tasks", "--turn", "no, 8"])
    assert result.exit_code == 0
    assert result.stdout == JOB.replace("4", "8")
    assert "taskGroups[0].taskCount: 4 -> 8" in result.stderr
    assert '-  "taskCount":   4}]}' in result.stderr
    assert file.read_text() == JOB


def test_the_difference_stands_in_the_answers_for_programs(
    app: typer.Typer, tmp_path: Path
) -> None:
    file = tmp_path / "job.json"
    file.write_text(JOB)
    whole = CliRunner().invoke(app, ["parse", "--json", "--job", str(file), "9 tasks"])
    line = CliRunner().invoke(
        app, ["parse", "--jsonl", "--job", str(file)], input='{"id": 1, "turns": ["9 tasks"]}\n'
    )
    change = {
        "path": "taskGroups[0].taskCount", "before": 4, "after": 9, "quote": "9 tasks",
    }  # fmt: skip
    for answer in (json.loads(whole.stdout), json.loads(line.stdout)):
        assert answer["changes"] == [change]
        assert '+  "taskCount":   9}]}' in answer["diff"]


def test_an_edit_that_does_not_fit_the_job_asks(app: typer.Typer, tmp_path: Path) -> None:
    file = tmp_path / "job.json"
    file.write_text(JOB)
    result = CliRunner().invoke(app, ["parse", "--job", str(file), "give step 2 an hour"])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "1 step" in result.stderr


@pytest.mark.parametrize(
    "args", [["--job", "-"], ["--job", "no-such-file"], ["--job", "j", "--reader", "gemini"]]
)
def test_a_job_must_be_a_file_that_the_offline_reader_edits(
    app: typer.Typer, args: list[str]
) -> None:
    assert isinstance(CliRunner().invoke(app, ["parse", *args, "9 tasks"]).exception, WrongUse)


def test_what_the_last_turn_changed_is_told(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["parse", "3 tasks of `./a`", "--turn", "spot"])
    assert "What changed" in result.stderr
    assert 'provisioningModel": "SPOT"' in result.stdout
