# mypy: disable-error-code="untyped-decorator"
"""The KFP declaration of the gate."""

from kfp import dsl

from components.worker_image import WORKER_IMAGE


@dsl.component(base_image=WORKER_IMAGE, install_kfp_package=False, packages_to_install=[])
def decide_submission(
    results_uri: str,
    pipeline_folder: str,
    dry_run: bool,
    decision: dsl.Output[dsl.Markdown],
    region: str = "",
    max_cost_usd: float = 0.0,
    prices_uri: str = "",
) -> bool:
    """Decide whether the job is submitted.

    The step fails, and with it the run, if the intent left questions open, if no job could be
    made of it, if the job has errors, or if it may cost more than is allowed; its error says which.
    Writes gate.json to the run's folder, with the forecast of time and cost.

    Args:
        results_uri: Folder for results, or empty for the run's pipeline root.
        pipeline_folder: This run's own folder below the pipeline root.
        dry_run: Whether the request is only shown.
        region: Region of the job; the one that the job names if empty, else us-central1.
        max_cost_usd: Most that the job may cost at worst, in USD; 0 sets no limit.
        prices_uri: Price file of VMs (gs:// or local); empty for the shipped one.

    Returns:
        decision: What was decided and why, and the forecast of time and cost, as a page.
        Output: Whether the job is submitted; false in a dry run.
    """
    from components.decide_submission.decide import decide_run
    from components.reporting import reported, run_folder

    run_uri = run_folder(results_uri, pipeline_folder)
    with reported(run_uri=run_uri):
        decided = decide_run(
            run_uri,
            dry_run=dry_run,
            region=region,
            max_cost_usd=max_cost_usd,
            prices_uri=prices_uri,
            page_path=decision.path,
        )
    return decided.go
