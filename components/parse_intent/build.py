"""The builder: a draft to a Batch v1 Job in JSON form. Deterministic, pure, no model.

Every field of the job either stands in the draft, and then leaves a line of evidence with the
person's words, or is a default of ours, and then leaves an assumption with its reason.
Paths are those of the job, e.g. `taskGroups[0].taskSpec.maxRetryCount`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from components.batch.durations import written
from components.batch.exit_codes import LOST_VM
from components.batch.machine_choice import Choice
from components.batch.vm_prices import VmPrices, load_vm_prices
from components.parse_intent.build_machine import boot_disk_type, chosen_machine, tasks_per_node
from components.parse_intent.build_steps import runnables
from components.parse_intent.build_storage import disks, volumes
from components.parse_intent.draft import Asked, Draft, Pair
from components.parse_intent.notes import Notes

GROUP = "taskGroups[0]"
SPEC = f"{GROUP}.taskSpec"
INSTANCE = "allocationPolicy.instances[0]"

# GPU and machine come as one in these series: the service takes no other GPU with them.
GPU_SERIES = ("a2-", "a3-", "a4-", "a4x-", "g2-", "g4-")
SPOT_RETRIES = 3


@dataclass(frozen=True)
class Built:
    """A Batch v1 Job as JSON (camelCase) and where its fields came from.

    evidence: `{"path", "value", "quote"}`; assumptions: `{"path", "value", "why"}`.
    """

    job: dict[str, Any]
    evidence: list[dict[str, Any]]
    assumptions: list[dict[str, Any]]


def build(draft: Draft, prices: VmPrices | None = None) -> Built:
    """The Batch job that a draft asks for.

    The job parses strictly through `batch_v1.Job` for every draft; whether the service would take
    it (limits, known machine types) is the validator's question, not the builder's.

    Args:
        draft: what was asked.
        prices: what machines cost, where one is to be chosen; the shipped file if None.
    """
    notes = Notes()
    group = _task_group(draft, notes)
    job: dict[str, Any] = {"taskGroups": [group]}
    _put(job, "priority", draft.priority, "priority", notes)
    choice = chosen_machine(draft, group, prices or load_vm_prices())
    if choice is not None:
        _pack(draft, choice, group, notes)
    allocation = _allocation(draft, choice, notes)
    if allocation:
        job["allocationPolicy"] = allocation
    if draft.job_labels:
        job["labels"] = _pairs(draft.job_labels, "labels", notes)
    job["logsPolicy"] = _logs(draft, notes)
    if draft.notifications:
        job["notifications"] = _notifications(draft, notes)
    return Built(job, notes.evidence, notes.assumptions)


def _put(target: dict[str, Any], key: str, asked: Asked[Any] | None, path: str, n: Notes) -> None:
    """Copy an asked value as it is, with its evidence."""
    if asked is not None:
        target[key] = asked.value
        n.said(path, asked.value, asked.quote)


def _pairs(pairs: list[Pair], path: str, notes: Notes) -> dict[str, str]:
    """Named values as a map; the last one of a name holds."""
    result: dict[str, str] = {}
    for pair in pairs:
        result[pair.name] = pair.value
        notes.said(f"{path}.{pair.name}", pair.value, pair.quote)
    return result


def _task_group(draft: Draft, notes: Notes) -> dict[str, Any]:
    group: dict[str, Any] = {"taskSpec": _task_spec(draft, notes)}
    count = _task_count(draft, group, notes)
    _parallelism(draft, count, group, notes)
    _put(group, "taskCountPerNode", draft.tasks_per_node, f"{GROUP}.taskCountPerNode", notes)
    if draft.in_order is not None:
        value = "IN_ORDER" if draft.in_order.value else "AS_SOON_AS_POSSIBLE"
        group["schedulingPolicy"] = value
        notes.said(f"{GROUP}.schedulingPolicy", value, draft.in_order.quote)
    for key, asked in (
        ("requireHostsFile", draft.require_hosts_file),
        ("permissiveSsh", draft.permissive_ssh),
        ("runAsNonRoot", draft.run_as_non_root),
    ):
        _put(group, key, asked, f"{GROUP}.{key}", notes)
    if draft.task_envs:
        group["taskEnvironments"] = _task_environments(draft, notes)
    return group


def _task_count(draft: Draft, group: dict[str, Any], notes: Notes) -> int:
    path = f"{GROUP}.taskCount"
    if draft.task_envs:
        count = max(e.index for e in draft.task_envs) + 1
        if draft.task_count is None or draft.task_count.value < count:
            group["taskCount"] = count
            notes.assumed(path, count, "one task for each task environment")
            return count
    if draft.task_count is None:
        group["taskCount"] = 1
        notes.assumed(path, 1, "no number of tasks was given")
        return 1
    _put(group, "taskCount", draft.task_count, path, notes)
    return draft.task_count.value


def _parallelism(draft: Draft, count: int, group: dict[str, Any], notes: Notes) -> None:
    path = f"{GROUP}.parallelism"
    if draft.in_order is not None and draft.in_order.value:
        group["parallelism"] = 1
        quote = draft.parallelism.quote if draft.parallelism else draft.in_order.quote
        notes.said(path, 1, quote)
        return
    if draft.parallelism is not None:
        value = draft.parallelism.value
        if value > count >= 1:
            notes.assumed(path, count, f"{value} at once were asked, but there are {count} tasks")
            value = count
        else:
            notes.said(path, value, draft.parallelism.quote)
        group["parallelism"] = value
        return
    if count > 1:
        together = any(s.kind == "barrier" for s in draft.steps)
        value = count if together else min(count, 5000)
        why = (
            "all tasks must run at once to meet at the barrier"
            if together
            else "no limit was given, so all may run at once (the service's limit is 5,000)"
        )
        group["parallelism"] = value
        notes.assumed(path, value, why)


def _pack(draft: Draft, choice: Choice, group: dict[str, Any], notes: Notes) -> None:
    on_one = tasks_per_node(choice, draft, group)
    if on_one is not None:
        group["taskCountPerNode"] = on_one
        what = "GPUs" if draft.gpus is not None else "memory"
        why = f"Batch fills a {choice.machine_type} by its vCPUs and would share its {what} out"
        notes.assumed(f"{GROUP}.taskCountPerNode", on_one, f"{why} more than once")


def _task_environments(draft: Draft, notes: Notes) -> list[dict[str, Any]]:
    size = max(e.index for e in draft.task_envs) + 1
    if draft.task_count is not None:
        size = max(size, min(draft.task_count.value, 200))
    result: list[dict[str, Any]] = [{} for _ in range(size)]
    for env in draft.task_envs:
        path = f"{GROUP}.taskEnvironments[{env.index}].variables"
        result[env.index] = {"variables": _pairs(env.variables, path, notes)}
    return result


def _task_spec(draft: Draft, notes: Notes) -> dict[str, Any]:
    spec: dict[str, Any] = {"runnables": runnables(draft, f"{SPEC}.runnables", notes)}
    resource: dict[str, Any] = {}
    _put(resource, "cpuMilli", draft.cpu_milli, f"{SPEC}.computeResource.cpuMilli", notes)
    _put(resource, "memoryMib", draft.memory_mib, f"{SPEC}.computeResource.memoryMib", notes)
    if resource:
        spec["computeResource"] = resource
    if draft.max_run_s is not None:
        spec["maxRunDuration"] = written(draft.max_run_s.value)
        notes.said(f"{SPEC}.maxRunDuration", spec["maxRunDuration"], draft.max_run_s.quote)
    _retries(draft, spec, notes)
    environment: dict[str, Any] = {}
    path = f"{SPEC}.environment"
    if draft.env:
        environment["variables"] = _pairs(draft.env, f"{path}.variables", notes)
    if draft.secret_env:
        secret = _pairs(draft.secret_env, f"{path}.secretVariables", notes)
        environment["secretVariables"] = secret
    if environment:
        spec["environment"] = environment
    mounted = volumes(draft, f"{SPEC}.volumes", notes)
    if mounted:
        spec["volumes"] = mounted
    return spec


def _retries(draft: Draft, spec: dict[str, Any], notes: Notes) -> None:
    path = f"{SPEC}.maxRetryCount"
    spot = draft.provisioning is not None and draft.provisioning.value in ("SPOT", "PREEMPTIBLE")
    wants_retry = any(p.action == "RETRY_TASK" for p in draft.retry_policies)
    if draft.max_retries is not None:
        _put(spec, "maxRetryCount", draft.max_retries, path, notes)
    elif spot or wants_retry:
        spec["maxRetryCount"] = SPOT_RETRIES
        why = (
            "Spot VMs can be taken away at any time; a task that is retried survives it"
            if spot
            else "retries were asked without a number"
        )
        notes.assumed(path, SPOT_RETRIES, why)
    where = f"{SPEC}.lifecyclePolicies"
    policies = [_policy(p.action, p.exit_codes) for p in draft.retry_policies]
    for i, policy in enumerate(draft.retry_policies):
        notes.said(f"{where}[{i}]", policies[i], policy.quote)
    if spot and draft.max_retries is None and not policies:
        policies = [_policy("RETRY_TASK", LOST_VM)]
        why = "retry when the VM is lost, not when the task's own code fails"
        notes.assumed(f"{where}[0]", policies[0], why)
    if policies:
        spec["lifecyclePolicies"] = policies


def _policy(action: str, codes: Sequence[int]) -> dict[str, Any]:
    return {"action": action, "actionCondition": {"exitCodes": list(codes)}}


def _allocation(draft: Draft, choice: Choice | None, notes: Notes) -> dict[str, Any]:
    allocation: dict[str, Any] = {}
    instance = _instance(draft, choice, notes)
    if instance:
        allocation["instances"] = [instance]
    if draft.locations:
        path = "allocationPolicy.location.allowedLocations"
        values = [place.value for place in draft.locations]
        allocation["location"] = {"allowedLocations": values}
        for i, place in enumerate(draft.locations):
            notes.said(f"{path}[{i}]", place.value, place.quote)
    if draft.service_account is not None:
        allocation["serviceAccount"] = {"email": draft.service_account.value}
        where = "allocationPolicy.serviceAccount.email"
        notes.said(where, draft.service_account.value, draft.service_account.quote)
    if draft.vm_labels:
        allocation["labels"] = _pairs(draft.vm_labels, "allocationPolicy.labels", notes)
    network = _network(draft, notes)
    if network:
        allocation["network"] = {"networkInterfaces": [network]}
    if draft.tags:
        allocation["tags"] = [tag.value for tag in draft.tags]
        for i, tag in enumerate(draft.tags):
            notes.said(f"allocationPolicy.tags[{i}]", tag.value, tag.quote)
    if draft.collocated is not None and draft.collocated.value:
        allocation["placement"] = {"collocation": "COLLOCATED"}
        notes.said("allocationPolicy.placement.collocation", "COLLOCATED", draft.collocated.quote)
    return allocation


def _network(draft: Draft, notes: Notes) -> dict[str, Any]:
    interface: dict[str, Any] = {}
    path = "allocationPolicy.network.networkInterfaces[0]"
    _put(interface, "network", draft.network, f"{path}.network", notes)
    _put(interface, "subnetwork", draft.subnetwork, f"{path}.subnetwork", notes)
    where = f"{path}.noExternalIpAddress"
    _put(interface, "noExternalIpAddress", draft.no_external_ip, where, notes)
    return interface


def _instance(draft: Draft, choice: Choice | None, notes: Notes) -> dict[str, Any]:
    instance: dict[str, Any] = {}
    if draft.instance_template is not None:
        # policy and instanceTemplate exclude each other; the template brings the machine.
        _put(instance, "instanceTemplate", draft.instance_template, INSTANCE, notes)
    else:
        policy = _policy_of_instance(draft, choice, notes)
        if policy:
            instance["policy"] = policy
    _drivers(draft, instance, notes)
    for key, asked in (
        ("installOpsAgent", draft.install_ops_agent),
        ("blockProjectSshKeys", draft.block_project_ssh_keys),
    ):
        _put(instance, key, asked, f"{INSTANCE}.{key}", notes)
    return instance


def _drivers(draft: Draft, instance: dict[str, Any], notes: Notes) -> None:
    path = f"{INSTANCE}.installGpuDrivers"
    if draft.install_gpu_drivers is not None:
        if draft.install_gpu_drivers.value or has_gpu(draft):
            _put(instance, "installGpuDrivers", draft.install_gpu_drivers, path, notes)
    elif has_gpu(draft) and draft.instance_template is None:
        instance["installGpuDrivers"] = True
        notes.assumed(path, True, "Batch's own images carry no GPU driver")


def has_gpu(draft: Draft) -> bool:
    """Whether the VMs carry GPUs, by the asked GPU or by the machine series."""
    by_series = draft.machine_type is not None and draft.machine_type.value.startswith(GPU_SERIES)
    return draft.gpus is not None or by_series


def _policy_of_instance(draft: Draft, choice: Choice | None, notes: Notes) -> dict[str, Any]:
    path = f"{INSTANCE}.policy"
    policy: dict[str, Any] = {}
    _put(policy, "machineType", draft.machine_type, f"{path}.machineType", notes)
    if choice is not None:
        policy["machineType"] = choice.machine_type
        notes.assumed(f"{path}.machineType", choice.machine_type, choice.reason)
    _put(policy, "minCpuPlatform", draft.min_cpu_platform, f"{path}.minCpuPlatform", notes)
    _put(policy, "provisioningModel", draft.provisioning, f"{path}.provisioningModel", notes)
    if draft.gpus is not None:
        policy["accelerators"] = [{"type": draft.gpus.type, "count": draft.gpus.count}]
        notes.said(f"{path}.accelerators[0]", policy["accelerators"][0], draft.gpus.quote)
    boot = _boot_disk(draft, choice, notes)
    if boot:
        policy["bootDisk"] = boot
    attached = disks(draft, f"{path}.disks", notes)
    if attached:
        policy["disks"] = attached
    if draft.reservation is not None:
        _put(policy, "reservation", draft.reservation, f"{path}.reservation", notes)
    elif draft.provisioning is not None and draft.provisioning.value == "FLEX_START":
        policy["reservation"] = "NO_RESERVATION"
        why = "flex-start takes no reservation, and the service wants that said"
        notes.assumed(f"{path}.reservation", "NO_RESERVATION", why)
    return policy


def _boot_disk(draft: Draft, choice: Choice | None, notes: Notes) -> dict[str, Any]:
    boot: dict[str, Any] = {}
    path = f"{INSTANCE}.policy.bootDisk"
    if draft.boot_disk is not None:
        _put(boot, "image", draft.boot_disk.image, f"{path}.image", notes)
        _put(boot, "type", draft.boot_disk.type, f"{path}.type", notes)
        _put(boot, "sizeGb", draft.boot_disk.size_gb, f"{path}.sizeGb", notes)
    needed = boot_disk_type(choice)
    if needed and "type" not in boot and choice is not None:
        boot["type"] = needed
        notes.assumed(f"{path}.type", needed, f"{choice.machine_type} boots from Hyperdisk only")
    if "image" not in boot and _mounts_need_debian(draft):
        boot["image"] = "batch-debian"
        why = "the default image of container-only jobs mounts below /mnt/disks only"
        notes.assumed(f"{path}.image", "batch-debian", why)
    return boot


def _mounts_need_debian(draft: Draft) -> bool:
    """Whether the job would boot Container-Optimized OS and could not mount what it asks for.

    On that image a mount at /mnt/share fails with "Read-only file system" (batch-samples#21).
    """
    kinds = {step.kind for step in draft.steps}
    mounts = [volume.mount for volume in draft.volumes] + [disk.mount for disk in draft.disks]
    outside = any(mount and not mount.startswith("/mnt/disks/") for mount in mounts)
    return "container" in kinds and "script" not in kinds and outside


def _logs(draft: Draft, notes: Notes) -> dict[str, Any]:
    asked = draft.logs
    if asked is None:
        why = "without it the tasks' output is not kept"
        notes.assumed("logsPolicy.destination", "CLOUD_LOGGING", why)
        return {"destination": "CLOUD_LOGGING"}
    if asked.destination == "path":
        notes.said("logsPolicy.destination", "PATH", asked.quote)
        notes.said("logsPolicy.logsPath", asked.path, asked.quote)
        return {"destination": "PATH", "logsPath": asked.path}
    if asked.destination == "none":
        notes.said("logsPolicy.destination", "DESTINATION_UNSPECIFIED", asked.quote)
        return {"destination": "DESTINATION_UNSPECIFIED"}
    notes.said("logsPolicy.destination", "CLOUD_LOGGING", asked.quote)
    return {"destination": "CLOUD_LOGGING"}


def _notifications(draft: Draft, notes: Notes) -> list[dict[str, Any]]:
    result = []
    for i, asked in enumerate(draft.notifications):
        kind = "JOB_STATE_CHANGED" if asked.about == "job" else "TASK_STATE_CHANGED"
        message = {"type": kind}
        if asked.state:
            message["newJobState" if asked.about == "job" else "newTaskState"] = asked.state
        result.append({"pubsubTopic": asked.topic, "message": message})
        notes.said(f"notifications[{i}]", result[-1], asked.quote)
    return result
