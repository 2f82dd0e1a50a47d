"""Batch predictions through the real google-genai client: calls, states, refusals, restarts."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from google.genai import errors, types

from emulator.faults import Faults
from emulator.filters import parse
from emulator.storage.store import Store
from emulator.vertex import service
from emulator.vertex.batch_jobs import PredictionJobs
from emulator.vertex.batch_jobs_request import checked_create
from emulator.vertex.batch_jobs_scenarios import STATES
from emulator.vertex.stand_in import Answer
from emulator.vertex.unscripted import unscripted
from tests.emulator.vertex.test_batch_support import (
    MODEL,
    Place,
    json_line,
    numbered,
    prompt_of,
    short,
    stand_in,
    text_row,
)

JOBS = "/v1/projects/p/locations/us-central1/batchPredictionJobs"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with stand_in(tmp_path) as place:
        yield place


def body(**changes: Any) -> dict[str, Any]:
    job: dict[str, Any] = {
        "displayName": "job",
        "model": f"publishers/google/models/{MODEL}",
        "inputConfig": {"instancesFormat": "jsonl", "gcsSource": {"uris": ["gs://rows/in.jsonl"]}},
        "outputConfig": {
            "predictionsFormat": "jsonl",
            "gcsDestination": {"outputUriPrefix": "gs://rows/out"},
        },
    }
    return {k: v for k, v in {**job, **changes}.items() if v is not None}


def test_a_job_from_rows_to_rows(place: Place) -> None:
    made = place.create(place.put(numbered(10)))
    assert short(made) == "PENDING"
    assert made.name is not None
    assert made.name.rpartition("/")[2].isdigit()
    assert made.model == f"publishers/google/models/{MODEL}"
    job = place.ended(made)
    assert short(job) == "SUCCEEDED"
    assert job.done
    assert job.start_time
    assert job.end_time
    assert job.completion_stats is not None
    assert job.completion_stats.successful_count == 10
    assert {prompt_of(row) for row in place.rows(job)} == {f"prompt {n}" for n in range(1, 11)}
    raw = place.raw(job)
    assert raw["completionStats"] == {"successfulCount": "10"}  # texts, and no zeros
    folder = raw["outputInfo"]["gcsOutputDirectory"]
    assert folder.startswith("gs://rows/out/prediction-model-20")
    assert list(place.files(job)) == ["predictions.jsonl"]


def test_names_hold_the_number_of_the_project(place: Place) -> None:
    job = place.create(place.put(numbered(1)))
    assert job.name is not None
    number = job.name.split("/")[1]
    assert number.isdigit()
    assert place.send("GET", f"/v1beta1/{job.name}")[0] == 200
    assert place.send("GET", f"{JOBS}/{job.name.rpartition('/')[2]}")[0] == 200
    assert place.send("GET", f"/v1/{job.name}".replace(number, "other"))[0] == 404
    assert place.send("GET", f"/v1/{job.name}".replace("us-central1", "global"))[0] == 404


def test_labels_and_the_account_are_kept(place: Place) -> None:
    extra = {"labels": {"team": "a"}, "serviceAccount": "s@p.iam.gserviceaccount.com"}
    options = types.HttpOptions(extra_body=extra)
    job = place.create(place.put(numbered(1)), http_options=options)
    assert extra.items() <= place.raw(job).items()


def test_the_generated_client_reads_it_too(place: Place) -> None:
    from google.cloud import aiplatform_v1  # takes seconds, and all processes import this module

    job = place.run(numbered(2))
    raw = aiplatform_v1.BatchPredictionJob.from_json(json.dumps(place.raw(job)))
    assert raw.state == aiplatform_v1.JobState.JOB_STATE_SUCCEEDED
    assert raw.completion_stats.successful_count == 2
    query = "?%24alt=json%3Benum-encoding%3Dint"
    assert place.send("GET", f"/v1/{job.name}{query}")[1]["state"] == 4
    for name, number in STATES.items():
        assert getattr(aiplatform_v1.JobState, f"JOB_STATE_{name}") == number


def test_list_filters_and_pages(place: Place) -> None:
    source = place.put(numbered(1))
    jobs = [place.ended(place.create(source, name)) for name in ("run-a", "run-b", "other")]
    place.scenario(kind="stuck", state="PENDING")
    waits = place.create(source, "run-a")

    def named(text: str) -> list[str | None]:
        pages = place.client.batches.list(config={"page_size": 1, "filter": text})
        return [job.name for job in pages]

    assert named("") == [waits.name, *(job.name for job in reversed(jobs))]
    assert named('displayName="run-a"') == [waits.name, jobs[0].name]
    assert named('display_name="run-a" AND state="JOB_STATE_SUCCEEDED"') == [jobs[0].name]
    assert named('state="JOB_STATE_PENDING"') == [waits.name]
    assert named('display_name:"run-*" AND state!="JOB_STATE_PENDING"') == [
        jobs[1].name,
        jobs[0].name,
    ]
    assert named('create_time<"2020-01-01T00:00:00Z"') == []
    assert named('displayName="nothing"') == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("displayName", "FIELD=VALUE"),
        ('displayName="a" OR displayName="b"', "joined by AND"),
        ('name="x"', "cannot be asked for"),
        ('state:"x"', "cannot be used"),
        ('create_time>"soon"', "RFC 3339"),
        ('labels="x"', "cannot be asked for"),
    ],
)
def test_filters_that_are_not_understood_are_refused(place: Place, text: str, said: str) -> None:
    with pytest.raises(errors.ClientError, match=said):
        list(place.client.batches.list(config={"filter": text}))


def test_filters_of_labels_and_escapes() -> None:
    terms = parse(r'labels.team=a AND labels.run:* AND display_name="a \"b\" AND c"')
    assert [(t.field, t.key, t.sign, t.value) for t in terms] == [
        ("labels", "team", "=", "a"),
        ("labels", "run", ":", "*"),
        ("display_name", "", "=", 'a "b" AND c'),
    ]


def test_a_wrong_page_token_is_refused(place: Place) -> None:
    with pytest.raises(errors.ClientError, match="page_token"):
        list(place.client.batches.list(config={"page_token": "x!"}))


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    (body(displayName=None), 400, "display_name"),
    (body(model=None), 400, "model is required"),
    (body(model="gemini-3.5-flash"), 400, "Invalid model resource name"),
    (body(model="publishers/google/models/bison"), 404, "PublisherModel .* does not exist"),
    (
        body(model="publishers/google/models/gemini-embedding-001"),
        400,
        "Do not support publisher model",
    ),
    (body(model="publishers/anthropic/models/claude"), 400, "not emulate"),
    (body(model="projects/p/locations/us-central1/endpoints/7"), 400, "Invalid model resource"),
    (body(instanceConfig={"keyField": "key"}), 400, "not emulate the field instanceConfig"),
    (body(displayNam="x"), 400, 'Unknown name "displayNam"'),
    (body(inputConfig=None), 400, "input_config is required"),
    (
        body(inputConfig={"instancesFormat": "bigquery", "bigquerySource": {"inputUri": "bq://x"}}),
        400,
        "does not emulate BigQuery",
    ),
    (
        body(inputConfig={"instancesFormat": "csv", "gcsSource": {"uris": ["gs://rows/x"]}}),
        400,
        "must be jsonl",
    ),
    (
        body(inputConfig={"instancesFormat": "jsonl", "gcsSource": {"uris": []}}),
        400,
        "at least one file",
    ),
    (
        body(inputConfig={"instancesFormat": "jsonl", "gcsSource": {"uris": ["/x"]}}),
        400,
        "Invalid Cloud Storage uri",
    ),
    (
        body(
            inputConfig={
                "instancesFormat": "jsonl",
                "gcsSource": {"uris": ["gs://rows/1", "gs://rows/2"]},
            }
        ),
        400,
        "one JSONL file",
    ),
    (
        body(inputConfig={"instancesFormat": "jsonl", "gcsSource": {"uris": ["gs://rows/*"]}}),
        400,
        "one JSONL file",
    ),
    (body(outputConfig=None), 400, "output_config is required"),
    (
        body(
            outputConfig={
                "predictionsFormat": "bigquery",
                "bigqueryDestination": {"outputUri": "bq://x"},
            }
        ),
        400,
        "does not emulate BigQuery",
    ),
    (
        body(
            outputConfig={
                "predictionsFormat": "jsonl",
                "gcsDestination": {"outputUriPrefix": "s3://x"},
            }
        ),
        400,
        "Invalid Cloud Storage uri",
    ),
]


@pytest.mark.parametrize(("asked", "status", "said"), REFUSED)
def test_what_is_refused_makes_no_job(
    place: Place, asked: dict[str, Any], status: int, said: str
) -> None:
    code, answer = place.send("POST", JOBS, asked)
    assert code == status
    with pytest.raises(ValueError, match=said):
        raise ValueError(answer["error"]["message"])
    assert place.send("GET", JOBS)[1] == {}


def test_calls_without_a_token_are_refused(place: Place) -> None:
    for method, path in (("POST", JOBS), ("GET", JOBS), ("GET", f"{JOBS}/1")):
        status, answer = place.send(method, path, body() if method == "POST" else None, token="")
        assert (status, answer["error"]["status"]) == (401, "UNAUTHENTICATED")


def test_a_model_can_be_made_unknown(place: Place) -> None:
    place.scenario(kind="refuse", model="gemini-3.5-*")
    with pytest.raises(errors.ClientError, match="Do not support publisher model") as caught:
        place.create(place.put(numbered(1)))
    assert caught.value.code == 400


def test_tuned_models_run_outside_of_global(place: Place) -> None:
    place.put(numbered(1), "in.jsonl")
    model = "projects/p/locations/us-central1/models/123@1"
    assert place.send("POST", JOBS, body(model=model))[0] == 200
    status, answer = place.send("POST", JOBS.replace("us-central1", "global"), body(model=model))
    assert status == 400
    assert "not supported in location global" in answer["error"]["message"]


def test_a_deleted_job_leaves_its_output(place: Place) -> None:
    job = place.run(numbered(2))
    folder = place.raw(job)["outputInfo"]["gcsOutputDirectory"].removeprefix("gs://rows/")
    deleted = place.client.batches.delete(name=str(job.name))
    assert deleted.done
    with pytest.raises(errors.ClientError) as caught:
        place.client.batches.get(name=str(job.name))
    assert caught.value.code == 404
    assert place.store.get("rows", f"{folder}/predictions.jsonl").size


def test_jobs_survive_the_end_of_the_emulator(tmp_path: Path) -> None:
    with stand_in(tmp_path) as place:
        done = place.run(numbered(2), display_name="done")
        place.scenario(kind="stuck", state="PENDING", jobs=1)
        place.scenario(kind="delay_state", state="RUNNING", calls=2)
        source = place.put(numbered(3))
        stuck, waits = place.create(source, "stuck"), place.create(source, "waits")
        place.client.batches.get(name=str(waits.name))
    threads = [thread.name for thread in threading.enumerate()]
    assert "emulator-predictions" not in threads
    with stand_in(tmp_path) as place:
        assert len(place.rows(done)) == 2
        assert short(place.client.batches.get(name=str(stuck.name))) == "PENDING"
        seen = [short(place.client.batches.get(name=str(waits.name))) for _ in range(3)]
        assert seen == ["RUNNING", "RUNNING", "SUCCEEDED"]
        again = place.create("gs://rows/in/rows.jsonl", "new")
        assert place.client.batches.list()[0].name == again.name


class Halting:
    """A model that waits before the row of a number until it is let go."""

    def __init__(self, number: int) -> None:
        self.reached, self.go = threading.Event(), threading.Event()
        self._left = number

    def __call__(self, body: Mapping[str, Any], _: str) -> Answer:
        self._left -= 1
        if self._left == 0:
            self.reached.set()
            assert self.go.wait(60)
        return unscripted(body)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "storage")
    store.create_bucket("rows")
    store.insert("rows", "in.jsonl", b"".join(map(json_line, numbered(10))))
    yield store
    store.close()


def outputs(store: Store) -> list[int]:
    """The number of rows of each output."""
    found = []
    for stored in store.list("rows", "out/"):
        with store.open("rows", stored.name)[1] as file:
            found.append(len(file.readlines()))
    return found


def test_a_job_that_is_cancelled_while_it_runs_keeps_its_rows(tmp_path: Path, store: Store) -> None:
    model = Halting(4)
    jobs = PredictionJobs(tmp_path / "jobs", store, model)
    spec = checked_create(body(), "p", "us-central1")
    job = jobs.book.create("p", "us-central1", spec, [])
    waits = jobs.book.create("p", "us-central1", spec, [])
    assert model.reached.wait(60)
    assert (jobs.book.visible(job), jobs.book.visible(waits)) == ("RUNNING", "PENDING")
    jobs.book.cancel(job)
    jobs.book.cancel(waits)
    assert jobs.book.visible(job) == "CANCELLING"
    model.go.set()
    for each in (job, waits):
        assert jobs.book.wait_until_ended(each, 20)
        assert each.state == "CANCELLED"
    assert outputs(store) == [4]
    assert job.counts == (4, 0, 6)
    jobs.close()


def test_the_end_of_the_emulator_leaves_no_half_file(tmp_path: Path, store: Store) -> None:
    model = Halting(4)
    jobs = PredictionJobs(tmp_path / "jobs", store, model)
    spec = checked_create(body(), "p", "us-central1")
    job = jobs.book.create("p", "us-central1", spec, [])
    assert model.reached.wait(60)
    closing = threading.Thread(target=jobs.close)
    closing.start()
    jobs.ending.wait(60)
    model.go.set()
    closing.join()
    assert job.state == "RUNNING"
    assert outputs(store) == []
    again = PredictionJobs(tmp_path / "jobs", store, lambda body, _: unscripted(body))
    (found,) = again.book.jobs()
    assert again.book.wait_until_ended(found, 20)
    assert (found.id, found.state) == (job.id, "SUCCEEDED")
    assert outputs(store) == [10]
    again.close()


def test_without_buckets_there_are_no_batch_predictions(tmp_path: Path) -> None:
    names = {route.name for route in service(tmp_path, "p", Faults()).routes}
    assert "vertex.generateContent" in names
    assert not any("Prediction" in name for name in names)


def test_the_same_prompt_is_answered_alike_online(place: Place) -> None:
    job = place.run([text_row("good day")])
    (row,) = place.rows(job)
    online = place.client.models.generate_content(model=MODEL, contents="good day")
    assert online.text == row["response"]["candidates"][0]["content"]["parts"][0]["text"]
