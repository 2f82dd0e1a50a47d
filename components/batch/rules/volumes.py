"""Rules of the volumes that tasks mount: buckets, NFS, disks, and where they appear."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any

from components.batch.rules.placeholders import placeholder_in
from components.batch.rules.rule import Problem, RuleSet, shown
from components.batch.rules.view import POLICY, JobView, folders_of

RULES = RuleSet()

# Cloud Storage's naming rules: 3 to 63 letters, or up to 222 with dots.
_BUCKET = re.compile(
    r"(?=.{3,222}\Z)[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?)*\Z"
)
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9-]{1,63})*\.?\Z")
_MOST_VOLUMES = 50  # more than that are not looked for in every text
_REDIRECT = re.compile(r">>?[ \t]*[\"']?(/[^\s;\"'|&]{1,500})")
_SYSTEM = frozenset(
    {
        "/",
        "/bin",
        "/boot",
        "/dev",
        "/etc",
        "/home",
        "/lib",
        "/lib64",
        "/proc",
        "/root",
        "/run",
        "/sbin",
        "/sys",
        "/usr",
        "/usr/bin",
        "/usr/lib",
        "/usr/local/bin",
        "/var",
        "/var/lib",
        "/var/lib/docker",
    }
)
# What Container-Optimized OS lets programs write to (its guide, file system); elsewhere a mount
# fails because the folder cannot be made.
_COS_WRITABLE = frozenset(
    {
        "/mnt/disks",
        "/mnt/stateful_partition",
        "/var",
        "/home",
        "/tmp",  # noqa: S108 - a folder on the VM, not here
        "/etc",
        "/root",
        "/run",
    }
)


@RULES.rule("VOL_ONEOF", "error", "P")
def volume_source(view: JobView) -> Iterator[Problem]:
    """A volume has a source."""
    for path, volume in view.volumes_at():
        if not any(name in volume for name in ("gcs", "nfs", "deviceName")):
            yield Problem(path, "the volume has no source", "give one of gcs, nfs, deviceName")


@RULES.rule("VOL_PATH", "error", "P, use")
def mount_path(view: JobView) -> Iterator[Problem]:
    """A volume has an absolute mount path, its own, without / at the end."""
    first: dict[str, int] = {}
    for index, volume in enumerate(view.volumes):
        first.setdefault(volume.get("mountPath", "").rstrip("/"), index)
    for index, (path, volume) in enumerate(view.volumes_at()):
        mount, where = volume.get("mountPath", ""), (*path, "mountPath")
        wrong = _wrong_mount(mount)
        if wrong:
            yield Problem(where, *wrong)
        clean, *above = folders_of(mount) or [""]
        if clean and first[clean] != index:
            message = f"{shown(clean)} is mounted twice (volumes[{first[clean]}])"
            yield Problem(where, message, "choose another path")
        outer = next((folder for folder in above if folder in first), None)
        if outer is not None:
            message = f"{shown(clean)} is inside {shown(outer)} (volumes[{first[outer]}])"
            yield Problem(where, message, "mount them side by side")


def _wrong_mount(mount: str) -> tuple[str, str] | None:
    """What is wrong with the form of a mount path, and what to do."""
    clean = mount.rstrip("/")
    if not mount:
        return "the volume has no mountPath", "add one, such as /mnt/disks/data"
    if not mount.startswith("/"):
        absolute = "/mnt/disks/" + mount.strip("./")
        return f"{shown(mount)} is no absolute path", f"write {shown(absolute)}"
    if mount != clean and clean:
        return f"{shown(mount)} ends with /, which Batch refuses", f"write {shown(clean)}"
    if "/../" in mount + "/" or "/./" in mount + "/" or "//" in mount:
        return f"{shown(mount)} is not a plain path", "write it without . .. and //"
    return None


@RULES.rule("VOL_SYS", "error", "use")
def system_folder(view: JobView) -> Iterator[Problem]:
    """No volume over a folder of the system."""
    for path, volume in view.volumes_at():
        mount = volume.get("mountPath", "")
        if (mount.rstrip("/") or "/" if mount else "") in _SYSTEM:
            yield Problem(
                (*path, "mountPath"),
                f"a volume at {shown(mount)} would hide the system's own files",
                "mount it under /mnt/disks",
            )


@RULES.rule("VOL_COS", "error", "use")
def mount_on_cos(view: JobView) -> Iterator[Problem]:
    """Container-Optimized OS can mount only where it can write."""
    if not view.boot_is_cos:
        return
    for path, volume in view.volumes_at():
        mount = volume.get("mountPath", "")
        if (
            mount.startswith("/")
            and mount != "/"
            and not _COS_WRITABLE.intersection(folders_of(mount))
        ):
            yield Problem(
                (*path, "mountPath"),
                f"{shown(mount)} is read-only on Container-Optimized OS, which container-only jobs "
                'boot: "Read-only file system"',
                f"mount it at {shown('/mnt/disks/' + mount.strip('/').split('/')[-1])}, or set "
                "bootDisk.image to batch-debian",
            )


@RULES.rule("VOL_GCS", "error", "P")
def bucket(view: JobView) -> Iterator[Problem]:
    """A bucket volume names a bucket, without gs://."""
    for path, volume in view.volumes_at():
        if "gcs" not in volume:
            continue
        remote = volume["gcs"].get("remotePath", "")
        where = (*path, "gcs", "remotePath")
        bare = remote.removeprefix("gs://").lstrip("/")
        name = bare.split("/", 1)[0]
        if not remote:
            yield Problem(where, "the bucket volume has no remotePath", "write the bucket's name")
        elif remote != bare:
            yield Problem(
                where,
                f"{shown(remote)}: the bucket's name stands here without gs:// or /",
                f"write {shown(bare)}",
            )
        elif not _BUCKET.match(name) or name.startswith("goog"):
            yield Problem(
                where,
                f"{shown(name)} is no bucket name: 3 to 63 lower-case letters, digits, - _ and .",
                "write the bucket's name",
            )


