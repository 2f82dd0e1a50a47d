"""The tables: who needs which role (`roles.csv`), for which calls (`permissions.csv`), which APIs.

Sources: the IAM pages "roles and permissions" of Batch, Cloud Storage, Vertex AI, Cloud Logging and
Artifact Registry. They name no permission for cancelling a Batch job; the page "Cancel a job" asks
for the Batch Job Editor, so that line has a role and no permission.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from components.agent import AGENT

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Role:
    """A role that somebody needs.

    Args:
        identity: pipelines, tasks or ci (service accounts), or person.
        role: as IAM names it.
        on: project, results bucket, images repository, specs repository, pipelines account or
            tasks account.
        when: "", or bigquery: only for bq:// tables.
        why: what is done with it.
    """

    identity: str
    role: str
    on: str
    when: str
    why: str


@dataclass(frozen=True)
class Permission:
    """What a call needs.

    Args:
        call: as the stand-ins count it.
        permission: as IAM names it; "" where the documentation names a role alone.
        role: the role that holds it.
        who: the identities whose programs make the call, with blanks between them.
    """

    call: str
    permission: str
    role: str
    who: str


@functools.cache
def roles() -> tuple[Role, ...]:
    """Every line of roles.csv."""
    return tuple(Role(**row) for row in _rows("roles"))


@functools.cache
def permissions() -> tuple[Permission, ...]:
    """Every line of permissions.csv."""
    return tuple(Permission(**row) for row in _rows("permissions"))


@functools.cache
def apis() -> dict[str, str]:
    """Why each API must be enabled."""
    return {row["api"]: row["why"] for row in _rows("apis")}


def undocumented(callers: Mapping[str, Iterable[str]]) -> list[str]:
    """The calls among those that our programs made that no line of the table explains.

    Args:
        callers: by call, how those that made it call themselves, as the stand-ins record it.
    """
    known = {permission.call for permission in permissions()}
    ours = {call for call, names in callers.items() if any(AGENT in name for name in names)}
    return sorted(ours - known)


def _rows(name: str) -> list[dict[str, str]]:
    with (_FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
