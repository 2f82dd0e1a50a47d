"""LSF: the options of #BSUB lines and of bsub (IBM Spectrum LSF command reference, bsub)."""

from __future__ import annotations

import re

from components.parse_intent.offline.pasted.amounts import mib
from components.parse_intent.offline.pasted.cluster import Wish, array
from components.parse_intent.offline.pasted.shell_words import Option
from components.parse_intent.offline.pattern import Pattern

SWITCHES = frozenset(("-x", "-B", "-N", "-r", "-rn", "-K", "-I", "-H"))
WITHOUT_FIELD = {
    "-q": "Batch has no queues; machine type and location choose where it runs",
    "-P": "Batch bills the project",
    "-G": "Batch bills the project",
    "-o": "the output goes to Cloud Logging",
    "-oo": "the output goes to Cloud Logging",
    "-e": "the output goes to Cloud Logging",
    "-eo": "the output goes to Cloud Logging",
    "-u": "Batch sends Pub/Sub messages, not mail; name a topic for that",
    "-B": "Batch sends Pub/Sub messages, not mail; name a topic for that",
    "-N": "Batch sends Pub/Sub messages, not mail; name a topic for that",
    "-w": "a Batch job does not wait for another one; submit it when that has ended",
    "-m": "Batch makes its VMs anew for every job",
    "-r": "say how often a task may be retried",
}
NAME = Pattern(r"(?P<n>[^\[\]%]*)(?:\[(?P<a>[^\[\]]*)\])?(?:%(?P<l>\d{1,6}))?")


def option(given: Option, wish: Wish) -> None:
    """Put one option into the wish."""
    name, value, quote = given.name, given.value.strip().strip("\"'"), given.quote
    if name == "-J":
        _name(value, quote, wish)
    elif name == "-n":
        cores = re.match(r"\d{1,6}", value)
        wish.want("cores", int(cores[0]) if cores else None, quote)
    elif name in ("-W", "-We"):
        wish.want("seconds", _run_limit(value), quote)
    elif name == "-R":
        _resources(value, quote, wish)
    elif name == "-gpu":
        _gpus(value, quote, wish)
    elif name in ("-M", "-x", "-rn", "-cwd"):
        # -M is in MB unless the site says otherwise (LSF_UNIT_FOR_LIMITS).
        wish.want(*{"-M": ("mem", mib(value, "m")), "-x": ("exclusive", True),
                    "-rn": ("retries", 0), "-cwd": ("workdir", value)}[name], quote)  # fmt: skip
    elif name not in ("-L", "-K", "-H"):
        wish.part.leave(quote, WITHOUT_FIELD.get(name, "Batch has no such setting"))


def _gpus(value: str, quote: str, wish: Wish) -> None:
    number, kind = re.search(r"num=(\d{1,2})", value), re.search(r"gmodel=([\w-]+)", value)
    wish.want("gpus", int(number[1]) if number else 1, quote)
    if kind:
        wish.want("gpu_type", re.sub(r"^(?:NVIDIA|Tesla)", "", kind[1]), quote)


def _name(value: str, quote: str, wish: Wish) -> None:
    match = NAME.fullmatch(value)
    if match is None:
        wish.part.leave(quote, "this name cannot be read")
        return
    if match["a"]:
        array(wish, f"{match['a']}%{match['l']}" if match["l"] else match["a"], quote)
    if match["n"]:
        wish.want("name", match["n"], quote)


def _run_limit(value: str) -> int | None:
    """-W [hours:]minutes, perhaps with /host."""
    match = re.match(r"(?:(\d{1,6}):)?(\d{1,7})", value)
    return (int(match[1] or 0) * 3600 + int(match[2]) * 60) or None if match else None


def _resources(value: str, quote: str, wish: Wish) -> None:
    memory = re.search(r"\bmem\s?=\s?(\d{1,9}(?:\.\d+)?\s?[A-Za-z]{0,2})", value)
    hosts = re.search(r"span\[ptile=(\d{1,4})\]", value)
    if memory:
        wish.want("mem", mib(memory[1], "m"), quote)
    if hosts and wish.value("cores", 0) > int(hosts[1]):
        wish.want("nodes", -(-wish.value("cores") // int(hosts[1])), quote)
        wish.want("cores", int(hosts[1]), quote)
    if not memory and not hosts and "span[hosts=1]" not in value:
        wish.part.leave(quote, "Batch has no such resource; name a machine type instead")
