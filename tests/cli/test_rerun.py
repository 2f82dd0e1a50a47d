"""`rerun --failed`, from the command line to the emulator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.batch.rerun_marks import marked_indexes
from components.rounds.gather import Round, Series
from components.rounds.names import round_id
from components.supervision.ledger import Ledger
from components.supervision.life import Life
from emulator.faults import Fault
from emulator.launch import Emulator
from pipelines.cli import rerun
from tests.cli.conftest import GOOD, Command

# Tasks 1, 3, 4 and so on fail until there is a file with their index.
SCRIPT = (
    "#!/bin/bash\necho $BATCH_TASK_INDEX of $BATCH_TASK_COUNT >> {folder}/ran\n"
    "(( BATCH_TASK_INDEX % 3 == 0 )) || [[ -e {folder}/may-$BATCH_TASK_INDEX ]] || exit 9"
)


def submitted(command: Command, count: int = 6, **spec: Any) -> str:
    job = json.loads(json.dumps(GOOD))
    script = SCRIPT.format(folder=Path.cwd())
    job["taskGroups"][0] |= {"taskCount": count, "parallelism": min(count, 6)}
    job["taskGroups"][0]["taskSpec"] |= {"runnables": [{"script": {"text": script}}], **spec}
    Path("job.json").write_text(json.dumps(job))
    return command("submit", "job.json", "--run", "r")[1].strip()


def allow(*indexes: int) -> None:
    for index in indexes:
        Path(f"may-{index}").touch()


def ran() -> list[str]:
    found = sorted(Path("ran").read_text().splitlines())
    Path("ran").unlink()
    return found


def made(emulator: Emulator) -> int:
    return len(emulator.batch.book.everything())


def test_only_what_failed_runs_again_until_nothing_is_left(
    emulator: Emulator, command: Command
) -> None:
    name = submitted(command)
    assert len(ran()) == 6
    allow(1, 2)
    code, out, told = command("rerun", name, "--failed")
    assert code == 1
    assert ran() == ["1 of 6", "2 of 6", "4 of 6", "5 of 6"]
    assert "to run again: 4 tasks (1-2, 4-5)" in told
    assert "exit code 9, 2 tasks (4-5)" in told
    whose = f"a rerun: its tasks 0 to 3 are tasks 1-2, 4-5 of {name.rpartition('/')[2]}"
    assert whose in command("tasks", out.strip())[2]
    first_rerun = out.strip()
    allow(4, 5)
    code, out, told = command("rerun", name, "--failed")
    assert code == 0
    assert ran() == ["4 of 6", "5 of 6"]
    assert "rerun 1: 2 of 4 tasks succeeded" in told
    assert out.strip() == first_rerun.removesuffix("1") + "2"
    assert command("rerun", out.strip(), "--failed")[:2] == (0, "")
    assert made(emulator) == 3


def test_tasks_that_never_ran_are_among_them(emulator: Emulator, command: Command) -> None:
    gate = Path("gate").resolve()
    job = json.loads(json.dumps(GOOD))
    job["taskGroups"][0] |= {"taskCount": 4, "parallelism": 1}
    text = f"[ -e {gate} ] || sleep 600"
    job["taskGroups"][0]["taskSpec"]["runnables"] = [{"script": {"text": text}}]
    Path("job.json").write_text(json.dumps(job))
    name = command("submit", "job.json", "--no-wait")[1].strip()
    emulator.batch.wait_for(name, lambda job: job.counts["RUNNING"] == 1)
    assert command("rerun", name, "--failed")[0] == 1  # it has not ended
    command("cancel", name)
    gate.touch()
    code, _, told = command("rerun", name, "--failed")
    assert (code, "to run again: 4 tasks (0-3)" in told) == (0, True)


def test_a_dry_run_shows_the_request_and_makes_nothing(
    emulator: Emulator, command: Command
) -> None:
    name = submitted(command)
    code, out, _ = command("rerun", name, "--failed", "--dry-run")
    request = json.loads(out)
    assert code == 0
    assert marked_indexes(request["job"]) == [1, 2, 4, 5]
    assert request["job"]["labels"]["intent2batch-rerun-of"] == name.rpartition("/")[2]
    assert request["job"]["taskGroups"][0]["taskCount"] == "4"
    assert made(emulator) == 1


@pytest.mark.parametrize("kind", ["lose_reply", "drop", "status"])
def test_a_lost_reply_makes_no_second_job(emulator: Emulator, command: Command, kind: Any) -> None:
    name = submitted(command)
    allow(1, 2, 4, 5)
    emulator.faults.add(Fault("batch.CreateJob", kind=kind))
    assert command("rerun", name, "--failed")[0] == 0
    assert made(emulator) == 2
    assert command("rerun", name, "--failed")[:2] == (0, "")


def test_one_that_is_under_way_is_followed(emulator: Emulator, command: Command) -> None:
    name = submitted(command)
    allow(1, 2, 4, 5)
    out = command("rerun", name, "--failed", "--no-wait")[1]
    Path("runs").rename("elsewhere")  # another machine knows only the service
    code, again, told = command("rerun", name, "--failed")
    assert code == 0
    assert again in ("", out)  # it may have ended meanwhile
    assert made(emulator) == 2
    assert "1: " in told


def test_more_than_200_read_a_manifest(emulator: Emulator, command: Command) -> None:
    name = submitted(command, 310)
    assert command("rerun", name, "--failed")[0] == 1
    assert made(emulator) == 1
    bucket = f"gs://{emulator.project}-bucket"
    ran()
    allow(*range(309))
    code, out, told = command("rerun", name, "--failed", "--manifest", f"{bucket}/reruns")
    assert code == 0, told
    assert ran() == sorted(f"{index} of 310" for index in range(310) if index % 3)
    assert command("rerun", out.strip(), "--failed")[:2] == (0, "")


def test_the_first_job_and_its_reruns_share_a_budget(emulator: Emulator, command: Command) -> None:
    policy = {"instances": [{"policy": {"machineType": "e2-standard-2"}}]}
    job = {**GOOD, "allocationPolicy": policy}
    Path("job.json").write_text(json.dumps(job))
    name = command("submit", "job.json")[1].strip()
    code, out, told = command("rerun", name, "--failed", "--max-cost", "0.01")
    assert (code, out) == (1, "")
    assert "The job and its reruns may cost" in told
    assert command("rerun", name, "--failed", "--max-cost", "100", "--dry-run")[0] == 0


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["rerun", "x"], 2, "Add --failed"),
        (["rerun", "nothing-there", "--failed"], 1, "There is no such job"),
        (["rerun", "No Job", "--failed"], 2, "not the name of a job"),
    ],
)
def test_wrong_use(
    emulator: Emulator, command: Command, words: list[str], code: int, told: str
) -> None:
    got, out, said = command(*words)
    assert (got, out) == (code, "")
    assert told in said


def test_a_strangers_job_of_that_name_is_left_alone(emulator: Emulator, command: Command) -> None:
    from google.cloud import batch_v1

    from components.batch.client import batch_client

    name = submitted(command)
    parent, _, job_id = name.partition("/jobs/")
    first = emulator.batch.book.get(name)
    assert first is not None
    stranger = batch_v1.Job.from_json(json.dumps(GOOD))
    batch_client().create_job(parent=parent, job=stranger, job_id=round_id(job_id, first.uid, 1))
    code, out, told = command("rerun", name, "--failed")
    assert (code, out) == (1, "")
    assert "labels say that it is none" in told


@pytest.mark.parametrize(
    ("indexes", "says"), [([1, 2], "with it every task has"), ([1], "still to run again: 1 task")]
)
def test_a_rerun_of_some_tasks_does_not_say_that_all_have(
    indexes: list[int], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rounds of `submit --adapt` run only what a change may mend."""
    first = Round(0, "projects/p/locations/r/jobs/j", "FAILED", {}, range(3), frozenset({0}))
    rerun._say_end(Ledger(Life(outcome="succeeded")), Series("uid", [first]), indexes)
    assert says in capsys.readouterr().err
