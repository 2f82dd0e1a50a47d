"""A run as a person sees it, whichever platform runs it."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pipelines.remote.wanted import Wanted

# The states of runs and of their steps. Every state of a platform is mapped to one of them.
QUEUED, PENDING, RUNNING, PAUSED = "queued", "pending", "running", "paused"
SUCCEEDED, FAILED, CANCELLED, SKIPPED = "succeeded", "failed", "cancelled", "skipped"
CANCELLING, UNKNOWN = "cancelling", "unknown"
ENDED = frozenset({SUCCEEDED, FAILED, CANCELLED, SKIPPED})


@dataclass(frozen=True)
class Step:
    """One step of a run.

    Args:
        key: names it within the run.
        title: the name that the console shows.
        state: one of the states above.
        reason: why it failed, as the platform tells it; empty otherwise.
        logs: where its output is shown; empty where there is no such page.
    """

    key: str
    title: str
    state: str
    reason: str = ""
    logs: str = ""


@dataclass(frozen=True)
class Run:
    """One run.

    Args:
        id: names it on its platform: the id of a Vertex run, the run id of Kubeflow.
        name: what a person types to name it anywhere: the full resource name on Vertex.
        title: the run's display name.
        pipeline: the name of the pipeline that ran.
        state: one of the states above.
        url: the run in the console; empty for a stand-in.
        root: the pipeline root.
        results: the folder of the run's own files, where the platform tells it.
        reason: why it failed, as the platform tells it.
        steps: in the order in which they began.
        parameters: as they were given.
        labels: the person's and ours.
        created: when it was made.
        ended: when it ended.
    """

    id: str
    name: str
    title: str
    pipeline: str
    state: str
    url: str = ""
    root: str = ""
    results: str = ""
    reason: str = ""
    steps: tuple[Step, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    created: datetime.datetime | None = None
    ended: datetime.datetime | None = None

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it will change any more."""
        return self.state in ENDED

    @property
    def ends(self) -> bool:
        """Whether it has ended, or is being cancelled."""
        return self.has_ended or self.state == CANCELLING

    @property
    def failed_steps(self) -> tuple[Step, ...]:
        """The steps that failed, in order."""
        return tuple(step for step in self.steps if step.state == FAILED)


class Platform(Protocol):
    """What runs pipelines.

    Every method raises ServiceError where the platform refuses or does not answer.
    """

    title: str
    """The platform's name, as in "Vertex AI"."""
    options: str
    """What a command adds to find the platform again."""
    poll_s: tuple[float, float]
    """The shortest and the longest time between two looks at a run, in seconds."""

    def create(self, wanted: Wanted) -> Run:
        """Start a run, or take up the one that an earlier attempt made.

        Raises:
            InputError: another run has the id, or the service refuses the request.
        """

    def get(self, run_id: str) -> Run:
        """A run as it is now.

        Raises:
            InputError: there is no such run.
        """

    def cancel(self, run_id: str) -> None:
        """Ask for the end of a run; one that has ended stays as it is."""

    def recent(self) -> Iterator[Run]:
        """Runs of every pipeline, the youngest first; their steps may be left out."""


def titles(spec: Mapping[str, Any]) -> dict[str, str]:
    """The steps of a spec that run a program: task name -> the name that the console shows.

    Groups (loops, branches, exit handlers, nested pipelines) are left out.
    """
    components = spec.get("components", {})
    names: dict[str, str] = {}
    for component in (spec.get("root", {}), *components.values()):
        for name, task in component.get("dag", {}).get("tasks", {}).items():
            reference = task.get("componentRef", {}).get("name", "")
            if "executorLabel" in components.get(reference, {}):
                names.setdefault(name, task.get("taskInfo", {}).get("name", name))
    return names
