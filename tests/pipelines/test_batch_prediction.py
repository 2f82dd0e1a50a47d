"""The pipeline from rows to answers: what its spec means, and how it ends for all kinds of rows."""

from __future__ import annotations

import csv
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.request import Request
from pipelines.running import Outcome, run_here

# Up to date, by test_compile.py. Runs by name compile first: tests/journeys.
COMPILED = Path(__file__).parent.parent / "golden" / "batch-prediction.yaml"
ROWS = Path(__file__).parent.parent.parent / "examples" / "rows"
SHARED = Path(__file__).parent.parent.parent.parent / "shared" / "gemini_jsonl"
# Where the tokens are not what it is about: what calls the service takes 0.2 s to load.
UNCOUNTED = "count_tokens=false"
ANY_MODEL = 'options={"models": {"*": "gemini-3.5-flash"}}'


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    return yaml.safe_load(COMPILED.read_text())


def steps(spec: dict[str, Any]) -> dict[str, Any]:
    tasks = dict(spec["root"]["dag"]["tasks"])
    for component in spec["components"].values():
        tasks |= component.get("dag", {}).get("tasks", {})
    return {
        name: task
        for name, task in tasks.items()
        if "executorLabel" in spec["components"][task["componentRef"]["name"]]
    }


def test_the_console_reads_like_prose(spec):
    assert {task["taskInfo"]["name"] for task in steps(spec).values()} == {
        "Prepare the requests",
        "Ask the models",
        "Collect the answers",
    }


def test_nothing_is_taken_from_a_cache(spec):
    assert not [n for n, task in steps(spec).items() if task["cachingOptions"].get("enableCache")]


def test_the_answers_are_collected_whatever_happens(spec):
    last = spec["root"]["dag"]["tasks"]["collect-the-answers"]
    assert last["triggerPolicy"]["strategy"] == "ALL_UPSTREAM_TASKS_COMPLETED"


def test_only_what_sends_nothing_twice_is_tried_again(spec):
    assert [n for n, task in steps(spec).items() if "retryPolicy" in task] == ["batch-predict"]


def test_every_parameter_is_explained_and_has_a_default(spec):
    for name, told in spec["root"]["inputDefinitions"]["parameters"].items():
        assert told["description"], name
        assert "defaultValue" in told, name


class Ended:
    """A run, and what it left."""

    def __init__(self, folder: Path, *sources: str | Path, interrupt_after: str = "", **asked: Any):
        self.said: list[str] = []
        self.outcome = Outcome(folder)
        self.interrupt_after = interrupt_after
        names = tuple(str(source) for source in sources)
        request = Request(
            str(COMPILED), text=" ".join(names) or None, sources=names, out=folder, **asked
        )
        run_here(request, say=self.say, show=self.show)

    def say(self, line: str) -> None:
        self.said.append(line)
        if self.interrupt_after and self.interrupt_after in line:
            self.interrupt_after = ""
            os.kill(os.getpid(), signal.SIGINT)

    def show(self, outcome: Outcome) -> int:
        self.outcome = outcome
        return 0

    @property
    def summary(self) -> dict[str, Any]:
        return json.loads(Path(self.outcome.run_uri, "results_summary.json").read_text())

    @property
    def rows(self) -> list[dict[str, str]]:
        with Path(self.outcome.run_uri, "results.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "rows", "sent"), [("dishes.jsonl", 4, 3), ("pictures.jsonl", 2, 2)]
)
def test_ready_requests_come_back_with_their_answers(tmp_path, name, rows, sent):
    run = Ended(tmp_path / "run", ROWS / name)
    assert (run.outcome.failed, run.outcome.sentence) == ("", "")
    summary = run.summary
    assert (summary["outcome"], summary["rows"], summary["ok"]) == ("complete", rows, rows)
    assert summary["lines"] == sent  # equal requests are sent once
    assert [row["row"] for row in run.rows] == [str(n) for n in range(1, rows + 1)]
    page = next((tmp_path / "run" / "steps").glob("*/collect-the-answers/report"))
    assert "each with its answer" in page.read_text()
    for file in ("results.jsonl", "results.xlsx", "report.html"):
        assert (tmp_path / "run" / "results" / file).stat().st_size > 100


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("meteatamel_batch_request_text_input.jsonl", 10),
        ("meteatamel_batch_request_multimodal_input.jsonl", 3),
    ],
)
def test_the_files_of_the_tutorial_on_batch_generation(tmp_path, name, rows):
    if not SHARED.is_dir():
        pytest.skip(f"the real rows are not here: {SHARED}")
    run = Ended(tmp_path / "run", SHARED / name)
    assert (run.summary["outcome"], run.summary["ok"]) == ("complete", rows)


