"""Slurm: the options of #SBATCH lines and of sbatch (slurm.schedmd.com/sbatch.html)."""

from __future__ import annotations

import re

from components.parse_intent.draft import Pair
from components.parse_intent.offline.pasted.amounts import mib, slurm_seconds
from components.parse_intent.offline.pasted.cluster import Wish, array
from components.parse_intent.offline.pasted.shell_words import Option
from components.parse_intent.offline.pattern import Pattern

SHORT = {
    "-a": "array", "-J": "job-name", "-n": "ntasks", "-N": "nodes", "-c": "cpus-per-task",
    "-t": "time", "-p": "partition", "-A": "account", "-o": "output", "-e": "error",
    "-G": "gpus", "-d": "dependency", "-q": "qos", "-C": "constraint", "-D": "chdir",
    "-w": "nodelist", "-x": "exclude", "-L": "licenses", "-M": "clusters", "-b": "begin",
}  # fmt: skip
SWITCHES = frozenset(
    ("--exclusive", "--requeue", "--no-requeue", "--parsable", "-H", "--hold", "-W", "--wait")
)
WITHOUT_FIELD = {
    "partition": "Batch has no partitions; machine type and location choose where it runs",
    "account": "Batch bills the project",
    "qos": "Batch has no QOS; a priority from 0 to 99 can be given",
    "output": "the output goes to Cloud Logging",
    "error": "the output goes to Cloud Logging",
    "open-mode": "the output goes to Cloud Logging",
    "mail-type": "Batch sends Pub/Sub messages, not mail; name a topic for that",
    "mail-user": "Batch sends Pub/Sub messages, not mail; name a topic for that",
    "dependency": "a Batch job does not wait for another one; submit it when that has ended",
    "constraint": "name a machine type instead",
    "nodelist": "Batch makes its VMs anew for every job",
    "exclude": "Batch makes its VMs anew for every job",
    "reservation": "name a Compute Engine reservation instead",
    "licenses": "Batch counts no licences; limit how many tasks run at once",
    "begin": "Batch starts a job at once; a schedule runs it later",
    "wckey": "Batch has no such key; use a label",
    "nice": "Batch has no such value; a priority from 0 to 99 can be given",
    "get-user-env": "there is no login environment on a Batch VM",
    "requeue": "say how often a task may be retried",
    "signal": "Batch sends no signal before the time limit",
    "tmp": "say how large a disk should be",
}
GRES = Pattern(r"(?:gpu:)?(?:(?P<t>[A-Za-z][\w-]*):)?(?P<n>\d{1,2})(?:\(.*\))?")


def option(given: Option, wish: Wish) -> None:
    """Put one option into the wish."""
    name = SHORT.get(given.name, given.name.lstrip("-"))
    value, quote = given.value.strip(), given.quote
    if name in NUMBERS:
        number = re.match(r"\d{1,9}", value)  # --nodes=1-4 asks for at least one
        wish.want(NUMBERS[name], int(number[0]) if number else None, quote)
    elif name in MEMORY:
        _memory(MEMORY[name], value, quote, wish)
    elif name in TEXTS:
        wish.want(TEXTS[name], value, quote)
    elif name in READERS:
        READERS[name](value, quote, wish)
    elif name in ("no-requeue", "exclusive"):
        wish.want(*{"no-requeue": ("retries", 0), "exclusive": ("exclusive", True)}[name], quote)
    elif name not in ("parsable", "wait", "W", "H", "hold", "verbose", "v"):
        wish.part.leave(quote, WITHOUT_FIELD.get(name, "Batch has no such setting"))


NUMBERS = {
    "ntasks": "tasks",
    "nodes": "nodes",
    "cpus-per-task": "cores",
    "ntasks-per-node": "tasks_per_node",
    "mincpus": "cores",
}
TEXTS = {"job-name": "name", "chdir": "workdir"}
MEMORY = {"mem": "mem", "mem-per-cpu": "mem_per_core", "mem-per-gpu": "mem_per_gpu"}


def _memory(name: str, value: str, quote: str, wish: Wish) -> None:
    """Slurm counts in MiB where no unit is given; 0 is all that the node has."""
    if value == "0":
        wish.part.leave(quote, "all memory of a node: say how much a task needs")
    else:
        wish.want(name, mib(value, "m"), quote)


def _gpus(value: str, quote: str, wish: Wish) -> None:
    for piece in value.split(","):
        counted = re.fullmatch(r"gpu(?::[A-Za-z][\w-]*)?", piece) is None
        match = GRES.fullmatch(piece if counted else f"{piece}:1")
        if match is None or (match["t"] in ("tmp", "nvme", "ssd", "fs", "craynetwork")):
            wish.part.leave(quote, "Batch has no such resource")
            continue
        wish.want("gpus", int(match["n"]), quote)
        if match["t"] and match["t"] != "gpu":
            wish.want("gpu_type", match["t"], quote)


def _export(value: str, quote: str, wish: Wish) -> None:
    for piece in value.split(","):
        name, equals, text = piece.partition("=")
        if equals:
            wish.env.append(Pair(name=name, value=text, quote=quote))
        elif name.upper() not in ("ALL", "NONE"):
            wish.part.leave(quote, "the variables of your shell do not reach a Batch VM")


def _array(value: str, quote: str, wish: Wish) -> None:
    array(wish, value, quote)


def _time(value: str, quote: str, wish: Wish) -> None:
    wish.want("seconds", slurm_seconds(value) or None, quote)


READERS = {
    "array": _array,
    "time": _time,
    "export": _export,
    "gres": _gpus,
    "gpus": _gpus,
    "gpus-per-node": _gpus,
    "gpus-per-task": _gpus,
}
