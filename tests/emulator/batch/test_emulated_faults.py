"""Scenarios: what can be made to go wrong with a job, without any waiting."""

from __future__ import annotations

import json
import urllib.error
from collections.abc import Callable
from typing import Any

import pytest
from google.api_core import exceptions

from emulator.faults import Fault

NewJob = Callable[..., dict[str, Any]]


def _state(holder: Any) -> str:
    return holder.status.state.name


def _texts(holder: Any) -> list[str]:
    return [event.description for event in holder.status.status_events]


@pytest.mark.parametrize(
    ("kind", "code", "reason"),
    [
        ("preempt_task", 50001, "Spot Preemption"),
        ("vanish_vm", 50002, "Batch no longer receives VM updates"),
    ],
)
@pytest.mark.parametrize(("when", "lines"), [("start", []), ("after:0", ["a"])])
def test_a_lost_vm(
    jobs: Any, new_job: NewJob, kind: str, code: int, reason: str, when: str, lines: list[str]
) -> None:
    jobs.scenario("lost", kind, when=when)
    job = jobs.run(new_job("echo a", "echo b"), "lost")
    [task] = jobs.tasks(job)
    assert _texts(task)[-1].endswith(f" due to {reason} with exit code {code}.")
    assert task.status.status_events[-1].task_execution.exit_code == code
    assert _state(job) == "FAILED"
    assert jobs.output(job) == lines


def test_a_task_is_killed_while_it_runs(jobs: Any, new_job: NewJob) -> None:
    jobs.scenario("*", "preempt_task", task=1, attempt=0)
    text = "test $BATCH_TASK_RETRY_ATTEMPT -gt 0 -o $BATCH_TASK_INDEX -ne 1 || sleep 60"
    job = jobs.run(new_job(text, taskCount=3, spec={"maxRetryCount": 1}))
    assert _state(job) == "SUCCEEDED"
    texts = [_texts(task) for task in jobs.tasks(job)]
    assert [len(each) for each in texts] == [3, 7, 3]
    before, after = (text.split("/instances/")[1].split()[0].rstrip(".") for text in texts[1][1::5])
    assert before != after  # another VM


def test_preempted_and_not_retried(jobs: Any, new_job: NewJob) -> None:
    jobs.scenario("lost", "preempt_task", when="start")
    condition = {"action": "RETRY_TASK", "actionCondition": {"exitCodes": [1]}}
    spec = {"maxRetryCount": 3, "lifecyclePolicies": [condition]}
    assert _state(jobs.run(new_job("true", spec=spec), "lost")) == "FAILED"


@pytest.mark.parametrize("state", ["QUEUED", "SCHEDULED"])
def test_quota_ends_the_job(jobs: Any, new_job: NewJob, state: str) -> None:
    jobs.scenario("poor", "quota_fail", state=state, quota="NVIDIA_T4_GPUS")
    job = jobs.run(new_job("true"), "poor")
    assert _state(job) == "FAILED"
    assert "Quota 'NVIDIA_T4_GPUS' exceeded.  Limit: 0.0 in region us-central1." in _texts(job)[-2]
    assert _texts(job)[-1] == f"Job state is set from {state} to FAILED for job {job.name}."
    assert job.status.task_groups["group0"].counts == {"PENDING": 1}
    assert [_texts(task) for task in jobs.tasks(job)] == [[]]


def test_stuck_in_the_queue_with_events(jobs: Any, new_job: NewJob) -> None:
    jobs.scenario("stuck", "stuck_queued", events=3, quota="CPUS", limit="8.0", wanted="16.0")
    job = jobs.create(new_job("true"), "stuck")
    jobs.emulator.batch.wait_for(job.name, lambda seen: len(seen.events) == 1)
    counts = [len(_texts(jobs.client.get_job(name=job.name))) for _ in range(5)]
    assert counts == [1, 2, 3, 3, 3]
    seen = jobs.client.get_job(name=job.name)
    assert _state(seen) == "QUEUED"
    assert "[Quota: CPUS, limit: 8.0, usage: 0.0, wanted: 16.0.]" in _texts(seen)[0]
    jobs.client.cancel_job(name=job.name).result()
    assert jobs.end(job).status.task_groups["group0"].counts == {"UNEXECUTED": 1}


