"""The calls of the Batch stand-in, made by the real client."""

from __future__ import annotations

import itertools
import json
import re
import urllib.request
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from google.api_core import exceptions
from google.cloud import batch_v1
from google.protobuf import json_format

from emulator.batch.book import JobBook
from emulator.batch.jobs import job_json, new_job_json, task_json
from emulator.launch import Emulator

NewJob = Callable[..., dict[str, Any]]
PARENT = "projects/local-project/locations/us-central1"


def _state(holder: Any) -> str:
    return holder.status.state.name


@pytest.fixture
def stuck(jobs: Any, new_job: NewJob) -> batch_v1.Job:
    """A job that stays QUEUED."""
    jobs.scenario("stuck", "stuck_queued")
    return jobs.create(new_job("true", taskCount=3, job={"labels": {"team": "blue"}}), "stuck")


def test_create_fills_in_what_the_service_does(jobs: Any, new_job: NewJob) -> None:
    job = jobs.create({**new_job("true", taskCount=7), "name": "ignored", "uid": "x"}, "first")
    assert job.name == f"{PARENT}/jobs/first"
    assert job.uid.startswith("first-")
    assert _state(job) == "QUEUED"
    assert job.task_groups[0].name == f"{job.name}/taskGroups/group0"
    assert job.task_groups[0].parallelism == 7
    assert job.task_groups[0].task_spec.compute_resource.cpu_milli == 2000
    assert list(job.allocation_policy.location.allowed_locations) == ["regions/us-central1"]


def test_the_service_makes_an_id(jobs: Any, new_job: NewJob) -> None:
    one, two = jobs.create(new_job("true")), jobs.create(new_job("true"))
    assert one.name != two.name


def test_a_duplicate_id(jobs: Any, new_job: NewJob) -> None:
    job = jobs.create(new_job("true"), "twice")
    with pytest.raises(exceptions.Conflict, match=f"Resource '{job.name}' already exists"):
        jobs.create(new_job("true"), "twice")


def test_a_request_id_makes_one_job_for_ever(jobs: Any, new_job: NewJob) -> None:
    again = {"request_id": str(uuid4())}
    job = jobs.create(new_job("true"), "once", **again)
    assert jobs.create(new_job("true"), "once", **again) == job
    jobs.end(job)
    assert jobs.create(new_job("true"), "once", **again) == job
    jobs.client.delete_job(name=job.name).result()
    assert jobs.create(new_job("true"), "once", **again) == job
    with pytest.raises(exceptions.NotFound):
        jobs.client.get_job(name=job.name)
    assert jobs.create(new_job("true"), "once").uid != job.uid


@pytest.mark.parametrize("name", ["jobs/none", "operations/none", "jobs/none/taskGroups/group0"])
def test_what_is_not_there(jobs: Any, name: str) -> None:
    call = {
        "jobs/none": jobs.client.get_job,
        "operations/none": lambda name: jobs.client.get_operation({"name": name}),
        "jobs/none/taskGroups/group0": lambda name: jobs.client.list_tasks(parent=name),
    }[name]
    with pytest.raises(exceptions.NotFound, match="was not found"):
        call(name=f"{PARENT}/{name}")


def test_tasks(jobs: Any, stuck: batch_v1.Job) -> None:
    group = f"{stuck.name}/taskGroups/group0"
    assert [task.name for task in jobs.tasks(stuck)] == [f"{group}/tasks/{i}" for i in range(3)]
    assert _state(jobs.client.get_task(name=f"{group}/tasks/2")) == "PENDING"
    for missing in (f"{group}/tasks/3", f"{group}/tasks/x", f"{stuck.name}/taskGroups/g/tasks/0"):
        with pytest.raises(exceptions.NotFound):
            jobs.client.get_task(name=missing)


def test_a_hundred_thousand_tasks_page(jobs: Any, new_job: NewJob) -> None:
    jobs.scenario("many", "stuck_queued")
    job = jobs.create(new_job("true", taskCount=100_000), "many")
    pages = jobs.client.list_tasks(
        {"parent": f"{job.name}/taskGroups/group0", "page_size": 5000}
    ).pages
    first = next(pages)
    assert [len(page.tasks) for page in itertools.chain([first], itertools.islice(pages, 2))] == [
        5000
    ] * 3
    url = f"{jobs.emulator.urls['batch']}/v1/{job.name}/taskGroups/group0/tasks?pageToken=OTk5OTc="
    with urllib.request.urlopen(url) as answer:
        last = json.load(answer)
    assert [task["name"].rpartition("/")[2] for task in last["tasks"]] == ["99998", "99999"]
    assert "nextPageToken" not in last


