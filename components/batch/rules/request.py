"""Rules of the request that creates a job: its parent, its ids, and what they ask of the job.

`CreateJobRequest` of the API has the fields parent, jobId, requestId and job.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from components.batch.findings import Finding, sorted_findings
from components.batch.locations import is_zone, nearest_region, region_of, regions
from components.batch.names import JOB_ID
from components.batch.rules.placeholders import placeholder_in
from components.batch.rules.rule import Problem, Rule, shown
from components.batch.rules.shape import read_shape
from components.batch.rules.view import JobView

REQUEST_RULES = {
    rule.id: rule
    for rule in (
        Rule("JOB_LOCATION", "error", "LOC", "A job lives in a region that Batch serves."),
        Rule("LOC_SAME", "error", "P, RN", "VMs run in the job's region."),
        Rule("JOB_ID", "error", "P", "A job id: lower-case letters, digits and -, at most 63."),
        Rule("JOB_ID_MISSING", "warning", "python-batch#76", "A request names the job's id."),
        Rule("JOB_ID_REUSE", "error", "CJ", "An id names one job of a project and region."),
        Rule("REQUEST_ID", "error", "P", "A request id is a UUID, and not the zero one."),
    )
}

_PARENT = re.compile(r"projects/[^/\s]+/locations/(?P<region>[^/\s]+)\Z")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)
_Told = Iterator[tuple[str, Problem]]


@dataclass(frozen=True)
class Request:
    """What stands beside the job in a request to create it.

    Attributes:
        parent: `projects/P/locations/R`; empty where the request has none.
        job_id: the id asked for; empty where the request has none.
        request_id: the UUID by which the service knows a repeated request; may be empty.
    """

    parent: str = ""
    job_id: str = ""
    request_id: str = ""

    @property
    def region(self) -> str:
        """The region in the parent; the parent itself where it has not that form."""
        found = _PARENT.match(self.parent)
        return found["region"] if found else self.parent

    @property
    def name(self) -> str:
        """The full name that the job would have; empty where the request does not say."""
        return f"{self.parent}/jobs/{self.job_id}" if self.parent and self.job_id else ""


def request_in(value: object) -> Request | None:
    """The request, where a JSON value is one and not a job: it holds a job and its parent or id."""
    if not isinstance(value, Mapping) or not isinstance(value.get("job"), Mapping):
        return None
    fields = {
        name: next((str(value[key]) for key in keys if key in value), None)
        for name, keys in (
            ("parent", ("parent",)),
            ("job_id", ("jobId", "job_id")),
            ("request_id", ("requestId", "request_id")),
        )
    }
    if all(text is None for text in fields.values()):
        return None
    return Request(**{name: text or "" for name, text in fields.items()})


def check_request(
    job: Mapping[str, Any],
    *,
    region: str,
    request: Request | None = None,
    taken: Mapping[str, str] | None = None,
) -> list[Finding]:
    """What is wrong with a request to create a job, beside the job.

    Args:
        job: the job, any JSON value.
        region: the location in the request's parent.
        request: the ids; None where they are made by us.
        taken: full names of jobs that are there or asked for already, each with where.
    """
    problems = [*_location(region), *_same_region(job, region)]
    if request is not None:
        problems += [*_ids(request), *_reused(request, taken or {})]
    return sorted_findings(REQUEST_RULES[rule].finding(problem) for rule, problem in problems)


def _location(region: str) -> _Told:
    if region in regions():
        return
    where = ("parent",)
    if is_zone(region):
        message = f"{shown(region)} is a zone; a job lives in a region"
        yield "JOB_LOCATION", Problem(where, message, f"use {region_of(region)}")
        return
    near = nearest_region(region)
    fix = f"did you mean {near}?" if near else "use projects/PROJECT/locations/us-central1"
    message = f"{shown(region)} is not a region that Batch serves"
    yield "JOB_LOCATION", Problem(where, message, fix)


def _same_region(job: Mapping[str, Any], region: str) -> _Told:
    """Refused since 2026-07-31, for older users of the field from 2027-06-30 (release notes)."""
    region = region_of(region) or region
    if region not in regions():
        return  # JOB_LOCATION says so; with what it should be compared is not known
    view = JobView(read_shape(job).job)
    for index, place in enumerate(view.allocation.get("location", {}).get("allowedLocations", [])):
        found = region_of(place)
        if found and found != region and not placeholder_in(place):
            path = ("allocationPolicy", "location", "allowedLocations", index)
            message = f"{shown(place)} is not in the job's region {region}"
            yield "LOC_SAME", Problem(path, message, f"use regions/{region}, or submit to {found}")


def _ids(request: Request) -> _Told:
    if not request.job_id:
        message = "the request names no job id, and such requests were reported to fail"
        fix = "name one: then a request that is sent again makes no second job"
        yield "JOB_ID_MISSING", Problem(("jobId",), message, fix)
    elif not JOB_ID.fullmatch(request.job_id):
        message = (
            f"job id {shown(request.job_id)}: lower-case letters, digits and - are allowed, a "
            "letter first, no - at the end, at most 63"
        )
        slug = re.sub(r"[^a-z0-9]+", "-", request.job_id.lower()).strip("-")
        slug = (slug if slug[:1].isalpha() else f"job-{slug}")[:63].strip("-")
        yield "JOB_ID", Problem(("jobId",), message, f"use {shown(slug)}")
    given = request.request_id
    if given and (not _UUID.match(given) or uuid.UUID(given).int == 0):
        message = f"request id {shown(given)} is no UUID, or the zero one"
        fix = "make one for each job, for example with uuidgen"
        yield "REQUEST_ID", Problem(("requestId",), message, fix)


def _reused(request: Request, taken: Mapping[str, str]) -> _Told:
    if request.name in taken:
        message = (
            f"job id {shown(request.job_id)} is taken already ({taken[request.name]}); the service "
            "answers ALREADY_EXISTS until that job is deleted, 60 days after it ended"
        )
        yield "JOB_ID_REUSE", Problem(("jobId",), message, "give this job another id")
