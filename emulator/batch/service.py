"""The Batch stand-in and its logs: the routes, and what holds them together.

What a launcher does::

    batch = Batch(state_dir, project, store, faults, child_environment)
    serve(batch.services[0]), serve(batch.services[1])     # "batch" and "logging"
    batch.begin()       # once the ports are known: goes on with the jobs of a former process

`close()` ends every process of every task; the `batch` service calls it when it is closed, so a
launcher that closes its services need not. `child_environment` is called when a job starts its
tasks; a task gets what it returns and nothing else of this process's environment.

A job of the client's making really runs, as this user, on this machine. See `executor` for what
is done where the documentation is silent, `validation` for what is refused, `scenarios` for what
can be made to go wrong.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from emulator.batch import listing, messages, validation
from emulator.batch.book import AlreadyExistsError, JobBook
from emulator.batch.events import OPERATIONAL_INFO
from emulator.batch.executor import DEFAULT_CAPACITY, Executor
from emulator.batch.jobs import FINAL, GROUP, Job, job_json, new_job_json, task_json
from emulator.batch.logging_service import logging_service
from emulator.batch.operations import Operations, Verb, is_done, operation_json
from emulator.batch.run import JobRun
from emulator.batch.scenarios import Scenario, Scenarios
from emulator.batch.volumes import Buckets
from emulator.faults import Faults
from emulator.http import ApiError, Request, Response, Route, Service

_PARENT = r"(?P<parent>projects/[^/:]+/locations/[^/:]+)"
_JOB = r"(?P<name>projects/[^/:]+/locations/[^/:]+/jobs/[^/:]+)"
_BRIEFLY = 0.25  # seconds that a cancel or delete may take before its operation is left open


class Batch:
    """The state of the stand-in.

    Args:
        state_dir: the emulator's folder; Batch keeps everything in `batch/` in it.
        project: the emulator's project; jobs of other projects are served too.
        store: the buckets, for volumes.
        faults: shared by the services of one emulator.
        child_environment: what each task gets to find the stand-ins.
        capacity: how many tasks of all jobs run at once.
    """

    def __init__(
        self,
        state_dir: Path,
        project: str,
        store: Buckets | None,
        faults: Faults,
        child_environment: Callable[[], dict[str, str]],
        capacity: int = DEFAULT_CAPACITY,
    ) -> None:
        folder = (state_dir / "batch").resolve()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.project = project
        self.book = JobBook(folder / "jobs")
        self.scenarios = Scenarios()
        self._operations = Operations(folder, self.book.clock)
        self._executor = Executor(
            self.book, folder, store, self.scenarios, child_environment, capacity
        )
        self.services = (
            Service(name="batch", faults=faults, routes=self._routes(), close=self.close),
            logging_service(self.book, faults),
        )

    def begin(self) -> None:
        """Go on with the jobs of a former process, and import what the first job needs."""
        threading.Thread(target=messages.warm_up, name="batch-warm-up", daemon=True).start()
        self._executor.resume()

    def close(self) -> None:
        """End every process that was started; a second call does nothing."""
        self._executor.close()
        self.book.close()

    def wait_for(
        self, name: str, happened: Callable[[Job], bool] | None = None, seconds: float = 60
    ) -> Job:
        """Wait, without polling, until something is so of a job; by default that it has ended.

        Raises:
            TimeoutError: it did not happen in time; the text holds the job's state.
        """
        job = self._find(name)
        wanted = happened or (lambda job: job.deleted or job.state in FINAL)
        if not self.book.wait_for(lambda: wanted(job), seconds):
            raise TimeoutError(f"{name} is still {job.state}: {dict(job.counts)}")
        return job

    # Calls

    def _routes(self) -> list[Route]:
        tasks = rf"{_JOB}/taskGroups/(?P<group>[^/:]+)/tasks"
        operation = r"/v1/(?P<name>projects/[^/:]+/locations/[^/:]+/operations/[^/:]+)"
        return [
            Route("POST", rf"/v1/{_PARENT}/jobs", self._create, "batch.CreateJob"),
            Route("GET", rf"/v1/{_PARENT}/jobs", self._list, "batch.ListJobs"),
            Route("GET", rf"/v1/{_JOB}", self._get, "batch.GetJob"),
            Route("DELETE", rf"/v1/{_JOB}", self._delete, "batch.DeleteJob"),
            Route("POST", rf"/v1/{_JOB}:cancel", self._cancel, "batch.CancelJob"),
            Route("GET", rf"/v1/{tasks}", self._list_tasks, "batch.ListTasks"),
            Route("GET", rf"/v1/{tasks}/(?P<task>[^/:]+)", self._get_task, "batch.GetTask"),
            Route("GET", operation, self._get_operation, "batch.GetOperation"),
            Route("POST", "/_emulator/scenarios", self._set_scenario, "_emulator.addScenario"),
            Route("DELETE", "/_emulator/scenarios", self._forget, "_emulator.clearScenarios"),
        ]

    def _create(self, request: Request) -> Response:
        parent = request.params["parent"]
        location = parent.rpartition("/")[2]
        request_id = request.query.get("requestId", "")
        validation.check_location(location)
        validation.check_request_id(request_id)
        job_id = request.query.get("jobId", "") or f"j-{uuid.uuid4()}"
        validation.check_job_id(job_id)
        spec, count = validation.checked_job(request.json(), location)
        spec["taskGroups"][0] = {
            "name": f"{parent}/jobs/{job_id}/taskGroups/{GROUP}",
            **spec["taskGroups"][0],
        }
        try:
            job, new = self.book.create(f"{parent}/jobs/{job_id}", spec, count, request_id)
        except AlreadyExistsError as error:
            text = f"Resource '{parent}/jobs/{job_id}' already exists"
            raise ApiError(409, "ALREADY_EXISTS", text) from error
        answer = new_job_json(job, _numbers(request.query))
        if new:
            for text in validation.remarks(job.spec):
                self.book.tell(job, OPERATIONAL_INFO, text)
            self._executor.start(job)
        return Response(body=answer)

    def _get(self, request: Request) -> Response:
        job = self._find(request.params["name"])
        self._executor.before_get(job)
        with self.book.changed:
            job = self._find(request.params["name"])
            answer = job_json(job, self.book.clock(), _numbers(request.query))
            self._executor.after_get(job, job.state)
        return Response(body=answer)

    def _list(self, request: Request) -> Response:
        project, location = request.params["parent"].split("/")[1::2]
        if location != "-":
            validation.check_location(location)
        wanted = [
            job
            for job in self.book.jobs()
            if job.name.split("/")[1] == project and location in ("-", job.location)
        ]
        with self.book.changed:
            now = self.book.clock()
            page = listing.jobs_page(wanted, request.query, now, _numbers(request.query))
        return Response(body=page)

    def _list_tasks(self, request: Request) -> Response:
        job = self._find_group(request)
        with self.book.changed:
            page = listing.tasks_page(job, request.query, _numbers(request.query))
        return Response(body=page)

    def _get_task(self, request: Request) -> Response:
        job = self._find_group(request)
        index = request.params["task"]
        if not (re.fullmatch("[0-9]{1,9}", index) and int(index) < job.task_count):
            raise _missing(f"{job.name}/taskGroups/{GROUP}/tasks/{index}")
        with self.book.changed:
            answer = task_json(job, int(index), _numbers(request.query))
        return Response(body=answer)

    def _cancel(self, request: Request) -> Response:
        request_id = str(request.json().get("requestId", ""))
        return self._change(request, "cancel", request_id)

    def _delete(self, request: Request) -> Response:
        return self._change(request, "delete", request.query.get("requestId", ""))

    def _change(self, request: Request, verb: Verb, request_id: str) -> Response:
        """Begin a cancellation or deletion, unless the same request has; both may end at once."""
        validation.check_request_id(request_id)
        name = request.params["name"]
        parent = name.rpartition("/jobs/")[0]
        with self.book.changed:
            operation = self._operations.of_request(verb, parent, request_id)
            begin = operation is None
            job = self._find(name) if operation is None else self.book.by_uid(operation.uid)
            if job is None:
                raise _missing(name)
            if operation is None:
                begin = _may_change(job, verb)
                operation = self._operations.add(verb, job, request_id)
            run = self._begin(verb, job) if begin else None
        if run:
            run.end_tasks()
        self.book.wait_for(lambda: is_done(operation, job), _BRIEFLY)
        return Response(body=operation_json(operation, job))

    def _begin(self, verb: Verb, job: Job) -> JobRun | None:
        return self._executor.cancel(job) if verb == "cancel" else self._executor.delete(job)

    def _get_operation(self, request: Request) -> Response:
        operation = self._operations.get(request.params["name"])
        job = self.book.by_uid(operation.uid) if operation else None
        if operation is None or job is None:
            raise _missing(request.params["name"])
        return Response(body=operation_json(operation, job))

    def _set_scenario(self, request: Request) -> Response:
        try:
            self.scenarios.add(Scenario.from_json(request.json()))
        except ValueError as error:
            raise ApiError(400, "INVALID_ARGUMENT", f"Not a scenario: {error}.") from error
        return Response(body={})

    def _forget(self, _: Request) -> Response:
        self.scenarios.clear()
        return Response(body={})

    def _find(self, name: str) -> Job:
        job = self.book.get(name)
        if job is None:
            raise _missing(name)
        return job

    def _find_group(self, request: Request) -> Job:
        if request.params["group"] != GROUP:
            raise _missing(f"{request.params['name']}/taskGroups/{request.params['group']}")
        return self._find(request.params["name"])


def _may_change(job: Job, verb: Verb) -> bool:
    """Whether there is something to do.

    A cancelled job may be cancelled again, a cancelling one may not (Cromwell's experience); of
    jobs that have ended otherwise nothing is documented, and the stand-in refuses.

    Raises:
        ApiError: 400 FAILED_PRECONDITION.
    """
    if verb == "cancel" and job.state == "CANCELLED":
        return False
    refused = job.state == "DELETION_IN_PROGRESS" or (
        verb == "cancel" and (job.state in FINAL or job.state == "CANCELLATION_IN_PROGRESS")
    )
    if refused:
        done = {"cancel": "cancelled", "delete": "deleted"}[verb]
        text = f"Job {job.name} cannot be {done}: it is in state {job.state}."
        raise ApiError(400, "FAILED_PRECONDITION", text)
    return True


def _missing(name: str) -> ApiError:
    return ApiError(404, "NOT_FOUND", f"Resource '{name}' was not found")


def _numbers(query: Mapping[str, str]) -> bool:
    """Whether the caller wants enums as numbers."""
    return "enum-encoding=int" in query.get("$alt", "")
