"""The step of a pipeline run: the job of the run folder, submitted and waited for."""

from __future__ import annotations

import json
from typing import Any

from components.batch.client import is_local
from components.batch.locations import job_region
from components.batch.names import job_names
from components.errors import InputError, WorkFailed
from components.project import project_here
from components.storage.files import read_text
from components.storage.uris import join
from components.submit_batch_job.outcome import check_outcome
from components.submit_batch_job.outputs import (
    read_gcp_resources,
    write_gcp_resources,
    write_link,
)
from components.submit_batch_job.submit import Waiting, submit_and_watch
from components.supervision.ledger import Ledger


def submit_run(
    run_uri: str,
    *,
    job_uri: str,
    project: str,
    region: str,
    max_wait_hours: float,
    dry_run: bool,
    gcp_resources_path: str,
    link_path: str,
) -> str:
    """Submit the job of a run and follow it to its end; the outputs are written on the way.

    Args:
        run_uri: the run folder; its last two parts tell the run from others.
        job_uri: the job, JSON.
        project: the id of the project; the one that this process runs in if empty.
        region: the region of the job; the one that the job names if empty.
        max_wait_hours: how long the job may take before it is cancelled; 0: any time.
        dry_run: write the request down and call nothing.
        gcp_resources_path: where the platform and a later attempt of the step look for the job.
        link_path: where the page with the link goes.

    Returns:
        The outcome: `succeeded` or `dry_run`; every other one is raised.

    Raises:
        WorkFailed: the job ended without success.
        ServiceError: the job could not be made or followed.
        InputError: the job cannot be read, or is not the one that an earlier attempt submitted.
    """
    job = read_job(job_uri)
    run = run_identity(run_uri)
    project = project or project_here()
    region = job_region(job, region)
    earlier = read_gcp_resources(gcp_resources_path)
    expected = job_names(job, project=project, region=region, run=run).name
    # The service may answer with the project's id where its number was given.
    if earlier and earlier.split("/")[2:] != expected.split("/")[2:]:
        raise InputError(
            f"An earlier attempt of this step submitted {earlier}, this one would submit "
            f"{expected}",
            fix="Start a new run for a job of other content, or in another project or region.",
        )

    def on_change(ledger: Ledger) -> None:
        if ledger.job_name:
            write_gcp_resources(gcp_resources_path, ledger.job_name)
        write_link(link_path, ledger, local=is_local())

    ledger = submit_and_watch(
        job,
        project=project,
        region=region,
        run=run,
        ledger_uri=join(run_uri, "submission.json"),
        dry_run=dry_run,
        made_before=bool(earlier),
        waiting=Waiting(
            max_wait_s=max_wait_hours * 3600 if max_wait_hours > 0 else None, on_change=on_change
        ),
    )
    on_change(ledger)
    check_outcome(ledger, see="The report of this run tells what each task did.")
    if ledger.outcome is None:
        raise WorkFailed("The wait ended before the job did")
    return ledger.outcome


def run_identity(run_uri: str) -> str:
    """What tells a run from others: the last two parts of its folder (job name and job id)."""
    return "/".join(run_uri.rstrip("/").split("/")[-2:])


def read_job(uri: str) -> dict[str, Any]:
    """The job at the path or URI.

    Raises:
        InputError: there is none, or it is not a JSON object.
    """
    try:
        job = json.loads(read_text(uri))
    except ValueError as error:
        raise InputError(f"The job is not JSON ({error})", where=uri) from error
    if not isinstance(job, dict):
        raise InputError("The job is not a JSON object", where=uri)
    return job
