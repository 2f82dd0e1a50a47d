"""Runs on Vertex AI, with the real client against the emulator: never two, and all states told."""

from __future__ import annotations

import contextlib
import datetime
from pathlib import Path

import pytest
import yaml
from google.cloud.aiplatform_v1.types import (
    PipelineJob,
    PipelineState,
    PipelineTaskDetail,
    Schedule,
)

from components.errors import InputError, ServiceError, WrongUse
from emulator.faults import Fault
from emulator.launch import Emulator
from pipelines.remote import run as states
from pipelines.remote.listing import lines, youngest
from pipelines.remote.run import Run
from pipelines.remote.vertex import (
    RUN_STATES,
    STEP_STATES,
    Vertex,
    name_of_run,
    pipeline_job,
)
from pipelines.remote.wanted import OUR_LABEL
from pipelines.schedules.vertex import Found
from pipelines.service_errors import NotThereError, TakenError, UnclearError
from tests.emulator.pipelines.specs import compiled
from tests.pipelines.remote.conftest import Here, wanted

CREATE = "vertex.CreatePipelineJob"


def test_every_state_of_the_service_is_known():
    assert set(RUN_STATES) == {state.name for state in PipelineState}
    assert set(STEP_STATES) == {state.name for state in PipelineTaskDetail.State}


def test_the_request_is_the_one_that_googles_sdk_would_send(emulated, tmp_path):
    from google.cloud import aiplatform
    from google.oauth2.credentials import Credentials

    path = tmp_path / "spec.yaml"
    path.write_text(compiled("short"))
    asked = wanted("short", "some-run", word="y", names=["b"], on=True)
    theirs = aiplatform.PipelineJob(
        display_name="short",
        template_path=str(path),
        job_id="some-run",
        pipeline_root=asked.root,
        parameter_values=dict(asked.parameters),
        enable_caching=False,
        project="local-project",
        location="us-central1",
        credentials=Credentials("stand-in"),
    )
    ours = pipeline_job(
        type(asked)(**{**vars(asked), "caching": False}),
    )
    assert ours.labels.pop(OUR_LABEL)
    assert ours == theirs._gca_resource


def test_a_run_succeeds_and_its_steps_are_told(here: Here):
    made = here.create(wanted("everything", "whole", word="x"))
    assert made.name == "projects/local-project/locations/us-central1/pipelineJobs/whole"
    assert made.url == ""  # a stand-in has no console
    ended = here.ended(made)
    assert (ended.state, ended.pipeline, ended.reason) == (states.SUCCEEDED, "everything", "")
    assert ended.parameters["word"] == "x"
    # Groups are no steps; what a condition kept from running was never begun.
    told = [(step.title, step.state) for step in ended.steps]
    assert told.count(("same", states.SUCCEEDED)) == 2  # the iterations of a loop
    assert ("write", states.SUCCEEDED) in told
    assert ("tell", states.SUCCEEDED) in told
    assert {title for title, _ in told} <= {"write", "same", "same-2", "tell", "after"}


def test_a_failed_step_says_why(here: Here):
    ended = here.ended(here.create(wanted("fails", "broken", word="abc")))
    assert ended.state == states.FAILED
    (step,) = ended.failed_steps
    assert step.title == "fail"
    assert "The word abc is wrong." in step.reason


def test_a_run_is_cancelled(here: Here, tmp_path: Path):
    made = here.create(wanted("waits", "cancelled", folder=str(tmp_path)))
    here.cancel(made.id)
    assert here.ended(made).state == states.CANCELLED
    here.cancel(made.id)  # one that has ended stays as it is
    assert here.get(made.id).state == states.CANCELLED


def ids(here: Here) -> list[str]:
    return [run.id for run in here.recent()]


@pytest.mark.parametrize(("state", "passes"), [("cancelling", True), ("running", False)])
def test_a_cancel_that_is_refused_passes_where_the_run_ends_anyway(
    emulated: Emulator, here: Here, monkeypatch, state, passes
):
    emulated.faults.add(Fault("vertex.CancelPipelineJob", status=400))
    run = Run(id="r", name="r", title="", pipeline="p", state=state)
    monkeypatch.setattr(here, "get", lambda run_id: run)
    with contextlib.nullcontext() if passes else pytest.raises(InputError, match="refuses"):
        here.cancel("r")


@pytest.mark.parametrize("kind", ["lose_reply", "drop", "status"])
def test_an_answer_that_is_lost_makes_no_second_run(emulated: Emulator, here: Here, kind):
    asked = wanted("short", f"lost-{kind.replace('_', '-')}")
    emulated.faults.add(Fault(CREATE, kind=kind))
    made = here.create(asked)
    assert made.id == asked.run_id
    assert ids(here).count(asked.run_id) == 1
    assert ("taken up" in here.said[-1]) == (kind == "lose_reply")


