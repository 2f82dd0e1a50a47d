"""The pipeline itself: what its spec means, and how it ends for every kind of intent."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.worker_image import WORKER_IMAGE
from pipelines.request import Request
from pipelines.running import Outcome, run_here

ROOT = Path(__file__).parent.parent.parent
HELLO = (ROOT / "examples" / "hello.txt").read_text()
CO2 = (ROOT / "examples" / "co2.txt").read_text()
# Up to date, by tests/pipelines/test_compile.py. Runs by name compile first: tests/journeys.
COMPILED = ROOT / "tests" / "golden" / "intent-to-batch.yaml"
READINGS = ROOT / "examples" / "data" / "mauna-loa-co2.csv"


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    return yaml.safe_load(COMPILED.read_text())


def tasks(spec: dict[str, Any]) -> dict[str, Any]:
    found = dict(spec["root"]["dag"]["tasks"])
    for component in spec["components"].values():
        found |= component.get("dag", {}).get("tasks", {})
    return found


def steps(spec: dict[str, Any]) -> dict[str, Any]:
    return {
        name: task
        for name, task in tasks(spec).items()
        if "executorLabel" in spec["components"][task["componentRef"]["name"]]
    }


def test_nothing_is_taken_from_a_cache(spec):
    assert not [n for n, task in steps(spec).items() if task["cachingOptions"].get("enableCache")]


def test_the_console_reads_like_prose(spec):
    assert {task["taskInfo"]["name"] for task in steps(spec).values()} == {
        "Collect the results",
        "Submit the job and watch it",
        "Show the request",
        "Read the intent",
        "Check the job",
        "Decide whether to submit",
    }


def test_the_report_is_written_whatever_happens(spec):
    report = spec["root"]["dag"]["tasks"]["aggregate-results"]
    assert report["triggerPolicy"]["strategy"] == "ALL_UPSTREAM_TASKS_COMPLETED"
    assert set(spec["root"]["dag"]["tasks"]) == {"aggregate-results", "exit-handler-1"}


def test_only_what_cannot_be_submitted_twice_is_tried_again(spec):
    assert [n for n, task in tasks(spec).items() if "retryPolicy" in task] == ["submit-batch-job"]


def test_every_step_runs_in_the_worker_image_and_takes_nothing_from_this_machine(spec):
    containers = [e["container"] for e in spec["deploymentSpec"]["executors"].values()]
    assert {container["image"] for container in containers} == {WORKER_IMAGE}
    assert not [container for container in containers if container.get("env")]
    assert str(ROOT) not in yaml.safe_dump(spec)


class Ended:
    """A run, and what it left."""

    def __init__(self, folder: Path, text: str, **asked: Any) -> None:
        self.said: list[str] = []
        self.outcome = Outcome(folder)
        self.interrupt_after = asked.pop("interrupt_after", "")
        run_here(
            Request(str(COMPILED), text=text, out=folder, **asked),
            say=self.say,
            show=self.show,
        )

    def say(self, line: str) -> None:
        self.said.append(line)
        if self.interrupt_after and self.interrupt_after in line:
            self.interrupt_after = ""
            os.kill(os.getpid(), signal.SIGINT)

    def show(self, outcome: Outcome) -> int:
        self.outcome = outcome
        return 0

    def read(self, name: str) -> Any:
        return json.loads(Path(self.outcome.run_uri, name).read_text())


def test_hello_runs_to_its_end(tmp_path):
    run = Ended(tmp_path / "run", HELLO)
    assert (run.outcome.failed, run.outcome.sentence) == ("", "")
    summary = run.read("summary.json")
    assert (summary["outcome"], summary["succeeded"]) == ("succeeded", 5)
    assert "<html" in Path(summary["files"]["report"]).read_text()
    rows = Path(run.outcome.run_uri, "tasks.jsonl").read_text().splitlines()
    assert len(rows) == 5
    assert "This is task 4" in rows[4]
    assert any("RUNNING -> SUCCEEDED" in line for line in run.said)
    page = next((tmp_path / "run" / "steps").glob("*/aggregate-results/report"))
    assert "<html" in page.read_text()


def test_the_readings_are_worked_out_and_checked(tmp_path):
    upload = f"{READINGS}=gs://climate-readings/mauna-loa-co2.csv"
    run = Ended(tmp_path / "run", CO2, uploads=(upload,))
    assert run.read("summary.json")["succeeded"] == 44
    rows = Path(run.outcome.run_uri, "tasks.jsonl").read_text()
    assert "checked: 2225 of 2225 readings, sum 756816.5 of 756816.5" in rows


def test_a_wrong_result_fails_its_task(tmp_path):
    spoilt = CO2.replace("sum += $2\n    if", "sum += $2 + 0.1\n    if").replace("10000", "10")
    assert spoilt != CO2
    upload = f"{READINGS}=gs://climate-readings/mauna-loa-co2.csv"
    run = Ended(tmp_path / "run", spoilt, uploads=(upload,))
    assert run.outcome.failed == "Submit the job and watch it"
    assert run.read("summary.json")["failed"] >= 1


def test_a_dry_run_shows_the_request_and_sends_nothing(tmp_path):
    run = Ended(tmp_path / "run", HELLO, dry_run=True)
    assert run.outcome.failed == ""
    assert any(line.startswith("Show the request") for line in run.said)
    submission = run.read("submission.json")
    assert submission["outcome"] == "dry_run"
    assert submission["request"]["job"]["taskGroups"][0]["taskCount"] == 5
    assert run.read("summary.json")["outcome"] == "dry_run"


@pytest.mark.parametrize(
    ("text", "outcome", "says"),
    [
        ("run something for me", "clarify", "no job was submitted"),
        (
            "What will the weather be tomorrow?",
            None,
            "No Batch job can be made|no job was submitted",
        ),
        ("3 tasks that run `true`, boot disk 2 GB", "findings", "was not submitted"),
    ],
)
def test_what_cannot_run_fails_with_the_reason_and_a_report(tmp_path, text, outcome, says):
    run = Ended(tmp_path / "run", text)
    assert run.outcome.failed == "Decide whether to submit"
    assert any(part in run.outcome.sentence for part in says.split("|"))
    assert run.read("gate.json")["go"] is False
    summary = run.read("summary.json")
    assert outcome in (None, summary["outcome"])
    assert Path(summary["files"]["report"]).exists()
    assert not Path(run.outcome.run_uri, "submission.json").exists()


def test_a_job_that_the_policy_forbids_ends_at_the_gate(tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text("max_tasks: 4\nregions: [us-central1]\n")

    run = Ended(tmp_path / "run", HELLO, words=(f"policy_uri={policy}",))

    assert run.outcome.failed == "Decide whether to submit"
    assert "policy does not allow the job" in run.outcome.sentence
    assert [f["rule"] for f in run.read("findings.json") if f["severity"] == "error"] == [
        "POLICY_TASKS"
    ]
    assert not Path(run.outcome.run_uri, "submission.json").exists()


def test_a_job_over_its_budget_is_not_submitted_and_has_a_report(tmp_path):
    text = "2 tasks that run `true`, 8 vCPU and 30 GB each, at most 2 hours"
    run = Ended(tmp_path / "run", text, words=("max_cost_usd=0.5",))
    assert run.outcome.failed == "Decide whether to submit"
    assert "The job was not submitted. The job may cost $1.12 at worst" in run.outcome.sentence
    assert not Path(run.outcome.run_uri, "submission.json").exists()
    summary = run.read("summary.json")
    assert summary["outcome"] == "stopped"
    assert "more than the $0.5000 allowed" in summary["reason"]
    page = Path(summary["files"]["report"]).read_text()
    assert "on 2 VMs of e2-standard-8; at most $1.12 in 2 h 03 min" in page


def test_prices_of_the_run_choose_the_machine(tmp_path):
    prices = tmp_path / "mine.csv"
    prices.write_text(
        "what,name,region,on_demand,spot\nvcpu,c3,us-central1,1,\ngib,c3,us-central1,1,\n"
    )
    text = "1 task that runs `true`, 8 vCPU and 30 GB"
    run = Ended(tmp_path / "run", text, words=(f"prices_uri={prices}",), dry_run=True)
    policy = run.read("job.json")["allocationPolicy"]["instances"][0]["policy"]
    assert policy["machineType"] == "c3-standard-8"
    told = run.read("gate.json")["forecast"]
    assert told["expected_usd"] is None
    assert "boot disk" in told["unknown"][0]


def test_a_task_that_lacked_memory_runs_again_with_more(tmp_path):
    mark = tmp_path / "mark"
    command = f"[ $BATCH_TASK_INDEX = 0 ] || [ -e {mark} ] || {{ touch {mark}; exit 137; }}"
    run = Ended(tmp_path / "run", f"2 tasks that run `{command}`", words=("adapt_rounds=1",))
    assert (run.outcome.failed, run.outcome.sentence) == ("", "")
    summary = run.read("summary.json")
    assert (summary["outcome"], summary["succeeded"]) == ("succeeded", 2)
    assert summary["rounds"][0]["tasks"] == "1"
    assert any("memoryMib" in line for line in summary["rounds"][0]["why"])
    assert "Run again" in Path(summary["files"]["report"]).read_text()


def test_a_failed_job_fails_the_run_with_its_table(tmp_path):
    run = Ended(tmp_path / "run", "2 tasks that run `exit 3`")
    assert run.outcome.failed == "Submit the job and watch it"
    assert "exit code 3" in run.outcome.sentence
    assert run.read("summary.json")["failures"][0]["code"] == 3


@pytest.mark.parametrize("text", ["x" * 100_000, "nul \x00 byte"])
def test_an_intent_that_is_none_fails_in_one_sentence(tmp_path, text):
    run = Ended(tmp_path / "run", text)
    assert run.outcome.failed == "Read the intent"
    assert run.outcome.sentence
    assert "Traceback" not in run.outcome.sentence
    summary = run.read("summary.json")
    assert summary["outcome"] == "broken"
    assert summary["reason"] == run.read("failure.json")["message"]


def test_words_that_kfp_would_change_reach_the_job_unchanged(tmp_path):
    text = "2 tasks that run `python3 -c 'print(\"{{$.x}}\")'`"
    run = Ended(tmp_path / "run", text, dry_run=True)
    assert run.outcome.failed == ""
    job = run.read("job.json")
    script = job["taskGroups"][0]["taskSpec"]["runnables"][0]["script"]["text"]
    assert "python3 -c 'print(\"{{$.x}}\")'" in script


def test_results_may_go_to_a_bucket(tmp_path):
    run = Ended(tmp_path / "run", HELLO, words=("results_uri=gs://local-project-bucket/out",))
    assert run.outcome.failed == ""
    assert run.outcome.run_uri.startswith("gs://local-project-bucket/out/intent-to-batch-")


@pytest.mark.parametrize(
    "moment",
    ["Read the intent", "Check the job", "Decide whether to submit", "(QUEUED)", "-> RUNNING"],
)
def test_a_run_interrupted_in_any_step_leaves_a_report_and_nothing_that_runs(tmp_path, moment):
    folder = tmp_path / "run"
    run = Ended(folder, "3 tasks that run `sleep 1000`", interrupt_after=moment)
    assert run.outcome.signal == signal.SIGINT
    assert not run.outcome.killed
    assert Path(run.read("summary.json")["files"]["report"]).exists()
    submission = Path(run.outcome.run_uri, "submission.json")
    if submission.exists():
        assert run.read("submission.json")["outcome"] == "cancelled"
    assert processes_of(folder) == []


def processes_of(folder: Path) -> list[str]:
    """Command lines of processes that carry the run's folder in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found
