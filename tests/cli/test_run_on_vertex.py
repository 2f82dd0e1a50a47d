"""The journey of a run on Vertex AI: uploaded, started, listed, watched, its results fetched."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from components.errors import Intent2BatchError
from emulator.faults import Fault
from emulator.launch import Emulator, start
from pipelines.access.tables import undocumented
from pipelines.cli import load_commands
from pipelines.compiling import compiled
from pipelines.registry import Registry
from pipelines.uploading import upload_specs

IMAGE = "europe-docker.pkg.dev/p/r/python-worker@sha256:" + "0a" * 32
VERTEX = ("--project", "local-project", "--region", "us-central1")
NAME = "projects/local-project/locations/us-central1/pipelineJobs/"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with start(tmp_path_factory.mktemp("emulator")) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def template(running: Emulator) -> str:
    registry = Registry(f"{running.urls['registry']}/local-project/pipes")
    name = "intent-to-batch"
    spec = {name: compiled(name, image=IMAGE)}
    (found,) = upload_specs(spec, registry, ["v1"], move=False, say=lambda line: None)
    return found.url


@pytest.fixture
def here(running: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Emulator]:
    running.faults.clear()
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("INTENT2BATCH_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    yield running
    assert undocumented(running.faults.callers()) == []


the_command = functools.cache(load_commands)


def command(*words: str) -> Result:
    return CliRunner().invoke(the_command(), words)


def refused(*words: str) -> Intent2BatchError:
    result = command(*words)
    assert isinstance(result.exception, Intent2BatchError), result.output
    assert "\n" not in str(result.exception)
    return result.exception


def test_the_journey_of_a_run(here: Emulator, template: str, tmp_path: Path):
    words = ["run", "intent-to-batch", "2 tasks that print hi", *VERTEX, "--template", template]
    made = command(*words, "--run-id", "night-1", "--label", "team=night", "--no-wait")
    assert made.exit_code == 0, made.output
    assert made.stdout == f"{NAME}night-1\n"
    again = command(*words, "--run-id", "night-1", "--no-wait")
    assert again.exit_code == 0
    assert "taken up" in again.stderr

    watched = command("runs", "watch", f"{NAME}night-1")
    assert watched.exit_code == 0, watched.output
    assert "Submit the job and watch it: succeeded" in watched.stderr
    assert "All 2 tasks succeeded" in watched.stdout

    listed = json.loads(command("runs", *VERTEX, "--json").stdout)
    assert [(run["name"], run["state"]) for run in listed] == [(f"{NAME}night-1", "succeeded")]

    fetched = command("results", "night-1", *VERTEX)
    assert fetched.exit_code == 0, fetched.output
    names = {path.name for path in (tmp_path / "runs" / "night-1").iterdir()}
    assert names == {"tasks.csv", "tasks.jsonl", "tasks.xlsx", "report.html", "summary.json"}
    told = json.loads(command("results", f"{NAME}night-1", "--json", "--out", "there").stdout)
    assert told["summary"]["succeeded"] == 2
    assert told["state"] == "succeeded"
    assert Path(told["files"]["tasks.csv"]).is_file()

    kept = command("runs", "cancel", f"{NAME}night-1")
    assert kept.stdout == f"succeeded {NAME}night-1\n"


def test_a_run_that_fails_says_why(here: Emulator, template: str):
    # The spec's address is taken from a tag here.
    address = template.rpartition("/")[0] + "/v1"
    words = ["run", "intent-to-batch", "please run something", *VERTEX, "--template", address]
    ended = command(*words, "--run-id", "unclear")
    assert ended.exit_code == 1, ended.output
    assert "Decide whether to submit: failed" in ended.stderr
    told = command("results", "unclear", *VERTEX, "--json")
    assert told.exit_code == 1
    told = json.loads(told.stdout)
    assert told["state"] == "failed"
    assert "Decide whether to submit" in told["reason"]
    assert told["summary"]["outcome"] == "clarify"


def test_a_run_of_another_pipeline(here: Emulator):
    from pipelines.remote.vertex import Vertex
    from tests.pipelines.remote.conftest import wanted

    Vertex("local-project", "us-central1", say=print).create(wanted("short", "theirs"))
    assert "none of intent2batch" in str(refused("results", f"{NAME}theirs"))
    assert f"{NAME}theirs" in command("runs", *VERTEX, "--all").stdout
    assert f"{NAME}theirs" not in command("runs", *VERTEX).stdout


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["intent-to-bath", "x", *VERTEX], 2, "no pipeline and no file"),
        (["intent-to-batch", "x", *VERTEX, "-p", "strict=perhaps"], 2, "true or false"),
        (["intent-to-batch", *VERTEX, "-p", "intent_uri=a.txt"], 2, "files of this machine"),
        (["intent-to-batch", "x", *VERTEX, "--label", "A=b"], 2, "not a label"),
        (["intent-to-batch", "x", *VERTEX, "--run-id", "A b"], 2, "the id of a run"),
        (["intent-to-batch", "x", *VERTEX, "--service-account", "me"], 2, "service account"),
        (["intent-to-batch", "x", *VERTEX, "--root", "gs://absent-bucket"], 1, "no such bucket"),
        (["intent-to-batch", "x", *VERTEX, "--template", "http://x/y"], 2, "not the address"),
        (["intent-to-batch", "x", "--project", "a b"], 2, "not the id of a project"),
        (["intent-to-batch", "x", *VERTEX, "--local"], 2, "--local goes with no other"),
        (["intent-to-batch", "x", "--local", "--no-wait"], 2, "--no-wait does not go with"),
        (["intent-to-batch", "x", *VERTEX, "--out", "there"], 2, "--out does not go with"),
    ],
)
def test_wrong_use_starts_nothing(here: Emulator, words, code, says):
    error = refused("run", *words)
    assert error.exit_code == code
    assert says in str(error)
    assert "vertex.CreatePipelineJob" not in here.faults.calls()


def test_a_template_that_is_gone_or_another_pipelines(here: Emulator, template: str):
    gone = template.rpartition("/")[0] + "/v2"
    words = ["run", "intent-to-batch", "x", *VERTEX, "--template"]
    assert "no such template" in str(refused(*words, gone))
    words[1] = "batch-prediction"
    assert "holds the pipeline 'intent-to-batch'" in str(refused(*words, template))
    assert "vertex.CreatePipelineJob" not in here.faults.calls()


@pytest.mark.parametrize(
    ("status", "says"),
    [(401, "gcloud auth application-default login"), (403, "roles/aiplatform.user")],
)
def test_credentials_and_permissions(here: Emulator, status, says):
    here.faults.add(Fault("vertex.ListPipelineJobs", status=status, count=9))
    assert says in str(refused("runs", *VERTEX))


def test_names_that_are_none(here: Emulator):
    for verb in (["results"], ["runs", "watch"], ["runs", "cancel"]):
        assert "not the name of a run" in str(refused(*verb, "a/b"))
        assert "no such run" in str(refused(*verb, "absent", *VERTEX))
