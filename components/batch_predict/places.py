"""Where the files of a run lie, and what jobs are called."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from components.storage.uris import is_gcs, join

_DISPLAY_NAME_MAX = 128  # BatchPredictionJob.display_name


@dataclass(frozen=True)
class Places:
    """The files of one run.

    Attributes:
        run_uri: the run folder, local or gs://.
        identity: what tells this run from others.
        staging_uri: a gs:// folder, needed where the run folder is local: the service reads and
            writes nothing else. Shards are copied there, and outputs from there.
    """

    run_uri: str
    identity: str
    staging_uri: str = ""

    @property
    def staged(self) -> bool:
        """Whether files have to be copied for the service."""
        return not is_gcs(self.run_uri)

    @property
    def book(self) -> str:
        """The ledger."""
        return join(self.run_uri, "predictions.json")

    def prepared(self, *names: str) -> str:
        """A file that the preparing step wrote, or that belongs beside those."""
        return join(self.run_uri, "prepared", *names)

    def shard(self, name: str) -> str:
        """A shard."""
        return self.prepared("shards", name)

    def outputs(self, display_name: str) -> str:
        """The folder of the outputs of a job."""
        return join(self.run_uri, "predictions", display_name)

    def service_shard(self, name: str) -> str:
        """A shard as the service reads it."""
        return join(self._service, "prepared", "shards", name)

    def service_outputs(self, display_name: str) -> str:
        """The folder that the service writes the outputs of a job to."""
        return join(self._service, "predictions", display_name)

    @property
    def _service(self) -> str:
        return join(self.staging_uri, slug(self.identity)) if self.staged else self.run_uri


def display_name(identity: str, shard: str, attempt: int, content: str) -> str:
    """The name of a job: readable, and other for another run, shard, content or attempt."""
    told = "\n".join((identity, shard, str(attempt), content))
    proof = hashlib.sha256(told.encode()).hexdigest()[:16]
    readable = f"{slug(identity)[:60]}-{slug(shard.removesuffix('.jsonl'))[:40]}"
    return f"{readable}-a{attempt}-{proof}"[:_DISPLAY_NAME_MAX]


def content_hash(lines: Iterable[bytes]) -> str:
    """A hash of a shard's content."""
    told = hashlib.blake2b(digest_size=16)
    for line in lines:
        told.update(line)
    return told.hexdigest()


def slug(text: str) -> str:
    """Letters, digits and dashes: fit for display names, labels and folders."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "run"
