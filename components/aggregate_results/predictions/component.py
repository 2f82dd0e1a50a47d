# mypy: disable-error-code="untyped-decorator"
"""The KFP declaration of collecting answers."""

from kfp import dsl

from components.worker_image import WORKER_IMAGE


@dsl.component(base_image=WORKER_IMAGE, install_kfp_package=False, packages_to_install=[])
def collect_the_answers(
    results_uri: str,
    pipeline_folder: str,
    status: dsl.PipelineTaskFinalStatus,
    report: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    results: dsl.Output[dsl.Artifact],
    prices_uri: str = "",
    csv_for_excel: bool = False,
) -> str:
    """Bring every row back in its place, with its answer or the reason why not.

    Writes results.jsonl, results.csv, results.xlsx, results_summary.json and report.html to the
    run's folder, whatever happened before. Answers are joined to rows by their keys or by the
    requests that come back with them; one that cannot be proved to be a row's is given to none.

    Args:
        results_uri: Folder for results, or empty for the run's pipeline root.
        pipeline_folder: This run's own folder below the pipeline root.
        status: How the steps before ended; filled in by the platform.
        prices_uri: Price file of your own, or empty for the one that comes with this release.
        csv_for_excel: Begin the CSV with the byte mark by which Excel knows UTF-8.

    Returns:
        report: The report as a page.
        metrics: Rows by status, answers without a row, tokens and cost.
        results: The run's folder, with the tables and all that the steps wrote.
        Output: What happened, in one line.
    """
    from components.aggregate_results.predictions.step import collect_step
    from components.reporting import reported, run_folder

    with reported():
        results.uri = run_folder(results_uri, pipeline_folder)
        summary = collect_step(
            results.uri,
            status,
            report.path,
            prices_uri=prices_uri,
            excel_mark=csv_for_excel,
        )
        results.metadata["headline"] = summary.headline
        for name, value in summary.metrics().items():
            metrics.log_metric(name, value)
    return summary.headline
