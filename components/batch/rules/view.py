"""A job as the rules look at it: after `shape.read_shape`, with the places they ask for by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from components.batch import machines
from components.batch.findings import Path

GROUP: Path = ("taskGroups", 0)
SPEC: Path = (*GROUP, "taskSpec")
ALLOCATION: Path = ("allocationPolicy",)
INSTANCE: Path = (*ALLOCATION, "instances", 0)
POLICY: Path = (*INSTANCE, "policy")


@dataclass(frozen=True)
class JobView:
    """The job with trusted types: names in camelCase, durations in seconds, enums as words.

    A field that is absent, null or unreadable is not there; `lost` has the paths of the
    unreadable ones. `size_bytes` is that of the compact JSON text of the job.
    """

    job: dict[str, Any]
    size_bytes: int = 0
    lost: frozenset[Path] = frozenset()

    @cached_property
    def group(self) -> dict[str, Any]:
        """The first task group; Batch runs only one."""
        return _first(self.job.get("taskGroups"))

    @cached_property
    def spec(self) -> dict[str, Any]:
        """The task spec of the first task group."""
        return _object(self.group.get("taskSpec"))

    @cached_property
    def runnables(self) -> list[dict[str, Any]]:
        """The steps of each task."""
        return list(self.spec.get("runnables", ()))

    def runnables_at(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Each runnable with its path."""
        for index, runnable in enumerate(self.runnables):
            yield (*SPEC, "runnables", index), runnable

    def containers_at(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Each container with its path."""
        for path, runnable in self.runnables_at():
            if "container" in runnable:
                yield (*path, "container"), runnable["container"]

    def scripts_at(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Each script with its path."""
        for path, runnable in self.runnables_at():
            if "script" in runnable:
                yield (*path, "script"), runnable["script"]

    @cached_property
    def volumes(self) -> list[dict[str, Any]]:
        """The volumes that every task mounts."""
        return list(self.spec.get("volumes", ()))

    def volumes_at(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Each volume with its path."""
        for index, volume in enumerate(self.volumes):
            yield (*SPEC, "volumes", index), volume

    @cached_property
    def mount_paths(self) -> frozenset[str]:
        """Where the volumes are mounted, without / at the end."""
        return frozenset(v.get("mountPath", "").rstrip("/") for v in self.volumes) - {""}

    @cached_property
    def mount_holders(self) -> frozenset[str]:
        """The folders in which volumes are mounted."""
        return frozenset(folder for path in self.mount_paths for folder in folders_of(path)[1:])

    def is_mounted(self, path: str) -> bool:
        """Whether the path is on a mounted volume."""
        return not self.mount_paths.isdisjoint(folders_of(path))

    @cached_property
    def task_count(self) -> int:
        """How many tasks run; the environments decide where no count is given."""
        unset = len(self.group.get("taskEnvironments", ())) or 1
        if (*GROUP, "taskCount") in self.lost:  # no rule shall compare with a count nobody wrote
            unset = max(1, int(self.group.get("parallelism", 1)))
        return int(self.group.get("taskCount", unset))

    @cached_property
    def max_run_duration(self) -> float | None:
        """Seconds that one attempt of a task may take; None where no limit is given."""
        found = self.spec.get("maxRunDuration")
        return None if found is None else float(found)

    @cached_property
    def retries(self) -> int:
        """How often a failed task is run again."""
        return int(self.spec.get("maxRetryCount", 0))

    @cached_property
    def compute(self) -> dict[str, Any]:
        """What one task asks for."""
        return _object(self.spec.get("computeResource"))

    @cached_property
    def allocation(self) -> dict[str, Any]:
        """The allocation policy."""
        return _object(self.job.get("allocationPolicy"))

    @cached_property
    def instance(self) -> dict[str, Any]:
        """The first entry of `instances`; Batch takes only one."""
        return _first(self.allocation.get("instances"))

    @cached_property
    def policy(self) -> dict[str, Any]:
        """The instance policy."""
        return _object(self.instance.get("policy"))

    @cached_property
    def template(self) -> str:
        """The instance template; empty where there is none."""
        return str(self.instance.get("instanceTemplate", ""))

    @cached_property
    def machine_type(self) -> str:
        """The machine type as written; empty where Batch chooses."""
        return str(self.policy.get("machineType", ""))

    @cached_property
    def machine(self) -> machines.Machine | None:
        """The machine type's data, where it is known."""
        return machines.lookup(self.machine_type) if self.machine_type else None

    @cached_property
    def provisioning(self) -> str:
        """The provisioning model; STANDARD where none is given."""
        return str(self.policy.get("provisioningModel", "STANDARD"))

    @cached_property
    def is_spot(self) -> bool:
        """Whether the VMs can be taken away at any time."""
        return self.provisioning in ("SPOT", "PREEMPTIBLE")

    @cached_property
    def accelerators(self) -> list[dict[str, Any]]:
        """The GPUs that are asked for, beside those that a machine type brings."""
        return list(self.policy.get("accelerators", ()))

    @cached_property
    def has_gpu(self) -> bool:
        """Whether the VMs have GPUs, asked for or brought by the machine type."""
        return bool(self.accelerators) or bool(self.machine and self.machine.gpu_count)

    @cached_property
    def disks(self) -> list[dict[str, Any]]:
        """The disks attached to each VM."""
        return list(self.policy.get("disks", ()))

    @cached_property
    def boot_disk(self) -> dict[str, Any]:
        """The boot disk."""
        return _object(self.policy.get("bootDisk"))

    @cached_property
    def boot_is_cos(self) -> bool | None:
        """Whether the VMs boot Container-Optimized OS; None where a custom image hides it.

        Batch's default: Debian where any runnable is a script, otherwise COS (release notes).
        """
        image = str(self.boot_disk.get("image", ""))
        if "cos" in image.split("/")[-1]:
            return True
        if image:
            return None if "/" in image else False
        if self.template:
            return None
        return bool(self.runnables) and not any("script" in r for r in self.runnables)

    @cached_property
    def tasks_per_vm(self) -> int:
        """How many tasks Batch puts on one VM, by the documented formula; 1 where unknown."""
        if "taskCountPerNode" in self.group:
            return max(1, int(self.group["taskCountPerNode"]))
        cpu = int(self.compute.get("cpuMilli", 2000))
        if self.machine is None or cpu <= 0:
            return 1
        return max(1, int(self.machine.vcpus * 1000) // cpu)


def folders_of(path: str) -> list[str]:
    """The path and the folders above it: `/a/b` gives `/a/b`, `/a`; of those at most 50."""
    path = path.rstrip("/")
    parts = path.split("/")
    above = min(len(parts) - 1, 51)
    return [path, *("/".join(parts[:length]) for length in range(above, 1, -1))] if path else []


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _first(value: object) -> dict[str, Any]:
    return _object(value[0]) if isinstance(value, list) and value else {}
