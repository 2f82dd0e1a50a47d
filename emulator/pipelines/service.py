"""The calls of pipeline jobs.

What is not known of the service, and what is done here:

* cancelling a job that has ended: 400; deleting one that has not: 400;
* the exit task of a cancelled job does not run;
* caching is not emulated: every task runs. Nor are machine types, images, service accounts and
  networks, which are kept and shown;
* a failure policy other than slow is kept, and the run goes on as under slow;
* there is no CustomJob behind the name in a task's executor detail.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from emulator import filters
from emulator.batch import paging
from emulator.clock import Clock
from emulator.messages import ApiError, Request, Response, Route
from emulator.pipelines.book import FINAL, Book, Run
from emulator.pipelines.request import Template, checked_create, job_id
from emulator.pipelines.runner import Runner
from emulator.pipelines.spec import pipeline_name
from emulator.projects import is_project
from emulator.storage.store import Store
from emulator.vertex.callers import check_caller

PARENT = r"/(?:v1|v1beta1)/projects/(?P<project>[^/:]+)/locations/(?P<location>[a-z0-9-]+)"
_JOBS = f"{PARENT}/pipelineJobs"
_JOB = rf"{_JOBS}/(?P<job>[^/:]+)"
_BRIEFLY = (
    1.0  # seconds that a GetPipelineJob call waits for the end, so that callers need not poll
)
_PAGE, _MOST = 100, 1000
_MOST_WAITING = 300  # quota of concurrent jobs in a region (docs, quotas)
_FIELDS = {  # documentation of ListPipelineJobsRequest
    **filters.USUAL,
    "pipeline_name": "= != :",
    "template_uri": "= != :",
    "schedule_name": "= !=",
    "end_time": "= != < <= > >=",
}
_STATES = {"PENDING": 2, "RUNNING": 3, "SUCCEEDED": 4, "FAILED": 5, "CANCELLING": 6, "CANCELLED": 7}
_TASK_STATES = {"PENDING": 1, "RUNNING": 2, "SUCCEEDED": 3, "CANCELLED": 6, "FAILED": 7}
_TASK_STATES |= {"NOT_TRIGGERED": 9}
_ORDERS = ("create_time", "update_time", "end_time", "start_time")


class PipelineJobs:
    """The handlers, round the book and the processes.

    Args:
        folder: of the jobs' files.
        store: the buckets.
        clock: what time it is.
        template: content and version behind a template uri.
        environment: what steps get.
    """

    def __init__(
        self,
        folder: Path,
        store: Store,
        clock: Clock,
        template: Template,
        environment: Callable[[], Mapping[str, str]],
    ) -> None:
        self.book = Book(folder, clock)
        self._runner = Runner(folder, self.book, store, environment)
        self._store = store
        self._template = template
        self.book.resume()

    def close(self) -> None:
        """End everything that runs."""
        self._runner.close()

    def routes(self) -> list[Route]:
        """The calls."""
        return [
            Route("POST", _JOBS, self._create, "vertex.CreatePipelineJob"),
            Route("GET", _JOBS, self._list, "vertex.ListPipelineJobs"),
            Route("GET", _JOB, self._get, "vertex.GetPipelineJob"),
            Route("DELETE", _JOB, self._delete, "vertex.DeletePipelineJob"),
            Route("POST", f"{_JOB}:cancel", self._cancel, "vertex.CancelPipelineJob"),
        ]

    def create(
        self,
        place: tuple[str, str],
        body: Mapping[str, Any],
        asked_id: str = "",
        schedule: tuple[str, str] = ("", ""),
    ) -> Run:
        """Start a job at a place (project and location).

        Args:
            place: project and location.
            body: a PipelineJob.
            asked_id: its id; "" for one of the pipeline's name and the time.
            schedule: the schedule that makes it, and for which time.

        Raises:
            ApiError: it is refused.
        """
        asked = checked_create(body, self._template, self._has_bucket)
        running = [run for run in self.book.runs() if run.state not in FINAL]
        if len(running) >= _MOST_WAITING:
            raise ApiError(429, "", f"{_MOST_WAITING} pipeline jobs have not ended yet.")
        name = pipeline_name(asked.resource["pipelineSpec"])
        run = self.book.create(
            place,
            job_id(asked_id, name, schedule[1] or self.book.now()),
            resource=asked.resource,
            parameters=asked.parameters,
            version=asked.version,
            schedule=schedule[0],
            scheduled=schedule[1],
        )
        self._runner.submit(run)
        return run

    def check(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The job as it would be kept, without starting it.

        Raises:
            ApiError: it is refused.
        """
        return checked_create(body, self._template, self._has_bucket).resource

    def cancel(self, run: Run) -> None:
        """Begin to cancel a job."""
        self._runner.cancel(run)

    def _create(self, request: Request) -> Response:
        check_caller(request)
        place = (request.params["project"], request.params["location"])
        run = self.create(place, request.json(), request.query.get("pipelineJobId", ""))
        with self.book.changed:
            return Response(body=resource(run, numbers=wants_numbers(request), state="PENDING"))

    def _get(self, request: Request) -> Response:
        run = self._find(request)
        self.book.wait_until_ended(run, _BRIEFLY)
        with self.book.changed:
            return Response(body=resource(run, numbers=wants_numbers(request)))

    def _list(self, request: Request) -> Response:
        check_caller(request)
        terms = filters.parse(request.query.get("filter", ""), _FIELDS)
        size = paging.page_size(request.query, _PAGE, _MOST)
        start = paging.after(request.query) or 0
        if not isinstance(start, int):
            raise ApiError(400, "INVALID_ARGUMENT", "page_token is not valid.")
        with self.book.changed:
            found = [
                run
                for run in self.book.runs()
                if is_project(run.project, request.params["project"])
                and run.location == request.params["location"]
                and all(filters.holds(term, _filtered(run)) for term in terms)
            ]
            found = _ordered(found, request.query.get("orderBy", ""))
            numbers = wants_numbers(request)
            page = [resource(run, numbers=numbers) for run in found[start : start + size]]
        mask = request.query.get("readMask", "")
        body: dict[str, Any] = {"pipelineJobs": [_only(each, mask) for each in page]}
        if start + size < len(found):
            body["nextPageToken"] = paging.token(start + size)
        return Response(body=body if page else {})

    def _cancel(self, request: Request) -> Response:
        run = self._find(request)
        with self.book.changed:
            if run.state in FINAL:
                raise _precondition(f"The job {run.name} has ended: {run.state}.")
            self._runner.cancel(run)
        return Response(body={})

    def _delete(self, request: Request) -> Response:
        run = self._find(request)
        with self.book.changed:
            if run.state not in FINAL:
                raise _precondition(f"The job {run.name} is {run.state}; cancel it first.")
            self.book.delete(run)
        self._runner.forget(run)
        return Response(body=deletion(run.parent, run.uuid))

    def _find(self, request: Request) -> Run:
        check_caller(request)
        params = request.params
        run = self.book.find(params["project"], params["location"], params["job"])
        if run is None:
            name = f"projects/{params['project']}/locations/{params['location']}"
            text = f"The PipelineJob {name}/pipelineJobs/{params['job'][:200]} does not exist."
            raise ApiError(404, "", text)
        return run

    def _has_bucket(self, name: str) -> bool:
        return any(bucket["name"] == name for bucket in self._store.buckets())


