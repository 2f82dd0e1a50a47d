"""The step of a pipeline run: the job of the run folder, submitted and waited for."""

from __future__ import annotations

import json
from typing import Any

from components.batch.client import is_local
from components.batch.locations import job_region
from components.batch.names import job_names
from components.batch.worst_cost import worst_cost
from components.config.check import Against
from components.config.policy_file import read_policy
from components.errors import InputError, WorkFailed
from components.project import project_here
from components.rounds.adapt import Adapt, checked_adapt
from components.storage.files import read_text
from components.storage.uris import join
from components.submit_batch_job.adapting import Bounds, submit_and_adapt
from components.submit_batch_job.outcome import check_outcome
from components.submit_batch_job.outputs import (
    read_gcp_resources,
    write_gcp_resources,
    write_link,
)
from components.submit_batch_job.submit import Waiting, to_stderr
from components.supervision.clock import stopping_clock
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
    adapt_rounds: int = 0,
    adapt_preemptions: int = 2,
    adapt_time: bool = False,
    max_cost_usd: float = 0.0,
    prices_uri: str = "",
    policy_uri: str = "",
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
        adapt_rounds: how many further jobs may run again what a change may mend.
        adapt_preemptions: after so many preemptions of a task the next one is on standard VMs.
        adapt_time: whether tasks that ran out of time may have more of it.
        max_cost_usd: what the job and its further rounds may cost at worst; 0 sets no limit.
        prices_uri: a price file of VMs for that; empty for the shipped one.
        policy_uri: the policy that a changed job is held to; empty: there is none.

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

    made: list[str] = []

    def on_change(ledger: Ledger) -> None:
        if ledger.job_name:
            if ledger.job_name not in made:
                made.append(ledger.job_name)
            write_gcp_resources(gcp_resources_path, *made)
        write_link(link_path, ledger, local=is_local())

    def told(ledger: Ledger) -> None:
        try:
            on_change(ledger)
        except OSError as error:  # no reason to leave a job alone; the next change writes again
            to_stderr(f"the outputs of the step could not be written: {error}")

    max_wait_s = max_wait_hours * 3600 if max_wait_hours > 0 else None
    adapt = checked_adapt(Adapt(adapt_rounds, adapt_preemptions, adapt_time))
    # Signals are heard all the time: an earlier attempt may have made the job of any round.
    with stopping_clock() as clock:
        ledger = submit_and_adapt(
            job,
            project=project,
            region=region,
            run=run,
            ledger_uri=join(run_uri, "submission.json"),
            dry_run=dry_run,
            made_before=bool(earlier),
            waiting=Waiting(max_wait_s=max_wait_s, on_change=told, clock=clock),
            bounds=_bounds(adapt, region, max_cost_usd, prices_uri, policy_uri),
        ).ledger
    on_change(ledger)
    check_outcome(ledger, see="The report of this run tells what each task did.")
    if ledger.outcome is None:
        raise WorkFailed("The wait ended before the job did")
    return ledger.outcome


def _bounds(
    adapt: Adapt, region: str, max_cost_usd: float, prices_uri: str, policy_uri: str
) -> Bounds | None:
    if not adapt.rounds:
        return None
    cost_of = worst_cost(region, prices_uri)
    policy = read_policy(policy_uri) if policy_uri else None
    against = Against(region=region, policy=policy, cost_of=cost_of)
    return Bounds(adapt, against, cost_of, max_cost_usd)


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
