# mypy: disable-error-code="untyped-decorator"
"""The KFP declaration of the step that submits the job."""

from kfp import dsl

from components.worker_image import WORKER_IMAGE


@dsl.component(base_image=WORKER_IMAGE, install_kfp_package=False, packages_to_install=[])
def submit_batch_job(
    job: dsl.Input[dsl.Artifact],
    results_uri: str,
    pipeline_folder: str,
    project: str,
    region: str,
    gcp_resources: dsl.OutputPath(str),  # type: ignore[valid-type]
    link: dsl.Output[dsl.Markdown],
    max_wait_hours: float = 0.0,
    dry_run: bool = False,
    adapt_rounds: int = 0,
    adapt_preemptions: int = 2,
    adapt_time: bool = False,
    max_cost_usd: float = 0.0,
    prices_uri: str = "",
    policy_uri: str = "",
) -> str:
    """Submit the job to Google Cloud Batch and wait for it.

    Cancelling the run cancels the job. A retry of this step finds the job of the first attempt
    and never submits a second one.

    With adapt_rounds, tasks that failed for a reason that a change may mend run again in a job of
    their own: with more memory, on standard VMs, with more time, in another zone or on another
    machine. Each change is told, and the changed job keeps to rules, policy and cost limit.

    Args:
        job: The Batch job, as checked.
        results_uri: Folder for results, or empty for the run's pipeline root.
        pipeline_folder: This run's own folder below the pipeline root.
        project: Project that the job runs in and is billed to.
        region: Region of the job; the one that the job names if empty, else us-central1.
        max_wait_hours: Cancel the job if it has not ended after so many hours; 0 waits on.
        dry_run: Write down the exact request and submit nothing.
        adapt_rounds: How many such further jobs there may be; 0: none.
        adapt_preemptions: After so many preemptions of a task, the next one is on standard VMs.
        adapt_time: Whether tasks that ran out of time may have more of it.
        max_cost_usd: What the job and its further rounds may cost at worst; 0 sets no limit.
        prices_uri: Price file of VMs for that; the shipped one if empty.
        policy_uri: The organisation's policy, which a changed job keeps to; none if empty.

    Returns:
        gcp_resources: The job, for the console and for a retry of this step.
        link: Page with a link to the job and the commands that go with it.
        Output: How the job ended: succeeded or dry_run. Every other end fails the step.
    """
    from components.reporting import reported, run_folder
    from components.submit_batch_job.run_step import submit_run

    run_uri = run_folder(results_uri, pipeline_folder)
    with reported(run_uri=run_uri):
        return submit_run(
            run_uri,
            job_uri=job.path,
            project=project,
            region=region,
            max_wait_hours=max_wait_hours,
            dry_run=dry_run,
            gcp_resources_path=gcp_resources,
            link_path=link.path,
            adapt_rounds=adapt_rounds,
            adapt_preemptions=adapt_preemptions,
            adapt_time=adapt_time,
            max_cost_usd=max_cost_usd,
            prices_uri=prices_uri,
            policy_uri=policy_uri,
        )
