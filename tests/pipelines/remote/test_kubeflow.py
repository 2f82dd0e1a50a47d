"""Runs on Kubeflow, with kfp's real client against as much of its API as that asks for."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from kfp.client import Client
from kfp_server_api.models import V2beta1RuntimeState
from typer.testing import CliRunner

import compile as command
from components.errors import InputError, Intent2BatchError, ServiceError, WrongUse
from components.storage import files
from pipelines.cli import load_commands
from pipelines.parameters import declared
from pipelines.remote import run as states
from pipelines.remote.kubeflow import (
    CALL_S,
    STATES,
    Kubeflow,
    check_kubernetes_account,
    for_kubeflow,
)
from pipelines.remote.listing import youngest
from pipelines.remote.results import results_folder
from pipelines.remote.wanted import Wanted
from pipelines.request import reread_spec
from pipelines.service_errors import NotThereError, UnclearError
from tests.pipelines.remote.kubeflow_server import Server, served

SPEC = reread_spec((command.GOLDEN / "intent-to-batch.yaml").read_text())
WANTED = Wanted(
    run_id="night-1",
    spec=SPEC,
    parameters={"intent": "x", "max_cost_usd": 3.0, "dry_run": True},
    root="gs://b/root",
)


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("KFP_TOKEN", "KFP_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("kfp.client.Client._LOCAL_KFP_CONTEXT", str(tmp_path / "context.json"))


@pytest.fixture
def server() -> Iterator[Server]:
    with served(Server()) as running:
        yield running


class Here(Kubeflow):
    def __init__(self, host: str) -> None:
        self.said: list[str] = []
        super().__init__(host, say=self.said.append, sleep=lambda seconds: None)


def test_every_state_of_the_service_is_known():
    assert set(STATES) == set(V2beta1RuntimeState.allowable_values)


def test_a_run_is_made_as_it_is_wanted(server: Server, capsys):
    here = Here(server.url)
    made = here.create(replace(WANTED, service_account="runner", caching=False))
    (sent,) = server.runs
    assert made.id == made.name == sent["run_id"]
    assert made.url == f"{server.url}/#/runs/details/{made.id}"
    assert sent["display_name"] == "night-1"
    assert sent["service_account"] == "runner"
    assert sent["runtime_config"]["parameters"] == dict(WANTED.parameters)
    assert sent["runtime_config"]["pipeline_root"] == "gs://b/root"
    assert sent["pipeline_spec"]["pipelineInfo"]["name"] == "intent-to-batch"
    exit_task = sent["pipeline_spec"]["root"]["dag"]["tasks"]["aggregate-results"]
    assert not exit_task["cachingOptions"].get("enableCache")
    (experiment,) = server.experiments
    assert sent["experiment_id"] == experiment["experiment_id"]
    here.create(replace(WANTED, run_id="night-2"))
    assert len(server.experiments) == 1
    assert capsys.readouterr().out == ""


def test_steps_and_the_reason_of_a_failure(server: Server):
    here = Here(server.url)
    made = here.create(WANTED)
    server.runs[0].update(
        state="FAILED",
        finished_at="2026-11-29T03:05:00Z",
        error={"code": 9, "message": "run failed"},
        run_details={
            "task_details": [
                task("decide-submission", "FAILED", "04", error={"message": "It costs too much."}),
                task("read-the-intent", "SUCCEEDED", "01"),
                task("exit-handler-1", "FAILED", "01"),
                task("read-the-intent-driver", "SUCCEEDED", "01"),
                task("aggregate-results", "RUNNING", "05"),
            ]
        },
    )
    found = here.get(made.id)
    assert [(step.title, step.state) for step in found.steps] == [
        ("Read the intent", states.SUCCEEDED),
        ("Decide whether to submit", states.FAILED),
        ("Collect the results", states.RUNNING),
    ]
    assert found.failed_steps[0].reason == "It costs too much."
    assert found.state == states.FAILED
    assert (found.ended - found.created).total_seconds() == 300


def task(name: str, state: str, second: str, **more: object) -> dict:
    began = f"2026-11-29T03:00:{second}Z"
    return {"task_id": name, "display_name": name, "state": state, "start_time": began, **more}


def test_the_same_id_is_the_same_run_or_refused(server: Server):
    here = Here(server.url)
    made = here.create(WANTED)
    assert here.create(WANTED).id == made.id
    assert here.said == ["the run was made already; it is taken up"]
    with pytest.raises(InputError, match="another run with this name"):
        here.create(replace(WANTED, parameters={"intent": "y"}))
    assert len(server.runs) == 1


@pytest.mark.parametrize("status", [0, 503, 500])
def test_an_answer_that_is_lost_makes_no_second_run(server: Server, status):
    here = Here(server.url)
    server.fail("POST /runs", status, done=True)
    made = here.create(WANTED)
    assert [run["run_id"] for run in server.runs] == [made.id]
    assert "it is looked for" in here.said[0]


def test_a_create_that_may_come_late_is_not_made_again(server: Server):
    here = Here(server.url)
    server.fail("POST /runs", 0)
    with pytest.raises(ServiceError, match="--run-id night-1 takes it up") as told:
        here.create(WANTED)
    assert not isinstance(told.value, UnclearError)
    assert server.calls.count("POST /runs") == 1
    assert here.create(WANTED).title == "night-1"


@pytest.mark.parametrize(
    ("status", "error", "says"),
    [
        (400, InputError, "Kubeflow refuses to start the run: It is broken"),
        (401, ServiceError, "KFP_TOKEN"),
        (403, ServiceError, "kubeflow-edit"),
    ],
)
def test_refusals_say_the_next_step(server: Server, status, error, says):
    here = Here(server.url)
    server.fail("POST /runs", status)
    with pytest.raises(error, match=says) as told:
        here.create(WANTED)
    assert not isinstance(told.value, UnclearError)
    assert "\n" not in str(told.value)
    assert server.runs == []


def test_a_run_is_cancelled(server: Server):
    here = Here(server.url)
    made = here.create(WANTED)
    here.cancel(made.id)
    here.cancel(made.id)  # one that has ended stays as it is
    assert here.get(made.id).state == states.CANCELLED
    with pytest.raises(NotThereError, match=r"no such run.*intent2batch runs --kfp-host"):
        here.get("absent")
    with pytest.raises(WrongUse, match="not the id of a run"):
        here.get("../../x")


def test_all_pages_are_listed_the_youngest_first(server: Server):
    here = Here(server.url)
    for number in range(60):
        server.runs.append(
            {
                "run_id": str(number),
                "display_name": "x",
                "state": "SUCCEEDED",
                "pipeline_spec": SPEC,
            }
        )
    found = youngest(here, limit=55, every=False)
    assert [run.id for run in found] == [str(n) for n in range(59, 4, -1)]
    assert youngest(here, limit=5, every=True)[0].id == "59"


def test_every_call_ends(server: Server, monkeypatch):
    here, seen = Here(server.url), []

    def request(self, *given, **named):
        seen.append(named["timeout"])
        raise TimeoutError

    monkeypatch.setattr("urllib3.poolmanager.PoolManager.request", request)
    for call in (lambda: here.get("x"), lambda: here.cancel("x"), lambda: here.create(WANTED)):
        with pytest.raises(TimeoutError):
            call()
    assert {timeout.total for timeout in seen} == {CALL_S}


def test_namespaces(monkeypatch):
    with served(Server(multi_user=True)) as server:
        with pytest.raises(WrongUse, match="Set KFP_NAMESPACE"):
            Here(server.url)
        monkeypatch.setenv("KFP_NAMESPACE", "team-night")
        here = Here(server.url)
        here.create(WANTED)
        list(here.recent())
        assert server.namespaces <= {"team-night", None}
        assert server.experiments[0]["namespace"] == "team-night"


def test_a_token_goes_over_https_or_to_this_machine(server: Server, monkeypatch):
    monkeypatch.setenv("KFP_TOKEN", "marker-of-a-token")
    Here(server.url).create(WANTED)
    assert server.tokens == {"Bearer marker-of-a-token"}
    with pytest.raises(WrongUse, match="plain http") as told:
        Here("http://kubeflow.example.com")
    assert "marker" not in str(told.value)


@pytest.mark.parametrize(
    "host", ["", "kubeflow", "ftp://x", "http://", "http://u:p@x", "http://x/?a=b", "http://x:y"]
)
def test_what_is_no_address(host):
    with pytest.raises(WrongUse, match="not the address of Kubeflow"):
        Here(host)


def test_a_place_that_is_something_else(server: Server):
    with pytest.raises(ServiceError, match="Nobody answers"):
        Here("http://127.0.0.1:9")
    for status, says in ((401, "wants a login"), (302, "does not answer as"), (404, "HTTP 404")):
        server.fail("GET /healthz", status)
        with pytest.raises(ServiceError, match=says):
            Here(server.url)


def test_results_are_where_they_can_be_read():
    wanted = for_kubeflow(WANTED)
    assert wanted.parameters["results_uri"] == "gs://b/root"
    own = for_kubeflow(replace(WANTED, parameters={"results_uri": "gs://c/d"}))
    assert own.parameters["results_uri"] == "gs://c/d"
    assert "results_uri" not in for_kubeflow(replace(WANTED, root="")).parameters
    with pytest.raises(WrongUse, match="10000"):
        for_kubeflow(replace(WANTED, parameters={"intent": "x" * 10_000}))
    with pytest.raises(WrongUse, match="no labels"):
        for_kubeflow(replace(WANTED, labels={"a": "b"}))


def test_accounts():
    check_kubernetes_account("pipeline-runner")
    with pytest.raises(WrongUse, match="not a service account of Kubernetes"):
        check_kubernetes_account("a@b")


@pytest.mark.usefixtures("emulated")
def test_the_journey_of_a_run(server: Server, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app = load_commands()

    def typed(*words: str):
        return CliRunner().invoke(app, words)

    spec = tmp_path / "spec.yaml"
    image = "europe-docker.pkg.dev/p/r/python-worker@sha256:" + "0a" * 32
    text = (command.GOLDEN / "intent-to-batch.yaml").read_text()
    spec.write_text(text.replace("intent2batch-python-worker", image))
    root = "gs://local-project-bucket/kubeflow"
    to = ["--kfp-host", server.url]
    made = typed(
        "run",
        str(spec),
        "2 tasks",
        *to,
        "--project",
        "p",
        "--root",
        root,
        "--run-id",
        "n",
        "--no-wait",
    )
    assert made.exit_code == 0, made.output
    (sent,) = server.runs
    assert made.stdout.split() == [sent["run_id"]]
    assert f"intent2batch results {sent['run_id']} --kfp-host {server.url}" in made.stderr
    assert sent["runtime_config"]["parameters"]["project"] == "p"
    assert sent["run_id"] in typed("runs", *to).stdout

    folder = f"{root}/n/{sent['run_id']}"
    sent["state"] = "FAILED"
    sent["run_details"]["task_details"] = [
        task("check-the-job", "FAILED", "01", error={"message": "The job has 2 errors."})
    ]
    watched = typed("runs", "watch", sent["run_id"], *to)
    assert watched.exit_code == 1
    assert "The run failed at 'Check the job': The job has 2 errors." in watched.stderr
    summary = {"run_uri": folder, "outcome": "errors", "headline": "2 errors"}
    files.write_text(f"{folder}/report.html", "<p>report</p>")
    summary["files"] = {"report": f"{folder}/report.html"}
    files.write_text(f"{folder}/summary.json", json.dumps(summary))
    fetched = typed("results", sent["run_id"], *to)
    assert fetched.exit_code == 1
    assert (tmp_path / "runs" / sent["run_id"] / "report.html").read_text() == "<p>report</p>"
    assert "2 errors" in fetched.stdout
    assert typed("runs", "cancel", sent["run_id"], *to).stdout == f"failed {sent['run_id']}\n"
    refused = typed("run", "intent-to-batch", "x", *to).exception
    assert isinstance(refused, Intent2BatchError)
    assert "no image yet" in str(refused)


def test_a_folder_that_cannot_be_read_from_here(server: Server):
    here = Here(server.url)
    made = here.create(replace(WANTED, root=""))
    assert results_folder(made) == ""


def test_the_recurring_run_of_the_documentation_is_one_that_kfp_and_the_pipeline_take():
    text = (command.GOLDEN.parents[1] / "docs" / "schedules.md").read_text(encoding="utf-8")
    block = text.partition("```python\n")[2].partition("```")[0]
    calls = [node for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Call)]
    (made,) = [c for c in calls if ast.unparse(c.func) == "client.create_recurring_run"]
    named = {word.arg: word.value for word in made.keywords}
    inspect.signature(Client.create_recurring_run).bind(None, *made.args, **named)
    spec = yaml.safe_load((command.GOLDEN / "batch-prediction.yaml").read_text())
    assert set(ast.literal_eval(named["params"])) <= set(declared(spec))
