"""What is asked of the service, and what its answers mean, oddities included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from components.batch_predict.places import Places, display_name
from components.batch_predict.plan import beside, job_body
from components.batch_predict.prediction_job import PredictionJob, checked_name, stats_of
from components.errors import ServiceError, WrongUse
from components.gemini.vertex import Vertex, endpoint, model_path, vertex
from components.supervision.life import Accepted, Failed, Missing, Observation, Refused, Seen
from components.supervision.life import Unanswered as NoAnswer

BODY = job_body("mine", "gemini-x", "gs://b/in.jsonl", "gs://b/out", {"run": "r"})
NAME = "projects/123/locations/l/batchPredictionJobs/7"
JOB = {**BODY, "name": NAME, "state": "JOB_STATE_RUNNING", "createTime": "2026-11-21T10:00:00Z"}


class Service(Vertex):
    """Answers from a list; calls are noted."""

    def __init__(self, *answers: Any) -> None:
        self.parent = "projects/p/locations/l"
        self.answers = list(answers)
        self.calls: list[tuple[str, str, Any]] = []

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        timeout_s: float = 0,
    ) -> dict[str, Any]:
        self.calls.append((method, path, query or body))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        told: dict[str, Any] = answer
        return told


def error(code: int, message: str = "no") -> Exception:
    from google.api_core.exceptions import from_http_status

    return from_http_status(code, message)


def dropped() -> Exception:
    import requests

    return requests.ConnectionError("dropped")


RUNNING = Seen(NAME, "running", "7", "JOB_STATE_RUNNING")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([{}], Missing()),
        ([{"batchPredictionJobs": [JOB]}], RUNNING),
        ([{"batchPredictionJobs": [{**JOB, "displayName": "mine too"}]}], Missing()),
        ([{"nextPageToken": "n"}, {"batchPredictionJobs": [JOB]}], RUNNING),
        (
            [{"batchPredictionJobs": [
                {**JOB, "name": NAME + "1", "createTime": "2026-11-22"}, JOB]}],
            RUNNING,
        ),
        ([{"batchPredictionJobs": [{**JOB, "labels": {}}]}],
         Seen(NAME, "running", "7", "JOB_STATE_RUNNING", ours=False)),
        ([{"batchPredictionJobs": [
            {**JOB, "inputConfig": {"gcsSource": {"uris": ["gs://other"]}}}]}],
         Seen(NAME, "running", "7", "JOB_STATE_RUNNING", ours=False)),
        ([{"batchPredictionJobs": [{"displayName": "mine", "name": "../../x"}]}], Failed),
        ([error(503)], Failed),
        ([error(403)], Refused),
        ([dropped()], Failed),
    ],
)  # fmt: skip
def test_find(answers: list[Any], expected: Observation | type) -> None:
    seen = PredictionJob(Service(*answers), BODY).find()
    assert isinstance(seen, expected) if isinstance(expected, type) else seen == expected


def test_find_asks_for_the_display_name() -> None:
    service = Service({"nextPageToken": "n"}, {})
    PredictionJob(service, BODY).find()
    query = {"filter": 'displayName="mine"', "pageSize": "100"}
    path = "projects/p/locations/l/batchPredictionJobs"
    assert service.calls == [("GET", path, query), ("GET", path, {**query, "pageToken": "n"})]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (JOB, RUNNING),
        ({**JOB, "state": "JOB_STATE_PONDERING"},
         Seen(NAME, "unknown", "7", "JOB_STATE_PONDERING")),
        ({**JOB, "state": "JOB_STATE_FAILED", "error": {"code": 3, "message": "bad\nline."}},
         Seen(NAME, "failed", "7", "JOB_STATE_FAILED", why="bad line")),
        ({**JOB, "state": "JOB_STATE_FAILED"},
         Seen(NAME, "failed", "7", "JOB_STATE_FAILED", why="the service gave no reason")),
        ({"unexpected": True}, NoAnswer),
        (error(400), Refused),
        (error(404, "The PublisherModel gemini-x does not exist"), Refused),
        (error(429), Failed),
        (error(500), NoAnswer),
        (dropped(), NoAnswer),
    ],
)  # fmt: skip
def test_create(answer: Any, expected: Observation | type) -> None:
    service = Service(answer)
    seen = PredictionJob(service, BODY).create()
    assert isinstance(seen, expected) if isinstance(expected, type) else seen == expected
    assert service.calls[0][2] == BODY


@pytest.mark.parametrize(
    ("answer", "expected"),
    [({}, Accepted()), (error(400), Accepted()), (error(404), Missing()), (error(503), Failed)],
)
def test_cancel(answer: Any, expected: Observation | type) -> None:
    service = Service(answer)
    seen = PredictionJob(service, BODY).cancel(NAME)
    assert isinstance(seen, expected) if isinstance(expected, type) else seen == expected
    assert service.calls == [("POST", f"{NAME}:cancel", {})]


def test_stats_keep_what_typed_clients_drop() -> None:
    told = stats_of(
        {
            "completionStats": {"successfulCount": "5", "failedCount": 2, "incompleteCount": "-1"},
            "partialFailures": [{"code": 8, "message": "quota"}, {}, "odd"],
            "error": {"code": 8},
            "outputInfo": {"gcsOutputDirectory": "gs://b/out/prediction-model-1"},
            "startTime": "t",
        }
    )
    assert told == {
        "successfulCount": 5, "failedCount": 2, "incompleteCount": -1,
        "partialFailures": ["8 quota", ""], "errorCode": 8,
        "outputDirectory": "gs://b/out/prediction-model-1", "startTime": "t",
    }  # fmt: skip
    assert stats_of({"completionStats": None, "partialFailures": None, "outputInfo": None}) == {}


@pytest.mark.parametrize("name", ["", "x", NAME + "/..", NAME + "?a=b", "jobs/7", "../" + NAME])
def test_only_names_of_prediction_jobs_become_urls(name: str) -> None:
    with pytest.raises(ValueError, match="not the name"):
        checked_name(name)


def test_tables_go_to_the_service_as_they_are() -> None:
    target = beside("bq://p.d.t", "run-a1-0123456789abcdef")
    body = job_body("n", "projects/1/locations/l/models/5", "bq://p.d.t", target, {})
    assert body["model"] == "projects/1/locations/l/models/5"
    assert body["inputConfig"] == {
        "instancesFormat": "bigquery", "bigquerySource": {"inputUri": "bq://p.d.t"},
    }  # fmt: skip
    assert body["outputConfig"]["bigqueryDestination"] == {
        "outputUri": "bq://p.d.predictions_0123456789abcdef"
    }


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("global", "https://aiplatform.googleapis.com"),
        ("eu", "https://aiplatform.eu.rep.googleapis.com"),
        ("us-central1", "https://us-central1-aiplatform.googleapis.com"),
    ],
)
def test_endpoints(location: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_VERTEX_BASE_URL", raising=False)
    assert endpoint(location) == url
    monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", "http://127.0.0.1:1/")
    assert endpoint(location) == "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("project", "location"),
    [("", "global"), ("a/b", "global"), ("p-1", ""), ("p-1", "x.evil.org/"), ("p-1", "US")],
)
def test_hostile_places_are_refused(project: str, location: str) -> None:
    with pytest.raises(WrongUse):
        vertex(project, location)


def test_models() -> None:
    assert model_path("gemini-x") == "publishers/google/models/gemini-x"
    assert model_path("publishers/meta/models/l") == "publishers/meta/models/l"


def test_names_tell_run_shard_attempt_and_content_apart() -> None:
    names = {
        display_name(*told)
        for told in [
            ("r", "s.jsonl", 1, "c"), ("q", "s.jsonl", 1, "c"), ("r", "t.jsonl", 1, "c"),
            ("r", "s.jsonl", 2, "c"), ("r", "s.jsonl", 1, "d"), ("R", "s.jsonl", 1, "c"),
        ]
    }  # fmt: skip
    assert len(names) == 6
    assert display_name("r", "s.jsonl", 1, "c") in names
    assert max(len(display_name(x * 300, x * 300, 1, "c")) for x in ("a", "ä", "/")) <= 128


def test_places_of_a_local_run() -> None:
    places = Places("/tmp/run/one", "run/one", "gs://b/staging")
    assert places.service_shard("s.jsonl") == "gs://b/staging/run-one/prepared/shards/s.jsonl"
    assert places.outputs("d") == "/tmp/run/one/predictions/d"
    there = Places("gs://b/run/one", "run/one")
    assert there.service_outputs("d") == there.outputs("d") == "gs://b/run/one/predictions/d"


def test_credentials_that_are_not_there_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_VERTEX_BASE_URL", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json")
    with pytest.raises(
        ServiceError, match=r"/nowhere/key\.json: GOOGLE_APPLICATION_CREDENTIALS is"
    ):
        vertex("local-project", "global")
