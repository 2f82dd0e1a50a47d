"""Headers of cluster scripts (SLURM, Grid Engine, PBS, LSF) as settings of a Batch job."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from components.parse_intent.draft import Asked, Draft, Gpus
from components.parse_intent.offline.pasted import gpu_name, put_memory
from components.parse_intent.offline.segment import Payload

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
    return replace(payload, text=text, said=payload.text)


ARRAY = re.compile(
    r"(?:--array|-a|-t|-J)[= ]\[?(?P<a>\d+)-(?P<b>\d+)(?::(?P<s>\d+))?\]?(?:%(?P<p>\d+))?"
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
    for pattern, put in SETTINGS:
        match = pattern.search(option)
        if match is not None:
            put(draft, match, option)
    return 0


def _cpus(draft: Draft, match: re.Match[str], quote: str) -> None:
    draft.cpu_milli = Asked(value=int(match[1]) * 1000, quote=quote)


def _memory(draft: Draft, match: re.Match[str], quote: str) -> None:
    # SLURM counts in MiB where no unit is given.
    put_memory(match[1] if not match[1].isdecimal() else f"{match[1]}m", quote, draft)


def _time(draft: Draft, match: re.Match[str], quote: str) -> None:
    seconds = slurm_seconds(match[1])
    if seconds:
        draft.max_run_s = Asked(value=seconds, quote=quote)


def _gpus(draft: Draft, match: re.Match[str], quote: str) -> None:
    if match[1]:
        draft.gpus = Gpus(type=gpu_name(match[1]), count=int(match[2] or 1), quote=quote)


def _nodes(draft: Draft, match: re.Match[str], quote: str) -> None:
    if int(match[1]) > 1 and draft.task_count is None:
        draft.task_count = Asked(value=int(match[1]), quote=quote)
        draft.tasks_per_node = Asked(value=1, quote=quote)


Put = Callable[[Draft, "re.Match[str]", str], None]
SETTINGS: tuple[tuple[re.Pattern[str], Put], ...] = (
    (re.compile(r"(?:--cpus-per-task|-c|-pe \w+|-l ncpus)[= ](\d+)"), _cpus),
    (re.compile(r"(?:--mem|-l (?:h_vmem|mem|mem_free)|--mem-per-cpu)[= ](\d+\w*)"), _memory),
    (re.compile(r"(?:--time|-t|-l (?:h_rt|walltime)|-W)[= ]([\d:-]+)"), _time),
    (
        re.compile(
            r"(?:--gres[= ]gpu|--gpus(?:-per-task|-per-node)?[= ])[:=]?(?:([a-z]\w*):)?(\d+)?"
        ),
        _gpus,
    ),
    (re.compile(r"(?:--nodes|-N)[= ](\d+)(?![-\w])"), _nodes),
)


def slurm_seconds(text: str) -> int:
    """SLURM's time forms: minutes, MM:SS, HH:MM:SS, D-HH, D-HH:MM, D-HH:MM:SS."""
    days, dash, clock = text.rpartition("-")
    parts = [int(p) for p in clock.split(":") if p.isdecimal()]
    if not parts or (dash and not days.isdecimal()):
        return 0
    if dash:
        hours, minutes, seconds = [*parts, 0, 0][:3]
        return int(days) * 86400 + hours * 3600 + minutes * 60 + seconds
    if len(parts) == 1:
        return parts[0] * 60
    if len(parts) == 2:
        return parts[0] * 60 + parts[1]
    return parts[0] * 3600 + parts[1] * 60 + parts[2]
