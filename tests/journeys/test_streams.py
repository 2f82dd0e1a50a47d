"""Pipes that close, streams that were never open, narrow encodings, full disks."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pipelines.cli import streams

SAY = ("parse", "2 tasks that run `echo héllo 😀`")


@pytest.mark.parametrize(
    ("closed", "words", "code"),
    [
        ("<&-", ["parse"], 2),
        ("<&-", ["validate", "-"], 1),
        (">&-", [*SAY], 0),
        ("2>&-", [*SAY], 0),
        ("<&- >&- 2>&-", [*SAY, "--json"], 0),
    ],
)
def test_a_stream_that_is_closed_reads_as_empty(terminal, closed, words, code):
    ended = terminal(*words, before=["sh", "-c", f'exec "$@" {closed}', "sh"])
    assert ended.code == code, ended
    assert "Traceback" not in ended.err


def test_another_encoding_gets_escapes_and_json_stays_json(terminal):
    plain = terminal(*SAY, "--json")
    narrow = terminal(*SAY, "--json", more={"LC_ALL": "C", "PYTHONIOENCODING": "ascii"})
    assert narrow.code == plain.code == 0
    assert narrow.out.isascii()
    assert narrow.err.isascii()
    assert json.loads(narrow.out) == json.loads(plain.out)
    assert "héllo" in plain.err


def test_a_word_that_is_no_text_is_refused(terminal):
    ended = terminal("parse", "echo h\udce9llo")
    assert ended.code == 2
    assert "Word 2 of the command is not text" in ended.message


def test_a_reader_that_leaves_is_no_error_to_tell(terminal, written):
    fields = {f"no{number}": 1 for number in range(2000)}
    path = written("job.json", json.dumps({"taskGroups": [fields]}))
    with terminal.start("validate", "--format", "json", path) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_a_full_disk_is_told(terminal):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with (
        Path("/dev/full").open("wb") as full,
        terminal.start(*SAY, stdout=full) as process,
    ):
        told = process.stderr.read().splitlines()[-1]
    assert process.returncode == 1
    assert told == (
        "intent2batch: Cannot write: No space left on device. Make room, then run the command "
        "again."
    )


def test_progress_that_nobody_reads_stops_no_job(at_stand_ins, written):
    job = written(
        "job.json",
        json.dumps({"taskGroups": [{"taskSpec": {"runnables": [{"script": {"text": "true"}}]}}]}),
    )
    with at_stand_ins.start("submit", job) as process:
        process.stderr.close()
        assert process.stdout.read().count("/jobs/job-") == 1
    assert process.returncode == 0


@pytest.mark.parametrize("to", ["closed", "/dev/full"])
def test_a_name_that_cannot_be_written_is_told_and_stops_no_job(to, monkeypatch, capsys, tmp_path):
    """Said 'run the command again', which makes a second job, while the first one ran alone."""
    if to == "closed":
        read, write = os.pipe()
        os.close(read)
        stream = os.fdopen(write, "w")
    else:
        if not Path(to).exists():
            pytest.skip("this system has no /dev/full")
        stream = open(to, "w")  # noqa: SIM115
    with stream:
        monkeypatch.setattr("sys.stdout", stream)
        streams.write_name("projects/p/locations/r/jobs/j")
        streams.write_name("what follows goes nowhere")
    assert "): projects/p/locations/r/jobs/j\n" in capsys.readouterr().err


def test_a_narrow_terminal_shows_every_option(terminal):
    ended = terminal("submit", "--help", more={"COLUMNS": "20", "TERM": "dumb"})
    assert ended.code == 0
    for option in ("--region", "--dry-run", "--max-wait"):
        assert option in ended.out


def test_results_and_progress_keep_apart(terminal):
    ended = terminal("parse", "3 tasks of `date`")
    assert set(json.loads(ended.out)) >= {"taskGroups"}
    assert "What was assumed" in ended.err
