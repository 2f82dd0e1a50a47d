"""Rules of boot disks, attached disks and local SSDs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from components.batch import machines
from components.batch.findings import Path
from components.batch.machines import LOCAL_SSD_GB
from components.batch.rules.placeholders import placeholder_in
from components.batch.rules.rule import Problem, RuleSet, shown
from components.batch.rules.view import ALLOCATION, INSTANCE, POLICY, JobView

RULES = RuleSet()

BOOT: Path = (*POLICY, "bootDisk")

SMALLEST_BOOT_GB = 30  # Batch's own images
LARGE_BOOT_GB = 1000

_SHORT_IMAGE = re.compile(
    r"batch-(?:debian|cos|hpc-rocky|centos|hpc-centos|rocky|ubuntu)(?:-[a-z0-9-]+)?\Z"
)
_IMAGE = re.compile(
    r"(?:https://(?:www|compute)\.googleapis\.com/compute/(?:v1|beta)/)?"
    r"(?:projects/[^/\s]+/)?(?:global/)?images/(?:family/)?[a-z0-9][-a-z0-9]{0,120}\Z"
)
_CENTOS = re.compile(r"batch-(?:hpc-)?centos")
_OLD_DEBIAN = re.compile(r"batch-debian-11-official")
_TYPES = frozenset(
    {
        "pd-standard",
        "pd-balanced",
        "pd-ssd",
        "pd-extreme",
        "local-ssd",
        "hyperdisk-balanced",
        "hyperdisk-extreme",
        "hyperdisk-throughput",
        "hyperdisk-ml",
        "hyperdisk-balanced-high-availability",
    }
)


@RULES.rule("BD_IMAGE", "error", "P, RN")
def boot_image(view: JobView) -> Iterator[Problem]:
    """A boot image is one of Batch's short names, or an image's path."""
    image = view.boot_disk.get("image", "")
    if (
        image
        and not _CENTOS.search(image)
        and not _SHORT_IMAGE.match(image)
        and not _IMAGE.match(image)
    ):
        yield Problem(
            (*BOOT, "image"),
            f"{shown(image)} is no boot image",
            "use batch-debian, batch-cos, batch-hpc-rocky, or projects/PROJECT/global/images/IMAGE",
        )


@RULES.rule("BD_EOL", "error", "RN, TS")
def boot_image_ended(view: JobView) -> Iterator[Problem]:
    """Boot images that have ended."""
    image = view.boot_disk.get("image", "")
    if _CENTOS.search(image):
        other = "batch-hpc-rocky" if "hpc" in image else "batch-debian"
        yield Problem(
            (*BOOT, "image"), f"{shown(image)}: CentOS images ended on 2024-08-27", f"use {other}"
        )
    elif _OLD_DEBIAN.search(image):
        yield Problem(
            (*BOOT, "image"),
            f"{shown(image)}: Debian 11 images ended on 2026-08-31",
            "use batch-debian",
        )


@RULES.rule("BD_SNAPSHOT", "error", "P")
def boot_snapshot(view: JobView) -> Iterator[Problem]:
    """A boot disk cannot come from a snapshot."""
    if "snapshot" in view.boot_disk and "image" not in view.boot_disk:
        yield Problem(
            (*BOOT, "snapshot"), "Batch boots from images only", "make an image of the snapshot"
        )


@RULES.rule("BD_SIZE", "error", "P")
def boot_size(view: JobView) -> Iterator[Problem]:
    """A boot disk holds its image."""
    size = view.boot_disk.get("sizeGb")
    if size is None:
        return
    where = (*BOOT, "sizeGb")
    own_image = "/" in view.boot_disk.get("image", "")
    if size < 1 or (size < 10 and own_image):
        yield Problem(
            where, f"sizeGb {size} is out of range; the least is 10 GB", f"use {SMALLEST_BOOT_GB}"
        )
    elif size < SMALLEST_BOOT_GB and not own_image:
        yield Problem(
            where,
            f"sizeGb {size} is less than the {SMALLEST_BOOT_GB} GB of Batch's images",
            f"use {SMALLEST_BOOT_GB} or more",
            severity="error" if size < 10 else "warning",
        )
    elif size > LARGE_BOOT_GB:
        yield Problem(
            where,
            f"every VM gets a boot disk of {size} GB",
            "a smaller one, and a bucket or an attached disk for data, costs less",
            severity="warning",
        )


@RULES.rule("BD_TYPE", "error", "use")
def boot_type(view: JobView) -> Iterator[Problem]:
    """A disk type that exists and that the machine can boot from."""
    kind = view.boot_disk.get("type", "")
    where = (*BOOT, "type")
    if kind and kind not in _TYPES:
        near = _nearest_type(kind)
        yield Problem(where, f"{shown(kind)} is no disk type", f"write {near}")
        return
    if kind == "local-ssd":
        yield Problem(where, "a VM cannot boot from a local SSD", "use pd-balanced")
    elif (
        kind
        and view.machine is not None
        and _hyperdisk_only(view)
        and not kind.startswith("hyperdisk")
    ):
        yield Problem(
            where,
            f"{view.machine_type} cannot boot from {kind}",
            f"write {_safe_boot(view)}",
        )
    elif (
        kind.startswith("hyperdisk")
        and view.machine is not None
        and view.machine.family in ("e2", "n1")
    ):
        yield Problem(where, f"{view.machine_type} cannot boot from {kind}", "write pd-balanced")
    elif (
        kind == "pd-standard"
        and view.machine is not None
        and view.machine.family in ("c3", "c3d", "h3")
    ):
        yield Problem(
            where, f"{view.machine_type} cannot boot from pd-standard", "write pd-balanced"
        )


def _hyperdisk_only(view: JobView) -> bool:
    machine = view.machine
    return machine is not None and (
        _safe_boot(view) == "hyperdisk-balanced" or machine.name.startswith("a3-ultragpu")
    )


def _safe_boot(view: JobView) -> str:
    family = machines.families().get(view.machine.family) if view.machine else None
    if view.machine and view.machine.name.startswith("a3-ultragpu"):
        return "hyperdisk-balanced"
    return family.safe_boot_disk_type.split(" ")[0] if family else "pd-balanced"


def _nearest_type(kind: str) -> str:
    folded = kind.lower().replace("_", "-").replace("persistent-disk-", "pd-")
    named = {
        "ssd": "pd-ssd",
        "hdd": "pd-standard",
        "standard": "pd-standard",
        "balanced": "pd-balanced",
    }
    return folded if folded in _TYPES else named.get(folded, "pd-balanced")


@RULES.rule("BD_OPS", "warning", "use")
def ops_agent(view: JobView) -> Iterator[Problem]:
    """The Ops Agent is not for Container-Optimized OS."""
    if view.instance.get("installOpsAgent") and view.boot_is_cos:
        yield Problem(
            (*INSTANCE, "installOpsAgent"),
            "the Ops Agent cannot be installed on Container-Optimized OS, which this job boots",
            "set bootDisk.image to batch-debian",
        )


@RULES.rule("BD_SCRIPT_COS", "warning", "use")
def packages_on_cos(view: JobView) -> Iterator[Problem]:
    """Container-Optimized OS has no packages to install."""
    if not view.boot_is_cos:
        return
    for path, script in view.scripts_at():
        found = re.search(
            r"\b(?:apt-get|apt|yum|dnf|pip3?)\s+install\b", script.get("text", "")[:100_000]
        )
        if found:
            yield Problem(
                (*path, "text"),
                f"{shown(found[0])} does not work on Container-Optimized OS",
                "use batch-debian, or a container",
            )


def _disks(view: JobView) -> Iterator[tuple[Path, dict[str, Any]]]:
    for index, disk in enumerate(view.disks):
        yield (*POLICY, "disks", index), disk


@RULES.rule("DISK_ONEOF", "error", "P")
def disk_source(view: JobView) -> Iterator[Problem]:
    """An attached disk is new or existing, and has a name."""
    for path, disk in _disks(view):
        if "newDisk" not in disk and "existingDisk" not in disk:
            yield Problem(
                path, "the disk is neither new nor existing", "give newDisk or existingDisk"
            )
        if not disk.get("deviceName"):
            yield Problem(
                (*path, "deviceName"),
                "without deviceName no volume can mount the disk",
                "name it, and use the name in a volume",
                severity="warning",
            )


@RULES.rule("DISK_EXIST", "error", "ST, P")
def existing_disk(view: JobView) -> Iterator[Problem]:
    """An existing disk binds the job to its place."""
    places = view.allocation.get("location", {}).get("allowedLocations", [])
    for path, disk in _disks(view):
        name = str(disk.get("existingDisk", ""))
        if "existingDisk" not in disk or placeholder_in(name):
            continue
        where = (*path, "existingDisk")
        home = re.search(r"((?:zones|regions)/[a-z0-9-]+)/disks/", name)
        if not name:
            yield Problem(where, "existingDisk is empty", "write the disk's path")
        elif home and set(places) != {home[1]}:
            # Documented is the disk's place and nothing else; with its place among others the
            # job may get VMs that can use the disk.
            yield Problem(
                (*ALLOCATION, "location", "allowedLocations"),
                f"disk {shown(name)} is in {home[1]}; VMs elsewhere cannot use it",
                f'use "allowedLocations": ["{home[1]}"]',
                severity="error" if places and home[1] not in places else "warning",
            )


@RULES.rule("DISK_IFACE", "error", "P, use")
def disk_interface(view: JobView) -> Iterator[Problem]:
    """A disk's interface is NVMe or SCSI."""
    found: list[tuple[Path, str]] = [(BOOT, str(view.boot_disk.get("diskInterface", "")))]
    for path, disk in _disks(view):
        found.append(((*path, "newDisk"), str(disk.get("newDisk", {}).get("diskInterface", ""))))
    for path, interface in found:
        if interface and interface not in ("NVMe", "SCSI", "NVME"):
            meant = {"nvme": "NVMe", "scsi": "SCSI"}.get(interface.lower())
            yield Problem(
                (*path, "diskInterface"),
                f"{shown(interface)}: diskInterface can only be NVMe or SCSI",
                f"write {meant}" if meant else "use NVMe",
            )


