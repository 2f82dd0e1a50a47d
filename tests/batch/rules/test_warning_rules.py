# ruff: noqa: E501 - a table reads best with one case a line
"""Warnings and hints: one change of a clean job that brings each of them, and no error."""

from __future__ import annotations

from typing import Any

import pytest

from components.batch.rules import all_rules, check
from tests.batch.rules.jobs import POLICY, REMOVED, SPEC, changed, clean_job

RUNNABLE = f"{SPEC}.runnables"
SCRIPT = f"{RUNNABLE}[0].script"
CONTAINER = f"{RUNNABLE}[1].container"
GROUP = "taskGroups[0]"
VOLUMES = f"{SPEC}.volumes"
INSTANCE = "allocationPolicy.instances[0]"
NIC = "allocationPolicy.network.networkInterfaces[0]"
LOCATIONS = "allocationPolicy.location.allowedLocations"
COMPUTE = f"{SPEC}.computeResource"
LIFECYCLE = f"{SPEC}.lifecyclePolicies[0]"
CODES = f"{LIFECYCLE}.actionCondition.exitCodes"
VARIABLES = f"{SPEC}.environment.variables"

GPU = {
    f"{POLICY}.machineType": "n1-standard-8",
    f"{POLICY}.accelerators[0]": {"type": "nvidia-tesla-t4", "count": 1},
}
NO_SPOT = {f"{POLICY}.provisioningModel": "STANDARD"}
BARRIER = {f"{RUNNABLE}[2]": {"barrier": {}}, f"{GROUP}.parallelism": 4}
LOCAL_SSD = {
    f"{POLICY}.machineType": "n2-standard-4",
    f"{POLICY}.disks[0].newDisk": {"type": "local-ssd", "sizeGb": 375},
}
SECRET = "projects/p/secrets/registry/versions/1"
TOPIC = {"notifications[0].pubsubTopic": "projects/p/topics/t"}

