"""Machine types that Batch can use, from dated tables (`data/sources.json` says from where)."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

LOCAL_SSD_GB = 375

DATA = Path(__file__).parent / "data"

_CUSTOM = re.compile(
    r"(?:(?P<family>[a-z][a-z0-9]{0,3})-)?custom-(?P<size>micro|small|medium|[0-9]{1,4})"
    r"-(?P<memory>[0-9]{1,8})(?P<ext>-ext)?\Z"
)


@dataclass(frozen=True)
class Machine:
    """A machine type.

    Attributes:
        name: for example `n1-standard-8` or `n2-custom-6-20480`.
        family: the series, for example `n1`.
        vcpus: how many; shared-core types have a fraction's worth but show 2.
        memory_gib: GiB.
        gpu_type: of the GPUs that come with the type; empty where none do.
        gpu_count: of those.
        arch: `x86_64` or `arm64`.
        notes: remarks of the table, such as `not_in_batch_supported_series`.
        spot_ok: whether Compute Engine offers it as Spot.
    """

    name: str
    family: str
    vcpus: float
    memory_gib: float
    gpu_type: str = ""
    gpu_count: int = 0
    arch: str = "x86_64"
    notes: frozenset[str] = frozenset()
    spot_ok: bool = True


@dataclass(frozen=True)
class Family:
    """A machine series: `custom_types` is `yes`, `no` or `memory only`."""

    name: str
    arch: str
    custom_types: str
    custom_gib_per_vcpu: tuple[float, float]
    safe_boot_disk_type: str


@dataclass(frozen=True)
class GpuLimit:
    """The most that an N1 machine may have with that many GPUs of that type."""

    gpu_type: str
    gpu_count: int
    max_vcpus: int
    max_memory_gib: int


@lru_cache(maxsize=1)
def machine_types() -> dict[str, Machine]:
    """All predefined types of the table, by name."""
    return {row["machine_type"]: _machine(row) for row in _rows("machine_types.csv")}


@lru_cache(maxsize=1)
def families() -> dict[str, Family]:
    """The series that Batch lists, by name."""
    return {row["family"]: _family(row) for row in _rows("machine_families.csv")}


@lru_cache(maxsize=1)
def gpu_limits() -> dict[tuple[str, int], GpuLimit]:
    """The GPUs that attach to N1 machines, by type and count."""
    return {
        (row["gpu_type"], int(row["gpu_count"])): GpuLimit(
            row["gpu_type"],
            int(row["gpu_count"]),
            int(row["max_vcpus"]),
            int(row["max_memory_gib"]),
        )
        for row in _rows("n1_gpu_attach.csv")
    }


@lru_cache(maxsize=1)
def gpu_counts() -> dict[str, frozenset[int]]:
    """How many GPUs of each type one VM may have."""
    counts: dict[str, set[int]] = {}
    for gpu_type, count in gpu_limits():
        counts.setdefault(gpu_type, set()).add(count)
    for machine in machine_types().values():
        if machine.gpu_type and supported(machine):
            counts.setdefault(machine.gpu_type, set()).add(machine.gpu_count)
    return {gpu_type: frozenset(found) for gpu_type, found in counts.items()}


def lookup(name: str) -> Machine | None:
    """The data of a machine type, predefined or custom; None where there is no such type."""
    return machine_types().get(name) or _custom(name)


def nearest(name: str) -> str | None:
    """The known type whose name is nearest; types that Batch takes come first."""
    known = machine_types()
    asked = name.strip().lower().replace("_", "-").rsplit("/", 1)[-1]
    if asked in known:
        return asked
    letters, parts = asked.replace("-", ""), sorted(asked.split("-"))
    for other in known:
        if other.replace("-", "") == letters or sorted(other.split("-")) == parts:
            return other
    kind, _, size = asked.rpartition("-")
    if size.isdecimal() and (alike := [m for m in known if m.rpartition("-")[0] == kind]):
        sizes = {int(m.rpartition("-")[2]): m for m in alike if m.rpartition("-")[2].isdecimal()}
        larger = [number for number in sizes if number >= int(size)]
        return sizes[min(larger) if larger else max(sizes)] if sizes else None
    close = get_close_matches(asked, list(known), n=5, cutoff=0.7)
    usable = [found for found in close if supported(known[found])]
    return next(iter(usable or close), None)


def supported(machine: Machine) -> bool:
    """Whether Batch lists the type's series."""
    return "not_in_batch_supported_series" not in machine.notes


