"""Kubernetes Jobs and CronJobs (kubernetes.io/docs/reference/kubernetes-api/workload-resources)."""

from __future__ import annotations

import re
import shlex

from components.parse_intent.draft import Asked, Gpus, Pair, Step, Volume
from components.parse_intent.offline.pasted.amounts import (
    cpu_milli,
    decimal_mib,
    gpu_name,
    known_gpu,
)
from components.parse_intent.offline.pasted.docker_run import bind, gpus
from components.parse_intent.offline.pasted.part import Part, Pending, label
from components.parse_intent.offline.pasted.tree import NOTHING, Node

KEYS = frozenset(("apiVersion", "kind", "metadata", "spec", "status"))
INDEX = "JOB_COMPLETION_INDEX"
# Of a cluster, or what Batch does by itself.
OF_ITSELF = (
    ("apiVersion",), ("kind",), ("status",), ("metadata", "name"), ("metadata", "uid"),
    ("spec", "completionMode"), ("spec", "template", "spec", "restartPolicy"),
    ("spec", "template", "metadata", "name"),
)  # fmt: skip


def claims(root: Node) -> bool:
    """Whether this is a Job or a CronJob, or what is left of one."""
    kind = root.get("kind").text
    if kind:
        return kind in ("Job", "CronJob", "Pod")
    return bool(
        root.get("spec", "template", "spec", "containers")
        or root.get("spec", "jobTemplate")
        or (root.get("containers") and root.get("containers").kind == "list")
    )


def read(root: Node) -> Part:
    """A Job as a partial draft."""
    part = Part()
    job = root
    if root.get("spec", "jobTemplate"):
        schedule = root.get("spec", "schedule")
        if schedule:
            schedule.said()
            part.leave(schedule.quote, "Batch runs a job once; `schedule` runs it again")
        for key in ("kind", "apiVersion"):
            root.get(key).take()
        job = root.get("spec", "jobTemplate")
    for path in OF_ITSELF:
        job.get(*path).take()
    root.get("metadata", "name").take()
    pod = job.get("spec", "template", "spec") or (job.get("spec", "containers") and job.get("spec"))
    pod = pod or job
    _numbers(job.get("spec"), pod, part)
    _containers(pod, part)
    _place(pod, part)
    _labels(root, job, part)
    account = pod.get("serviceAccountName") or pod.get("serviceAccount")
    if account:
        part.leave(account.quote, "name a service account of Google Cloud (…gserviceaccount.com)")
        account.said()
    return part


def _numbers(spec: Node, pod: Node, part: Part) -> None:
    """How many, how often, how long."""
    for field, node in (
        ("task_count", spec.get("completions")),
        ("parallelism", spec.get("parallelism")),
        ("max_retries", spec.get("backoffLimitPerIndex") or spec.get("backoffLimit")),
        ("max_run_s", pod.get("activeDeadlineSeconds") or spec.get("activeDeadlineSeconds")),
    ):
        number = node.whole() if node else None
        if number is not None:
            part.put(field, number, node.quote)
    draft = part.draft
    if draft.task_count is None and draft.parallelism is not None:
        # Without completions, as many pods as run at once.
        draft.task_count = draft.parallelism.model_copy()
    _reported(
        part,
        (spec.get("ttlSecondsAfterFinished"), "Batch deletes finished jobs after 60 days"),
        (spec.get("suspend"), "submit the job when it shall run"),
        (spec.get("podFailurePolicy"), "name the exit codes and what to do with them"),
    )


def _reported(part: Part, *left: tuple[Node, str]) -> None:
    for node, why in left:
        if node:
            node.take()
            part.leave(node.quote, why)


def _containers(pod: Node, part: Part) -> None:
    """Init containers one after the other, then the first container; others beside it."""
    for init in pod.get("initContainers").items:
        step = _container(init, pod, part)
        if init.get("restartPolicy").said() == "Always":
            step.background = Asked(value=True, quote=init.get("restartPolicy").quote)
        part.draft.steps.append(step)
    main, *others = pod.get("containers").items or [NOTHING]
    for sidecar in others:
        step = _container(sidecar, pod, part)
        step.background = Asked(value=True, quote=sidecar.get("image").quote)
        part.draft.steps.append(step)
    if main:
        part.draft.steps.append(_container(main, pod, part))
        _resources(main.get("resources"), part)


