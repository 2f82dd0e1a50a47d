"""Snakemake rules: threads, resources, container, shell (snakemake.readthedocs.io, "Rules")."""

from __future__ import annotations

import re

from components.parse_intent.draft import Asked, BootDisk, Step
from components.parse_intent.offline.pasted.amounts import gib, mib, period
from components.parse_intent.offline.pasted.docker_run import gpus
from components.parse_intent.offline.pasted.part import Part
from components.parse_intent.offline.pattern import Pattern

RULE = Pattern(r"^(?P<i>[ \t]*)(?:rule|checkpoint)[ \t]+(?P<n>\w*)[ \t]*:", re.MULTILINE)
RESOURCES = Pattern(r"^(?P<i>[ \t]*)resources[ \t]*:(?=\s{0,80}\w+[ \t]?=)", re.MULTILINE)
KEY = Pattern(r"[ \t]*(?P<k>[a-z_]+)[ \t]*:(?P<v>[^\n]*)")
STRING = Pattern(
    r"\"\"\"([\s\S]*?)\"\"\"|'''([\s\S]*?)'''|\"((?:[^\"\\\n]|\\.)*)\"|'((?:[^'\\\n]|\\.)*)'"
)
KEYS = frozenset(
    ("input", "output", "params", "threads", "resources", "container", "singularity", "conda",
     "shell", "script", "run", "log", "retries", "priority", "message", "benchmark", "group",
     "wildcard_constraints", "envmodules", "localrule", "shadow", "cache", "wrapper")
)  # fmt: skip
WITHOUT_FIELD = {
    "conda": "name a container image that holds these packages",
    "envmodules": "name a container image that holds these programs",
    "script": "Snakemake's own scripts do not run by themselves; give a command",
    "run": "Python of the Snakefile does not run by itself; give a command",
    "wrapper": "Snakemake's wrappers do not run by themselves; give a command",
    "params": "name the values in the command",
}


def find(text: str) -> list[tuple[int, int]]:
    """Where rules stand: the line with their name and the deeper ones below it."""
    found: list[tuple[int, int]] = []
    for match in list(RULE.finditer(text)) or list(RESOURCES.finditer(text)):
        if not found or match.start() >= found[-1][1]:
            found.append((match.start(), _end(text, match)))
    return found


def _end(text: str, match: re.Match[str]) -> int:
    depth = len(match["i"])
    end = pos = text.find("\n", match.end())
    while 0 <= pos < len(text):
        stop = text.find("\n", pos + 1)
        stop = len(text) if stop < 0 else stop
        line = text[pos + 1 : stop]
        if line.strip() and len(line) - len(line.lstrip()) <= depth:
            break
        end = stop if line.strip() else end
        pos = stop if stop < len(text) else -1
    return end if end >= 0 else len(text)


def read(text: str) -> Part:
    """One rule as a partial draft."""
    part = Part()
    head = RULE.match(text)
    given = _parts(text[head.end() :] if head else text)
    step = Step(kind="script")
    image = given.get("container") or given.get("singularity")
    if image:
        step.kind = "container"
        step.image = Asked(value=_string(image).removeprefix("docker://"), quote=_string(image))
    threads = given.get("threads", "").strip().rstrip(",")
    if threads.isdecimal() and len(threads) < 5:
        part.put("cpu_milli", int(threads) * 1000, threads)
    retries = given.get("retries", "").strip()
    if retries.isdecimal() and len(retries) < 5:
        part.put("max_retries", int(retries), retries)
    _resources(given.get("resources", ""), part)
    if "shell" in given:
        _shell(given, step, part)
    if step.text is not None or step.image is not None:
        part.draft.steps.append(step)
        if head and head["n"]:
            step.name = Asked(value=head["n"], quote=head["n"])
    for key, why in WITHOUT_FIELD.items():
        if key in given and not (key == "conda" and image):
            part.leave(f"{key}: {given[key]}", why)
    return part


