"""`tasks`, from the command line to the emulator."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

from emulator.faults import Fault
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
    assert lines[0].split()[:4] == ["Task", "State", "Exit", "What"]
    assert [line.split()[:4] for line in lines[1:]] == [
        ["0", "✓", "succeeded", "0"],
        ["1", "✕", "failed", "137"],
        ["2", "✓", "succeeded", "0"],
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


def test_tail_prints_what_tasks_print(emulator: Emulator, command: Command) -> None:
    name = submitted(command, "printf 'a\\033[2Jb\\n'; echo $BATCH_TASK_INDEX")
    code, out, _ = command("tail", name)
    assert code == 0
    assert sorted(out.splitlines()) == sorted(
        f"[{task}] {text}" for task in range(3) for text in ("a[U+001B][2Jb", str(task))
    )
    assert command("tail", name, "--task", "2", "-n", "1")[1] == "2\n"
    told = [
        json.loads(line)
        for line in command("tail", name, "--task", "1", "--json")[1].split("\n")[:-1]
    ]
    assert [(line["task"], line["text"]) for line in told] == [(1, "a\x1b[2Jb"), (1, "1")]


def test_tail_follows_a_job_to_its_end(emulator: Emulator, command: Command) -> None:
    gate = Path("gate").resolve()
    os.mkfifo(gate)
    script = f"echo begun; printf half; cat {gate} > x; echo way; echo done >&2"
    job = json.loads(json.dumps(GOOD))
    job["taskGroups"][0] |= {"taskCount": 1, "parallelism": 1}
    job["taskGroups"][0]["taskSpec"]["runnables"] = [{"script": {"text": script}}]
    Path("job.json").write_text(json.dumps(job))
    name = command("submit", "job.json", "--no-wait")[1].strip()
    got: list[tuple[int, str, str]] = []
    following = threading.Thread(target=lambda: got.append(command("tail", name, "--follow")))
    following.start()
    with gate.open("w"):  # opens when the task reads, and lets it go on
        emulator.batch.wait_for(name, lambda job: job.state == "RUNNING")
    following.join(60)
    assert got[0][0] == 0
    assert sorted(got[0][1].splitlines()) == ["[0] begun", "[0] done", "[0] halfway"]


def test_a_job_without_logs_has_no_tail(emulator: Emulator, command: Command) -> None:
    Path("job.json").write_text(json.dumps({k: v for k, v in GOOD.items() if k != "logsPolicy"}))
    name = command("submit", "job.json", "--no-wait")[1].strip()
    code, out, told = command("tail", name)
    assert (code, out) == (1, "")
    assert "sends nothing to Cloud Logging" in told
    assert command("tail", "nothing-there")[0] == 1


def test_a_tail_of_nothing_says_so(emulator: Emulator, command: Command) -> None:
    name = submitted(command, "true")
    code, out, told = command("tail", name)
    assert (code, out) == (0, "")
    assert "nothing was printed" in told
    code, out, told = command("tail", name, "--task", "3")
    assert (code, out) == (1, "")
    assert "There is no task 3: the job has 3 tasks, counted from 0" in told


def test_who_waits_for_a_service_that_is_away_is_told(emulator: Emulator, command: Command) -> None:
    name = submitted(command, "true")
    emulator.faults.add(Fault("batch.GetJob"))
    code, _, told = command("tasks", name)
    assert code == 0
    assert "no answer, trying again: 503" in told
