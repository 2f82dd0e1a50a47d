"""What the end of a supervised Batch job means to a person."""

from __future__ import annotations

import re

from components.batch.names import JOB_NAME
from components.credentials import LOGIN
from components.errors import Intent2BatchError, ServiceError, WorkFailed
from components.supervision.answers import LOGGED_OUT
from components.supervision.ledger import Ledger

_PERMISSIONS = (
    "Submitting needs roles/batch.jobsEditor on the project, roles/iam.serviceAccountUser on the "
    "job's service account, and the Batch API enabled."
)


def check_outcome(ledger: Ledger, *, see: str = "") -> None:
    """Pass if the job succeeded, was only shown or still runs; else say why it did not.

    Args:
        ledger: the job's life.
        see: a sentence on where a person sees what each task did; empty: the command.

    Raises:
        WorkFailed: the job ended without success.
        ServiceError: the job could not be made or followed.
    """
    error = failure(ledger, see=see)
    if error is not None:
        raise error


def failure(ledger: Ledger, *, see: str = "") -> Intent2BatchError | None:
    """The error that tells of the job's end; None if there is nothing to tell."""
    if ledger.outcome in (None, "succeeded", "dry_run"):
        return None
    reason = ledger.reason.rstrip(".") or "no reason is known"
    name = ledger.job_name
    tasks = see or (f"See what each task did: intent2batch tasks {name}" if name else "")
    if ledger.outcome == "failed":
        return WorkFailed(f"The job failed: {reason}", where=_job_id(ledger), fix=tasks)
    if ledger.outcome == "cancelled":
        return WorkFailed(f"The job was cancelled: {reason}", where=_job_id(ledger), fix=tasks)
    if ledger.outcome == "deleted":
        return WorkFailed(
            f"The job is gone: {reason}",
            where=_job_id(ledger),
            fix="Start a new run to run it again.",
        )
    if ledger.outcome == "hopeless":
        return WorkFailed(
            f"The job was cancelled because it could never start: {reason}",
            where=_job_id(ledger),
            fix="Mend that and start a new run.",
        )
    if ledger.outcome == "deadline":
        return WorkFailed(f"The wait is over: {reason}", where=_job_id(ledger), fix=_next(ledger))
    return ServiceError(reason, where=_job_id(ledger), fix=_remedy(ledger))


def _remedy(ledger: Ledger) -> str:
    first = ""
    if re.match(r"40[13] ", ledger.reason):
        first = _PERMISSIONS
    elif ledger.reason.startswith(LOGGED_OUT):
        first = f"Run: {LOGIN}."
    return " ".join(filter(None, (first, _next(ledger))))


def _next(ledger: Ledger) -> str:
    """What to do about a job that may still be running."""
    if not ledger.job_name or "running" not in ledger.reason:
        return ""
    return (
        f"Follow it: intent2batch watch {ledger.job_name}; "
        f"cancel it: intent2batch cancel {ledger.job_name}"
    )


def _job_id(ledger: Ledger) -> str:
    full = JOB_NAME.fullmatch(ledger.job_name)
    return full["job_id"] if full else str(ledger.request.get("job_id", ""))
