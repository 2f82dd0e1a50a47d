# ruff: noqa: E501 - a table reads best with one case a line
"""Each error rule: one change of a clean job that breaks it, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from components.batch.rules import all_rules, check
from tests.batch.rules.jobs import POLICY, REMOVED, SPEC, changed, clean_job

RUNNABLE = f"{SPEC}.runnables"
CONTAINER = f"{RUNNABLE}[1].container"
GROUP = "taskGroups[0]"
VOLUMES = f"{SPEC}.volumes"
NIC = "allocationPolicy.network.networkInterfaces"
GPU = f"{POLICY}.accelerators[0]"
LOCATIONS = "allocationPolicy.location.allowedLocations"

N1 = {f"{POLICY}.machineType": "n1-standard-8"}
T4 = {f"{GPU}.type": "nvidia-tesla-t4", f"{GPU}.count": 1}

# rule, what is changed in the clean job, where the finding stands
CASES: list[tuple[str, dict[str, Any], str]] = [
    # the shape
    ("PARSE_UNKNOWN", {f"{GROUP}.colour": "red"}, f"{GROUP}.colour"),
    ("PARSE_UNKNOWN", {f"{POLICY}.machine_types": "e2-medium"}, f"{POLICY}.machine_types"),
    ("PARSE_ALPHA_FIELD", {"dependencies": []}, "dependencies"),
    ("PARSE_ALPHA_FIELD", {f"{SPEC}.computeResource.gpuCount": 1}, f"{SPEC}.computeResource.gpuCount"),
    ("PARSE_CASE_DUP", {f"{SPEC}.max_retry_count": 1}, f"{SPEC}.maxRetryCount"),
    ("PARSE_SHAPE", {LOCATIONS: "regions/us-central1"}, LOCATIONS),
    ("PARSE_SHAPE", {f"{CONTAINER}.commands": [None]}, f"{CONTAINER}.commands[0]"),
    ("PARSE_SHAPE", {"labels": ["a"]}, "labels"),
    ("PARSE_TYPE", {f"{GROUP}.taskCount": "five"}, f"{GROUP}.taskCount"),
    ("PARSE_TYPE", {f"{GROUP}.taskCount": 2**63}, f"{GROUP}.taskCount"),
    ("PARSE_TYPE", {f"{GROUP}.taskCount": 2.5}, f"{GROUP}.taskCount"),
    ("PARSE_TYPE", {f"{GROUP}.requireHostsFile": "maybe"}, f"{GROUP}.requireHostsFile"),
    ("PARSE_TYPE", {"labels.n": 5}, "labels.n"),
    ("PARSE_TYPE", {f"{SPEC}.environment.variables.N": None}, f"{SPEC}.environment.variables.N"),
    ("PARSE_ENUM", {"logsPolicy.destination": "cloud"}, "logsPolicy.destination"),
    ("PARSE_ENUM_NUM", {"logsPolicy.destination": 99}, "logsPolicy.destination"),
    (
        "PARSE_ONEOF",
        {f"{POLICY}.disks[0].newDisk.image": "projects/p/global/images/i",
         f"{POLICY}.disks[0].newDisk.snapshot": "s"},
        f"{POLICY}.disks[0].newDisk.snapshot",
    ),
    ("PM_ENUM", {f"{POLICY}.provisioningModel": "cheap"}, f"{POLICY}.provisioningModel"),
    ("TIMEOUT_FMT", {f"{SPEC}.maxRunDuration": "1h"}, f"{SPEC}.maxRunDuration"),
    ("TIMEOUT_FMT", {f"{SPEC}.maxRunDuration": 3600}, f"{SPEC}.maxRunDuration"),
    ("TIMEOUT_FMT", {f"{SPEC}.maxRunDuration": "-5s"}, f"{SPEC}.maxRunDuration"),
    ("TIMEOUT_FMT", {f"{SPEC}.maxRunDuration": "0s"}, f"{SPEC}.maxRunDuration"),
    ("TIMEOUT_FMT", {f"{RUNNABLE}[0].timeout": "315576000001s"}, f"{RUNNABLE}[0].timeout"),
    # the job
    ("JOB_SIZE", {f"{SPEC}.environment.variables.BIG": "x" * 1_000_001}, ""),
    ("TG_ONE", {"taskGroups": []}, "taskGroups"),
    ("TG_ONE", {"taskGroups[1]": {}}, "taskGroups[1]"),
    ("PRIORITY", {"priority": 100}, "priority"),
    ("PRIORITY", {"priority": -1}, "priority"),
    ("LABEL_KEY", {"labels.Team": "x"}, "labels.Team"),
    ("LABEL_KEY", {"allocationPolicy.labels.team": "a b"}, "allocationPolicy.labels.team"),
    ("LABEL_KEY", {"labels.a": "x" * 64}, "labels.a"),
    ("LABEL_COUNT", {"labels": {f"k{i}": "v" for i in range(64)}}, "labels"),
    ("LABEL_RESERVED", {'labels["batch-job-id"]': "x"}, "labels.batch-job-id"),
    ("LOGS_PATH", {"logsPolicy": {"destination": "PATH"}}, "logsPolicy.logsPath"),
    ("NOTIF_TOPIC", {"notifications[0].pubsubTopic": "my-topic"}, "notifications[0].pubsubTopic"),
    (
        "NOTIF_MIX",
        {
            "notifications[0].pubsubTopic": "projects/p/topics/t",
            "notifications[0].message": {"newJobState": "FAILED", "newTaskState": "FAILED"},
        },
        "notifications[0].message",
    ),
    # the task group
    ("TC_RANGE", {f"{GROUP}.taskCount": 0}, f"{GROUP}.taskCount"),
    ("TC_RANGE", {f"{GROUP}.taskCount": 100_001}, f"{GROUP}.taskCount"),
    ("PAR_RANGE", {f"{GROUP}.parallelism": 5001, f"{GROUP}.taskCount": 9000}, f"{GROUP}.parallelism"),
    ("PAR_GT_TC", {f"{GROUP}.parallelism": 5}, f"{GROUP}.parallelism"),
    ("PAR_INORDER", {f"{GROUP}.schedulingPolicy": "IN_ORDER"}, f"{GROUP}.parallelism"),
    ("TENV_COUNT", {f"{GROUP}.taskEnvironments": [{}, {}, {}]}, f"{GROUP}.taskEnvironments"),
    (
        "TENV_MAX",
        {f"{GROUP}.taskEnvironments": [{}] * 201, f"{GROUP}.taskCount": 201},
        f"{GROUP}.taskEnvironments",
    ),
    ("TCPN_RANGE", {f"{GROUP}.taskCountPerNode": 0}, f"{GROUP}.taskCountPerNode"),
    # runnables
    ("RUN_EMPTY", {RUNNABLE: []}, RUNNABLE),
    ("RUN_ONEOF", {f"{RUNNABLE}[2]": {}}, f"{RUNNABLE}[2]"),
    ("RUN_ONEOF", {f"{RUNNABLE}[2]": {"barrier": None}}, f"{RUNNABLE}[2]"),
    ("RUN_ONEOF", {f"{RUNNABLE}[0].barrier": {}, f"{GROUP}.parallelism": 4}, f"{RUNNABLE}[0].barrier"),
    ("RUN_NO_WORK", {f"{RUNNABLE}[0].background": True, f"{RUNNABLE}[1].background": True}, RUNNABLE),
    ("SCRIPT_ONEOF", {f"{RUNNABLE}[0].script": {}}, f"{RUNNABLE}[0].script"),
    ("SCRIPT_ONEOF", {f"{RUNNABLE}[0].script.path": "/mnt/disks/in/x"}, f"{RUNNABLE}[0].script.path"),
    ("BAR_PAR", {f"{RUNNABLE}[2]": {"barrier": {}}}, f"{RUNNABLE}[2].barrier"),
    ("CTR_IMAGE", {f"{CONTAINER}.imageUri": ""}, f"{CONTAINER}.imageUri"),
    ("CTR_IMAGE", {f"{CONTAINER}.imageUri": "docker://busybox:1"}, f"{CONTAINER}.imageUri"),
    ("CTR_IMAGE", {f"{CONTAINER}.imageUri": "Busy box"}, f"{CONTAINER}.imageUri"),
    ("CTR_VOL", {f"{CONTAINER}.volumes": ["data:/data"]}, f"{CONTAINER}.volumes[0]"),
    (
        "CTR_BLOCK_NET",
        {f"{CONTAINER}.blockExternalNetwork": True, f"{CONTAINER}.options": "--network host"},
        f"{CONTAINER}.options",
    ),
    ("CTR_CRED", {f"{CONTAINER}.username": "me"}, f"{CONTAINER}.password"),
    # retries
    ("RETRY_RANGE", {f"{SPEC}.maxRetryCount": 11}, f"{SPEC}.maxRetryCount"),
    ("RETRY_RANGE", {f"{SPEC}.maxRetryCount": -1}, f"{SPEC}.maxRetryCount"),
    (
        "LP_ONE",
        {
            f"{SPEC}.lifecyclePolicies[1]": {
                "action": "FAIL_TASK",
                "actionCondition": {"exitCodes": [3]},
            }
        },
        f"{SPEC}.lifecyclePolicies[1]",
    ),
    ("LP_ACTION", {f"{SPEC}.lifecyclePolicies[0].action": "STOP"}, f"{SPEC}.lifecyclePolicies[0].action"),
    (
        "LP_ACTION",
        {f"{SPEC}.lifecyclePolicies[0].action": REMOVED},
        f"{SPEC}.lifecyclePolicies[0].action",
    ),
    (
        "LP_CODES",
        {f"{SPEC}.lifecyclePolicies[0].actionCondition.exitCodes[2]": 300},
        f"{SPEC}.lifecyclePolicies[0].actionCondition.exitCodes[2]",
    ),
    (
        "LP_CODES",
        {f"{SPEC}.lifecyclePolicies[0].actionCondition": REMOVED},
        f"{SPEC}.lifecyclePolicies[0].actionCondition.exitCodes",
    ),
    # environments
    ("ENV_SECRET_REF", {f"{SPEC}.environment.secretVariables.DB": "db"}, f"{SPEC}.environment.secretVariables.DB"),
    (
        "ENV_KMS",
        {f"{SPEC}.environment.encryptedVariables.keyName": "k"},
        f"{SPEC}.environment.encryptedVariables.cipherText",
    ),
    # blanks
    ("PLACEHOLDER", {f"{VOLUMES}[0].gcs.remotePath": "BUCKET_NAME"}, f"{VOLUMES}[0].gcs.remotePath"),
    ("PLACEHOLDER", {f"{POLICY}.machineType": "${MACHINE}"}, f"{POLICY}.machineType"),
    ("PLACEHOLDER", {f"{GROUP}.taskCount": "${N}"}, f"{GROUP}.taskCount"),
    ("PLACEHOLDER", {LOCATIONS: ["regions/<YOUR REGION>"]}, f"{LOCATIONS}[0]"),
    # compute and volumes
    ("CR_POS", {f"{SPEC}.computeResource.cpuMilli": 0}, f"{SPEC}.computeResource.cpuMilli"),
    ("CR_POS", {f"{SPEC}.computeResource.memoryMib": -1}, f"{SPEC}.computeResource.memoryMib"),
    ("VOL_ONEOF", {f"{VOLUMES}[2].mountPath": "/mnt/disks/x"}, f"{VOLUMES}[2]"),
    ("VOL_ONEOF", {f"{VOLUMES}[0].nfs": {"server": "10.0.0.2", "remotePath": "/s"}}, f"{VOLUMES}[0].nfs"),
    ("VOL_PATH", {f"{VOLUMES}[1].mountPath": "/mnt/disks/scratch/"}, f"{VOLUMES}[1].mountPath"),
    ("VOL_PATH", {f"{VOLUMES}[1].mountPath": REMOVED}, f"{VOLUMES}[1].mountPath"),
    ("VOL_PATH", {f"{VOLUMES}[1].mountPath": "scratch"}, f"{VOLUMES}[1].mountPath"),
    ("VOL_PATH", {f"{VOLUMES}[1].mountPath": "/mnt/disks/in"}, f"{VOLUMES}[1].mountPath"),
    ("VOL_PATH", {f"{VOLUMES}[1].mountPath": "/mnt/disks/in/x"}, f"{VOLUMES}[1].mountPath"),
    (
        "VOL_COS",
        {f"{POLICY}.bootDisk.image": "batch-cos", f"{VOLUMES}[1].mountPath": "/mnt/share"},
        f"{VOLUMES}[1].mountPath",
    ),
    ("VOL_SYS", {f"{VOLUMES}[1].mountPath": "/etc"}, f"{VOLUMES}[1].mountPath"),
    ("VOL_GCS", {f"{VOLUMES}[0].gcs.remotePath": "gs://my-bucket"}, f"{VOLUMES}[0].gcs.remotePath"),
    ("VOL_GCS", {f"{VOLUMES}[0].gcs": {}}, f"{VOLUMES}[0].gcs.remotePath"),
    ("VOL_GCS", {f"{VOLUMES}[0].gcs.remotePath": "My-Bucket"}, f"{VOLUMES}[0].gcs.remotePath"),
    (
        "VOL_NFS",
        {f"{VOLUMES}[2]": {"nfs": {"server": "10.0.0.2", "remotePath": "share"}, "mountPath": "/mnt/disks/n"}},
        f"{VOLUMES}[2].nfs.remotePath",
    ),
    ("VOL_DEV", {f"{POLICY}.disks[0].deviceName": "other"}, f"{VOLUMES}[1].deviceName"),
    (
        "VOL_MOUNT_OPT",
        {
            f"{POLICY}.disks[0]": {"deviceName": "scratch", "existingDisk": "projects/p/regions/us-central1/disks/d"},
            f"{VOLUMES}[1].mountOptions": ["rw", "async"],
        },
        f"{VOLUMES}[1].mountOptions",
    ),
    # machines
    ("INST_ONE", {"allocationPolicy.instances[1]": {"policy": {"machineType": "e2-medium"}}}, "allocationPolicy.instances[1]"),
    ("INST_ONEOF", {"allocationPolicy.instances[0].instanceTemplate": "t"}, "allocationPolicy.instances[0].instanceTemplate"),
    (
        "TPL_FORM",
        {"allocationPolicy.instances": [{"instanceTemplate": "projects/p/regions/r/instanceTemplates/t"}]},
        "allocationPolicy.instances[0].instanceTemplate",
    ),
    ("MT_SERIES", {f"{POLICY}.machineType": "g4-standard-48"}, f"{POLICY}.machineType"),
    ("MT_SERIES", {f"{POLICY}.machineType": "z3-highmem-88-highlssd"}, f"{POLICY}.machineType"),
    ("MT_SERIES", {f"{POLICY}.machineType": "ct5lp-hightpu-4t"}, f"{POLICY}.machineType"),
    ("MT_KNOWN", {f"{POLICY}.machineType": "E2 Standard"}, f"{POLICY}.machineType"),
    ("MT_ONE", {f"{POLICY}.machineType": "e2-standard-4, n2-standard-4"}, f"{POLICY}.machineType"),
    ("MT_CUSTOM", {f"{POLICY}.machineType": "n2-custom-5-8192"}, f"{POLICY}.machineType"),
    ("MT_CUSTOM", {f"{POLICY}.machineType": "custom-4-1000"}, f"{POLICY}.machineType"),
    ("MT_CUSTOM", {f"{POLICY}.machineType": "custom-2-51200"}, f"{POLICY}.machineType"),
    ("MT_CUSTOM", {f"{POLICY}.machineType": "c2-custom-4-8192"}, f"{POLICY}.machineType"),
    ("PM_FLEX", {f"{POLICY}.provisioningModel": "FLEX_START"}, f"{POLICY}.reservation"),
    ("PM_RESBOUND", {f"{POLICY}.provisioningModel": "RESERVATION_BOUND"}, f"{POLICY}.reservation"),
    ("RES_FORM", {f"{POLICY}.reservation": "My Reservation"}, f"{POLICY}.reservation"),
    # GPUs
    ("ACC_ONE", {**N1, **T4, f"{POLICY}.accelerators[1]": {"type": "nvidia-tesla-t4", "count": 1}}, f"{POLICY}.accelerators[1]"),
    ("ACC_TYPE", {**N1, **T4, f"{GPU}.type": "T4"}, f"{GPU}.type"),
    ("ACC_TYPE", {**N1, **T4, f"{GPU}.type": "nvidia-tesla-k80"}, f"{GPU}.type"),
    ("ACC_N1", {**T4, f"{POLICY}.machineType": "n2-standard-8"}, f"{POLICY}.machineType"),
    ("ACC_COUNT", {**N1, **T4, f"{GPU}.count": 3}, f"{GPU}.count"),
    ("ACC_COUNT", {**N1, **T4, f"{GPU}.count": 0}, f"{GPU}.count"),
    ("ACC_N1_CPU", {f"{POLICY}.machineType": "n1-standard-64", f"{GPU}.type": "nvidia-tesla-t4", f"{GPU}.count": 1}, f"{GPU}.count"),
    ("ACC_IMPLICIT", {**T4, f"{POLICY}.machineType": "a2-highgpu-1g"}, f"{GPU}"),
    ("ACC_IMPLICIT", {f"{GPU}.type": "nvidia-l4", f"{GPU}.count": 1}, f"{POLICY}.machineType"),
    # disks
    ("BD_IMAGE", {f"{POLICY}.bootDisk.image": "ubuntu"}, f"{POLICY}.bootDisk.image"),
    ("BD_EOL", {f"{POLICY}.bootDisk.image": "batch-centos"}, f"{POLICY}.bootDisk.image"),
    ("BD_SNAPSHOT", {f"{POLICY}.bootDisk.snapshot": "s"}, f"{POLICY}.bootDisk.snapshot"),
    ("BD_SIZE", {f"{POLICY}.bootDisk.sizeGb": 5}, f"{POLICY}.bootDisk.sizeGb"),
    ("BD_SIZE", {f"{POLICY}.bootDisk.sizeGb": 29}, f"{POLICY}.bootDisk.sizeGb"),
    (
        "BD_SIZE",
        {f"{POLICY}.bootDisk": {"image": "projects/p/global/images/mine", "sizeGb": 9}},
        f"{POLICY}.bootDisk.sizeGb",
    ),
    ("BD_TYPE", {f"{POLICY}.bootDisk.type": "ssd"}, f"{POLICY}.bootDisk.type"),
    (
        "BD_TYPE",
        {
            f"{POLICY}.bootDisk.type": "pd-ssd",
            f"{POLICY}.machineType": "n4-standard-4",
            f"{POLICY}.disks[0].newDisk.type": "hyperdisk-balanced",
        },
        f"{POLICY}.bootDisk.type",
    ),
    ("BD_TYPE", {f"{POLICY}.bootDisk.type": "local-ssd"}, f"{POLICY}.bootDisk.type"),
    ("BD_TYPE", {f"{POLICY}.bootDisk.type": "hyperdisk-ml"}, f"{POLICY}.bootDisk.type"),
    ("BD_TYPE", {f"{POLICY}.bootDisk.type": "hyperdisk-balanced"}, f"{POLICY}.bootDisk.type"),
    ("BD_TYPE", {f"{POLICY}.disks[0].newDisk.type": "ssd"}, f"{POLICY}.disks[0].newDisk.type"),
    ("BD_TYPE", {f"{POLICY}.machineType": "n4-standard-4"}, f"{POLICY}.disks[0].newDisk.type"),
    ("DISK_ONEOF", {f"{POLICY}.disks[0].newDisk": REMOVED}, f"{POLICY}.disks[0]"),
    ("DISK_ONEOF", {f"{POLICY}.disks[0].existingDisk": "d"}, f"{POLICY}.disks[0].existingDisk"),
    (
        "DISK_EXIST",
        {f"{POLICY}.disks[0]": {"deviceName": "scratch", "existingDisk": "projects/p/zones/us-central1-a/disks/d"}},
        LOCATIONS,
    ),
    ("DISK_IFACE", {f"{POLICY}.disks[0].newDisk.diskInterface": "SATA"}, f"{POLICY}.disks[0].newDisk.diskInterface"),
    (
        "LSSD_FIT",
        {f"{POLICY}.disks[0].newDisk": {"type": "local-ssd", "sizeGb": 375}},
        f"{POLICY}.disks[0].newDisk",
    ),
    (
        "LSSD_FIT",
        {
            f"{POLICY}.machineType": "n2-standard-16",
            f"{POLICY}.disks[0].newDisk": {"type": "local-ssd", "sizeGb": 375},
        },
        f"{POLICY}.disks[0].newDisk.sizeGb",
    ),
    # places and networks
    ("LOC_FORM", {LOCATIONS: ["us-central1"]}, f"{LOCATIONS}[0]"),
    ("LOC_FORM", {LOCATIONS: ["regions/us-fake"]}, f"{LOCATIONS}[0]"),
    ("LOC_FORM", {LOCATIONS: ["zones/us-central1"]}, f"{LOCATIONS}[0]"),
    ("LOC_ONE_REGION", {f"{LOCATIONS}[1]": "regions/us-west1"}, LOCATIONS),
    ("NET_FORM", {f"{NIC}[0].network": "default"}, f"{NIC}[0].network"),
    (
        "NET_BOTH",
        {
            f"{NIC}[0].network": "global/networks/n",
            f"{NIC}[0].subnetwork": "regions/us-west1/subnetworks/s",
        },
        f"{NIC}[0].subnetwork",
    ),
    (
        "NET_ONE",
        {
            f"{NIC}[0]": {"network": "global/networks/n", "subnetwork": "regions/us-central1/subnetworks/s"},
            f"{NIC}[1]": {"network": "global/networks/n", "subnetwork": "regions/us-central1/subnetworks/s"},
        },
        f"{NIC}[1].network",
    ),
    ("SA_FORM", {"allocationPolicy.serviceAccount.email": "me@example.com"}, "allocationPolicy.serviceAccount.email"),
    ("TAG_FORM", {"allocationPolicy.tags": ["Web"]}, "allocationPolicy.tags[0]"),
]  # fmt: skip


def test_a_clean_job_has_no_errors_and_no_warnings() -> None:
    assert [f for f in check(clean_job()) if f.severity != "hint"] == []


@pytest.mark.parametrize(("rule", "changes", "path"), CASES)
def test_breaking_one_rule_gives_that_error_alone(
    rule: str, changes: dict[str, Any], path: str
) -> None:
    errors = [f for f in check(changed(clean_job(), changes)) if f.severity == "error"]

    assert [(f.rule, f.path) for f in errors] == [(rule, path)]
    assert errors[0].message


def test_every_error_rule_has_a_case() -> None:
    wanted = {rule.id for rule in all_rules().values() if rule.severity == "error"}

    assert wanted - {rule for rule, _, _ in CASES} == set()
