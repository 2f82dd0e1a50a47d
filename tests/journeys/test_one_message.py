"""Wrong use and bad input: one message, the right exit code, and nothing left behind."""

from __future__ import annotations

import json
import os
import shutil
import socket

import pytest

RUN = ("run", "intent-to-batch", "--local")
JOB = {"taskGroups": [{"taskSpec": {"runnables": [{"script": {"text": "date"}}]}}]}
TWO = {"taskGroups": JOB["taskGroups"] * 2}
UNKNOWN = {"taskGroup": JOB["taskGroups"]}
ENUM = {**JOB, "logsPolicy": {"destination": "CLOUD_LOGING"}}
PLACE = {**JOB, "allocationPolicy": {"location": {"allowedLocations": ["regions/mars-1"]}}}
LONG = "run 3 tasks of `date` " * 5000

WRONG_USE = {
    "no intent": (["parse"], "The intent is empty"),
    "absent config": (["validate", "absent.json"], "absent.json: There is no such file"),
    "folder as config": (["validate", "."], "a folder"),
    "no project": (["submit", "-"], "No project is given"),
    "zone for region": (["watch", "j", "--project", "p-12345", "--region", "mars"], "not a region"),
    "no job's name": (["tasks", "projects/p/jobs/x"], "is not the name of a job"),
    "not local": (["run", "intent-to-batch", "x"], "Add --local"),
    "port out of range": (["emulate", "--port", "batch=99999"], "from 1 to 65535"),
    "run: region": ([*RUN, "x", "-p", "region=us-centrall1"], "Did you mean us-central1?"),
    "run: full folder": ([*RUN, "x", "--out", "/etc"], "/etc: The folder of the run is not new"),
}


@pytest.mark.parametrize("case", WRONG_USE)
def test_wrong_use_ends_with_2_and_starts_nothing(terminal, case):
    words, says = WRONG_USE[case]
    ended = terminal.within(*words)
    assert (ended.code, ended.out) == (2, "")
    assert says in ended.message
    assert ended.message.startswith("intent2batch: ")
    assert len(ended.err.splitlines()) == 1
    assert not list(terminal.folder.iterdir())
    assert not terminal.running


BAD_INPUT = {
    "100 kB intent": (["parse", "-f", "FILE"], LONG, "The intent is 110,000 bytes long"),
    "binary intent": (["parse", "-f", "FILE"], b"\x00\xff\xfe", "not UTF-8 text"),
    "absent intent": (["parse", "-f", "absent.txt"], "", "absent.txt: "),
    "binary config": (["validate", "FILE"], b"\x00\xff\xfe", "the file is binary, not text"),
    "two groups": (["validate", "FILE"], json.dumps(TWO), "runs exactly 1 (fix: make one job"),
    "unknown field": (["validate", "FILE"], json.dumps(UNKNOWN), "did you mean `taskGroups`?"),
    "wrong enum": (["validate", "FILE"], json.dumps(ENUM), "(fix: write CLOUD_LOGGING)"),
    "region in the job": (["validate", "FILE"], json.dumps(PLACE), "not a place that Batch serves"),
    "ledger below a file": (
        ["submit", "-", "--project", "p-12345", "--ledger", "FILE/ledger"],
        json.dumps(JOB),
        "a part of the path is a file",
    ),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_ends_with_1_and_is_told_once(terminal, written, case):
    words, content, says = BAD_INPUT[case]
    path = written("given", content)
    stdin = content if isinstance(content, str) else ""
    ended = terminal.within(*(word.replace("FILE", path) for word in words), stdin=stdin)
    assert ended.code == 1
    assert (ended.out + ended.err).count(says) == 1
    assert "Traceback" not in ended.err
    assert not list(terminal.folder.iterdir())
    assert not terminal.running


def unprivileged() -> list[str]:
    """What takes the right to write everywhere from a command that root runs."""
    if os.geteuid():
        return []
    if not shutil.which("setpriv"):
        pytest.skip("root may write everywhere, and there is no setpriv to change that")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([*RUN, "3 tasks of `date`"], 1),
        (["submit", "-", "--project", "p-12345"], 1),
        (["validate", "--fix", "job.json"], 2),
        (["emulate", "--state", "below"], 2),
    ],
)
def test_a_folder_that_may_not_be_written(terminal, words, code):
    job = terminal.folder / "job.json"
    job.write_text(json.dumps({**JOB, "logsPolicy": {"destination": "cloud_logging"}}))
    before = job.read_text()
    job.chmod(0o444)
    terminal.folder.chmod(0o555)
    try:
        ended = terminal(*words, stdin=json.dumps(JOB), before=unprivileged())
    finally:
        terminal.folder.chmod(0o755)
    assert ended.code == code, ended
    assert "ermission" in ended.message or "may not be written" in ended.message
    assert "Traceback" not in ended.err
    assert [path.name for path in terminal.folder.iterdir()] == ["job.json"]
    assert job.read_text() == before


def test_a_port_that_is_taken(terminal):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = terminal("emulate", "--port", f"batch={port}")
    assert (ended.code, ended.out) == (2, "")
    assert f"Port {port} for the batch emulator cannot be used" in ended.message
    assert "choose another with --port" in ended.message
    assert not list(terminal.folder.iterdir())
