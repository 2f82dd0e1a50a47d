"""Nextflow processes: directives and script (nextflow.io/docs/latest/reference/process.html)."""

from __future__ import annotations

import re
from collections.abc import Callable

from components.parse_intent.draft import Asked, BootDisk, Gpus, Step
from components.parse_intent.offline.pasted.amounts import gib, gpu_name, known_gpu, mib, period
from components.parse_intent.offline.pasted.docker_run import gpus
from components.parse_intent.offline.pasted.part import Part, label
from components.parse_intent.offline.pattern import Pattern

PROCESS = Pattern(r"^[ \t]*process(?:[ \t]+(?P<n>\w+))?[ \t]*\{", re.MULTILINE)
DIRECTIVE = Pattern(
    r"^[ \t]*(?P<k>[a-z]\w*)[ \t]*(?:[=:][ \t]*)?(?P<v>[^\s=:][^\n]*)$", re.MULTILINE
)
# memory { 16.GB * task.attempt }: the amount of the first attempt.
WORKED_OUT = Pattern(r"\{\s?[\"']?(\d{1,6}(?:[. ]?[A-Za-z]{1,5})?)[\"']?(?=\s?[*}])")
SECTION = Pattern(r"^[ \t]*(?:input|output|when|script|shell|exec|stub)[ \t]*:", re.MULTILINE)
STRINGS = ('"""', "'''")
OF_ITSELF = (
    "tag",
    "errorStrategy",
    "cache",
    "debug",
    "echo",
    "executor",
    "beforeScript",
    "label",
    "withName",
)
WITHOUT_FIELD = {
    "publishDir": "Nextflow copies results; mount a bucket and write there",
    "queue": "Batch has no queues; machine type and location choose where it runs",
    "clusterOptions": "options of another scheduler",
    "conda": "name a container image that holds these packages",
    "module": "name a container image that holds these programs",
    "storeDir": "mount a bucket and write there",
    "scratch": "say how large a disk should be",
}


def find(text: str) -> list[tuple[int, int]]:
    """Where processes stand, to their closing brace."""
    found: list[tuple[int, int]] = []
    for match in PROCESS.finditer(text):
        if not found or match.start() >= found[-1][1]:
            found.append((match.start(), _closing(text, match.end())))
    return found


BRACE = Pattern(r"\"\"\"|'''|[{}]")


def _closing(text: str, pos: int) -> int:
    """The end of the brace that stands open, strings of several lines skipped."""
    depth = 1
    while (match := BRACE.search(text, pos)) is not None:
        pos = match.end()
        if match.group() in STRINGS:
            close = text.find(match.group(), pos)
            pos = close + 3 if close >= 0 else len(text)
        else:
            depth += 1 if match.group() == "{" else -1
        if depth == 0:
            return pos
    return len(text)


def read(text: str) -> Part:
    """One process as a partial draft."""
    part = Part()
    head = PROCESS.match(text)
    start = head.end() if head else 0
    opened = min((at for s in STRINGS if (at := text.find(s, start)) >= 0), default=-1)
    section = SECTION.search(text, start)
    end = min([at for at in (opened, section.start() if section else -1) if at >= 0] or [len(text)])
    step = Step(kind="script")
    for match in DIRECTIVE.finditer(text, start, end):
        _directive(match["k"], match["v"].strip(), match[0].strip(), step, part)
    if opened >= 0:
        close = text.find(text[opened : opened + 3], opened + 3)
        body = text[opened + 3 : close if close >= 0 else len(text)]
        _script(body, text[opened] == '"', step, part)
    if step.text is not None or step.image is not None:
        part.draft.steps.append(step)
    if head and head["n"]:
        step.name = Asked(value=head["n"], quote=head[0].strip(" {\t\n"))
    return part


