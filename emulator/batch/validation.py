"""What the service refuses when a job is created: the most obvious errors, by our own short list.

Refused because the stand-in cannot honour it: secretVariables, encryptedVariables and credentials
of registries (no Secret Manager, no KMS here), enableImageStreaming, jobs with barriers of more
than 256 tasks. Accepted with an event that says so: notifications, which are not sent, and GPUs,
which are not there. Ignored, as there are no VMs: networks, service accounts, reservations,
placement, disk sizes, priorities, permissiveSsh, runAsNonRoot.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from emulator.batch import messages
from emulator.batch.checks import (
    check_environment,
    check_locations,
    check_runnable,
    check_volume,
    invalid,
    require,
)
from emulator.batch.plan import seconds_of

_JOB_ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_LARGEST_BYTES = 1_000_000
_MOST_TASKS = 100_000
_MOST_PARALLEL = 5_000
_MOST_GANG = 256  # ours: each is a process and a thread of this machine
_OUTPUT_ONLY = ("name", "uid", "status", "createTime", "updateTime")

_AREAS: Mapping[str, tuple[int, ...]] = {
    "northamerica-northeast": (1, 2),
    "southamerica-east": (1,),
    "southamerica-west": (1,),
    "us-central": (1,),
    "us-east": (1, 4, 5),
    "us-south": (1,),
    "us-west": (1, 2, 3, 4),
    "europe-central": (2,),
    "europe-north": (1,),
    "europe-southwest": (1,),
    "europe-west": (1, 2, 3, 4, 6, 8, 9, 10, 12),
    "me-central": (1, 2),
    "me-west": (1,),
    "asia-east": (1, 2),
    "asia-northeast": (1, 2, 3),
    "asia-south": (1, 2),
    "asia-southeast": (1, 2),
    "australia-southeast": (1, 2),
}
REGIONS = frozenset(f"{area}{number}" for area, numbers in _AREAS.items() for number in numbers)


def check_job_id(job_id: str) -> None:
    """Refuse an id that breaks the rule of the proto's comment.

    Raises:
        ApiError: 400.
    """
    require(
        _JOB_ID.fullmatch(job_id) is not None,
        f"Job ID '{job_id}' is invalid: it must match ^[a-z]([a-z0-9-]{{0,61}}[a-z0-9])?$",
    )


def check_location(location: str) -> None:
    """Refuse a location that is not a region of Batch.

    Raises:
        ApiError: 400.
    """
    require(location in REGIONS, f"Location '{location}' is not a location of Batch.")


def check_request_id(request_id: str) -> None:
    """Refuse a request id that is no UUID.

    Raises:
        ApiError: 400.
    """
    zero = set(request_id) <= set("0-")
    require(
        not request_id or (_UUID.fullmatch(request_id) is not None and not zero),
        f"Request ID '{request_id}' must be a UUID, and not the zero one.",
    )


def checked_job(body: Mapping[str, Any], location: str) -> tuple[dict[str, Any], int]:
    """The job with what the service fills in, and the number of its tasks.

    Raises:
        ApiError: 400, with what is wrong and where.
    """
    require(
        len(json.dumps(body).encode()) <= _LARGEST_BYTES, "The job is larger than 1,000,000 bytes."
    )
    job = {key: value for key, value in messages.parse_job(body).items() if key not in _OUTPUT_ONLY}
    require(
        len(job.get("taskGroups", [])) == 1,
        f"Exactly one task group is supported, but {len(job.get('taskGroups', []))} are given.",
    )
    require(0 <= int(job.get("priority", 0)) <= 99, "priority must be in the range [0, 100).")
    group = job["taskGroups"][0]
    count = _check_group(group)
    _check_spec(group.get("taskSpec", {}))
    _check_barriers(group, count)
    policy = job.setdefault("allocationPolicy", {})
    check_locations(policy, location)
    disks = _devices(policy)
    for volume in group["taskSpec"].get("volumes", []):
        check_volume(volume, disks)
    _check_logs(job.get("logsPolicy", {}))
    policy.setdefault("location", {"allowedLocations": [f"regions/{location}"]})
    return job, count


def remarks(job: Mapping[str, Any]) -> Iterator[str]:
    """What is accepted and not done, as texts for events of the job."""
    if job.get("notifications"):
        yield "The local emulator sends no notifications."
    for instance in job.get("allocationPolicy", {}).get("instances", []):
        if instance.get("policy", {}).get("accelerators") or instance.get("installGpuDrivers"):
            yield "The local emulator has no GPUs; the tasks run without."


def _check_group(group: dict[str, Any]) -> int:
    """Check and complete the group's own fields; the number of its tasks."""
    environments = group.get("taskEnvironments", [])
    count = len(environments) or int(group.get("taskCount", 1))
    require(1 <= count <= _MOST_TASKS, f"task_count {count} is not in between 1 and {_MOST_TASKS}.")
    in_order = group.get("schedulingPolicy") == "IN_ORDER"
    parallel = int(group.get("parallelism", 1 if in_order else min(count, _MOST_PARALLEL)))
    require(
        1 <= parallel <= _MOST_PARALLEL,
        f"parallelism {parallel} is not in between 1 and {_MOST_PARALLEL}.",
    )
    require(
        not in_order or parallel == 1, "parallelism must be 1 if scheduling_policy is IN_ORDER."
    )
    require(
        isinstance(group.get("schedulingPolicy", ""), str), "scheduling_policy has no such value."
    )
    require(int(group.get("taskCountPerNode", 1)) >= 1, "task_count_per_node must be positive.")
    for index, environment in enumerate(environments):
        check_environment(environment, f"task_environments[{index}]")
    group.update(
        taskCount=str(count),
        parallelism=str(parallel),
        schedulingPolicy=group.get("schedulingPolicy", "AS_SOON_AS_POSSIBLE"),
    )
    group.pop("name", None)
    return count


