"""`docker run` and `podman run`: each line is a container step.

Options: docs.docker.com/reference/cli/docker/container/run.
"""

from __future__ import annotations

import re
import shlex

from components.parse_intent.draft import Asked, Step, Volume
from components.parse_intent.offline.pasted.amounts import cpu_milli, mib
from components.parse_intent.offline.pasted.part import Part, Pending, label, pair
from components.parse_intent.offline.pasted.script_end import command_end
from components.parse_intent.offline.pasted.shell_words import Option, Word, options, shell_words
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.vocabulary import words

COMMAND = Pattern(r"(?:sudo[ \t]+)?(?:docker|podman|nvidia-docker)[ \t]+(?:container[ \t]+)?run\b")
SWITCHES = frozenset(
    words(
        "--rm -it -i -t -d -ti -dit -itd --interactive --tty --detach --init --privileged "
        "--read-only --no-healthcheck -P --publish-all --oom-kill-disable --sig-proxy -q --quiet"
    )
)
# In the middle of a line only what no sentence holds: an option, or an image with its path or tag.
SURE = Pattern(r"[ \t]+(?:--?[A-Za-z]|[\w.-]+[/:][\w])")
IMAGE = Pattern(r"[A-Za-z0-9$][\w./:@${}-]*")
# What a task does by itself: Batch removes the container, keeps no terminal, names it.
OF_ITSELF = frozenset(
    words(
        "--rm -it -ti -i -t -d -dit -itd --interactive --tty --detach --name --pull -q --quiet "
        "--sig-proxy -a --attach --log-driver --log-opt --cidfile"
    )
)
LONG = {"-v": "--volume", "-e": "--env", "-m": "--memory", "-w": "--workdir", "-u": "--user",
        "-l": "--label", "-p": "--publish", "-P": "--publish-all", "-h": "--hostname"}  # fmt: skip
WITHOUT_USE = {
    "--publish": "a task offers no ports",
    "--publish-all": "a task offers no ports",
    "--restart": "Batch decides on retries: say how many",
    "--cpu-shares": "a share among containers; say how many CPUs a task needs",
    "--memory-swap": "Batch VMs have no swap",
    "--platform": "the machine type decides on the platform",
}
# Where Batch mounts by custom: who names such a path has a volume in mind.
BATCH_MOUNTS = "/mnt/disks/"
# Paths that every VM has of its own; all others must come from somewhere.
OF_THE_VM = ("/tmp", "/var/tmp", "/dev", "/etc", "/usr", "/lib", "/proc", "/sys", "/run", "/var")  # noqa: S108


def find(text: str) -> list[tuple[int, int]]:
    """Where docker run lines stand, to the end of their commands."""
    found: list[tuple[int, int]] = []
    for match in COMMAND.finditer(text):
        if found and match.start() < found[-1][1]:
            continue
        ticked = text[match.start() - 1 : match.start()] == "`"
        if not (ticked or _begins(text, match)):
            continue
        found.append((match.start(), command_end(text, match.end(), ticked)))
    return found


def _begins(text: str, match: re.Match[str]) -> bool:
    """Whether a command stands here, and not words about docker."""
    line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()].strip(" \t$>#-*")
    return not line or SURE.match(text, match.end()) is not None


def read(text: str) -> Part | None:
    """One docker run line as a step; None where it names no image."""
    command = COMMAND.match(text)
    line, _ = shell_words(text, command.end() if command else 0)
    given, rest = options(line, text, SWITCHES)
    if not rest or not IMAGE.fullmatch(rest[0].text):
        return None
    part = Part()
    image = rest[0]
    step = Step(
        kind="container", image=Asked(value=image.text, quote=text[image.start : image.end])
    )
    kept = [(word, option) for option in given for word in docker_option(option, step, part)]
    if kept:
        words = " ".join(word for word, _ in kept)
        step.options = Asked(value=words, quote=kept[0][1].quote)
    arguments(rest[1:], text, step)
    part.draft.steps.append(step)
    return part


def arguments(line: list[Word], text: str, step: Step) -> None:
    """The words behind an image: as they are, or through a shell where one must expand them."""
    if not line:
        return
    quote = text[line[0].start : line[-1].end]
    values = [word.text for word in line]
    shell = any(word.expands for word in line)
    program = step.entrypoint.value if step.entrypoint is not None else ""
    if shell and (program or not values[0].startswith("-")):
        # Docker expands nothing: a variable needs a shell (Batch's own sample does the same).
        command = " ".join(quote.replace("\\\n", " ").split()) if "'" not in quote else quote
        step.text = Asked(value=f"{program} {command}".strip(), quote=quote)
        step.entrypoint = None
    else:
        step.commands = Asked(value=values, quote=quote)