def _directive(key: str, value: str, quote: str, step: Step, part: Part) -> None:
    plain = value.strip("\"'").strip()
    if key in AMOUNTS:
        _amount(*AMOUNTS[key](_spaced(_first_amount(plain, quote, part))), quote, part)
    elif key == "container":
        step.kind = "container"
        step.image = Asked(value=plain.removeprefix("docker://"), quote=quote)
    elif key == "disk":
        size = gib(_spaced(plain.split(",")[0].strip("\"' ")))
        if size:
            part.draft.boot_disk = BootDisk(size_gb=Asked(value=size, quote=quote))
    elif key == "accelerator":
        _accelerator(value, quote, part)
    elif key == "containerOptions":
        step.options = Asked(value=plain, quote=quote)
    elif key == "resourceLabels":
        for name, text in re.findall(r"(\w+)\s?:\s?[\"']?([\w.-]+)", value)[:60]:
            part.draft.job_labels.append(label(name, text, quote))
    elif key not in OF_ITSELF:
        part.leave(quote, WITHOUT_FIELD.get(key, "Batch has no such setting"))


def _first_amount(text: str, quote: str, part: Part) -> str:
    worked_out = WORKED_OUT.match(text)
    if worked_out is None:
        return text
    part.leave(quote, "only the first amount is taken; Batch does not work it out anew")
    return worked_out[1]


def _whole(text: str, times: int = 1) -> int | None:
    return int(text) * times if text.isdecimal() and len(text) < 8 else None


AMOUNTS: dict[str, Callable[[str], tuple[str, int | str | None]]] = {
    "machineType": lambda text: ("machine_type", text),
    "cpus": lambda text: ("cpu_milli", _whole(text, 1000)),
    "maxRetries": lambda text: ("max_retries", _whole(text)),
    "maxForks": lambda text: ("parallelism", _whole(text)),
    "memory": lambda text: ("memory_mib", mib(text, "b")),
    "time": lambda text: ("max_run_s", period(text)),
}


def _spaced(text: str) -> str:
    """72.GB and 6.h are Groovy for 72 GB and 6 h."""
    return re.sub(r"(?<=\d)\.(?=[A-Za-z])", " ", text)


def _amount(field: str, value: int | str | None, quote: str, part: Part) -> None:
    if value is None:
        part.leave(quote, "this is worked out by Nextflow; give a number")
    else:
        part.put(field, value, quote)


def _accelerator(value: str, quote: str, part: Part) -> None:
    count = re.match(r"(\d{1,2})", value)
    kind = re.search(r"type\s?:\s?[\"']([\w-]+)", value)
    if kind and known_gpu(kind[1]):
        number = int(count[1]) if count else 1
        part.draft.gpus = Gpus(type=gpu_name(kind[1]), count=number, quote=quote)
    else:
        gpus(count[1] if count else "1", quote, part)


VALUE = Pattern(r"(?<!\\)\$(?:\{\s?task\.(?P<a>cpus|memory)[^}\n]*\}|task\.(?P<b>cpus)\b)")
OWN = Pattern(r"(?<!\\)\$(?:\{(?P<a>[a-z][\w.]*)[^}\n]*\}|(?P<b>[a-z]\w*))")


def _script(body: str, expands: bool, step: Step, part: Part) -> None:
    """The script; in a string of double quotes Nextflow's own values are put in."""
    quote = body.strip()
    lines = body.strip("\n").split("\n")
    depth = min((len(ln) - len(ln.lstrip()) for ln in lines if ln.strip()), default=0)
    text = "\n".join(line[depth:] for line in lines).strip()
    if expands:
        cpus = part.draft.cpu_milli

        def number(match: re.Match[str]) -> str:
            if (match["a"] or match["b"]) == "cpus":
                return str(cpus.value // 1000) if cpus else "$(nproc)"
            return match[0]

        text = VALUE.sub(number, text)
        for name in dict.fromkeys(m["a"] or m["b"] for m in OWN.finditer(text)):
            part.leave(f"${{{name}}}", "an input of the process; a task has BATCH_TASK_INDEX only")
        text = text.replace("\\$", "$").replace("\\\\", "\\")
    if text:
        step.text = Asked(value=text, quote=quote)
