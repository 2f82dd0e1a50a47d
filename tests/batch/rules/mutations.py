# ruff: noqa: E501 - a table reads best with one edit a line
"""Edits that break one rule each, written so that they can be made to any job.

An edit takes a job in JSON names or the proto's, changes one place of it, and says no by
returning False where the job has not what it would change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Job = dict[str, Any]
Edit = Callable[[Job], object]


def get(holder: Job, name: str, made: Any) -> Any:
    """A field by either of its names; made where it is not there."""
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
    key = next((key for key in (name, snake) if key in holder), name)
    return holder.setdefault(key, made)


def put(holder: Job, name: str, value: Any) -> None:
    """Give a field a value, under the name that it has already."""
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
    holder[snake if snake in holder else name] = value


def group(job: Job) -> Job:
    return get(job, "taskGroups", [{}])[0]


def spec(job: Job) -> Job:
    return get(group(job), "taskSpec", {})


def runnables(job: Job) -> list[Job]:
    return get(spec(job), "runnables", [])


def allocation(job: Job) -> Job:
    return get(job, "allocationPolicy", {})


def instance(job: Job) -> Job:
    return get(allocation(job), "instances", [{}])[0]


def policy(job: Job) -> Job:
    return get(instance(job), "policy", {})


def container(job: Job) -> Job | None:
    return next((r["container"] for r in runnables(job) if "container" in r), None)


def script(job: Job) -> Job | None:
    return next((r["script"] for r in runnables(job) if "script" in r), None)


def volumes(job: Job) -> list[Job]:
    return get(spec(job), "volumes", [])


def volume(job: Job, kind: str) -> Job | None:
    return next((v for v in volumes(job) if kind in v), None)


def new_disk(job: Job) -> Job | None:
    return next((d["newDisk"] for d in policy(job).get("disks", []) if "newDisk" in d), None)


def has_machine(job: Job, *families: str) -> bool:
    name = policy(job).get("machineType", policy(job).get("machine_type", ""))
    return name.startswith(families) if families else bool(name)


def templated(job: Job) -> bool:
    return "instanceTemplate" in instance(job)


def sets(where: Callable[[Job], Job | None], name: str, value: Any) -> Edit:
    """An edit that gives a field of an object a value."""

    def edit(job: Job) -> object:
        holder = where(job)
        if holder is None:
            return False
        put(holder, name, value)
        return None

    return edit


def adds(where: Callable[[Job], list[Any] | None], value: Any) -> Edit:
    """An edit that puts one more entry into a list."""

    def edit(job: Job) -> object:
        holder = where(job)
        return False if holder is None else holder.append(value)

    return edit


def on(where: Callable[[Job], Any], edit: Edit) -> Edit:
    """The edit, made to jobs only of which something is true."""
    return lambda job: edit(job) if where(job) else False


def plain_policy(job: Job) -> Job | None:
    return None if templated(job) else policy(job)


def boot(job: Job) -> Job | None:
    return None if templated(job) else get(policy(job), "bootDisk", {})


def interface(job: Job) -> Job:
    network = get(allocation(job), "network", {"networkInterfaces": [{}]})
    return network["networkInterfaces"][0]


def environment(job: Job) -> Job:
    return get(spec(job), "environment", {})


def locations(job: Job) -> Job:
    return get(allocation(job), "location", {})


def gpu(name: str, count: int) -> list[Job]:
    return [{"type": name, "count": count}]


def without_gpu(job: Job) -> bool:
    return not templated(job) and not policy(job).get("accelerators")


MUTATIONS: list[tuple[str, Edit]] = [
    # reading
    ("PARSE_UNKNOWN", sets(group, "colour", "red")),
    ("PARSE_UNKNOWN", sets(policy, "machine", "e2-medium")),
    ("PARSE_UNKNOWN", sets(container, "image", "busybox:1")),
    ("PARSE_ALPHA_FIELD", sets(lambda job: job, "dependencies", [])),
    ("PARSE_CASE_DUP", lambda job: group(job).update({"parallelism": 1, "requireHostsFile": True, "require_hosts_file": True})),
    ("PARSE_SHAPE", lambda job: put(spec(job), "runnables", runnables(job)[0])),
    ("PARSE_SHAPE", lambda job: put(job, "taskGroups", group(job))),
    ("PARSE_SHAPE", sets(locations, "allowedLocations", "regions/us-central1")),
    ("PARSE_TYPE", sets(group, "taskCount", "many")),
    ("PARSE_TYPE", sets(group, "parallelism", 1.5)),
    ("PARSE_TYPE", sets(lambda job: get(job, "labels", {}), "n", 5)),
    ("PARSE_TYPE", sets(lambda job: runnables(job)[0], "background", "perhaps")),
    ("PARSE_ENUM", sets(lambda job: get(job, "logsPolicy", {}), "destination", "cloud_logging")),
    ("PARSE_ENUM_NUM", sets(lambda job: get(job, "logsPolicy", {}), "destination", 99)),
    ("PARSE_ONEOF", lambda job: new_disk(job) is not None and new_disk(job).update(image="projects/p/global/images/i", snapshot="s")),  # type: ignore[union-attr]
    ("PM_ENUM", sets(plain_policy, "provisioningModel", "spot")),
    ("PM_ENUM", sets(plain_policy, "provisioningModel", "CHEAP")),
    ("TIMEOUT_FMT", sets(spec, "maxRunDuration", "1h")),
    ("TIMEOUT_FMT", sets(spec, "maxRunDuration", "-5s")),
    ("TIMEOUT_FMT", sets(spec, "maxRunDuration", 3600)),
    ("TIMEOUT_FMT", sets(lambda job: runnables(job)[0], "timeout", "3600 s")),
    # the job
    ("TG_ONE", lambda job: get(job, "taskGroups", []).append({})),
    ("TG_ONE", lambda job: put(job, "taskGroups", [])),
    ("PRIORITY", sets(lambda job: job, "priority", 100)),
    ("PRIORITY", sets(lambda job: job, "priority", -1)),
    ("LABEL_KEY", sets(lambda job: get(job, "labels", {}), "Team", "x")),
    ("LABEL_KEY", sets(lambda job: get(job, "labels", {}), "team", "Not Lower")),
    ("LABEL_KEY", sets(lambda job: get(allocation(job), "labels", {}), "1st", "x")),
    ("LABEL_COUNT", sets(lambda job: job, "labels", {f"k{i}": "v" for i in range(64)})),
    ("LABEL_RESERVED", sets(lambda job: get(job, "labels", {}), "batch-job-id", "x")),
    ("LOGS_PATH", sets(lambda job: job, "logsPolicy", {"destination": "PATH"})),
    ("NOTIF_TOPIC", sets(lambda job: job, "notifications", [{"pubsubTopic": "topic"}])),
    ("NOTIF_MIX", sets(lambda job: job, "notifications", [{"pubsubTopic": "projects/p/topics/t", "message": {"type": "JOB_STATE_CHANGED", "newTaskState": "FAILED"}}])),
    ("JOB_SIZE", sets(lambda job: get(environment(job), "variables", {}), "BIG", "x" * 1_000_001)),
    # the task group
    ("TC_RANGE", sets(group, "taskCount", 0)),
    ("TC_RANGE", sets(group, "taskCount", 100_001)),
    ("PAR_RANGE", sets(group, "parallelism", 5001)),
    ("PAR_RANGE", sets(group, "parallelism", -1)),
    ("PAR_GT_TC", lambda job: put(group(job), "parallelism", int(get(group(job), "taskCount", 1)) + 1)),
    ("PAR_INORDER", on(lambda job: int(group(job).get("parallelism", 1)) > 1, sets(group, "schedulingPolicy", "IN_ORDER"))),
    ("TENV_COUNT", on(lambda job: "taskCount" in group(job), lambda job: put(group(job), "taskEnvironments", [{}] * (int(group(job)["taskCount"]) % 100 + 1)))),
    ("TENV_MAX", sets(group, "taskEnvironments", [{}] * 201)),
    ("TCPN_RANGE", sets(group, "taskCountPerNode", 0)),
    # runnables
    ("RUN_EMPTY", lambda job: runnables(job).clear()),
    ("RUN_ONEOF", adds(runnables, {})),
    ("RUN_ONEOF", lambda job: runnables(job)[0].update({"barrier": {}})),
    ("RUN_NO_WORK", lambda job: put(spec(job), "runnables", [{"barrier": {}}])),
    ("SCRIPT_ONEOF", lambda job: script(job) is not None and script(job).update(text="")),  # type: ignore[union-attr]
    ("SCRIPT_ONEOF", sets(script, "path", "/mnt/disks/x/run.sh")),
    ("BAR_PAR", lambda job: int(group(job).get("parallelism", 99999)) < int(group(job).get("taskCount", 1)) and runnables(job).append({"barrier": {}})),
    ("CTR_IMAGE", sets(container, "imageUri", "")),
    ("CTR_IMAGE", sets(container, "imageUri", "https://gcr.io/p/i")),
    ("CTR_IMAGE", sets(container, "imageUri", "My Image")),
    ("CTR_VOL", sets(container, "volumes", ["data:/data"])),
    ("CTR_BLOCK_NET", lambda job: container(job) is not None and container(job).update(blockExternalNetwork=True, options="--network host")),  # type: ignore[union-attr]
    ("CTR_CRED", sets(container, "username", "me")),
    # retries
    ("RETRY_RANGE", sets(spec, "maxRetryCount", 11)),
    ("RETRY_RANGE", sets(spec, "maxRetryCount", -1)),
    ("LP_ONE", sets(spec, "lifecyclePolicies", [{"action": "FAIL_TASK", "actionCondition": {"exitCodes": [n]}} for n in (1, 2)])),
    ("LP_ACTION", sets(spec, "lifecyclePolicies", [{"actionCondition": {"exitCodes": [1]}}])),
    ("LP_ACTION", sets(spec, "lifecyclePolicies", [{"action": "IGNORE", "actionCondition": {"exitCodes": [1]}}])),
    ("LP_CODES", sets(spec, "lifecyclePolicies", [{"action": "FAIL_TASK", "actionCondition": {"exitCodes": [300]}}])),
    ("LP_CODES", sets(spec, "lifecyclePolicies", [{"action": "FAIL_TASK"}])),
    # environments
    ("ENV_SECRET_REF", sets(environment, "secretVariables", {"DB": "hunter2"})),
    ("ENV_KMS", sets(environment, "encryptedVariables", {"keyName": "k"})),
    ("PLACEHOLDER", sets(container, "imageUri", "us-docker.pkg.dev/PROJECT_ID/r/i:1")),
    ("PLACEHOLDER", sets(locations, "allowedLocations", ["regions/${REGION}"])),
    ("PLACEHOLDER", sets(group, "taskCount", "<number of tasks>")),
    # compute and volumes
    ("CR_POS", sets(lambda job: get(spec(job), "computeResource", {}), "cpuMilli", 0)),
    ("CR_POS", sets(lambda job: get(spec(job), "computeResource", {}), "memoryMib", -5)),
    ("VOL_ONEOF", adds(volumes, {"mountPath": "/mnt/disks/none"})),
    ("VOL_ONEOF", adds(volumes, {"mountPath": "/mnt/disks/n", "gcs": {"remotePath": "bbb"}, "nfs": {"server": "10.0.0.1", "remotePath": "/x"}})),
    ("VOL_PATH", adds(volumes, {"gcs": {"remotePath": "bbb"}, "mountPath": "/mnt/disks/more/"})),
    ("VOL_PATH", adds(volumes, {"gcs": {"remotePath": "bbb"}, "mountPath": "more"})),
    ("VOL_PATH", adds(volumes, {"gcs": {"remotePath": "bbb"}})),
    ("VOL_PATH", lambda job: bool(volumes(job)) and volumes(job).append({"gcs": {"remotePath": "bbb"}, "mountPath": volumes(job)[0]["mountPath"]})),
    ("VOL_PATH", lambda job: bool(volumes(job)) and volumes(job).append({"gcs": {"remotePath": "bbb"}, "mountPath": volumes(job)[0]["mountPath"] + "/in"})),
    ("VOL_SYS", adds(volumes, {"gcs": {"remotePath": "bbb"}, "mountPath": "/etc"})),
    ("VOL_SYS", adds(volumes, {"gcs": {"remotePath": "bbb"}, "mountPath": "/"})),
    ("VOL_COS", on(lambda job: not script(job) and not templated(job), adds(volumes, {"gcs": {"remotePath": "bbb"}, "mountPath": "/mnt/share"}))),
    ("VOL_GCS", adds(volumes, {"gcs": {"remotePath": "gs://bbb/x"}, "mountPath": "/mnt/disks/b"})),
    ("VOL_GCS", adds(volumes, {"gcs": {"remotePath": "Bad_Bucket!"}, "mountPath": "/mnt/disks/b"})),
    ("VOL_GCS", adds(volumes, {"gcs": {}, "mountPath": "/mnt/disks/b"})),
    ("VOL_NFS", adds(volumes, {"nfs": {"server": "10.0.0.1", "remotePath": "x"}, "mountPath": "/mnt/disks/b"})),
    ("VOL_NFS", adds(volumes, {"nfs": {"remotePath": "/x"}, "mountPath": "/mnt/disks/b"})),
    ("VOL_DEV", on(lambda job: not templated(job), adds(volumes, {"deviceName": "nowhere", "mountPath": "/mnt/disks/b"}))),
    ("VOL_MOUNT_OPT", on(lambda job: any("existingDisk" in d for d in policy(job).get("disks", [])), sets(lambda job: volume(job, "deviceName"), "mountOptions", ["rw"]))),
    # machines
    ("INST_ONE", on(instance, lambda job: get(allocation(job), "instances", []).append({"policy": {"machineType": "e2-medium"}}))),
    ("INST_ONEOF", on(has_machine, sets(instance, "instanceTemplate", "t"))),
    ("TPL_FORM", on(templated, sets(instance, "instanceTemplate", "projects/p/regions/r/instanceTemplates/t"))),
    ("MT_SERIES", sets(plain_policy, "machineType", "g4-standard-48")),
    ("MT_SERIES", sets(plain_policy, "machineType", "z3-highmem-88-highlssd")),
    ("MT_KNOWN", sets(plain_policy, "machineType", "N2 Standard 4")),
    ("MT_CUSTOM", sets(plain_policy, "machineType", "n2-custom-5-8192")),
    ("MT_CUSTOM", sets(plain_policy, "machineType", "custom-4-100")),
    ("MT_ONE", sets(plain_policy, "machineType", "e2-standard-4,n2-standard-4")),
    ("PM_FLEX", on(lambda job: "reservation" not in policy(job), sets(plain_policy, "provisioningModel", "FLEX_START"))),
    ("PM_RESBOUND", sets(plain_policy, "provisioningModel", "RESERVATION_BOUND")),
    ("RES_FORM", sets(plain_policy, "reservation", "Not A Name")),
    ("ACC_ONE", sets(plain_policy, "accelerators", gpu("nvidia-tesla-t4", 1) * 2)),
    ("ACC_TYPE", sets(plain_policy, "accelerators", gpu("T4", 1))),
    ("ACC_TYPE", sets(plain_policy, "accelerators", gpu("nvidia-tesla-k80", 1))),
    ("ACC_N1", on(lambda job: has_machine(job) and not has_machine(job, "n1", "a2", "g2"), sets(plain_policy, "accelerators", gpu("nvidia-tesla-t4", 1)))),
    ("ACC_COUNT", sets(plain_policy, "accelerators", gpu("nvidia-tesla-t4", 3))),
    ("ACC_COUNT", sets(plain_policy, "accelerators", gpu("nvidia-tesla-t4", 0))),
    ("ACC_N1_CPU", on(lambda job: bool(policy(job).get("accelerators")) and has_machine(job, "n1"), sets(policy, "machineType", "n1-standard-96"))),
    ("ACC_IMPLICIT", on(lambda job: has_machine(job, "a2", "g2"), sets(policy, "accelerators", gpu("nvidia-tesla-t4", 1)))),
    ("ACC_IMPLICIT", on(lambda job: has_machine(job) and not has_machine(job, "a2", "g2"), sets(plain_policy, "accelerators", gpu("nvidia-l4", 1)))),
    # disks
    ("BD_IMAGE", sets(boot, "image", "ubuntu-2204")),
    ("BD_EOL", sets(boot, "image", "batch-centos")),
    ("BD_EOL", sets(boot, "image", "projects/batch-custom-image/global/images/batch-debian-11-official-20240101-00-p00")),
    ("BD_SNAPSHOT", sets(plain_policy, "bootDisk", {"snapshot": "s"})),
    ("BD_SIZE", sets(plain_policy, "bootDisk", {"sizeGb": 20})),
    ("BD_TYPE", sets(boot, "type", "ssd")),
    ("BD_TYPE", on(lambda job: has_machine(job, "n4"), sets(boot, "type", "pd-ssd"))),
    ("BD_TYPE", sets(new_disk, "type", "pd-fast")),
    ("DISK_ONEOF", on(plain_policy, lambda job: get(policy(job), "disks", []).append({"deviceName": "d"}))),
    ("DISK_EXIST", on(lambda job: any("existingDisk" in d for d in policy(job).get("disks", [])), sets(locations, "allowedLocations", ["zones/us-east1-c"]))),
    ("DISK_EXIST", on(plain_policy, lambda job: get(policy(job), "disks", []).append({"deviceName": "d", "existingDisk": ""}))),
    ("DISK_IFACE", sets(boot, "diskInterface", "SATA")),
    ("LSSD_FIT", on(lambda job: has_machine(job, "e2", "n4", "t2d", "h3"), lambda job: get(policy(job), "disks", []).append({"deviceName": "l", "newDisk": {"type": "local-ssd", "sizeGb": 375}}))),
    ("LSSD_FIT", on(lambda job: has_machine(job, "n2-") and new_disk(job), lambda job: new_disk(job).update(type="local-ssd", sizeGb=1125))),  # type: ignore[union-attr]
    # places, networks, accounts
    ("LOC_FORM", sets(locations, "allowedLocations", ["us-central1"])),
    ("LOC_FORM", sets(locations, "allowedLocations", ["regions/us-fake"])),
    ("LOC_FORM", sets(locations, "allowedLocations", ["zones/us-east1-a"])),
    ("LOC_ONE_REGION", sets(locations, "allowedLocations", ["regions/us-central1", "zones/us-west1-a"])),
    ("NET_FORM", lambda job: put(interface(job), "network", "default")),
    ("NET_FORM", lambda job: put(interface(job), "subnetwork", "default")),
    ("NET_BOTH", on(lambda job: locations(job).get("allowedLocations"), lambda job: put(interface(job), "subnetwork", "regions/asia-east1/subnetworks/s"))),
    ("NET_ONE", lambda job: interface(job) is not None and put(allocation(job), "network", {"networkInterfaces": [{"network": "global/networks/n"}] * 2})),
    ("SA_FORM", sets(allocation, "serviceAccount", {"email": "me@example.com"})),
    ("TAG_FORM", sets(allocation, "tags", ["Web Server"])),
]  # fmt: skip
