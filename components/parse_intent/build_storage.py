"""The storage of a draft: disks attached to the VM and volumes mounted for the tasks."""

from __future__ import annotations

import re
from typing import Any

from components.batch import machines
from components.batch.disk_types import safe_boot_type
from components.batch.machines import LOCAL_SSD_GB
from components.parse_intent.draft import Disk, Draft, Volume
from components.parse_intent.notes import Notes

DEFAULT_DISK_GB = 100


def device_names(draft: Draft) -> list[str]:
    """A device name for every disk: the asked one, else from the disk, each one once."""
    names: list[str] = []
    for i, disk in enumerate(draft.disks):
        base = disk.device or disk.existing.rsplit("/", 1)[-1] or _name(disk)
        base = re.sub(r"[^a-z0-9-]", "-", base.lower()).strip("-") or f"disk-{i}"
        if not base[0].isalpha():
            base = f"d-{base}"
        name, n = base, 2
        while name in names:
            name, n = f"{base}-{n}", n + 1
        names.append(name)
    return names


def _name(disk: Disk) -> str:
    if disk.mount:
        return disk.mount.rstrip("/").rsplit("/", 1)[-1]
    return disk.type


def disks(draft: Draft, path: str, notes: Notes) -> list[dict[str, Any]]:
    """allocationPolicy.instances[0].policy.disks."""
    result: list[dict[str, Any]] = []
    for i, (disk, device) in enumerate(zip(draft.disks, device_names(draft), strict=True)):
        where = f"{path}[{i}]"
        if disk.existing:
            result.append({"existingDisk": disk.existing, "deviceName": device})
            notes.said(f"{where}.existingDisk", disk.existing, disk.quote)
            continue
        kind, size = disk.type, disk.size_gb
        if not kind:
            machine = machines.lookup(draft.machine_type.value) if draft.machine_type else None
            kind = safe_boot_type(machine) if machine else "pd-balanced"
            why = "Batch's own default type"
            if machine and kind != "pd-balanced":
                why = f"{machine.name} takes no other kind of disk"
            notes.assumed(f"{where}.newDisk.type", kind, why)
        if size is None:
            size = LOCAL_SSD_GB if kind == "local-ssd" else DEFAULT_DISK_GB
            notes.assumed(f"{where}.newDisk.sizeGb", size, "no size was given")
        result.append({"newDisk": {"type": kind, "sizeGb": size}, "deviceName": device})
        notes.said(f"{where}.newDisk", result[-1]["newDisk"], disk.quote)
    return result


def clean_mount(mount: str) -> str:
    """The mount path without a trailing slash, which the service refuses."""
    return mount.rstrip("/") or "/"


def default_mount(name: str, taken: set[str]) -> str:
    """A free path under /mnt/disks, the one place that is writable on every Batch image."""
    slug = re.sub(r"[^A-Za-z0-9._-]", "-", name).strip("-.") or "data"
    mount, n = f"/mnt/disks/{slug}", 2
    while mount in taken:
        mount, n = f"/mnt/disks/{slug}-{n}", n + 1
    return mount


def volumes(draft: Draft, path: str, notes: Notes) -> list[dict[str, Any]]:
    """taskGroups[0].taskSpec.volumes: buckets, NFS, and every disk that can be mounted."""
    result: list[dict[str, Any]] = []
    taken = {clean_mount(v.mount) for v in draft.volumes if v.mount}
    taken |= {clean_mount(d.mount) for d in draft.disks if d.mount}
    for volume in draft.volumes:
        entry = _source(volume)
        mount = clean_mount(volume.mount) if volume.mount else ""
        where = f"{path}[{len(result)}]"
        if not mount:
            mount = default_mount(volume.remote.strip("/").rsplit("/", 1)[-1], taken)
            taken.add(mount)
            notes.assumed(f"{where}.mountPath", mount, "no mount path was given")
        entry["mountPath"] = mount
        if volume.options:
            entry["mountOptions"] = list(volume.options)
        result.append(entry)
        notes.said(where, entry, volume.quote)
    if draft.instance_template is None:
        result += _disk_volumes(draft, f"{path}", len(result), taken, notes)
    return result


def _source(volume: Volume) -> dict[str, Any]:
    if volume.kind == "gcs":
        remote = volume.remote.removeprefix("gs://").strip("/")
        return {"gcs": {"remotePath": remote}}
    if volume.kind == "nfs":
        server, _, remote = volume.remote.partition(":")
        return {"nfs": {"server": server, "remotePath": remote or "/"}}
    return {"deviceName": volume.remote}


def _disk_volumes(
    draft: Draft, path: str, first: int, taken: set[str], notes: Notes
) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = []
    for disk, device in zip(draft.disks, device_names(draft), strict=True):
        where = f"{path}[{first + len(result)}]"
        mount = clean_mount(disk.mount) if disk.mount else ""
        if not mount:
            mount = default_mount(device, taken)
            taken.add(mount)
            notes.assumed(f"{where}.mountPath", mount, "a disk that is not mounted is of no use")
        options = list(disk.options)
        if disk.existing and "ro" not in options:
            # "For existing pd, only ro is supported" is what the service answers otherwise.
            options.append("ro")
            notes.assumed(f"{where}.mountOptions", "ro", "existing disks are mounted read-only")
        entry: dict[str, Any] = {"deviceName": device, "mountPath": mount}
        if options:
            entry["mountOptions"] = options
        result.append(entry)
        notes.said(where, entry, disk.quote)
    return result
