"""Mends of machines, GPUs and disks: what goes together by the tables."""

from __future__ import annotations

import re

from components.batch import machines
from components.batch.findings import Finding, path_parts
from components.batch.machines import LOCAL_SSD_GB
from components.batch.rules.accelerators import accelerator_named
from components.batch.rules.rule import shown
from components.batch.rules.view import ALLOCATION, GROUP, INSTANCE, POLICY
from components.config.bench import Bench
from components.config.enlarge import MACHINE_TYPE, asked, families_like, smallest
from components.fix_config.mend_limits import as_said, taken_out
from components.fix_config.mend_shape import Mender


def machine_type(bench: Bench, finding: Finding) -> None:
    """A type that is none: the nearest name, or the smallest of its series that fits."""
    name = bench.view.machine_type
    if not name:
        return
    if meant := _custom_meant(name):
        bench.put(MACHINE_TYPE, meant, f"{finding.message}; memory is in MiB", rule=finding.rule)
        return
    near = machines.nearest(name)
    known = machines.lookup(near) if near else None
    sizeless = name.endswith(("*", "standard", "highmem", "highcpu"))
    if sizeless or "custom" in name or known is None or not machines.supported(known):
        known = smallest(*_asked_of_a_vm(bench), families_like(name))
    if known is None:
        bench.drop(MACHINE_TYPE, f"{finding.message}; Batch chooses one", rule=finding.rule)
        return
    reason = f"{finding.message}; {known.name} is the nearest that fits"
    bench.put(MACHINE_TYPE, known.name, reason, rule=finding.rule)


_CUSTOM = re.compile(
    r"(?:([a-z][0-9][a-z]?)-)?custom-(?:([a-z][0-9][a-z]?)-)?([0-9]{1,3})-([0-9]{1,7})"
    r"-?(m|mb|mib|g|gb|gib)?(-ext)?"
)