def _container(node: Node, pod: Node, part: Part) -> Step:
    image, name = node.get("image"), node.get("name")
    step = Step(kind="container", image=image.asked() if image else None)
    if name:
        step.name = name.asked()
    _command(node.get("command"), node.get("args"), step)
    for variable in node.get("env").items:
        _variable(variable, step, part)
    for source in node.get("envFrom").items:
        source.take()
        part.wait(
            Pending(
                "variables",
                source.quote,
                f"The variables come from the cluster ({' '.join(source.quote.split())[:60]}): "
                f"which are they (NAME=value)?",
            )
        )
    if node.get("workingDir"):
        step.workdir = node.get("workingDir").asked()
    for mount in node.get("volumeMounts").items:
        _mount(mount, pod, step, part)
    node.get("imagePullPolicy").take()
    return step


def _command(command: Node, args: Node, step: Step) -> None:
    """Command takes the place of the image's entrypoint, args that of its arguments."""
    first, rest = command.texts(), args.texts()
    if command and not first:
        first = [command.said()]
    if args and not rest:
        rest = [args.said()]
    quote = args.quote if rest and not first else command.quote
    words = [in_batch_words(word) for word in first + rest]
    if not words:
        return
    # Kubernetes expands $(VAR) itself; with Batch a shell has to.
    shell = any(a != b for a, b in zip(words, first + rest, strict=True))
    if first and first[0].rsplit("/", 1)[-1] in ("sh", "bash", "ash", "dash", "zsh"):
        shell = False
    if first and shell:
        line = " ".join(_shell_word(word) for word in words)
        step.text = Asked(value=line, quote=quote)
    elif first:
        step.entrypoint = Asked(value=words[0], quote=quote)
        step.commands = Asked(value=words[1:], quote=quote) if words[1:] else None
    else:
        step.commands = Asked(value=words, quote=quote)


def _shell_word(word: str) -> str:
    return (
        f'"{word}"' if "${" in word and " " in word else word if "${" in word else shlex.quote(word)
    )


def in_batch_words(text: str) -> str:
    """A text with Batch's index in the place of Kubernetes'."""
    text = re.sub(rf"\$\({INDEX}\)|\$\{{{INDEX}\}}|\${INDEX}\b", "${BATCH_TASK_INDEX}", text)
    text = re.sub(rf"\b{INDEX}\b", "BATCH_TASK_INDEX", text)
    return re.sub(r"\$\(([A-Z_][A-Z0-9_]*)\)", r"${\1}", text)


def _variable(variable: Node, step: Step, part: Part) -> None:
    name, value, source = variable.get("name"), variable.get("value"), variable.get("valueFrom")
    if not source:
        text = in_batch_words(value.said())
        step.env.append(Pair(name=name.said(), value=text, quote=variable.quote))
        return
    secret, settings = source.get("secretKeyRef"), source.get("configMapKeyRef")
    variable.take()
    if secret:
        where = f"{secret.get('name').text}/{secret.get('key').text}"
        question = (
            f"{name.text} comes from the cluster's secret {where}. Which secret of Secret Manager "
            f"holds it (projects/P/secrets/S/versions/V)?"
        )
        part.wait(Pending("secret", name.text, question))
    elif settings:
        where = f"{settings.get('name').text}/{settings.get('key').text}"
        question = f"{name.text} comes from the cluster's config map {where}. What is its value?"
        part.wait(Pending("secret", name.text, question))
    elif "completion-index" in source.quote:
        step.env.append(Pair(name=name.text, value="${BATCH_TASK_INDEX}", quote=variable.quote))
        part.leave(variable.quote, "Batch sets BATCH_TASK_INDEX; read that in the program")
    else:
        part.leave(variable.quote, "a Batch task has no such value")


def _mount(mount: Node, pod: Node, step: Step, part: Part) -> None:
    """A mount with the volume that it names."""
    name, target = mount.get("name").said(), mount.get("mountPath").said()
    mount.take()
    volume = next((v for v in pod.get("volumes").items if v.get("name").text == name), NOTHING)
    read_only = ["ro"] if mount.get("readOnly").text == "true" else []
    volume.take()
    nfs, claim, csi = volume.get("nfs"), volume.get("persistentVolumeClaim"), volume.get("csi")
    if nfs:
        remote = f"{nfs.get('server').text}:{nfs.get('path').text or '/'}"
        _add(Volume(kind="nfs", remote=remote, mount=target, quote=nfs.quote), part)
    elif "gcsfuse" in csi.get("driver").text:
        attributes = csi.get("volumeAttributes")
        bucket, only = attributes.get("bucketName").text, mount.get("subPath").text
        given = [o.strip() for o in attributes.get("mountOptions").text.split(",") if o.strip()]
        remote = f"{bucket}/{only}".rstrip("/")
        given = [o for o in given if o != "implicit-dirs"] + read_only
        options = [o if o.startswith("-") or o == "ro" else f"--{o}" for o in given]
        if "implicit-dirs" in attributes.get("mountOptions").text:
            options.insert(0, "--implicit-dirs")
        added = Volume(kind="gcs", remote=remote, mount=target, options=options, quote=csi.quote)
        _add(added, part)
    elif volume.get("hostPath"):
        path = volume.get("hostPath", "path").text
        bind(path, target, ",".join(read_only), volume.quote, step, part)
    elif claim or not volume:
        _ask_for(claim.get("claimName").text or name, target, part)
    elif volume.get("emptyDir").kind != "none":
        _scratch(volume.get("emptyDir"), target, step, part)
    else:
        why = "config maps and secrets are not mounted by Batch; put the files into a bucket"
        part.leave(volume.quote, why)


