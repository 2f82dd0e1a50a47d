"""The step as pipelines run it: collect, then leave the page where the platform looks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components.aggregate_results.predictions.aggregate import Options, aggregate_predictions
from components.aggregate_results.predictions.summary import PredictionSummary
from components.rows.prices import load_prices
from components.storage import files


def collect_step(
    run_uri: str, status: Any, report_path: str, *, prices_uri: str = "", excel_mark: bool = False
) -> PredictionSummary:
    """Collect the answers of a run and copy the report to the step's output.

    Args:
        run_uri: the run folder.
        status: a dsl.PipelineTaskFinalStatus, or None where the platform gives none.
        report_path: file of the HTML artifact.
        prices_uri: a price file; the one that the package ships if empty.
        excel_mark: begin the CSV with a byte order mark.
    """
    options = Options(price=load_prices(prices_uri).cost, excel_mark=excel_mark)
    state = str(getattr(status, "state", "") or "")
    summary = aggregate_predictions(run_uri, options=options, state=state)
    page = Path(report_path)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_bytes(files.read_bytes(summary.files["report"]))
    return summary
