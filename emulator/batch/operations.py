"""Long-running operations: cancel and delete. They are done when the job is."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

from emulator.batch.events import timestamp
from emulator.batch.jobs import FINAL, Job

Verb = Literal["cancel", "delete"]
_TYPE = "type.googleapis.com/"
_RESPONSES = {
    "cancel": "google.cloud.batch.v1.CancelJobResponse",
    "delete": "google.protobuf.Empty",
}


class Operation(NamedTuple):
    """A cancellation or deletion that was asked for."""

    name: str
    verb: Verb
    uid: str
    created_ns: int
    request_id: str


class Operations:
    """All operations; they survive a restart in `operations.jsonl`."""

    def __init__(self, folder: Path, clock: Callable[[], int]) -> None:
        self._path = folder / "operations.jsonl"
        self._clock = clock
        self._lock = threading.Lock()
        self._by_name: dict[str, Operation] = {}
        if self._path.exists():
            for line in self._path.read_text(encoding="utf-8").splitlines():
                operation = Operation(*json.loads(line))
                self._by_name[operation.name] = operation

    def add(self, verb: Verb, job: Job, request_id: str) -> Operation:
        """Enter an operation on a job."""
        parent = job.name.rpartition("/jobs/")[0]
        name = f"{parent}/operations/operation-{uuid.uuid4()}"
        operation = Operation(name, verb, job.uid, self._clock(), request_id)
        with self._lock:
            self._by_name[name] = operation
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(operation) + "\n")
        return operation

    def get(self, name: str) -> Operation | None:
        """The operation of that name."""
        with self._lock:
            return self._by_name.get(name)

    def of_request(self, verb: Verb, parent: str, request_id: str) -> Operation | None:
        """The operation that the same request has begun before."""
        if not request_id:
            return None
        with self._lock:
            for operation in self._by_name.values():
                place = operation.name.rpartition("/operations/")[0]
                if (operation.verb, place, operation.request_id) == (verb, parent, request_id):
                    return operation
            return None


def is_done(operation: Operation, job: Job) -> bool:
    """Whether what was asked for has happened."""
    return job.deleted or (operation.verb == "cancel" and job.state in FINAL)


def operation_json(operation: Operation, job: Job) -> dict[str, Any]:
    """The operation as the service's JSON."""
    metadata = {
        "@type": f"{_TYPE}google.cloud.batch.v1.OperationMetadata",
        "createTime": timestamp(operation.created_ns),
        "target": job.name,
        "verb": operation.verb,
        "requestedCancellation": False,
        "apiVersion": "v1",
    }
    answer: dict[str, Any] = {"name": operation.name, "metadata": metadata, "done": False}
    if is_done(operation, job):
        metadata["endTime"] = timestamp(max(job.updated_ns, operation.created_ns))
        answer["done"] = True
        answer["response"] = {"@type": f"{_TYPE}{_RESPONSES[operation.verb]}"}
    return answer