def test_tasks_by_state(jobs: Any, new_job: NewJob) -> None:
    job = jobs.run(new_job("exit $((BATCH_TASK_INDEX % 2))", taskCount=4))
    request = {"parent": f"{job.name}/taskGroups/group0", "filter": "State=FAILED"}
    assert [task.name[-1] for task in jobs.client.list_tasks(request)] == ["1", "3"]
    with pytest.raises(exceptions.BadRequest, match="no state 'BROKEN'"):
        jobs.client.list_tasks({**request, "filter": "state=BROKEN"})


def test_lists(jobs: Any, new_job: NewJob, stuck: batch_v1.Job) -> None:
    for number in range(4):
        jobs.run(new_job("true"), f"job-{number}")

    def listed(parent: str = PARENT, **request: Any) -> list[str]:
        found = jobs.client.list_jobs({"parent": parent, **request})
        return [job.name.rpartition("/")[2] for job in found]

    newest = ["job-3", "job-2", "job-1", "job-0", "stuck"]
    assert listed() == newest
    assert listed(page_size=2) == newest
    assert listed(order_by="name", page_size=3) == sorted(newest)
    assert listed(order_by="create_time") == newest[::-1]
    assert listed(filter="state=QUEUED") == ["stuck"]
    assert listed(filter='status.state="SUCCEEDED" AND name="' + PARENT + '/jobs/job-1"') == [
        "job-1"
    ]
    assert listed(filter="labels.team=blue") == ["stuck"]
    assert listed(filter=f'uid="{stuck.uid}"') == ["stuck"]
    assert listed(filter=f'createTime>"{stuck.create_time.rfc3339()}"') == newest[:-1]
    assert listed("projects/local-project/locations/-") == newest
    assert listed("projects/local-project/locations/us-east1") == []
    assert listed("projects/other/locations/us-central1") == []


@pytest.mark.parametrize(
    "text",
    [
        "state",
        "state=",
        "state!=QUEUED",
        "state>QUEUED",
        "state=QUEUED OR state=FAILED",
        "NOT state=QUEUED",
        "taskGroups=1",
        'name="open',
        "state=(QUEUED FAILED",
        "createTime>yesterday",
        "=",
        "(",
    ],
)
def test_filters_that_are_not_understood(jobs: Any, stuck: batch_v1.Job, text: str) -> None:
    with pytest.raises(exceptions.BadRequest, match="cannot read the filter"):
        jobs.client.list_jobs({"parent": PARENT, "filter": text})


@pytest.mark.parametrize(
    "request_fields",
    [{"page_token": "!"}, {"page_token": "eyJ9"}, {"page_size": -1}, {"order_by": "uid"}],
)
def test_pages_that_are_not_understood(jobs: Any, stuck: Any, request_fields: Any) -> None:
    with pytest.raises(exceptions.BadRequest):
        jobs.client.list_jobs({"parent": PARENT, **request_fields})


def test_cancel_while_running(jobs: Any, new_job: NewJob) -> None:
    job = jobs.create(new_job("sleep 60", taskCount=5, parallelism=2, spec={"maxRetryCount": 3}))
    jobs.wait_tasks(job, "RUNNING", 2)
    assert jobs.client.cancel_job(name=job.name).result() is not None
    ended = jobs.end(job)
    assert _state(ended) == "CANCELLED"
    assert ended.status.task_groups["group0"].counts == {"FAILED": 2, "UNEXECUTED": 3}
    assert [event.description.split(" for ")[0] for event in ended.status.status_events[-2:]] == [
        "Job state is set from RUNNING to CANCELLATION_IN_PROGRESS",
        "Job state is set from CANCELLATION_IN_PROGRESS to CANCELLED",
    ]
    states = [_state(task) for task in jobs.tasks(job)]
    assert states == ["FAILED", "FAILED", "UNEXECUTED", "UNEXECUTED", "UNEXECUTED"]


def test_cancel_of_ended_jobs(jobs: Any, new_job: NewJob, stuck: batch_v1.Job) -> None:
    jobs.client.cancel_job(name=stuck.name).result()
    assert jobs.client.cancel_job(name=stuck.name).done()
    with pytest.raises(exceptions.BadRequest, match="cannot be cancelled: it is in state SUCC"):
        jobs.client.cancel_job(name=jobs.run(new_job("true")).name)


