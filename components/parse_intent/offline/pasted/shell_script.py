"""Scripts with a #! line, alone or below a command that names them, and loops around a command."""

from __future__ import annotations

import re

from components.parse_intent.draft import Asked, Pair, Step, TaskEnvironment
from components.parse_intent.offline.pasted.cluster import Wish, rename
from components.parse_intent.offline.pasted.part import Part
from components.parse_intent.offline.pasted.script_end import script_end
from components.parse_intent.offline.pattern import Pattern

FIRST_LINE = Pattern(r"^[ \t]*#![ \t]?/[^\n]*\n(?=[^\n])", re.MULTILINE)
MAX_ITEMS = 200  # as many task environments as the service takes


def find(text: str) -> list[tuple[int, int]]:
    """Where scripts stand, from their #! line on."""
    found: list[tuple[int, int]] = []
    for match in FIRST_LINE.finditer(text):
        if not found or match.start() >= found[-1][1]:
            found.append((match.start(), script_end(text, match.start())))
    return found


def read(text: str) -> Part | None:
    """A script as a step."""
    part = Part()
    lines = text.strip("\n").split("\n")
    depth = len(lines[0]) - len(lines[0].lstrip())
    body = "\n".join(line[depth:] if not line[:depth].strip() else line for line in lines)
    said: Asked[str] = Asked(value=rename(body, Wish()), quote=text.strip())
    part.draft.steps.append(Step(kind="script", text=said))
    return part


LOOP = Pattern(
    r"\bfor[ \t]+(?P<v>[A-Za-z_]\w{0,40})[ \t]+in[ \t]+(?P<w>[^;\n]{1,2000}?)[ \t]*(?:;|\n)[ \t]*"
    r"do\b[ \t]*\n?[ \t]*(?:sudo[ \t]+)?\Z"
)
SEQUENCE = Pattern(
    r"(?:\$\(|`)?seq[ \t]+(?:-w[ \t]+)?(?P<a>\d{1,7})(?:[ \t]+(?P<b>\d{1,7}))?\)?`?"
    r"|\{(?P<c>\d{1,7})\.\.(?P<d>\d{1,7})\}"
)
REACH = 2_200


def loop_before(text: str, start: int) -> re.Match[str] | None:
    """The head of a shell loop whose body begins here."""
    return LOOP.search(text, max(0, start - REACH), start)


def unroll(loop: re.Match[str], part: Part) -> None:
    """One task for each turn of a loop: numbers from the index, words as task environments."""
    name, words = loop["v"], loop["w"].strip()
    quote = loop[0].strip().removesuffix("do").rstrip(" ;\n")
    numbers = SEQUENCE.fullmatch(words)
    if numbers is not None:
        low = int(numbers["c"] or (numbers["a"] if numbers["b"] else 1))
        high = int(numbers["d"] or numbers["b"] or numbers["a"])
        part.put("task_count", max(0, high - low + 1), quote)
        index = "${BATCH_TASK_INDEX}" if not low else f"$((BATCH_TASK_INDEX + {low}))"
        _put_index(name, index, part)
        return
    items = words.split()
    if len(items) > MAX_ITEMS or re.search(r"[$*`?]", words):
        part.leave(quote, "what the loop runs over is not known here; say how many tasks")
        return
    for number, item in enumerate(items):
        pair = Pair(name=name, value=item.strip("\"'"), quote=quote)
        part.draft.task_envs.append(TaskEnvironment(index=number, variables=[pair]))


def _put_index(name: str, index: str, part: Part) -> None:
    variable = re.compile(rf"\$(?:\{{{name}\}}|{name}\b)")
    for step in part.draft.steps:
        if step.text is not None:
            step.text.value = variable.sub(lambda _: index, step.text.value)
        if step.commands is not None:
            step.commands.value = [variable.sub(lambda _: index, w) for w in step.commands.value]
