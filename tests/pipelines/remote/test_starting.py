"""Starting a run and what Ctrl-C does; results are read from nowhere but the run's own folder."""

from __future__ import annotations

import io
import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

import compile as command
from components.credentials import expired
from components.errors import InputError, ServiceError, WrongUse
from components.storage import files
from emulator.launch import Emulator
from pipelines.remote.results import check_ours, fetch, results_folder, show, why
from pipelines.remote.run import Run, Step
from pipelines.remote.starting import Asked, check_bucket, end, finish, start, wanted_run
from pipelines.remote.wanted import Wanted
from pipelines.request import Request
from pipelines.service_errors import NotThereError, UnclearError

NAME = "projects/p/locations/r/pipelineJobs/r-1"
BUCKET = "gs://local-project-bucket"
RUN = Run(id="r-1", name=NAME, title="", pipeline="intent-to-batch", state="running")


class Interrupted:
    """A platform whose run never ends by itself; whoever looks at it is interrupted."""

    title, options, poll_s = "Interrupted", "--project p --region r", (0.0, 0.0)

    def __init__(self) -> None:
        self.run = RUN
        self.calls: list[str] = []
        self.said: list[str] = []
        self.out = io.StringIO()

    @property
    def told(self) -> dict[str, object]:
        """Where a start tells of itself."""
        name = lambda text: self.out.write(f"{text}\n")  # noqa: E731
        return {"name": name, "out": self.out, "say": self.said.append, "ask": None}

    def create(self, wanted: Wanted) -> Run:
        assert self.said == [f"run id {wanted.run_id}"], "the id is told before the call"
        return self.run

    def get(self, run_id: str) -> Run:
        if not self.run.has_ended:
            os.kill(os.getpid(), signal.SIGINT)
        return self.run

    def cancel(self, run_id: str) -> None:
        self.calls.append("cancel")
        self.run = replace(self.run, state="cancelled")

    def finish(self, ask: object) -> int:
        return finish(self, self.run, out=self.out, say=self.said.append, ask=ask)


def test_ctrl_c_asks_whether_the_run_ends_too():
    asked = []
    platform = Interrupted()
    assert platform.finish(lambda question: asked.append(question) or True) == 130
    assert asked == ["Cancel the run as well?"]
    assert platform.calls == ["cancel"]
    assert platform.said[-1].endswith("run cancelled")


@pytest.mark.parametrize("ask", [lambda question: False, None])
def test_ctrl_c_leaves_the_run_unless_told_otherwise(ask):
    platform = Interrupted()
    assert platform.finish(ask) == 130
    assert platform.calls == []
    assert f"the run goes on; watch it: intent2batch runs watch {NAME}" in platform.said[-1]


class Away(Interrupted):
    """A platform that stops answering; whoever waits for it waits for nothing."""

    def __init__(self, error: BaseException, cancels_lost: int = 0) -> None:
        super().__init__()
        self.error, self.cancels_lost = error, cancels_lost

    def get(self, run_id: str) -> Run:
        if self.run.has_ended:
            return self.run
        raise self.error

    def cancel(self, run_id: str) -> None:
        self.calls.append("cancel")
        if len(self.calls) <= self.cancels_lost:
            raise UnclearError("Cannot cancel", fix="Run the command again in a while.")
        self.run = replace(self.run, state="cancelled")


@pytest.mark.parametrize(
    "error",
    [ServiceError("You may not read the run"), expired(), KeyboardInterrupt(), UnclearError("503")],
)
def test_whatever_ends_the_following_tells_that_the_run_goes_on(error, monkeypatch):
    monkeypatch.setattr("pipelines.remote.watching.PATIENCE_S", -1.0)
    platform = Away(error)
    with pytest.raises(type(error)) as raised:
        platform.finish(None)
    assert f"the run goes on; watch it: intent2batch runs watch {NAME}" in platform.said[-1]
    assert "Run the command again" not in str(raised.value), "that would start another run"


def test_a_run_that_is_gone_does_not_go_on():
    platform = Away(NotThereError("There is no such run"))
    with pytest.raises(NotThereError):
        platform.finish(None)
    assert not any("goes on" in line for line in platform.said)


