"""Mends of volumes: mount paths, buckets, shares, disks that no volume or no job has."""

from __future__ import annotations

import re
from typing import Any

from components.batch.findings import Finding, Path, path_parts
from components.batch.rules.placeholders import placeholder_in
from components.batch.rules.rule import shown
from components.batch.rules.view import POLICY, SPEC
from components.config.bench import Bench
from components.fix_config.mend_shape import Mender

VOLUMES: Path = (*SPEC, "volumes")
NEW_DISK_GB = 100


def mount_path(bench: Bench, finding: Finding) -> None:
    """An absolute path of its own."""
    path = path_parts(finding.path)
    value = str(bench.get(path, "") or "")
    message = finding.message
    if "ends with /" in message or "no absolute path" in message or "no plain path" in message:
        said = re.search(r"write `([^`…]+)`", finding.fix)
        new = said[1] if said else ""
    elif "no mountPath" in message:
        new = f"/mnt/disks/{_name_of(bench.get(path[:-1]), path)}"
    else:
        plain = value.removeprefix("/mnt/disks/").strip("/")
        new = f"/mnt/disks/{re.sub(r'[^A-Za-z0-9_-]', '-', plain)[:60]}"
    if "mounted twice" in message:
        # What steps say about the path is about the other volume.
        bench.put(path, _free_path(bench, path, value), message, rule=finding.rule)
    elif new and new != value:
        remount(bench, path, new, message, finding.rule)


def _free_path(bench: Bench, path: Path, taken: str) -> str:
    """The folder that steps name and nothing is mounted at; else one named after the volume."""
    mounted = {str(volume.get("mountPath", "")).rstrip("/") for volume in bench.view.volumes}
    steps = _texts(bench.get((*SPEC, "runnables")), (*SPEC, "runnables"))
    named: set[str] = {f for _, text in steps for f in _FOLDER.findall(text[:100_000])}
    if len(free := named - mounted) == 1:
        return free.pop()
    own = f"/mnt/disks/{_name_of(bench.get(path[:-1]), path)}"
    return own if own not in mounted else f"{taken.rstrip('/')}-{path[-2]}"


_FOLDER = re.compile(r"(?<![\w/.-])/mnt/disks/[A-Za-z0-9_-]{1,60}")


def _name_of(volume: Any, path: Path) -> str:
    """A folder's name for a volume: its disk's, its bucket's, or its number."""
    volume = volume if isinstance(volume, dict) else {}
    gcs = volume.get("gcs")
    remote = gcs.get("remotePath", gcs.get("remote_path", "")) if isinstance(gcs, dict) else ""
    name = volume.get("deviceName") or volume.get("device_name") or str(remote).split("/")[0]
    plain = re.sub(r"[^a-z0-9_-]", "-", str(name).lower()).strip("-")
    return plain[:60] or f"volume-{path[-2]}"


def remount(bench: Bench, path: Path, new: str, reason: str, rule: str = "") -> None:
    """Mount a volume elsewhere, and write the new path wherever steps name the old one."""
    old = str(bench.get(path, "") or "").rstrip("/")
    bench.put(path, new, reason, certain=old == new, rule=rule)
    if len(old) < 2 or not old.startswith("/") or old == new:
        return
    named = re.compile(rf"(?<![\w/.-]){re.escape(old)}(?![\w.-])")
    for field in ("runnables", "environment"):
        for where, text in _texts(bench.get((*SPEC, field)), (*SPEC, field)):
            changed = named.sub(lambda _: new, text)
            if changed != text:
                bench.put(where, changed, f"the volume at {shown(old)} is now at {shown(new)}",
                          rule=rule)  # fmt: skip


def _texts(value: Any, path: Path) -> list[tuple[Path, str]]:
    """Every text below a value, with its path."""
    if isinstance(value, str):
        return [(path, value)]
    entries = (
        list(value.items()) if isinstance(value, dict)
        else list(enumerate(value)) if isinstance(value, list) else []
    )  # fmt: skip
    return [found for key, inner in entries[:500] for found in _texts(inner, (*path, key))]


def on_cos(bench: Bench, finding: Finding) -> None:
    """A folder that Container-Optimized OS can make."""
    path = path_parts(finding.path)
    said = re.search(r"mount it at `([^`…]+)`", finding.fix)
    if said:
        remount(bench, path, said[1], finding.message, finding.rule)


def system_folder(bench: Bench, finding: Finding) -> None:
    """Not over the system's own files."""
    path = path_parts(finding.path)
    name = str(bench.get(path, "")).strip("/").replace("/", "-") or "data"
    bench.put(path, f"/mnt/disks/{name}", finding.message, rule=finding.rule)


def bucket(bench: Bench, finding: Finding) -> None:
    """The bucket's name alone, from an address."""
    path = path_parts(finding.path)
    value = str(bench.get(path, ""))
    bare = re.sub(
        r"\A(?:gs://|https?://(?:storage\.(?:googleapis|cloud\.google)\.com|console\.cloud\.google"
        r"\.com/storage/browser)/|/gcs/|s3://)",
        "",
        value.strip(),
    ).strip("/")
    bucket_name, _, rest = bare.partition("/")
    if bucket_name != bucket_name.lower() and not placeholder_in(bucket_name):
        bare = f"{bucket_name.lower()}/{rest}".rstrip("/")
    if bare and bare != value:
        bench.put(path, bare, finding.message, rule=finding.rule)