# rule, severity, what is changed in the clean job, where the finding stands
CASES: list[tuple[str, str, dict[str, Any], str]] = [
    ("PARSE_ENUM_NUM", "warning", {f"{POLICY}.provisioningModel": 0}, f"{POLICY}.provisioningModel"),
    ("OUTPUT_ONLY", "hint", {"uid": "x"}, "uid"),
    ("OUTPUT_ONLY", "hint", {f"{GROUP}.name": "group0"}, f"{GROUP}.name"),
    ("JOB_SIZE", "warning", {f"{VARIABLES}.BIG": "x" * 900_000}, ""),
    ("LABEL_RESERVED", "warning", {'labels["goog-x"]': "x"}, "labels.goog-x"),
    ("LABEL_DUP", "warning", {"allocationPolicy.labels.team": "x"}, "allocationPolicy.labels.team"),
    ("LABELS_NONE", "hint", {"labels": {}}, "labels"),
    ("LOGS_NONE", "warning", {"logsPolicy": REMOVED}, "logsPolicy"),
    ("LOGS_PATH", "warning", {"logsPolicy": {"destination": "PATH", "logsPath": "/tmp/x"}}, "logsPolicy.logsPath"),
    ("LOGS_EXTRA", "warning", {"logsPolicy.logsPath": "/mnt/disks/in"}, "logsPolicy.logsPath"),
    ("NOTIF_MSG", "warning", TOPIC, "notifications[0].message"),
    ("NOTIF_LOSSY", "hint", TOPIC, "notifications"),
    ("PAR_RANGE", "warning", {f"{GROUP}.parallelism": 0}, f"{GROUP}.parallelism"),
    ("PAR_UNSET", "warning", {f"{GROUP}.parallelism": REMOVED}, f"{GROUP}.parallelism"),
    ("TCPN_RANGE", "warning", {f"{GROUP}.taskCountPerNode": 21}, f"{GROUP}.taskCountPerNode"),
    ("TCPN_RANGE", "warning", {f"{GROUP}.taskCountPerNode": 3}, f"{GROUP}.taskCountPerNode"),
    ("TCPN_FIT", "warning", {f"{GROUP}.taskCountPerNode": 4}, f"{GROUP}.taskCountPerNode"),
    ("HOSTS_1000", "warning", {f"{GROUP}.requireHostsFile": True, f"{GROUP}.taskCount": 3000, f"{GROUP}.parallelism": 3000}, f"{GROUP}.requireHostsFile"),
    ("SSH_NET", "hint", {f"{GROUP}.permissiveSsh": True}, f"{GROUP}.permissiveSsh"),
    ("VM_LIMIT", "warning", {f"{GROUP}.taskCount": 5000, f"{GROUP}.parallelism": 5000, LOCATIONS: ["zones/us-central1-a"]}, f"{GROUP}.parallelism"),
    ("RUN_ALL_IGNORE", "warning", {f"{RUNNABLE}[0].ignoreExitStatus": True, f"{RUNNABLE}[1].ignoreExitStatus": True}, RUNNABLE),
    ("RUN_BG_TIMEOUT", "warning", {f"{RUNNABLE}[1].background": True}, f"{RUNNABLE}[1].background"),
    ("RUN_ALWAYS", "hint", {f"{RUNNABLE}[1].alwaysRun": True}, f"{RUNNABLE}[1].alwaysRun"),
    ("RUN_ALWAYS", "hint", {f"{RUNNABLE}[2]": {"script": {"text": "gsutil -m cp -r /mnt/disks/scratch/out gs://my-bucket/out\n"}}}, f"{RUNNABLE}[2]"),
    ("RUN_ALWAYS", "hint", {f"{RUNNABLE}[2]": {"script": {"text": "gcloud storage cp out.txt 'gs://my-bucket/out'"}}}, f"{RUNNABLE}[2]"),
    ("TIMEOUT_MAX", "warning", {f"{SPEC}.maxRunDuration": "1300000s"}, f"{SPEC}.maxRunDuration"),
    ("TIMEOUT_NONE", "warning", {f"{SPEC}.maxRunDuration": REMOVED}, f"{SPEC}.maxRunDuration"),
    ("TIMEOUT_SUM", "warning", {f"{RUNNABLE}[0].timeout": "3600s"}, f"{RUNNABLE}[0].timeout"),
    ("TIMEOUT_SHORT", "warning", {f"{SPEC}.maxRunDuration": "30s"}, f"{SPEC}.maxRunDuration"),
    ("BAR_PAR", "warning", {**BARRIER, f"{GROUP}.parallelism": REMOVED}, f"{RUNNABLE}[2].barrier"),
    ("BAR_TIMEOUT", "warning", {**BARRIER, f"{SPEC}.maxRunDuration": REMOVED}, f"{RUNNABLE}[2].barrier"),
    ("BAR_RETRY", "warning", BARRIER, f"{RUNNABLE}[2].barrier"),
    ("BAR_NAME", "warning", {**BARRIER, f"{RUNNABLE}[2].barrier.name": "a b"}, f"{RUNNABLE}[2].barrier.name"),
    ("SCRIPT_SHELL", "warning", {f"{SCRIPT}.text": "[[ -f x ]] && echo y"}, f"{SCRIPT}.text"),
    ("SCRIPT_SHEBANG_POS", "warning", {f"{SCRIPT}.text": "\n#!/bin/bash\nls"}, f"{SCRIPT}.text"),
    ("SCRIPT_ERREXIT", "hint", {f"{SCRIPT}.text": "#!/bin/bash\na\nb\nc"}, f"{SCRIPT}.text"),
    ("SCRIPT_PATH", "warning", {SCRIPT: {"path": "/opt/run.sh"}}, f"{SCRIPT}.path"),
    ("CTR_TAG", "warning", {f"{CONTAINER}.imageUri": "us-docker.pkg.dev/p/r/i:latest"}, f"{CONTAINER}.imageUri"),
    ("CTR_GCR", "warning", {f"{CONTAINER}.imageUri": "eu.gcr.io/p/i:1"}, f"{CONTAINER}.imageUri"),
    ("CTR_DOCKERHUB_NOIP", "warning", {f"{CONTAINER}.imageUri": "busybox:1.36", f"{NIC}.noExternalIpAddress": True}, f"{CONTAINER}.imageUri"),
    ("CTR_CMD_SPLIT", "warning", {f"{CONTAINER}.entrypoint": REMOVED, f"{CONTAINER}.commands": ["python main.py /mnt/disks/in"]}, f"{CONTAINER}.commands[0]"),
    ("CTR_EXPAND", "warning", {f"{CONTAINER}.entrypoint": "echo", f"{CONTAINER}.commands": ["${BATCH_TASK_INDEX}"]}, f"{CONTAINER}.commands[0]"),
    ("CTR_ENTRYPOINT", "warning", {f"{CONTAINER}.entrypoint": "python main.py"}, f"{CONTAINER}.entrypoint"),
    ("CTR_VOL", "warning", {f"{CONTAINER}.volumes": ["/mnt/disks/none:/x"]}, f"{CONTAINER}.volumes[0]"),
    ("CTR_VOL_AUTO", "hint", {f"{POLICY}.disks[0]": {"deviceName": "scratch", "existingDisk": "d"}, f"{CONTAINER}.volumes": []}, f"{CONTAINER}.volumes"),
    ("CTR_OPT_VOL", "warning", {f"{CONTAINER}.options": "-v /a:/b"}, f"{CONTAINER}.options"),
    ("CTR_CRED", "warning", {f"{CONTAINER}.username": "me", f"{CONTAINER}.password": "hunter2"}, f"{CONTAINER}.password"),
    ("CTR_CRED", "warning", {f"{CONTAINER}.username": SECRET, f"{CONTAINER}.password": SECRET}, f"{CONTAINER}.username"),
    ("CTR_STREAM", "warning", {f"{CONTAINER}.enableImageStreaming": True, f"{CONTAINER}.imageUri": "europe-docker.pkg.dev/p/r/i:1"}, f"{CONTAINER}.imageUri"),
    ("CTR_STREAM", "warning", {f"{CONTAINER}.enableImageStreaming": True, f"{CONTAINER}.imageUri": "us-east1-docker.pkg.dev/p/r/i:1"}, f"{CONTAINER}.imageUri"),
    ("CTR_STREAM", "warning", {f"{CONTAINER}.enableImageStreaming": True, f"{CONTAINER}.options": "--privileged"}, f"{CONTAINER}.options"),
    ("LP_CODES", "warning", {f"{CODES}[2]": 0}, f"{CODES}[2]"),
    ("LP_NO_RETRY", "warning", {f"{SPEC}.maxRetryCount": 0}, f"{SPEC}.lifecyclePolicies"),
    ("LP_OPPOSITE", "warning", {CODES: [1]}, CODES),
    ("LP_OPPOSITE", "warning", {LIFECYCLE: {"action": "FAIL_TASK", "actionCondition": {"exitCodes": [2]}}}, CODES),
    ("LP_SHARED", "hint", {f"{CODES}[2]": 1}, f"{SPEC}.maxRetryCount"),
    ("LP_TIMEOUT_RETRY", "warning", {f"{CODES}[2]": 50005}, f"{CODES}[2]"),
    ("SPOT_RETRY", "warning", {f"{SPEC}.maxRetryCount": 0}, f"{SPEC}.maxRetryCount"),
    ("SPOT_LONG", "warning", {f"{SPEC}.maxRunDuration": "86400s"}, f"{POLICY}.provisioningModel"),
    ("SPOT_IDEMPOTENT", "hint", {}, f"{SPEC}.maxRetryCount"),
    ("PM_NEVER_ESCALATES", "hint", {}, f"{POLICY}.provisioningModel"),
    ("ENV_NAME", "warning", {f'{VARIABLES}["a.b"]': "x"}, f'{VARIABLES}["a.b"]'),
    ("ENV_BATCH_PREFIX", "warning", {f"{VARIABLES}.BATCH_X": "x"}, f"{VARIABLES}.BATCH_X"),
    ("ENV_DEPRECATED", "warning", {f"{SPEC}.environments": {"A": "b"}}, f"{SPEC}.environments"),
    ("ENV_SECRET_PLAIN", "warning", {f"{VARIABLES}.API_KEY": "abc"}, f"{VARIABLES}.API_KEY"),
    ("ENV_SECRET_PLAIN", "warning", {f"{VARIABLES}.dbPassword": "abc"}, f"{VARIABLES}.dbPassword"),
    ("ENV_SECRET_PLAIN", "warning", {f"{VARIABLES}.PGPASSWORD": "abc"}, f"{VARIABLES}.PGPASSWORD"),
    ("ENV_SECRET_PLAIN", "warning", {f"{VARIABLES}.DB_PASSWORD_PROD": "abc"}, f"{VARIABLES}.DB_PASSWORD_PROD"),
    ("ENV_SECRET_PLAIN", "warning", {f"{VARIABLES}.DB": "postgres://me:hunter2@10.0.0.3/x"}, f"{VARIABLES}.DB"),
    ("ENV_SECRET_PLAIN", "warning", {f"{SCRIPT}.text": "#!/bin/bash\nexport K=AKIAABCDEFGHIJKLMNOP"}, f"{SCRIPT}.text"),
    ("ENV_DUP", "warning", {f"{RUNNABLE}[0].environment.variables.MODE": "slow"}, f"{RUNNABLE}[0].environment"),
    ("ENV_SIZE", "hint", {f"{VARIABLES}.A": "x" * 5000}, f"{VARIABLES}.A"),
    ("PLACEHOLDER", "warning", {f"{SCRIPT}.text": "${FOLLOWING_SCRIPT}"}, f"{SCRIPT}.text"),
    ("PLACEHOLDER", "warning", {f"{VARIABLES}.OUT": "gs://YOUR_BUCKET/x"}, f"{VARIABLES}.OUT"),
    ("CR_POS", "warning", {f"{COMPUTE}.memoryMib": 4}, f"{COMPUTE}.memoryMib"),
    ("CR_CPU_UNIT", "warning", {f"{COMPUTE}.cpuMilli": 4}, f"{COMPUTE}.cpuMilli"),
    ("CR_FIT", "warning", {f"{COMPUTE}.cpuMilli": 8000}, f"{COMPUTE}.cpuMilli"),
    ("CR_FIT", "warning", {f"{COMPUTE}.memoryMib": 20000, f"{COMPUTE}.cpuMilli": 4000}, f"{COMPUTE}.memoryMib"),
    ("PACK_MEM", "warning", {f"{COMPUTE}.memoryMib": 10000}, f"{COMPUTE}.memoryMib"),
    ("CR_MISSING_MT", "warning", {f"{COMPUTE}.cpuMilli": REMOVED}, f"{COMPUTE}.cpuMilli"),
    ("CR_WASTE", "warning", {f"{POLICY}.machineType": "c2-standard-30"}, f"{POLICY}.machineType"),
    ("CR_NO_MT", "hint", {f"{POLICY}.machineType": REMOVED}, f"{POLICY}.machineType"),
    ("CR_BOOT_BOTH", "warning", {f"{COMPUTE}.bootDiskMib": 1000, f"{POLICY}.bootDisk.sizeGb": 50}, f"{COMPUTE}.bootDiskMib"),
    ("VOL_NFS", "warning", {f"{VOLUMES}[2]": {"nfs": {"server": "nfs.local", "remotePath": "/s"}, "mountPath": "/mnt/disks/n"}}, f"{VOLUMES}[2].nfs.server"),
    ("DISK_UNMOUNTED", "warning", {f"{VOLUMES}[1]": REMOVED}, f"{POLICY}.disks[0]"),
    ("RES_FORM", "warning", {f"{POLICY}.reservation": "r-1", "allocationPolicy.placement.collocation": "COLLOCATED"}, f"{POLICY}.reservation"),
    ("VOL_GCS_RW", "warning", {f"{SCRIPT}.text": "#!/bin/sh\necho a >> /mnt/disks/in/all.txt"}, f"{SCRIPT}.text"),
    ("VOL_UNUSED", "hint", {}, f"{VOLUMES}[1].mountPath"),
    ("INST_ONEOF", "warning", {INSTANCE: {"installOpsAgent": True}, f"{VOLUMES}[1]": REMOVED}, INSTANCE),
    ("TPL_ONLY", "warning", {INSTANCE: {"instanceTemplate": "t"}, "allocationPolicy.tags": ["web"]}, "allocationPolicy.tags"),
    ("MT_KNOWN", "warning", {f"{POLICY}.machineType": "e2-standard-5"}, f"{POLICY}.machineType"),
    ("MT_SHARED", "warning", {f"{POLICY}.machineType": "e2-micro"}, f"{POLICY}.machineType"),
    ("MT_ARM", "warning", {f"{POLICY}.machineType": "c4a-standard-4", f"{POLICY}.disks[0].newDisk.type": "hyperdisk-balanced"}, f"{POLICY}.machineType"),
    ("MT_ONE", "hint", {f"{GROUP}.taskCount": 4000, f"{GROUP}.parallelism": 3000, f"{POLICY}.machineType": "e2-standard-2"}, f"{POLICY}.machineType"),
    ("PM_ENUM", "hint", {f"{POLICY}.provisioningModel": "PREEMPTIBLE"}, f"{POLICY}.provisioningModel"),
    ("PM_FLEX", "warning", {f"{POLICY}.provisioningModel": "FLEX_START", f"{POLICY}.reservation": "NO_RESERVATION"}, f"{POLICY}.provisioningModel"),
    ("NET_VPCSC", "hint", {f"{NIC}": {"network": "global/networks/n", "subnetwork": "regions/us-central1/subnetworks/s"}}, f"{NIC}.noExternalIpAddress"),
    ("BD_EOL", "warning", {f"{POLICY}.bootDisk.image": "projects/batch-custom-image/global/images/batch-debian-12-official-20240925-00-p00"}, f"{POLICY}.bootDisk.image"),
    ("MT_METAL", "warning", {f"{POLICY}.machineType": "c3-standard-192-metal"}, f"{POLICY}.machineType"),
    ("PM_SPOT_TYPE", "warning", {f"{POLICY}.machineType": "c3-standard-192-metal"}, f"{POLICY}.provisioningModel"),
    ("PM_NO_ONDEMAND", "warning", {**NO_SPOT, f"{POLICY}.machineType": "a3-highgpu-1g"}, f"{POLICY}.provisioningModel"),
    ("ACC_NO_MT", "hint", {**GPU, f"{POLICY}.machineType": REMOVED}, f"{POLICY}.machineType"),
    ("ACC_DRV", "warning", GPU, f"{INSTANCE}.installGpuDrivers"),
    ("ACC_DRV_OLD", "warning", {**GPU, f"{POLICY}.accelerators[0].installGpuDrivers": True}, f"{POLICY}.accelerators[0].installGpuDrivers"),
    ("ACC_DRV_NOGPU", "warning", {f"{INSTANCE}.installGpuDrivers": True}, f"{INSTANCE}.installGpuDrivers"),
    ("ACC_PACK", "warning", {**GPU, f"{GROUP}.taskCountPerNode": 2}, f"{GROUP}.taskCountPerNode"),
    ("ACC_UNUSED", "hint", {**GPU, f"{RUNNABLE}[1]": REMOVED}, f"{POLICY}.accelerators"),
    ("ACC_QUOTA", "hint", GPU, f"{POLICY}.accelerators"),
    ("BD_SIZE", "warning", {f"{POLICY}.bootDisk.sizeGb": 5000}, f"{POLICY}.bootDisk.sizeGb"),
    ("BD_OPS", "warning", {f"{POLICY}.bootDisk.image": "batch-cos", f"{INSTANCE}.installOpsAgent": True}, f"{INSTANCE}.installOpsAgent"),
    ("BD_SCRIPT_COS", "warning", {f"{POLICY}.bootDisk.image": "batch-cos", f"{SCRIPT}.text": "apt-get install x"}, f"{SCRIPT}.text"),
    ("DISK_ONEOF", "warning", {f"{POLICY}.disks[1]": {"newDisk": {"sizeGb": 10}}}, f"{POLICY}.disks[1].deviceName"),
    ("DISK_EXIST", "warning", {f"{POLICY}.disks[0]": {"deviceName": "scratch", "existingDisk": "projects/p/zones/us-central1-a/disks/d"}, LOCATIONS: REMOVED}, LOCATIONS),
    ("LSSD_SIZE", "warning", {**LOCAL_SSD, f"{POLICY}.disks[0].newDisk.sizeGb": 300}, f"{POLICY}.disks[0].newDisk.sizeGb"),
    ("LSSD_SIZE", "warning", {**LOCAL_SSD, f"{POLICY}.disks[1]": {"deviceName": "more", "newDisk": {"type": "local-ssd", "sizeGb": 375}}}, f"{POLICY}.disks[1].newDisk"),
    ("LSSD_DATA", "warning", {**LOCAL_SSD, f"{VOLUMES}[0]": REMOVED}, f"{POLICY}.disks[0].newDisk"),
    ("LOC_ZONE_NARROW", "hint", {LOCATIONS: ["zones/us-central1-a"]}, LOCATIONS),
    ("PLACE", "warning", {"allocationPolicy.placement.maxDistance": 1}, "allocationPolicy.placement.maxDistance"),
    ("NET_BOTH", "warning", {f"{NIC}.network": "global/networks/n"}, f"{NIC}.subnetwork"),
    ("NET_NOIP", "warning", {f"{NIC}.noExternalIpAddress": True}, f"{NIC}.noExternalIpAddress"),
    ("SA_FORM", "hint", {"allocationPolicy.serviceAccount": REMOVED}, "allocationPolicy.serviceAccount.email"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "severity", "changes", "path"), CASES)
def test_the_finding_comes_without_any_error(
    rule: str, severity: str, changes: dict[str, Any], path: str
) -> None:
    findings = check(changed(clean_job(), changes))

    assert (rule, severity, path) in {(f.rule, f.severity, f.path) for f in findings}
    assert [f for f in findings if f.severity == "error"] == []


def test_every_warning_and_hint_rule_has_a_case() -> None:
    wanted = {rule.id for rule in all_rules().values() if rule.severity != "error"}

    assert wanted - {rule for rule, _, _, _ in CASES} == set()