def test_a_cancel_that_is_not_answered_is_sent_again_and_then_says_how():
    platform = Away(AssertionError(), cancels_lost=3)
    assert end(platform, RUN, say=platform.said.append).state == "cancelled"
    platform = Away(AssertionError(), cancels_lost=9)
    with pytest.raises(UnclearError, match=f"intent2batch runs cancel {NAME}"):
        end(platform, RUN, say=platform.said.append)
    assert len(platform.calls) == 4


def test_ctrl_c_while_the_run_is_asked_for_says_how_to_find_it():
    platform = Interrupted()

    def interrupted(wanted: Wanted) -> Run:
        raise KeyboardInterrupt

    platform.create = interrupted
    wanted = Wanted(run_id="r-1", spec={"pipelineInfo": {"name": "n"}}, parameters={})
    with pytest.raises(KeyboardInterrupt):
        start(platform, wanted, wait=True, **platform.told)
    assert "--run-id r-1" in platform.said[-1]


def test_what_a_person_needs_is_told_at_once():
    platform = Interrupted()
    platform.run = replace(RUN, url="https://console.cloud.google.com/x")
    wanted = Wanted(run_id="r-1", spec={"pipelineInfo": {"name": "n"}}, parameters={})
    code = start(platform, wanted, wait=False, **platform.told)
    assert code == 0
    assert platform.out.getvalue() == f"{NAME}\n"
    told = "\n".join(platform.said)
    for line in (
        "https://console.cloud.google.com/x",
        f"intent2batch runs watch {NAME}",
        f"intent2batch runs cancel {NAME}",
        f"intent2batch results {NAME}",
    ):
        assert line in told


def test_a_failed_run_says_its_sentence_and_where_the_log_is():
    run = replace(
        RUN,
        state="failed",
        reason="The DAG failed because some tasks failed.",
        steps=(
            Step("1", "Read the intent", "succeeded"),
            Step("2", "Check the job", "failed", "The job has 2 errors.", "https://logs"),
        ),
    )
    out, said = io.StringIO(), []
    assert show(run, "", {}, out, said.append) == 1
    assert out.getvalue() == f"failed  {NAME}\n"
    assert said == [
        "The run failed at 'Check the job': The job has 2 errors.",
        "log of 'Check the job': https://logs",
    ]
    assert why(replace(run, steps=())) == (
        "The run failed: The DAG failed because some tasks failed."
    )


def test_a_run_of_another_pipeline_has_no_results():
    with pytest.raises(InputError, match="the pipeline 'theirs', which is none of intent2batch"):
        check_ours(replace(RUN, pipeline="theirs"))


@pytest.mark.usefixtures("emulated")
def test_the_folder_is_found_without_the_step_that_names_it():
    run = replace(RUN, id="found-1", root=f"{BUCKET}/roots")
    assert results_folder(run) == ""
    files.write_text(f"{BUCKET}/roots/found-1/77/gate.json", "{}")
    assert results_folder(run) == f"{BUCKET}/roots/found-1/77"
    elsewhere = replace(run, parameters={"results_uri": f"{BUCKET}/wished/"})
    assert results_folder(elsewhere) == ""
    nightly = replace(run, parameters={"results_uri": f"{BUCKET}/out/{{date}}"})
    assert results_folder(nightly) == ""
    files.write_text(f"{BUCKET}/roots/found-1/77/run_time.json", '{"time": "2026-01-31T03:00Z"}')
    assert results_folder(nightly) == f"{BUCKET}/out/2026-01-31/found-1/77"
    assert results_folder(replace(run, results="/local/folder")) == ""
    assert results_folder(replace(run, results=f"{BUCKET}/named")) == f"{BUCKET}/named"