def test_machines_that_are_not_there(jobs: Any, new_job: NewJob) -> None:
    jobs.scenario("*", "stock_out", zone="us-central1-b", machine="c3-standard-4")
    place = {"location": {"allowedLocations": ["zones/us-central1-b"]}}
    wanted = {"instances": [{"policy": {"machineType": "c3-standard-4"}}], **place}
    job = jobs.create(new_job("true", job={"allocationPolicy": wanted}), "starved")
    jobs.emulator.batch.wait_for(job.name, lambda seen: "EXHAUSTED" in seen.events[-1].text)
    assert _state(jobs.client.get_job(name=job.name)) == "SCHEDULED"
    for number, other in enumerate(({**wanted, "location": {}}, place)):
        made = jobs.create(new_job("true", job={"allocationPolicy": other}), f"other-{number}")
        assert _state(jobs.end(made)) == "SUCCEEDED"
    jobs.client.cancel_job(name=job.name).result()
    assert _state(jobs.end(job)) == "CANCELLED"


def test_states_last_as_many_calls_as_wanted(jobs: Any, new_job: NewJob) -> None:
    for state, calls in (("QUEUED", 2), ("SCHEDULED", 1), ("RUNNING", 3)):
        jobs.scenario("slow", "delay_state", state=state, calls=calls)
    job = jobs.create(new_job("true"), "slow")
    seen = []
    for state, calls in (("QUEUED", 2), ("SCHEDULED", 1), ("RUNNING", 3)):
        jobs.wait(job, state)
        seen += [_state(jobs.client.get_job(name=job.name)) for _ in range(calls)]
    assert seen == ["QUEUED"] * 2 + ["SCHEDULED"] + ["RUNNING"] * 3
    assert _state(jobs.end(job)) == "SUCCEEDED"


@pytest.mark.parametrize("text", ["true", "sleep 60"])
def test_deleted_by_somebody_else(jobs: Any, new_job: NewJob, text: str) -> None:
    jobs.scenario("taken", "delete_job", calls=2)
    job = jobs.create(new_job(text), "taken")
    assert jobs.client.get_job(name=job.name).uid == job.uid
    with pytest.raises(exceptions.NotFound):
        jobs.client.get_job(name=job.name)


def test_a_create_whose_answer_is_lost(jobs: Any, new_job: NewJob) -> None:
    jobs.emulator.faults.add(Fault("batch.CreateJob", kind="lose_reply"))
    with pytest.raises((exceptions.ServiceUnavailable, ConnectionError, OSError)):
        jobs.create(new_job("true"), "lost")
    assert [job.name[-4:] for job in jobs.client.list_jobs(parent=_PARENT)] == ["lost"]


_PARENT = "projects/local-project/locations/us-central1"


@pytest.mark.parametrize("call", ["get_job", "list_tasks", "cancel_job", "delete_job"])
def test_faults_by_name(jobs: Any, new_job: NewJob, call: str) -> None:
    job = jobs.run(new_job("true"))
    method = "".join(part.title() for part in call.split("_"))
    jobs.emulator.faults.add(Fault(f"batch.{method}", status=429))
    name = {"parent": f"{job.name}/taskGroups/group0"} if "list" in call else {"name": job.name}
    with pytest.raises(exceptions.TooManyRequests):
        getattr(jobs.client, call)(**name)


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "explode"},
        {"kind": "preempt_task", "when": "later"},
        {"kind": "preempt_task", "task": -1},
        {"kind": "preempt_task", "task": True},
        {"kind": "delay_state", "state": "SUCCEEDED"},
        {"kind": "delay_state", "state": 1},
        {"kind": "delay_state", "seconds": 1},
        {"kind": "delete_job", "job_id": 5},
    ],
)
def test_scenarios_that_are_not_understood(jobs: Any, fields: dict[str, Any]) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        jobs.scenario(**{"job_id": "x", **fields})
    with caught.value as answer:
        assert "Not a scenario" in json.load(answer)["error"]["message"]
