"""The step as pipelines run it: collect, then leave the page where the platform looks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components.aggregate_results.summary import Summary
from components.aggregate_results.tasks import aggregate
from components.storage import files


def aggregate_step(run_uri: str, status: Any, report_path: str) -> Summary:
    """Collect the results of a run and copy the report to the step's output.

    Args:
        run_uri: the run folder.
        status: a dsl.PipelineTaskFinalStatus, or None where the platform gives none.
        report_path: file of the HTML artifact.
    """
    summary = aggregate(
        run_uri,
        pipeline_state=str(getattr(status, "state", "") or ""),
        pipeline_error=str(getattr(status, "error_message", "") or ""),
    )
    page = Path(report_path)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_bytes(files.read_bytes(summary.files["report"]))
    return summary
