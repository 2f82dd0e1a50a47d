"""The cheapest machine type that fits what a task needs, with the reason in a sentence.

Pure: tables in, a choice out. Predefined types of the series that Batch lists only; types that
share a core are left out, because they have less CPU than they show (e2-micro a quarter).

The cheapest is that of the whole: where many tasks run at once, two on a VM of 2 vCPUs can cost
less than each on one of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from components.batch.locations import DEFAULT_REGION
from components.batch.machines import (
    Machine,
    families,
    gpu_limits,
    local_ssd_counts,
    machine_types,
    supported,
)
from components.batch.vm_prices import VmPrices

# The order between machines of the same price, and of the same size where no price is known:
# offered in most zones and cheapest first.
FAMILY_ORDER = [
    "e2",
    "n2d",
    "n2",
    "t2d",
    "c2d",
    "c3d",
    "c3",
    "n1",
    "n4",
    "c4d",
    "c4",
    "c4a",
    "c2",
    "h3",
    "m1",
    "m3",
    "m2",
    "g2",
    "a2",
    "a3",
    "a4",
]
# Batch puts at most so many tasks on a VM (its page about creating and running jobs).
MOST_TASKS_ON_VM = 20
_VIRTUAL_WORKSTATION = "-vws"


@dataclass(frozen=True)
class Need:
    """What a VM must have for a task.

    Args:
        vcpus: at least so many.
        memory_gib: at least so much.
        gpu_type: Compute Engine's name, such as nvidia-tesla-t4; empty for no GPU.
        gpu_count: exactly so many, as Batch takes a machine's GPUs only whole.
        families: only these series; empty leaves it open.
        arch: `x86_64` or `arm64`.
        spot: whether the VMs are Spot VMs.
        region: where prices are looked up.
        local_ssds: so many local SSDs of 375 GB are attached.
        persistent_disks: whether it gets a disk of a pd- type, which C4, N4 and others refuse.
        tasks: how many tasks run at once, each of that need; with GPUs each has a VM of its own.
    """

    vcpus: float = 0
    memory_gib: float = 0
    gpu_type: str = ""
    gpu_count: int = 0
    families: frozenset[str] = frozenset()
    arch: str = "x86_64"
    spot: bool = False
    region: str = DEFAULT_REGION
    local_ssds: int = 0
    persistent_disks: bool = False
    tasks: int = 1


@dataclass(frozen=True)
class Candidate:
    """A machine type that fits.

    Args:
        machine: the type.
        hourly: USD an hour for one with its GPUs; None where the price is unknown.
        tasks_per_vm: how many of the tasks one runs at once.
        vms: how many of them run all tasks at once.
    """

    machine: Machine
    hourly: float | None
    tasks_per_vm: int = 1
    vms: int = 1

    @property
    def total(self) -> float | None:
        """USD an hour for all VMs."""
        return None if self.hourly is None else self.hourly * self.vms


@dataclass(frozen=True)
class Choice:
    """The machine type of choice.

    Args:
        machine_type: its name; empty where none fits.
        reason: one sentence without a final stop.
        hourly: USD an hour for one with its GPUs; None where the price is unknown.
        tasks_per_vm: how many tasks one should run at once.
        fitting: how many types fit.
    """

    machine_type: str
    reason: str
    hourly: float | None = None
    tasks_per_vm: int = 1
    fitting: int = 0


def choose(need: Need, prices: VmPrices) -> Choice:
    """The machine type that costs least for all tasks that run at once.

    Types without a known price come after all others: the fewest vCPUs first, of those in
    `FAMILY_ORDER`.
    """
    ranked = sorted(candidates(need, prices), key=_rank)
    if not ranked:
        return Choice("", f"Batch takes no machine type with {needed(need)}")
    best = ranked[0]
    return Choice(
        machine_type=best.machine.name,
        reason=_reason(need, best, len(ranked), prices),
        hourly=best.hourly,
        tasks_per_vm=best.tasks_per_vm,
        fitting=len(ranked),
    )


def candidates(need: Need, prices: VmPrices) -> list[Candidate]:
    """Every machine type that fits, with its price."""
    return [
        _candidate(need, machine, prices)
        for machine in _offered_types(spot=need.spot)
        if fits(need, machine)
    ]


def _candidate(need: Need, machine: Machine, prices: VmPrices) -> Candidate:
    on_one = tasks_on(need, machine)
    vms = -(-max(1, need.tasks) // on_one)
    return Candidate(machine, _hourly(need, machine, prices), on_one, vms)


def tasks_on(need: Need, machine: Machine) -> int:
    """How many of the tasks fit on one VM at once by CPU and memory; 1 with GPUs."""
    if need.gpu_type:
        return 1
    by_cpu = machine.vcpus // need.vcpus if need.vcpus else MOST_TASKS_ON_VM
    by_memory = machine.memory_gib // need.memory_gib if need.memory_gib else MOST_TASKS_ON_VM
    return max(1, int(min(by_cpu, by_memory, MOST_TASKS_ON_VM, max(1, need.tasks))))


def fits(need: Need, machine: Machine) -> bool:
    """Whether a machine type has what is needed."""
    return (
        machine.vcpus >= need.vcpus
        and machine.memory_gib >= need.memory_gib
        and machine.arch == need.arch
        and (not need.families or machine.family in need.families)
        and _offered(machine, spot=need.spot)
        and _has_gpus(need, machine)
        and (not need.local_ssds or need.local_ssds in (local_ssd_counts(machine) or ()))
        and not (need.persistent_disks and "hyperdisk_boot_disk" in machine.notes)
    )


@cache
def _offered_types(*, spot: bool) -> tuple[Machine, ...]:
    return tuple(m for m in machine_types().values() if _offered(m, spot=spot))


def _offered(machine: Machine, *, spot: bool) -> bool:
    """Whether Batch can have it in that way, and people want it unasked."""
    notes = machine.notes
    if not supported(machine) or "bare_metal" in notes or "fractional_gpu" in notes:
        return False
    if any(note.startswith("shared_core") for note in notes):
        return False
    if spot:
        return machine.spot_ok
    return not notes & {"no_plain_on_demand", "spot_or_flex_start_only"}


def _has_gpus(need: Need, machine: Machine) -> bool:
    """Whether it brings the GPUs, or is an N1 of a size that takes them; else it has none."""
    if not need.gpu_type:
        return not machine.gpu_count
    plain = need.gpu_type.removesuffix(_VIRTUAL_WORKSTATION)
    if machine.gpu_count:
        return machine.gpu_type == plain and machine.gpu_count == need.gpu_count
    limit = gpu_limits().get((plain, need.gpu_count))
    return (
        limit is not None
        and machine.family == "n1"
        and machine.vcpus <= limit.max_vcpus
        and machine.memory_gib <= limit.max_memory_gib
    )


def _hourly(need: Need, machine: Machine, prices: VmPrices) -> float | None:
    alone = prices.machine_hour(machine, need.region, spot=need.spot)
    attached = 0 if machine.gpu_count else need.gpu_count
    gpus = prices.gpu_hour(need.gpu_type, attached, need.region, spot=need.spot)
    if need.gpu_type.endswith(_VIRTUAL_WORKSTATION):
        return None  # the licence of a virtual workstation is billed on top
    return None if alone is None or gpus is None else alone + gpus


def _rank(candidate: Candidate) -> tuple[bool, float, float, int, float, str]:
    machine, total = candidate.machine, candidate.total
    order = FAMILY_ORDER.index(machine.family) if machine.family in FAMILY_ORDER else 99
    # Rounded: twice a price of 2 vCPUs must not lose to that of 4 by the last bit of a float.
    cost = 0.0 if total is None else round(total, 6)
    return (total is None, cost, machine.vcpus, order, machine.memory_gib, machine.name)


def _reason(need: Need, best: Candidate, count: int, prices: VmPrices) -> str:
    which = "the only one" if count == 1 else f"cheapest of {count}"
    if best.hourly is None:
        which = which if count == 1 else f"smallest of {count}"
        cost = f"no price is known in {need.region}"
    else:
        model = " as Spot VM" if need.spot else ""
        cost = f"{best.hourly:.3g} USD/h{model} in {need.region}, prices of {prices.dated}"
    beside = f" with {need.gpu_count} GPU{'s' if need.gpu_count > 1 else ''}"
    several = f", {best.tasks_per_vm} tasks on each" if best.tasks_per_vm > 1 else ""
    name = best.machine.name + (beside if need.gpu_type else "") + several
    return f"{which} with {needed(need)}: {name} ({cost})"


def needed(need: Need) -> str:
    """The need in words: `8 vCPU, 30 GiB and 1 x nvidia-tesla-t4`."""
    parts = [f"{need.vcpus:g} vCPU" if need.vcpus else "", _gib(need.memory_gib)]
    if need.local_ssds:
        parts.append(f"room for {need.local_ssds} local SSD{'s' if need.local_ssds > 1 else ''}")
    if need.gpu_type:
        parts.append(f"{need.gpu_count} x {need.gpu_type}")
    if need.arch != "x86_64":
        parts.append("an Arm CPU")
    if need.families:
        parts.append(f"a CPU of {', '.join(sorted(need.families)).upper()}")
    return _listed([part for part in parts if part]) or "a CPU"


def _gib(memory: float) -> str:
    return f"{memory:.4g} GiB" if memory else ""


def _listed(parts: Iterable[str]) -> str:
    words = list(parts)
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def hyperdisk_only(machine: Machine) -> bool:
    """Whether the type boots from Hyperdisk alone; Batch's default, pd-balanced, is refused."""
    family = families().get(machine.family)
    return "hyperdisk_boot_disk" in machine.notes or (
        family is not None and family.safe_boot_disk_type.startswith("hyperdisk")
    )
