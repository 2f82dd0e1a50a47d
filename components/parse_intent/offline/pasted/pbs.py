"""PBS Professional and Torque: the options of #PBS lines and of their qsub.

PBS Professional reference guide, qsub; Torque qsub(1).
"""

from __future__ import annotations

import re

from components.parse_intent.offline.pasted.amounts import clock, mib
from components.parse_intent.offline.pasted.cluster import Wish, array, retried, variables
from components.parse_intent.offline.pasted.shell_words import Option
from components.parse_intent.offline.pattern import Pattern

SWITCHES = frozenset(("-V", "-I", "-X", "-z", "-h", "-f"))
WITHOUT_FIELD = {
    "-q": "Batch has no queues; machine type and location choose where it runs",
    "-A": "Batch bills the project",
    "-P": "Batch bills the project",
    "-o": "the output goes to Cloud Logging",
    "-e": "the output goes to Cloud Logging",
    "-j": "the output goes to Cloud Logging",
    "-k": "the output goes to Cloud Logging",
    "-m": "Batch sends Pub/Sub messages, not mail; name a topic for that",
    "-M": "Batch sends Pub/Sub messages, not mail; name a topic for that",
    "-W": "a Batch job does not wait for another one; submit it when that has ended",
    "-V": "the variables of your shell do not reach a Batch VM",
    "-p": "Batch's priorities go from 0 to 99; say which",
    "-a": "Batch starts a job at once; a schedule runs it later",
}
PIECE = Pattern(r"(?P<k>[\w.]+)=(?P<v>[^,:+]*(?::\d\d(?::\d\d)?)*)")


def option(given: Option, wish: Wish) -> None:
    """Put one option into the wish."""
    name, value, quote = given.name, given.value.strip(), given.quote
    if name in ("-J", "-t"):
        array(wish, value, quote)
    elif name == "-N":
        wish.want("name", value, quote)
    elif name == "-l":
        _resources(value, quote, wish)
    elif name == "-v":
        variables(value, quote, wish)
    elif name == "-r":
        retried(value, quote, wish)
    elif name in ("-d", "-w"):
        wish.want("workdir", value, quote)
    elif name != "-S":  # the shell stands in the script's first line
        wish.part.leave(quote, WITHOUT_FIELD.get(name, "Batch has no such setting"))


def _resources(value: str, quote: str, wish: Wish) -> None:
    """-l select=2:ncpus=8:mem=4gb, -l nodes=1:ppn=4,walltime=1:00:00."""
    if "+" in value:
        wish.part.leave(quote, "nodes of several kinds are several jobs on Batch")
        return
    for match in PIECE.finditer(value):
        _resource(match["k"].lower(), match["v"].strip("\"'"), quote, wish)
    for flag in re.findall(r"(?:^|[,:])([a-z]\w*)(?=[,:]|$)", value):
        wish.part.leave(f"{quote}: {flag}", "name a machine type instead")


NUMBERS = {"select": "nodes", "nodes": "nodes", "ppn": "cores", "ncpus": "cores", "gpus": "gpus",
           "ngpus": "gpus", "procs": "cores"}  # fmt: skip


def _resource(key: str, value: str, quote: str, wish: Wish) -> None:
    if key in NUMBERS:
        wish.want(NUMBERS[key], int(value) if value.isdecimal() else None, quote)
    elif key in ("walltime", "cput"):
        wish.want("seconds", clock(value, 1), quote)
    elif key in ("mem", "vmem"):
        wish.want("mem", mib(value, "b"), quote)
    elif key in ("pmem", "pvmem"):
        wish.want("mem_per_core", mib(value, "b"), quote)
    elif key in ("gpu_model", "gpu_type", "accelerator_model"):
        wish.want("gpu_type", value, quote)
    elif key not in ("mpiprocs", "ompthreads"):
        wish.part.leave(f"{key}={value}", "Batch has no such resource")