def _check_spec(spec: dict[str, Any]) -> None:
    runnables = spec.get("runnables", [])
    require(bool(runnables), "At least one runnable is required.")
    for index, runnable in enumerate(runnables):
        check_runnable(runnable, f"runnables[{index}]")
    retries = spec.get("maxRetryCount", 0)
    if not 0 <= retries <= 10:
        text = f"max_retry_count with value {retries} is not in between 0 and 10"
        raise invalid(text, "OUT_OF_RANGE")
    policies = spec.get("lifecyclePolicies", [])
    require(len(policies) <= 1, "Only one lifecycle policy is supported.")
    for policy in policies:
        require(
            policy.get("action") in ("RETRY_TASK", "FAIL_TASK"),
            "lifecycle_policies[0].action must be RETRY_TASK or FAIL_TASK.",
        )
        codes = policy.get("actionCondition", {}).get("exitCodes", [])
        require(bool(codes), "lifecycle_policies[0].action_condition needs exit codes.")
    require(
        seconds_of(spec.get("maxRunDuration", "0s")) >= 0, "max_run_duration must not be negative."
    )
    check_environment(spec.get("environment", {}), "task_spec")
    check_environment({"variables": spec.get("environments", {})}, "task_spec")
    resource = spec.setdefault("computeResource", {})
    for name in ("cpuMilli", "memoryMib"):
        require(int(resource.setdefault(name, "2000")) > 0, f"{name} must be positive.")


def _check_barriers(group: Mapping[str, Any], count: int) -> None:
    if not any("barrier" in runnable for runnable in group["taskSpec"]["runnables"]):
        return
    require(
        int(group["parallelism"]) >= count,
        f"The barrier waits for all {count} tasks, but parallelism lets only "
        f"{group['parallelism']} run at once: the job could never end (refused by the emulator).",
    )
    require(
        count <= _MOST_GANG,
        f"The local emulator runs jobs with barriers of at most {_MOST_GANG} tasks.",
    )


def _check_logs(policy: Mapping[str, Any]) -> None:
    destination = policy.get("destination", "")
    require(isinstance(destination, str), "logs_policy.destination has no such value.")
    path = policy.get("logsPath", "")
    require(
        destination != "PATH" or path.startswith("/"),
        "logs_policy.logs_path must be an absolute path if destination is PATH.",
    )


def _devices(policy: Mapping[str, Any]) -> frozenset[str] | None:
    """The names of the disks that volumes may name; None where an instance template has them."""
    instances = policy.get("instances", [])
    require(len(instances) <= 1, "Only instances[0] is supported.")
    if instances and "instanceTemplate" in instances[0]:
        return None
    disks = instances[0].get("policy", {}).get("disks", []) if instances else []
    return frozenset(disk.get("deviceName", "") for disk in disks)
