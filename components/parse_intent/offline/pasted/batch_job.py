"""A Batch job, or what is left of one: JSON or YAML, camelCase or snake_case, whole or a piece.

Fields: cloud.google.com/batch/docs/reference/rest/v1/projects.locations.jobs.
"""

from __future__ import annotations

from components.parse_intent.draft import (
    Asked,
    BootDisk,
    Disk,
    Gpus,
    Logs,
    Notification,
    Pair,
    RetryPolicy,
    Step,
    TaskEnvironment,
    Volume,
)
from components.parse_intent.offline.pasted.amounts import gib, period
from components.parse_intent.offline.pasted.part import Part
from components.parse_intent.offline.pasted.tree import Node

# The keys that say where in a job a piece belongs; a piece is hung up there.
OF_JOB = ("taskGroups", "allocationPolicy", "logsPolicy", "notifications")
OF_GROUP = ("taskSpec", "taskCount", "parallelism", "taskCountPerNode", "taskEnvironments",
            "schedulingPolicy", "requireHostsFile", "permissiveSsh", "runAsNonRoot")  # fmt: skip
OF_SPEC = ("runnables", "computeResource", "maxRunDuration", "maxRetryCount", "lifecyclePolicies")
OF_RUNNABLE = ("container", "script", "barrier")
OF_POLICY = ("machineType", "provisioningModel", "accelerators", "bootDisk", "minCpuPlatform")
OF_ALLOCATION = ("instances", "allowedLocations", "networkInterfaces", "instanceTemplate")
KEYS = frozenset(
    (*OF_JOB, *OF_GROUP, *OF_SPEC, *OF_RUNNABLE, *OF_POLICY, *OF_ALLOCATION, "imageUri",
     "labels", "name", "priority", "environment", "volumes", "location", "network", "policy",
     "serviceAccount", "tags", "placement", "timeout", "installGpuDrivers")
)  # fmt: skip
YAML_KEYS = KEYS | {"".join(f"_{c.lower()}" if c.isupper() else c for c in key) for key in KEYS} - {
    "name"
}
OF_SERVICE = ("name", "uid", "status", "state", "createTime", "updateTime")
TELLING = (*OF_JOB, *OF_GROUP, *OF_SPEC, *OF_RUNNABLE, *OF_POLICY, *OF_ALLOCATION, "imageUri")


def claims(root: Node) -> bool:
    """Whether this is a job or a piece of one; "script: ./a" is a note of somebody's own."""
    told = any(root.get(key).kind != "none" for key in TELLING if key not in OF_RUNNABLE)
    told = told or any(root.get(key).kind == "map" for key in OF_RUNNABLE)
    # "container: {image: ...}" is a note of somebody's own, too
    container = root.get("container")
    own = container.kind == "map" and container.get("image").kind != "none"
    return told and not own and not root.get("apiVersion")


def read(root: Node) -> Part:
    """A job, or a piece of one, as a partial draft."""
    reader = _Job()
    # A piece holds the fields of some message; each reads what it knows and leaves the rest.
    groups = root.get("taskGroups")
    for group in (groups.first(), root):
        reader.group(group)
        for spec in (group.get("taskSpec"), group):
            reader.spec(spec)
    allocation = root.get("allocationPolicy")
    for place in (allocation, root):
        reader.allocation(place)
        for instance in (place.get("instances").first(), place):
            reader.instance(instance)
            reader.policy(instance.get("policy"))
    reader.policy(root)
    reader.rest(root)
    for place in (root, groups.first()):
        for key in OF_SERVICE:
            node = place.get(key)
            if node:
                node.take()
                reader.part.leave(node.quote, "the service sets this")
    return reader.part