def _custom_meant(name: str) -> str:
    """The custom type that was meant, in MiB and steps of 256; empty where none can be."""
    found = _CUSTOM.fullmatch(name.strip().lower().replace("_", "-"))
    if found is None:
        return ""
    family, size, memory = found[1] or found[2] or "n1", found[3], int(found[4])
    if (found[5] or "").startswith("g") or (not found[5] and memory < 256):
        memory *= 1024
    for steps in (-(-memory // 256), memory // 256):
        meant = f"{family}-custom-{size}-{steps * 256}{found[6] or ''}"
        custom = machines.custom_type(meant)
        if custom is not None and meant != name and machines.custom_problem(custom) is None:
            return meant
    return ""


def _asked_of_a_vm(bench: Bench) -> tuple[float, float]:
    """The vCPUs and GiB that the tasks ask for which are to share a VM."""
    cpu, memory = asked(bench.view)
    count = max(1, int(bench.view.group.get("taskCountPerNode", 1) or 1))
    return cpu * count, memory * count


def one_type(bench: Bench, finding: Finding) -> None:
    """The first of several machine types."""
    names = re.split(r"[,;|/\s]+", bench.view.machine_type)
    first = next((name for name in names if machines.lookup(name) is not None), "")
    if first:
        bench.put(MACHINE_TYPE, first, f"{finding.message}; the first is kept", rule=finding.rule)


def series(bench: Bench, finding: Finding) -> None:
    """A series that Batch does not run on: one of its size that it does."""
    machine = bench.view.machine
    said = re.search(r"closest is (\S+)", finding.fix)
    if said:
        bench.put(MACHINE_TYPE, said[1], finding.message, rule=finding.rule)
        return
    size = (machine.vcpus, machine.memory_gib) if machine else asked(bench.view)
    other = smallest(*size, ("n2", "c3", "n2d", "m3"))
    if other is not None:
        reason = f"{finding.message}; {other.name} is of its size"
        bench.put(MACHINE_TYPE, other.name, reason, rule=finding.rule)


def custom_type(bench: Bench, finding: Finding) -> None:
    """A custom type that cannot be: the smallest predefined one that has as much."""
    name = bench.view.machine_type
    custom = machines.custom_type(name)
    if custom is None:
        return
    if meant := _custom_meant(name):
        bench.put(MACHINE_TYPE, meant, finding.message, rule=finding.rule)
        return
    vcpus = float(custom.size) if custom.size.isdigit() else 2.0
    other = smallest(vcpus, custom.memory_mib / 1024, families_like(custom.family))
    if other is not None:
        reason = f"{finding.message}; {other.name} has at least as much"
        bench.put(MACHINE_TYPE, other.name, reason, rule=finding.rule)


def larger_machine(bench: Bench, finding: Finding) -> None:
    """A task that asks for more than the machine has: the next one that has it."""
    view = bench.view
    machine = view.machine
    if machine is None:
        return
    cpu, memory = asked(view)
    families = families_like(machine.family)
    if view.has_gpu:  # GPUs are added to N1 machines only; others bring their own
        families = () if machine.gpu_count else ("n1",)
    other = smallest(max(cpu, 1), memory, families)
    if other is None:
        path = path_parts(finding.path)
        most = machine.vcpus * 1000 if path[-1] == "cpuMilli" else machine.memory_gib * 1024
        reason = f"{finding.message}; lowered to what it has"
        bench.put(path, int(most), reason, rule=finding.rule)
        return
    reason = f"{finding.message}; {other.name} is the smallest that has it"
    bench.put(MACHINE_TYPE, other.name, reason, rule=finding.rule)


def fewer_on_a_vm(bench: Bench, finding: Finding) -> None:
    """So many tasks on a VM as its memory takes."""
    said = re.search(r"taskCountPerNode to (\d+)", finding.fix)
    view = bench.view
    if said:
        count = int(said[1])
    elif view.machine is not None:
        cpu, memory = asked(view)
        count = int(min(view.machine.vcpus / cpu, view.machine.memory_gib / memory))
    else:
        return
    if count >= 1:
        bench.put((*GROUP, "taskCountPerNode"), count, finding.message, rule=finding.rule)


# --- GPUs -------------------------------------------------------------------------------------


def gpu_type(bench: Bench, finding: Finding) -> None:
    """A GPU that nobody offers, or no type at all: what its machine has, else a T4."""
    path = path_parts(finding.path)
    machine = bench.view.machine
    meant = accelerator_named(str(bench.get(path, "")))
    if machine is not None and machine.gpu_type:
        new = machine.gpu_type
    else:
        new = meant if meant and "k80" not in meant else "nvidia-tesla-t4"
    certain = new == meant
    reason = finding.message if certain else f"{finding.message}; {new} is assumed"
    bench.put(path, new, reason, certain=certain, rule=finding.rule)


def gpu_count(bench: Bench, finding: Finding) -> None:
    """A number of GPUs that a VM may have."""
    path = path_parts(finding.path)
    machine = bench.view.machine
    if machine is not None and machine.gpu_count:
        bench.put(path, machine.gpu_count, finding.message, rule=finding.rule)
    elif "at least 1" in finding.message:
        bench.put(path, 1, finding.message, rule=finding.rule)
    else:
        as_said(bench, finding)


def gpu_machine(bench: Bench, finding: Finding) -> None:
    """A machine that takes the GPU; or the GPU that the machine has."""
    path = path_parts(finding.path)
    machine = bench.view.machine
    if path == MACHINE_TYPE:
        as_said(bench, finding)
    elif machine is not None and machine.gpu_count:
        entry = {"type": machine.gpu_type, "count": machine.gpu_count}
        reason = f"{finding.message}; the machine type decides"
        bench.put(path, entry, reason, rule=finding.rule)


def smaller_n1(bench: Bench, finding: Finding) -> None:
    """The largest N1 machine of its kind that goes with so many GPUs."""
    view = bench.view
    entry = view.accelerators[0] if view.accelerators else {}
    limit = machines.gpu_limits().get((str(entry.get("type")), int(entry.get("count", 0))))
    kind = view.machine_type.rsplit("-", 1)[0]
    if limit is None:
        return
    fitting = [
        m
        for m in machines.machine_types().values()
        if m.name.rsplit("-", 1)[0] == kind
        and m.vcpus <= limit.max_vcpus
        and m.memory_gib <= limit.max_memory_gib
    ]
    if fitting:
        largest = max(fitting, key=lambda m: m.vcpus)
        bench.put(MACHINE_TYPE, largest.name, finding.message, rule=finding.rule)


def drivers(bench: Bench, finding: Finding) -> None:
    """Batch installs the driver."""
    path = (*INSTANCE, "installGpuDrivers")
    bench.put(path, True, finding.message, certain=True, rule=finding.rule)


def drivers_moved(bench: Bench, finding: Finding) -> None:
    """InstallGpuDrivers from the accelerator to the instance."""
    path = path_parts(finding.path)
    value = bench.get(path)
    bench.drop(path, finding.message, certain=True, rule=finding.rule)
    bench.put((*INSTANCE, "installGpuDrivers"), value, "moved here from the accelerator",
              certain=True, rule=finding.rule)  # fmt: skip


# --- provisioning -----------------------------------------------------------------------------


def flexible_start(bench: Bench, finding: Finding) -> None:
    """FLEX_START says NO_RESERVATION."""
    bench.put((*POLICY, "reservation"), "NO_RESERVATION", finding.message, certain=True,
              rule=finding.rule)  # fmt: skip


def no_reservation(bench: Bench, finding: Finding) -> None:
    """RESERVATION_BOUND without a reservation: on demand."""
    reason = f"{finding.message}, and none is named; STANDARD is assumed"
    bench.put((*POLICY, "provisioningModel"), "STANDARD", reason, rule=finding.rule)


def template(bench: Bench, finding: Finding) -> None:
    """The name of a template alone; it then stands for a global one."""
    path = path_parts(finding.path)
    name = str(bench.get(path, "")).rstrip("/").rsplit("/", 1)[-1]
    bench.put(path, name.lower(), f"{finding.message}; a global one of that name is assumed",
              rule=finding.rule)  # fmt: skip


def offered_model(bench: Bench, finding: Finding) -> None:
    """The provisioning model that the machine type is offered with."""
    new = "STANDARD" if bench.view.is_spot else "SPOT"
    bench.put((*POLICY, "provisioningModel"), new, finding.message, rule=finding.rule)


# --- disks ------------------------------------------------------------------------------------


def boot_image(bench: Bench, finding: Finding) -> None:
    """One of Batch's own images, by what the name says."""
    path = path_parts(finding.path)
    name = str(bench.get(path, "")).lower()
    if "cos" in name or "container-optimized" in name:
        new = "batch-cos"
    else:
        new = "batch-hpc-rocky" if "hpc" in name or "rocky" in name else "batch-debian"
    bench.put(path, new, f"{finding.message}; {new} is assumed", rule=finding.rule)


def boot_size(bench: Bench, finding: Finding) -> None:
    """A boot disk that holds its image."""
    bench.put((*POLICY, "bootDisk", "sizeGb"), 30, finding.message, rule=finding.rule)


def local_ssd_size(bench: Bench, finding: Finding) -> None:
    """Local SSDs in pieces of 375 GB, as many as the machine takes."""
    path = path_parts(finding.path)
    sizes = [int(n) for n in re.findall(r"\d+", finding.fix)]
    wanted = int(bench.get(path, 0) or 0)
    larger = [size for size in sizes if size >= wanted]
    if sizes:
        new = min(larger) if larger else max(sizes)
        bench.put(path, new, finding.message, rule=finding.rule)


def no_local_ssd(bench: Bench, finding: Finding) -> None:
    """A machine that takes no local SSD: one that does, or the disk as a persistent one."""
    path = path_parts(finding.path)
    if path[-1] == "sizeGb":
        local_ssd_size(bench, finding)
        return
    view = bench.view
    size = max(LOCAL_SSD_GB, int(bench.get((*path, "sizeGb"), 0) or 0))
    if view.machine is not None and "has its own" in finding.message:
        bench.drop(path[:-1], finding.message, rule=finding.rule)
        return
    reason = f"{finding.message}; a pd-ssd of the same size takes its place"
    bench.put(path, {"type": "pd-ssd", "sizeGb": size}, reason, rule=finding.rule)


def existing_disk(bench: Bench, finding: Finding) -> None:
    """The VMs go where the disk is."""
    path = path_parts(finding.path)
    said = re.search(r'\["((?:zones|regions)/[a-z0-9-]+)"\]', finding.fix)
    if said and path[-1] == "allowedLocations":
        where = (*ALLOCATION, "location", "allowedLocations")
        bench.put(where, [said[1]], finding.message, certain=True, rule=finding.rule)


def disk_type(bench: Bench, finding: Finding) -> None:
    """The type of a boot disk that exists, and that the machine boots from."""
    as_said(bench, finding)


def waste(bench: Bench, finding: Finding) -> None:
    """The smallest machine of the series that carries one task."""
    view = bench.view
    other = smallest(*asked(view), families_like(view.machine_type))
    if other is not None and other.vcpus < (view.machine.vcpus if view.machine else 0):
        reason = f"{finding.message}; {shown(other.name)} carries a task"
        bench.put(MACHINE_TYPE, other.name, reason, rule=finding.rule)


MENDERS: dict[str, Mender] = {
    "MT_SERIES": series,
    "MT_KNOWN": machine_type,
    "MT_CUSTOM": custom_type,
    "MT_METAL": machine_type,
    "MT_ONE": one_type,
    "CR_FIT": larger_machine,
    "PACK_MEM": fewer_on_a_vm,
    "TCPN_FIT": fewer_on_a_vm,
    "CR_WASTE": waste,
    "ACC_TYPE": gpu_type,
    "ACC_COUNT": gpu_count,
    "ACC_N1": as_said,
    "ACC_IMPLICIT": gpu_machine,
    "ACC_N1_CPU": smaller_n1,
    "ACC_DRV": drivers,
    "ACC_DRV_OLD": drivers_moved,
    "ACC_DRV_NOGPU": taken_out,
    "ACC_PACK": as_said,
    "PM_FLEX": flexible_start,
    "PM_RESBOUND": no_reservation,
    "PM_SPOT_TYPE": offered_model,
    "PM_NO_ONDEMAND": offered_model,
    "RES_FORM": taken_out,
    "TPL_FORM": template,
    "BD_IMAGE": boot_image,
    "BD_EOL": as_said,
    "BD_SIZE": boot_size,
    "BD_TYPE": disk_type,
    "DISK_IFACE": as_said,
    "DISK_EXIST": existing_disk,
    "LSSD_SIZE": local_ssd_size,
    "LSSD_FIT": no_local_ssd,
}
