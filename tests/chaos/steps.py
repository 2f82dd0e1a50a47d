"""The steps of both pipelines as the platform runs them: each attempt a process of its own.

`python steps.py` imports once and forks for each attempt, so that one costs milliseconds. A line of
standard input is one attempt, `{"step": NAME, "folder": PATH, "parameters": {...}, "artifacts":
{...}}`; it is answered by two lines: the process's id, and how it ended, as `os.waitpid` tells it.
The body runs in KFP's own executor, with the executor's own files in the folder, and what it prints
goes to `printed.log` there.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import google.auth.transport.requests
import google.cloud.batch_v1
import google.cloud.storage  # noqa: F401 - loaded once, before the forks
import google_crc32c  # noqa: F401
from kfp.dsl.executor import Executor

from components.aggregate_results import step as aggregate_step
from components.aggregate_results.component import aggregate_results
from components.aggregate_results.predictions import step as collect_step
from components.aggregate_results.predictions.component import collect_the_answers
from components.batch_predict import run_step as predict_step
from components.batch_predict.component import batch_predict
from components.decide_submission import decide
from components.decide_submission.component import decide_submission
from components.parse_intent import step as parse_step
from components.parse_intent.component import read_the_intent
from components.parse_intent.offline import reader
from components.prepare_requests import count
from components.prepare_requests import step as prepare_step
from components.prepare_requests.component import prepare_the_requests
from components.submit_batch_job import run_step as submit_step
from components.submit_batch_job.component import submit_batch_job
from components.tables import csv_writer, xlsx_writer
from components.validate_config import step as check_step
from components.validate_config.component import check_the_job

STEPS = {
    step.component_spec.name: step
    for step in (
        read_the_intent, check_the_job, decide_submission, submit_batch_job, aggregate_results,
        prepare_the_requests, batch_predict, collect_the_answers,
    )
}  # fmt: skip
LOADED = (aggregate_step, check_step, collect_step, count, csv_writer, decide, parse_step,
          predict_step, prepare_step, reader, submit_step, xlsx_writer)  # fmt: skip


def executor_input(
    step: Any, folder: Path, parameters: Mapping[str, Any], artifacts: Mapping[str, str]
) -> dict[str, Any]:
    """What the platform tells the executor.

    Args:
        step: the component.
        folder: where its outputs go.
        parameters: by name.
        artifacts: paths of the input artifacts, by name.
    """
    outputs = step.component_spec.outputs or {}
    made = {n: o for n, o in outputs.items() if o.type.startswith("system.")}
    return {
        "inputs": {
            "parameterValues": dict(parameters),
            "artifacts": {n: _artifact(n, uri, "system.Artifact") for n, uri in artifacts.items()},
        },
        "outputs": {
            "parameters": {n: {"outputFile": str(folder / n)} for n in outputs if n not in made},
            "artifacts": {n: _artifact(n, str(folder / n), o.type) for n, o in made.items()},
            "outputFile": str(folder / "executor_output.json"),
        },
    }


def _artifact(name: str, uri: str, kind: str) -> dict[str, Any]:
    schema = {"schemaTitle": kind.partition("@")[0], "schemaVersion": "0.0.1"}
    return {"artifacts": [{"name": name, "uri": uri, "type": schema, "metadata": {}}]}


def run(told: Mapping[str, Any]) -> int:
    """Run the step in this process; its exit code."""
    step, folder = STEPS[told["step"]], Path(told["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    printed = os.open(folder / "printed.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    given = executor_input(step, folder, told["parameters"], told["artifacts"])
    sys.argv = ["executor", "--executor_input", json.dumps(given)]
    try:
        Executor(given, step).execute()
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        return 70  # a defect: no step may end so
    return 0


def main() -> None:
    """An attempt a line."""
    reader.read(["3 tasks that run `true`"])  # compiles the reader's expressions, once for all
    for line in sys.stdin:
        child = os.fork()
        if not child:
            code = 70
            try:
                code = run(json.loads(line))
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        sys.stdout.write(f"{os.waitpid(child, 0)[1]}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
