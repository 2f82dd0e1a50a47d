"""Rules of boot disks, attached disks and local SSDs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from components.batch import machines
from components.batch.disk_types import (
    disk_types,
    nearest_disk_type,
    safe_boot_type,
    takes_disk,
)
from components.batch.findings import Path
from components.batch.machines import LOCAL_SSD_GB
from components.batch.rules.placeholders import placeholder_in
from components.batch.rules.rule import Problem, RuleSet, shown
from components.batch.rules.view import ALLOCATION, INSTANCE, POLICY, JobView

RULES = RuleSet()

BOOT: Path = (*POLICY, "bootDisk")

SMALLEST_BOOT_GB = 30  # Batch's own images; the comment of sizeGb: no smaller than the image
SMALLEST_DISK_GB = 10  # of a custom image; Compute Engine's guide for disks
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
# Batch's images carry their date: batch-debian-12-official-20240925-00-p00.
_PINNED = re.compile(r"batch-[a-z0-9-]+?-official-(?P<date>20[0-9]{6})-")
# The agent in an image older than this is likely refused as outdated (troubleshooting page); the
# line is a year before the date of these rules, for which no limit is documented.
_OUTDATED_BEFORE = "20251001"


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
    elif (pinned := _PINNED.search(image)) and pinned["date"] < _OUTDATED_BEFORE:
        yield Problem(
            (*BOOT, "image"),
            f"{shown(image)} is pinned to {pinned['date']}; Batch refuses VMs whose agent is "
            "outdated",
            "use batch-debian, which is always the newest, or pin a newer one",
            severity="warning",
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
    image = view.boot_disk.get("image", "")
    own_image = "/" in image and "batch-custom-image" not in image
    least = SMALLEST_DISK_GB if own_image or view.template else SMALLEST_BOOT_GB
    if size < least:
        of = "any boot disk" if least == SMALLEST_DISK_GB else "Batch's images"
        yield Problem(
            where,
            f"sizeGb {size} is less than the {least} GB of {of}",
            f"use {SMALLEST_BOOT_GB} or more",
        )
    elif size > LARGE_BOOT_GB:
        yield Problem(
            where,
            f"every VM gets a boot disk of {size} GB",
            "a smaller one, and a bucket or an attached disk for data, costs less",
            severity="warning",
        )


@RULES.rule("BD_TYPE", "error", "use")
def disk_type(view: JobView) -> Iterator[Problem]:
    """A disk type that exists, that the machine takes, and for boot disks boots from."""
    boot = view.boot_disk.get("type", "")
    kind = disk_types().get(boot)
    if kind is not None and not kind.boots:
        yield Problem((*BOOT, "type"), f"a VM cannot boot from {boot}", f"write {_safe_type(view)}")
    elif boot:
        yield from _wrong_type((*BOOT, "type"), boot, "boot from", view)
    for path, disk in _disks(view):
        name = disk.get("newDisk", {}).get("type", "")
        if name and name != "local-ssd":  # LSSD_FIT knows better
            yield from _wrong_type((*path, "newDisk", "type"), name, "take", view)


def _wrong_type(where: Path, name: str, does: str, view: JobView) -> Iterator[Problem]:
    kind = disk_types().get(name)
    if kind is None:
        yield Problem(where, f"{shown(name)} is no disk type", f"write {nearest_disk_type(name)}")
    elif view.machine and machines.supported(view.machine) and not takes_disk(view.machine, kind):
        message = f"{view.machine_type} cannot {does} {name}"
        yield Problem(where, message, f"write {_safe_type(view)}")


def _safe_type(view: JobView) -> str:
    return safe_boot_type(view.machine) if view.machine else "pd-balanced"


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
    entries = [path for path, _ in _local_ssds(view)]
    if len(entries) > 1:
        yield Problem(
            entries[1],
            f"{len(entries)} local SSD disks; Batch takes one entry for all local SSDs of a VM",
            f"keep one, with sizeGb a multiple of {LOCAL_SSD_GB}",
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