def _add(volume: Volume, part: Part) -> None:
    known = [(v.remote, v.mount) for v in part.draft.volumes]
    if (volume.remote, volume.mount) not in known:
        part.draft.volumes.append(volume)


def _ask_for(name: str, target: str, part: Part) -> None:
    question = (
        f"The Job mounts the volume {name} at {target}: what holds that data for Batch, a bucket "
        f"(gs://…), an NFS or Filestore share, or a disk?"
    )
    part.wait(Pending("mount", name, question, target=target))


def _scratch(empty: Node, target: str, step: Step, part: Part) -> None:
    size = empty.get("sizeLimit")
    if empty.get("medium").text == "Memory":
        amount = decimal_mib(size.text) if size else None
        shared = target.rstrip("/") == "/dev/shm"  # noqa: S108 - a path in the container
        if shared:
            option = f"--shm-size={amount}m" if amount else "--ipc=host"
        else:
            option = f"--tmpfs={target}" + (f":size={amount}m" if amount else "")
        have = f"{step.options.value} " if step.options else ""
        step.options = Asked(value=have + option, quote=empty.quote)
    elif size:
        part.leave(
            size.quote, "an empty directory: the container's own disk serves; ask for a disk"
        )


def _resources(resources: Node, part: Part) -> None:
    """What is requested, else the limit: that is what the scheduler sets aside."""
    for field, key, amount in (
        ("cpu_milli", "cpu", cpu_milli),
        ("memory_mib", "memory", decimal_mib),
    ):
        node = resources.get("requests", key) or resources.get("limits", key)
        value = amount(node.said()) if node else None
        resources.get("limits", key).take()
        if value is not None:
            part.put(field, value, node.quote)
    node = resources.get("limits", "nvidia.com/gpu") or resources.get("requests", "nvidia.com/gpu")
    resources.get("requests", "nvidia.com/gpu").take()
    count = node.whole() if node else None
    if count:
        gpus(str(count), node.quote, part)
    disk = resources.get("requests", "ephemeral-storage")
    disk = disk or resources.get("limits", "ephemeral-storage")
    _reported(part, (disk, "say how large the boot disk or a further disk should be"))


SPOT_KEYS = ("cloud.google.com/gke-spot", "cloud.google.com/gke-preemptible")


def _place(pod: Node, part: Part) -> None:
    """Node selectors: GPU, spot, machine, zone."""
    selector = pod.get("nodeSelector")
    for key, node in selector.pairs:
        if key in SPOT_KEYS:
            if node.true():
                part.put("provisioning", "SPOT", node.quote)
        elif key == "cloud.google.com/gke-accelerator" and known_gpu(node.said()):
            _gpu(node, part)
        elif key == "node.kubernetes.io/instance-type":
            part.draft.machine_type = node.asked()
        elif key == "topology.kubernetes.io/zone":
            part.draft.locations.append(Asked(value=f"zones/{node.said()}", quote=node.quote))
        elif key == "topology.kubernetes.io/region":
            part.draft.locations.append(Asked(value=f"regions/{node.said()}", quote=node.quote))
    for toleration in pod.get("tolerations").items:
        spot = toleration.get("key").text in SPOT_KEYS
        toleration.take()
        if spot and part.draft.provisioning is None:
            part.put("provisioning", "SPOT", toleration.quote)


def _gpu(node: Node, part: Part) -> None:
    """The accelerator of a selector, as many as the container asks for."""
    waiting = next((p for p in part.pending if p.kind == "gpu"), None)
    count = waiting.count if waiting and waiting.count else 1
    part.pending = [p for p in part.pending if p.kind != "gpu"]
    part.draft.gpus = Gpus(type=gpu_name(node.text), count=count, quote=node.quote)


def _labels(root: Node, job: Node, part: Part) -> None:
    places = [root.get("metadata", "labels"), job.get("metadata", "labels")]
    for place in [*places, job.get("spec", "template", "metadata", "labels")]:
        for name, node in place.pairs:
            found = label(name.rsplit("/", 1)[-1], node.said(), node.quote)
            if found.name not in [have.name for have in part.draft.job_labels]:
                part.draft.job_labels.append(found)
