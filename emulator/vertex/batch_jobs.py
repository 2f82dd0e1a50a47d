"""The calls of batch prediction: batchPredictionJobs over the buckets of the storage stand-in.

What is not known of the service, and what is done here (sources: the documentation of batch
inference and of the resource, and public samples of its output):

* several input uris and wildcards for Gemini: refused (scenario `sources` takes them);
* unknown top-level keys of an input line: dropped (scenario `echo` keeps them);
* an input that cannot be read, or a line that is no request: the job FAILS. A request that the
  model would refuse: its row fails, the job does not;
* a job whose rows have all failed SUCCEEDS, as users of the service report;
* cancelling a job that has ended, or deleting one that has not: 400;
* numbers of completionStats are texts, and left out where they are 0, as in all of Google's JSON.

Answers are by the rules of a script, then an upstream server's or the stand-in model's, whose
tokens are characters / 4.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from emulator import filters
from emulator.batch import paging
from emulator.http import ApiError, Request, Response, Route
from emulator.projects import is_project
from emulator.storage.store import Store
from emulator.vertex.batch_jobs_book import FINAL, Book, Job
from emulator.vertex.batch_jobs_request import checked_create, one_source
from emulator.vertex.batch_jobs_run import Runner
from emulator.vertex.batch_jobs_scenarios import STATES, Scenarios
from emulator.vertex.callers import check_caller
from emulator.vertex.rows_answer import Model

_PARENT = r"/(?:v1|v1beta1)/projects/(?P<project>[^/:]+)/locations/(?P<location>[a-z0-9-]+)"
_JOBS = f"{_PARENT}/batchPredictionJobs"
_JOB = rf"{_JOBS}/(?P<job>[^/:]+)"
_BRIEFLY = 1.0  # seconds that a GetJob call waits for the work, so that callers need not poll
_PAGE, _MOST = 100, 1000


class PredictionJobs:
    """The handlers, round the book and the thread that does the work.

    Args:
        folder: of the jobs' files.
        store: the buckets.
        model: what answers rows.
        clock: seconds since 1970.
        at_once: rows that the model is asked at the same time.
    """

    def __init__(
        self,
        folder: Path,
        store: Store,
        model: Model,
        clock: Callable[[], float] = time.time,
        at_once: int = 1,
    ) -> None:
        self.scenarios = Scenarios()
        self._runner = Runner(store, model, clock, at_once)
        self.book = Book(folder, clock, self._runner.submit)
        self._runner.book = self.book
        self.book.resume()

    @property
    def ending(self) -> threading.Event:
        """Set when close() has begun."""
        return self._runner.ends

    def close(self) -> None:
        """End the work; what had not ended begins again with the next emulator."""
        self._runner.close()

    def routes(self) -> list[Route]:
        """The calls."""
        scenarios, sums = "/_emulator/prediction_scenarios", "/_emulator/predictions"
        return [
            Route("POST", _JOBS, self._create, "vertex.CreateBatchPredictionJob"),
            Route("GET", _JOBS, self._list, "vertex.ListBatchPredictionJobs"),
            Route("GET", _JOB, self._get, "vertex.GetBatchPredictionJob"),
            Route("DELETE", _JOB, self._delete, "vertex.DeleteBatchPredictionJob"),
            Route("POST", f"{_JOB}:cancel", self._cancel, "vertex.CancelBatchPredictionJob"),
            Route("POST", scenarios, self._set_scenario, "_emulator.addPredictionScenario"),
            Route("DELETE", scenarios, self._forget, "_emulator.clearPredictionScenarios"),
            Route("GET", sums, self._sums, "_emulator.getPredictions"),
            Route("DELETE", sums, self._forget_sums, "_emulator.clearPredictions"),
        ]

    def _create(self, request: Request) -> Response:
        check_caller(request)
        project, location = request.params["project"], request.params["location"]
        spec = checked_create(request.json(), project, location)
        name, model = spec["displayName"], spec["model"].rpartition("/")[2]
        for refusal in self.scenarios.take(name, model, refusing=True):
            text = f"Do not support publisher model {model}"
            raise ApiError(refusal.get("code", 400), "", refusal.get("message", text))
        faults = self.scenarios.take(name, model, refusing=False)
        if not any(fault["kind"] == "sources" for fault in faults):
            one_source(spec)
        job = self.book.create(project, location, spec, faults)
        state = self.book.visible(job)
        return Response(body=_resource(job, state if state == "QUEUED" else "PENDING", request))

    def _get(self, request: Request) -> Response:
        job = self._find(request)
        self.book.look(job)
        if any(job.shown >= each.calls for each in job.of_kind("gone")):
            self.book.delete(job)
            raise _missing(request)
        if job.released:
            self.book.wait_until_ended(job, _BRIEFLY)
        with self.book.changed:
            return Response(body=_resource(job, self.book.visible(job), request))

    def _list(self, request: Request) -> Response:
        check_caller(request)
        terms = filters.parse(request.query.get("filter", ""))
        size = paging.page_size(request.query, _PAGE, _MOST)
        before = paging.after(request.query)
        if before is not None and not isinstance(before, int):
            raise ApiError(400, "INVALID_ARGUMENT", "page_token is not valid.")
        found: list[dict[str, Any]] = []
        last = 0
        for job in self.book.jobs():
            if (
                not is_project(job.project, request.params["project"])
                or job.location != request.params["location"]
                or (before is not None and job.number >= before)
            ):
                continue
            with self.book.changed:
                plain = _resource(job, self.book.visible(job), None)
                shown = _resource(job, self.book.visible(job), request)
            if not all(filters.holds(term, _filtered(plain)) for term in terms):
                continue
            if len(found) == size:
                return Response(
                    body={"batchPredictionJobs": found, "nextPageToken": paging.token(last)}
                )
            found.append(shown)
            last = job.number
        return Response(body={"batchPredictionJobs": found} if found else {})

    def _cancel(self, request: Request) -> Response:
        job = self._find(request)
        with self.book.changed:
            state = self.book.visible(job)
            if state in FINAL:
                raise _precondition(f"The job {job.name} has ended in state JOB_STATE_{state}.")
            if job.state not in FINAL:
                self.book.cancel(job)
        return Response(body={})

    def _delete(self, request: Request) -> Response:
        job = self._find(request)
        with self.book.changed:
            state = self.book.visible(job)
            if state not in FINAL:
                text = f"The job {job.name} is in state JOB_STATE_{state}; cancel it first."
                raise _precondition(text)
            self.book.delete(job)
        kind = "type.googleapis.com/google.cloud.aiplatform.v1.DeleteOperationMetadata"
        return Response(
            body={
                "name": f"{job.parent}/operations/{job.id}",
                "metadata": {"@type": kind},
                "done": True,
                "response": {"@type": "type.googleapis.com/google.protobuf.Empty"},
            }
        )

    def _find(self, request: Request) -> Job:
        check_caller(request)
        params = request.params
        job = self.book.find(params["project"], params["location"], params["job"])
        if job is None:
            raise _missing(request)
        return job

    def _set_scenario(self, request: Request) -> Response:
        try:
            self.scenarios.add(request.json())
        except ValueError as error:
            raise ApiError(400, "INVALID_ARGUMENT", f"Not a scenario: {error}.") from error
        return Response(body={})

    def _forget(self, _: Request) -> Response:
        self.scenarios.clear()
        return Response(body={})

    def _sums(self, _: Request) -> Response:
        return Response(body=dict(self._runner.tally.sums()))

    def _forget_sums(self, _: Request) -> Response:
        self._runner.tally.clear()
        return Response(body={})


def _filtered(plain: Mapping[str, Any]) -> dict[str, Any]:
    """What a filter can ask for."""
    names = {"display_name": "displayName", "create_time": "createTime"}
    return {name: plain.get(names.get(name, name)) for name in filters.USUAL}


def _resource(job: Job, state: str, request: Request | None) -> dict[str, Any]:
    """The job as callers see it in this state; without a request, states have their names."""
    numbers = request is not None and "enum-encoding=int" in request.query.get("$alt", "")
    ended = state in FINAL
    fields: Mapping[str, Any] = {
        "name": job.name,
        **job.spec,
        "state": STATES[state] if numbers else f"JOB_STATE_{state}",
        "createTime": job.created,
        "startTime": job.started if state not in ("QUEUED", "PENDING") else "",
        "endTime": job.ended if ended else "",
        "updateTime": job.updated,
        "error": job.error if ended else None,
        "outputInfo": {"gcsOutputDirectory": job.output} if ended and job.output else None,
        "completionStats": _stats(job) if ended else None,
        "partialFailures": [{"code": 4, "message": "Some requests were not completed."}]
        if state == "PARTIALLY_SUCCEEDED"
        else None,
    }
    return {name: value for name, value in fields.items() if value}


def _stats(job: Job) -> dict[str, str] | None:
    names = ("successfulCount", "failedCount", "incompleteCount")
    if job.counts is None:
        return None
    return {name: str(n) for name, n in zip(names, job.counts, strict=True) if n}


def _missing(request: Request) -> ApiError:
    params = request.params
    name = f"projects/{params['project']}/locations/{params['location']}"
    text = f"The BatchPredictionJob {name}/batchPredictionJobs/{params['job']} does not exist."
    return ApiError(404, "NOT_FOUND", text)


def _precondition(text: str) -> ApiError:
    return ApiError(400, "FAILED_PRECONDITION", text)
