"""Slurm: the options of #SBATCH lines and of sbatch (slurm.schedmd.com/sbatch.html)."""

from __future__ import annotations

import re

from components.parse_intent.draft import Pair
from components.parse_intent.offline.pasted.amounts import mib, slurm_seconds
from components.parse_intent.offline.pasted.cluster import Wish, array
from components.parse_intent.offline.pasted.shell_words import Option

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
    "signal": "Batch sends no signal before the time limit",
    "tmp": "say how large a disk should be",
}
GRES = re.compile(r"(?:gpu:)?(?:(?P<t>[A-Za-z][\w-]*):)?(?P<n>\d{1,2})(?:\(.*\))?")


def option(given: Option, wish: Wish) -> None:
    """Put one option into the wish."""
    name = SHORT.get(given.name, given.name.lstrip("-"))
    value, quote = given.value.strip(), given.quote
    if name == "array":
        array(wish, value, quote)
    elif name in NUMBERS:
        number = re.match(r"\d{1,9}", value)  # --nodes=1-4 asks for at least one
        wish.want(NUMBERS[name], int(number[0]) if number else None, quote)
    elif name in MEMORY:
        _memory(MEMORY[name], value, quote, wish)
    elif name == "time":
        wish.want("seconds", slurm_seconds(value) or None, quote)
    elif name in ("gres", "gpus", "gpus-per-node", "gpus-per-task"):
        _gpus(value, quote, wish)
    elif name == "job-name":
        wish.want("name", value, quote)
    elif name == "exclusive":
        wish.want("exclusive", True, quote)
    elif name in ("no-requeue", "requeue"):
        _requeue(name, quote, wish)
    elif name == "export":
        _export(value, quote, wish)
    elif name == "chdir":
        wish.want("workdir", value, quote)
    elif name not in ("parsable", "wait", "W", "H", "hold", "verbose", "v"):
        wish.part.leave(quote, WITHOUT_FIELD.get(name, "Batch has no such setting"))


NUMBERS = {
    "ntasks": "tasks",
    "nodes": "nodes",
    "cpus-per-task": "cores",
    "ntasks-per-node": "tasks_per_node",
    "mincpus": "cores",
}
MEMORY = {"mem": "mem", "mem-per-cpu": "mem_per_core", "mem-per-gpu": "mem_per_gpu"}


def _memory(name: str, value: str, quote: str, wish: Wish) -> None:
    """Slurm counts in MiB where no unit is given; 0 is all that the node has."""
    if value == "0":
        wish.part.leave(quote, "all memory of a node: say how much a task needs")
    else:
        wish.want(name, mib(value, "m"), quote)


def _gpus(value: str, quote: str, wish: Wish) -> None:
    for piece in value.split(","):
        if piece == "gpu":
            piece = "gpu:1"
        elif re.fullmatch(r"gpu:[A-Za-z][\w-]*", piece):
            piece = f"{piece}:1"
        match = GRES.fullmatch(piece)
        if match is None or (match["t"] in ("tmp", "nvme", "ssd", "fs", "craynetwork")):
            wish.part.leave(quote, "Batch has no such resource")
            continue
        wish.want("gpus", int(match["n"]), quote)
        if match["t"] and match["t"] != "gpu":
            wish.want("gpu_type", match["t"], quote)


def _requeue(name: str, quote: str, wish: Wish) -> None:
    if name == "no-requeue":
        wish.want("retries", 0, quote)
    else:
        wish.part.leave(quote, "say how often a task may be retried")


def _export(value: str, quote: str, wish: Wish) -> None:
    for piece in value.split(","):
        name, equals, text = piece.partition("=")
        if equals:
            wish.env.append(Pair(name=name, value=text, quote=quote))
        elif name.upper() not in ("ALL", "NONE"):
            wish.part.leave(quote, "the variables of your shell do not reach a Batch VM")
