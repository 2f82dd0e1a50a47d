"""Preemptions while a job of Spot VMs runs: Batch tells them in the events of tasks, not of jobs.

Only asked for where it matters and costs little: Spot jobs of one page of tasks, at every fifth
look and at the end. The table of tasks tells them all in any case.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from components.batch.client import call_options
from components.supervision.answers import to_find
from components.supervision.life import (
    Event,
    Missing,
    Observation,
    Stage,
)

if TYPE_CHECKING:
    from google.cloud.batch_v1 import BatchServiceClient, Job

TASKS_MAX = 1000  # the largest page that is worth an extra call
EVERY = 5
# AllocationPolicy.ProvisioningModel of batch_v1: SPOT and the older PREEMPTIBLE.
_SPOT = frozenset({2, 3})
# Spot preemption, a VM that vanished, rebooted or was recreated (Troubleshooting, exit codes).
_LOST = re.compile(r"with exit code (?:50001|50002|50003|50006)\b")


class Preemptions:
    """Collects the events of tasks that lost their VM."""

    def __init__(self, client: BatchServiceClient) -> None:
        self._client = client
        self._looks = 0
        self._known: tuple[Event, ...] = ()

    def seen(self, job: Job, stage: Stage) -> tuple[Event, ...]:
        """What is known of the job's lost VMs, asked anew now and then.

        Args:
            job: the job as just read.
            stage: the stage it is in.
        """
        if stage not in ("running", "succeeded", "failed") or not _matters(job):
            return self._known
        self._looks += 1
        if stage != "running" or self._looks % EVERY == 0:
            to_find(lambda: self._ask(job))
        return self._known

    def _ask(self, job: Job) -> Observation:
        request = {"parent": f"{job.name}/taskGroups/group0", "page_size": TASKS_MAX}
        page = self._client.list_tasks(request=request, **call_options())
        self._known = tuple(event for task in next(page.pages).tasks for event in _losses(task))
        return Missing()  # the observation is of no use here; only failures are told as one


def _matters(job: Job) -> bool:
    raw = type(job).pb(job)
    models = {instance.policy.provisioning_model for instance in raw.allocation_policy.instances}
    tasks = sum(group.task_count for group in raw.task_groups)
    return bool(models & _SPOT) and tasks <= TASKS_MAX


def time_of(event: Any) -> str:
    """When a status event of the service happened, RFC 3339; empty where it does not say."""
    return str(event.event_time.rfc3339()) if event.event_time else ""


def _losses(task: Any) -> list[Event]:
    index = task.name.rpartition("/")[2]
    return [
        Event(
            time=time_of(event),
            type="TASK",
            description=f"Task {index}: {event.description}",
        )
        for event in task.status.status_events
        if _LOST.search(event.description)
    ]
