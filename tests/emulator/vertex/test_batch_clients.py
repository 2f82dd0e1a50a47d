"""Batch predictions through the other clients that people have for them.

aiplatform is imported where it is used: it takes seconds, and each process that runs tests imports
all of their modules.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from google.api_core.exceptions import BadRequest, NotFound
from google.cloud import storage
from google.oauth2.credentials import Credentials

from emulator.launch import Emulator
from tests.emulator.vertex.test_batch_support import MODEL, json_line, numbered

SOURCE = "gs://local-project-bucket/in/rows.jsonl"
TARGET = "gs://local-project-bucket/out"
NAME = f"publishers/google/models/{MODEL}"
PARENT = "projects/local-project/locations/us-central1"
POLLS = 60  # each waits for the work by itself


@pytest.fixture(autouse=True)
def _rows(emulator: Emulator) -> None:
    bucket = storage.Client(project=emulator.project).bucket("local-project-bucket")
    bucket.blob("in/rows.jsonl").upload_from_string(b"".join(map(json_line, numbered(5))))


@pytest.fixture
def _settings(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What aiplatform.init says to both of its interfaces. It polls by sleeping: not here."""
    from google.cloud import aiplatform
    from google.cloud.aiplatform import initializer, jobs

    monkeypatch.setattr(jobs, "_JOB_WAIT_TIME", 0)
    monkeypatch.setattr(jobs, "_LOG_WAIT_TIME", 0)
    aiplatform.init(
        project=emulator.project,
        location="us-central1",
        api_endpoint=emulator.urls["vertex"],
        api_transport="rest",
        credentials=Credentials(token="t"),
    )
    yield
    vars(initializer.global_config).update(vars(type(initializer.global_config)()))


def request_of(**changes: object) -> dict[str, object]:
    return {
        "display_name": "job",
        "model": NAME,
        "input_config": {"instances_format": "jsonl", "gcs_source": {"uris": [SOURCE]}},
        "output_config": {
            "predictions_format": "jsonl",
            "gcs_destination": {"output_uri_prefix": TARGET},
        },
        **changes,
    }


def test_the_generated_client(emulator: Emulator) -> None:
    from google.cloud import aiplatform_v1 as v1

    client = v1.JobServiceClient(
        transport="rest",  # with the credentials that the emulator made, by their own exchange
        client_options={"api_endpoint": emulator.urls["vertex"]},
    )
    wanted = v1.BatchPredictionJob(**request_of(labels={"team": "a"}))
    job = client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=wanted)
    assert job.state == v1.JobState.JOB_STATE_PENDING
    states = []
    while len(states) < POLLS and v1.JobState.JOB_STATE_SUCCEEDED not in states:
        job = client.get_batch_prediction_job(name=job.name)
        states.append(job.state)
    assert job.state == v1.JobState.JOB_STATE_SUCCEEDED
    assert dict(job.labels) == {"team": "a"}
    assert job.completion_stats.successful_count == 5
    assert job.output_info.gcs_output_directory.startswith(f"{TARGET}/prediction-model-")
    asked = {"parent": PARENT, "filter": 'display_name="job"'}
    assert [each.name for each in client.list_batch_prediction_jobs(asked)] == [job.name]
    with pytest.raises(BadRequest, match="has ended in state"):
        client.cancel_batch_prediction_job(name=job.name)
    client.delete_batch_prediction_job(name=job.name).result(timeout=120)
    with pytest.raises(NotFound):
        client.get_batch_prediction_job(name=job.name)
    unknown = v1.BatchPredictionJob(**request_of(model="publishers/google/models/bison"))
    with pytest.raises(NotFound, match="PublisherModel"):
        client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=unknown)


@pytest.mark.usefixtures("_settings")
def test_the_job_of_aiplatform() -> None:
    from google.cloud import aiplatform

    job = aiplatform.BatchPredictionJob.submit(
        model_name=NAME,
        job_display_name="job",
        gcs_source=SOURCE,
        gcs_destination_prefix=TARGET,
        instances_format="jsonl",
        predictions_format="jsonl",
    )
    job.wait_for_completion()
    assert job.state.name == "JOB_STATE_SUCCEEDED"
    assert job.completion_stats.successful_count == 5
    assert list(job.partial_failures) == []
    (blob,) = job.iter_outputs()
    rows = [json.loads(line) for line in blob.download_as_bytes().splitlines()]
    assert len(rows) == 5
    assert all(row["status"] == "" for row in rows)
    found = aiplatform.BatchPredictionJob.list(filter='display_name="job"')
    assert [each.resource_name for each in found] == [job.resource_name]
    job.delete()
    assert aiplatform.BatchPredictionJob.list() == []


@pytest.mark.usefixtures("_settings")
def test_the_job_of_vertexai(emulator: Emulator) -> None:
    from vertexai.batch_prediction import BatchPredictionJob

    job = BatchPredictionJob.submit(MODEL, SOURCE, output_uri_prefix=TARGET)
    for _ in range(POLLS):
        if job.has_ended:
            break
        job.refresh()
    assert job.has_succeeded
    assert job.model_name == NAME
    bucket = storage.Client(project=emulator.project).bucket("local-project-bucket")
    folder = job.output_location.removeprefix("gs://local-project-bucket/")
    (blob,) = bucket.list_blobs(prefix=folder)
    assert blob.name == f"{folder}/predictions.jsonl"
    assert [each.name for each in BatchPredictionJob.list()] == [job.name]
    assert BatchPredictionJob(job.resource_name).has_succeeded
    job.delete()
    assert BatchPredictionJob.list() == []
