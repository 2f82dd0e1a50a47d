"""A clean job, and how to change one place of it."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any

from components.batch.findings import Part, path_parts

REMOVED: Any = object()

SPEC = "taskGroups[0].taskSpec"
POLICY = "allocationPolicy.instances[0].policy"


def clean_job() -> dict[str, Any]:
    """A job about which no rule has an error or a warning."""
    return {
        "taskGroups": [
            {
                "taskCount": 4,
                "parallelism": 2,
                "taskSpec": {
                    "runnables": [
                        {
                            "script": {"text": "#!/bin/bash\necho $BATCH_TASK_INDEX"},
                            "timeout": "1200s",
                        },
                        {
                            "container": {
                                "imageUri": "us-docker.pkg.dev/google-samples/c/hello:1.0",
                                "entrypoint": "/bin/sh",
                                "commands": ["-c", "ls /mnt/disks/in"],
                                "volumes": ["/mnt/disks/in:/mnt/disks/in:ro"],
                            }
                        },
                    ],
                    "computeResource": {"cpuMilli": 2000, "memoryMib": 4096},
                    "maxRunDuration": "3600s",
                    "maxRetryCount": 2,
                    "lifecyclePolicies": [
                        {
                            "action": "RETRY_TASK",
                            "actionCondition": {"exitCodes": [50001, 50002]},
                        }
                    ],
                    "environment": {
                        "variables": {"MODE": "fast"},
                        "secretVariables": {"DB": "projects/p/secrets/db/versions/latest"},
                    },
                    "volumes": [
                        {"gcs": {"remotePath": "my-bucket/in"}, "mountPath": "/mnt/disks/in"},
                        {"deviceName": "scratch", "mountPath": "/mnt/disks/scratch"},
                    ],
                },
            }
        ],
        "allocationPolicy": {
            "location": {"allowedLocations": ["regions/us-central1"]},
            "instances": [
                {
                    "policy": {
                        "machineType": "e2-standard-4",
                        "provisioningModel": "SPOT",
                        "disks": [
                            {
                                "deviceName": "scratch",
                                "newDisk": {"type": "pd-balanced", "sizeGb": 100},
                            }
                        ],
                    }
                }
            ],
            "serviceAccount": {"email": "runner@my-project.iam.gserviceaccount.com"},
        },
        "labels": {"team": "genomics"},
        "logsPolicy": {"destination": "CLOUD_LOGGING"},
    }


def changed(job: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy of the job with other values at some paths; what is missing on the way is made."""
    job = copy.deepcopy(job)
    for path, value in changes.items():
        _set(job, list(path_parts(path)), value)
    return job


def _set(job: Any, parts: list[Part], value: Any) -> None:
    for part, following in pairwise(parts):
        empty: Any = [] if isinstance(following, int) else {}
        job = _step(job, part, empty)
    last = parts[-1]
    if value is REMOVED:
        del job[last]
    elif isinstance(job, list) and last == len(job):
        job.append(value)
    else:
        job[last] = value


def _step(job: Any, part: Part, empty: Any) -> Any:
    if isinstance(job, list):
        if part == len(job):
            job.append(empty)
        return job[part]
    return job.setdefault(part, empty)
