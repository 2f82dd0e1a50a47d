"""What a reader makes of a pasted piece: a partial draft, what stays open, what has no field."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from components.parse_intent.draft import Asked, Draft, Pair, Step
from components.tables.text import brief

PendingKind = Literal["mount", "secret", "gpu", "variables", "tasks", "script"]
LONGEST_QUOTE = 80


@dataclass(frozen=True)
class Pending:
    """Something that the pasted text points at and does not hold; the prose may name it.

    name is what it is called there (a path of the person's machine, a claim, a variable, a file);
    target the path inside the container; count a number of GPUs; size how many variables or steps
    were known when it was read. What is optional is not asked for, only reported.
    """

    kind: PendingKind
    name: str
    question: str
    target: str = ""
    count: int = 0
    size: int = 0
    optional: bool = False


@dataclass
class Part:
    """A partial draft with its evidence, what could not be mapped and why, what must be asked."""

    draft: Draft = field(default_factory=Draft)
    unread: list[str] = field(default_factory=list)
    pending: list[Pending] = field(default_factory=list)

    def put(self, name: str, value: Any, quote: str) -> None:
        """Set a field that is one value with its words."""
        setattr(self.draft, name, Asked(value=value, quote=quote))

    def leave(self, words: str, why: str) -> None:
        """Report words that reach no field, with the reason."""
        self.unread.append(f"{brief(' '.join(words.split()), LONGEST_QUOTE)} ({why})")

    def wait(self, pending: Pending) -> None:
        """Note what the prose has to name."""
        if pending not in self.pending:
            self.pending.append(pending)


def pair(words: str, quote: str) -> Pair:
    """NAME=value as a pair."""
    name, _, value = words.partition("=")
    return Pair(name=name.strip(), value=value, quote=quote)


def label(name: str, value: str, quote: str) -> Pair:
    """A label; Batch takes lower case, digits, - and _ only, so other signs become -."""
    return Pair(name=_label_text(name), value=_label_text(value), quote=quote)


def _label_text(text: str) -> str:
    kept = [c if c.isalnum() or c in "-_" else "-" for c in text.lower()]
    return "".join(kept)[:63]


def join(parts: list[Part]) -> Part:
    """Several pieces as one: steps follow each other, lists add up, the first single value holds.

    CPU and memory are what the largest piece asks for, since the pieces run in the same task.
    """
    result = Part()
    for part in parts:
        for name in Draft.model_fields:
            have, new = getattr(result.draft, name), getattr(part.draft, name)
            if isinstance(have, list):
                have.extend(item for item in new if item not in have or name == "steps")
            elif name in ("cpu_milli", "memory_mib") and have and new:
                setattr(result.draft, name, max(have, new, key=lambda asked: asked.value))
            elif have is None:
                setattr(result.draft, name, new)
        result.unread += part.unread
        for pending in part.pending:
            result.wait(pending)
    _hoist_variables(result.draft)
    return result


def _hoist_variables(draft: Draft) -> None:
    """The variables of the only step are those of the task, where later words can change them."""
    work: list[Step] = [step for step in draft.steps if step.kind != "barrier"]
    if len(work) == 1:
        named = {pair.name for pair in work[0].env}
        draft.env = [pair for pair in draft.env if pair.name not in named] + work[0].env
        work[0].env = []
