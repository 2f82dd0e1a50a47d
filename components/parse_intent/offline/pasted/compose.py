"""Services of a docker-compose file: each is a container step, in the order of depends_on."""

from __future__ import annotations

from components.parse_intent.draft import Asked, Step
from components.parse_intent.offline.pasted.amounts import cpu_milli, mib
from components.parse_intent.offline.pasted.docker_run import arguments, bind, env_file, gpus
from components.parse_intent.offline.pasted.part import Part, pair
from components.parse_intent.offline.pasted.shell_words import shell_words
from components.parse_intent.offline.pasted.tree import Node

OF_ITSELF = ("container_name", "depends_on", "restart", "stdin_open", "tty", "init")


def claims(root: Node) -> bool:
    """Whether this is a compose file: services with an image or a build."""
    services = root.get("services").pairs
    return bool(services) and any(
        service.get("image") or service.get("build") for _, service in services
    )


def read(root: Node) -> Part:
    """The services as steps."""
    part = Part()
    for name, service in _ordered(root.get("services")):
        _service(name, service, part)
    for key in ("version", "name"):
        root.get(key).take()
    return part


def _ordered(services: Node) -> list[tuple[str, Node]]:
    """Each service behind those that it depends on, else as written."""
    waiting = list(services.pairs)
    done: list[tuple[str, Node]] = []
    while waiting:
        placed = {name for name, _ in done}
        free = [s for s in waiting if _needs(s[1]) & {n for n, _ in services.pairs} <= placed]
        following = (free or waiting)[0]
        waiting.remove(following)
        done.append(following)
    return done


def _needs(service: Node) -> set[str]:
    needed = service.get("depends_on")
    return {name for name, _ in needed.pairs} | {item.text for item in needed.items}


def _service(name: str, service: Node, part: Part) -> None:
    image = service.get("image")
    if not image:
        part.leave(service.get("build").quote or name, "images are built elsewhere; name one")
        service.take()
        return
    step = Step(kind="container", image=image.asked(), name=Asked(value=name, quote=name))
    entrypoint, command = service.get("entrypoint"), service.get("command")
    words = entrypoint.texts() or [w.text for w in shell_words(entrypoint.text)[0]]
    if words:
        step.entrypoint = Asked(value=words[0], quote=entrypoint.quote)
    _command(words[1:], command, step)
    for variable in service.get("environment").items:
        step.env.append(pair(variable.said(), variable.quote))
    for key, value in service.get("environment").pairs:
        step.env.append(pair(f"{key}={value.said()}", value.quote))
    for file in service.get("env_file").items or [service.get("env_file")]:
        if file:
            part.wait(env_file(file.said()))
    for volume in service.get("volumes").items:
        _volume(volume, step, part)
    if service.get("working_dir"):
        step.workdir = service.get("working_dir").asked()
    _resources(service, step, part)
    for key in OF_ITSELF:
        service.get(key).take()
    part.draft.steps.append(step)


def _command(first: list[str], command: Node, step: Step) -> None:
    if command.items:
        step.commands = Asked(value=[*first, *command.texts()], quote=command.quote)
    elif command:
        line, _ = shell_words(command.said())
        arguments(line, command.text, step)
        step.commands = step.commands and Asked(
            value=[*first, *step.commands.value], quote=command.quote
        )
    elif first:
        step.commands = Asked(value=first, quote=step.entrypoint.quote if step.entrypoint else "")


def _volume(volume: Node, step: Step, part: Part) -> None:
    if volume.pairs:
        source, target = volume.get("source").said(), volume.get("target").said()
        mode = "ro" if volume.get("read_only").said() == "true" else ""
        volume.take()
        bind(source, target, mode, volume.quote, step, part)
        return
    source, colon, rest = volume.said().partition(":")
    target, _, mode = rest.partition(":")
    bind(source if colon else "", target or source, mode, volume.quote, step, part)


def _resources(service: Node, step: Step, part: Part) -> None:
    limits = service.get("deploy", "resources", "limits")
    for node, field, amount in (
        (service.get("cpus") or limits.get("cpus"), "cpu_milli", cpu_milli),
        (service.get("mem_limit") or limits.get("memory"), "memory_mib", mib),
    ):
        value = amount(node.said()) if node else None
        if value is not None:
            part.put(field, value, node.quote)
    kept = []
    for key, option in (("shm_size", "shm-size"), ("network_mode", "network"), ("user", "user"),
                        ("ipc", "ipc"), ("privileged", "privileged")):  # fmt: skip
        if service.get(key):
            kept.append((f"--{option}={service.get(key).said()}", service.get(key).quote))
    if kept:
        step.options = Asked(value=" ".join(word for word, _ in kept), quote=kept[0][1])
    for device in service.get("deploy", "resources", "reservations", "devices").items:
        gpus(device.get("count").said() or "all", device.quote, part)
        device.take()
