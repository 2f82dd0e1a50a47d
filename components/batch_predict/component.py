# mypy: disable-error-code="untyped-decorator"
"""The KFP declaration of the step that asks the model."""

from kfp import dsl

from components.worker_image import WORKER_IMAGE


@dsl.component(base_image=WORKER_IMAGE, install_kfp_package=False, packages_to_install=[])
def batch_predict(
    results_uri: str,
    pipeline_folder: str,
    project: str,
    location: str,
    gcp_resources: dsl.OutputPath(str),  # type: ignore[valid-type]
    jobs: dsl.Output[dsl.Markdown],
    staging_uri: str = "",
    prices_uri: str = "",
    attempts: int = 3,
    max_cost_usd: float = 0.0,
    max_failed_ratio: float = 0.1,
    online_up_to: int = 0,
    deadline_hours: float = 96.0,
    answers_table: str = "",
) -> str:
    """Send the prepared requests to Gemini as batch prediction jobs and wait for the answers.

    Requests without an answer are sent again where that can help. Cancelling the run cancels its
    jobs. A retry of this step finds the jobs of the first attempt. The step fails if the rows may
    not be sent (their cost, or too many mistakes), or if too many are left without an answer.

    Args:
        results_uri: Folder for results, or empty for the run's pipeline root.
        pipeline_folder: This run's own folder below the pipeline root.
        project: Project that the jobs run in and are billed to.
        location: Where the models are asked: global, us, eu or a region.
        staging_uri: Folder in Cloud Storage for the jobs' files, if the run folder is local.
        prices_uri: Price file of your own, or empty for the one that comes with this release.
        attempts: How often a request may be sent.
        max_cost_usd: Send nothing again, and no later wave, above this cost; 0 is any cost.
        max_failed_ratio: Fail if more than this part of the rows is left without a whole answer.
        online_up_to: Ask rounds of at most so many requests one by one, at once and at twice the
            price; 0 is never.
        deadline_hours: Cancel what has not ended after so many hours.
        answers_table: The bq:// table for the answers to a bq:// table; a new one beside it if
            empty.

    Returns:
        gcp_resources: The jobs, for the console.
        jobs: Page of the jobs: what was sent, how it stands, with links.
        Output: "succeeded" if every request has an answer, "partial" if some have, else "none".
    """
    from components.batch_predict.predict import Settings
    from components.batch_predict.run_step import predict_run
    from components.reporting import reported, run_folder

    with reported():
        run_uri = run_folder(results_uri, pipeline_folder)
    with reported(run_uri=run_uri):
        return predict_run(
            run_uri,
            project=project,
            location=location,
            staging_uri=staging_uri,
            prices_uri=prices_uri,
            settings=Settings(
                deadline_s=deadline_hours * 3600.0,
                attempts=attempts,
                max_cost_usd=max_cost_usd,
                online_up_to=online_up_to,
                answers_table=answers_table,
            ),
            max_failed_ratio=max_failed_ratio,
            gcp_resources_path=gcp_resources,
            page_path=jobs.path,
        ).outcome
