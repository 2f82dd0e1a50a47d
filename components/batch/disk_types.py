"""Disk types and the machines that take them, from a dated table (`data/sources.json`)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache

from components.batch.machines import DATA, Machine, families


@dataclass(frozen=True)
class DiskType:
    """A disk type of Compute Engine.

    Attributes:
        name: for example `pd-ssd`.
        boots: whether a VM can boot from it.
        not_on: machine series that do not take it, of those that take other disks of its kind.
    """

    name: str
    boots: bool
    not_on: frozenset[str]


@lru_cache(maxsize=1)
def disk_types() -> dict[str, DiskType]:
    """All disk types, by name."""
    with (DATA / "disk_types.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["type"]: DiskType(
                row["type"], row["boots"] == "yes", frozenset(row["not_on"].split())
            )
            for row in csv.DictReader(file)
        }


def takes_disk(machine: Machine, kind: DiskType) -> bool:
    """Whether a disk of that type can be attached to the machine, as far as the tables say."""
    if kind.name.startswith("pd-") and safe_boot_type(machine).startswith("hyperdisk"):
        return False
    return machine.family not in kind.not_on


def safe_boot_type(machine: Machine) -> str:
    """A disk type that the machine boots from."""
    family = families().get(machine.family)
    if "hyperdisk_boot_disk" in machine.notes or family is None:
        return "hyperdisk-balanced" if "hyperdisk_boot_disk" in machine.notes else "pd-balanced"
    return family.safe_boot_disk_type.split(" ")[0]


_ALSO_CALLED = {"ssd": "pd-ssd", "hdd": "pd-standard", "standard": "pd-standard"}


def nearest_disk_type(name: str) -> str:
    """The disk type that was meant; pd-balanced where that is not clear."""
    folded = name.strip().lower().replace("_", "-").replace("persistent-disk-", "pd-")
    meant = folded if folded in disk_types() else _ALSO_CALLED.get(folded)
    return meant or "pd-balanced"