def _parts(text: str) -> dict[str, str]:
    """What stands behind each keyword of a rule."""
    found: dict[str, str] = {}
    current = ""
    for line in text.split("\n"):
        match = KEY.match(line)
        if match and match["k"] in KEYS:
            current = match["k"]
            found[current] = match["v"].strip()
        elif current:
            found[current] += f"\n{line}"
    return {key: value.strip("\n") for key, value in found.items()}


def _string(text: str) -> str:
    """Adjacent string literals as one, as in Python."""
    found = [next(g for g in m.groups() if g is not None) for m in STRING.finditer(text)]
    return "".join(found)


def _shell(given: dict[str, str], step: Step, part: Part) -> None:
    """The command, with Snakemake's {threads}, {input} and {output} put in."""
    raw = given["shell"]
    text = _string(raw).strip("\n ")
    lines = text.split("\n")
    depth = min((len(ln) - len(ln.lstrip()) for ln in lines[1:] if ln.strip()), default=0)
    text = "\n".join([lines[0], *(line[depth:] for line in lines[1:])]).strip()
    values = {key: _string(given.get(key, "")) for key in ("input", "output", "log")}
    cpu = part.draft.cpu_milli
    values["threads"] = str(cpu.value // 1000) if cpu else ""
    for key in ("input", "output", "params", "log"):
        for named in NAMED.finditer(given.get(key, "")):
            values[f"{key}.{named[1]}"] = named[2]

    def value(match: re.Match[str]) -> str:
        known = values.get(match[0].strip("{}"), "")
        if "." in match[0] and known and "{" not in known:
            return known
        if known and "{" not in known and (match[1] == "threads" or len(given[match[1]]) < 200):
            return known
        part.leave(match[0], "Snakemake puts this in; name the files in the command")
        return match[0]

    text = re.sub(r"(?<![{$])\{([a-z_]\w*)(?:[.\[][^}\n]*)?\}(?!\})", value, text)
    text = text.replace("{{", "{").replace("}}", "}").replace('\\"', '"')
    if text:
        literals = list(STRING.finditer(raw))
        quote = raw[literals[0].start() : literals[-1].end()] if literals else raw
        step.text = Asked(value=text, quote=quote.strip())


NAMED = Pattern(r"(\w{1,60})\s?=\s?[\"']?([^\s\"',()\[\]]{1,400})")
RESOURCE = Pattern(r"(?P<k>\w+)\s?=\s?(?P<v>\"[^\"\n]*\"|'[^'\n]*'|[\w.]+)")


def _resources(text: str, part: Part) -> None:
    """mem_mb, mem_gb, mem, runtime (minutes), disk_mb, gpu; googlebatch_* of its Batch plugin."""
    for match in RESOURCE.finditer(text):
        key, value, quote = match["k"], match["v"].strip("\"'"), match[0]
        if key in ("mem_mb", "mem_mib", "mem_gb", "mem"):
            unit = "g" if key == "mem_gb" else "m"
            _put("memory_mib", mib(value, unit), quote, part)
        elif key in ("runtime", "time", "time_min", "walltime"):
            _put("max_run_s", period(value, 60), quote, part)
        elif key in ("disk_mb", "disk_gb", "disk"):
            size = gib(value, "g" if key == "disk_gb" else "m")
            if size:
                part.draft.boot_disk = BootDisk(size_gb=Asked(value=size, quote=quote))
        elif key in ("gpu", "gpus", "nvidia_gpu"):
            gpus(value, quote, part)
        elif key in ("googlebatch_machine_type", "machine_type"):
            part.put("machine_type", value, quote)
        elif key in ("cpus_per_task", "cpus"):
            _put("cpu_milli", int(value) * 1000 if value.isdecimal() else None, quote, part)
        else:
            part.leave(quote, "Batch has no such resource")


def _put(field: str, value: int | None, quote: str, part: Part) -> None:
    if value is None:
        part.leave(quote, "this is worked out by Snakemake; give a number")
    else:
        part.put(field, value, quote)
