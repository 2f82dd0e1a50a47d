"""The round that follows: made of the first job and what is left of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.batch.names import JobNames
from components.batch.policy import CostOf
from components.errors import InputError
from components.rounds.build import manifest_text, needs_manifest, round_job
from components.rounds.gather import Series
from components.rounds.names import MOST_ROUNDS, round_id, round_names
from components.rounds.payload import MANIFEST_FILE, Choices
from components.storage import files
from components.storage.uris import join
from components.tables.formats import dollars


@dataclass(frozen=True)
class NextRound:
    """A round that was not made yet.

    Attributes:
        number: from 1.
        names: what names its job.
        job: the job, without the labels in `names`.
        indexes: which tasks of the first job it runs.
        manifest: where its indexes are to be written before it is submitted; empty: nowhere.
    """

    number: int
    names: JobNames
    job: dict[str, Any]
    indexes: Sequence[int]
    manifest: str = ""

    def write_manifest(self) -> None:
        """Write the indexes where the tasks read them; the same text each time."""
        if self.manifest:
            files.write_text(self.manifest, manifest_text(self.indexes))


def next_round(
    series: Series,
    choices: Choices,
    *,
    folder: str = "",
    changed: Mapping[str, Any] | None = None,
    only: Sequence[int] | None = None,
) -> NextRound:
    """The round after the last one.

    Args:
        series: the job and its rounds; all of them at rest, and something left.
        choices: what a person says of its images.
        folder: gs:// folder for the indexes of more than 200 tasks.
        changed: the first job with what is to be different this time; None: as it was.
        only: of what is left, only these tasks; None: all.

    Raises:
        InputError: its tasks cannot run without the others, or cannot be told their index; or
            there were too many rounds.
    """
    number = series.last.number + 1
    if number > MOST_ROUNDS:
        raise InputError(
            f"This job was run again {MOST_ROUNDS} times", where=series.first.name,
            fix="Submit it anew.",
        )  # fmt: skip
    left = series.left if only is None else sorted(set(series.left) & set(only))
    first = series.first
    own = round_id(first.name.rpartition("/")[2], series.uid, number)
    place = join(folder, own) if folder else ""
    job = round_job(changed or first.job, left, choices, folder=place)
    return NextRound(
        number,
        round_names(first.name, series.uid, number, job),
        job,
        left,
        join(place, MANIFEST_FILE) if needs_manifest(left, len(first.indexes)) else "",
    )


def over_all(jobs: Sequence[Mapping[str, Any]], cost_of: CostOf, most_usd: float) -> str:
    """Why the last of these jobs must not be sent; empty where it may be.

    Args:
        jobs: the first job and its rounds, the next one last; each counts with its worst case.
        cost_of: what a job costs at worst.
        most_usd: what all of them may cost; 0 sets no limit.
    """
    if not most_usd:
        return ""
    costs = [cost_of(job) for job in jobs]
    if any(cost is None for cost in costs):
        return (
            "What the job and its reruns may cost is unknown, so it was not held to be within the "
            f"{dollars(most_usd)} allowed"
        )
    total = sum(cost for cost in costs if cost is not None)
    if total <= most_usd:
        return ""
    return (
        f"The job and its reruns may cost {dollars(total)} at worst ({dollars(costs[-1])} this "
        f"time), more than the {dollars(most_usd)} allowed"
    )
