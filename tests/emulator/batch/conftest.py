"""A real client at the emulator, and short ways to make a job and see its end."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import batch_v1

from emulator.launch import Emulator

PARENT = "projects/local-project/locations/us-central1"


def job_of(*runnables: Mapping[str, Any] | str, **group: Any) -> dict[str, Any]:
    """A job's JSON: steps (a text is a script), fields of the task group, of the spec, of the job.

    Fields of the task spec are given as `spec={...}`, fields of the job as `job={...}`.
    """
    steps = [{"script": {"text": step}} if isinstance(step, str) else step for step in runnables]
    spec, job = group.pop("spec", {}), group.pop("job", {})
    return {
        "taskGroups": [{"taskSpec": {"runnables": steps, **spec}, **group}],
        "logsPolicy": {"destination": "CLOUD_LOGGING"},
        **job,
    }


class Jobs:
    """What the tests do with jobs."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.client = batch_v1.BatchServiceClient(
            transport="rest",
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": emulator.urls["batch"]},
        )

    def create(self, job: Mapping[str, Any], job_id: str = "", **request: Any) -> batch_v1.Job:
        message = batch_v1.Job.from_json(json.dumps(job))
        wanted = {"parent": PARENT, "job": message, "job_id": job_id, **request}
        return self.client.create_job(batch_v1.CreateJobRequest(wanted))

    def run(self, job: Mapping[str, Any], job_id: str = "") -> batch_v1.Job:
        """Create the job and give its last form."""
        return self.end(self.create(job, job_id))

    def end(self, job: batch_v1.Job) -> batch_v1.Job:
        self.emulator.batch.wait_for(job.name)
        return self.client.get_job(name=job.name)

    def wait(self, job: batch_v1.Job, state: str) -> None:
        self.emulator.batch.wait_for(job.name, lambda seen: seen.state == state)

    def wait_tasks(self, job: batch_v1.Job, state: str, count: int) -> None:
        self.emulator.batch.wait_for(job.name, lambda seen: seen.counts[state] == count)

    def tasks(self, job: batch_v1.Job) -> list[batch_v1.Task]:
        return list(self.client.list_tasks(parent=f"{job.name}/taskGroups/group0"))

    def output(self, job: batch_v1.Job, severity: str = "INFO") -> list[str]:
        """The lines that the tasks printed to stdout (INFO) or stderr (ERROR)."""
        terms = f'labels.job_uid="{job.uid}" AND severity={severity}'
        return [entry["textPayload"] for entry in self.entries(terms)["entries"]]

    def entries(self, terms: str, **body: Any) -> dict[str, Any]:
        url = f"{self.emulator.urls['logging']}/v2/entries:list"
        body = {"resourceNames": ["projects/local-project"], "filter": terms, **body}
        return post(url, {"pageSize": 1000, **body})

    def scenario(self, job_id: str, kind: str, **fields: Any) -> None:
        url = f"{self.emulator.urls['batch']}/_emulator/scenarios"
        post(url, {"job_id": job_id, "kind": kind, **fields})


def post(url: str, body: Mapping[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode())
    with urllib.request.urlopen(request) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


@pytest.fixture
def jobs(emulator: Emulator) -> Jobs:
    return Jobs(emulator)


@pytest.fixture
def jobs_at() -> Callable[[Emulator], Jobs]:
    """For tests that start emulators of their own."""
    return Jobs


@pytest.fixture
def new_job() -> Callable[..., dict[str, Any]]:
    return job_of
