"""The machine of a draft that names amounts (CPU, memory, GPUs) but no machine type."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from components.batch.locations import DEFAULT_REGION, is_zone, region_of
from components.batch.machine_choice import Choice, Need, choose, hyperdisk_only
from components.batch.machines import LOCAL_SSD_GB, families, lookup
from components.batch.rules.compute import DEFAULT_CPU_MILLI, DEFAULT_MEMORY_MIB
from components.batch.vm_prices import VmPrices
from components.parse_intent.draft import Draft

# Series that nearly every zone has. Where a zone is named and no GPU, the choice keeps to them,
# as Batch cannot look for a machine elsewhere.
ANY_ZONE = frozenset({"e2", "n1", "n2"})


def chosen_machine(draft: Draft, group: dict[str, Any], prices: VmPrices) -> Choice | None:
    """The cheapest machine that fits; None where the draft leaves the machine to others.

    Others: a machine type, a template, a reservation or a CPU platform that was named, flex-start,
    and Batch itself where nothing was asked.

    Args:
        draft: what was asked.
        group: the task group as built so far.
        prices: what machines cost.
    """
    amounts = (draft.cpu_milli, draft.memory_mib, draft.gpus, draft.machine_series)
    named = (
        draft.machine_type,
        draft.instance_template,
        draft.reservation,
        draft.min_cpu_platform,
    )
    model = draft.provisioning.value if draft.provisioning is not None else "STANDARD"
    if not any(amounts) or any(named) or model not in ("STANDARD", "SPOT", "PREEMPTIBLE"):
        return None
    need = _need(draft, int(group.get("parallelism", 1)), spot=model != "STANDARD")
    choice = choose(need, prices)
    if not choice.machine_type and need.families:
        other = choose(replace(need, families=frozenset(), arch="x86_64"), prices)
        why = f"{choice.reason}; {other.reason}" if draft.machine_series else other.reason
        choice = replace(other, reason=why)
    return choice if choice.machine_type else None


def tasks_per_node(choice: Choice, draft: Draft, group: dict[str, Any]) -> int | None:
    """The taskCountPerNode that keeps tasks within memory and GPUs; None where none is needed.

    Batch packs tasks by vCPU alone, so that memory and GPUs can be promised twice.
    """
    machine = lookup(choice.machine_type)
    if machine is None or draft.tasks_per_node is not None:
        return None
    by_cpu = int(machine.vcpus * 1000) // max(1, _cpu_milli(draft))
    at_once = int(group.get("parallelism", 1))
    return choice.tasks_per_vm if choice.tasks_per_vm < min(by_cpu, at_once) else None


def boot_disk_type(choice: Choice | None) -> str:
    """The type that the chosen machine boots from, where Batch's default is refused; else empty."""
    machine = lookup(choice.machine_type) if choice is not None else None
    return "hyperdisk-balanced" if machine is not None and hyperdisk_only(machine) else ""


def _need(draft: Draft, at_once: int, *, spot: bool) -> Need:
    together = max(1, draft.tasks_per_node.value) if draft.tasks_per_node is not None else 1
    memory_mib = draft.memory_mib.value if draft.memory_mib is not None else DEFAULT_MEMORY_MIB
    places = [place.value for place in draft.locations]
    in_zone = any(is_zone(place.removeprefix("zones/")) for place in places)
    any_zone = ANY_ZONE if in_zone and draft.gpus is None else frozenset()
    series = draft.machine_series.value if draft.machine_series is not None else ""
    return Need(
        vcpus=together * _cpu_milli(draft) / 1000,
        memory_gib=together * memory_mib / 1024,
        gpu_type=draft.gpus.type if draft.gpus is not None else "",
        gpu_count=draft.gpus.count if draft.gpus is not None else 0,
        families=frozenset({series}) if series else any_zone,
        arch=families()[series].arch if series in families() else "x86_64",
        spot=spot,
        region=(region_of(places[0]) if places else None) or DEFAULT_REGION,
        local_ssds=sum(_local_ssds(disk.size_gb) for disk in draft.disks if _is_local(disk.type)),
        persistent_disks=_has_persistent_disk(draft),
        tasks=1 if draft.tasks_per_node is not None else at_once,
    )


def _cpu_milli(draft: Draft) -> int:
    return draft.cpu_milli.value if draft.cpu_milli is not None else DEFAULT_CPU_MILLI


def _is_local(disk_type: str) -> bool:
    return disk_type == "local-ssd"


def _local_ssds(size_gb: int | None) -> int:
    return max(1, -(-(size_gb or 0) // LOCAL_SSD_GB))


def _has_persistent_disk(draft: Draft) -> bool:
    """Whether the VM gets a disk of a pd- type; a disk without a type becomes one."""
    boot = draft.boot_disk.type if draft.boot_disk is not None else None
    attached = [disk.type for disk in draft.disks if not _is_local(disk.type)]
    if boot is not None:
        attached.append(boot.value)
    return any(not disk_type.startswith("hyperdisk") for disk_type in attached)
