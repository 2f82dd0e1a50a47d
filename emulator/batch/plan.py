"""What a job asks of the machine, read once from its specification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from emulator.batch.jobs import Job, machine, task_pack


@dataclass(frozen=True)
class Runnable:
    """One step of a task.

    Args:
        index: its place in the list.
        kind: `script`, `container` or `barrier`.
        body: the JSON of the script, container or barrier.
        variables: its own environment.
        seconds: its time limit; 0 is none.
        background: the next step does not wait for it.
        always_run: runs also after a failure.
        ignore_exit_status: its failure is not the task's.
    """

    index: int
    kind: str
    body: Mapping[str, Any]
    variables: Mapping[str, str]
    seconds: float
    background: bool
    always_run: bool
    ignore_exit_status: bool


@dataclass(frozen=True)
class Retries:
    """When a failed task runs again.

    Args:
        limit: how often at most.
        action: `RETRY_TASK`, `FAIL_TASK`, or "" where no policy was given.
        codes: the exit codes that the action is for; the others get the opposite action.
    """

    limit: int = 0
    action: str = ""
    codes: frozenset[int] = frozenset()

    def again(self, code: int, done: int) -> bool:
        """Whether a task that ended with `code` after `done` retries runs again."""
        if done >= self.limit:
            return False
        return not self.action or (self.action == "RETRY_TASK") == (code in self.codes)


@dataclass(frozen=True)
class Plan:
    """A job, ready to run.

    Args:
        runnables: the steps of each task.
        task_count: how many tasks.
        parallelism: how many at once at most.
        gang: all tasks must run at once, as there is a barrier.
        retries: when a failed task runs again.
        seconds: the time limit of an attempt; 0 is none.
        variables: the environment of all tasks.
        task_variables: the environment of single tasks; empty, or one mapping a task.
        per_vm: how many tasks are said to share a VM.
        hosts_file: whether the tasks want one.
        volumes: as in the specification.
        devices: device name -> existing disk, or "" for a new one.
        logs: `CLOUD_LOGGING`, `PATH` or "".
        logs_path: where PATH points.
        zone: where the VMs are said to be.
        machine_type: of the VMs, as in `e2-standard-4`.
    """

    runnables: Sequence[Runnable]
    task_count: int
    parallelism: int
    gang: bool
    retries: Retries
    seconds: float
    variables: Mapping[str, str]
    task_variables: Sequence[Mapping[str, str]]
    per_vm: int
    hosts_file: bool
    volumes: Sequence[Mapping[str, Any]]
    devices: Mapping[str, str] = field(default_factory=dict)
    logs: str = ""
    logs_path: str = ""
    zone: str = ""
    machine_type: str = ""

    @property
    def nodes(self) -> int:
        """How many VMs the job is said to have."""
        return -(-min(self.parallelism, self.task_count) // self.per_vm)

    def variables_of(self, index: int) -> dict[str, str]:
        """The environment of a task: what the task group says of it yields to the task spec.

        The protos say that a runnable's overrides both, and not which of these two wins; it is
        said nowhere else.
        """
        group = self.task_variables[index] if self.task_variables else {}
        return {**group, **self.variables}


def plan_of(job: Job) -> Plan:
    """Read the job's specification, which was checked when it was created."""
    group = job.group
    spec = group["taskSpec"]
    runnables = [_runnable(index, data) for index, data in enumerate(spec["runnables"])]
    logs = job.spec.get("logsPolicy", {})
    kind, _ = machine(job.spec)
    return Plan(
        runnables=runnables,
        task_count=job.task_count,
        parallelism=int(group["parallelism"]),
        gang=any(runnable.kind == "barrier" for runnable in runnables),
        retries=_retries(spec),
        seconds=seconds_of(spec.get("maxRunDuration", "0s")),
        variables={**spec.get("environments", {}), **_variables(spec)},
        task_variables=[
            environment.get("variables", {}) for environment in group.get("taskEnvironments", [])
        ],
        per_vm=task_pack(group, kind),
        hosts_file=group.get("requireHostsFile", False),
        volumes=spec.get("volumes", []),
        devices=_devices(job.spec),
        logs=logs.get("destination", ""),
        logs_path=logs.get("logsPath", ""),
        zone=_zone(job),
        machine_type=kind,
    )


def seconds_of(duration: str) -> float:
    """The seconds of a duration in JSON, as in `3.5s`."""
    return float(duration.removesuffix("s"))


def _runnable(index: int, data: Mapping[str, Any]) -> Runnable:
    kind = next(kind for kind in ("script", "container", "barrier") if kind in data)
    return Runnable(
        index=index,
        kind=kind,
        body=data[kind],
        variables=_variables(data),
        seconds=seconds_of(data.get("timeout", "0s")),
        background=data.get("background", False),
        always_run=data.get("alwaysRun", False),
        ignore_exit_status=data.get("ignoreExitStatus", False),
    )


def _variables(data: Mapping[str, Any]) -> dict[str, str]:
    variables: dict[str, str] = data.get("environment", {}).get("variables", {})
    return variables


def _retries(spec: Mapping[str, Any]) -> Retries:
    policies = spec.get("lifecyclePolicies", [])
    policy = policies[0] if policies else {}
    codes = policy.get("actionCondition", {}).get("exitCodes", [])
    return Retries(spec.get("maxRetryCount", 0), policy.get("action", ""), frozenset(codes))


def _devices(spec: Mapping[str, Any]) -> dict[str, str]:
    instances = spec.get("allocationPolicy", {}).get("instances", [])
    disks = instances[0].get("policy", {}).get("disks", []) if instances else []
    return {disk.get("deviceName", ""): disk.get("existingDisk", "") for disk in disks}


def _zone(job: Job) -> str:
    places = job.spec.get("allocationPolicy", {}).get("location", {}).get("allowedLocations", [])
    zones = [place.removeprefix("zones/") for place in places if place.startswith("zones/")]
    return zones[0] if zones else f"{job.location}-a"
