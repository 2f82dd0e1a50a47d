"""Nearest names: which field or word somebody meant, and where a field really belongs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from functools import lru_cache

from components.batch.schema import Field, places, schema

# What people and models write for a field, by message; spelling alone would not find these.
_ALSO_CALLED: dict[str, dict[str, str]] = {
    "Job": {"taskgroup": "taskGroups", "tasks": "taskGroups", "logging": "logsPolicy"},
    "TaskGroup": {
        "task": "taskSpec",
        "spec": "taskSpec",
        "count": "taskCount",
        "tasks": "taskCount",
        "tasklimit": "parallelism",
        "maxparallelism": "parallelism",
        "concurrency": "parallelism",
        "tasksperNode": "taskCountPerNode",
        "taskspervm": "taskCountPerNode",
        "tasksperinstance": "taskCountPerNode",
        "taskcountpervm": "taskCountPerNode",
    },
    "TaskSpec": {
        "steps": "runnables",
        "env": "environment",
        "envs": "environment",
        "envvars": "environment",
        "environmentvariables": "environment",
        "retries": "maxRetryCount",
        "retrycount": "maxRetryCount",
        "maxretries": "maxRetryCount",
        "timeout": "maxRunDuration",
        "maxduration": "maxRunDuration",
        "resources": "computeResource",
        "computeresources": "computeResource",
    },
    "Runnable": {
        "env": "environment",
        "envs": "environment",
        "envvars": "environment",
        "environmentvariables": "environment",
        "name": "displayName",
        "maxrunduration": "timeout",
    },
    "Runnable.Container": {
        "image": "imageUri",
        "imageurl": "imageUri",
        "command": "commands",
        "cmd": "commands",
        "args": "commands",
        "volumemounts": "volumes",
    },
    "Runnable.Script": {"file": "path", "script": "text", "content": "text", "command": "text"},
    "Environment": {"secrets": "secretVariables", "env": "variables", "vars": "variables"},
    "ComputeResource": {
        **dict.fromkeys(("memory", "mem", "ram", "memorymb", "memorygb", "memorygib"), "memoryMib"),
        **dict.fromkeys(("cpu", "cpus", "vcpu", "vcpus", "cores", "cpucount"), "cpuMilli"),
    },
    "LifecyclePolicy": {"condition": "actionCondition"},
    "Volume": {"path": "mountPath", "options": "mountOptions", "device": "deviceName"},
    "GCS": {"bucket": "remotePath", "path": "remotePath", "bucketname": "remotePath"},
    "NFS": {"path": "remotePath", "host": "server", "ip": "server"},
    "AllocationPolicy": {"instance": "instances", "networks": "network"},
    "AllocationPolicy.LocationPolicy": {"regions": "allowedLocations", "zones": "allowedLocations"},
    "AllocationPolicy.InstancePolicyOrTemplate": {"template": "instanceTemplate"},
    "AllocationPolicy.InstancePolicy": {
        "type": "machineType",
        "gpu": "accelerators",
        "gpus": "accelerators",
        "provisioning": "provisioningModel",
    },
    "AllocationPolicy.Disk": {"size": "sizeGb", "disksizegb": "sizeGb", "imageuri": "image"},
    "AllocationPolicy.AttachedDisk": {"disk": "newDisk", "name": "deviceName"},
    "ServiceAccount": {"serviceaccount": "email", "name": "email"},
    "LogsPolicy": {"path": "logsPath", "dest": "destination"},
    "JobNotification": {"topic": "pubsubTopic"},
}
# v1alpha spellings of what v1 has in another place.
_HOME_IN_V1 = {
    "serviceAccountEmail": ("email", "`allocationPolicy.serviceAccount`"),
    "serviceAccount": ("serviceAccount", "`allocationPolicy`"),
    "allocationPolicy": ("allocationPolicy", "the top of the job"),
    "instance": ("instances", "`allocationPolicy`"),
    "pd": (
        "deviceName",
        "the volume, with the disk in `allocationPolicy.instances[0].policy.disks`",
    ),
}
# Fields of these stand in many places or are never written by people.
_NOT_A_HOME = ("JobStatus", "StatusEvent", "TaskExecution", "Environment.KMSEnvMap")
_TOO_COMMON = frozenset({"name", "type", "path", "text", "state", "action", "message", "labels"})


@lru_cache(maxsize=4096)
def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name[:80].lower())


@lru_cache(maxsize=4096)
def nearest_field(name: str, message: str) -> Field | None:
    """The field of the message that was meant by a name that it does not have; None if unclear."""
    fields = schema().messages[message]
    folded = {_folded(field): field for field in fields}
    asked = _folded(name)
    if asked in folded:
        return fields[folded[asked]]
    for other, field in _ALSO_CALLED.get(message, {}).items():
        if _folded(other) == asked:
            return fields[field]
    close = get_close_matches(asked, list(folded), n=1, cutoff=0.8)
    return fields[folded[close[0]]] if close else None


@lru_cache(maxsize=4096)
def known_elsewhere(name: str, message: str) -> tuple[str, str] | None:
    """The field's name and, in words, the place of the job that it belongs to; None if nowhere."""
    if name in _HOME_IN_V1 and (message, name) != ("TaskGroup", "labels"):
        return _HOME_IN_V1[name]
    asked = _folded(name)
    if name in _TOO_COMMON:
        return None
    for home, place in places().items():
        if home == message or home.startswith(_NOT_A_HOME):
            continue
        for field in schema().messages[home].values():
            if _folded(field.name) == asked:
                return field.name, f"`{place}`" if place else "the top of the job"
    return None


def nearest_word(word: str, words: Sequence[str], cutoff: float = 0.75) -> str | None:
    """The nearest of the words, whatever the case of the letters; None if none is near."""
    folded = {_folded(known): known for known in words}
    asked = _folded(word)
    if asked in folded:
        return folded[asked]
    close = get_close_matches(asked, list(folded), n=1, cutoff=cutoff)
    return folded[close[0]] if close else None
