"""Grid Engine: the options of #$ lines and of its qsub (Open Grid Scheduler, submit(1))."""

from __future__ import annotations

import re

from components.parse_intent.offline.pasted.amounts import clock, mib
from components.parse_intent.offline.pasted.cluster import Wish, array, retried, variables
from components.parse_intent.offline.pasted.shell_words import Option

SWITCHES = frozenset(("-V", "-cwd", "-notify", "-h", "-verify", "-clear"))
WITHOUT_FIELD = {
    "-q": "Batch has no queues; machine type and location choose where it runs",
    "-P": "Batch bills the project",
    "-A": "Batch bills the project",
    "-o": "the output goes to Cloud Logging",
    "-e": "the output goes to Cloud Logging",
    "-j": "the output goes to Cloud Logging",
    "-m": "Batch sends Pub/Sub messages, not mail; name a topic for that",
    "-M": "Batch sends Pub/Sub messages, not mail; name a topic for that",
    "-hold_jid": "a Batch job does not wait for another one; submit it when that has ended",
    "-hold_jid_ad": "a Batch job does not wait for another one; submit it when that has ended",
    "-V": "the variables of your shell do not reach a Batch VM",
    "-cwd": "the directory you submit from is not on a Batch VM",
    "-p": "Batch's priorities go from 0 to 99; say which",
}
OF_ITSELF = ("-S", "-sync", "-b", "-terse", "-now", "-notify", "-shell")
# Memory is asked for each slot (complex(5): consumable YES is debited by slots).
PER_SLOT = ("h_vmem", "s_vmem", "mem_free", "virtual_free", "mem", "mem_req", "h_rss", "m_mem_free")


def option(given: Option, wish: Wish) -> None:
    """Put one option into the wish."""
    name, value, quote = given.name, given.value.strip(), given.quote
    if name == "-t":
        array(wish, value, quote)
    elif name in NUMBERS:
        number = re.search(r"(\d{1,6})\s*$", value)  # -pe smp 4, -pe mpi 4-8
        wish.want(NUMBERS[name], int(number[1]) if number else None, quote)
    elif name in TEXTS:
        wish.want(TEXTS[name], value, quote)
    elif name == "-l":
        for piece in value.split(","):
            key, _, amount = piece.partition("=")
            _resource(key.strip(), amount.strip(), quote, wish)
    elif name == "-v":
        variables(value, quote, wish)
    elif name == "-r":
        retried(value, quote, wish)
    elif name not in OF_ITSELF:
        wish.part.leave(quote, WITHOUT_FIELD.get(name, "Batch has no such setting"))


NUMBERS = {"-tc": "limit", "-pe": "cores"}
TEXTS = {"-N": "name", "-wd": "workdir"}


def _resource(key: str, value: str, quote: str, wish: Wish) -> None:
    if key in ("h_rt", "s_rt"):
        wish.want("seconds", clock(value, 1), quote)
    elif key in PER_SLOT:
        wish.want("mem_per_core", mib(value, "b"), quote)
    elif key in ("gpu", "gpus", "ngpus", "cuda", "gpu_card"):
        wish.want("gpus", int(value) if value.isdecimal() else 1, quote)
    elif key in ("gpu_type", "gpu_model", "gputype"):
        wish.want("gpu_type", value, quote)
    elif key in ("ncpus", "num_proc", "slots"):
        wish.want("cores", int(value) if value.isdecimal() else None, quote)
    elif key == "exclusive":
        wish.want("exclusive", True, quote)
    else:
        wish.part.leave(f"-l {key}={value}".rstrip("="), "Batch has no such resource")
