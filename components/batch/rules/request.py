"""Rules of the request that creates a job: what stands beside the job itself."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from components.batch.findings import Finding, sorted_findings
from components.batch.locations import is_zone, nearest_region, region_of, regions
from components.batch.rules.placeholders import placeholder_in
from components.batch.rules.rule import Problem, Rule, shown
from components.batch.rules.shape import read_shape
from components.batch.rules.view import JobView

REQUEST_RULES = {
    rule.id: rule
    for rule in (
        Rule("JOB_ID", "error", "P", "Job ids: lower-case letters, digits and -, at most 63."),
        Rule("JOB_ID_MISSING", "warning", "use", "A job without an id."),
        Rule("REQUEST_ID", "error", "P", "A request id is a UUID that is not all zero."),
        Rule("JOB_LOCATION", "error", "LOC", "A job lives in a region that Batch serves."),
        Rule("LOC_SAME", "error", "P, RN", "VMs run in the job's region."),
    )
}

_JOB_ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?\Z")


def check_request(
    job: Mapping[str, Any], *, region: str, job_id: str | None = None, request_id: str | None = None
) -> list[Finding]:
    """What is wrong with a request to create a job, beside the job.

    Args:
        job: the job, any JSON value.
        region: the location in the request's parent.
        job_id: the id asked for; empty where the service shall make one; None: not looked at.
        request_id: the id of the request; empty or None where none is looked at.
    """
    problems = [
        *_job_id(job_id),
        *_request_id(request_id),
        *_location(region),
        *_same_region(job, region),
    ]
    return sorted_findings(REQUEST_RULES[rule].finding(problem) for rule, problem in problems)


def _job_id(job_id: str | None) -> Iterator[tuple[str, Problem]]:
    if job_id is None:
        return
    if not job_id:
        message = "without an id of its own a create that is sent twice makes two jobs"
        yield "JOB_ID_MISSING", Problem(("jobId",), message, "give the job an id")
    elif not _JOB_ID.match(job_id):
        message = (
            f"job id {shown(job_id)} must start with a lower-case letter, hold lower-case letters, "
            "digits and -, not end with -, and have at most 63 characters"
        )
        slug = re.sub(r"[^a-z0-9]+", "-", job_id.lower()).lstrip("-0123456789")[:63].strip("-")
        yield "JOB_ID", Problem(("jobId",), message, f"use {shown(slug or 'job')}")


def _request_id(request_id: str | None) -> Iterator[tuple[str, Problem]]:
    if not request_id:
        return
    try:
        valid = uuid.UUID(request_id).int != 0
    except ValueError:
        valid = False
    if not valid:
        message = f"request id {shown(request_id)} is no UUID"
        yield "REQUEST_ID", Problem(("requestId",), message, "use a new random UUID")


def _location(region: str) -> Iterator[tuple[str, Problem]]:
    if region in regions():
        return
    where = ("parent",)
    if is_zone(region):
        message = f"{shown(region)} is a zone; a job lives in a region"
        yield "JOB_LOCATION", Problem(where, message, f"use {region_of(region)}")
        return
    near = nearest_region(region)
    fix = f"did you mean {near}?" if near else "use a region such as us-central1"
    message = f"{shown(region)} is not a region that Batch serves"
    yield "JOB_LOCATION", Problem(where, message, fix)


def _same_region(job: Mapping[str, Any], region: str) -> Iterator[tuple[str, Problem]]:
    """Refused since 2026-07-31, for older users of the field from 2027-06-30 (release notes)."""
    view = JobView(read_shape(job).job)
    for index, place in enumerate(view.allocation.get("location", {}).get("allowedLocations", [])):
        found = region_of(place)
        if found and found != region and not placeholder_in(place):
            path = ("allocationPolicy", "location", "allowedLocations", index)
            message = f"{shown(place)} is not in the job's region {region}"
            yield "LOC_SAME", Problem(path, message, f"use regions/{region}, or submit to {found}")
