"""Rules of what each task asks for, and how tasks fit on a VM."""

from __future__ import annotations

from collections.abc import Iterator

from components.batch.findings import Path
from components.batch.rules.rule import Problem, RuleSet
from components.batch.rules.view import POLICY, SPEC, JobView

RULES = RuleSet()

COMPUTE: Path = (*SPEC, "computeResource")

DEFAULT_CPU_MILLI = 2000  # comment of cpuMilli
DEFAULT_MEMORY_MIB = 2000  # comment of memoryMib
_LOW_CPU_MILLI = 100  # fewer look like whole vCPUs
_LOW_MEMORY_MIB = 256  # fewer look like GiB
_HIGH_CPU_MILLI = 500_000  # no machine has 500 vCPUs
_USED_SHARE = 0.5


@RULES.rule("CR_POS", "error", "P, CB")
def positive(view: JobView) -> Iterator[Problem]:
    """CPU, memory and disk are more than nothing, and in their units."""
    for name in ("cpuMilli", "memoryMib", "bootDiskMib"):
        value = view.compute.get(name)
        if value is not None and value <= 0 and not (name == "bootDiskMib" and value == 0):
            yield Problem(
                (*COMPUTE, name), f"{name} {value} is out of range; it must be more than 0", ""
            )
    memory = view.compute.get("memoryMib", _LOW_MEMORY_MIB)
    many_cpus = view.compute.get("cpuMilli", DEFAULT_CPU_MILLI) >= 1000
    if 0 < memory < _LOW_MEMORY_MIB and (memory < _LOW_MEMORY_MIB / 4 and many_cpus):
        yield Problem(
            (*COMPUTE, "memoryMib"),
            f"memoryMib {memory} is {memory} MiB, very little; did you mean {memory} GiB?",
            f"use {memory * 1024} for {memory} GiB",
            severity="warning",
        )


@RULES.rule("CR_CPU_UNIT", "warning", "P")
def cpu_unit(view: JobView) -> Iterator[Problem]:
    """CpuMilli counts thousandths of a vCPU."""
    cpu = view.compute.get("cpuMilli")
    if cpu is not None and 0 < cpu < _LOW_CPU_MILLI:
        yield Problem(
            (*COMPUTE, "cpuMilli"),
            f"cpuMilli {cpu} is {cpu / 1000:g} vCPU; the unit is a thousandth of a vCPU",
            f"use {cpu * 1000} for {cpu} vCPUs",
        )
    elif cpu is not None and cpu > _HIGH_CPU_MILLI:
        yield Problem(
            (*COMPUTE, "cpuMilli"),
            f"cpuMilli {cpu} is {cpu / 1000:g} vCPUs, more than any machine has",
            "use 1000 for each vCPU",
        )


@RULES.rule("CR_FIT", "warning", "P, CJ")
def fits_machine(view: JobView) -> Iterator[Problem]:
    """One task fits on the machine."""
    if view.machine is None:
        return
    cpu, memory = view.compute.get("cpuMilli", 0), view.compute.get("memoryMib", 0)
    if cpu > view.machine.vcpus * 1000:
        yield Problem(
            (*COMPUTE, "cpuMilli"),
            f"a task asks for {cpu / 1000:g} vCPUs; {view.machine_type} has {view.machine.vcpus:g}",
            "ask for less, or take a larger machine",
        )
    if memory > view.machine.memory_gib * 1024:
        yield Problem(
            (*COMPUTE, "memoryMib"),
            f"a task asks for {memory / 1024:g} GiB; {view.machine_type} has "
            f"{view.machine.memory_gib:g}",
            "ask for less, or take a larger machine",
        )


@RULES.rule("PACK_MEM", "warning", "CJ")
def packed_memory(view: JobView) -> Iterator[Problem]:
    """Batch packs tasks by vCPU only, so memory can run out."""
    if view.machine is None or "taskCountPerNode" in view.group or _tasks_on_vm(view) < 2:
        return
    memory = view.compute.get("memoryMib", DEFAULT_MEMORY_MIB)
    room = view.machine.memory_gib * 1024
    tasks = _tasks_on_vm(view)
    if memory > 0 and tasks * memory > room:
        fit = max(1, int(room // memory))
        yield Problem(
            (*COMPUTE, "memoryMib"),
            f"Batch puts {tasks} tasks on a {view.machine_type} by its vCPUs; {tasks} x {memory} "
            f"MiB is more than its {view.machine.memory_gib:g} GiB",
            f"set taskCountPerNode to {fit}",
        )


def _tasks_on_vm(view: JobView) -> int:
    at_once = min(view.task_count, int(view.group.get("parallelism", view.task_count)))
    return max(1, min(view.tasks_per_vm, at_once))


@RULES.rule("CR_MISSING_MT", "warning", "P")
def default_request(view: JobView) -> Iterator[Problem]:
    """A large machine shared by tasks that said nothing."""
    if view.machine is None or "cpuMilli" in view.compute or "taskCountPerNode" in view.group:
        return
    tasks = _tasks_on_vm(view)
    if tasks > 1:
        yield Problem(
            (*COMPUTE, "cpuMilli"),
            f"without cpuMilli a task counts as 2 vCPUs, so {tasks} tasks share one "
            f"{view.machine_type}",
            "set cpuMilli or taskCountPerNode",
        )


@RULES.rule("CR_WASTE", "warning", "use")
def unused_machine(view: JobView) -> Iterator[Problem]:
    """A machine that the tasks use less than half."""
    if view.machine is None or view.has_gpu or "cpuMilli" not in view.compute:
        return
    tasks = _tasks_on_vm(view)
    cpu = tasks * view.compute["cpuMilli"] / 1000 / view.machine.vcpus
    memory = (
        tasks * view.compute.get("memoryMib", DEFAULT_MEMORY_MIB) / 1024 / view.machine.memory_gib
    )
    share = max(cpu, memory)
    if 0 < share < _USED_SHARE and view.machine.vcpus > 2:
        yield Problem(
            (*POLICY, "machineType"),
            f"the tasks on a {view.machine_type} ask for {share:.0%} of it",
            "take a smaller machine, or put more tasks on it",
        )


@RULES.rule("CR_NO_MT", "hint", "use")
def machine_left_open(view: JobView) -> Iterator[Problem]:
    """Batch chooses the machine."""
    if view.runnables and not view.machine_type and not view.template:
        yield Problem(
            (*POLICY, "machineType"),
            "Batch chooses the machine, so speed and cost may differ from run to run",
            "set machineType for the same machine every time",
        )


@RULES.rule("CR_BOOT_BOTH", "warning", "P")
def boot_disk_twice(view: JobView) -> Iterator[Problem]:
    """The boot disk's size given twice."""
    if view.compute.get("bootDiskMib") and view.boot_disk.get("sizeGb"):
        yield Problem(
            (*COMPUTE, "bootDiskMib"),
            "bootDiskMib is ignored while bootDisk.sizeGb is given",
            "keep sizeGb",
        )
