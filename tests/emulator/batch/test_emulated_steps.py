"""What tasks do: steps in order, environment, failures, time limits, barriers, retries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

NewJob = Callable[..., dict[str, Any]]


def _state(holder: Any) -> str:
    return holder.status.state.name


def _texts(holder: Any) -> list[str]:
    return [event.description for event in holder.status.status_events]


def _codes(task: Any) -> list[int]:
    return [
        event.task_execution.exit_code
        for event in task.status.status_events
        if "task_execution" in event
    ]


def test_a_job_of_five_tasks(jobs: Any, new_job: NewJob) -> None:
    job = jobs.run(new_job("echo task $BATCH_TASK_INDEX of $BATCH_TASK_COUNT", taskCount=5), "five")
    assert _state(job) == "SUCCEEDED"
    assert job.status.task_groups["group0"].counts == {"SUCCEEDED": 5}
    assert sorted(jobs.output(job)) == [f"task {index} of 5" for index in range(5)]
    assert _texts(job) == [
        f"Job state is set from {before} to {after} for job {job.name}."
        for before, after in [
            ("QUEUED", "SCHEDULED"),
            ("SCHEDULED", "RUNNING"),
            ("RUNNING", "SUCCEEDED"),
        ]
    ]
    assert job.status.run_duration.total_seconds() > 0


def test_events_of_a_task(jobs: Any, new_job: NewJob) -> None:
    job = jobs.run(new_job("exit 7"))
    [task] = jobs.tasks(job)
    vm = task.status.status_events[0].description.split(" on ")[1].rstrip(".")
    assert vm.startswith("zones/us-central1-a/instances/")
    failed = f"Task state is updated from RUNNING to FAILED on {vm} with exit code 7."
    assert _texts(task) == [
        f"Task state is updated from PENDING to ASSIGNED on {vm}.",
        f"Task state is updated from ASSIGNED to RUNNING on {vm}.",
        failed,
    ]
    assert _codes(task) == [7]
    assert _texts(job)[-1] == (
        f"Job state is set from RUNNING to FAILED for job {job.name}.Job failed due to task "
        f"failure. Specifically, task with index 0 failed due to the following task event: "
        f'"{failed}"'
    )


def test_success_has_no_task_execution(jobs: Any, new_job: NewJob) -> None:
    [task] = jobs.tasks(jobs.run(new_job("true")))
    assert _codes(task) == []


def test_other_tasks_run_after_a_failure(jobs: Any, new_job: NewJob) -> None:
    job = jobs.run(new_job("exit $((BATCH_TASK_INDEX == 0))", taskCount=3, parallelism=1))
    assert _state(job) == "FAILED"
    assert [_state(task) for task in jobs.tasks(job)] == ["FAILED", "SUCCEEDED", "SUCCEEDED"]


def _step(text: str, **fields: Any) -> dict[str, Any]:
    return {"script": {"text": text}, **fields}


@pytest.mark.parametrize(
    ("steps", "code", "lines"),
    [
        ([_step("echo a"), _step("exit 3"), _step("echo c")], 3, ["a"]),
        ([_step("exit 3", ignoreExitStatus=True), _step("echo b")], 0, ["b"]),
        ([_step("exit 3"), _step("echo b", alwaysRun=True)], 3, ["b"]),
        ([_step("exit 3"), _step("exit 4", alwaysRun=True)], 3, []),
        ([_step("kill -9 $$")], 137, []),
        ([_step("no-such-command")], 127, []),
        ([_step("#!/no/such/interpreter\n")], 127, []),
        ([_step("#!sh\necho a")], 127, []),
        ([_step("#!/usr/bin/env -S awk -f\nBEGIN { print 6 * 7 }\n")], 0, ["42"]),
        ([_step("#!/bin/bash\na=(1 2); echo ${a[1]}")], 0, ["2"]),
        ([{"script": {"path": "/no/such/script"}}], 127, []),
        ([_step("sleep 60", background=True), _step("echo b")], 0, ["b"]),
        ([_step("sleep 60", timeout="0.1s"), _step("echo b")], 50005, []),
        ([_step("sleep 60", timeout="0.1s", ignoreExitStatus=True), _step("echo b")], 0, ["b"]),
        ([_step("trap '' TERM; sleep 60", timeout="0.1s")], 50005, []),
    ],
)
def test_steps(
    jobs: Any, new_job: NewJob, steps: list[dict[str, Any]], code: int, lines: list[str]
) -> None:
    job = jobs.run(new_job(*steps))
    [task] = jobs.tasks(job)
    assert _codes(task) == ([code] if code else [])
    assert jobs.output(job) == lines


def test_a_background_step_that_fails_by_itself(jobs: Any, new_job: NewJob) -> None:
    wait = "until test -s pid && grep -q '^State:.*Z' /proc/$(cat pid)/status; do :; done"
    job = jobs.run(new_job(_step("echo $$ > pid; exit 5", background=True), wait))
    assert _codes(jobs.tasks(job)[0]) == [5]


@pytest.mark.parametrize("ignored", [True, False])
def test_a_background_step_whose_time_is_over(jobs: Any, new_job: NewJob, ignored: bool) -> None:
    wait = "until test -s pid && grep -q '^State:.*Z' /proc/$(cat pid)/status; do :; done"
    limits = {"background": True, "timeout": "0.1s", "ignoreExitStatus": ignored}
    job = jobs.run(new_job(_step("echo $$ > pid; exec sleep 60", **limits), wait))
    assert _codes(jobs.tasks(job)[0]) == ([] if ignored else [50005])


def test_time_limit_of_a_task_spares_no_step(jobs: Any, new_job: NewJob) -> None:
    steps = [_step("sleep 60"), _step("echo never", alwaysRun=True)]
    job = jobs.run(new_job(*steps, spec={"maxRunDuration": "0.2s"}))
    [task] = jobs.tasks(job)
    assert _texts(task)[-1].endswith(
        " due to task runs over the maximum runtime with exit code 50005."
    )
    assert jobs.output(job) == []


def test_environment(jobs: Any, new_job: NewJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_PASSWORD", "hunter2")
    step = _step("env", environment={"variables": {"STEP": "step", "BOTH": "step"}})
    job = jobs.run(
        new_job(
            step,
            spec={"environment": {"variables": {"BOTH": "spec", "TWO": "spec", "HOME": "/x"}}},
            taskEnvironments=[{"variables": {"OWN": "0", "TWO": "0", "BATCH_TASK_INDEX": "9"}}],
            requireHostsFile=True,
        ),
        "environment",
    )
    seen = dict(line.split("=", 1) for line in jobs.output(job))
    assert (
        seen
        | {
            "STEP": "step",
            "BOTH": "step",
            "TWO": "spec",
            "OWN": "0",
            "HOME": "/x",
            "BATCH_TASK_INDEX": "0",
            "BATCH_TASK_COUNT": "1",
            "BATCH_TASK_RETRY_ATTEMPT": "0",
            "BATCH_JOB_ID": "environment",
            "BATCH_JOB_UID": job.uid,
            "BATCH_NODE_INDEX": "0",
            "BATCH_NODE_COUNT": "1",
            "STORAGE_EMULATOR_HOST": jobs.emulator.urls["storage"],
        }
        == seen
    )
    assert "MY_PASSWORD" not in seen
    assert seen["BATCH_HOSTS_FILE"]


def test_hosts_file_and_nodes(jobs: Any, new_job: NewJob) -> None:
    text = 'echo $BATCH_NODE_INDEX/$BATCH_NODE_COUNT $(wc -l < "$BATCH_HOSTS_FILE")'
    job = jobs.run(
        new_job(
            text, "true", {"barrier": {}}, taskCount=4, taskCountPerNode=2, requireHostsFile=True
        )
    )
    assert sorted(jobs.output(job)) == ["0/2 2", "0/2 2", "1/2 2", "1/2 2"]


def test_each_attempt_has_an_empty_folder_of_its_own(jobs: Any, new_job: NewJob) -> None:
    text = 'ls -A; test "$PWD" = "$HOME"; touch file; exit $((BATCH_TASK_RETRY_ATTEMPT < 1))'
    job = jobs.run(new_job(text, spec={"maxRetryCount": 1}))
    assert _state(job) == "SUCCEEDED"
    assert jobs.output(job) == []


def test_in_order(jobs: Any, new_job: NewJob) -> None:
    job = jobs.run(
        new_job("echo $BATCH_TASK_INDEX", taskCount=6, schedulingPolicy="IN_ORDER", parallelism=1)
    )
    assert jobs.output(job) == ["0", "1", "2", "3", "4", "5"]


def test_parallelism_is_kept(jobs: Any, new_job: NewJob) -> None:
    """No more than two see each other: each leaves a mark while it runs, and counts the marks."""
    share = jobs.emulator.batch.book.folder / "marks"
    share.mkdir()
    text = f"cd {share}; touch $BATCH_TASK_INDEX; ls | wc -l; rm $BATCH_TASK_INDEX"
    job = jobs.run(new_job(text, taskCount=20, parallelism=2))
    assert {int(line) for line in jobs.output(job)} <= {1, 2}


def test_barriers(jobs: Any, new_job: NewJob) -> None:
    share = jobs.emulator.batch.book.folder / "marks"
    share.mkdir()
    job = jobs.run(
        new_job(
            f"touch {share}/$BATCH_TASK_INDEX",
            {"barrier": {"name": "all-there"}},
            f"ls {share} | wc -l",
            {"barrier": {}},
            f"rm {share}/$BATCH_TASK_INDEX",
            taskCount=6,
        )
    )
    assert _state(job) == "SUCCEEDED"
    assert jobs.output(job) == ["6"] * 6


def test_a_task_that_fails_before_a_barrier_frees_the_others(jobs: Any, new_job: NewJob) -> None:
    text = "exit $((BATCH_TASK_INDEX == 1 ? 9 : 0))"
    job = jobs.run(new_job(text, {"barrier": {}}, "echo through", taskCount=3))
    codes = [_codes(task) for task in jobs.tasks(job)]
    assert codes == [[50000], [9], [50000]]
    assert "task 1 failed before the barrier" in _texts(jobs.tasks(job)[0])[-1]


@pytest.mark.parametrize(
    ("policy", "limit", "runs"),
    [
        (None, 0, 1),
        (None, 2, 3),
        (("RETRY_TASK", [4]), 2, 3),
        (("RETRY_TASK", [5]), 2, 1),
        (("FAIL_TASK", [4]), 2, 1),
        (("FAIL_TASK", [5]), 2, 3),
        (("RETRY_TASK", [4]), 0, 1),
    ],
)
def test_retries(
    jobs: Any, new_job: NewJob, policy: tuple[str, list[int]] | None, limit: int, runs: int
) -> None:
    spec: dict[str, Any] = {"maxRetryCount": limit}
    if policy:
        condition = {"exitCodes": policy[1]}
        spec["lifecyclePolicies"] = [{"action": policy[0], "actionCondition": condition}]
    job = jobs.run(new_job("echo $BATCH_TASK_RETRY_ATTEMPT; exit 4", spec=spec))
    assert jobs.output(job) == [str(number) for number in range(runs)]
    [task] = jobs.tasks(job)
    assert _codes(task) == [4] * runs
    assert sum("from FAILED to PENDING" in text for text in _texts(task)) == runs - 1


def test_containers_without_an_engine(
    jobs: Any, new_job: NewJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.batch.containers.engine_answers", lambda: False)
    job = jobs.run(new_job({"container": {"imageUri": "busybox", "commands": ["true"]}}))
    [task] = jobs.tasks(job)
    assert _codes(task) == [50000]
    assert "due to no container engine answers on this machine" in _texts(task)[-1]


def test_a_gpu_and_a_notification_are_told(jobs: Any, new_job: NewJob) -> None:
    policy = {"machineType": "n1-standard-8", "accelerators": [{"type": "nvidia-tesla-t4"}]}
    job = jobs.run(
        new_job(
            "true",
            job={
                "allocationPolicy": {"instances": [{"policy": policy}]},
                "notifications": [{"pubsubTopic": "projects/p/topics/t"}],
            },
        )
    )
    texts = " ".join(_texts(job))
    assert "sends no notifications" in texts
    assert "no GPUs" in texts
    assert job.status.task_groups["group0"].instances[0].machine_type == "n1-standard-8"
    assert job.status.task_groups["group0"].instances[0].task_pack == 1
