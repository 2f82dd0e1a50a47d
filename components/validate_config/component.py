# mypy: disable-error-code="untyped-decorator"
"""The KFP declaration of checking the job."""

from kfp import dsl

from components.worker_image import WORKER_IMAGE


@dsl.component(base_image=WORKER_IMAGE, install_kfp_package=False, packages_to_install=[])
def check_the_job(
    job: dsl.Input[dsl.Artifact],
    results_uri: str,
    pipeline_folder: str,
    findings: dsl.Output[dsl.Markdown],
    checked_job: dsl.Output[dsl.Artifact],
    region: str = "",
    strict: bool = False,
    policy_uri: str = "",
    prices_uri: str = "",
) -> int:
    """Check the job against the rules of Batch, and a policy, before anything is paid for.

    Mends what is safe to mend, such as units and spelling, and says so. Writes findings.json to
    the run's folder, and job.json where something was mended.

    Args:
        job: The Batch job as JSON.
        results_uri: Folder for results, or empty for the run's pipeline root.
        pipeline_folder: This run's own folder below the pipeline root.
        region: Region that the job is to be submitted to; the one that the job names if empty.
        strict: Whether warnings stop the run as errors do.
        policy_uri: The organisation's policy file (gs://bucket/policy.yaml); none if empty.
        prices_uri: Price file of VMs that a policy's limit on cost is reckoned with; the shipped
            one if empty.

    Returns:
        findings: What is wrong with the job, as a page.
        checked_job: The job after mending, as JSON.
        Output: The number of errors.
    """
    from components.reporting import reported, run_folder
    from components.validate_config.step import as_markdown, check_step

    run_uri = run_folder(results_uri, pipeline_folder)
    with reported(run_uri=run_uri):
        checked = check_step(
            job.path,
            run_uri,
            region=region,
            strict=strict,
            policy_uri=policy_uri,
            prices_uri=prices_uri,
        )
        with open(findings.path, "w", encoding="utf-8") as page:
            page.write(as_markdown(checked))
        with open(checked_job.path, "w", encoding="utf-8") as file:
            file.write(checked.job_text)
    return checked.errors