def resource(run: Run, *, numbers: bool = False, state: str = "") -> dict[str, Any]:
    """The job as callers see it; `state` shows it in another state than its own."""
    now = state or run.state
    fields: Mapping[str, Any] = {
        "name": run.name,
        **run.resource,
        "state": _STATES[now] if numbers else f"PIPELINE_STATE_{now}",
        "createTime": run.created,
        "startTime": run.started if not state else "",
        "endTime": run.ended if now in FINAL else "",
        "updateTime": run.updated,
        "error": run.error if now in FINAL else None,
        "scheduleName": run.schedule,
        "templateMetadata": {"version": run.version} if run.version else None,
    }
    found = {name: value for name, value in fields.items() if value}
    if run.tasks and not state:
        details = [_numbered(task) if numbers else task for task in run.tasks.values()]
        found["jobDetail"] = {"taskDetails": details}
    return found


def _numbered(task: Mapping[str, Any]) -> dict[str, Any]:
    steps = [each | {"state": _TASK_STATES[each["state"]]} for each in task["pipelineTaskStatus"]]
    return {**task, "state": _TASK_STATES[task["state"]], "pipelineTaskStatus": steps}


def wants_numbers(request: Request) -> bool:
    """Whether the caller wants enums as numbers."""
    return "enum-encoding=int" in request.query.get("$alt", "")


def deletion(parent: str, number: str) -> dict[str, Any]:
    """The long-running operation of a delete, which has happened."""
    kind = "type.googleapis.com/google.cloud.aiplatform.v1.DeleteOperationMetadata"
    return {
        "name": f"{parent}/operations/{number}",
        "metadata": {"@type": kind},
        "done": True,
        "response": {"@type": "type.googleapis.com/google.protobuf.Empty"},
    }


def _filtered(run: Run) -> dict[str, Any]:
    """What a filter can ask for."""
    return {
        "display_name": run.resource["displayName"],
        "pipeline_name": pipeline_name(run.resource["pipelineSpec"]),
        "template_uri": run.resource.get("templateUri", ""),
        "schedule_name": run.schedule,
        "state": f"PIPELINE_STATE_{run.state}",
        "create_time": run.created,
        "end_time": run.ended,
        "labels": run.resource.get("labels", {}),
    }


def _ordered(runs: list[Run], by: str) -> list[Run]:
    """By a comma-separated list of times, each with `desc` or not; the newest first without."""
    for term in reversed([each.strip() for each in by.split(",") if each.strip()]):
        field, _, direction = term.partition(" ")
        if field not in _ORDERS or direction.strip() not in ("", "asc", "desc"):
            raise ApiError(400, "INVALID_ARGUMENT", f"Cannot order by {term[:80]!r}.")
        attribute = {"create_time": "created", "update_time": "updated", "end_time": "ended"}
        key = operator.attrgetter(attribute.get(field, "started"))
        runs = sorted(runs, key=key, reverse=direction.strip() == "desc")
    return runs


def _only(found: dict[str, Any], mask: str) -> dict[str, Any]:
    """The fields of the mask, by their first names; all without one."""
    if not mask or mask == "*":
        return found
    words = [word.strip().partition(".")[0] for word in mask.split(",")]
    names = {"".join(p.title() if i else p for i, p in enumerate(w.split("_"))) for w in words}
    return {name: value for name, value in found.items() if name in names}


def _precondition(text: str) -> ApiError:
    return ApiError(400, "FAILED_PRECONDITION", text)