class _Job:
    """Reads the messages of a job into a draft."""

    def __init__(self) -> None:
        self.part = Part()
        self.draft = self.part.draft

    def put(self, field: str, node: Node) -> None:
        """A text field."""
        if node.kind == "text" and node and getattr(self.draft, field) is None:
            setattr(self.draft, field, node.asked())

    def number(self, field: str, node: Node) -> None:
        """A whole number."""
        value = node.whole() if node.kind == "text" else None
        if value is not None and getattr(self.draft, field) is None:
            self.part.put(field, value, node.quote)

    def switch(self, field: str, node: Node) -> None:
        """Yes or no."""
        if node.kind == "text" and node and getattr(self.draft, field) is None:
            self.part.put(field, node.true(), node.quote)

    def seconds(self, field: str, node: Node) -> None:
        """A duration."""
        value = period(node.said()) if node.kind == "text" and node else None
        if value is not None:
            self.part.put(field, value, node.quote)

    def group(self, group: Node) -> None:
        """A task group."""
        self.number("task_count", group.get("taskCount"))
        self.number("parallelism", group.get("parallelism"))
        self.number("tasks_per_node", group.get("taskCountPerNode"))
        self.switch("require_hosts_file", group.get("requireHostsFile"))
        self.switch("permissive_ssh", group.get("permissiveSsh"))
        self.switch("run_as_non_root", group.get("runAsNonRoot"))
        order = group.get("schedulingPolicy")
        if order:
            self.part.put("in_order", order.said() == "IN_ORDER", order.quote)
        for index, environment in enumerate(group.get("taskEnvironments").items):
            pairs = _pairs(environment.get("variables"))
            self.draft.task_envs.append(TaskEnvironment(index=index, variables=pairs))

    def spec(self, spec: Node) -> None:
        """A task spec; also one runnable alone."""
        self.number("cpu_milli", spec.get("computeResource", "cpuMilli"))
        self.number("memory_mib", spec.get("computeResource", "memoryMib"))
        self.number("cpu_milli", spec.get("cpuMilli"))
        self.number("memory_mib", spec.get("memoryMib"))
        boot = spec.get("computeResource", "bootDiskMib")
        if boot.whole():
            size: Asked[int] = Asked(value=max(1, int(boot.text) // 1024), quote=boot.quote)
            self.draft.boot_disk = BootDisk(size_gb=size)
        self.seconds("max_run_s", spec.get("maxRunDuration"))
        self.number("max_retries", spec.get("maxRetryCount"))
        for policy in spec.get("lifecyclePolicies").items:
            self._retries(policy)
        for runnable in spec.get("runnables").items or self._alone(spec):
            self._runnable(runnable)
        self.draft.env += _pairs(spec.get("environment", "variables"))
        self.draft.secret_env += _pairs(spec.get("environment", "secretVariables"))
        for volume in spec.get("volumes").items:
            self._volume(volume)

    def _alone(self, spec: Node) -> list[Node]:
        if any(spec.get(kind).kind == "map" for kind in OF_RUNNABLE):
            return [spec]
        return []

    def _retries(self, policy: Node) -> None:
        action = policy.get("action").said()
        codes = [c.whole() for c in policy.get("actionCondition", "exitCodes").items]
        numbers = [code for code in codes if code is not None]
        if action == "RETRY_TASK":
            found = RetryPolicy(action="RETRY_TASK", exit_codes=numbers, quote=policy.quote)
            self.draft.retry_policies.append(found)
        elif action == "FAIL_TASK":
            found = RetryPolicy(action="FAIL_TASK", exit_codes=numbers, quote=policy.quote)
            self.draft.retry_policies.append(found)

    def _runnable(self, node: Node) -> None:
        container, script, barrier = (node.get(kind) for kind in OF_RUNNABLE)
        if container.kind != "none":
            step = self._container(container)
        elif script.kind != "none":
            step = Step(kind="script")
            step.text = script.get("text").asked() if script.get("text") else None
            step.path = script.get("path").asked() if script.get("path") else None
        elif barrier.kind != "none":
            barrier.read = True
            step = Step(kind="barrier")
            step.name = barrier.get("name").asked() if barrier.get("name") else None
        else:
            return
        if node.get("displayName") and step.kind != "barrier":
            step.name = node.get("displayName").asked()
        step.env = _pairs(node.get("environment", "variables"))
        timeout = node.get("timeout")
        seconds = period(timeout.said()) if timeout else None
        if seconds:
            step.timeout_s = Asked(value=seconds, quote=timeout.quote)
        for field, key in (("background", "background"), ("always_run", "alwaysRun"),
                           ("ignore_exit_status", "ignoreExitStatus")):  # fmt: skip
            if node.get(key):
                setattr(step, field, Asked(value=node.get(key).true(), quote=node.get(key).quote))
        self.draft.steps.append(step)

    def _container(self, container: Node) -> Step:
        step = Step(kind="container")
        for field, key in (("image", "imageUri"), ("entrypoint", "entrypoint"),
                           ("options", "options"), ("username", "username"),
                           ("password", "password")):  # fmt: skip
            if container.get(key):
                setattr(step, field, container.get(key).asked())
        commands = container.get("commands")
        if commands.items:
            step.commands = Asked(value=commands.texts(), quote=commands.quote)
        step.volumes = [bind.asked() for bind in container.get("volumes").items]
        for field, key in (("block_external_network", "blockExternalNetwork"),
                           ("image_streaming", "enableImageStreaming")):  # fmt: skip
            node = container.get(key)
            if node:
                setattr(step, field, Asked(value=node.true(), quote=node.quote))
        return step

    def _volume(self, volume: Node) -> None:
        mount = volume.get("mountPath").said()
        options = volume.get("mountOptions").texts()
        device = volume.get("deviceName")
        disk = next((d for d in self.draft.disks if device and d.device == device.text), None)
        if volume.get("gcs"):
            remote = volume.get("gcs", "remotePath").said()
            found = Volume(kind="gcs", remote=remote)
        elif volume.get("nfs"):
            server, path = volume.get("nfs", "server"), volume.get("nfs", "remotePath")
            found = Volume(kind="nfs", remote=f"{server.said()}:{path.said()}")
        elif disk is not None:
            disk.mount, disk.options = mount, options
            device.said()
            return
        elif device:
            found = Volume(kind="device", remote=device.said())
        else:
            return
        found.mount, found.options, found.quote = mount, options, volume.quote
        self.draft.volumes.append(found)

    def allocation(self, place: Node) -> None:
        """Locations, network, account, tags, labels of the VMs."""
        where = place.get("location", "allowedLocations") or place.get("allowedLocations")
        self.draft.locations += [item.asked() for item in where.items]
        self.put("service_account", place.get("serviceAccount", "email"))
        nic = (place.get("network", "networkInterfaces") or place.get("networkInterfaces")).first()
        self.put("network", nic.get("network"))
        self.put("subnetwork", nic.get("subnetwork"))
        self.switch("no_external_ip", nic.get("noExternalIpAddress"))
        self.draft.tags += [tag.asked() for tag in place.get("tags").items]
        if place.get("placement", "collocation").said() == "COLLOCATED":
            quote = place.get("placement", "collocation").quote
            self.part.put("collocated", True, quote)

    def instance(self, instance: Node) -> None:
        """What stands beside an instance's policy."""
        self.put("instance_template", instance.get("instanceTemplate"))
        self.switch("install_gpu_drivers", instance.get("installGpuDrivers"))
        self.switch("install_ops_agent", instance.get("installOpsAgent"))
        self.switch("block_project_ssh_keys", instance.get("blockProjectSshKeys"))

    def policy(self, policy: Node) -> None:
        """An instance policy."""
        self.put("machine_type", policy.get("machineType"))
        self.put("min_cpu_platform", policy.get("minCpuPlatform"))
        self.put("reservation", policy.get("reservation"))
        model = policy.get("provisioningModel")
        if model and model.text in ("STANDARD", "SPOT", "PREEMPTIBLE", "FLEX_START",
                                    "RESERVATION_BOUND"):  # fmt: skip
            self.put("provisioning", model)
        accelerator = policy.get("accelerators").first()
        if accelerator.get("type") and self.draft.gpus is None:
            count = accelerator.get("count").whole() or 1
            kind = accelerator.get("type").said()
            self.draft.gpus = Gpus(type=kind, count=count, quote=accelerator.quote)
        self._disks(policy)

    def _disks(self, policy: Node) -> None:
        boot = policy.get("bootDisk")
        if boot.pairs:
            disk = BootDisk(
                image=boot.get("image").asked() if boot.get("image") else None,
                type=boot.get("type").asked() if boot.get("type") else None,
            )
            size = boot.get("sizeGb").whole() if boot.get("sizeGb") else None
            if size is not None:
                disk.size_gb = Asked(value=size, quote=boot.get("sizeGb").quote)
            self.draft.boot_disk = disk
        for node in policy.get("disks").items:
            new, device = node.get("newDisk"), node.get("deviceName").said()
            if new:
                kind, size = new.get("type").said(), gib(new.get("sizeGb").said() or "")
                made = Disk(type=kind, size_gb=size, device=device, quote=node.quote)
            else:
                existing = node.get("existingDisk").said()
                made = Disk(existing=existing, device=device, quote=node.quote)
            self._attach(made)

    def _attach(self, disk: Disk) -> None:
        """A disk, mounted where a volume already named its device."""
        for volume in [v for v in self.draft.volumes if v.kind == "device"]:
            if volume.remote == disk.device:
                disk.mount, disk.options = volume.mount, volume.options
                self.draft.volumes.remove(volume)
        self.draft.disks.append(disk)

    def rest(self, root: Node) -> None:
        """Labels, logs, notifications, priority."""
        self.number("priority", root.get("priority"))
        self.draft.job_labels += _pairs(root.get("labels"))
        allocation = root.get("allocationPolicy", "labels")
        self.draft.vm_labels += _pairs(allocation)
        destination = root.get("logsPolicy", "destination")
        if destination.said() == "PATH":
            path = root.get("logsPolicy", "logsPath").said()
            self.draft.logs = Logs(destination="path", path=path, quote=destination.quote)
        elif destination.text == "CLOUD_LOGGING":
            self.draft.logs = Logs(destination="cloud", quote=destination.quote)
        for node in root.get("notifications").items:
            message = node.get("message")
            kind = message.get("type").said()
            state = message.get("newJobState").said() or message.get("newTaskState").said()
            self.draft.notifications.append(
                Notification(
                    topic=node.get("pubsubTopic").said(),
                    about="task" if kind.startswith("TASK") else "job",
                    state=state,
                    quote=node.quote,
                )
            )


def _pairs(node: Node) -> list[Pair]:
    return [Pair(name=name, value=value.said(), quote=value.quote) for name, value in node.pairs]
