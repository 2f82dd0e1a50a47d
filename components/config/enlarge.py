"""More memory, more time, another place or machine for the tasks of a job."""

from __future__ import annotations

import re
from collections.abc import Collection

from components.batch import machines
from components.batch.findings import Path
from components.batch.locations import is_zone, region_of
from components.batch.machines import Machine
from components.batch.rules.view import ALLOCATION, GROUP, POLICY, SPEC, JobView
from components.config.bench import Bench

MACHINE_TYPE: Path = (*POLICY, "machineType")
ALLOWED: Path = (*ALLOCATION, "location", "allowedLocations")
COMPUTE: Path = (*SPEC, "computeResource")
_FAMILIES = ("e2", "n2", "n2d", "c3", "n1", "m3")  # in this order, where nothing says another
_LONGEST_S = 14 * 86_400  # a job that runs longer is failed by Batch (quotas page)
_MOST_MEMORY_MIB = 12_000 * 1024


def smallest(
    vcpus: float, memory_gib: float, families: tuple[str, ...] = _FAMILIES
) -> Machine | None:
    """The smallest type with at least so much, of the first family that has one."""
    for family in families:
        fitting = [
            m
            for m in machines.machine_types().values()
            if m.family == family
            and m.vcpus >= vcpus
            and m.memory_gib >= memory_gib
            and "shared_core" not in m.notes
            and not m.gpu_count
            and "local_ssd_included" not in "".join(m.notes)
        ]
        if fitting:
            return min(fitting, key=lambda m: (m.vcpus, m.memory_gib, len(m.name), m.name))
    return None


def asked(view: JobView) -> tuple[float, float]:
    """The vCPUs and GiB that one task asks for."""
    cpu = view.compute.get("cpuMilli", 2000) / 1000
    return cpu, view.compute.get("memoryMib", 2000) / 1024


def families_like(name: str) -> tuple[str, ...]:
    """The series of a machine type first, then the usual ones."""
    family = re.split(r"[-*]", name.lower(), maxsplit=1)[0]
    return (family, *(f for f in _FAMILIES if f != family))


def more_memory(bench: Bench, said_mib: int | None = None) -> None:
    """So much memory for a task as is said, else twice as much; the machine follows."""
    view = bench.view
    now = int(view.compute.get("memoryMib", 2000))
    machine, packed = view.machine, view.tasks_per_vm
    if machine is not None and packed == 1:
        now = max(now, int(machine.memory_gib * 1024))  # it had the whole machine, and more
    said = said_mib
    need = said if said and now < said <= _MOST_MEMORY_MIB else 2 * max(now, 1024)
    why = "as the complaint says" if need == said else f"twice the {now} MiB of before"
    bench.put((*COMPUTE, "memoryMib"), need, f"the task ran out of memory; {why}")
    if machine is not None:
        _room_for(bench, machine, need, packed)


def _room_for(bench: Bench, machine: Machine, need: int, packed: int) -> None:
    """A machine with room for one task, and half as many tasks on it, or as many as have room."""
    if need > machine.memory_gib * 1024:
        cpu, _ = asked(bench.view)
        larger = smallest(max(cpu, machine.vcpus), need / 1024, families_like(machine.family))
        if larger is None or machine.gpu_count:
            return
        reason = f"{machine.name} has {machine.memory_gib:g} GiB, less than a task needs now"
        bench.put(MACHINE_TYPE, larger.name, reason)
        machine = larger
    fit = max(1, min(int(machine.memory_gib * 1024 // need), packed // 2))
    if bench.view.tasks_per_vm > fit:
        reason = f"Batch fills {machine.name} by vCPUs only, and the tasks on it share its memory"
        bench.put((*GROUP, "taskCountPerNode"), fit, reason)


def more_time(bench: Bench, said_s: float | None = None) -> None:
    """A longer limit: a quarter more than the time that is said, else twice as long."""
    view = bench.view
    limit = view.max_run_duration
    if limit is not None:
        need = said_s * 1.25 if said_s and said_s >= limit else 2 * limit
        if limit < _LONGEST_S:
            new = f"{int(min(need, _LONGEST_S))}s"
            bench.put((*SPEC, "maxRunDuration"), new, "the task ran longer than it was allowed to")
    for index, runnable in enumerate(view.runnables):
        timeout = runnable.get("timeout")
        if timeout is not None and timeout < _LONGEST_S:
            new = f"{int(min(2 * timeout, _LONGEST_S))}s"
            where = (*SPEC, "runnables", index, "timeout")
            bench.put(where, new, "the event does not say which of the limits was met")


def zone_to_region(bench: Bench, reason: str) -> None:
    """Any zone of the region, where the job was bound to some."""
    places = [place for place in bench.get(ALLOWED, []) if isinstance(place, str)]
    zones = [p for p in places if p.startswith("zones/") and is_zone(p.removeprefix("zones/"))]
    bound = any("existingDisk" in disk for disk in bench.view.disks)
    region = region_of(zones[0]) if zones else None
    if zones and len(zones) == len(places) and region and not bound:
        bench.put(ALLOWED, [f"regions/{region}"], reason)


def other_machine(bench: Bench, tried: Collection[str]) -> None:
    """The smallest machine like the job's of a series that was not tried; GPUs and Arm stay."""
    view = bench.view
    machine = view.machine
    if machine is None or view.has_gpu or machine.arch == "arm64":
        return
    gone = {machine.family, *(families_like(name)[0] for name in tried)}
    for family in _FAMILIES:
        found = None
        if family not in gone:
            found = smallest(machine.vcpus, machine.memory_gib * 0.95, (family,))
        if found is None:
            continue
        reason = f"no {machine.name} was free; {found.name} is alike"
        trial = bench.copy()
        trial.put(MACHINE_TYPE, found.name, reason)
        if _errors(trial) <= _errors(bench):
            bench.put(MACHINE_TYPE, found.name, reason)
            return


def _errors(bench: Bench) -> int:
    return sum(finding.severity == "error" for finding in bench.findings())
