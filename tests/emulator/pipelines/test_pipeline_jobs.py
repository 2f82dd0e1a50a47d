"""Pipeline jobs with the real client: what runs, what is told of it, what is refused."""

from __future__ import annotations

import importlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
import requests
from google.api_core import exceptions
from google.cloud import aiplatform_v1
from google.protobuf.field_mask_pb2 import FieldMask

from emulator.launch import start
from emulator.pipelines import observer, runner
from emulator.projects import project_number
from tests.emulator.pipelines.place import PARENT, ROOT, Place, job, tasks

NUMBER = project_number("local-project")


@pytest.fixture(scope="module")
def done(place: Place) -> aiplatform_v1.PipelineJob:
    """A run with a loop, a condition and an exit task; its word is a trap for kfp.local."""
    made = place.create("everything", "all-1", word="python3 {{$.inputs}}", labels={"team": "a"})
    assert made.name == f"projects/{NUMBER}/locations/us-central1/pipelineJobs/all-1"
    assert made.state.name == "PIPELINE_STATE_PENDING"
    return place.ended(made.name)


def test_a_spec_runs_with_loops_conditions_and_an_exit_task(
    done: aiplatform_v1.PipelineJob,
) -> None:
    assert done.state.name == "PIPELINE_STATE_SUCCEEDED"
    assert done.create_time <= done.start_time <= done.end_time
    assert tasks(done) == {
        "everything": "SUCCEEDED",
        "exit-handler-1": "SUCCEEDED",
        "write": "SUCCEEDED",
        "for-loop-3": "SUCCEEDED",
        "for-loop-3-iteration-0": "SUCCEEDED",
        "for-loop-3-iteration-1": "SUCCEEDED",
        "same": "SUCCEEDED",
        "same-2": "SUCCEEDED",
        "condition-4": "NOT_TRIGGERED",
        "tell": "SUCCEEDED",
    }


def test_tasks_know_their_parents(done: aiplatform_v1.PipelineJob) -> None:
    details = done.job_detail.task_details
    names = {each.task_id: each.task_name for each in details}
    parents = {(each.task_name, names.get(each.parent_task_id, "")) for each in details}
    assert parents >= {
        ("everything", ""),
        ("exit-handler-1", "everything"),
        ("tell", "everything"),
        ("for-loop-3", "exit-handler-1"),
        ("for-loop-3-iteration-1", "for-loop-3"),
        ("same", "for-loop-3-iteration-0"),
        ("condition-4", "exit-handler-1"),
    }


def test_a_task_tells_its_parameters_and_artifacts(
    place: Place, done: aiplatform_v1.PipelineJob
) -> None:
    task = next(each for each in done.job_detail.task_details if each.task_name == "write")
    said = dict(task.execution.metadata)
    assert said["input:word"] == "python3 {{$.inputs}}"
    assert said["output:Output"] == f"python3 {{{{$.inputs}}}} 3 {ROOT}/all-1"
    artifact = task.outputs["out"].artifacts[0]
    folder = f"root/{NUMBER}/all-1/write_{task.task_id}"
    assert artifact.uri == f"gs://local-project-bucket/{folder}/out"
    assert dict(artifact.metadata) == {"n": 3}
    assert place.texts(folder)[f"{folder}/out"] == b"python3 {{$.inputs}}"
    assert task.executor_detail.container_detail.main_job.endswith(f"/customJobs/{task.task_id}")


def test_the_exit_task_hears_of_the_job(place: Place, done: aiplatform_v1.PipelineJob) -> None:
    written = place.texts(f"root/{NUMBER}/all-1/tell_")
    assert f"SUCCEEDED {done.name}".encode() in written.values()


def test_a_failed_step_tells_its_sentence(place: Place) -> None:
    found = place.ended(place.create("fails", word="no").name)
    assert found.state.name == "PIPELINE_STATE_FAILED"
    assert "The failed tasks are: [fail]." in found.error.message
    assert tasks(found) == {"fails": "FAILED", "fail": "FAILED", "after": "NOT_TRIGGERED"}
    failed = next(each for each in found.job_detail.task_details if each.task_name == "fail")
    assert failed.error.message == "The word no is wrong."