def _local_ssds(view: JobView) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path, disk in _disks(view):
        if disk.get("newDisk", {}).get("type") == "local-ssd":
            yield (*path, "newDisk"), disk["newDisk"]


@RULES.rule("LSSD_SIZE", "warning", "P")
def local_ssd_size(view: JobView) -> Iterator[Problem]:
    """Local SSDs come in pieces of 375 GB."""
    for path, disk in _local_ssds(view):
        size = disk.get("sizeGb", 0)
        if size % LOCAL_SSD_GB or size <= 0:
            larger = max(LOCAL_SSD_GB, -(-size // LOCAL_SSD_GB) * LOCAL_SSD_GB)
            yield Problem(
                (*path, "sizeGb"),
                f"sizeGb {size} is no multiple of {LOCAL_SSD_GB}; Batch rounds it up",
                f"use {larger}",
            )


@RULES.rule("LSSD_FIT", "error", "SSD, use")
def local_ssd_fits(view: JobView) -> Iterator[Problem]:
    """As many local SSDs as the machine takes."""
    if view.machine is None:
        return
    allowed = machines.local_ssd_counts(view.machine)
    for path, disk in _local_ssds(view):
        count = max(1, -(-int(disk.get("sizeGb", 0)) // LOCAL_SSD_GB))
        if allowed is None or count in allowed:
            continue
        if not allowed:
            included = any(note.startswith("local_ssd_included") for note in view.machine.notes)
            why = "has its own local SSDs already" if included else "takes no local SSD"
            yield Problem(
                path, f"{view.machine_type} {why}", "remove the disk, or use an N2 or C2 machine"
            )
        else:
            sizes = ", ".join(str(n * LOCAL_SSD_GB) for n in sorted(allowed))
            yield Problem(
                (*path, "sizeGb"),
                f"{view.machine_type} cannot take {count} local SSDs ({count * LOCAL_SSD_GB} GB)",
                f"use one of {sizes} GB",
            )


@RULES.rule("LSSD_DATA", "warning", "SSD")
def local_ssd_is_lost(view: JobView) -> Iterator[Problem]:
    """What is on a local SSD goes with the VM."""
    if any(True for _ in _local_ssds(view)) and not any(
        "gcs" in volume or "nfs" in volume for volume in view.volumes
    ):
        path = next(path for path, _ in _local_ssds(view))
        yield Problem(
            path,
            "what is written to a local SSD is gone with the VM, and no bucket is mounted",
            "copy results to Cloud Storage",
        )
