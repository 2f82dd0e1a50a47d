"""`tasks`, from the command line to the emulator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from emulator.launch import Emulator
from tests.cli.conftest import GOOD, Command


def submitted(command: Command, script: str = "") -> str:
    if script:
        job = json.loads(json.dumps(GOOD))
        job["taskGroups"][0]["taskSpec"]["runnables"] = [{"script": {"text": script}}]
        Path("job.json").write_text(json.dumps(job))
    return command("submit", "job.json", "--run", "r")[1].strip()


def test_tasks_as_a_table(emulator: Emulator, command: Command) -> None:
    code, out, _ = command("tasks", submitted(command))
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split()[:4] == ["task", "state", "exit", "tries"]
    assert [line.split()[:3] for line in lines[1:]] == [
        ["0", "SUCCEEDED", "0"],
        ["1", "FAILED", "137"],
        ["2", "SUCCEEDED", "0"],
    ]


def test_tasks_as_json(emulator: Emulator, command: Command) -> None:
    name = submitted(command)
    rows: list[dict[str, Any]] = json.loads(command("tasks", name, "--json")[1])
    assert [(row["index"], row["exit_code"]) for row in rows] == [(0, 0), (1, 137), (2, 0)]


def test_tasks_tell_why_they_failed(emulator: Emulator, command: Command) -> None:
    script = (
        "echo shard $BATCH_TASK_INDEX\n"
        "[ $BATCH_TASK_INDEX != 0 ] || exit 0\n"
        "printf 'cp: a: No space left on device\\033[2J\\n' >&2; exit 1"
    )
    name = submitted(command, script)
    code, out, told = command("tasks", name)
    assert code == 0
    assert "space" not in out
    assert told.splitlines() == [
        "exit code 1, 2 tasks (1-2): a disk was full",
        "  their output: cp: a: No space left on device[U+001B][2J",
        "  bootDisk.sizeGb is not set.",
        "  Raise bootDisk.sizeGb, on which images, packages and /tmp lie, or that of the disk that "
        "the task writes to.",
    ]


def test_the_end_of_submit_and_watch_says_why(emulator: Emulator, command: Command) -> None:
    Path("job.json").write_text(json.dumps(GOOD).replace("exit 137", "no-such-program"))
    code, out, told = command("submit", "job.json")
    assert code == 1
    why = "exit code 127, 1 task (1): the command no-such-program was not found"
    assert why in told.splitlines()
    assert why in command("watch", out.strip())[2].splitlines()
    assert emulator.faults.calls()["logging.ListLogEntries"] == 2