def test_jobs_are_found_by_filters_and_deleted(
    place: Place, done: aiplatform_v1.PipelineJob
) -> None:
    def names(text: str, **more: Any) -> list[str]:
        request = {"parent": PARENT, "filter": text, **more}
        return [each.name for each in place.jobs.list_pipeline_jobs(request=request)]

    assert names('labels.team="a" AND state="PIPELINE_STATE_SUCCEEDED"') == [done.name]
    assert names('display_name:"every*"') == names('pipeline_name="everything"') == [done.name]
    assert names('schedule_name="x"') == names('create_time<"2020-01-01T00:00:00Z"') == []
    first = place.create("short", "page-1")
    everything = names("", page_size=1, order_by="create_time desc")
    assert everything[0] == first.name
    assert len(everything) == len(set(everything)) == len(names(""))
    brief = {"parent": PARENT, "read_mask": FieldMask(paths=["name", "display_name"])}
    assert not any(each.pipeline_spec for each in place.jobs.list_pipeline_jobs(request=brief))
    place.ended(first.name)
    place.jobs.delete_pipeline_job(name=first.name).result()
    with pytest.raises(exceptions.NotFound, match="does not exist"):
        place.jobs.get_pipeline_job(name=first.name)


def test_a_cancel_ends_the_step_and_all_that_it_started(place: Place, tmp_path: Path) -> None:
    made = place.create("waits", folder=str(tmp_path))
    while not (tmp_path / "waits").exists():
        place.jobs.get_pipeline_job(name=made.name)
    place.jobs.cancel_pipeline_job(name=made.name)
    found = place.ended(made.name)
    assert found.state.name == "PIPELINE_STATE_CANCELLED"
    assert tasks(found) == {"waits": "CANCELLED", "wait": "CANCELLED"}
    assert not running(tmp_path)
    with pytest.raises(exceptions.BadRequest, match="has ended"):
        place.jobs.cancel_pipeline_job(name=made.name)


def test_runs_wait_for_room_and_a_stubborn_step_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "AT_ONCE", 1)
    monkeypatch.setattr(runner, "GRACE_S", 0.3)
    with start(tmp_path / "state") as emulator:
        place = Place(emulator)
        first = place.create("waits", "first", folder=str(tmp_path), stubborn=True)
        second = place.create("waits", "second", folder=str(tmp_path))
        while not (tmp_path / "waits").exists():
            place.jobs.get_pipeline_job(name=first.name)
        assert place.jobs.get_pipeline_job(name=second.name).state.name == "PIPELINE_STATE_PENDING"
        place.jobs.cancel_pipeline_job(name=second.name)
        assert not place.ended(second.name).job_detail.task_details
        place.jobs.cancel_pipeline_job(name=first.name)
        assert place.ended(first.name).state.name == "PIPELINE_STATE_CANCELLED"
        assert not running(tmp_path)


def test_hostile_bodies_are_refused(place: Place) -> None:
    url = f"{place.emulator.urls['vertex']}/v1/{PARENT}/pipelineJobs"
    deep: Any = "x"
    for _ in range(900):
        deep = {"a": deep}
    bodies: list[Any] = [
        {"pipelineSpec": deep},
        {"pipelineSpec": {"pipelineInfo": 3}},
        {"pipelineSpec": {"pipelineInfo": {"name": "a"}, "schemaVersion": "2.1.0", "root": []}},
        {"pipelineSpec": [], "templateUri": "gs://b/x"},
        {"templateUri": "https://x-kfp.pkg.dev/a/../b/c"},
        {**job("short"), "labels": []},
        {**job("short"), "unknownField": 1},
        {
            "pipelineSpec": job("short")["pipeline_spec"],
            "runtimeConfig": {"gcsOutputDirectory": "/"},
        },
    ]
    for body in bodies:
        answer = requests.post(url, json=body, headers={"Authorization": "Bearer x"}, timeout=60)
        assert answer.status_code in (400, 404), (body, answer.text)
    assert requests.post(url, json=job("short"), timeout=60).status_code == 401


