"""Processes: none is left, whatever ends a job; jobs go on when the emulator starts again."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulator.batch import containers
from emulator.batch.mounts import Mount
from emulator.batch.processes import Alarms, Attempt, Outcome
from emulator.launch import Emulator, start

NewJob = Callable[..., dict[str, Any]]

# A child, a grandchild, and one that leaves the group. The shells say that they are up, because a
# process in the middle of an exec has no environment to be found by.
_SHELL = "sh -c 'sleep 4242 & echo up > {fifo}; wait'"
_FAMILY = f"setsid {_SHELL} & {_SHELL} & wait"


def _wait_until_up(fifo: int, shells: int) -> None:
    heard = b""
    while heard.count(b"up") < shells:
        assert select.select([fifo], [], [], 60)[0]
        heard += os.read(fifo, 100)


def _carrying(marker: str) -> list[int]:
    """The processes that carry the marker in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if marker.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def _left(marker: str) -> list[int]:
    """Those that are not about to end: SIGKILL was sent, but a process may be slow to go."""
    left = []
    for pid in _carrying(marker):
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        if not select.select([handle], [], [], 20)[0]:
            left.append(pid)
        os.close(handle)
    return left


@pytest.mark.parametrize("how", ["cancel_job", "delete_job", "stop"])
def test_no_process_is_left(jobs: Any, new_job: NewJob, how: str, tmp_path: Path) -> None:
    emulator = jobs.emulator
    marker = f"INTENT2BATCH_EMULATOR={emulator.batch.book.folder.parent}"
    os.mkfifo(tmp_path / "fifo")
    fifo = os.open(tmp_path / "fifo", os.O_RDWR)
    job = jobs.create(new_job(_FAMILY.format(fifo=tmp_path / "fifo"), taskCount=2))
    _wait_until_up(fifo, 4)
    os.close(fifo)
    assert len(_carrying(marker)) >= 6
    if how == "stop":
        emulator.stop()
    else:
        getattr(jobs.client, how)(name=job.name).result()
    assert _left(marker) == []


def test_a_job_cannot_take_its_mark_off(jobs: Any, new_job: NewJob) -> None:
    folder = jobs.emulator.batch.book.folder.parent
    variables = {"variables": {"INTENT2BATCH_EMULATOR": "another"}}
    job = jobs.run(
        new_job(
            {
                "script": {"text": f'test "$INTENT2BATCH_EMULATOR" = {folder}'},
                "environment": variables,
            },
            spec={"environment": variables},
        )
    )
    assert job.status.state.name == "SUCCEEDED"