def docker_option(option: Option, step: Step, part: Part) -> list[str]:
    """Put an option into its field; gives it back where docker itself has to read it."""
    name = LONG.get(option.name, option.name)
    asked: Asked[str] = Asked(value=option.value, quote=option.quote)
    if name in OF_ITSELF:
        return []
    if name in ("--volume", "--mount"):
        source, target, mode = _bind(name, option.value)
        bind(source, target, mode, option.quote, step, part)
    elif name == "--env" and "=" in option.value:
        step.env.append(pair(option.value, option.quote))
    elif name == "--env":
        part.wait(_variable(option.value))
    elif name == "--env-file":
        part.wait(env_file(option.value))
    elif name == "--entrypoint":
        step.entrypoint = asked
    elif name == "--workdir":
        step.workdir = asked
    elif name in ("--cpus", "--memory", "--gpus", "--label"):
        _resource(name, option, part)
    elif name in WITHOUT_USE:
        part.leave(option.quote, WITHOUT_USE[name])
    else:
        return [f"{name}={shlex.quote(option.value)}" if option.value else name]
    return []


def _resource(name: str, option: Option, part: Part) -> None:
    if name == "--label":
        key, _, value = option.value.partition("=")
        part.draft.job_labels.append(label(key, value, option.quote))
    elif name == "--gpus":
        gpus(option.value, option.quote, part)
    else:
        field, number = (
            ("cpu_milli", cpu_milli(option.value))
            if name == "--cpus"
            else ("memory_mib", mib(option.value, "b"))
        )
        if number is None:
            part.leave(option.quote, "this is no amount")
        else:
            part.put(field, number, option.quote)


def gpus(value: str, quote: str, part: Part) -> None:
    """A wish for GPUs of no type: the prose or the machine type has to name one."""
    digits = re.search(r"\d+", value)
    count = int(digits[0][:3]) if digits and "device" not in value else 0
    part.wait(
        Pending(
            "gpu",
            quote,
            f"`{quote}` does not say which GPU: which type is needed, e.g. T4, L4 or A100?",
            count=count,
        )
    )


def _bind(name: str, value: str) -> tuple[str, str, str]:
    """Source, target and mode of -v or --mount."""
    if name == "--volume":
        parts = value.split(":")
        if len(parts) == 1:
            return "", parts[0], ""
        if len(parts) > 2 and len(parts[0]) == 1:  # C:\data:/data
            parts = [f"{parts[0]}:{parts[1]}", *parts[2:]]
        return parts[0], parts[1], ",".join(parts[2:])
    given = dict(item.partition("=")[::2] for item in value.split(","))
    source = given.get("source") or given.get("src") or ""
    target = given.get("target") or given.get("dst") or given.get("destination") or ""
    if given.get("type") == "tmpfs":
        return "tmpfs", target, ""
    read_only = given.keys() & {"readonly", "ro"}
    return source, target, "ro" if read_only else ""


def bind(source: str, target: str, mode: str, quote: str, step: Step, part: Part) -> None:
    """A directory of the machine in the container; one that a new VM lacks is asked for."""
    if source == "tmpfs":
        step.options = Asked(value=f"--tmpfs={target}", quote=quote)
    elif source.startswith("gs://"):
        remote = source.removeprefix("gs://").rstrip("/")
        part.draft.volumes.append(Volume(kind="gcs", remote=remote, mount=target, quote=quote))
    elif not source or re.fullmatch(r"[A-Za-z0-9][\w.-]*", source):
        part.leave(quote, "a docker volume is empty on a new VM; the container has its own disk")
    else:
        tail = f":{mode}" if mode else ""
        step.volumes.append(Asked(value=f"{source.rstrip('/') or '/'}:{target}{tail}", quote=quote))
        if not _of_the_vm(source):
            part.wait(
                Pending(
                    "mount",
                    source,
                    f"`{quote}` takes {source} from the machine where you run it, which a Batch VM "
                    f"does not have. Where is that data: in which bucket (gs://…) or NFS share?",
                    target=target,
                    optional=source.startswith(BATCH_MOUNTS),
                )
            )


def _of_the_vm(path: str) -> bool:
    return any(path == root or path.startswith(f"{root}/") for root in OF_THE_VM)


def _variable(name: str) -> Pending:
    return Pending(
        "secret",
        name,
        f"The container takes {name} from your shell. What is its value? (For a password, name its "
        f"secret: projects/P/secrets/S/versions/V.)",
    )


def env_file(name: str) -> Pending:
    """A question for the variables of a file on the person's machine."""
    return Pending(
        "variables",
        name,
        f"The variables are in the file {name}, which I cannot see. Which are they (NAME=value)?",
    )
