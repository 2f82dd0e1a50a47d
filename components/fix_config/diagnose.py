"""What a complaint speaks of: the rows of the tables that match it, the most telling first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from components.batch.events import diagnose as diagnose_event
from components.batch.events import told
from components.batch.exit_codes import explain
from components.fix_config import symptoms_refused, symptoms_running, symptoms_waiting
from components.fix_config.symptom import Symptom, filled

TABLE: tuple[Symptom, ...] = (
    *symptoms_refused.TABLE,
    *symptoms_running.TABLE,
    *symptoms_waiting.TABLE,
)
# Rows that match half the world count only where no other does.
_VAGUE = frozenset(
    {"permission", "call", "template", "location", "disk-attach", "not-found", "gce", "snapshot",
     "background", "size", "where", "submit", "no-retry", "order", "cheap"}
)  # fmt: skip
# A row that says more about the same trouble than these others do.
_COVERS = {
    "existing": {"disk-attach", "mount", "disk", "readonly"},
    "cuda-memory": {"memory", "gpu"},
    "executable": {"not-found"},
    "shell": {"not-found"},
    "line-ends": {
        "syntax",
        "shell",
        "no-bash",
        "word",
        "missing",
        "not-found",
        "executable",
        "variable",
    },
    "submit": {"permission"},
    "shared-network": {"permission", "where", "network"},
    "shared-memory": {"memory", "lost"},
    "image": {"permission", "where", "missing"},
    "apt-lock": {"missing", "call", "executable"},
    "secret": {"permission"},
    "zone-machine": {"machine", "gce", "missing", "stock"},
    "pull": {"word", "missing", "permission"},
    "pull-limit": {"pull"},
    "word": {"missing", "not-found"},
    "no-bash": {"word", "missing", "not-found"},
    "bucket-iam": {"bucket-access", "permission", "submit", "secret", "account"},
    "readonly": {"bucket-access", "missing", "mount"},
    "bucket-access": {"missing", "permission", "disk-attach"},
    "account": {"permission", "stuck", "agent", "submit", "exists"},
    "agent": {"permission", "account"},
    "nat": {"call", "time"},
    "preempted": {"lost", "on-demand"},
    "time": {"call", "stuck"},
    "stock": {"stuck", "gce", "gpu", "quota"},
    "gpu-fit": {"gpu", "machine"},
    "disk": {"full", "machine", "gpu-fit", "template", "stock", "where"},
    "field": {"type", "syntax", "missing"},
    "retries": {"no-retry", "retried"},
    "type": {"syntax", "shape"},
    "quota": {"call", "gpu"},
    "mount": {"bucket-access", "disk-attach", "missing"},
    "flex": {"gce", "template", "disk"},
    "call": {"time"},
    "barrier": {"stuck"},
    "variable": {"missing"},
    "false-success": {"no-retry"},
    "parallel": {"count"},
    "regions": {"where", "location"},
    "network": {"where", "nat"},
    "id": {"exists"},
}
_EXIT = re.compile(
    r"\b(?:exit(?:ed)?|error|return(?:ed)?|status)(?:\s+(?:with\s+)?(?:code|status))?[\s:=]{1,3}(\d{1,5})\b",
    re.I,
)
_MOST = 20_000  # characters of a complaint that are looked at


@dataclass(frozen=True)
class Diagnosed:
    """One row that matched, and what it found.

    Attributes:
        symptom: the row.
        found: where in the complaint.
        says: what is wrong.
        remedy: what to do beside the job; may be empty.
    """

    symptom: Symptom
    found: re.Match[str]
    says: str
    remedy: str


def plain_complaint(text: str) -> str:
    """The complaint as it is looked at: no control characters, no more than 20,000 characters."""
    kept = text if len(text) <= _MOST else f"{text[: _MOST // 2]}\n{text[-_MOST // 2 :]}"
    return "".join(c if c.isprintable() or c in "\n\t" else " " for c in kept)


def diagnosed(complaint: str) -> list[Diagnosed]:
    """The rows that match, in the order of the tables; what others cover is left out."""
    found: dict[str, Diagnosed] = {}
    for symptom in TABLE:
        if symptom.topic in found:
            continue
        match = symptom.compiled.search(complaint)
        if match is not None:
            found[symptom.topic] = Diagnosed(
                symptom, match, filled(symptom.says, match), filled(symptom.remedy, match)
            )
    covered = {topic for name in found for topic in _COVERS.get(name, ())}
    telling = [name for name in found if name not in covered and name not in _VAGUE]
    kept = telling or [name for name in found if name not in covered] or list(found)
    return [found[name] for name in kept]


def explained(complaint: str) -> Iterator[str]:
    """What events and exit codes in the complaint mean, for a complaint that no row explains."""
    event = diagnose_event(complaint)
    if event.kind != "info":
        yield told(event)
    for code in dict.fromkeys(int(found) for found in _EXIT.findall(complaint)):
        if code:
            known = explain(code)
            yield f"Exit code {known.code}: {known.meaning}. {known.remedy}".strip()
