"""Rules of GPUs: types, counts, the machines that take them, drivers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from components.batch import machines
from components.batch.findings import Path
from components.batch.rules.placeholders import placeholder_in
from components.batch.rules.rule import Problem, RuleSet, shown
from components.batch.rules.view import GROUP, INSTANCE, POLICY, JobView

RULES = RuleSet()

ACCELERATORS: Path = (*POLICY, "accelerators")

_VWS = re.compile(r"-vws\Z")
_SHORT_NAMES = {
    "t4": "nvidia-tesla-t4",
    "p4": "nvidia-tesla-p4",
    "p100": "nvidia-tesla-p100",
    "v100": "nvidia-tesla-v100",
    "k80": "nvidia-tesla-k80",
    "l4": "nvidia-l4",
    "a100": "nvidia-tesla-a100",
    "a10040gb": "nvidia-tesla-a100",
    "a10080gb": "nvidia-a100-80gb",
    "h100": "nvidia-h100-80gb",
    "h10080gb": "nvidia-h100-80gb",
    "h100mega": "nvidia-h100-mega-80gb",
    "h200": "nvidia-h200-141gb",
    "b200": "nvidia-b200",
}


def accelerator_named(text: str) -> str | None:
    """The GPU type that a name stands for (`T4`, `nvidia-t4`, `tesla-t4`); None if unknown."""
    folded = re.sub(r"[^a-z0-9]", "", text.lower())
    for word in ("nvidia", "tesla", "gpu"):
        folded = folded.replace(word, "")
    return _SHORT_NAMES.get(folded)


def _given(view: JobView) -> Iterator[tuple[Path, str, int]]:
    """Path, type and count of each GPU entry."""
    for index, entry in enumerate(view.accelerators):
        yield (*ACCELERATORS, index), str(entry.get("type", "")), int(entry.get("count", 0))


def _attaches_to_n1(gpu_type: str) -> bool:
    return any(known == gpu_type for known, _ in machines.gpu_limits())


@RULES.rule("ACC_ONE", "error", "use")
def one_gpu_type(view: JobView) -> Iterator[Problem]:
    """One GPU type a VM."""
    if len(view.accelerators) > 1:
        yield Problem(
            (*ACCELERATORS, 1),
            f"{len(view.accelerators)} accelerators; a VM takes one type of GPU",
            "keep one, and give its count",
        )


@RULES.rule("ACC_TYPE", "error", "GPU")
def gpu_type(view: JobView) -> Iterator[Problem]:
    """A GPU type that Compute Engine offers."""
    known = machines.gpu_counts()
    for path, name, _ in _given(view):
        where = (*path, "type")
        plain = _VWS.sub("", name)
        if plain in known and "k80" not in plain:
            continue
        if "k80" in plain.lower():
            yield Problem(where, f"{shown(name)} is no longer offered", "use nvidia-tesla-t4")
            continue
        meant = accelerator_named(name)
        listed = ", ".join(sorted(t for t in known if "k80" not in t))
        yield Problem(
            where,
            f"{shown(name)} is no GPU type" if name else "the accelerator has no type",
            f"write {meant}" if meant else f"use one of {listed}",
        )


@RULES.rule("ACC_COUNT", "error", "use")
def gpu_count(view: JobView) -> Iterator[Problem]:
    """As many GPUs as one VM may have."""
    for path, name, count in _given(view):
        allowed = machines.gpu_counts().get(_VWS.sub("", accelerator_named(name) or name))
        where = (*path, "count")
        if count < 1:
            yield Problem(
                where,
                f"count {count}: at least 1 GPU is needed",
                "set count, or remove the accelerator",
            )
        elif allowed and count not in allowed:
            numbers = ", ".join(str(n) for n in sorted(allowed))
            yield Problem(
                where,
                f"a VM cannot have {count} {name}; it may have {numbers}",
                f"use {min((n for n in allowed if n >= count), default=max(allowed))}",
            )


@RULES.rule("ACC_N1", "error", "GPU, use")
def gpu_needs_n1(view: JobView) -> Iterator[Problem]:
    """T4, P4, V100 and P100 go with N1 machines only."""
    family = view.machine.family if view.machine else ""
    for _, name, _ in _given(view):
        plain = _VWS.sub("", accelerator_named(name) or name)
        if not family or not _attaches_to_n1(plain) or family == "n1":
            continue
        if view.machine is not None and view.machine.gpu_count:
            continue  # ACC_IMPLICIT says what the machine brings
        near = _n1_like(view)
        yield Problem(
            (*POLICY, "machineType"),
            f"{view.machine_type} cannot take {shown(plain)}; only N1 machines can",
            f"use {near}",
        )


def _n1_like(view: JobView) -> str:
    vcpus = view.machine.vcpus if view.machine else 4
    memory = view.machine.memory_gib if view.machine else 15
    fitting = [
        m
        for m in machines.machine_types().values()
        if m.family == "n1" and m.vcpus >= vcpus and m.memory_gib >= memory * 0.9
    ]
    return min(fitting, key=lambda m: (m.vcpus, m.memory_gib)).name if fitting else "n1-standard-8"


@RULES.rule("ACC_N1_CPU", "error", "use")
def n1_size_for_gpu(view: JobView) -> Iterator[Problem]:
    """How large an N1 machine may be with so many GPUs."""
    machine = view.machine
    if machine is None or machine.family != "n1":
        return
    for path, name, count in _given(view):
        limit = machines.gpu_limits().get((_VWS.sub("", accelerator_named(name) or name), count))
        if limit and (machine.vcpus > limit.max_vcpus or machine.memory_gib > limit.max_memory_gib):
            yield Problem(
                (*path, "count"),
                f"{count} x {name} go with at most {limit.max_vcpus} vCPUs and "
                f"{limit.max_memory_gib} GiB; {machine.name} has {machine.vcpus:g} and "
                f"{machine.memory_gib:g}",
                "take a smaller N1 machine or more GPUs",
            )


@RULES.rule("ACC_IMPLICIT", "error", "GPU")
def gpu_of_machine(view: JobView) -> Iterator[Problem]:
    """A2, A3, A4 and G2 machines bring their own GPUs."""
    machine = view.machine
    if machine is None:
        return
    for path, name, count in _given(view):
        plain = _VWS.sub("", accelerator_named(name) or name)
        if machine.gpu_count:
            if plain != machine.gpu_type or count != machine.gpu_count:
                yield Problem(
                    path,
                    f"{machine.name} has {machine.gpu_count} x {machine.gpu_type}, not {count} x "
                    f"{name}",
                    "remove accelerators, or say exactly what the machine has",
                )
        elif plain in machines.gpu_counts() and not _attaches_to_n1(plain):
            fitting = _machines_with(plain, count)
            yield Problem(
                (*POLICY, "machineType"),
                f"{shown(plain)} cannot be added to {machine.name}; it has machines of its own",
                f"use {fitting}" if fitting else "use a machine type that brings it",
            )


def _machines_with(gpu_type_name: str, count: int) -> str | None:
    fitting = [
        m
        for m in machines.machine_types().values()
        if m.gpu_type == gpu_type_name and m.gpu_count == count and machines.supported(m)
    ]
    return min(fitting, key=lambda m: (m.vcpus, m.memory_gib)).name if fitting else None


@RULES.rule("ACC_NO_MT", "hint", "use")
def gpu_without_machine(view: JobView) -> Iterator[Problem]:
    """A GPU without machine type."""
    if view.accelerators and not view.machine_type and not view.template:
        yield Problem(
            (*POLICY, "machineType"),
            "Batch chooses the machine for this GPU",
            "name one to be sure",
        )


@RULES.rule("ACC_DRV", "warning", "P")
def gpu_drivers(view: JobView) -> Iterator[Problem]:
    """GPUs need a driver."""
    old = any(entry.get("installGpuDrivers") for entry in view.accelerators)
    own_image = "/" in view.boot_disk.get("image", "")
    if view.has_gpu and not view.instance.get("installGpuDrivers") and not old and not own_image:
        yield Problem(
            (*INSTANCE, "installGpuDrivers"),
            "the VM has a GPU, but no driver is installed unless its image has one",
            "set installGpuDrivers to true",
        )


@RULES.rule("ACC_DRV_OLD", "warning", "P")
def gpu_drivers_old_place(view: JobView) -> Iterator[Problem]:
    """The old place of installGpuDrivers."""
    for index, entry in enumerate(view.accelerators):
        if "installGpuDrivers" in entry:
            yield Problem(
                (*ACCELERATORS, index, "installGpuDrivers"),
                "installGpuDrivers is deprecated here",
                "move it to instances[0]",
            )


@RULES.rule("ACC_DRV_NOGPU", "warning", "use")
def gpu_drivers_for_nothing(view: JobView) -> Iterator[Problem]:
    """Drivers without a GPU."""
    unknown = view.machine is None and bool(view.machine_type)
    if (
        view.instance.get("installGpuDrivers")
        and not view.has_gpu
        and not view.template
        and not unknown
    ):
        yield Problem(
            (*INSTANCE, "installGpuDrivers"),
            "installGpuDrivers is true, but no GPU is asked for",
            "remove it, or ask for a GPU",
        )


@RULES.rule("ACC_PACK", "warning", "X")
def shared_gpus(view: JobView) -> Iterator[Problem]:
    """Tasks of one VM all see all its GPUs."""
    tasks = int(view.group.get("taskCountPerNode", 1))
    if view.has_gpu and tasks > 1:
        yield Problem(
            (*GROUP, "taskCountPerNode"),
            f"{tasks} tasks share the GPUs of one VM; each of them sees all",
            "set it to 1, or choose the device by BATCH_TASK_INDEX",
        )


@RULES.rule("ACC_UNUSED", "hint", "use")
def gpu_without_use(view: JobView) -> Iterator[Problem]:
    """A GPU that nothing seems to use."""
    if not view.has_gpu or any("container" in runnable for runnable in view.runnables):
        return
    texts = [script.get("text", "")[:100_000] for _, script in view.scripts_at()]
    if (
        texts
        and all(texts)
        and not any(re.search(r"(?i)gpu|cuda|nvidia|torch|tensor|python|docker", t) for t in texts)
    ):
        yield Problem(ACCELERATORS, "no step seems to use the GPU", "remove it if it is not needed")


@RULES.rule("ACC_QUOTA", "hint", "use")
def gpu_quota(view: JobView) -> Iterator[Problem]:
    """New projects may not use GPUs at all."""
    names = [name for _, name, _ in _given(view) if not placeholder_in(name)]
    if view.has_gpu:
        what = names[0] if names else (view.machine.gpu_type if view.machine else "GPUs")
        yield Problem(
            ACCELERATORS if view.accelerators else (*POLICY, "machineType"),
            f"a new project's quota for {what} is 0, and the job then waits until it fails",
            "see the project's GPU quota in the region first",
        )
