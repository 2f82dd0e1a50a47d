# mypy: disable-error-code="untyped-decorator"
"""The KFP declaration of the gate."""

from kfp import dsl

from components.worker_image import WORKER_IMAGE


@dsl.component(base_image=WORKER_IMAGE, install_kfp_package=False, packages_to_install=[])
def decide_submission(results_uri: str, pipeline_folder: str, dry_run: bool) -> bool:
    """Decide whether the job is submitted.

    The step fails, and with it the run, if the intent left questions open, if no job could be
    made of it, or if the job has errors; its error says which.

    Args:
        results_uri: Folder for results, or empty for the run's pipeline root.
        pipeline_folder: This run's own folder below the pipeline root.
        dry_run: Whether the request is only shown.

    Returns:
        Whether the job is submitted; false in a dry run.
    """
    from components.decide_submission.decide import decide_run
    from components.reporting import reported, run_folder

    with reported():
        decision = decide_run(run_folder(results_uri, pipeline_folder), dry_run=dry_run)
    return decision.go
