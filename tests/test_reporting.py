"""A step's errors: one sentence for people, a file for the platform, tracebacks for defects."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from components.errors import InputError
from components.reporting import CANCELLED_VARIABLE, error_file, reported, run_folder


def argv(folder: Path) -> list[str]:
    output = {"outputs": {"outputFile": str(folder / "executor_output.json")}}
    return ["executor_main", "--executor_input", json.dumps(output), "--function_to_execute", "f"]


def test_our_error_becomes_one_sentence_and_a_file(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop, reported(argv(tmp_path / "task")):
        raise InputError("The intent is empty", fix="Say what should run.")
    assert stop.value.code == 1
    assert capsys.readouterr().err == "The intent is empty. Say what should run.\n"
    written = json.loads((tmp_path / "task" / "executor_error.json").read_text())
    assert written == {"errorMessage": "The intent is empty. Say what should run."}


def test_nobody_elses_words_command_the_terminal(tmp_path, capsys):
    with pytest.raises(SystemExit), reported(argv(tmp_path)):
        raise InputError("It said \x1b]0;title\x07 and \u202etxt")
    assert "It said [U+001B]]0;title[U+0007] and [U+202E]txt" in capsys.readouterr().err


def test_a_defect_keeps_its_traceback(tmp_path):
    with pytest.raises(ZeroDivisionError), reported(argv(tmp_path)):
        _ = 1 / 0
    assert not (tmp_path / "executor_error.json").exists()


def test_a_retry_that_succeeds_leaves_no_error_behind(tmp_path):
    (tmp_path / "executor_error.json").write_text("{}")
    with reported(argv(tmp_path)):
        pass
    assert not (tmp_path / "executor_error.json").exists()


def test_no_step_begins_after_the_run_was_cancelled(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(CANCELLED_VARIABLE, "1")
    began = []
    with pytest.raises(SystemExit), reported(argv(tmp_path)):
        began.append(True)
    assert not began
    assert "cancelled before this step" in capsys.readouterr().err


def test_the_sentence_is_told_even_where_the_file_cannot_be_written(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit), reported(argv(tmp_path / "file" / "below")):
        raise InputError("No")
    assert capsys.readouterr().err.startswith("No\n")


def test_the_process_arguments_are_the_default(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", argv(tmp_path))
    with pytest.raises(SystemExit), reported():
        raise InputError("No")
    assert (tmp_path / "executor_error.json").exists()


@pytest.mark.parametrize(
    "line",
    [
        [],
        ["--executor_input"],
        ["--executor_input", "not JSON"],
        ["--executor_input", "[]"],
        ["--executor_input", '{"outputs": {}}'],
    ],
)
def test_without_an_executor_there_is_no_error_file(line):
    assert error_file(line) is None


@pytest.mark.parametrize(
    ("results", "folder"),
    [
        ("", "/root/name/7"),
        ("  ", "/root/name/7"),
        ("gs://bucket/reports/", "gs://bucket/reports/name/7"),
        ("out", "out/name/7"),
    ],
)
def test_the_run_folder_is_below_what_the_person_named(results, folder):
    assert run_folder(results, "/root/name/7") == folder
