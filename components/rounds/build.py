"""The job of a round: the first one, with only some of its tasks."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from components.batch.rerun_marks import COUNT, INDEX, MANIFEST, MOST_ENVIRONMENTS
from components.errors import InputError
from components.rounds.payload import (
    MANIFEST_FILE,
    MOUNT,
    Choices,
    export_line,
    with_index,
)
from components.storage.uris import join


def needs_manifest(indexes: Sequence[int], count: int) -> bool:
    """Whether the tasks, of so many, are too many for variables of their own."""
    return MOST_ENVIRONMENTS < len(indexes) < count


def round_job(
    job: Mapping[str, Any],
    indexes: Sequence[int],
    choices: Choices,
    *,
    folder: str = "",
) -> dict[str, Any]:
    """The first job with only the tasks of these indexes.

    Args:
        job: the first job, or what was changed of it; JSON data in camelCase.
        indexes: which tasks, by their index in the first job.
        choices: what a person says of its images.
        folder: gs:// folder that will hold the indexes, of more than 200 tasks.

    Raises:
        InputError: its tasks cannot run without the others, or cannot be told their index.
    """
    made: dict[str, Any] = copy.deepcopy(dict(job))
    group = made["taskGroups"][0]
    if group.get("requireHostsFile"):
        raise InputError(
            "The tasks of this job know each other (requireHostsFile) and cannot run without those "
            "that succeeded",
            fix="Run the whole job again.",
        )
    count = task_count(job)
    if len(indexes) == count:
        return made  # each task has its own index anyway
    many = needs_manifest(indexes, count)
    if many and not folder.startswith("gs://"):
        raise InputError(
            f"{len(indexes):,} tasks are to run again; more than {MOST_ENVIRONMENTS} find their "
            "index in a file on Cloud Storage",
            fix="Say where it may lie: --manifest gs://BUCKET/FOLDER; the job's service account "
            "has to be allowed to read there.",
        )
    spec = group["taskSpec"]
    line = export_line(from_manifest=many)
    spec["runnables"] = with_index(spec.get("runnables", ()), line, choices)
    if many:
        _mount(spec, folder)
        _variables(spec).update({COUNT: str(count), MANIFEST: join(folder, MANIFEST_FILE)})
    else:
        group["taskEnvironments"] = _environments(group, indexes, count)
    group["taskCount"] = str(len(indexes))
    if int(group.get("parallelism", 0)) > len(indexes):
        group["parallelism"] = str(len(indexes))
    return made


def manifest_text(indexes: Sequence[int]) -> str:
    """The file with the indexes: task I of the round reads line I + 1."""
    return "".join(f"{index}\n" for index in indexes)


def task_count(job: Mapping[str, Any]) -> int:
    """How many tasks a job has; int64 is text in the JSON of a proto."""
    group = job["taskGroups"][0]
    return int(group.get("taskCount") or len(group.get("taskEnvironments") or ()) or 1)


def _environments(
    group: Mapping[str, Any], indexes: Sequence[int], count: int
) -> list[dict[str, Any]]:
    """The variables of each task: those that it had, its index, and the first job's count."""
    had = group.get("taskEnvironments") or []
    made = []
    for index in indexes:
        own = had[index] if index < len(had) else {}
        variables = {**own.get("variables", {}), INDEX: str(index), COUNT: str(count)}
        made.append({**own, "variables": variables})
    return made


def _variables(spec: dict[str, Any]) -> dict[str, str]:
    variables: dict[str, str] = spec.setdefault("environment", {}).setdefault("variables", {})
    return variables


def _mount(spec: dict[str, Any], folder: str) -> None:
    """Mount the folder with the indexes, also in containers that name their volumes themselves."""
    remote = folder.removeprefix("gs://").rstrip("/")
    volume = {
        "gcs": {"remotePath": f"{remote}/"},
        "mountPath": MOUNT,
        "mountOptions": ["--implicit-dirs"],
    }
    spec["volumes"] = [*spec.get("volumes", ()), volume]
    for runnable in spec["runnables"]:
        own = runnable.get("container", {}).get("volumes")
        if own:
            runnable["container"] = {
                **runnable["container"],
                "volumes": [*own, f"{MOUNT}:{MOUNT}:ro"],
            }
