"""Command lines that people paste: dsub and docker run."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field

from components.parse_intent.draft import Asked, BootDisk, Draft, Gpus, Pair, Step
from components.parse_intent.offline.amounts import durations, sizes
from components.parse_intent.offline.vocabulary import GPU_NAMES, words

LINE = re.compile(
    r"^[ \t`$>]*(?P<c>(?:sudo )?(?:dsub|docker run|podman run)\s(?:[^\n]*\\\n)*[^\n]*)",
    re.MULTILINE,
)
INLINE = re.compile(r"(?P<t>`)?(?P<c>\b(?:sudo )?(?:docker|podman) run\s[^`\n]+)(?(t)`)")


@dataclass
class Pasted:
    """What was read from pasted command lines, and the spans that hold them."""

    draft: Draft = field(default_factory=Draft)
    spans: list[tuple[int, int]] = field(default_factory=list)


def read_pasted(turn: str) -> Pasted:
    """Read dsub and docker run lines; each gives a container step and its settings."""
    result = Pasted()
    for match in list(LINE.finditer(turn)) or list(INLINE.finditer(turn)):
        text = match["c"].rstrip("` ")
        words = _words(text.replace("\\\n", " "))
        if words and words[0] == "sudo":
            words = words[1:]
        if not words:
            continue
        done = (
            _dsub(words, result.draft, text)
            if words[0] == "dsub"
            else _docker(words, result.draft, text)
        )
        if done:
            result.spans.append((match.start("c"), match.start("c") + len(text)))
    return result


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return []


def options(words: list[str], flags: frozenset[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Options with their values up to the first plain word, and the words from there on."""
    found: list[tuple[str, str]] = []
    i = 0
    while i < len(words):
        word = words[i]
        if not word.startswith("-") or word == "-":
            break
        name, equals, value = word.partition("=")
        if equals:
            found.append((name, value))
        elif name in flags or i + 1 >= len(words):
            found.append((name, ""))
        else:
            i += 1
            found.append((name, words[i]))
        i += 1
    return found, words[i:]


DSUB_FLAGS = frozenset(
    words(
        "--preemptible --wait --dry-run --skip --block-external-network "
        "--enable-stackdriver-monitoring --use-private-address --ssh"
    )
)


def _dsub(words: list[str], draft: Draft, quote: str) -> bool:
    given: dict[str, list[str]] = {}
    pairs, _ = options(_without_attempts(words[1:]), DSUB_FLAGS)
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    line = _Dsub(given)
    step = Step(kind="container", image=Asked(value=line.one("--image") or "ubuntu", quote=quote))
    command = line.one("--command") or line.one("--script")
    if command:
        step.text = Asked(value=command, quote=command)
    if "--block-external-network" in given:
        step.block_external_network = Asked(value=True, quote="--block-external-network")
    draft.steps.append(step)
    line.machine(draft)
    line.limits(draft)
    line.places(draft)
    for pair in given.get("--env", []):
        _variable(pair, draft)
    for pair in given.get("--label", []):
        name, _, value = pair.partition("=")
        draft.job_labels.append(Pair(name=name, value=value, quote=pair))
    return True


def _without_attempts(words: list[str]) -> list[str]:
    """Drop the number that dsub's --preemptible may carry (attempts before full price)."""
    return [
        word
        for i, word in enumerate(words)
        if not (word.isdecimal() and i > 0 and words[i - 1] == "--preemptible")
    ]


