"""What people paste: dsub and docker command lines, and headers of cluster scripts."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field

from components.parse_intent.draft import Asked, BootDisk, Draft, Gpus, Pair, Step
from components.parse_intent.offline.amounts import durations, sizes
from components.parse_intent.offline.segment import Payload
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
    rest = words[1:]
    if (
        "--preemptible" in rest
        and rest.index("--preemptible") + 1 < len(rest)
        and rest[rest.index("--preemptible") + 1].isdigit()
    ):
        rest = [*rest[: rest.index("--preemptible") + 1], *rest[rest.index("--preemptible") + 2 :]]
    pairs, _ = options(rest, DSUB_FLAGS)
    for name, value in pairs:
        given.setdefault(name, []).append(value)

    def one(name: str) -> str:
        return given.get(name, [""])[-1]

    step = Step(kind="container", image=Asked(value=one("--image") or "ubuntu:14.04", quote=quote))
    if one("--command"):
        step.text = Asked(value=one("--command"), quote=one("--command"))
    elif one("--script"):
        step.text = Asked(value=one("--script"), quote=one("--script"))
    draft.steps.append(step)
    if one("--machine-type"):
        draft.machine_type = Asked(
            value=one("--machine-type"), quote=f"--machine-type {one('--machine-type')}"
        )
    if "--preemptible" in given:
        draft.provisioning = Asked(value="SPOT", quote="--preemptible")
    if one("--boot-disk-size").isdigit():
        size = Asked(
            value=int(one("--boot-disk-size")), quote=f"--boot-disk-size {one('--boot-disk-size')}"
        )
        draft.boot_disk = BootDisk(size_gb=size)
    if one("--retries").isdigit():
        draft.max_retries = Asked(
            value=int(one("--retries")), quote=f"--retries {one('--retries')}"
        )
    if one("--service-account"):
        draft.service_account = Asked(
            value=one("--service-account"), quote=one("--service-account")
        )
    for option, kind in (("--regions", "regions"), ("--location", "regions"), ("--zones", "zones")):
        for place in " ".join(given.get(option, [])).replace(",", " ").split():
            draft.locations.append(Asked(value=f"{kind}/{place}", quote=f"{option} {place}"))
    if one("--accelerator-type"):
        count = int(one("--accelerator-count")) if one("--accelerator-count").isdigit() else 1
        draft.gpus = Gpus(
            type=gpu_name(one("--accelerator-type")), count=count, quote=one("--accelerator-type")
        )
    for pair in given.get("--env", []):
        _variable(pair, draft)
    for pair in given.get("--label", []):
        name, _, value = pair.partition("=")
        draft.job_labels.append(Pair(name=name, value=value, quote=pair))
    if one("--min-cores").replace(".", "", 1).isdigit():
        draft.cpu_milli = Asked(
            value=round(float(one("--min-cores")) * 1000), quote=f"--min-cores {one('--min-cores')}"
        )
    if one("--min-ram").replace(".", "", 1).isdigit():
        draft.memory_mib = Asked(
            value=round(float(one("--min-ram")) * 1024), quote=f"--min-ram {one('--min-ram')}"
        )
    if one("--timeout"):
        found = durations(one("--timeout"))
        if found:
            draft.max_run_s = Asked(
                value=round(found[0].value), quote=f"--timeout {one('--timeout')}"
            )
    if one("--network"):
        draft.network = Asked(value=one("--network"), quote=one("--network"))
    if one("--subnetwork"):
        draft.subnetwork = Asked(value=one("--subnetwork"), quote=one("--subnetwork"))
    if "--use-private-address" in given:
        draft.no_external_ip = Asked(value=True, quote="--use-private-address")
    if "--block-external-network" in given:
        step.block_external_network = Asked(value=True, quote="--block-external-network")
    return True


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
    if len(rest) > 1:
        if any("$" in word for word in rest[1:]):
            step.text = Asked(
                value=quote[quote.index(rest[0]) + len(rest[0]) :].strip(), quote=quote
            )
        else:
            step.commands = Asked(value=rest[1:], quote=quote)
    others: list[str] = []
    for name, value in pairs:
        if name in ("-v", "--volume"):
            step.volumes.append(Asked(value=value, quote=f"{name} {value}"))
        elif name in ("-e", "--env"):
            _variable(value, draft)
        elif name == "--entrypoint":
            step.entrypoint = Asked(value=value, quote=f"{name} {value}")
        elif name in ("-w", "--workdir"):
            step.workdir = Asked(value=value, quote=f"{name} {value}")
        elif name == "--cpus" and value.replace(".", "", 1).isdigit():
            draft.cpu_milli = Asked(value=round(float(value) * 1000), quote=f"{name} {value}")
        elif name in ("-m", "--memory"):
            _memory(value, f"{name} {value}", draft)
        elif name not in DOCKER_OWN:
            others.append(
                f"{name}={value}" if value and name.startswith("--") else f"{name} {value}".strip()
            )
    if others:
        step.options = Asked(value=" ".join(others), quote=quote)
    draft.steps.append(step)
    return True


def _memory(value: str, quote: str, draft: Draft) -> None:
    if value[-1:].lower() == "m" and value[:-1].isdigit():
        draft.memory_mib = Asked(value=int(value[:-1]), quote=quote)
        return
    found = sizes(value)
    if found:
        draft.memory_mib = Asked(value=max(1, round(found[0].value)), quote=quote)


HEADER = re.compile(r"^#(?:SBATCH|\$|PBS|BSUB)\s+(?P<o>.+?)\s*$", re.MULTILINE)
SLURM_NAMES = {
    "SLURM_ARRAY_TASK_ID": "BATCH_TASK_INDEX",
    "SLURM_PROCID": "BATCH_TASK_INDEX",
    "SLURM_ARRAY_TASK_COUNT": "BATCH_TASK_COUNT",
    "SGE_TASK_ID": "BATCH_TASK_INDEX",
    "PBS_ARRAYID": "BATCH_TASK_INDEX",
    "PBS_ARRAY_INDEX": "BATCH_TASK_INDEX",
    "LSB_JOBINDEX": "BATCH_TASK_INDEX",
}
SLURM_VARIABLE = re.compile(r"\$\{?(?P<n>" + "|".join(SLURM_NAMES) + r")\}?")


def read_cluster_script(payload: Payload, draft: Draft) -> Payload:
    """Take the settings from a script's #SBATCH lines; give the script with Batch's variables."""
    headers = [match["o"] for match in HEADER.finditer(payload.text)]
    if not headers and not SLURM_VARIABLE.search(payload.text):
        return payload
    first = 0
    for header in headers:
        first = _header(header, draft) or first
    text = re.sub(r"^#(?:SBATCH|\$|PBS|BSUB)\b.*\n?", "", payload.text, flags=re.MULTILINE)

    def batch_name(match: re.Match[str]) -> str:
        name = SLURM_NAMES[match["n"]]
        if first and name == "BATCH_TASK_INDEX":
            return f"$((BATCH_TASK_INDEX + {first}))"
        return f"${{{name}}}"

    text = SLURM_VARIABLE.sub(batch_name, text)
    return Payload(payload.start, payload.end, text, payload.role, payload.lang, payload.fenced)


ARRAY = re.compile(
    r"(?:--array|-a|-t|-J)[= ]\[?(?P<a>\d+)-(?P<b>\d+)(?::(?P<s>\d+))?\]?(?:%(?P<p>\d+))?"
)
SBATCH = (
    ("cpu", re.compile(r"(?:--cpus-per-task|-c|-pe \w+|-l ncpus)[= ](\d+)")),
    ("memory", re.compile(r"(?:--mem|-l (?:h_vmem|mem|mem_free)|--mem-per-cpu)[= ](\d+\w*)")),
    ("time", re.compile(r"(?:--time|-t|-l (?:h_rt|walltime)|-W)[= ]([\d:-]+)")),
    (
        "gpu",
        re.compile(
            r"(?:--gres[= ]gpu|--gpus(?:-per-task|-per-node)?[= ])[:=]?(?:([a-z]\w*):)?(\d+)?"
        ),
    ),
    ("nodes", re.compile(r"(?:--nodes|-N)[= ](\d+)(?![-\w])")),
)


def _header(option: str, draft: Draft) -> int:
    """Read one header line; gives the array's first index."""
    array = ARRAY.search(option)
    if array:
        low, high, step = int(array["a"]), int(array["b"]), int(array["s"] or 1)
        draft.task_count = Asked(value=(high - low) // step + 1, quote=option)
        if array["p"]:
            draft.parallelism = Asked(value=int(array["p"]), quote=option)
        return low if step == 1 else 0
    for kind, pattern in SBATCH:
        match = pattern.search(option)
        if match is None:
            continue
        if kind == "cpu":
            draft.cpu_milli = Asked(value=int(match[1]) * 1000, quote=option)
        elif kind == "memory":
            _memory(match[1] if not match[1].isdigit() else f"{match[1]}m", option, draft)
        elif kind == "time":
            seconds = slurm_seconds(match[1])
            if seconds:
                draft.max_run_s = Asked(value=seconds, quote=option)
        elif kind == "gpu" and match[1]:
            draft.gpus = Gpus(type=gpu_name(match[1]), count=int(match[2] or 1), quote=option)
        elif kind == "nodes" and int(match[1]) > 1 and draft.task_count is None:
            draft.task_count = Asked(value=int(match[1]), quote=option)
            draft.tasks_per_node = Asked(value=1, quote=option)
    return 0


def slurm_seconds(text: str) -> int:
    """SLURM's time forms: minutes, MM:SS, HH:MM:SS, D-HH, D-HH:MM, D-HH:MM:SS."""
    days, dash, clock = text.rpartition("-")
    parts = [int(p) for p in clock.split(":") if p.isdigit()]
    if not parts or (dash and not days.isdigit()):
        return 0
    if dash:
        hours, minutes, seconds = [*parts, 0, 0][:3]
        return int(days) * 86400 + hours * 3600 + minutes * 60 + seconds
    if len(parts) == 1:
        return parts[0] * 60
    if len(parts) == 2:
        return parts[0] * 60 + parts[1]
    return parts[0] * 3600 + parts[1] * 60 + parts[2]
