# mypy: disable-error-code="untyped-decorator"
"""The KFP declaration of collecting results."""

from kfp import dsl

from components.worker_image import WORKER_IMAGE


@dsl.component(base_image=WORKER_IMAGE, install_kfp_package=False, packages_to_install=[])
def aggregate_results(
    results_uri: str,
    pipeline_folder: str,
    status: dsl.PipelineTaskFinalStatus,
    report: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    results: dsl.Output[dsl.Artifact],
) -> str:
    """Collect the results and write the report, whatever happened before.

    Writes one row a task (tasks.csv, tasks.xlsx, tasks.jsonl), summary.json and report.html to
    the run's folder. Where there was no job, the report says why: the questions that the intent
    leaves open, the errors in the job, or the reason why the job could not start.

    Args:
        results_uri: Folder for results, or empty for the run's pipeline root.
        pipeline_folder: This run's own folder below the pipeline root.
        status: How the steps before ended; filled in by the platform.

    Returns:
        report: The report as a page.
        metrics: Numbers of tasks by state, tasks tried again, tasks that lost a Spot VM, and
            seconds from the first start to the last end.
        results: The run's folder, with the tables and all that the steps wrote.
        Output: What happened, in one line.
    """
    from components.aggregate_results.step import aggregate_step
    from components.reporting import reported, run_folder

    with reported():
        results.uri = run_folder(results_uri, pipeline_folder)
        summary = aggregate_step(results.uri, status, report.path)
        results.metadata["headline"] = summary.headline
        for name, value in summary.metrics().items():
            metrics.log_metric(name, value)
    return summary.headline
