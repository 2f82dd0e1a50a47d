"""The step: what it reads from the run folder and what it leaves for the console and a retry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.errors import InputError, ServiceError, WorkFailed, WrongUse
from components.project import project_here
from components.submit_batch_job import run_step
from components.submit_batch_job.component import submit_batch_job
from components.submit_batch_job.outputs import read_gcp_resources, write_gcp_resources
from components.submit_batch_job.run_step import run_identity, submit_run
from components.submit_batch_job.submit import Waiting, submit_and_watch
from emulator.faults import Fault
from emulator.launch import Emulator
from tests.signals import cancelled_at_the_next_call
from tests.submit_batch_job.conftest import PLACE, StoryClock, job_of

NAME = "projects/p/locations/r/jobs/j"


class Run:
    """The folder of one run and the step's outputs."""

    def __init__(self, folder: Path) -> None:
        self.uri = str(folder / "intent-to-batch" / "123")
        self.job = folder / "job.json"
        self.resources = folder / "out" / "gcp_resources"
        self.link = folder / "out" / "link.md"

    def submit(self, job: Any, **more: Any) -> str:
        self.job.write_text(job if isinstance(job, str) else json.dumps(job))
        told: dict[str, Any] = {
            "job_uri": str(self.job),
            "project": "local-project",
            "region": "us-central1",
            "max_wait_hours": 0.0,
            "dry_run": False,
            "gcp_resources_path": str(self.resources),
            "link_path": str(self.link),
        }
        return submit_run(self.uri, **{**told, **more})

    @property
    def ledger(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(Path(self.uri, "submission.json").read_text())
        return found


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_the_outputs_name_the_job(emulator: Emulator, run: Run) -> None:
    assert run.submit(job_of("true")) == "succeeded"
    name = run.ledger["job_name"]
    (resource,) = json.loads(run.resources.read_text())["resources"]
    assert resource["resourceType"] == "BatchJob"
    assert resource["resourceUri"] == f"https://batch.googleapis.com/v1/{name}"
    assert f"intent2batch tasks {name}" in run.link.read_text()
    assert "/jobs/intent-to-batch-123-" in name


def test_outputs_that_cannot_be_written_leave_no_job_alone(
    emulator: Emulator, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outputs lie on a mounted bucket, which has its bad moments."""
    written = run_step.write_link
    calls = iter([OSError(5, "Input/output error")])

    def once_not(*words: Any, **named: Any) -> None:
        for error in calls:
            raise error
        written(*words, **named)

    monkeypatch.setattr(run_step, "write_link", once_not)
    assert run.submit(job_of("true")) == "succeeded"
    assert run.ledger["job_name"] in run.link.read_text()


def test_a_retry_of_a_failed_step_tells_the_same(emulator: Emulator, run: Run) -> None:
    for _ in range(2):
        with pytest.raises(WorkFailed, match="task 0 failed: exit code 3"):
            run.submit(job_of("exit 3"))
    assert len(emulator.batch.book.everything()) == 1


def test_a_retry_without_ledger_whose_job_is_gone_makes_no_other(
    emulator: Emulator, run: Run
) -> None:
    run.submit(job_of("true"))
    Path(run.uri, "submission.json").unlink()
    for job in emulator.batch.book.jobs():
        emulator.batch.book.delete(job)
    with pytest.raises(WorkFailed, match="deleted by someone else"):
        run.submit(job_of("true"))
    assert len(emulator.batch.book.everything()) == 1


def test_a_retry_with_another_job_is_refused(emulator: Emulator, run: Run) -> None:
    run.submit(job_of("true"))
    with pytest.raises(InputError, match="An earlier attempt of this step submitted"):
        run.submit(job_of("false"))
    assert len(emulator.batch.book.everything()) == 1


def test_a_cancellation_is_heard_from_the_first_call_of_a_retry_on(
    emulator: Emulator, run: Run
) -> None:
    run.uri = "gs://local-project-bucket/intent-to-batch/123"
    job = job_of("sleep 900", spec={"maxRunDuration": "2000s"})
    waiting = Waiting(until_ended=False, clock=StoryClock(emulator))
    ledger_uri = f"{run.uri}/submission.json"
    names = {"run": run_identity(run.uri), "ledger_uri": ledger_uri, **PLACE}
    submit_and_watch(job, **names, waiting=waiting)
    with cancelled_at_the_next_call(emulator), pytest.raises(WorkFailed, match="was cancelled"):
        run.submit(job)
    assert [made.state for made in emulator.batch.book.everything()] == ["CANCELLED"]


def test_a_dry_run_shows_the_request(emulator: Emulator, run: Run) -> None:
    assert run.submit(job_of("true"), dry_run=True) == "dry_run"
    assert run.ledger["outcome"] == "dry_run"
    assert f"POST {run.ledger['request']['url']}" in run.link.read_text()
    assert not run.resources.exists()
    assert emulator.faults.calls() == {}


def test_a_job_that_was_refused_is_named_nowhere(emulator: Emulator, run: Run) -> None:
    emulator.faults.add(Fault("batch.CreateJob", status=403))
    with pytest.raises(ServiceError):
        run.submit(job_of("true"))
    assert not run.resources.exists()


@pytest.mark.parametrize(("text", "told"), [("{", "not JSON"), ("[]", "not a JSON object")])
def test_what_is_no_job_is_told(emulator: Emulator, run: Run, text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        run.submit(text)
    assert emulator.faults.calls() == {}


@pytest.mark.parametrize(
    ("uri", "identity"),
    [
        ("gs://b/root/intent-to-batch-1/99", "intent-to-batch-1/99"),
        ("/tmp/runs/x/", "runs/x"),
        ("x", "x"),
    ],
)
def test_run_identity(uri: str, identity: str) -> None:
    assert run_identity(uri) == identity


def test_gcp_resources_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "gcp_resources"
    assert read_gcp_resources(str(path)) == ""
    write_gcp_resources(str(path), NAME)
    assert read_gcp_resources(str(path)) == NAME


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"resources": []}', '{"resources": [{"resourceUri": 3}]}', "null"]
)
def test_other_content_counts_as_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "gcp_resources"
    path.write_text(text)
    assert read_gcp_resources(str(path)) == ""


def test_the_declaration_reads_well_in_the_console() -> None:
    spec = submit_batch_job.component_spec
    assert spec.description.startswith("Submit the job to Google Cloud Batch and wait for it")
    told = {**spec.inputs, **spec.outputs}
    assert set(told) == {
        "job", "results_uri", "pipeline_folder", "project", "region", "max_wait_hours", "dry_run",
        "gcp_resources", "link", "Output", "adapt_rounds", "adapt_preemptions", "adapt_time",
        "max_cost_usd", "prices_uri", "policy_uri",
    }  # fmt: skip
    assert all(told[name].description for name in spec.inputs)


@pytest.mark.parametrize(
    ("environment", "project"),
    [
        ({"GOOGLE_CLOUD_PROJECT": "mine", "CLOUD_ML_PROJECT_ID": "123"}, "mine"),
        ({"CLOUD_ML_PROJECT_ID": "123"}, "123"),
        ({}, ""),
    ],
)
def test_the_project_of_the_process(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], project: str
) -> None:
    for name in ("GOOGLE_CLOUD_PROJECT", "CLOUD_ML_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert project_here() == project


def test_what_runs_again_stands_in_the_outputs_and_is_taken_up(
    emulator: Emulator, run: Run, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    spec = {"maxRunDuration": "600s"}
    job = job_of(f"[ -e {mark} ] || {{ touch {mark}; exit 137; }}", spec=spec)
    job["allocationPolicy"] = {"instances": [{"policy": {"machineType": "e2-standard-2"}}]}
    for _ in range(2):
        assert run.submit(job, adapt_rounds=1, max_cost_usd=1000.0) == "succeeded"
        resources = json.loads(run.resources.read_text())["resources"]
        assert len(resources) == 2
        assert resources[1]["resourceUri"].endswith("-r1")
        assert read_gcp_resources(str(run.resources)) == run.ledger["job_name"]
    assert len(emulator.batch.book.everything()) == 2


@pytest.mark.parametrize("wrong", [{"adapt_rounds": 11}, {"adapt_preemptions": 0}])
def test_numbers_that_cannot_be_meant(run: Run, wrong: dict[str, int]) -> None:
    with pytest.raises(WrongUse):
        run.submit(job_of("true"), **wrong)
