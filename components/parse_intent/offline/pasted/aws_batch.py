"""AWS Batch: job definitions and SubmitJob (docs.aws.amazon.com/batch/latest/APIReference)."""

from __future__ import annotations

from components.parse_intent.draft import Asked, Pair, Step
from components.parse_intent.offline.pasted.amounts import cpu_milli
from components.parse_intent.offline.pasted.docker_run import bind, gpus
from components.parse_intent.offline.pasted.part import Part, Pending, label
from components.parse_intent.offline.pasted.tree import NOTHING, Node

INDEX = "AWS_BATCH_JOB_ARRAY_INDEX"
OF_ITSELF = ("type", "jobDefinitionName", "jobName", "platformCapabilities", "revision", "status",
             "propagateTags", "jobDefinitionArn", "containerOrchestrationType")  # fmt: skip
WITHOUT_FIELD = {
    "jobQueue": "Batch has no queues; machine type and location choose where it runs",
    "dependsOn": "a Batch job does not wait for another one; submit it when that has ended",
    "jobRoleArn": "name a service account of Google Cloud instead",
    "executionRoleArn": "name a service account of Google Cloud instead",
    "instanceType": "name a machine type of Google Cloud instead",
    "logConfiguration": "the output goes to Cloud Logging",
}


def claims(root: Node) -> bool:
    """Whether this is a job definition or a submission, whole or in part."""
    return any(
        root.get(key).kind != "none"
        for key in ("containerProperties", "containerOverrides", "retryStrategy", "arrayProperties",
                    "jobDefinitionName", "ecsProperties", "jobDefinition")
    )  # fmt: skip


def read(root: Node) -> Part:
    """A job definition as a partial draft."""
    part = Part()
    container = root.get("containerProperties") or root.get("containerOverrides")
    container = (
        container or root.get("ecsProperties", "taskProperties").first().get("containers").first()
    )
    if container:
        part.draft.steps.append(_container(container, part))
    _parameters(root.get("parameters"), part)
    size = root.get("arrayProperties", "size")
    if size.whole():
        part.put("task_count", int(size.text), size.quote)
    attempts = root.get("retryStrategy", "attempts")
    if attempts.whole():
        # Attempts count the first run, retries do not.
        part.put("max_retries", max(0, int(attempts.text) - 1), attempts.quote)
    seconds = root.get("timeout", "attemptDurationSeconds")
    if seconds.whole():
        part.put("max_run_s", int(seconds.text), seconds.quote)
    for name, node in root.get("tags").pairs:
        part.draft.job_labels.append(label(name, node.said(), node.quote))
    for key in OF_ITSELF:
        root.get(key).take()
    for place in (root, container):
        for key, why in WITHOUT_FIELD.items():
            node = place.get(key)
            if node:
                node.take()
                part.leave(node.quote, why)
    return part


def _parameters(parameters: Node, part: Part) -> None:
    """Ref::name in a command stands for a parameter."""
    for name, node in parameters.pairs:
        value = node.said()
        for step in part.draft.steps:
            if step.commands is not None:
                words = step.commands.value
                step.commands.value = [w.replace(f"Ref::{name}", value) for w in words]


def _container(container: Node, part: Part) -> Step:
    image = container.get("image")
    step = Step(kind="container", image=image.asked() if image else None)
    command = container.get("command")
    if command.items:
        _command(command, step)
    for variable in container.get("environment").items:
        value = variable.get("value").said().replace(INDEX, "BATCH_TASK_INDEX")
        step.env.append(Pair(name=variable.get("name").said(), value=value, quote=variable.quote))
    for secret in container.get("secrets").items:
        name = secret.get("name").said()
        secret.take()
        question = (
            f"{name} comes from a secret of AWS. Which secret of Secret Manager holds it "
            f"(projects/P/secrets/S/versions/V)?"
        )
        part.wait(Pending("secret", name, question))
    _resources(container, part)
    for mount in container.get("mountPoints").items:
        _mount(mount, container, step, part)
    kept = []
    if container.get("privileged").true():
        kept.append("--privileged")
    shared = container.get("linuxParameters", "sharedMemorySize")
    if shared.whole():
        kept.append(f"--shm-size={shared.text}m")
    if container.get("user"):
        kept.append(f"--user={container.get('user').said()}")
    if kept:
        step.options = Asked(value=" ".join(kept), quote=(shared or container.get("user")).quote)
    return step


def _command(command: Node, step: Step) -> None:
    """AWS runs the words as they are; the index in them needs a shell, as with docker."""
    words = command.texts()
    changed = [word.replace(INDEX, "BATCH_TASK_INDEX") for word in words]
    shell = words[0].rsplit("/", 1)[-1] in ("sh", "bash")
    if changed != words and not shell and not words[0].startswith("-"):
        step.text = Asked(value=" ".join(changed), quote=command.quote)
    else:
        step.commands = Asked(value=changed, quote=command.quote)


def _resources(container: Node, part: Part) -> None:
    found = {"VCPU": container.get("vcpus"), "MEMORY": container.get("memory")}
    for requirement in container.get("resourceRequirements").items:
        kind = requirement.get("type").said()
        found[kind] = requirement.get("value")
    cpu, memory, gpu = found["VCPU"], found["MEMORY"], found.get("GPU", NOTHING)
    milli = cpu_milli(cpu.said()) if cpu else None
    if milli is not None:
        part.put("cpu_milli", milli, cpu.quote)
    if memory and memory.whole() is not None:
        part.put("memory_mib", int(memory.text), memory.quote)
    if gpu and gpu.whole():
        gpus(gpu.text, gpu.quote, part)


def _mount(mount: Node, container: Node, step: Step, part: Part) -> None:
    name, target = mount.get("sourceVolume").said(), mount.get("containerPath").said()
    mount.take()
    volume = next(
        (v for v in container.get("volumes").items if v.get("name").text == name), NOTHING
    )
    volume.take()
    mode = "ro" if mount.get("readOnly").text == "true" else ""
    host = volume.get("host", "sourcePath")
    if host:
        bind(host.text, target, mode, volume.quote, step, part)
    else:
        question = (
            f"The job mounts the volume {name} at {target}: what holds that data for Batch, a "
            f"bucket (gs://…), an NFS or Filestore share, or a disk?"
        )
        part.wait(Pending("mount", name, question, target=target))