@RULES.rule("VOL_NFS", "error", "P")
def nfs(view: JobView) -> Iterator[Problem]:
    """An NFS volume has a server and a path."""
    for path, volume in view.volumes_at():
        if "nfs" not in volume:
            continue
        server = volume["nfs"].get("server", "")
        remote = volume["nfs"].get("remotePath", "")
        if not server or not (_is_address(server) or _HOST.match(server)):
            yield Problem(
                (*path, "nfs", "server"), f"{shown(server)} is no server", "write its IP address"
            )
        elif not _is_address(server) and not placeholder_in(server):
            yield Problem(
                (*path, "nfs", "server"),
                f"{shown(server)} is not an IP address, which the field asks for",
                "write the server's IP address",
                severity="warning",
            )
        if not remote.startswith("/"):
            yield Problem(
                (*path, "nfs", "remotePath"),
                f"{shown(remote)} is no exported path; it starts with /",
                f"write {shown('/' + remote)}",
            )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


@RULES.rule("VOL_DEV", "error", "P")
def device(view: JobView) -> Iterator[Problem]:
    """A disk volume names a disk of the job."""
    names = {str(disk.get("deviceName", "")) for disk in view.disks}
    for path, volume in view.volumes_at():
        name = volume.get("deviceName")
        if name is None or name in names or view.template:
            continue
        if not name:
            yield Problem((*path, "deviceName"), "deviceName is empty", "name a disk of the policy")
            continue
        listed = ", ".join(shown(n) for n in sorted(names) if n)
        yield Problem(
            (*path, "deviceName"),
            f"no disk of the job has the deviceName {shown(name)}",
            f"use one of {listed}"
            if listed
            else "add it to allocationPolicy.instances[0].policy.disks",
        )


@RULES.rule("DISK_UNMOUNTED", "warning", "P")
def unmounted(view: JobView) -> Iterator[Problem]:
    """A disk that no volume mounts."""
    mounted = {volume.get("deviceName") for volume in view.volumes}
    for index, disk in enumerate(view.disks):
        name = disk.get("deviceName", "")
        if name and name not in mounted:
            yield Problem(
                (*POLICY, "disks", index),
                f"no volume mounts disk {shown(name)}; it is paid for and stays raw",
                f'add a volume {{"deviceName": "{name}", "mountPath": "/mnt/disks/{name}"}}',
            )


@RULES.rule("VOL_MOUNT_OPT", "error", "ST, P")
def mount_options(view: JobView) -> Iterator[Problem]:
    """An existing disk is mounted read-only."""
    existing = {str(disk.get("deviceName", "")) for disk in view.disks if "existingDisk" in disk}
    for path, volume in view.volumes_at():
        if volume.get("deviceName") not in existing:
            continue
        options = [word for option in volume.get("mountOptions", []) for word in option.split(",")]
        if "rw" in options:
            yield Problem(
                (*path, "mountOptions"),
                "an existing disk can be mounted read-only only, for several VMs share it",
                'use ["ro"], or a new disk',
            )


@RULES.rule("VOL_GCS_RW", "warning", "use")
def one_object_for_all(view: JobView) -> Iterator[Problem]:
    """Several tasks that write the same object."""
    if view.task_count < 2:
        return
    buckets = {v.get("mountPath", "").rstrip("/") for v in view.volumes if "gcs" in v} - {""}
    for path, script in view.scripts_at():
        for found in _REDIRECT.finditer(script.get("text", "")[:100_000]):
            target = found[1]
            alike = "$" not in target and "`" not in target
            if alike and not buckets.isdisjoint(folders_of(target)[1:]):
                yield Problem(
                    (*path, "text"),
                    f"every task writes {shown(target)} in the bucket; the last one wins",
                    "put ${BATCH_TASK_INDEX} into the file's name",
                )
                break


@RULES.rule("VOL_UNUSED", "hint", "use")
def unused_volume(view: JobView) -> Iterator[Problem]:
    """A volume that no step names."""
    if len(view.volumes) > _MOST_VOLUMES:
        return
    words = _all_words(view.runnables) + _all_words([view.spec.get("environment", {})])
    for path, volume in view.volumes_at():
        mount = volume.get("mountPath", "").rstrip("/")
        if (
            mount
            and mount not in words
            and mount not in view.job.get("logsPolicy", {}).get("logsPath", "")
        ):
            yield Problem(
                (*path, "mountPath"),
                f"no step mentions {shown(mount)}",
                "remove the volume if nothing needs it",
            )


def _all_words(values: list[dict[str, Any]]) -> str:
    return repr(values)
