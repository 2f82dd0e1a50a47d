"""What a symptom is: words of an error or a complaint, what they mean, what follows for the job."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from components.config.bench import Bench

ChangeJob = Callable[[Bench, re.Match[str]], None]


@dataclass(frozen=True)
class Symptom:
    r"""One row of the tables.

    Attributes:
        topic: of several rows of one topic only the first that matches counts.
        pattern: looked for in the complaint, whatever the case of the letters; no two unbounded
            repetitions meet in it, as complaints are other people's text.
        says: what is wrong, in plain words; \\1 stands for what the pattern's first group found.
        remedy: what a person has to do beside the job, commands among it; may be empty.
        rules: whose warnings are to be mended, as the complaint speaks of them.
        change: what else follows for the job.
    """

    topic: str
    pattern: str
    says: str
    remedy: str = ""
    rules: tuple[str, ...] = ()
    change: ChangeJob | None = None
    compiled: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "compiled", re.compile(self.pattern, re.IGNORECASE | re.DOTALL | re.VERBOSE)
        )


# The letters of what may stand in a command that a person copies.
_SAFE = re.compile(r"[A-Za-z0-9@._/:-]{1,200}\Z")


def filled(text: str, found: re.Match[str]) -> str:
    """The text with what the pattern found; what is not plain is named, never quoted."""
    for number, value in enumerate(found.groups(), start=1):
        plain = (value or "").strip(" .,;'\"`").removeprefix("serviceAccount:")
        text = text.replace(f"\\{number}", plain if _SAFE.match(plain) else "…")
    return text
