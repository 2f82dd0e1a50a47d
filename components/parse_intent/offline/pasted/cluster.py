"""What a cluster's headers ask for, whichever scheduler they are for, as a job of Batch.

slurm.py, pbs.py, sge.py and lsf.py read the options; here they become fields, and the scheduler's
variables in the script become Batch's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from components.parse_intent.draft import Asked, Gpus, Pair
from components.parse_intent.offline.pasted.amounts import gpu_name, known_gpu
from components.parse_intent.offline.pasted.docker_run import gpus as gpus_of_no_type
from components.parse_intent.offline.pasted.part import Part
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.payloads import Payload


@dataclass
class Wish:
    """What headers ask for; each entry of `said` is a value and the words for it.

    Names: count, first, step, indexes, limit, cores (per task), tasks (in all), tasks_per_node,
    nodes, mem (MiB of a node), mem_per_core, mem_per_gpu, seconds, gpu_type, gpus, name,
    exclusive, retries.
    """

    said: dict[str, tuple[Any, str]] = field(default_factory=dict)
    env: list[Pair] = field(default_factory=list)
    part: Part = field(default_factory=Part)

    def want(self, name: str, value: Any, quote: str) -> None:
        """Note a value with its words; one that could not be read is reported instead."""
        if value is None or value == "":
            self.part.leave(quote, "this value cannot be read")
        else:
            self.said[name] = (value, quote)

    def value(self, name: str, default: Any = None) -> Any:
        """A value, or the default."""
        return self.said[name][0] if name in self.said else default

    def quote(self, *names: str) -> str:
        """The words for the first of these that was asked."""
        return next((self.said[name][1] for name in names if name in self.said), "")


ARRAY = Pattern(
    r"\[?(?P<list>\d{1,9}(?:-\d{1,9}(?::\d{1,6})?)?(?:,\d{1,9}(?:-\d{1,9}(?::\d{1,6})?)?)*)\]?"
    r"(?:%(?P<limit>\d{1,6}))?"
)
MOST_LISTED = 500


def array(wish: Wish, text: str, quote: str) -> None:
    """An array's indexes: A-B, A-B:STEP, a list, each with %LIMIT; one number is one index."""
    match = ARRAY.fullmatch(text.strip())
    if match is None:
        wish.part.leave(quote, "this array cannot be read")
        return
    if match["limit"]:
        wish.want("limit", int(match["limit"]), quote)
    pieces = [_range(piece) for piece in match["list"].split(",")]
    if len(pieces) == 1:
        low, high, step = pieces[0]
        wish.want("count", max(0, (high - low) // step + 1), quote)
        wish.want("first", low, quote)
        wish.want("step", step, quote)
        return
    total = sum(max(0, (high - low) // step + 1) for low, high, step in pieces)
    if total > MOST_LISTED:
        wish.part.leave(quote, f"more than {MOST_LISTED} listed indexes; give a range")
        return
    indexes = [i for low, high, step in pieces for i in range(low, high + 1, step)]
    wish.want("count", len(indexes), quote)
    wish.want("indexes", indexes, quote)


def _range(piece: str) -> tuple[int, int, int]:
    bounds, _, step = piece.partition(":")
    low, dash, high = bounds.partition("-")
    return int(low), int(high) if dash else int(low), max(1, int(step or 1))


def variables(value: str, quote: str, wish: Wish) -> None:
    """-v A=1,B of qsub: a name alone would take its value from the person's shell."""
    for piece in value.split(","):
        name, equals, text = piece.partition("=")
        if equals:
            wish.env.append(Pair(name=name.strip(), value=text.strip("\"'"), quote=quote))
        else:
            wish.part.leave(quote, "the variables of your shell do not reach a Batch VM")


def retried(value: str, quote: str, wish: Wish) -> None:
    """-r y or -r n of qsub: whether a lost job runs again."""
    if value.lower() in ("n", "no"):
        wish.want("retries", 0, quote)
    else:
        wish.part.leave(quote, "say how often a task may be retried")


def fill(wish: Wish) -> Part:
    """The fields of the job for what the headers ask."""
    part, draft = wish.part, wish.part.draft
    nodes, cores = wish.value("nodes", 1), _cores(wish)
    if "count" in wish.said:
        part.put("task_count", wish.value("count"), wish.quote("count"))
        if "limit" in wish.said:
            part.put("parallelism", wish.value("limit"), wish.quote("limit"))
    if nodes > 1:
        _several_nodes(wish, nodes)
    if cores:
        quote = wish.quote("cores", "tasks_per_node", "tasks")
        part.put("cpu_milli", cores * 1000, quote)
    _memory(wish, cores or 1)
    if "seconds" in wish.said:
        part.put("max_run_s", wish.value("seconds"), wish.quote("seconds"))
    if "exclusive" in wish.said:
        part.put("tasks_per_node", 1, wish.quote("exclusive"))
    if "retries" in wish.said:
        part.put("max_retries", wish.value("retries"), wish.quote("retries"))
    _gpus(wish)
    draft.env += wish.env
    return part


def _cores(wish: Wish) -> int:
    """Cores of a Batch task: of all the processes that one node runs."""
    each = wish.value("cores", 1)
    on_node = wish.value("tasks_per_node")
    if on_node is None:
        nodes = wish.value("nodes", 1)
        on_node = -(-wish.value("tasks", 1) // max(1, nodes))
    asked = wish.said.keys() & {"cores", "tasks_per_node", "tasks"}
    return int(each * on_node) if asked and (each * on_node > 1 or "cores" in wish.said) else 0


def _several_nodes(wish: Wish, nodes: int) -> None:
    """A job over several nodes: a task on each, all at once, that know and reach each other.

    As in Batch's own MPI sample (taskCountPerNode 1, requireHostsFile, permissiveSsh).
    """
    part, quote = wish.part, wish.quote("nodes")
    if "count" in wish.said:
        part.leave(quote, "an array of jobs over several nodes each is one Batch job for each")
        return
    part.put("task_count", nodes, quote)
    part.put("parallelism", nodes, quote)
    part.put("tasks_per_node", 1, quote)
    part.put("require_hosts_file", True, quote)
    part.put("permissive_ssh", True, quote)


def _memory(wish: Wish, cores: int) -> None:
    for name, times in (
        ("mem", 1),
        ("mem_per_core", cores),
        ("mem_per_gpu", max(1, wish.value("gpus", 1))),
    ):
        if name in wish.said:
            wish.part.put("memory_mib", wish.value(name) * times, wish.quote(name))
            return


def _gpus(wish: Wish) -> None:
    if "gpus" not in wish.said and "gpu_type" not in wish.said:
        return
    count, kind = max(1, wish.value("gpus", 1)), wish.value("gpu_type", "")
    quote = wish.quote("gpus", "gpu_type")
    if known_gpu(kind):
        wish.part.draft.gpus = Gpus(type=gpu_name(kind), count=count, quote=quote)
    else:
        gpus_of_no_type(str(count), quote, wish.part)


# Other schedulers' variables with what stands for them on Batch. An index counts from the array's
# first one; NUMBER is what the headers say. Sources: sbatch(1) OUTPUT ENVIRONMENT VARIABLES,
# PBS Professional user's guide 2.1, SGE submit(1), LSF "Environment variables set for job
# execution"; BATCH_NODE_* and BATCH_JOB_UID are in Google's samples only.
INDEXES = ("SLURM_ARRAY_TASK_ID", "SGE_TASK_ID", "PBS_ARRAYID", "PBS_ARRAY_INDEX", "LSB_JOBINDEX")
RENAMED = {
    "SLURM_PROCID": "${BATCH_TASK_INDEX}",
    "SLURM_ARRAY_TASK_COUNT": "${BATCH_TASK_COUNT}",
    "SLURM_NODEID": "${BATCH_NODE_INDEX}",
    "SLURM_NNODES": "${BATCH_NODE_COUNT}",
    "SLURM_JOB_NUM_NODES": "${BATCH_NODE_COUNT}",
    "SLURM_SUBMIT_DIR": "${PWD}",
    "SLURM_TMPDIR": "/tmp",  # noqa: S108 - a place on the VM
    "PBS_O_WORKDIR": "${PWD}",
    "SGE_O_WORKDIR": "${PWD}",
    "LS_SUBCWD": "${PWD}",
    "PBS_NODEFILE": "${BATCH_HOSTS_FILE}",
    "PE_HOSTFILE": "${BATCH_HOSTS_FILE}",
    "SLURM_JOB_ID": "${BATCH_JOB_UID}",
    "SLURM_JOBID": "${BATCH_JOB_UID}",
    "SLURM_ARRAY_JOB_ID": "${BATCH_JOB_UID}",
    "PBS_JOBID": "${BATCH_JOB_UID}",
    "LSB_JOBID": "${BATCH_JOB_UID}",
}
CORES = ("SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE", "NSLOTS", "PBS_NP", "NCPUS", "PBS_NUM_PPN",
         "LSB_DJOB_NUMPROC", "SLURM_NTASKS_PER_NODE", "SLURM_NTASKS", "SLURM_NPROCS")  # fmt: skip
ENDS = {"SLURM_ARRAY_TASK_MIN": 0, "SGE_TASK_FIRST": 0, "SLURM_ARRAY_TASK_MAX": 1,
        "SGE_TASK_LAST": 1, "SGE_TASK_STEPSIZE": 2, "SLURM_ARRAY_TASK_STEP": 2}  # fmt: skip
VARIABLE = Pattern(
    r"\$(?:\{(?P<a>"
    + "|".join((*INDEXES, *RENAMED, *CORES, *ENDS))
    + r")(?P<op>:?[-?=+][^}\n]*)?\}"
    r"|(?P<b>" + "|".join((*INDEXES, *RENAMED, *CORES, *ENDS)) + r")\b)"
)
BARE = Pattern(r"\b(?:" + "|".join(INDEXES) + r")\b")


def in_batch_words(payload: Payload) -> Payload:
    """A command or script of the prose with Batch's variables in the place of a scheduler's."""
    if not VARIABLE.search(payload.text):
        return payload
    return replace(payload, text=rename(payload.text, Wish()), said=payload.text)


def rename(text: str, wish: Wish) -> str:
    """A script with Batch's variables in the place of the scheduler's."""
    indexes = wish.value("indexes")
    numbered = _listed_index(indexes) if indexes else _index(wish)

    def batch_name(match: re.Match[str]) -> str:
        name = match["a"] or match["b"]
        if name in INDEXES:
            return f"${{{name}}}" if indexes else numbered
        if name in RENAMED:
            return RENAMED[name]
        if name in ENDS:
            return _end(wish, ENDS[name])
        number = _number(wish, name)
        return str(number) if number else "$(nproc)"

    changed = VARIABLE.sub(batch_name, text)
    bare = list(dict.fromkeys(BARE.findall(changed)))  # in $((...)), or read by a program
    if not bare:
        return changed
    if not re.match(r"#!.*\b(?:ba|da|z|k)?sh\b", text) and text.startswith("#!"):
        return _in_other_language(changed, wish)
    return _with_first_line(changed, "\n".join(f"export {name}={numbered}" for name in bare))


def _in_other_language(text: str, wish: Wish) -> str:
    """A script that is no shell's reads Batch's own variable, which counts from 0."""
    if wish.value("first", 0) or wish.value("step", 1) != 1 or wish.value("indexes"):
        quote = wish.quote("count")
        wish.part.leave(quote, "BATCH_TASK_INDEX counts 0, 1, 2, …: change that in the script")
    return BARE.sub("BATCH_TASK_INDEX", text)


def _index(wish: Wish) -> str:
    first, step = wish.value("first", 0), wish.value("step", 1)
    if not first and step == 1:
        return "${BATCH_TASK_INDEX}"
    times = f" * {step}" if step != 1 else ""
    plus = f" + {first}" if first else ""
    return f"$((BATCH_TASK_INDEX{times}{plus}))"


def _listed_index(indexes: list[int]) -> str:
    """The index-th number of a list, in any shell."""
    numbers = " ".join(str(index) for index in indexes)
    return f"$(echo {numbers} | cut -d' ' -f$((BATCH_TASK_INDEX + 1)))"


def _end(wish: Wish, which: int) -> str:
    first, step, count = wish.value("first", 0), wish.value("step", 1), wish.value("count", 1)
    return str((first, first + (count - 1) * step, step)[which])


def _number(wish: Wish, name: str) -> int:
    """How many cores or processes the headers asked, where a variable stands for that."""
    if name in ("SLURM_NTASKS", "SLURM_NPROCS"):
        on_node = wish.value("tasks_per_node", 0) * wish.value("nodes", 1)
        return int(wish.value("tasks", 0) or on_node)
    if name == "SLURM_NTASKS_PER_NODE":
        return int(wish.value("tasks_per_node", 0))
    if name == "SLURM_CPUS_PER_TASK":
        return int(wish.value("cores", 0))
    return _cores(wish)


def _with_first_line(text: str, line: str) -> str:
    if text.startswith("#!"):
        first, _, rest = text.partition("\n")
        return f"{first}\n{line}\n{rest}"
    return f"{line}\n{text}"


def named_step(wish: Wish) -> Asked[str] | None:
    """The job's name in the cluster as the name of the step; Batch names jobs by their id."""
    if "name" not in wish.said:
        return None
    return Asked(value=wish.value("name"), quote=wish.quote("name"))
