"""The parts of a job, one by one; each check raises the answer that the client gets."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from emulator.batch.plan import seconds_of
from emulator.http import ApiError

_SYSTEM = (
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var",
)
_SOURCES = ("gcs", "nfs", "deviceName")
_KINDS = ("script", "container", "barrier")
_LONGEST_PATH = 1024


def invalid(text: str, status: str = "INVALID_ARGUMENT") -> ApiError:
    """The answer to a job that the service does not take."""
    return ApiError(400, status, text)


def require(good: bool, text: str) -> None:
    """Refuse with the text unless it is good."""
    if not good:
        raise invalid(text)


def check_runnable(runnable: Mapping[str, Any], where: str) -> None:
    """One of script, container and barrier, with what each needs."""
    kinds = [kind for kind in _KINDS if kind in runnable]
    require(len(kinds) == 1, f"{where}: one of script, container and barrier is required.")
    require(
        seconds_of(runnable.get("timeout", "0s")) >= 0, f"{where}.timeout must not be negative."
    )
    check_environment(runnable.get("environment", {}), where)
    if kinds == ["script"]:
        script = runnable["script"]
        require(
            bool(script.get("text") or script.get("path")),
            f"{where}.script: text or path is empty.",
        )
        require("\0" not in script.get("path", ""), f"{where}.script.path holds a zero byte.")
    elif kinds == ["container"]:
        _check_container(runnable["container"], f"{where}.container")


def _check_container(container: Mapping[str, Any], where: str) -> None:
    require(bool(container.get("imageUri")), f"{where}.image_uri is required.")
    require(not container["imageUri"].startswith("-"), f"{where}.image_uri is no image.")
    for name in ("enableImageStreaming", "username", "password"):
        require(not container.get(name), f"The local emulator does not emulate {where}.{name}.")
    texts = [container["imageUri"], container.get("options", ""), *container.get("commands", [])]
    require(not any("\0" in text for text in texts), f"{where} holds a zero byte.")
    try:
        shlex.split(container.get("options", ""))
    except ValueError as error:
        raise invalid(f"{where}.options cannot be split: {error}.") from error


def check_environment(environment: Mapping[str, Any], where: str) -> None:
    """Names that can be names of variables; nothing that needs Secret Manager or KMS."""
    for name in ("secretVariables", "encryptedVariables"):
        require(
            not environment.get(name),
            f"The local emulator does not emulate {name} ({where}.environment).",
        )
    for key, value in environment.get("variables", {}).items():
        require(
            bool(key) and not {"=", "\0"} & set(key) and "\0" not in value,
            f"{where}.environment: '{key[:100]}' cannot be an environment variable.",
        )


def check_volume(volume: Mapping[str, Any], disks: frozenset[str] | None) -> None:
    """A source that exists and a mount path that harms nothing."""
    sources = [source for source in _SOURCES if source in volume]
    require(len(sources) == 1, "volumes: one of gcs, nfs and device_name is required.")
    path = volume.get("mountPath", "")
    where = f"volumes: mount_path '{path[:100]}'"
    require(path.startswith("/") and len(path) <= _LONGEST_PATH, f"{where} is no absolute path.")
    require(not path.endswith("/"), f"{where} must not end with a slash.")
    require(
        not {"..", ".", ""} & set(path.split("/")[1:]) and "\0" not in path,
        f"{where} is not plain.",
    )
    require(
        not PurePosixPath(path).is_relative_to("/proc")
        and not any(str(PurePosixPath(path)) == system for system in _SYSTEM),
        f"{where} is a folder of the system.",
    )
    if sources == ["gcs"]:
        remote = volume["gcs"].get("remotePath", "")
        require(
            re.match(r"[a-z0-9][a-z0-9._-]+(/|$)", remote) is not None,
            f"volumes: remote_path '{remote[:100]}' must be BUCKET or BUCKET/FOLDER.",
        )
    elif sources == ["deviceName"] and disks is not None:
        require(
            volume["deviceName"] in disks,
            f"volumes: device_name '{volume['deviceName'][:100]}' is the name of no disk.",
        )


def check_locations(policy: Mapping[str, Any], location: str) -> None:
    """Places in one region: the job's."""
    for place in policy.get("location", {}).get("allowedLocations", []):
        found = re.fullmatch(r"regions/([a-z0-9-]+)|zones/([a-z0-9-]+)-[a-z]", place)
        region = (found[1] or found[2]) if found else ""
        require(region == location, f"allowed_locations: {place[:100]} is not in {location}.")
    for instance in policy.get("instances", []):
        model = instance.get("policy", {}).get("provisioningModel", "")
        require(isinstance(model, str), "provisioning_model has no such value.")
