"""Twenty jobs without any error, as different as the jobs that people run."""

from __future__ import annotations

from typing import Any

Job = dict[str, Any]

IMAGE = "europe-west4-docker.pkg.dev/genomics/tools/align:2.17"


def _job(
    runnables: list[Job], group: Job | None = None, spec: Job | None = None, **rest: Any
) -> Job:
    """A job of one group; `group`, `spec` and the rest are put beside what every job has."""
    return {"taskGroups": [{"taskSpec": {"runnables": runnables, **(spec or {})}, **(group or {})}],
            **rest}  # fmt: skip


def _script(text: str, **rest: Any) -> Job:
    return {"script": {"text": text}, **rest}


def _container(image: str = IMAGE, *commands: str, **rest: Any) -> Job:
    return {"container": {"imageUri": image, "commands": list(commands), **rest}}


def _machine(machine_type: str = "", **rest: Any) -> Job:
    """An allocation policy with one instance policy."""
    policy = {"machineType": machine_type, **rest} if machine_type else rest
    return {"instances": [{"policy": policy}]}


LOGS = {"destination": "CLOUD_LOGGING"}
GCS = {"gcs": {"remotePath": "genomics-data/run1"}, "mountPath": "/mnt/disks/data"}


def valid_jobs() -> dict[str, Job]:
    """The jobs by name; new ones each time."""
    return {
        "hello": _job([_script("echo hello")]),
        "many tasks": _job(
            [_script("#!/bin/bash\nset -euo pipefail\n./work.sh $BATCH_TASK_INDEX\n")],
            {"taskCount": "5000", "parallelism": "200"},
            {"maxRetryCount": 2, "maxRunDuration": "3600s"},
            allocationPolicy=_machine("e2-standard-4"),
            logsPolicy=LOGS,
        ),
        "names of the proto": {
            "task_groups": [
                {
                    "task_count": 10,
                    "parallelism": 5,
                    "task_spec": {
                        "runnables": [{"script": {"text": "date"}, "timeout": "60s"}],
                        "compute_resource": {"cpu_milli": 1000, "memory_mib": 512},
                        "max_run_duration": "600s",
                    },
                }
            ],
            "allocation_policy": {
                "location": {"allowed_locations": ["zones/us-central1-f"]},
                "instances": [{"policy": {"machine_type": "n1-standard-2"}}],
            },
        },
        "container": _job(
            [_container(IMAGE, "align", "--threads", "4")],
            {"taskCount": 3},
            {"computeResource": {"cpuMilli": 4000, "memoryMib": 15000}, "volumes": [GCS]},
            allocationPolicy=_machine("n2-standard-4"),
        ),
        "container with shell": _job(
            [_container("busybox:1.36", "-c", "echo ${BATCH_TASK_INDEX}", entrypoint="/bin/sh")],
            {"taskCount": 4, "parallelism": 2},
            logsPolicy=LOGS,
            labels={"team": "data", "env": "test"},
        ),
        "spot with retries": _job(
            [_script("#!/usr/bin/env python3\nprint('x')\n")],
            {"taskCount": 100, "parallelism": 50},
            {
                "maxRetryCount": 3,
                "maxRunDuration": "7200s",
                "lifecyclePolicies": [
                    {
                        "action": "RETRY_TASK",
                        "actionCondition": {"exitCodes": [50001, 50002, 50006]},
                    }
                ],
            },
            allocationPolicy=_machine("c2d-standard-8", provisioningModel="SPOT"),
        ),
        "gpu of n1": _job(
            [_container(IMAGE, "train"), _script("nvidia-smi")],
            allocationPolicy={
                "instances": [
                    {
                        "installGpuDrivers": True,
                        "policy": {
                            "machineType": "n1-standard-8",
                            "accelerators": [{"type": "nvidia-tesla-t4", "count": 1}],
                        },
                    }
                ],
                "location": {"allowedLocations": ["regions/europe-west4"]},
            },
        ),
        "gpu of a2": _job(
            [_container(IMAGE, "train")],
            {"taskCount": 1},
            {"maxRunDuration": "86400s"},
            allocationPolicy={
                "instances": [
                    {"installGpuDrivers": True, "policy": {"machineType": "a2-highgpu-2g"}}
                ]
            },
        ),
        "gpu of g2 said again": _job(
            [_script("python3 infer.py")],
            allocationPolicy=_machine(
                "g2-standard-24", accelerators=[{"type": "nvidia-l4", "count": 2}]
            ),
        ),
        "new disk": _job(
            [_script("sort big > /mnt/disks/scratch/sorted")],
            None,
            {"volumes": [{"deviceName": "scratch", "mountPath": "/mnt/disks/scratch"}]},
            allocationPolicy=_machine(
                "n2-highmem-8",
                disks=[{"deviceName": "scratch", "newDisk": {"type": "pd-ssd", "sizeGb": "500"}}],
                bootDisk={"image": "batch-debian", "sizeGb": 50, "type": "pd-balanced"},
            ),
        ),
        "existing disk": _job(
            [_script("ls /mnt/disks/ref")],
            {"taskCount": 8},
            {
                "volumes": [
                    {"deviceName": "ref", "mountPath": "/mnt/disks/ref", "mountOptions": ["ro"]}
                ]
            },
            allocationPolicy={
                **_machine(
                    "n2d-standard-8",
                    disks=[
                        {
                            "deviceName": "ref",
                            "existingDisk": "projects/p/zones/us-east1-b/disks/ref",
                        }
                    ],
                ),
                "location": {"allowedLocations": ["zones/us-east1-b"]},
            },
        ),
        "local ssd": _job(
            [_script("fio")],
            None,
            {"volumes": [{"deviceName": "ssd", "mountPath": "/mnt/disks/ssd"}]},
            allocationPolicy=_machine(
                "n2-standard-8",
                disks=[{"deviceName": "ssd", "newDisk": {"type": "local-ssd", "sizeGb": 750}}],
            ),
        ),
        "nfs": _job(
            [_script("./share/run.sh"), _script("./share/clean.sh", alwaysRun=True)],
            {"taskCount": 6, "parallelism": 6},
            {
                "volumes": [
                    {
                        "nfs": {"server": "10.0.0.5", "remotePath": "/vol1"},
                        "mountPath": "/mnt/disks/share",
                    }
                ],
                "maxRunDuration": "1800.5s",
            },
            allocationPolicy=_machine("t2d-standard-4"),
        ),
        "mpi": _job(
            [
                _script("prepare"),
                {"barrier": {"name": "ready"}},
                _script("mpirun -n 8 ./sim"),
                {"barrier": {}},
            ],
            {
                "taskCount": 4,
                "parallelism": 4,
                "taskCountPerNode": 1,
                "requireHostsFile": True,
                "permissiveSsh": True,
            },
            {"maxRunDuration": "7200s"},
            allocationPolicy={
                **_machine("h3-standard-88"),
                "placement": {"collocation": "COLLOCATED"},
            },
        ),
        "in order": _job(
            [_script("migrate --step $BATCH_TASK_INDEX")],
            {"taskCount": 12, "schedulingPolicy": "IN_ORDER"},
            {"maxRetryCount": 0},
        ),
        "environments": _job(
            [_script("echo $SAMPLE", environment={"variables": {"STEP": "one"}})],
            {
                "taskCount": 2,
                "taskEnvironments": [
                    {"variables": {"SAMPLE": "a"}},
                    {"variables": {"SAMPLE": "b"}},
                ],
            },
            {
                "environment": {
                    "variables": {"MODE": "fast"},
                    "secretVariables": {"KEY": "projects/p/secrets/key/versions/3"},
                }
            },
        ),
        "private network": _job(
            [_container("us-docker.pkg.dev/p/r/i@sha256:" + "0" * 64)],
            allocationPolicy={
                **_machine("c3-standard-4"),
                "location": {"allowedLocations": ["regions/us-west1"]},
                "network": {
                    "networkInterfaces": [
                        {
                            "network": "projects/host/global/networks/shared",
                            "subnetwork": "projects/host/regions/us-west1/subnetworks/batch",
                            "noExternalIpAddress": True,
                        }
                    ]
                },
                "serviceAccount": {"email": "runner@my-project.iam.gserviceaccount.com"},
                "tags": ["allow-egress"],
                "labels": {"cost": "lab-1"},
            },
        ),
        "template": _job(
            [_script("echo from a template")],
            {"taskCount": 2},
            allocationPolicy={
                "instances": [{"instanceTemplate": "projects/p/global/instanceTemplates/batch-vm"}]
            },
        ),
        "told by pubsub": _job(
            [_script("true"), _script("false", ignoreExitStatus=True)],
            None,
            {"maxRunDuration": "300s"},
            notifications=[
                {
                    "pubsubTopic": "projects/p/topics/batch",
                    "message": {"type": "JOB_STATE_CHANGED", "newJobState": "FAILED"},
                }
            ],
            priority=50,
            logsPolicy=LOGS,
        ),
        "custom machine on hyperdisk": _job(
            [_script("sidecar &", background=True), _script("work")],
            {"taskCount": 40, "parallelism": 10, "taskCountPerNode": 2},
            {"computeResource": {"cpuMilli": 2000, "memoryMib": 4096, "bootDiskMib": 40960}},
            allocationPolicy=_machine(
                "n4-custom-6-24576",
                bootDisk={"type": "hyperdisk-balanced"},
                reservation="NO_RESERVATION",
            ),
            logsPolicy=LOGS,
        ),
    }
