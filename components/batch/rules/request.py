"""Rules of the request that creates a job: what stands beside the job itself."""

from __future__ import annotations

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
        Rule("JOB_LOCATION", "error", "LOC", "A job lives in a region that Batch serves."),
        Rule("LOC_SAME", "error", "P, RN", "VMs run in the job's region."),
    )
}


def check_request(job: Mapping[str, Any], *, region: str) -> list[Finding]:
    """What is wrong with a request to create a job, beside the job; its ids are made by us.

    Args:
        job: the job, any JSON value.
        region: the location in the request's parent.
    """
    problems = [*_location(region), *_same_region(job, region)]
    return sorted_findings(REQUEST_RULES[rule].finding(problem) for rule, problem in problems)


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
