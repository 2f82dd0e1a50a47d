"""What the fuzzer begins with, and how it changes it: texts of people, jobs, and their ruins."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MOST = 100_000  # characters of an input

# Pieces that mean something to one of the readers, and pieces that mean trouble to any.
PIECES = """
{ } [ ] ( ) " ' ` ``` , : ; = # // /* */ - -- | > & * ! ? % @ \\ $ ${ $( }} {{ << <<EOF ~ ... ---
\x00 \x1b[31m \u202e \ufeff \ud800 \U0001f600 \xe9 \uff11 \u0661 \xb2 0 -1 1e999
NaN .inf 0x1f 010 1:30 9999999999999999999999 1_000 null true True yes ~
!!python/object/apply:os.system
&a *a <<: taskGroups taskSpec runnables script text container imageUri commands allocationPolicy
instances policy machineType accelerators disks newDisk sizeGb volumes gcs remotePath mountPath
labels environment variables secretVariables computeResource cpuMilli memoryMib maxRunDuration 3600s
lifecyclePolicies actionCondition exitCodes logsPolicy CLOUD_LOGGING SPOT e2-standard-4
n1-standard-8 nvidia-tesla-t4 pd-ssd us-central1 regions/us-central1 gs://bucket/a nfs
10.0.0.1:/a /mnt/disks/a
spot tasks retries hours minutes GB MiB vCPU GPU parallel each then and or not no drop instead
double half same priority label env secret mount disk region image command script barrier timeout
#SBATCH #PBS #$ #BSUB sbatch qsub kubectl docker run gcloud compute instances create dsub process
rule apiVersion: kind: spec: services: image: first second wait, unless except between from to
exit code 137 50001 quota exceeded permission denied not found ZONE_RESOURCE_POOL_EXHAUSTED
""".split()  # noqa: SIM905 - a list of these would be a page of quotes
PIECES += ["\t", "\r\n", "\n\n", "\x85", "\u2028", "\xa0", "\x1f"]

Input = str
_Change = Callable[[random.Random, str, list[str]], str]


def intents(folders: list[Path]) -> list[Input]:
    """The turns of all intents, each one text, with a form feed between turns."""
    files = [*sorted((ROOT / "tests/parse_intent").glob("*.jsonl"))]
    files += [file for folder in folders for file in sorted(folder.rglob("*.jsonl"))]
    found = [(ROOT / "bench/intents.txt").read_text(encoding="utf-8")]
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines():
            told = json.loads(line)
            if isinstance(told.get("turns"), list):
                found.append("\f".join(told["turns"]))
            found += told.get("said", [])
    return found


def configs(folders: list[Path]) -> list[Input]:
    """The text of jobs, right ones and broken ones, as JSON and as YAML."""
    import yaml

    from tests.batch.rules.valid_jobs import valid_jobs
    from tests.fix_config.test_repair import JSON, YAML

    jobs = list(valid_jobs().values())
    found = [json.dumps(job, indent=2) for job in jobs]
    found += [yaml.safe_dump(job, sort_keys=False) for job in jobs]
    found += [text for text, *_ in (*JSON, *YAML)]
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            if file.suffix in (".json", ".yaml", ".yml", ".md") and file.stat().st_size <= MOST:
                found.append(file.read_bytes().decode("utf-8", "replace"))
    return found


def changed(rng: random.Random, text: Input, corpus: list[Input]) -> Input:
    """The text with one to six changes, at most MOST characters long."""
    for _ in range(rng.choice((1, 1, 2, 2, 3, 4, 6))):
        text = rng.choice(_CHANGES)(rng, text, corpus)[:MOST]
    return text


def _cut(rng: random.Random, text: str) -> tuple[int, int]:
    """A place in the text, mostly a short one."""
    start = rng.randrange(len(text) + 1)
    return start, min(len(text), start + rng.choice((0, 1, 1, 2, 4, 8, 30, 200)))


def _insert(rng: random.Random, text: str, _: list[str]) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(("", " ", "\n")) + rng.choice(PIECES) + text[at:]


def _replace(rng: random.Random, text: str, _: list[str]) -> str:
    start, end = _cut(rng, text)
    return text[:start] + rng.choice(PIECES) + text[end:]


def _remove(rng: random.Random, text: str, _: list[str]) -> str:
    start, end = _cut(rng, text)
    return text[:start] + text[end:]


def _word(rng: random.Random, text: str, _: list[str]) -> str:
    """Another word or number in place of one."""
    words = list(re.finditer(r"\w+", text))
    if not words:
        return text
    word = rng.choice(words)
    return text[: word.start()] + rng.choice(PIECES) + text[word.end() :]


def _splice(rng: random.Random, text: str, corpus: list[str]) -> str:
    """A stretch of another text."""
    other = rng.choice(corpus)
    start = rng.randrange(len(other) + 1)
    at = rng.randrange(len(text) + 1)
    return text[:at] + other[start : start + rng.choice((5, 30, 200, 2000))] + text[at:]


def _pump(rng: random.Random, text: str, _: list[str]) -> str:
    """A stretch again and again: what makes patterns and loops explode."""
    start, end = _cut(rng, text)
    unit = text[start:end] or rng.choice(PIECES)
    length = rng.choice((10, 10, 100, 100, 1_000, 1_000, 10_000, MOST))
    return text[:start] + unit * (length // len(unit) + 1) + text[end:]


def _swap(rng: random.Random, text: str, _: list[str]) -> str:
    """Two lines in each other's place."""
    lines = text.split("\n")
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return "\n".join(lines)


def _tree(rng: random.Random, text: str, corpus: list[str]) -> str:
    """A JSON text with one value of it changed to one of another kind or moved."""
    try:
        value = json.loads(text)
        places = list(_places(value))
        inside, key = rng.choice(places)
    except (ValueError, RecursionError, IndexError):
        return _insert(rng, text, corpus)
    other_inside, other_key = rng.choice(places)
    odd: list[Any] = [
        None, True, 0, -1, 1.5, 10**30, "", "a", " ", [], {}, [[]], [None], {"": None},
        ["a"] * 500, {f"k{n}": n for n in range(200)}, rng.choice(PIECES), other_inside[other_key],
        [inside[key]] * 3, {"a": inside[key]},
    ]  # fmt: skip
    replaced = json.loads(json.dumps(rng.choice(odd)))
    if isinstance(inside, dict) and rng.random() < 0.3:
        inside[rng.choice(PIECES)] = replaced
    else:
        inside[key] = replaced
    return json.dumps(value, indent=rng.choice((None, 2)))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    open_values = [value] if isinstance(value, dict | list) else []
    while open_values:
        inside = open_values.pop()
        keys = inside if isinstance(inside, dict) else range(len(inside))
        for key in keys:
            yield inside, key
            if isinstance(inside[key], dict | list):
                open_values.append(inside[key])


_CHANGES: tuple[_Change, ...] = (
    _insert, _insert, _replace, _remove, _word, _word, _splice, _splice, _pump, _swap, _tree, _tree,
)  # fmt: skip