def local_ssd_counts(machine: Machine) -> frozenset[int] | None:
    """How many local SSDs of 375 GB the type may be given; empty: none; None: not known."""
    rows = [row for row in _rows("local_ssd_counts.csv") if row["family"] == machine.family]
    if not rows or any(note.startswith("local_ssd_included") for note in machine.notes):
        return frozenset()
    for row in rows:
        if int(row["vcpus_from"]) <= machine.vcpus <= int(row["vcpus_to"]):
            counts = row["counts"]
            return None if counts == "unknown" else frozenset(int(n) for n in counts.split())
    return None


@dataclass(frozen=True)
class CustomType:
    """The parts of a custom machine type's name: `n2-custom-6-20480-ext`."""

    family: str
    size: str
    memory_mib: int
    extended: bool


def custom_type(name: str) -> CustomType | None:
    """The parts of a custom type's name; None where it has not that form."""
    found = _CUSTOM.match(name)
    if found is None:
        return None
    return CustomType(
        found["family"] or "n1", found["size"], int(found["memory"]), found["ext"] is not None
    )


def custom_problem(custom: CustomType) -> str | None:
    """What Compute Engine would refuse about a custom type; None where nothing is known.

    The rules are those of the Compute Engine guide for custom machine types.
    """
    family = families().get(custom.family)
    if family is None or family.custom_types == "no":
        return f"the {custom.family.upper()} series has no custom machine types"
    if custom.memory_mib % 256:
        return f"memory must be a multiple of 256 MiB, not {custom.memory_mib}"
    if not custom.size.isdigit() or family.custom_types == "memory only":
        return None
    vcpus = int(custom.size)
    allowed = _CUSTOM_VCPUS[custom.family]
    if vcpus not in allowed:
        return f"{custom.family.upper()} custom types take {allowed.words} vCPUs, not {vcpus}"
    low, high = family.custom_gib_per_vcpu
    gib = custom.memory_mib / 1024
    if gib < low * vcpus:
        return f"{vcpus} vCPUs need at least {low * vcpus:g} GiB ({low:g} per vCPU), not {gib:g}"
    if gib > high * vcpus and not custom.extended:
        return (
            f"{vcpus} vCPUs take at most {high * vcpus:g} GiB ({high:g} per vCPU), not {gib:g}, "
            "unless the name ends in -ext"
        )
    return None


class _Vcpus(frozenset[int]):
    """The vCPU counts of a series' custom types, with the words for them."""

    words: str

    def __new__(cls, counts: set[int], words: str) -> _Vcpus:
        made = super().__new__(cls, counts)
        made.words = words
        return made


_CUSTOM_VCPUS = {
    "e2": _Vcpus({*range(2, 33, 2)}, "an even number from 2 to 32"),
    "n1": _Vcpus({1, *range(2, 97, 2)}, "1 or an even number up to 96"),
    "n2": _Vcpus({*range(2, 33, 2), *range(36, 81, 4)}, "2 to 32 (even) or 36 to 80 (by fours)"),
    "n2d": _Vcpus({2, 4, 8, *range(16, 97, 16)}, "2, 4, 8 or a multiple of 16 up to 96"),
    "n4": _Vcpus({*range(2, 81, 2)}, "an even number from 2 to 80"),
}


def _custom(name: str) -> Machine | None:
    custom = custom_type(name)
    if custom is None or custom.family not in families():
        return None
    vcpus = float(custom.size) if custom.size.isdigit() else 2.0
    return Machine(
        name=name,
        family=custom.family,
        vcpus=vcpus,
        memory_gib=custom.memory_mib / 1024,
        arch=families()[custom.family].arch,
        gpu_type="nvidia-l4" if custom.family == "g2" else "",
        gpu_count=_G2_GPUS.get(int(vcpus), 1) if custom.family == "g2" else 0,
    )


_G2_GPUS = {24: 2, 48: 4, 96: 8}


@lru_cache(maxsize=8)
def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _machine(row: dict[str, str]) -> Machine:
    return Machine(
        name=row["machine_type"],
        family=row["family"],
        vcpus=float(row["vcpus"]),
        memory_gib=float(row["memory_gib"]),
        gpu_type=row["gpu_type"],
        gpu_count=int(float(row["gpu_count"] or 0)),
        arch=row["arch"],
        notes=frozenset(filter(None, row["notes"].split(";"))),
        spot_ok=row["spot_ok"] == "yes",
    )


def _family(row: dict[str, str]) -> Family:
    low, _, high = row["custom_gib_per_vcpu"].partition("-")
    per_vcpu = (float(low), float(high)) if high[:1].isdigit() else (0.0, 1e9)
    return Family(
        name=row["family"],
        arch=row["arch"],
        custom_types=row["custom_types"],
        custom_gib_per_vcpu=per_vcpu,
        safe_boot_disk_type=row["safe_boot_disk_type"],
    )