class _Dsub:
    """The options of a dsub line."""

    def __init__(self, given: dict[str, list[str]]) -> None:
        self.given = given

    def one(self, name: str) -> str:
        """The last value of an option, or nothing."""
        return self.given.get(name, [""])[-1]

    def asked(self, name: str) -> Asked[str] | None:
        """An option's value with its words."""
        value = self.one(name)
        return Asked(value=value, quote=f"{name} {value}") if value else None

    def number(self, name: str, scale: int = 1) -> Asked[int] | None:
        """An option's number, times a scale."""
        value = self.one(name)
        if not value.replace(".", "", 1).isdecimal():
            return None
        return Asked(value=round(float(value) * scale), quote=f"{name} {value}")

    def machine(self, draft: Draft) -> None:
        """Machine type, GPUs, boot disk, provisioning, account."""
        draft.machine_type = self.asked("--machine-type")
        draft.service_account = self.asked("--service-account")
        if "--preemptible" in self.given:
            draft.provisioning = Asked(value="SPOT", quote="--preemptible")
        size = self.number("--boot-disk-size")
        if size is not None:
            draft.boot_disk = BootDisk(size_gb=size)
        kind, count = self.one("--accelerator-type"), self.number("--accelerator-count")
        if kind:
            draft.gpus = Gpus(type=gpu_name(kind), count=count.value if count else 1, quote=kind)

    def limits(self, draft: Draft) -> None:
        """CPU, memory, time, retries."""
        draft.max_retries = self.number("--retries")
        draft.cpu_milli = self.number("--min-cores", 1000)
        draft.memory_mib = self.number("--min-ram", 1024)
        found = durations(self.one("--timeout"))
        if found:
            quote = f"--timeout {self.one('--timeout')}"
            draft.max_run_s = Asked(value=round(found[0].value), quote=quote)

    def places(self, draft: Draft) -> None:
        """Regions, zones, networks."""
        for name, kind in (
            ("--regions", "regions"),
            ("--location", "regions"),
            ("--zones", "zones"),
        ):
            for place in " ".join(self.given.get(name, [])).replace(",", " ").split():
                draft.locations.append(Asked(value=f"{kind}/{place}", quote=f"{name} {place}"))
        draft.network = self.asked("--network")
        draft.subnetwork = self.asked("--subnetwork")
        if "--use-private-address" in self.given:
            draft.no_external_ip = Asked(value=True, quote="--use-private-address")


def gpu_name(words: str) -> str:
    """Batch's name for a GPU, or the words as they are."""
    for pattern, kind in GPU_NAMES:
        if re.fullmatch(pattern, words, re.IGNORECASE):
            return kind
    return words


def _variable(pair: str, draft: Draft) -> None:
    for one in pair.split():
        name, equals, value = one.partition("=")
        if equals:
            draft.env.append(Pair(name=name, value=value, quote=one))


DOCKER_FLAGS = frozenset(
    words(
        "--rm -it -i -t -d -ti --interactive --tty --detach --init --privileged --read-only "
        "--no-healthcheck -P --publish-all"
    )
)
# Options of docker run that have a field of their own, or mean nothing in a job.
DOCKER_OWN = frozenset(
    words(
        "-v --volume -e --env --entrypoint --gpus --cpus -m --memory --name -w --workdir "
        "--rm -it -ti -i -t -d --interactive --tty --detach --mount"
    )
)


def _docker(words: list[str], draft: Draft, quote: str) -> bool:
    pairs, rest = options(words[2:], DOCKER_FLAGS)
    if not rest:
        return False
    step = Step(kind="container", image=Asked(value=rest[0], quote=quote))
    if any("$" in word for word in rest[1:]):
        command = quote[quote.index(rest[0]) + len(rest[0]) :].strip()
        step.text = Asked(value=command, quote=quote)
    elif len(rest) > 1:
        step.commands = Asked(value=rest[1:], quote=quote)
    others = [_docker_option(name, value, step, draft) for name, value in pairs]
    kept = " ".join(option for option in others if option)
    if kept:
        step.options = Asked(value=kept, quote=quote)
    draft.steps.append(step)
    return True


def _docker_option(name: str, value: str, step: Step, draft: Draft) -> str:
    """Put an option of docker run into its field; gives it back where it has none."""
    asked: Asked[str] = Asked(value=value, quote=f"{name} {value}")
    if name in ("-v", "--volume"):
        step.volumes.append(asked)
    elif name in ("-e", "--env"):
        _variable(value, draft)
    elif name == "--entrypoint":
        step.entrypoint = asked
    elif name in ("-w", "--workdir"):
        step.workdir = asked
    elif name == "--cpus" and value.replace(".", "", 1).isdecimal():
        draft.cpu_milli = Asked(value=round(float(value) * 1000), quote=asked.quote)
    elif name in ("-m", "--memory"):
        put_memory(value, asked.quote, draft)
    elif name not in DOCKER_OWN:
        return f"{name}={value}" if value and name.startswith("--") else f"{name} {value}".strip()
    return ""


def put_memory(value: str, quote: str, draft: Draft) -> None:
    """Set the memory from docker's or a cluster's words for it (512m, 16G)."""
    if value[-1:].lower() == "m" and value[:-1].isdecimal():
        draft.memory_mib = Asked(value=int(value[:-1]), quote=quote)
        return
    found = sizes(value)
    if found:
        draft.memory_mib = Asked(value=max(1, round(found[0].value)), quote=quote)