def test_an_operation_stays_open_while_the_job_is_cancelling(
    jobs: Any, stuck: batch_v1.Job
) -> None:
    jobs.scenario("stuck", "delay_state", state="CANCELLATION_IN_PROGRESS", calls=2)
    operation = jobs.client.cancel_job(name=stuck.name).operation
    assert not operation.done
    with pytest.raises(exceptions.BadRequest, match="CANCELLATION_IN_PROGRESS"):
        jobs.client.cancel_job(name=stuck.name)
    assert not jobs.client.get_operation({"name": operation.name}).done
    for _ in range(2):
        assert _state(jobs.client.get_job(name=stuck.name)) == "CANCELLATION_IN_PROGRESS"
    assert _state(jobs.end(stuck)) == "CANCELLED"
    assert jobs.client.get_operation({"name": operation.name}).done


@pytest.mark.parametrize("verb", ["cancel_job", "delete_job"])
def test_the_same_request_twice(jobs: Any, stuck: batch_v1.Job, verb: str) -> None:
    call, request = getattr(jobs.client, verb), {"name": stuck.name, "request_id": str(uuid4())}
    first = call(request)
    assert call(request).operation.name == first.operation.name


@pytest.mark.parametrize("text", ["true", "sleep 60"])
def test_delete(jobs: Any, new_job: NewJob, text: str) -> None:
    job = jobs.create(new_job(text), "gone")
    if text == "true":
        jobs.end(job)
    else:
        jobs.wait(job, "RUNNING")
    jobs.client.delete_job(name=job.name).result()
    with pytest.raises(exceptions.NotFound):
        jobs.client.get_job(name=job.name)
    assert _state(jobs.run(new_job("true"), "gone")) == "SUCCEEDED"


def test_delete_while_cancelling(jobs: Any, stuck: batch_v1.Job) -> None:
    jobs.scenario("stuck", "delay_state", state="CANCELLATION_IN_PROGRESS", calls=99)
    jobs.client.cancel_job(name=stuck.name)
    assert jobs.client.delete_job(name=stuck.name).done()


def test_names_of_enums_where_they_are_asked_for(jobs: Any, stuck: batch_v1.Job) -> None:
    with urllib.request.urlopen(f"{jobs.emulator.urls['batch']}/v1/{stuck.name}") as answer:
        job = json.load(answer)
    assert job["status"]["state"] == "QUEUED"
    assert job["logsPolicy"] == {"destination": "CLOUD_LOGGING"}


@pytest.mark.parametrize("numbers", [True, False])
def test_the_status_is_what_the_protos_know(
    emulator: Emulator, jobs: Any, new_job: NewJob, numbers: bool
) -> None:
    """Written by hand in jobs.py: read back strictly, and printed to the same again."""
    job = jobs.run(new_job("exit $BATCH_TASK_INDEX", taskCount=2))
    kept = emulator.batch.book.get(job.name)
    assert kept is not None
    written = [
        (batch_v1.Job, job_json(kept, 0, numbers)),
        (batch_v1.Job, new_job_json(kept, numbers)),
        (batch_v1.Task, task_json(kept, 1, numbers)),
    ]
    for kind, data in written:
        message = json_format.ParseDict(data, kind.pb()())
        again = json_format.MessageToDict(message, use_integers_for_enums=numbers)
        # The library prints no zeros behind microseconds, the service all nine digits.
        data = json.loads(re.sub(r'\.?(?:000)+Z"', 'Z"', json.dumps(data)))
        assert json.loads(json.dumps(again)).keys() == data.keys()
        assert again["status"].keys() == data["status"].keys()
        assert again["status"].get("statusEvents") == data["status"].get("statusEvents")
        assert again["status"].get("taskGroups") == data["status"].get("taskGroups")


def test_jobs_survive_a_restart(tmp_path: Any) -> None:
    book = JobBook(tmp_path)
    spec = {"taskGroups": [{"taskSpec": {"runnables": [{"script": {"text": "true"}}]}}]}
    job, new = book.create(f"{PARENT}/jobs/one", spec, 3, "request")
    assert new
    book.move(job, "SCHEDULED")
    book.move_task(job, 1, "ASSIGNED", "zones/z/instances/1")
    book.move_task(job, 1, "FAILED", "zones/z/instances/1", 5, "this \u2028 that")
    book.leave_unexecuted(job)
    book.close()
    with (tmp_path / job.uid / "journal.jsonl").open("a") as file:
        file.write('["job", "SUCC')  # torn by a crash
    for _ in range(2):
        again = JobBook(tmp_path)
        assert again.get(job.name) == job
        assert again.create(job.name, spec, 3, "request") == (again.get(job.name), False)
        again.close()
    last = JobBook(tmp_path)
    last.delete(last.jobs()[0])
    last.close()
    assert JobBook(tmp_path).jobs() == []
