"""The marks that a rerun bears: whose rerun it is, and which task of the first job each task is.

Variables that begin with BATCH_ are the service's own and may not be set (Batch documentation,
"Create and run a basic job", environment variables), so the index of the first job travels under a
name of ours, and the task's payload puts it in its place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

RERUN_OF = "intent2batch-rerun-of"  # id of the first job
RERUN_UID = "intent2batch-rerun-uid"  # hash of its uid: an id may be used again, a uid never
ROUND = "intent2batch-rerun-round"  # 1 for the first rerun

INDEX = "INTENT2BATCH_TASK_INDEX"
COUNT = "INTENT2BATCH_TASK_COUNT"
MANIFEST = "INTENT2BATCH_MANIFEST"  # gs:// URI of a file with an index a line
MOST_ENVIRONMENTS = 200  # of a task group (Batch documentation, same page)


def uid_hash(uid: str) -> str:
    """A short mark of a job's uid, which fits into ids and labels."""
    return hashlib.sha256(uid.encode()).hexdigest()[:10]


def marked_indexes(job: Mapping[str, Any]) -> list[int] | None:
    """Which task of the first job each task of a rerun is; None where its variables do not say.

    Args:
        job: JSON data in camelCase.
    """
    group = _first(job.get("taskGroups"))
    environments = group.get("taskEnvironments") or []
    found = [str(_mapping(each.get("variables")).get(INDEX, "")) for each in environments]
    if not found or not all(index.isascii() and index.isdigit() for index in found):
        return None
    return [int(index) for index in found]


def manifest_uri(job: Mapping[str, Any]) -> str:
    """Where the indexes of a large rerun lie; empty where it has no such file."""
    spec = _mapping(_first(job.get("taskGroups")).get("taskSpec"))
    return str(_mapping(_mapping(spec.get("environment")).get("variables")).get(MANIFEST, ""))


def _first(value: object) -> Mapping[str, Any]:
    return _mapping(value[0]) if isinstance(value, list) and value else {}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
