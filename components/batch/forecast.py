"""What a Batch job will take in time and money, before it is sent: as expected, and at worst.

Pure arithmetic over a job and a price file:

- tasks on a VM: `taskCountPerNode`, else as many as its vCPUs hold (Batch packs by vCPU alone);
- VMs: the tasks at once over the tasks on a VM; waves: all tasks over the tasks at once;
- expected: a VM start, then every wave takes one task's time; all VMs are paid until the end;
- worst: every wave takes the time limit for each attempt, a lost attempt a new VM start besides,
  and Batch ends a job that has run 14 days.

What is not known stays unknown: a price that the file lacks makes the cost None, never less.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from components.batch.durations import spoken
from components.batch.locations import job_region
from components.batch.machine_choice import (
    MOST_TASKS_ON_VM,
    Need,
    choose,
    hyperdisk_only,
)
from components.batch.machines import LOCAL_SSD_GB, Machine
from components.batch.rules.compute import DEFAULT_CPU_MILLI, DEFAULT_MEMORY_MIB
from components.batch.rules.shape import read_shape
from components.batch.rules.view import JobView
from components.batch.vm_prices import VmPrices

# From the request to a task that runs; people see 2 to 4 minutes. VMs are paid from their creation.
VM_START_S = 180.0
MOST_AT_ONCE = 5000  # Batch's page of quotas: parallel tasks of a job
_DAY_S = 86400.0
# Batch ends a job that has been RUNNING so long (its page of quotas).
_LONGEST_S = 14 * _DAY_S
_LONGEST_FLEX_S = 7 * _DAY_S
# Where neither a task's time nor a limit is known; where a limit is, half of it if that is less.
_ASSUMED_TASK_S = 3600.0
_BOOT_DISK_GB = 30  # the size of Batch's own images

PAID_ELSEWHERE = "Not in it: network traffic, external IP addresses, logs, and storage in buckets."


@dataclass(frozen=True)
class Assumptions:
    """What the job does not say.

    Args:
        region: where the job goes; empty leaves it to the job.
        task_s: how many seconds one attempt of a task runs; None where nobody knows.
        vm_start_s: seconds until the first task begins on a new VM.
    """

    region: str = ""
    task_s: float | None = None
    vm_start_s: float = VM_START_S


@dataclass(frozen=True)
class Part:
    """Something that each VM costs: its name and USD an hour; None where the price is unknown."""

    name: str
    hourly: float | None


@dataclass(frozen=True)
class Forecast:
    """Time and money of a job.

    Args:
        region: where prices were looked up.
        machine_type: of the VMs; empty where a template decides it.
        chosen_by_batch: whether the job names no machine, and `machine_type` is only the cheapest
            that would do.
        model: the provisioning model.
        tasks: how many there are; `at_once` how many run together.
        at_once: see tasks.
        tasks_per_vm: how many share a VM.
        vms: how many VMs run at once.
        waves: how often the tasks at once follow each other.
        attempts: how often a task may run, retries among it.
        task_s: seconds that a task is expected to run; `task_s_why` says since when.
        task_s_why: where `task_s` is from, in words.
        limit_s: seconds after which an attempt is ended; `limit_s_why` says by what.
        limit_s_why: where `limit_s` is from, in words.
        parts: what an hour of a VM consists of.
        expected_s: seconds until the job has ended, VM start included.
        worst_s: the same, at worst.
        expected_usd: what the expected time costs; None where it is unknown.
        worst_usd: what the worst case costs; None where it is unknown.
        unknown: why a cost is unknown, a sentence each.
        notes: what else to know, a sentence each.
        prices_dated: the date of the price file.
        prices_source: its name.
    """

    region: str
    machine_type: str
    chosen_by_batch: bool
    model: str
    tasks: int
    at_once: int
    tasks_per_vm: int
    vms: int
    waves: int
    attempts: int
    task_s: float
    task_s_why: str
    limit_s: float
    limit_s_why: str
    parts: tuple[Part, ...]
    expected_s: float
    worst_s: float
    expected_usd: float | None
    worst_usd: float | None
    unknown: tuple[str, ...]
    notes: tuple[str, ...]
    prices_dated: str
    prices_source: str

    @property
    def vm_hour(self) -> float | None:
        """USD for an hour of one VM with all its parts; None where one is unknown."""
        return _total(self.parts)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {**dataclasses.asdict(self), "vm_hour_usd": self.vm_hour}


def forecast(
    job: Mapping[str, Any], prices: VmPrices, assumptions: Assumptions | None = None
) -> Forecast:
    """What a job will take; for any JSON object, as far as it can be read as a job.

    Args:
        job: the Batch job in JSON form.
        prices: what VMs cost.
        assumptions: what the job does not say.
    """
    given = assumptions or Assumptions()
    view = JobView(read_shape(job).job)
    region = job_region(view.job, given.region)
    view, chosen_by_batch = _with_machine(view, region, prices)
    shape = _packing(view)
    limit_s, limit_why = _limit(view)
    task_s, task_why = _task_time(given.task_s, limit_s, limit_why)
    longest = _longest(view)
    expected_s = min(given.vm_start_s + shape.waves * task_s, longest)
    worst_s = _worst_time(shape, limit_s, given.vm_start_s, longest)
    parts = tuple(_parts(view, region, prices))
    hourly = None if view.machine is None else _total(parts)
    return Forecast(
        region=region,
        machine_type=view.machine_type,
        chosen_by_batch=chosen_by_batch,
        model=view.provisioning,
        **dataclasses.asdict(shape),
        task_s=task_s,
        task_s_why=task_why,
        limit_s=limit_s,
        limit_s_why=limit_why,
        parts=parts,
        expected_s=expected_s,
        worst_s=worst_s,
        expected_usd=_cost(hourly, shape.vms, expected_s),
        worst_usd=None if chosen_by_batch else _cost(hourly, shape.vms, worst_s),
        unknown=tuple(_unknown(view, parts, region, chosen_by_batch=chosen_by_batch)),
        notes=tuple(_notes(view, region, prices)),
        prices_dated=prices.dated,
        prices_source=prices.source,
    )


@dataclass(frozen=True)
class _Packing:
    tasks: int
    at_once: int
    tasks_per_vm: int
    vms: int
    waves: int
    attempts: int


def _packing(view: JobView) -> _Packing:
    tasks = max(1, view.task_count)
    # Unset, parallelism is min(taskCount, the limit) by the API's comments; the guide says 1.
    at_once = min(tasks, max(1, int(view.group.get("parallelism", MOST_AT_ONCE))), MOST_AT_ONCE)
    if view.group.get("schedulingPolicy") == "IN_ORDER":
        at_once = 1
    on_one = min(max(1, view.tasks_per_vm), at_once, MOST_TASKS_ON_VM)
    return _Packing(
        tasks=tasks,
        at_once=at_once,
        tasks_per_vm=on_one,
        vms=-(-at_once // on_one),
        waves=-(-tasks // at_once),
        attempts=1 + max(0, view.retries),
    )


def _with_machine(view: JobView, region: str, prices: VmPrices) -> tuple[JobView, bool]:
    """The job with a machine that would do, and whether it names none itself."""
    if view.machine_type or view.template:
        return view, False
    gpu = view.accelerators[0] if view.accelerators else {}
    need = Need(
        vcpus=max(0, view.compute.get("cpuMilli", DEFAULT_CPU_MILLI)) / 1000,
        memory_gib=max(0, view.compute.get("memoryMib", DEFAULT_MEMORY_MIB)) / 1024,
        gpu_type=str(gpu.get("type", "")),
        gpu_count=int(gpu.get("count", 0)) if gpu.get("type") else 0,
        spot=view.is_spot,
        region=region,
    )
    machine_type = choose(need, prices).machine_type
    if not machine_type:
        return view, True
    policy = {**view.policy, "machineType": machine_type}
    allocation = {**view.allocation, "instances": [{**view.instance, "policy": policy}]}
    return JobView({**view.job, "allocationPolicy": allocation}), True


# --- time ---------------------------------------------------------------------------------------


def _longest(view: JobView) -> float:
    return _LONGEST_FLEX_S if view.provisioning == "FLEX_START" else _LONGEST_S


def _limit(view: JobView) -> tuple[float, str]:
    """After how many seconds an attempt is ended, and by what."""
    limits = []
    if view.max_run_duration is not None and view.max_run_duration > 0:
        limits.append((view.max_run_duration, "maxRunDuration"))
    foreground = [runnable for runnable in view.runnables if not runnable.get("background")]
    timeouts = [float(runnable.get("timeout", 0)) for runnable in foreground]
    if timeouts and all(timeout > 0 for timeout in timeouts):
        limits.append((sum(timeouts), "the timeouts of its runnables"))
    longest = _longest(view)
    limits.append((longest, f"no maxRunDuration: Batch ends a job after {spoken(longest)}"))
    return min(limits, key=lambda limit: limit[0])


def _task_time(given_s: float | None, limit_s: float, limit_why: str) -> tuple[float, str]:
    """How long an attempt is expected to run, and why."""
    if given_s is not None:
        if given_s > limit_s:
            return limit_s, f"given, but ended by {limit_why}"
        return given_s, "given"
    if limit_s / 2 < _ASSUMED_TASK_S:
        return limit_s / 2, "assumed: half the limit, as no time was given"
    return _ASSUMED_TASK_S, "assumed, as no time was given"


def _worst_time(shape: _Packing, limit_s: float, start_s: float, longest: float) -> float:
    retries = shape.attempts - 1
    starts = start_s * (1 + shape.waves * retries)
    return min(starts + shape.waves * shape.attempts * limit_s, longest + start_s)


# --- money --------------------------------------------------------------------------------------


def _cost(hourly: float | None, vms: int, seconds: float) -> float | None:
    return None if hourly is None else hourly * vms * seconds / 3600


def _total(parts: tuple[Part, ...]) -> float | None:
    known = [part.hourly for part in parts if part.hourly is not None]
    return sum(known) if parts and len(known) == len(parts) else None


def _parts(view: JobView, region: str, prices: VmPrices) -> Iterator[Part]:
    """What each VM consists of; nothing where a template decides it."""
    machine, spot = view.machine, view.is_spot
    if machine is None:
        return
    yield Part(_machine_words(machine), prices.machine_hour(machine, region, spot=spot))
    if not machine.gpu_count:
        for gpu in view.accelerators:
            name, count = str(gpu.get("type", "")), max(0, int(gpu.get("count", 0)))
            hourly = prices.gpu_hour(name, count, region, spot=spot)
            yield Part(f"{count} x {name}", hourly)
    kind, size = _boot_disk(view, machine)
    boot = prices.disk_hour(kind, size, region)
    yield Part(f"boot disk {kind} {size:g} GB", boot)
    for disk in view.disks:
        if "newDisk" in disk:
            yield _disk_part(disk["newDisk"], region, prices, spot=spot)


def _machine_words(machine: Machine) -> str:
    if not machine.gpu_count:
        return machine.name
    return f"{machine.name} with {machine.gpu_count} x {machine.gpu_type}"


def _boot_disk(view: JobView, machine: Machine) -> tuple[str, float]:
    unset = "hyperdisk-balanced" if hyperdisk_only(machine) else "pd-balanced"
    size = view.boot_disk.get("sizeGb") or view.compute.get("bootDiskMib", 0) / 1024
    return str(view.boot_disk.get("type") or unset), max(float(size), _BOOT_DISK_GB)


def _disk_part(disk: Mapping[str, Any], region: str, prices: VmPrices, *, spot: bool) -> Part:
    kind, size = str(disk.get("type") or "pd-balanced"), float(disk.get("sizeGb", 0))
    if kind == "local-ssd":
        size = LOCAL_SSD_GB * max(1, -(-size // LOCAL_SSD_GB))
    if size <= 0:
        return Part(f"disk {kind} of unknown size", None)
    hourly = prices.disk_hour(kind, size, region, spot=spot and kind == "local-ssd")
    return Part(f"disk {kind} {size:g} GB", hourly)


# --- words --------------------------------------------------------------------------------------


def _unknown(
    view: JobView, parts: tuple[Part, ...], region: str, *, chosen_by_batch: bool
) -> Iterator[str]:
    if view.template:
        yield "An instance template decides the machine, which is not looked up."
    elif view.machine is None and view.machine_type:
        yield f"{view.machine_type} is no known machine type."
    elif chosen_by_batch:
        yield "The job names no machine type, so Batch chooses one, perhaps a dearer one."
    model = "Spot" if view.is_spot else "on demand"
    for part in parts:
        if part.hourly is None:
            yield f"The price file has no price for {part.name} ({model}, {region})."


def _notes(view: JobView, region: str, prices: VmPrices) -> Iterator[str]:
    if view.is_spot:
        yield _spot_words(view, region, prices)
    if view.provisioning == "FLEX_START":
        yield "Flex-start costs less than on demand, at which it is reckoned here."
    reservation = view.policy.get("reservation", "NO_RESERVATION")
    if reservation != "NO_RESERVATION":
        yield "A reservation is paid whether used or not; it is reckoned here at the full price."
    if "parallelism" not in view.group and view.task_count > 1:
        yield "parallelism is not set: all tasks at once are reckoned with, as far as Batch allows."
    if any("existingDisk" in disk for disk in view.disks):
        yield "Disks that exist already are paid already, and not in it."
    yield PAID_ELSEWHERE


def _spot_words(view: JobView, region: str, prices: VmPrices) -> str:
    words = "Spot"
    machine = view.machine
    if machine is not None:
        spot = prices.machine_hour(machine, region, spot=True)
        full = prices.machine_hour(machine, region, spot=False)
        if spot is not None and full is not None:
            words += f": {machine.name} is {1 - spot / full:.0%} below on demand by this file"
    words += ". The price moves each month, and a VM can be taken away at any time; "
    if view.retries > 0:
        return f"{words}the attempt is paid and made again, at most {view.retries} times."
    return f"{words}without maxRetryCount its tasks fail."
