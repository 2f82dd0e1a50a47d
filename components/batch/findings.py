"""A finding: one thing that is wrong, or doubtful, with a Batch job, and where it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "hint"]
Part = str | int
Path = tuple[Part, ...]

SEVERITY_ORDER: dict[str, int] = {"error": 0, "warning": 1, "hint": 2}

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")
_STEP = re.compile(r"""\.?(?P<key>[A-Za-z_][A-Za-z0-9_-]*)|\[(?P<index>\d+)\]|\[(?P<text>")""")


@dataclass(frozen=True)
class Finding:
    """What one rule says about one place of a job.

    Attributes:
        rule: the rule's id, for example `RETRY_RANGE`.
        severity: `error` (the service refuses it, or it can never run), `warning` or `hint`.
        path: the place in the job, for example `taskGroups[0].taskSpec.maxRetryCount`;
            empty for the job as a whole.
        message: what is wrong with the value, and the limit.
        fix: what to do; may be empty.
        file: the file's name; empty where the job did not come from a file.
        line: counted from 1; 0 where it is not known.
        column: counted from 1, in characters; 0 where it is not known.
    """

    rule: str
    severity: Severity
    path: str
    message: str
    fix: str = ""
    file: str = ""
    line: int = 0
    column: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The finding as JSON data, with keys in the order in which people read them."""
        found = asdict(self)
        order = ("file", "line", "column", "path", "rule", "severity", "message", "fix")
        return {key: found[key] for key in order}


def sorted_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Errors first, then by path, place and rule; the same findings always in the same order."""
    return sorted(
        findings,
        key=lambda f: (SEVERITY_ORDER[f.severity], f.path, f.line, f.column, f.rule, f.message),
    )


def path_text(parts: Iterable[Part]) -> str:
    """Write a path: `("labels", "a.b", 0)` is `labels["a.b"][0]`."""
    written = ""
    for part in parts:
        if isinstance(part, int):
            written += f"[{part}]"
        elif _PLAIN_KEY.match(part):
            written += f".{part}" if written else part
        else:
            written += f"[{json.dumps(part)}]"
    return written


def path_parts(text: str) -> Path:
    """Read a path that `path_text` wrote.

    Raises:
        ValueError: it is no such path.
    """
    parts: list[Part] = []
    at = 0
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None:
            raise ValueError(f"not a path: {text!r}")
        at = step.end()
        if step["key"] is not None:
            parts.append(step["key"])
        elif step["index"] is not None:
            parts.append(int(step["index"]))
        else:
            key, at = json.JSONDecoder().raw_decode(text, step.start("text"))
            if text[at : at + 1] != "]":
                raise ValueError(f"not a path: {text!r}")
            parts.append(key)
            at += 1
    return tuple(parts)