def test_answers_become_parts_of_later_prompts(tmp_path):
    run = Ended(tmp_path / "run", ROWS / "capitals.csv", words=(ANY_MODEL, UNCOUNTED))
    assert run.summary["outcome"] == "complete"
    assert any(line.strip().startswith("wave 3,") for line in run.said)
    folder = Path(run.outcome.run_uri, "prepared")
    lines = (folder / "resolved" / "w002.jsonl").read_text().splitlines()
    manifest = [json.loads(line) for line in lines]
    assert [row["wave"] for row in manifest] == [0, 1, 2, 0]
    shard = json.loads((folder / "shards" / manifest[1]["shard"]).read_text())
    asked = shard["request"]["contents"][0]["parts"][0]["text"]
    assert asked == f"How many people live in {run.rows[0]['text']}?"


def test_rows_of_a_service_that_names_other_models(tmp_path):
    run = Ended(tmp_path / "run", ROWS / "capitals.csv", words=(UNCOUNTED,))
    assert run.outcome.failed == "Ask the models"
    assert "3 of 4 rows cannot be sent" in run.outcome.sentence
    assert run.summary["outcome"] == "unsent"
    assert [row["status"] for row in run.rows] == ["invalid", "invalid", "invalid", "missing"]
    assert "Granite 13B V2.1" in run.rows[0]["reason"]
    assert run.rows[3]["reason"].startswith("Not sent: 3 of 4 rows")
    assert not Path(run.outcome.run_uri, "predictions.json").exists()


def test_a_template_over_the_columns(tmp_path):
    source = write(tmp_path / "rows.csv", "word,tongue\nhouse,French\nhouse,Greek\n")
    run = Ended(
        tmp_path / "run",
        source,
        words=(
            "template=Translate {{word}} to {{tongue}}",
            "system_instruction=Be brief.",
            UNCOUNTED,
        ),
    )
    assert run.summary["ok"] == 2
    shard = next(Path(run.outcome.run_uri, "prepared", "shards").iterdir()).read_text()
    assert "Translate house to Greek" in shard
    assert "Be brief." in shard


def test_a_dry_run_sends_nothing_and_tells_the_cost(tmp_path):
    run = Ended(tmp_path / "run", ROWS / "dishes.jsonl", dry_run=True)
    assert run.outcome.failed == ""
    summary = run.summary
    assert (summary["outcome"], summary["lines"], summary["missing"]) == ("dry_run", 0, 4)
    assert summary["estimate"]["cost_batch_usd"] > 0
    assert "nothing was sent" in summary["headline"]
    assert not Path(run.outcome.run_uri, "predictions.json").exists()


def test_rows_that_cost_too_much_are_not_sent(tmp_path):
    run = Ended(tmp_path / "run", ROWS / "dishes.jsonl", words=("max_cost_usd=0.0001",))
    assert run.outcome.failed == "Ask the models"
    assert "the estimate is $0.00" in run.outcome.sentence
    assert run.summary["reason"].startswith("Not sent: the estimate is $0.00")


def test_rows_that_are_none_fail_with_the_reason_and_a_report(tmp_path):
    run = Ended(tmp_path / "run", write(tmp_path / "rows.csv", "a,b\n1,2\n"))
    assert run.outcome.failed == "Prepare the requests"
    assert "No column holds the prompt" in run.outcome.sentence
    assert "No column holds the prompt" in run.summary["reason"]
    assert "No column holds the prompt" in Path(run.outcome.run_uri, "report.html").read_text()


def test_small_rounds_are_asked_at_once(tmp_path):
    run = Ended(tmp_path / "run", ROWS / "dishes.jsonl", words=("online_up_to=10", UNCOUNTED))
    assert run.summary["ok"] == 4
    [job] = json.loads(Path(run.outcome.run_uri, "predictions.json").read_text())["jobs"]
    assert job["how"] == "online"


def test_results_may_go_to_a_bucket(tmp_path):
    words = ("results_uri=gs://local-project-bucket/out",)
    run = Ended(tmp_path / "run", ROWS / "dishes.jsonl", words=words)
    assert run.outcome.failed == ""
    assert run.outcome.run_uri.startswith("gs://local-project-bucket/out/batch-prediction-")


def test_a_run_that_is_interrupted_cancels_its_jobs_and_leaves_a_report(tmp_path):
    run = Ended(
        tmp_path / "run",
        ROWS / "dishes.jsonl",
        interrupt_after="jobs: 1 to be made",
        words=(UNCOUNTED,),
    )
    assert run.outcome.signal == signal.SIGINT
    assert not run.outcome.killed
    assert Path(run.outcome.run_uri, "report.html").exists()
    ledger = json.loads(Path(run.outcome.run_uri, "predictions.json").read_text())
    assert all(job["phase"] == "ended" for job in ledger["jobs"])