def running(folder: Path) -> list[str]:
    """Processes with the folder in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().decode("utf-8", "replace")
        except OSError:  # it has ended
            continue
        if str(folder) in line:
            found.append(line)
    return found


def test_what_ran_when_the_emulator_ended_has_failed(tmp_path: Path) -> None:
    with start(tmp_path / "state") as emulator:
        first = Place(emulator)
        made = first.create("waits", folder=str(tmp_path))
        while not (tmp_path / "waits").exists():
            first.jobs.get_pipeline_job(name=made.name)
    assert not running(tmp_path)
    with start(tmp_path / "state") as emulator:
        found = Place(emulator).ended(made.name)
    assert found.state.name == "PIPELINE_STATE_FAILED"
    assert "emulator ended while the pipeline ran" in found.error.message


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"word": 3}, "'word' is not of type STRING"),
        ({"on": "yes"}, "'on' is not of type BOOLEAN"),
        ({"names": {"a": 1}}, "'names' is not of type LIST"),
        ({"wrod": "x"}, "no input parameter 'wrod'"),
        ({"word": "x" * 100_001}, "100000 bytes of parameters"),
        ({"labels": {"Team": "a"}}, "Invalid label 'Team'"),
    ],
)
def test_wrong_parameters_are_refused(place: Place, change: dict[str, Any], said: str) -> None:
    with pytest.raises(exceptions.BadRequest, match=said):
        place.create("short", **change)


def test_a_missing_parameter_and_a_taken_id_are_refused(
    place: Place, done: aiplatform_v1.PipelineJob
) -> None:
    with pytest.raises(exceptions.BadRequest, match="'word' has no value"):
        place.create("everything")
    with pytest.raises(exceptions.Conflict, match="already exists"):
        place.create("short", "all-1")
    with pytest.raises(exceptions.BadRequest, match="does not match"):
        place.create("short", "Upper_Case")


def broken(change: str) -> dict[str, Any]:
    made = job("short")
    spec = made["pipeline_spec"]
    executor = spec["deploymentSpec"]["executors"]["exec-after"]
    if change == "container":
        executor["container"]["command"] = ["echo"]
        executor["container"]["args"] = []
    elif change == "packages":
        command = executor["container"]["command"]
        command[:0] = ["sh", "-c", 'python3 -m pip install evil && "$0" "$@"']
    elif change == "component":
        spec["root"]["dag"]["tasks"]["after"]["componentRef"]["name"] = "comp-gone"
    elif change == "executor":
        del spec["deploymentSpec"]["executors"]["exec-after"]
    elif change == "name":
        del spec["pipelineInfo"]
    elif change == "bucket":
        made["runtime_config"]["gcs_output_directory"] = "gs://no-such-bucket/x"
    elif change == "network":
        made["reserved_ip_ranges"] = ["a"]
    return made


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("container", "does not emulate containers of one's own"),
        ("packages", "does not emulate steps that install packages"),
        ("component", "'comp-gone', which is not there"),
        ("executor", "has no executor"),
        ("name", "no pipelineInfo.name"),
        ("bucket", "bucket no-such-bucket of gcs_output_directory does not exist"),
        ("network", "does not emulate the field reservedIpRanges"),
    ],
)
def test_what_does_not_run_here_is_refused(place: Place, change: str, said: str) -> None:
    with pytest.raises(exceptions.BadRequest, match=said):
        place.jobs.create_pipeline_job(parent=PARENT, pipeline_job=broken(change))


def test_the_functions_of_kfp_that_are_wrapped_are_there(tmp_path: Path) -> None:
    """kfp is pinned; with another version this says first what the observer must learn anew."""
    watched = observer.Observer(io.StringIO(), tmp_path, "job")
    missing = [
        f"{getattr(module, '__module__', '') or module.__name__}.{name}"
        for module, name, _ in watched._wrapped()
        if not callable(getattr(module, name, None))
    ]
    assert not missing, f"kfp has no {', '.join(missing)} any more: see emulator/pipelines/observer"
    import kfp

    pins = Path(__file__).parents[3].joinpath("constraints.txt").read_text(encoding="utf-8")
    assert f"kfp=={kfp.__version__}\n" in pins
    assert importlib.import_module("kfp.local.orchestrator.task_executor")


def test_whole_numbers_are_whole_again(place: Place) -> None:
    made = place.create("short", big=2.0)
    assert json.loads(json.dumps(dict(made.runtime_config.parameter_values))) == {"big": 2.0}
    found = place.ended(made.name)
    assert not found.error.message
