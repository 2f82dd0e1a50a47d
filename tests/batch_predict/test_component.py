"""The declaration of the step."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from components.batch_predict.ask import OnlineModel
from components.batch_predict.book import Doc, Entry
from components.batch_predict.jobs_page import jobs_page
from components.batch_predict.run_step import predict_run
from components.errors import InputError
from components.gemini.vertex import Vertex
from components.supervision.ledger import Ledger
from components.supervision.life import Life
from tests.batch_predict.conftest import Run, StoryClock, request_of


def test_the_component_compiles_and_explains_its_inputs() -> None:
    from components.batch_predict.component import batch_predict

    spec = batch_predict.component_spec
    assert spec.inputs is not None
    assert set(spec.inputs) >= {"results_uri", "project", "location", "max_cost_usd"}
    assert "batch prediction jobs" in (spec.description or "")


def test_the_jobs_are_told_to_the_platform(run: Run, tmp_path: Path) -> None:
    run.prepare("one", "two")
    place = tmp_path / "out" / "gcp_resources"
    predict_run(
        run.uri,
        project="local-project",
        location="us-central1",
        gcp_resources_path=str(place),
        page_path=str(tmp_path / "jobs.md"),
        clock=StoryClock(),
        say=run.lines.append,
    )
    [resource] = json.loads(place.read_text())["resources"]
    assert resource["resourceType"] == "BatchPredictionJob"
    job = run.jobs()[0]["job_name"]
    assert resource["resourceUri"].endswith(job)
    told = (tmp_path / "jobs.md").read_text()
    assert "stand-in on this machine" in told
    assert "| 1 | 1 | 2 | JOB\\_STATE\\_SUCCEEDED |" in told
    assert "console.cloud.google.com" not in told


def test_the_page_of_jobs_links_each_of_them() -> None:
    name = "projects/p/locations/us-central1/batchPredictionJobs/12"
    life = Life(job_name=name, state="JOB_STATE_RUNNING")
    entry = Entry("s", 0, 1, "<b>m</b>", "d", "gs://i", "gs://o", 3, ledger=Ledger(life=life))
    online = replace(entry, how="online", display_name="e", ledger=Ledger())
    told = jobs_page(Doc((entry, online), stopped="It cost | too much"), local=False)
    console = (
        "https://console.cloud.google.com/agent-platform/locations/us-central1/batch-predictions"
    )
    assert f"[12]({console}/12?project=p)" in told
    assert "<b>" not in told
    assert "one by one" in told
    assert "Stopped: It cost \\| too much" in told


def test_nothing_prepared(run: Run) -> None:
    with pytest.raises(InputError, match="Nothing was prepared"):
        run.predict()


class Service(Vertex):
    def __init__(self, *codes: int) -> None:
        self.parent = "projects/p/locations/l"
        self.codes = list(codes)
        self.paths: list[str] = []

    def call(self, method: str, path: str, *rest: object, **more: object) -> dict[str, object]:
        from google.api_core.exceptions import from_http_status

        self.paths.append(path)
        code = self.codes.pop(0)
        if code != 200:
            raise from_http_status(code, f"said {code}")
        return {"candidates": []}


@pytest.mark.parametrize(
    ("codes", "status", "calls"),
    [([200], "", 1), ([429, 503, 200], "", 3), ([400], '"code": 400', 1),
     ([429] * 9, '"code": 429', 6)],
)  # fmt: skip
def test_online_calls_are_patient_with_what_passes(
    codes: list[int], status: str, calls: int
) -> None:
    service, waited = Service(*codes), list[float]()
    told, response = OnlineModel(lambda: service, waited.append)("gemini-x", request_of("a"))
    assert status in told
    assert bool(told) is bool(status)
    assert (response == {}) is bool(status)
    assert len(service.paths) == calls == len(waited) + 1
    assert service.paths[0] == (
        "projects/p/locations/l/publishers/google/models/gemini-x:generateContent"
    )
    assert waited == sorted(waited)
