"""How a step tells its outcome to the platform that runs it, and where a run keeps its files.

Component bodies run inside KFP's executor, which prints a traceback for every exception. A person
who can mend the cause reads one sentence instead; a defect of ours keeps its traceback.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from components.errors import Intent2BatchError, WorkFailed
from components.run_time import filled as filled  # for the declarations, which import this alone
from components.storage.files import write_json
from components.storage.uris import join
from components.tables.text import visible

# Set by whoever cancels a run on this machine, so that no later step of it begins.
CANCELLED_VARIABLE = "INTENT2BATCH_RUN_CANCELLED"

FAILURE_FILE = "failure.json"

log = logging.getLogger(__name__)


@contextlib.contextmanager
def reported(argv: Sequence[str] | None = None, *, run_uri: str = "") -> Iterator[None]:
    """Run a component's body; end the process with exit code 1 and one sentence on our errors.

    The sentence also goes to `executor_error.json` beside `executor_output.json`: Vertex shows its
    `errorMessage` in the console (TaskError, as google_cloud_pipeline_components writes it). And,
    because the exit task hears only that some step failed, to `failure.json` in the run's folder.

    Args:
        argv: the executor's command line; the process's own if None.
        run_uri: the run's folder; nothing is left there if it is empty.
    """
    place = error_file(sys.argv if argv is None else argv)
    if place is not None:
        # A retry runs in the folder of the attempt that failed.
        with contextlib.suppress(OSError):
            place.unlink(missing_ok=True)
    try:
        if os.environ.get(CANCELLED_VARIABLE):
            raise WorkFailed("The run was cancelled before this step began")
        yield
    except Intent2BatchError as error:
        _tell(str(error), place)
        if run_uri:
            _leave(str(error), run_uri)
        sys.exit(1)


def error_file(argv: Sequence[str]) -> Path | None:
    """Where the platform looks for a step's error, or None outside of KFP's executor."""
    for flag, value in itertools.pairwise(argv):
        if flag == "--executor_input":
            try:
                return Path(json.loads(value)["outputs"]["outputFile"]).with_name(
                    "executor_error.json"
                )
            except (ValueError, KeyError, TypeError):
                return None
    return None


def run_folder(results_uri: str, pipeline_folder: str) -> str:
    """The run folder of a pipeline run: below `results_uri` if that is given.

    Args:
        results_uri: where the person wants results (local or gs://); may be empty, and may hold
            `{date}` and the like, see `components/run_time.py`.
        pipeline_folder: `<pipeline root>/<job name>/<job id>`. The job id is part of it because
            on Kubeflow the job name is a display name that several runs may share.
    """
    if not results_uri.strip():
        return pipeline_folder
    place = filled(results_uri.strip(), pipeline_folder)
    return "/".join([place.rstrip("/"), *pipeline_folder.split("/")[-2:]])


def _leave(sentence: str, run_uri: str) -> None:
    """For the step that reports; a run folder that cannot be written is told there anyway."""
    try:
        write_json(join(run_uri, FAILURE_FILE), {"message": sentence})
    except Intent2BatchError as error:
        log.warning("The error could not be left in the run's folder: %s", error)


def _tell(sentence: str, place: Path | None) -> None:
    if place is not None:
        # Before the sentence is said: who reads it aloud then knows whose it is.
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(json.dumps({"errorMessage": sentence}), encoding="utf-8")
        except OSError as error:
            log.warning("The error could not be left at %s: %s", place, error)
    sys.stderr.write(visible(sentence) + "\n")
    sys.stderr.flush()