def test_a_service_that_stays_away_leaves_the_person_a_way_on(emulated: Emulator, here: Here):
    emulated.faults.add(Fault(CREATE, count=4))
    with pytest.raises(ServiceError, match="--run-id away takes it up") as told:
        here.create(wanted("short", "away"))
    assert not isinstance(told.value, UnclearError)
    assert here.create(wanted("short", "away")).id == "away"


def test_the_same_id_is_the_same_run_or_refused(here: Here):
    here.create(wanted("short", "twice", word="a"))
    again = here.create(wanted("short", "twice", word="a"))
    assert again.id == "twice"
    assert here.said == ["the run was made already; it is taken up"]
    with pytest.raises(InputError, match=r"another run with this id.*--run-id"):
        here.create(wanted("short", "twice", word="b"))
    assert ids(here).count("twice") == 1


def test_a_run_that_is_not_there(here: Here):
    with pytest.raises(NotThereError, match=r"no such run.*intent2batch runs --project"):
        here.get("absent")
    here.create(wanted("short", "in-one-region"))
    with pytest.raises(NotThereError, match="europe-west4"):
        Here("europe-west4").get("in-one-region")


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (401, "gcloud auth application-default login"),
        (403, r"roles/aiplatform\.user in local-project"),
        (400, "Vertex AI refuses to start the run"),
    ],
)
def test_refusals_say_the_next_step(emulated: Emulator, here: Here, status, says):
    emulated.faults.add(Fault(CREATE, status=status, count=9))
    with pytest.raises((ServiceError, InputError), match=says) as told:
        here.create(wanted("short", "refused"))
    assert not isinstance(told.value, UnclearError | TakenError)
    assert "\n" not in str(told.value)
    assert emulated.faults.calls()[CREATE] <= 2  # 401: once more with a fresh token


def test_nothing_answers_there(monkeypatch):
    monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(ServiceError, match="Did you mean us-central1"):
        Here("us-centrall1").get("x")


def test_the_youngest_runs_of_ours(here: Here):
    here.create(wanted("short", "of-others"))
    assert "of-others" not in [run.id for run in youngest(here, limit=5, every=False)]
    (first,) = youngest(here, limit=1, every=True)
    assert first.id == "of-others"
    assert first.created.date() <= datetime.datetime.now(datetime.UTC).date()
    heads, line = lines([first])
    assert heads.split() == ["state", "began", "took", "run"]
    assert line.endswith(first.name)


def test_the_console_and_the_logs_of_the_real_service(emulated: Emulator, monkeypatch):
    monkeypatch.delenv("GOOGLE_VERTEX_BASE_URL")
    vertex = Vertex("p", "europe-west4", say=print)
    spec = yaml.safe_load(compiled("fails"))
    job = PipelineJob(name="projects/12/locations/europe-west4/pipelineJobs/r", pipeline_spec=spec)
    job.job_detail.task_details = [
        {
            "task_id": 7,
            "task_name": "fail",
            "state": "FAILED",
            "error": {"message": "The word x is wrong."},
            "executor_detail": {
                "container_detail": {"main_job": "projects/12/locations/r/customJobs/345"}
            },
        },
        {"task_id": 8, "task_name": "a-run-of-everything", "state": "FAILED"},
    ]
    run = vertex._run(job)
    console = "https://console.cloud.google.com"
    assert run.url == f"{console}/vertex-ai/locations/europe-west4/pipelines/runs/r?project=p"
    (step,) = run.steps
    assert step.reason == "The word x is wrong."
    assert step.logs.startswith(f"{console}/logs/query;query=")
    assert "345" in step.logs
    assert step.logs.endswith("?project=p")


def test_a_state_of_a_later_release_is_unknown_and_goes_on(emulated: Emulator, here: Here):
    """Enums come as numbers over REST; an unknown one has no name."""
    spec = yaml.safe_load(compiled("fails"))
    job = PipelineJob(pipeline_spec=spec)
    job.job_detail.task_details = [{"task_name": "fail"}]
    PipelineJob.pb(job).state = 99
    PipelineJob.pb(job).job_detail.task_details[0].state = 77
    run = here._run(job)
    assert (run.state, run.has_ended, run.steps[0].state) == ("unknown", False, "unknown")
    schedule = Schedule()
    Schedule.pb(schedule).state = 9
    assert Found(schedule, "p").state == "9"


@pytest.mark.parametrize("project", ["", "a b", "../x", "P?x"])
def test_what_is_no_project(project, emulated):
    with pytest.raises(WrongUse, match="--project"):
        Vertex(project, "us-central1", say=print)


def test_names_of_runs():
    assert name_of_run("projects/p/locations/r-1/pipelineJobs/x-1") == ("p", "r-1", "x-1")
    assert name_of_run("x-1") == ("", "", "x-1")
    for name in ("", "a/b", "projects/p/locations/r/jobs/x", "x y"):
        with pytest.raises(WrongUse, match="not the name of a run"):
            name_of_run(name)
