"""What became of a job and its rounds so far, and which of its tasks have not succeeded yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.batch.job_json import job_json
from components.batch.names import JOB_NAME
from components.batch.rerun_marks import (
    RERUN_OF,
    RERUN_UID,
    manifest_uri,
    marked_indexes,
    uid_hash,
)
from components.batch.service import Service
from components.batch.states import ENDED, job_stage, job_state_name
from components.batch.task_facts import STATES, index_of
from components.batch.task_rows import GROUP, job_facts
from components.errors import InputError
from components.rounds.build import task_count
from components.rounds.names import MOST_ROUNDS, round_id
from components.storage.files import read_text
from components.storage.uris import is_gcs


@dataclass(frozen=True)
class Round:
    """A job of a series, the first one among them.

    Attributes:
        number: 0 for the first job.
        name: its full name.
        state: the service's word for its state.
        job: as JSON data.
        indexes: which task of the first job each of its tasks is.
        succeeded: those of them that have succeeded.
    """

    number: int
    name: str
    state: str
    job: Mapping[str, Any]
    indexes: Sequence[int]
    succeeded: frozenset[int]

    @property
    def ended(self) -> bool:
        """Whether it is at rest."""
        return job_stage(self.state) in ENDED


@dataclass(frozen=True)
class Series:
    """A job and its rounds.

    Attributes:
        uid: the first job's uid.
        rounds: the first job and its rounds, in order.
    """

    uid: str
    rounds: Sequence[Round] = field(default_factory=list)

    @property
    def first(self) -> Round:
        """The first job."""
        return self.rounds[0]

    @property
    def last(self) -> Round:
        """The newest round, or the first job."""
        return self.rounds[-1]

    @property
    def left(self) -> list[int]:
        """Indexes of the tasks that succeeded in no round; those that never ran are among them."""
        done = frozenset[int]().union(*(each.succeeded for each in self.rounds))
        return [index for index in self.first.indexes if index not in done]


def gather(name: str, service: Service) -> Series:
    """Read a job and its rounds.

    Args:
        name: full name of the first job, or of one of its rounds.
        service: the calls.

    Raises:
        InputError: a job has the name of a round and is none, or a round's indexes are not to be
            read.
        google.api_core.exceptions.GoogleAPICallError: there is no such job, or it cannot be read.
    """
    job = service.job(name)
    first_id = str(job.labels.get(RERUN_OF, ""))
    if first_id and RERUN_UID in job.labels:
        name = f"{name.partition('/jobs/')[0]}/jobs/{first_id}"
        told = job.labels[RERUN_UID]
        job = _first_of(service, name, told)
    uid = job.uid
    rounds = [_round(0, name, job, service)]
    whole = rounds[0].indexes
    for number in range(1, MOST_ROUNDS + 1):
        found = _find(service, _sibling(name, round_id(_id(name), uid, number)))
        if found is None:
            break
        if found.labels.get(RERUN_UID) != uid_hash(uid):
            raise InputError(
                f"{found.name} has the name of a rerun, and its labels say that it is none",
                where=name,
                fix="Delete that job, or run the whole job again.",
            )
        rounds.append(_round(number, str(found.name), found, service, whole))
    return Series(uid, rounds)


def _first_of(service: Service, name: str, told: str) -> Any:
    job = _find(service, name)
    if job is None or uid_hash(job.uid) != told:
        raise InputError(
            "The first job of this rerun is gone",
            where=name,
            fix="Batch deletes jobs 60 days after they end; run the whole job again.",
        )
    return job


def _find(service: Service, name: str) -> Any:
    from google.api_core import exceptions

    try:
        return service.job(name)
    except exceptions.NotFound:
        return None


def _round(number: int, name: str, job: Any, service: Service, whole: Sequence[int] = ()) -> Round:
    told = job_json(job)
    count = task_count(told)
    all_of_them = number == 0 or count == len(whole)
    indexes: Sequence[int] = range(count) if all_of_them else _indexes(told, name)
    if len(indexes) != count:
        raise InputError(
            f"The rerun has {count:,} tasks and {len(indexes):,} indexes", where=name,
            fix="Run the whole job again.",
        )  # fmt: skip
    state = job_state_name(job.status.state)
    done = _succeeded(service, name, job)
    return Round(
        number, name, state, told, indexes, frozenset(indexes[at] for at in done if at < count)
    )


def _indexes(job: Mapping[str, Any], name: str) -> list[int]:
    marked = marked_indexes(job)
    if marked is not None:
        return marked
    uri = manifest_uri(job)
    try:
        if not is_gcs(uri):  # what stands in a job's variables is other people's text
            raise ValueError("it names no file on Cloud Storage")
        return [int(line) for line in read_text(uri).split()]
    except ValueError as error:
        raise InputError(
            f"The indexes of this rerun cannot be read ({error})", where=uri or name,
            fix="Run the whole job again.",
        ) from error  # fmt: skip


def _succeeded(service: Service, name: str, job: Any) -> list[int]:
    """Places of the tasks that have succeeded."""
    group, _ = job_facts(job, GROUP, "")
    places = []
    for position, task in enumerate(service.tasks(name, group, "")):
        if STATES.get(task.status.state) == "SUCCEEDED":
            place = index_of(task.name)
            places.append(position if place is None else place)
    return places


def _sibling(name: str, job_id: str) -> str:
    return f"{name.partition('/jobs/')[0]}/jobs/{job_id}"


def _id(name: str) -> str:
    found = JOB_NAME.fullmatch(name)
    return found["job_id"] if found else name
