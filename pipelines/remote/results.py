"""Fetches what a run came to: its tables and its report, or why there are none."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from components.errors import InputError
from components.reporting import run_folder
from components.run_time import FILE as RUN_TIME
from components.run_time import has_placeholder
from components.storage import files
from components.storage.uris import is_gcs, join, name_of
from components.tables.text import one_line
from pipelines.compiling import PIPELINES
from pipelines.remote.run import CANCELLED, FAILED, Run
from pipelines.run_results import print_results, read_summary

FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,100}")
CHUNK_BYTES = 8 * 1024 * 1024


def check_ours(run: Run) -> None:
    """Refuse a run of a pipeline that leaves no results as ours do.

    Raises:
        InputError: it is one.
    """
    if run.pipeline not in PIPELINES:
        raise InputError(
            f"This is a run of the pipeline '{run.pipeline or 'without a name'}', which is none of "
            "intent2batch",
            where=run.name,
            fix=f"Results are kept by runs of {' and '.join(PIPELINES)}.",
        )


def results_folder(run: Run) -> str:
    """The folder of the run's own files; empty if it cannot be read from here, or there is none.

    The step that collects the results names it in an artifact. Where that step did not come so
    far, the folder is found by its name: below `results_uri` or the pipeline root, the run's id.
    """
    if run.results:
        return run.results if is_gcs(run.results) else ""
    wished = str(run.parameters.get("results_uri") or "").strip()
    if not has_placeholder(wished):
        return _folder(wished or run.root, run)
    own = _folder(run.root, run)  # which holds the moment that the run's dates mean
    return run_folder(wished, own) if own and files.exists(join(own, RUN_TIME)) else ""


def _folder(base: str, run: Run) -> str:
    return next(files.folders(join(base, run.id)), "") if is_gcs(base) else ""


def fetch(folder: str, target: Path) -> dict[str, Path]:
    """Copy the tables and the report of a run to this machine.

    Args:
        folder: the run's folder.
        target: a folder on this machine; made where it is not there.

    Returns:
        The URI of each file -> where it is now.

    Raises:
        InputError: a file is gone, or cannot be written.
    """
    told = read_summary(folder) or {}
    fetched = {}
    for uri in dict.fromkeys(told.get("files", {}).values()):
        name = name_of(str(uri))
        # The summary lies in a bucket that others may write to: nothing but this folder is read.
        if uri != join(folder, name) or not FILE_NAME.fullmatch(name):
            continue
        path = target / name
        with files.open_read(uri) as source, files.open_write(str(path)) as out:
            while chunk := source.read(CHUNK_BYTES):
                out.write(chunk)
        fetched[str(uri)] = path
    return fetched


def show(
    run: Run, folder: str, fetched: dict[str, Path], out: TextIO, say: Callable[[str], None]
) -> int:
    """Print what a run came to; returns the exit code: 0 if it succeeded, or goes on.

    Args:
        run: how it stands.
        folder: the run's folder, or empty.
        fetched: what `fetch` copied.
        out: where the table goes.
        say: shows one line beside it.
    """
    if folder:
        print_results(folder, out, shown=lambda uri: str(fetched.get(uri, uri)))
    out.write(one_line(f"{run.state}  {run.name}") + "\n")
    if run.state in (FAILED, CANCELLED):
        say(why(run))
    for step in run.failed_steps:
        if step.logs:
            say(f"log of '{step.title}': {step.logs}")
    if run.url:
        say(f"console: {run.url}")
    return exit_code(run)


def exit_code(run: Run) -> int:
    """0 if a run succeeded, or goes on; 1 if it failed or was cancelled."""
    return 1 if run.state in (FAILED, CANCELLED) else 0


def no_files(run: Run, folder: str) -> str:
    """Why a run has no files to fetch."""
    if not run.has_ended:
        return "the run goes on; its files come at its end"
    if folder:
        return f"the run left no tables in {folder}"
    return "the run left no folder that can be read from here; give results_uri a gs:// folder"


def why(run: Run) -> str:
    """Why a run failed, in one sentence of the step that failed if it left one."""
    for step in run.failed_steps:
        if step.reason:
            return f"The run failed at '{step.title}': {step.reason}"
    if run.failed_steps:
        return f"The run failed at '{run.failed_steps[0].title}'"
    what = "The run was cancelled" if run.state == CANCELLED else "The run failed"
    return f"{what}: {run.reason}" if run.reason else what


def as_json(run: Run, folder: str, fetched: dict[str, Path]) -> dict[str, Any]:
    """A run and its results for programs."""
    return {
        **run_json(run),
        "results": folder,
        "summary": (read_summary(folder) if folder else None),
        "files": {name_of(uri): str(path) for uri, path in fetched.items()},
    }


def run_json(run: Run, *, steps: bool = True) -> dict[str, Any]:
    """A run for programs.

    Args:
        run: the run.
        steps: whether its steps are known; a list leaves them out.
    """
    told: dict[str, Any] = {
        "name": run.name,
        "pipeline": run.pipeline,
        "state": run.state,
        "created": run.created.isoformat() if run.created else None,
        "ended": run.ended.isoformat() if run.ended else None,
        "console": run.url,
        "reason": why(run) if run.state in (FAILED, CANCELLED) else "",
    }
    if steps:
        told["steps"] = [
            {"title": s.title, "state": s.state, "reason": s.reason, "logs": s.logs}
            for s in run.steps
        ]
    return told
