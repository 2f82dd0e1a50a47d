# ruff: noqa: E501 - a table reads best with one case a line
"""What people and the service say of a job that fails, and what follows for the job."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from components.batch.findings import path_parts
from components.config.spans import value_at
from components.fix_config.answer import Answer
from components.fix_config.diagnose import TABLE, diagnosed, plain_complaint
from components.fix_config.fix import fix_job
from tests.batch.rules.jobs import POLICY, REMOVED, SPEC, changed, clean_job

GROUP = "taskGroups[0]"
INSTANCE = "allocationPolicy.instances[0]"
ALLOWED = "allocationPolicy.location.allowedLocations"
NETWORK = "allocationPolicy.network.networkInterfaces[0]"
SCRIPT = f"{SPEC}.runnables[0].script.text"
CONTAINER = f"{SPEC}.runnables[1].container"
CODES = f"{SPEC}.lifecyclePolicies[0].actionCondition.exitCodes"
LOST = [50001, 50002, 50003, 50004, 50006]
GONE: Any = object()
BARRIER = {
    f"{SPEC}.runnables[1]": {"barrier": {}},
    f"{SPEC}.runnables[2]": {"script": {"text": "echo b"}},
    f"{POLICY}.provisioningModel": "STANDARD",
    f"{SPEC}.maxRetryCount": 0,
    f"{SPEC}.lifecyclePolicies": REMOVED,
}
TEMPLATE = {
    f"{POLICY}": REMOVED,
    f"{INSTANCE}.instanceTemplate": "my-template",
    f"{SPEC}.volumes[1]": REMOVED,
}

# what is changed in the clean job, the complaint, and what the fixed job holds at which path
CASES: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    # --- refused ---
    ({"allocationPolicy.instance": [{"policy": {"machineType": "e2-medium"}}], "allocationPolicy.instances": REMOVED, f"{SPEC}.volumes[1]": REMOVED}, "Invalid JSON payload received. Unknown name \"instance\" at 'job.allocation_policy': Cannot find field.", {f"{POLICY}.machineType": "e2-medium"}),
    ({f"{SPEC}.maxRetryCount": 25}, "OUT_OF_RANGE: max_retry_count with value 25 is not in between 0 and 10", {f"{SPEC}.maxRetryCount": 10}),
    ({f"{POLICY}.disks[0].newDisk": REMOVED, f"{POLICY}.disks[0].existingDisk": "projects/p/zones/us-central1-a/disks/d", f"{SPEC}.volumes[1].mountOptions": ["rw"]}, "For existing pd, only ro is supported", {f"{SPEC}.volumes[1].mountOptions": ["ro"], ALLOWED: ["zones/us-central1-a"]}),
    ({f"{POLICY}.disks[0].newDisk.diskInterface": "test"}, "diskInterface can only be NVMe or SCSI.", {f"{POLICY}.disks[0].newDisk.diskInterface": "NVMe"}),
    ({ALLOWED: ["regions/us-central1", "zones/us-west1-c"]}, "all specified locations end up in more than one regions us-central1, us-west1", {ALLOWED: ["regions/us-central1"]}),
    ({ALLOWED: ["regions/us-fake"]}, "us-fake is not supported", {ALLOWED: ["regions/us-central1"]}),
    ({ALLOWED: ["regions/us-fake"]}, "us-fake is not supported; we have our quota in europe-west4", {ALLOWED: ["regions/europe-west4"]}),
    ({f"{NETWORK}.network": "default", f"{NETWORK}.subnetwork": "default"}, "400 network field is invalid. network: network is not matching the expected format: global/networks/([a-z]([-a-z0-9]*[a-z0-9])?)$", {f"{NETWORK}.network": "global/networks/default", f"{NETWORK}.subnetwork": "regions/us-central1/subnetworks/default"}),
    ({f"{NETWORK}.noExternalIpAddress": True}, "INVALID_ARGUMENT: no_external_ip_address field is invalid. both network and subnetwork have to be specified when no_external_ip_address is true", {f"{NETWORK}.network": "global/networks/default", f"{NETWORK}.subnetwork": "regions/us-central1/subnetworks/default"}),
    ({}, "no_external_ip_address field is invalid. VPC Service Controls is enabled for the project, so external ip address must be disabled", {f"{NETWORK}.noExternalIpAddress": True}),
    ({}, "Constraint constraints/compute.vmExternalIpAccess violated for project 1", {f"{NETWORK}.noExternalIpAddress": True, f"{NETWORK}.network": "global/networks/default"}),
    ({**TEMPLATE, f"{NETWORK}.network": "global/networks/n"}, "Networks must be distinct for NICs in the same InstanceTemplate", {"allocationPolicy.network": GONE}),
    (TEMPLATE, "Batch Error: code - CODE_SERVICE_ACCOUNT_MISMATCH", {"allocationPolicy.serviceAccount": GONE}),
    ({f"{INSTANCE}.instanceTemplate": "t"}, "both policy and instance template are set", {f"{INSTANCE}.instanceTemplate": GONE, f"{POLICY}.machineType": "e2-standard-4"}),
    ({f"{INSTANCE}.instanceTemplate": "t"}, "oneof field 'policy_template' is already set. The template should be used.", {f"{INSTANCE}.policy": GONE, f"{INSTANCE}.instanceTemplate": "t"}),
    ({f"{SPEC}.runnables": []}, "At least one runnable is required. It should run `python3 main.py --all`", {f"{SPEC}.runnables[0].script.text": "python3 main.py --all"}),
    ({f"{GROUP}.parallelism": 40}, "parallelism cannot be larger than task count", {f"{GROUP}.parallelism": 4}),
    ({f"{GROUP}.taskCount": 200000}, "task_count 200000 is not in between 1 and 100000.", {f"{GROUP}.taskCount": 100000}),
    ({f"{SPEC}.maxRunDuration": "2h"}, "Illegal duration format; duration must end with 's'", {f"{SPEC}.maxRunDuration": "7200s"}),
    ({f"{SPEC}.computeResource.memoryMib": "4Gi", f"{SPEC}.computeResource.cpuMilli": "2 vCPU"}, "Invalid value at 'job.task_groups[0].task_spec.compute_resource.memory_mib' (TYPE_INT64), \"4Gi\"", {f"{SPEC}.computeResource.memoryMib": 4096, f"{SPEC}.computeResource.cpuMilli": 2000}),
    ({f"{POLICY}.provisioningModel": "on-demand"}, "Invalid value at 'job.allocation_policy.instances[0].policy.provisioning_model'", {f"{POLICY}.provisioningModel": "STANDARD"}),
    ({f"{POLICY}.machineType": "n4-standard-2", f"{POLICY}.bootDisk": {"type": "pd-standard", "sizeGb": 50}, f"{POLICY}.disks[0].newDisk.type": "pd-standard"}, "No zone supports all of the provided instance templates. [pd-standard, n4-standard-2] features are not compatible for creating instance.", {f"{POLICY}.bootDisk.type": "hyperdisk-balanced", f"{POLICY}.disks[0].newDisk.type": "hyperdisk-balanced"}),
    ({f"{POLICY}.machineType": "n2-*"}, "Invalid machine type n2-*", {f"{POLICY}.machineType": "n2-standard-2"}),
    ({f"{POLICY}.machineType": "e2-standard-5"}, "Machine type with name 'e2-standard-5' does not exist in zone us-central1-a", {f"{POLICY}.machineType": "e2-standard-8"}),
    ({f"{POLICY}.accelerators": [{"type": "nvidia-tesla-t4", "count": 1}], f"{INSTANCE}.installGpuDrivers": True}, "[e2-standard-4, nvidia-tesla-t4] features are not compatible", {f"{POLICY}.machineType": "n1-standard-4"}),
    ({f"{POLICY}.accelerators": [{"type": "nvidia-l4", "count": 1}], f"{POLICY}.machineType": "n2-standard-8"}, "Accelerator type nvidia-l4 is not supported for machine type n2-standard-8", {f"{POLICY}.machineType": "g2-standard-4", f"{INSTANCE}.installGpuDrivers": True}),
    ({f"{POLICY}.bootDisk": {"image": "projects/p/global/images/big", "sizeGb": 30}}, "Requested disk size cannot be smaller than the image size (80 GB)", {f"{POLICY}.bootDisk.sizeGb": 80}),
    ({f"{POLICY}.machineType": "n2-standard-4", f"{POLICY}.disks[0].newDisk": {"type": "local-ssd", "sizeGb": 100}}, "local SSD size must be a multiple of 375", {f"{POLICY}.disks[0].newDisk.sizeGb": 375}),
    ({f"{POLICY}.bootDisk": {"image": "projects/batch-custom-image/global/images/batch-debian-11-official-20230101-00-p00"}}, "the VM uses an outdated Batch image version", {f"{POLICY}.bootDisk.image": "batch-debian"}),
    ({"allocationPolicy.location": {"allowedLocations": ["regions/us-east1"]}}, "allowed_locations: regions/us-east1 is not in us-central1.", {ALLOWED: ["regions/us-central1"]}),
    ({f"{NETWORK}": {"network": "global/networks/n", "subnetwork": "regions/us-east1/subnetworks/s"}}, "The subnetwork must be in the same region as the VMs", {ALLOWED: ["regions/us-east1"]}),
    ({"labels": {"Team Name": "Red & Blue"}}, "label key must be lowercase", {"labels": {"team-name": "red-blue"}}),
    ({f"{SPEC}.environment.secretVariables": {"DB": "projects/p/secrets/db"}}, "secret version is invalid", {f"{SPEC}.environment.secretVariables.DB": "projects/p/secrets/db/versions/latest"}),
    ({f"{POLICY}.provisioningModel": "FLEX_START"}, "FLEX_START jobs fail", {f"{POLICY}.reservation": "NO_RESERVATION"}),
    ({f"{SPEC}.volumes[0].mountPath": "/mnt/disks/in/"}, "mount_path must not end with a slash.", {f"{SPEC}.volumes[0].mountPath": "/mnt/disks/in"}),
    ({f"{SPEC}.volumes[1].deviceName": "other"}, "volumes: device_name 'other' is the name of no disk.", {f"{SPEC}.volumes[1].deviceName": "scratch"}),
    # --- tasks that fail ---
    ({}, "task failed with exit code 137", {f"{SPEC}.computeResource.memoryMib": 8192, f"{GROUP}.taskCountPerNode": 1}),
    ({}, "it is killed, it needs 32 GB of memory", {f"{SPEC}.computeResource.memoryMib": 32768, f"{POLICY}.machineType": "e2-highmem-4"}),
    ({f"{POLICY}.machineType": REMOVED}, "java.lang.OutOfMemoryError: Java heap space", {f"{SPEC}.computeResource.memoryMib": 8192, f"{POLICY}.machineType": GONE}),
    ({f"{SPEC}.computeResource.memoryMib": 64000}, "The job never starts: a task asks for more than the machine has", {f"{POLICY}.machineType": "e2-highmem-8", f"{SPEC}.computeResource.memoryMib": 64000}),
    ({}, "CUDA out of memory. Tried to allocate 20.00 MiB", {f"{SPEC}.computeResource.memoryMib": 4096}),
    ({}, "Task state is updated from RUNNING to FAILED on zones/us-central1-a/instances/1 due to task runs over the maximum runtime with exit code 50005.", {f"{SPEC}.maxRunDuration": "7200s", f"{SPEC}.runnables[0].timeout": "2400s"}),
    ({}, "The tasks are cut off after an hour, but one takes about 6 hours", {f"{SPEC}.maxRunDuration": "27000s"}),
    ({f"{SPEC}.maxRetryCount": 0, f"{SPEC}.lifecyclePolicies": REMOVED}, "Task state is updated from RUNNING to FAILED due to Spot Preemption with exit code 50001.", {f"{SPEC}.maxRetryCount": 3, CODES: LOST}),
    ({CODES: [1]}, "preempted and not retried", {CODES: [1, *LOST]}),
    ({f"{SPEC}.lifecyclePolicies[0]": {"action": "FAIL_TASK", "actionCondition": {"exitCodes": [50001, 1]}}}, "50001", {CODES: [1]}),
    ({}, "The VMs are preempted all the time, it must not be interrupted: use on-demand", {f"{POLICY}.provisioningModel": "STANDARD"}),
    ({f"{SPEC}.maxRetryCount": 0, f"{SPEC}.lifecyclePolicies": REMOVED, f"{POLICY}.provisioningModel": "STANDARD"}, "VM is recreated during task execution with exit code 50006", {f"{SPEC}.maxRetryCount": 3, CODES: LOST}),
    ({}, "no space left on device", {f"{POLICY}.bootDisk.sizeGb": 100}),
    ({}, "write /mnt/disks/scratch/x: no space left on device", {f"{POLICY}.disks[0].newDisk.sizeGb": 200}),
    ({SCRIPT: "if [[ -f x ]]; then echo y; fi"}, "sh: 1: [[: not found", {SCRIPT: "#!/bin/bash\nif [[ -f x ]]; then echo y; fi"}),
    ({f"{CONTAINER}.commands": ["python main.py --x 1"], f"{CONTAINER}.entrypoint": REMOVED}, "exec: \"python main.py --x 1\": executable file not found in $PATH", {f"{CONTAINER}.commands": ["python", "main.py", "--x", "1"]}),
    ({f"{CONTAINER}.entrypoint": "/bin/bash"}, "exec: \"/bin/bash\": stat /bin/bash: no such file or directory", {f"{CONTAINER}.entrypoint": "/bin/sh"}),
    ({SCRIPT: "cd /x\n/mnt/disks/in/run.sh 3"}, "/mnt/disks/in/run.sh: Permission denied", {SCRIPT: "cd /x\nbash /mnt/disks/in/run.sh 3"}),
    ({f"{SPEC}.runnables[0].script": {"path": "/mnt/disks/in/run.sh"}}, "exit code 126", {SCRIPT: "bash /mnt/disks/in/run.sh", f"{SPEC}.runnables[0].script.path": GONE}),
    ({f"{POLICY}.machineType": "c4a-standard-4"}, "exec format error", {f"{POLICY}.machineType": "n2-standard-4"}),
    ({f"{CONTAINER}.commands": ["process", "${BATCH_TASK_INDEX}"], f"{CONTAINER}.entrypoint": REMOVED}, "the program gets ${BATCH_TASK_INDEX} literally instead of the number", {f"{CONTAINER}.entrypoint": "/bin/sh", f"{CONTAINER}.commands": ["-c", "process ${BATCH_TASK_INDEX}"]}),
    ({SCRIPT: "#!/bin/bash\necho \\$BATCH_TASK_INDEX $$BATCH_TASK_COUNT"}, "it prints $BATCH_TASK_INDEX as it is", {SCRIPT: "#!/bin/bash\necho $BATCH_TASK_INDEX $BATCH_TASK_COUNT"}),
    ({SCRIPT: "echo $(BATCH_TASK_INDEX)"}, "BATCH_TASK_INDEX is empty: command not found", {SCRIPT: "echo ${BATCH_TASK_INDEX}"}),
    ({SCRIPT: "sleep 30 seconds"}, "sleep: invalid time interval 'seconds'", {SCRIPT: "sleep 30"}),
    ({f"{SPEC}.runnables": [{"container": {"imageUri": "busybox:1", "entrypoint": "/bin/sh", "commands": ["-c", "ls /mnt/share/x"]}}], f"{SPEC}.volumes": [{"gcs": {"remotePath": "b-1"}, "mountPath": "/mnt/share"}], f"{POLICY}.disks": REMOVED}, "mkdir /mnt/share: read-only file system", {f"{SPEC}.volumes[0].mountPath": "/mnt/disks/share", f"{SPEC}.runnables[0].container.commands": ["-c", "ls /mnt/disks/share/x"]}),
    ({f"{CONTAINER}.imageUri": "python:3.11"}, "toomanyrequests: You have reached your pull rate limit", {f"{CONTAINER}.imageUri": "mirror.gcr.io/library/python:3.11"}),
    ({f"{CONTAINER}.imageUri": "https://us-docker.pkg.dev/p/r/i:1"}, "failed to pull image: invalid reference format", {f"{CONTAINER}.imageUri": "us-docker.pkg.dev/p/r/i:1"}),
    ({f"{POLICY}.machineType": "n1-standard-4", f"{POLICY}.accelerators": [{"type": "nvidia-tesla-t4", "count": 1}]}, "could not select device driver \"\" with capabilities: [[gpu]].", {f"{INSTANCE}.installGpuDrivers": True}),
    ({}, "torch.cuda.is_available() is False, no GPU found", {f"{POLICY}.machineType": "n1-standard-4", f"{POLICY}.accelerators": [{"type": "nvidia-tesla-t4", "count": 1}], f"{INSTANCE}.installGpuDrivers": True}),
    ({"logsPolicy": REMOVED}, "I cannot find any logs of my tasks", {"logsPolicy.destination": "CLOUD_LOGGING"}),
    ({f"{POLICY}.provisioningModel": "STANDARD", **BARRIER}, "the job hangs at the barrier for ever", {f"{GROUP}.parallelism": 4}),
    ({}, "all tasks run on the same VM, I want each on its own VM", {f"{GROUP}.taskCountPerNode": 1, f"{GROUP}.parallelism": 4}),
    ({f"{GROUP}.parallelism": 1}, "The tasks run one after the other and not in parallel", {f"{GROUP}.parallelism": 4}),
    ({f"{GROUP}.parallelism": 1, f"{GROUP}.schedulingPolicy": "IN_ORDER"}, "tasks run sequentially", {f"{GROUP}.parallelism": 4, f"{GROUP}.schedulingPolicy": GONE}),
    ({SCRIPT: "#!/bin/bash\nmake data\nmake test\ntrue"}, "The job is reported as succeeded although make failed", {SCRIPT: "#!/bin/bash\nset -e\nmake data\nmake test\ntrue"}),
    ({}, "the upload step does not run when the first one fails", {f"{SPEC}.runnables[1].alwaysRun": True}),
    ({f"{SPEC}.volumes[0].gcs.remotePath": "gs://my-bucket"}, "the bucket cannot be mounted", {f"{SPEC}.volumes[0].gcs.remotePath": "my-bucket"}),
    ({f"{SPEC}.volumes[1]": REMOVED}, "my disk is not mounted", {f"{SPEC}.volumes[1].deviceName": "scratch"}),
    ({f"{CONTAINER}.volumes": ["/tmp:/tmp"]}, "cat: /mnt/disks/in/a.csv: No such file or directory", {f"{CONTAINER}.volumes": ["/tmp:/tmp", "/mnt/disks/in:/mnt/disks/in", "/mnt/disks/scratch:/mnt/disks/scratch"]}),
    ({}, "please give each task 12 GB of memory", {f"{SPEC}.computeResource.memoryMib": 12288, f"{GROUP}.taskCountPerNode": 1}),
    ({f"{GROUP}.taskCount": 50}, "run 20 tasks at once please", {f"{GROUP}.parallelism": 20}),
    ({}, "retry a failed task 5 times", {f"{SPEC}.maxRetryCount": 5}),
    # --- waiting and wishes ---
    ({f"{GROUP}.taskCount": 100, f"{GROUP}.parallelism": 100}, "Quota checking process decides to delay scheduling for the job u due to inadequate quotas [Quota: CPUS, limit: 24, usage: 0, wanted: 200.].", {f"{GROUP}.parallelism": 12}),
    ({ALLOWED: ["zones/us-central1-a"]}, "CODE_GCE_ZONE_RESOURCE_POOL_EXHAUSTED", {ALLOWED: ["regions/us-central1"]}),
    ({}, "The zone does not have enough resources available, please move to us-east4", {ALLOWED: ["regions/us-east4"]}),
    ({f"{POLICY}.provisioningModel": "STANDARD"}, "this is too expensive", {f"{POLICY}.provisioningModel": "SPOT"}),
]  # fmt: skip

# a complaint that the job is not the cause of, and words that the answer must hold
NOT_THE_JOB: list[tuple[str, str]] = [
    ("caller does not have access to act as the specified service account: runner@p.iam.gserviceaccount.com", "gcloud iam service-accounts add-iam-policy-binding runner@p.iam.gserviceaccount.com"),
    ("Permission 'batch.jobs.create' denied on resource", "roles/batch.jobsEditor"),
    ("Batch API has not been used in project 12 before or it is disabled. SERVICE_DISABLED", "gcloud services enable batch.googleapis.com"),
    ("409 ALREADY_EXISTS: job exists", "another id"),
    ("Job ID 'My_Job' is invalid: it must match ^[a-z]", "lower-case"),
    ("Batch Error: code - CODE_GCE_QUOTA_EXCEEDED, description - Quota 'NVIDIA_T4_GPUS' exceeded.  Limit: 0.0 in region us-central1.", "NVIDIA_T4_GPUS"),
    ("no VM has agent reporting correctly within time window 1080 seconds", "roles/batch.agentReporter"),
    ("UNAVAILABLE: 502:Bad Gateway", "same job id"),
    ("DEADLINE_EXCEEDED: CallOptions deadline exceeded after 59.999917375s.", "job is not the cause"),
    ("manifest unknown: Failed to fetch tag", "roles/artifactregistry.reader"),
    ("does not have storage.objects.get access to the Google Cloud Storage object", "roles/storage.objectUser"),
    ("constraints/compute.trustedImageProjects violated", "batch-custom-image"),
    ("my jobs just stay in the scheduled state forever", "roles/batch.agentReporter"),
    ("segmentation fault, exit code 139", "native libraries"),
    ("Task failed with exit code 42", "Exit code 42"),
]  # fmt: skip


def fixed(changes: dict[str, Any], complaint: str) -> Answer:
    job = changed(clean_job(), changes)
    return fix_job(json.dumps(job, indent=2).encode(), "job.json", complaint)


@pytest.mark.parametrize(
    ("changes", "complaint", "expected"), CASES, ids=[c[1][:70] for c in CASES]
)
def test_a_complaint_leads_to_its_change(
    changes: dict[str, Any], complaint: str, expected: dict[str, Any]
) -> None:
    answer = fixed(changes, complaint)
    assert answer.job is not None
    assert not answer.left, answer.message
    for path, value in expected.items():
        try:
            found = value_at(answer.job, path_parts(path))
        except (KeyError, IndexError):
            found = GONE
        assert found == value, f"{path}\n{answer.message}"
    assert all(change.reason for change in answer.changes)
    assert diagnosed(plain_complaint(complaint)), "no row says what is wrong"


@pytest.mark.parametrize(("complaint", "words"), NOT_THE_JOB, ids=[c[0][:70] for c in NOT_THE_JOB])
def test_what_the_job_is_not_the_cause_of_leaves_it_alone(complaint: str, words: str) -> None:
    answer = fixed({}, complaint)
    assert answer.job == clean_job(), answer.message
    assert answer.changes == []
    assert words in answer.message


def test_no_row_of_the_tables_is_slow_on_hostile_text() -> None:
    pieces = (
        "a ",
        "quota ",
        "disk ",
        "service account ",
        "[Quota: ",
        "memory ",
        "'",
        "gpu ",
        "1 GB ",
        "spot ",
        "\n",
    )
    for piece in pieces:
        text = plain_complaint(piece * 100_000)
        began = time.process_time()
        diagnosed(text)
        assert time.process_time() - began < 2, piece


def test_what_a_complaint_quotes_never_stands_in_a_command() -> None:
    answer = fixed({}, "does not have access to act as the specified service account: x@p;rm -rf ~")
    assert "rm -rf" not in answer.message


def test_every_topic_names_known_rules() -> None:
    from components.batch.rules import all_rules
    from components.batch.rules.request import REQUEST_RULES
    from components.fix_config.mend import MENDERS

    known = {*all_rules(), *REQUEST_RULES}
    assert {rule for row in TABLE for rule in row.rules} <= known
    assert set(MENDERS) <= known