def test_who_sweeps_up_does_not_end_itself(tmp_path: Path) -> None:
    # As when a task that outlived its emulator starts the next one.
    sweep = f"from emulator.batch.processes import kill_marked; kill_marked('MARK={tmp_path}')"
    environment = {**os.environ, "MARK": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", sweep], env=environment, check=False)
    assert done.returncode == 0


def test_leftovers_of_a_step_end_with_the_task(jobs: Any, new_job: NewJob) -> None:
    marker = f"INTENT2BATCH_EMULATOR={jobs.emulator.batch.book.folder.parent}"
    job = jobs.run(new_job("sleep 4242 &", "pgrep -g 0 >/dev/null || true"))
    assert job.status.state.name == "SUCCEEDED"
    assert _left(marker) == []


def test_jobs_go_on_after_a_restart(
    tmp_path: Path, new_job: NewJob, jobs_at: Callable[[Emulator], Any]
) -> None:
    text = "test $BATCH_TASK_RETRY_ATTEMPT -gt 0 || sleep 60; echo done $BATCH_TASK_INDEX"
    with start(tmp_path) as emulator:
        jobs = jobs_at(emulator)
        kept = jobs.create(new_job(text, taskCount=3, parallelism=2, spec={"maxRetryCount": 1}))
        lost = jobs.create(new_job(text))
        jobs.wait_tasks(kept, "RUNNING", 2)
        jobs.wait_tasks(lost, "RUNNING", 1)
        jobs.scenario("queued", "stuck_queued")
        queued = jobs.create(new_job("echo later"), "queued")
    with start(tmp_path) as emulator:
        jobs = jobs_at(emulator)
        assert jobs.end(lost).status.state.name == "FAILED"
        assert jobs.end(queued).status.state.name == "SUCCEEDED"
        emulator.batch.wait_for(kept.name, lambda job: job.counts["SUCCEEDED"] == 2)
        codes = [
            event.task_execution.exit_code
            for event in jobs.tasks(kept)[0].status.status_events
            if event.task_execution.exit_code
        ]
        assert codes == [50002]
        jobs.client.delete_job(name=kept.name).result()
        assert "done 0" in jobs.output(kept)


def test_a_killed_emulator_leaves_no_process_after_the_next_start(
    tmp_path: Path, new_job: NewJob, jobs_at: Callable[[Emulator], Any]
) -> None:
    line = [sys.executable, "-m", "emulator", "--state", str(tmp_path / "state")]
    os.mkfifo(tmp_path / "fifo")
    fifo = os.open(tmp_path / "fifo", os.O_RDWR)
    with subprocess.Popen(line, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["CLOUDSDK_API_ENDPOINT_OVERRIDES_BATCH"]
        parent = "projects/local-project/locations/us-central1"
        body = json.dumps(new_job(_FAMILY.format(fifo=tmp_path / "fifo"))).encode()
        urllib.request.urlopen(
            urllib.request.Request(f"{url}v1/{parent}/jobs?jobId=orphan", body)
        ).close()
        _wait_until_up(fifo, 2)
        process.kill()
    os.close(fifo)
    marker = f"INTENT2BATCH_EMULATOR={tmp_path}/state/batch"
    assert len(_carrying(marker)) >= 3
    with start(tmp_path / "state") as emulator:
        job = emulator.batch.wait_for(f"{parent}/jobs/orphan")
        assert job.state == "FAILED"
        assert _left(marker) == []


def test_an_attempt_that_was_stopped_starts_nothing(tmp_path: Path) -> None:
    alarms = Alarms()
    attempt = Attempt(alarms)
    hooked: list[int] = []
    attempt.stop(Outcome(50001))
    attempt.on_stop(lambda: hooked.append(1))
    streams = (-3, -3)
    assert attempt.start(["/bin/true"], {}, tmp_path, streams) == Outcome(50001)
    attempt.close(gently=True)
    attempt.stop(Outcome(1))
    assert attempt.verdict == Outcome(50001)
    assert hooked == [1]
    alarms.close()


def test_what_cannot_be_started(tmp_path: Path) -> None:
    alarms = Alarms()
    attempt = Attempt(alarms)
    (tmp_path / "file").write_text("")
    assert attempt.start(["/no/such"], {}, tmp_path, (-3, -3)) == Outcome(127)
    assert attempt.start([str(tmp_path / "file")], {}, tmp_path, (-3, -3)) == Outcome(126)
    attempt.close(gently=False)
    alarms.close()


def test_a_thousand_alarms_that_are_cancelled_cost_nothing() -> None:
    alarms = Alarms()
    fired: list[int] = []
    for number in range(1000):
        alarms.after(3600, lambda number=number: fired.append(number))()
    assert len(alarms._heap) + len(alarms._cancelled) < 200
    alarms.close()
    assert fired == []


def test_the_command_line_of_a_container(tmp_path: Path) -> None:
    shown = [Mount(tmp_path, "/mnt/disks/share"), Mount(tmp_path / "ro", "/mnt/ro", read_only=True)]
    container = {
        "imageUri": "busybox",
        "commands": ["-c", "echo $HOME; rm -rf /"],
        "entrypoint": "/bin/sh",
        "options": "--cpus 2 --label 'a b'",
    }
    line = containers.command_line(container, "name", {"A": "secret", "HOME": "/root"}, shown)
    assert line == [
        *("docker", "run", "--rm", "--name", "name", "--network", "host"),
        *("--volume", f"{tmp_path}:/mnt/disks/share:rw"),
        *("--volume", f"{tmp_path}/ro:/mnt/ro:ro"),
        *(
            "--env",
            "A",
            "--env",
            "HOME=/root",
            "--entrypoint",
            "/bin/sh",
            "--cpus",
            "2",
            "--label",
            "a b",
        ),
        *("busybox", "-c", "echo $HOME; rm -rf /"),
    ]
    container = {
        "imageUri": "i",
        "volumes": ["/mnt/disks/share/x:/x:ro"],
        "blockExternalNetwork": True,
    }
    line = containers.command_line(container, "name", {}, shown)
    assert line[6:] == ["none", "--volume", f"{tmp_path}/x:/x:ro", "i"]


def test_an_engine(
    jobs: Any, new_job: NewJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a stand-in for the docker command, which shows what it was asked."""
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\necho "$@" "A=$A"\n')
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    containers.engine_answers.cache_clear()
    step = {
        "container": {"imageUri": "busybox", "commands": ["true"]},
        "environment": {"variables": {"A": "b"}},
    }
    job = jobs.run(new_job(step))
    containers.engine_answers.cache_clear()
    assert job.status.state.name == "SUCCEEDED"
    [line] = jobs.output(job)
    assert line.startswith(f"run --rm --name {job.uid}-0-0-0 --network host")
    assert line.endswith("busybox true A=b")
