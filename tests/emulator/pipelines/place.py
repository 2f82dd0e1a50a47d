"""One emulator for the tests of a module of pipeline jobs or schedules, as a run takes seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from google.cloud import aiplatform_v1
from google.oauth2.credentials import Credentials

from emulator.launch import Emulator, start
from tests.emulator.pipelines.specs import compiled

PARENT = "projects/local-project/locations/us-central1"
ROOT = "gs://local-project-bucket/root"


PATIENCE_S = 60  # until a test gives up; nothing takes so long


def until(happened: Callable[[], Any]) -> None:
    """Ask the emulator again until something has happened there.

    A number of times is no limit: a machine under load answers as quickly, and does the rest late.
    """
    end = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < end, "it does not happen"


class Place:
    """The emulator, and the real client of its pipeline jobs."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        options: dict[str, Any] = {
            "transport": "rest",
            "credentials": Credentials("local"),
            "client_options": {"api_endpoint": emulator.urls["vertex"]},
        }
        self.jobs = aiplatform_v1.PipelineServiceClient(**options)
        self.schedules = aiplatform_v1.ScheduleServiceClient(**options)

    def create(self, name: str, job_id: str = "", **values: Any) -> aiplatform_v1.PipelineJob:
        """Submit one of the specs."""
        return self.jobs.create_pipeline_job(
            parent=PARENT, pipeline_job=job(name, **values), pipeline_job_id=job_id
        )

    def ended(self, name: str) -> aiplatform_v1.PipelineJob:
        """The job, once it has ended; each call waits for up to a second in the emulator."""
        for _ in range(120):
            found = self.jobs.get_pipeline_job(name=name)
            if found.end_time:
                return found
        raise AssertionError(f"{name} does not end")

    def texts(self, prefix: str) -> dict[str, bytes]:
        """The objects below a prefix of the first bucket."""
        store, found = self.emulator.store, {}
        for each in store.list("local-project-bucket", prefix):
            with store.open(each.bucket, each.name)[1] as content:
                found[each.name] = content.read()
        return found


def job(name: str, **values: Any) -> dict[str, Any]:
    """A PipelineJob with one of the specs."""
    return {
        "display_name": values.pop("display_name", name),
        "pipeline_spec": yaml.safe_load(compiled(name)),
        "labels": values.pop("labels", {}),
        "runtime_config": {"gcs_output_directory": ROOT, "parameter_values": values},
    }


def tasks(found: aiplatform_v1.PipelineJob) -> dict[str, str]:
    """The states of the job's tasks, by name."""
    return {each.task_name: each.state.name for each in found.job_detail.task_details}


@pytest.fixture(scope="module", name="place")
def made_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with start(tmp_path_factory.mktemp("emulator")) as running:
        yield Place(running)
