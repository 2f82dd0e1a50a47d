"""`submit`, `watch` and `cancel`, from the command line to the emulator."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from google.api_core.exceptions import ServiceUnavailable
from google.auth.exceptions import DefaultCredentialsError, RefreshError, TransportError

from emulator.launch import Emulator
from pipelines.cli.tasks import service_error
from tests.cli.conftest import GOOD, Command

BAD = {**GOOD, "priority": 500}
NAME = r"projects/local-project/locations/us-central1/jobs/[a-z0-9-]+"


def test_submit_prints_the_name_and_tells_the_rest(emulator: Emulator, command: Command) -> None:
    code, out, told = command("submit", "quick.json", "--run", "mine")
    assert code == 0
    assert re.fullmatch(NAME, out.strip())
    assert f"intent2batch watch {out.strip()}" in told
    assert f"intent2batch cancel {out.strip()}" in told
    assert "region us-central1" in told
    assert json.loads(Path("runs/mine/submission.json").read_text())["outcome"] == "succeeded"
    assert command("submit", "quick.json", "--run", "mine")[:2] == (0, out)
    assert len(emulator.batch.book.everything()) == 1


def test_a_failed_job_ends_with_one(emulator: Emulator, command: Command) -> None:
    code, out, told = command("submit", "job.json")
    assert code == 1
    assert "task 1 failed: exit code 137" in told
    assert f"intent2batch tasks {out.strip()}" in told


def test_runs_without_a_name_are_new_each_time(emulator: Emulator, command: Command) -> None:
    names = {command("submit", "quick.json", "--no-wait")[1] for _ in range(2)}
    assert len(names) == 2


def test_a_ledger_names_its_run(emulator: Emulator, command: Command) -> None:
    names = {command("submit", "quick.json", "--ledger", "a/b/s.json")[1] for _ in range(2)}
    assert len(names) == 1


def test_a_dry_run_prints_the_request(emulator: Emulator, command: Command) -> None:
    code, out, _ = command("submit", "job.json", "--dry-run", "--run", "r")
    request = json.loads(out)
    assert (code, request["method"]) == (0, "POST")
    assert request["request_id"] in request["url"]
    assert request["job"]["taskGroups"] == GOOD["taskGroups"]
    assert emulator.faults.calls() == {}


@pytest.mark.parametrize("kind", ["json", "yaml"])
def test_a_job_comes_from_stdin(emulator: Emulator, command: Command, kind: str) -> None:
    text = json.dumps(GOOD)
    if kind == "yaml":
        import yaml

        text = yaml.safe_dump(GOOD)
    code, out, _ = command("submit", "-", "--dry-run", given=text)
    assert (code, json.loads(out)["job"]["taskGroups"]) == (0, GOOD["taskGroups"])


def test_a_job_goes_where_its_vms_are_allowed(emulator: Emulator, command: Command) -> None:
    place = {"allocationPolicy": {"location": {"allowedLocations": ["regions/europe-west4"]}}}
    Path("far.json").write_text(json.dumps(GOOD | place))
    code, out, told = command("submit", "far.json", "--dry-run")
    assert (code, json.loads(out)["parent"]) == (0, "projects/local-project/locations/europe-west4")
    assert "region europe-west4" in told
    assert "LOC_SAME" in command("submit", "far.json", "--dry-run", "--region", "us-east1")[2]


def test_errors_stop_a_job_unless_forced(emulator: Emulator, command: Command) -> None:
    Path("bad.json").write_text(json.dumps(BAD))
    code, out, told = command("submit", "bad.json", "--dry-run")
    assert (code, out) == (1, "")
    assert "priority" in told
    assert "bad.json" in told
    assert command("submit", "bad.json", "--dry-run", "--force")[0] == 0
    assert emulator.faults.calls() == {}


def test_a_policy_stops_a_job_forced_or_not(emulator: Emulator, command: Command) -> None:
    Path("policy.yaml").write_text("max_tasks: 2\n")
    for words in ([], ["--force"]):
        code, out, told = command("submit", "job.json", "--policy", "policy.yaml", *words)
        assert (code, out) == (1, "")
        assert "POLICY_TASKS" in told
        assert "--force does not pass it" in told
    assert emulator.faults.calls() == {}
    Path("policy.yaml").write_text("max_tasks: 3\n")
    assert command("submit", "job.json", "--policy", "policy.yaml", "--dry-run")[0] == 0


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["submit", "none.json"], 2, "none.json"),
        (["submit", "."], 2, "it is a folder"),
        (["submit", "job.json", "--policy", "none.yaml"], 2, "none.yaml"),
        (["submit", "job.json", "--region", "us-central1-a"], 2, "its region, us-central1"),
        (["submit", "job.json", "--project", "No Such"], 2, "not the id of a project"),
        (["submit", "job.json", "--max-wait", "soon"], 2, "not a time"),
        (["submit", "job.json", "--max-wait", "5"], 2, "'5' is not a time"),
        (["submit", "job.json", "--run", "../up"], 2, "cannot be the name of a run"),
        (["submit", "job.json", "--adapt", "--no-wait"], 2, "Leave out --no-wait"),
        (["submit", "job.json", "--adapt-rounds", "3"], 2, "Add --adapt"),
        (["submit", "job.json", "--leave"], 2, "Add --max-wait"),
        (["watch", "nothing-there"], 1, "There is no such job"),
        (["watch", "-"], 2, "No job is given"),
        (["cancel", "nothing-there"], 1, "There is no such job"),
        (["tasks", "nothing-there"], 1, "There is no such job"),
        (["tasks", "Not A Job"], 2, "not the name of a job"),
    ],
)
def test_what_is_wrong_is_told_in_one_message(
    emulator: Emulator, command: Command, words: list[str], code: int, told: str
) -> None:
    got, out, said = command(*words)
    assert (got, out) == (code, "")
    assert told in said
    assert "Traceback" not in said
    assert emulator.batch.book.everything() == []
    assert not Path("runs").exists()


def test_no_project_is_told(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    code, _, told = command("submit", "job.json")
    assert code == 2
    assert "--project" in told


@pytest.mark.parametrize("verb", ["watch", "cancel"])
def test_credentials_that_are_missing_are_named_before_the_job(
    command: Command, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    def none() -> None:
        raise DefaultCredentialsError("none")

    monkeypatch.setattr("components.submit_batch_job.submit.batch_client", none)
    code, _, told = command(verb, "projects/p-123456/locations/us-central1/jobs/j")
    assert code == 1
    assert "application-default login" in told
    assert "intent2batch cancel projects/p-123456/locations/us-central1/jobs/j" in told


def test_a_binary_file_is_no_job(emulator: Emulator, command: Command) -> None:
    Path("b.json").write_bytes(bytes(range(256)) * 10)
    code, out, told = command("submit", "b.json")
    assert (code, out) == (1, "")
    assert "b.json" in told


def submitted(command: Command) -> str:
    return command("submit", "job.json", "--run", "r")[1].strip()


def test_watch_and_cancel_by_id(emulator: Emulator, command: Command) -> None:
    name = submitted(command)
    job_id = name.rpartition("/")[2]
    code, out, told = command("watch", job_id)
    assert (code, out) == (1, f"FAILED {name}\n")
    assert "exit code 137" in told
    assert command("cancel", job_id)[:2] == (0, f"FAILED {name}\n")


def test_failed_tasks_run_again_with_more_memory(emulator: Emulator, command: Command) -> None:
    mark = Path("mark").resolve()
    script = f"[ $BATCH_TASK_INDEX != 1 ] || [ -e {mark} ] || {{ touch {mark}; exit 137; }}"
    job = json.loads(json.dumps(GOOD))
    job["taskGroups"][0]["taskSpec"]["runnables"] = [{"script": {"text": script}}]
    Path("job.json").write_text(json.dumps(job))
    code, out, told = command("submit", "job.json", "--run", "again", "--adapt")
    assert code == 0
    first, second = out.split()
    assert second.startswith(first[:60])
    assert second.endswith("-r1")
    assert "memoryMib: 4000, as the task ran out of memory" in told
    assert "round 1: 1 task again" in told
    assert command("submit", "job.json", "--run", "again", "--adapt")[:2] == (0, out)
    assert len(emulator.batch.book.everything()) == 2


def test_many_jobs_are_watched_at_once(emulator: Emulator, command: Command) -> None:
    names = [command("submit", "quick.json", "--no-wait")[1].strip() for _ in range(3)]
    code, out, told = command("watch", *names)
    assert (code, sorted(out.splitlines())) == (0, sorted(f"SUCCEEDED {name}" for name in names))
    assert "3 jobs: " in told
    bad = command("submit", "job.json", "--no-wait")[1].strip()
    given = "".join(f"{name}\n" for name in [*names, bad])
    code, out, told = command("watch", "-", "nothing-there", given=given)
    assert code == 1
    assert told.count("region us-central1") == 1
    assert f"FAILED {bad}" in out.splitlines()
    assert sum(line.startswith("DELETED ") for line in out.splitlines()) == 1
    assert "task 1 failed: exit code 137" in told
    assert "2 of 5 jobs have not succeeded: 3 SUCCEEDED" in told


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (DefaultCredentialsError("none"), "There are no Google credentials"),
        (RefreshError("gone"), "have expired or were revoked"),
        (TransportError("no route"), "The tasks cannot be listed (no route)"),
        (ServiceUnavailable("later"), "The tasks cannot be listed (503 later)"),
    ],
)
def test_what_a_service_says_of_tasks_is_told_plainly(error: Exception, said: str) -> None:
    assert said in str(service_error(error, "projects/p/locations/r/jobs/j"))
