"""The tasks of a job as rows, as they are listed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from components.batch.service import Service, live_service
from components.batch.task_facts import row_of
from components.tables.columns import Row

log = logging.getLogger(__name__)

GROUP = "group0"


def job_rows(job_name: str, service: Service | None = None, state: str = "") -> Iterator[Row]:
    """The rows of a job's tasks as they are listed, without output.

    Args:
        job_name: `projects/P/locations/L/jobs/J`.
        service: the calls; the real ones if None.
        state: only tasks in this state; empty: all.
    """
    calls = service or live_service()
    job = found_job(calls, job_name)
    yield from rows_of(calls, job_name, job, state)


def rows_of(calls: Service, job_name: str, job: Any, state: str = "") -> Iterator[Row]:
    """The same, of a job that was read before; None where it could not be."""
    group, machine = (GROUP, "") if job is None else job_facts(job, GROUP, "")
    for position, task in enumerate(calls.tasks(job_name, group, state)):
        yield row_of(task, position=position, machine_type=machine)


def found_job(calls: Service, name: str) -> Any:
    """The raw Job message; None where it cannot be read."""
    from google.api_core import exceptions

    try:
        return calls.job(name)
    except exceptions.GoogleAPICallError as error:
        log.info("%s could not be read: %s", name, error)
        return None


def job_facts(job: Any, group: str, machine: str) -> tuple[str, str]:
    """The group's name and the machine types of the VMs that really ran; else what is given."""
    for name, status in job.status.task_groups.items():
        types = sorted({vm.machine_type for vm in status.instances if vm.machine_type})
        return name, " or ".join(types) or machine
    return group, machine
