"""Runs a compiled pipeline on this machine, from its parameters to its report."""

from __future__ import annotations

import datetime
import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from components.errors import WorkFailed
from components.reporting import run_folder
from pipelines.local_process import Cancellation, Driver, cancellable
from pipelines.local_progress import Display, exit_steps, titles
from pipelines.local_request import (
    Settled,
    choose_folder,
    local_spec,
    make_folder,
    settle,
)
from pipelines.local_services import check_uploads, services, stand_in_project, upload
from pipelines.request import Request, reread_spec


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Args:
        folder: the run's folder on this machine; run.log in it holds all that was written.
        run_uri: where the steps left their files; empty if none began.
        failed: the title of the step that failed, or empty.
        sentence: what that step said; empty if it said nothing to people.
        signal: the signal that cancelled the run, or 0.
        killed: whether it had to be killed, so that its job may be left.
        step_seconds: how long each step took, by kfp.local's name for it.
    """

    folder: Path
    run_uri: str = ""
    failed: str = ""
    sentence: str = ""
    signal: int = 0
    killed: bool = False
    step_seconds: dict[str, float] = field(default_factory=dict)


def run_here(
    request: Request, *, say: Callable[[str], None], show: Callable[[Outcome], int]
) -> int:
    """Run a pipeline on this machine and wait for its end.

    Args:
        request: what to run.
        say: shows one line of progress.
        show: shows what the run came to, while its stand-ins still answer; its value is returned.

    Raises:
        WrongUse: the request is wrong; nothing was run.
        InputError: a file that the request names cannot be read.
        WorkFailed: the runner broke outside of any step.
    """
    uploads = check_uploads(request.uploads)
    folder = choose_folder(request, datetime.datetime.now().astimezone())
    text = local_spec(request.pipeline)
    with Driver() as driver:
        driver.send(pipeline=request.pipeline, spec=text, token=driver.token)
        project = stand_in_project()
        lines = driver.lines()
        text = _await_spec(driver, lines)
        spec = reread_spec(text)
        settled = settle(request, spec, folder, project)
        make_folder(folder, settled)
        (folder / "pipeline.yaml").write_text(text, encoding="utf-8")
        with (
            services(folder / "services") as environment,
            (folder / "run.log").open("w", encoding="utf-8") as log,
            cancellable(driver, say) as cancellation,
        ):
            upload(uploads)
            display = Display(
                driver.token,
                say=say,
                log=log,
                clock=time.monotonic,
                sentence_of=partial(_sentence, folder / "steps"),
                cancelled=lambda: bool(cancellation.signal),
            )
            display.titles = titles(spec)
            if not cancellation.signal:
                driver.send(
                    parameters=settled.parameters,
                    pipeline_root=str(folder / "steps"),
                    exit_steps=exit_steps(spec),
                    environment={**environment, "TMPDIR": str(folder / "tmp")},
                )
            for line in lines:
                display.feed(line)
            code = driver.end()
            shutil.rmtree(folder / "tmp", ignore_errors=True)
            outcome = _outcome(folder, settled, display, cancellation, code)
            _shorten(folder, outcome.run_uri)
            return show(outcome)


def _await_spec(driver: Driver, lines: Iterator[str]) -> str:
    """The compiled pipeline, once the driver has it."""
    noise = []
    for line in lines:
        if line.startswith(driver.token):
            return str(json.loads(line[len(driver.token) :])["spec"])
        noise.append(line)
    raise WorkFailed("The pipeline could not be compiled:\n" + "".join(noise).strip())


def _outcome(
    folder: Path, settled: Settled, display: Display, cancellation: Cancellation, code: int
) -> Outcome:
    if code and not display.failed and not cancellation.signal:
        raise WorkFailed("The runner broke outside of any step", where=str(folder / "run.log"))
    failed = display.failed[0] if display.failed else ""
    run_uri = ""
    if display.pipeline_folder:
        results = str(settled.parameters.get("results_uri", ""))
        run_uri = run_folder(results, display.pipeline_folder)
    return Outcome(
        folder=folder,
        run_uri=run_uri,
        failed=display.title(failed) if failed else "",
        sentence=_sentence(folder / "steps", failed) if failed else "",
        signal=cancellation.signal,
        killed=cancellation.killed,
        step_seconds=dict(display.step_seconds),
    )


def _sentence(pipeline_root: Path, step: str) -> str:
    """What a failed step left for people, see components/reporting.py."""
    for path in pipeline_root.glob(f"*/{step}/executor_error.json"):
        return str(json.loads(path.read_text(encoding="utf-8"))["errorMessage"])
    return ""


def _shorten(folder: Path, run_uri: str) -> None:
    """A link `results` in the run's folder to what the steps left there."""
    if Path(run_uri).is_relative_to(folder) and Path(run_uri).is_dir():
        (folder / "results").symlink_to(Path(run_uri).relative_to(folder))
