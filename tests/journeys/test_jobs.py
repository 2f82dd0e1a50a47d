"""Jobs without a pipeline, at stand-ins whose environment was pasted into the terminal."""

from __future__ import annotations

import json
import signal

import pytest

HERE = ("--region", "us-central1")


def job(script: dict[str, str]) -> str:
    group = {"taskCount": 2, "taskSpec": {"runnables": [{"script": script}]}}
    return json.dumps({"taskGroups": [group], "logsPolicy": {"destination": "CLOUD_LOGGING"}})


def test_an_absent_script_fails_its_tasks_and_says_why(at_stand_ins, written):
    path = written("job.json", job({"path": "/opt/absent.sh"}))
    ended = at_stand_ins("submit", path, *HERE)
    assert ended.code == 1
    name = ended.out.strip()
    assert "exit code 127: the command was not found" in ended.message
    assert f"intent2batch tasks {name}" in ended.message
    table = at_stand_ins("tasks", name)
    assert table.code == 0
    assert table.out.count("the command was not found") == 2
    rows = json.loads(at_stand_ins("tasks", name, "--json").out)
    assert [row["exit_code"] for row in rows] == [127, 127]


@pytest.mark.parametrize("verb", ["watch", "tasks", "cancel"])
def test_a_job_that_is_not_there(at_stand_ins, verb):
    ended = at_stand_ins(verb, "absent", *HERE)
    assert (ended.code, ended.out) == (1, "")
    assert "/jobs/absent: There is no such job" in ended.message


def test_the_tasks_of_a_deleted_job(at_stand_ins, stand_ins, written):
    name = at_stand_ins("submit", written("job.json", job({"text": "true"})), *HERE).out.strip()
    from components.batch.client import batch_client

    with pytest.MonkeyPatch.context() as patch:
        for variable, value in stand_ins.environment.items():
            patch.setenv(variable, value)
        batch_client().delete_job(name=name).result()
    ended = at_stand_ins("tasks", name)
    assert (ended.code, ended.out) == (1, "")
    assert "There is no such job" in ended.message


def test_ctrl_c_while_watching_and_while_submitting(at_stand_ins, stand_ins, written):
    path = written("job.json", job({"text": "exec sleep 3600"}))
    name = at_stand_ins("submit", path, "--run", "long", "--no-wait", *HERE).out.strip()
    with at_stand_ins.start("watch", name) as watching:
        at_stand_ins.until(watching, "SCHEDULED -> RUNNING")
        watching.send_signal(signal.SIGINT)
        assert f"intent2batch cancel {name}" in watching.stderr.read()
    assert watching.returncode == 130
    with at_stand_ins.start("submit", path, "--run", "long", *HERE) as submitting:
        at_stand_ins.until(submitting, "SCHEDULED -> RUNNING")
        submitting.send_signal(signal.SIGINT)
        assert "The job was cancelled" in submitting.stderr.read()
    assert submitting.returncode == 1
    assert at_stand_ins("cancel", name).out == f"CANCELLED {name}\n"
    assert not at_stand_ins.running