@pytest.mark.usefixtures("emulated")
def test_only_files_of_the_runs_own_folder_are_fetched(tmp_path: Path):
    folder = f"{BUCKET}/hostile/1"
    named = {
        "good": f"{folder}/tasks.csv",
        "other": f"{BUCKET}/secret.txt",
        "up": f"{folder}/../secret.txt",
        "local": "/etc/passwd",
        "below": f"{folder}/a/b.csv",
        "hidden": f"{folder}/.bashrc",
    }
    for uri in (f"{folder}/tasks.csv", f"{BUCKET}/secret.txt", f"{folder}/.bashrc"):
        files.write_text(uri, "text")
    told = {"run_uri": folder, "outcome": "succeeded", "headline": "x", "files": named}
    files.write_text(f"{folder}/summary.json", json.dumps(told))
    assert fetch(folder, tmp_path / "out") == {named["good"]: tmp_path / "out" / "tasks.csv"}
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["tasks.csv"]


@pytest.mark.usefixtures("emulated")
def test_a_bucket_that_is_not_there():
    check_bucket(f"{BUCKET}/any", "p", "us-central1")
    with pytest.raises(InputError, match=r"no such bucket.*buckets create gs://absent-bucket"):
        check_bucket("gs://absent-bucket/x", "p", "us-central1")


def asked(**more: object) -> Wanted:
    request = Request(pipeline=str(command.GOLDEN / "intent-to-batch.yaml"), text="run it")
    return wanted_run(request, Asked(**more), stand_in=True, root_needed=True)


def test_a_stand_in_needs_no_root_and_no_model(monkeypatch):
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "some")
    monkeypatch.delenv("INTENT2BATCH_ROOT", raising=False)
    wanted = asked()
    assert wanted.root == "gs://some-bucket/runs"
    assert wanted.parameters == {"intent": "run it", "reader": "offline"}
    monkeypatch.setenv("INTENT2BATCH_ROOT", "gs://mine/runs/")
    assert asked().root == "gs://mine/runs"
    assert asked(root="gs://other").root == "gs://other"


def test_the_real_service_needs_a_root_that_is_the_persons_own(monkeypatch, tmp_path: Path):
    monkeypatch.delenv("INTENT2BATCH_ROOT", raising=False)
    path = tmp_path / "spec.yaml"
    path.write_text(
        (command.GOLDEN / "intent-to-batch.yaml").read_text().replace("intent2batch-", "x-")
    )
    request = Request(pipeline=str(path), text="run it")
    for root, says in (("", "No folder is named"), ("runs", "'runs' is no folder in a bucket")):
        with pytest.raises(WrongUse, match=f"{says}.*--root"):
            wanted_run(request, Asked(root=root), stand_in=False, root_needed=True)
    found = wanted_run(request, Asked(root="gs://b/c"), stand_in=False, root_needed=True)
    assert "reader" not in found.parameters
    assert yaml.safe_load(path.read_text()) == found.spec


def test_a_name_is_compiled_for_a_stand_in_only(emulated: Emulator):
    request = Request(pipeline="intent-to-batch", text="run it")
    assert (
        wanted_run(request, Asked(), stand_in=True, root_needed=True).pipeline == request.pipeline
    )
    with pytest.raises(WrongUse, match="no image yet"):
        wanted_run(request, Asked(root="gs://b/c"), stand_in=False, root_needed=True)


@pytest.mark.usefixtures("emulated")
@pytest.mark.parametrize("text", ["{", "[]", '{"files": 3}', '{"rows": 3}', '{"files": {"a": 1}}'])
def test_a_summary_that_cannot_be_read_does_not_change_how_the_run_ended(text: str):
    folder = f"{BUCKET}/broken/1"
    files.write_text(f"{folder}/summary.json", text)
    platform = Interrupted()
    platform.run = replace(RUN, state="succeeded", results=folder)
    assert platform.finish(None) == 0
    assert platform.out.getvalue() == f"succeeded  {NAME}\n"
    assert "cannot be read" in platform.said[-1]


@pytest.mark.usefixtures("emulated")
def test_a_summary_of_another_release_is_read_as_far_as_it_is_known():
    folder = f"{BUCKET}/newer/1"
    told = {"run_uri": folder, "outcome": "succeeded", "headline": "All is well", "mood": "good"}
    files.write_text(f"{folder}/summary.json", json.dumps(told))
    platform = Interrupted()
    platform.run = replace(RUN, state="succeeded", results=folder)
    assert platform.finish(None) == 0
    assert "All is well" in platform.out.getvalue()
