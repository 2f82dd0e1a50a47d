"""Jobs that the service does not take, and what the stand-in cannot honour."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from google.api_core import exceptions

NewJob = Callable[..., dict[str, Any]]


def _change(job: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The job with the value at a path as in `taskGroups.0.taskCount`."""
    *way, last = path.split(".")
    place: Any = job
    for part in way:
        place = place[int(part)] if part.isdigit() else place.setdefault(part, {})
    place[int(last) if last.isdigit() else last] = value
    return job


_GROUP = "taskGroups.0"
_SPEC = f"{_GROUP}.taskSpec"
_STEP = f"{_SPEC}.runnables.0"
_VOLUME = {"gcs": {"remotePath": "bucket"}, "mountPath": "/mnt/disks/share"}


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        ("taskGroups", [], "Exactly one task group"),
        ("taskGroups", [{}, {}], "but 2 are given"),
        ("priority", 100, "priority"),
        (f"{_GROUP}.taskCount", 100_001, "task_count 100001"),
        (f"{_GROUP}.taskCount", -1, "task_count -1"),
        (f"{_GROUP}.parallelism", 5001, "parallelism 5001"),
        (f"{_GROUP}.schedulingPolicy", 77, "scheduling_policy"),
        (_GROUP, {"schedulingPolicy": "IN_ORDER", "parallelism": 2}, "IN_ORDER"),
        (f"{_SPEC}.runnables", [], "At least one runnable"),
        (f"{_SPEC}.maxRetryCount", 11, "max_retry_count with value 11 is not in between 0 and 10"),
        (f"{_SPEC}.maxRunDuration", "-1s", "max_run_duration"),
        (f"{_SPEC}.lifecyclePolicies", [{"action": "FAIL_TASK"}], "exit codes"),
        (f"{_SPEC}.lifecyclePolicies", [{}, {}], "Only one"),
        (f"{_SPEC}.computeResource", {"cpuMilli": -5}, "cpuMilli"),
        (f"{_SPEC}.volumes", [{"mountPath": "/mnt/a"}], "one of gcs, nfs and device_name"),
        (f"{_SPEC}.volumes", [{**_VOLUME, "mountPath": "/mnt/a/"}], "slash"),
        (f"{_SPEC}.volumes", [{**_VOLUME, "mountPath": "mnt"}], "absolute"),
        (f"{_SPEC}.volumes", [{**_VOLUME, "mountPath": "/mnt/../etc"}], "not plain"),
        (f"{_SPEC}.volumes", [{**_VOLUME, "mountPath": "/proc/x"}], "folder of the system"),
        (f"{_SPEC}.volumes", [{**_VOLUME, "mountPath": "//etc"}], "not plain"),
        (f"{_SPEC}.volumes", [{**_VOLUME, "mountPath": "/mnt//a"}], "not plain"),
        (f"{_SPEC}.volumes", [{**_VOLUME, "gcs": {"remotePath": "gs://b"}}], "remote_path"),
        (f"{_SPEC}.volumes", [{"deviceName": "d", "mountPath": "/mnt/d"}], "no disk"),
        (f"{_SPEC}.environment", {"secretVariables": {"A": "projects/p/secrets/s"}}, "not emulate"),
        (f"{_SPEC}.environment", {"encryptedVariables": {"keyName": "k"}}, "not emulate"),
        (f"{_SPEC}.environment", {"variables": {"A=B": "c"}}, "environment variable"),
        (f"{_SPEC}.environment", {"variables": {"A": "\0"}}, "environment variable"),
        (_STEP, {}, "one of script, container and barrier"),
        (_STEP, {"script": {}}, "text or path"),
        (_STEP, {"container": {}}, "image_uri is required"),
        (_STEP, {"container": {"imageUri": "--privileged"}}, "no image"),
        (_STEP, {"container": {"imageUri": "i", "options": "'"}}, "cannot be split"),
        (_STEP, {"container": {"imageUri": "i", "enableImageStreaming": True}}, "not emulate"),
        (_STEP, {"container": {"imageUri": "i", "password": "p"}}, "not emulate"),
        ("logsPolicy", {"destination": "PATH"}, "logs_path"),
        ("logsPolicy", {"destination": 9}, "destination"),
        ("allocationPolicy.location.allowedLocations", ["regions/us-east1"], "us-central1"),
        ("allocationPolicy.location.allowedLocations", ["us-central1"], "us-central1"),
        ("allocationPolicy.instances", [{}, {}], "instances"),
        ("allocationPolicy.instances", [{"policy": {"provisioningModel": 9}}], "provisioning"),
        (f"{_STEP}.script.text", "x" * 1_000_001, "1,000,000 bytes"),
    ],
)
def test_refused_jobs(jobs: Any, new_job: NewJob, path: str, value: Any, text: str) -> None:
    job = new_job("true")
    if path == _GROUP:
        value = {**job["taskGroups"][0], **value}
    with pytest.raises(exceptions.BadRequest) as caught:
        jobs.create(_change(job, path, value), "refused")
    assert text in str(caught.value)
    assert list(jobs.client.list_jobs(parent="projects/local-project/locations/-")) == []


@pytest.mark.parametrize("fields", [{"parallelism": 2}, {"taskCount": 257}])
def test_barriers_that_cannot_be_passed(jobs: Any, new_job: NewJob, fields: Any) -> None:
    with pytest.raises(exceptions.BadRequest, match="barrier"):
        jobs.create(new_job("true", {"barrier": {}}, **{"taskCount": 3, **fields}))


@pytest.mark.parametrize("job_id", ["Upper", "1digit", "under_score", "end-", "x" * 64])
def test_refused_ids(jobs: Any, new_job: NewJob, job_id: str) -> None:
    with pytest.raises(exceptions.BadRequest, match="invalid"):
        jobs.create(new_job("true"), job_id)


@pytest.mark.parametrize("request_id", ["x", "00000000-0000-0000-0000-000000000000"])
def test_refused_request_ids(jobs: Any, new_job: NewJob, request_id: str) -> None:
    with pytest.raises(exceptions.BadRequest, match="UUID"):
        jobs.create(new_job("true"), "fine", request_id=request_id)


@pytest.mark.parametrize("place", ["us-central1-a", "us-fake1"])
def test_refused_locations(jobs: Any, new_job: NewJob, place: str) -> None:
    parent = f"projects/local-project/locations/{place}"
    with pytest.raises(exceptions.BadRequest, match="not a location of Batch"):
        jobs.create(new_job("true"), "lost", parent=parent)


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("jobs", {"taskGroup": []}, "Unknown name \"taskGroup\" at 'job': Cannot find field."),
        (
            "jobs",
            {"allocationPolicy": {"instance": 1}},
            "Unknown name \"instance\" at 'job.allocation_policy': Cannot find field.",
        ),
        ("jobs", {"priority": "high"}, "Invalid JSON payload received."),
        ("jobs", {"labels": {"a": 1}}, "Invalid JSON payload received."),
        ("jobs", {"taskGroups": [{"taskCount": 1.5}]}, "Invalid JSON payload received."),
        ("queues", {}, "does not emulate"),
    ],
)
def test_what_only_other_clients_send(jobs: Any, path: str, body: Any, text: str) -> None:
    url = f"{jobs.emulator.urls['batch']}/v1/projects/p/locations/us-central1/{path}"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode()))
    with caught.value as answer:
        error = json.load(answer)["error"]
    assert error["code"] == 400
    assert text in error["message"]