def share(bench: Bench, finding: Finding) -> None:
    """A share's path from its root; server and path from `SERVER:/PATH`."""
    path = path_parts(finding.path)
    holder = path[:-1]
    server = str(bench.get((*holder, "server"), "") or "").strip()
    remote = str(bench.get((*holder, "remotePath"), "") or "").strip()
    both = _SHARE.fullmatch(server) or _SHARE.fullmatch(remote)
    if both and (both[2] or remote):
        # A path of its own counts; what stands behind the server's name is the same, or less.
        there = both[2] if remote in ("", "/") or _SHARE.fullmatch(remote) else remote
        bench.put((*holder, "server"), both[1], finding.message, rule=finding.rule)
        bench.put((*holder, "remotePath"), there, finding.message, rule=finding.rule)
    elif path[-1] == "remotePath" and remote and not remote.startswith("/"):
        bench.put(path, f"/{remote}", finding.message, rule=finding.rule)


# A server with its path, or with the scheme of its address.
_SHARE = re.compile(
    r"(?=nfs://|[^/]*[:/]/?)(?:nfs://)?([A-Za-z0-9][A-Za-z0-9.-]{0,200}):?(/[^\s]{0,500})?"
)


def device(bench: Bench, finding: Finding) -> None:
    """A disk that no volume and no policy has in common."""
    path = path_parts(finding.path)
    name = str(bench.get(path, "") or "")
    view = bench.view
    used = {volume.get("deviceName") for volume in view.volumes}
    free = [str(d["deviceName"]) for d in view.disks if d.get("deviceName") not in {*used, None}]
    nameless = [i for i, d in enumerate(view.disks) if not d.get("deviceName")]
    if name and nameless:
        where = (*POLICY, "disks", nameless[0], "deviceName")
        bench.put(where, name, f"{finding.message}; this disk has no name", rule=finding.rule)
    elif free:
        near = f"{finding.message}; disk {shown(free[0])} is mounted nowhere else"
        bench.put(path, free[0], near, certain=len(free) == 1, rule=finding.rule)
    elif name:
        disk = {
            "deviceName": name,
            "newDisk": {"type": _new_type(bench), "sizeGb": NEW_DISK_GB},
        }
        where = (*POLICY, "disks")
        reason = f"{finding.message}; an empty new one of {NEW_DISK_GB} GB is assumed"
        bench.put((*where, len(bench.get(where, []))), disk, reason, rule=finding.rule)


def _new_type(bench: Bench) -> str:
    from components.batch.machines import families

    machine = bench.view.machine
    family = families().get(machine.family) if machine else None
    safe = family.safe_boot_disk_type.split(" ")[0] if family else "pd-balanced"
    return safe if safe.startswith(("pd-", "hyperdisk-")) else "pd-balanced"


def read_only(bench: Bench, finding: Finding) -> None:
    """An existing disk is mounted read-only."""
    path = path_parts(finding.path)
    options = [str(o) for o in bench.view.volumes[int(str(path[-2]))].get("mountOptions", [])]
    words = [word for option in options for word in option.split(",") if word not in ("rw", "ro")]
    bench.put(path, ["ro", *words], finding.message, certain=True, rule=finding.rule)


def mounted(bench: Bench, finding: Finding) -> None:
    """A volume for a disk that nothing mounts."""
    path = path_parts(finding.path)
    name = str(bench.view.disks[int(str(path[-1]))].get("deviceName", ""))
    volume: dict[str, Any] = {"deviceName": name, "mountPath": f"/mnt/disks/{name}"}
    if "existingDisk" in bench.view.disks[int(str(path[-1]))]:
        volume["mountOptions"] = ["ro"]
    count = len(bench.get(VOLUMES, []) or [])
    bench.put((*VOLUMES, count), volume, finding.message, rule=finding.rule)


def container_mount(bench: Bench, finding: Finding) -> None:
    """`/on/vm:/in/container`, both in full; a bare path is mounted as itself."""
    path = path_parts(finding.path)
    value = str(bench.get(path, ""))
    parts = value.split(":")
    mounts = sorted(bench.view.mount_paths)
    if value.startswith("gs:"):
        new = f"{mounts[0]}:{mounts[0]}" if mounts else ""
    elif len(parts) == 1 and value.startswith("/"):
        new = f"{value}:{value}"
    elif len(parts) > 1 and parts[1].startswith("/") and not parts[0].startswith("/"):
        by_name = [mount for mount in mounts if mount.endswith("/" + parts[0])]
        source = by_name[0] if by_name else mounts[0] if len(mounts) == 1 else ""
        new = ":".join([source, *parts[1:]]) if source else ""
    else:
        new = ""
    if "no volume is mounted" in finding.message and len(parts) > 1 and parts[1] in mounts:
        new = ":".join([parts[1], parts[0], *parts[2:]])
    if new:
        bench.put(path, new, finding.message, rule=finding.rule)
    elif "is no mount" in finding.message:
        bench.drop(path, f"{finding.message}; volumes of the task are mounted by themselves",
                   rule=finding.rule)  # fmt: skip


MENDERS: dict[str, Mender] = {
    "VOL_PATH": mount_path,
    "VOL_COS": on_cos,
    "VOL_SYS": system_folder,
    "VOL_GCS": bucket,
    "VOL_NFS": share,
    "VOL_DEV": device,
    "VOL_MOUNT_OPT": read_only,
    "DISK_UNMOUNTED": mounted,
    "CTR_VOL": container_mount,
}
