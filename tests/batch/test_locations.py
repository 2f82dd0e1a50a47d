"""Where a job is submitted to."""

from __future__ import annotations

from typing import Any

import pytest

from components.batch.locations import job_region


def places(*allowed: Any) -> dict[str, Any]:
    return {"allocationPolicy": {"location": {"allowedLocations": list(allowed)}}}


@pytest.mark.parametrize(
    ("job", "asked", "region"),
    [
        ({}, "", "us-central1"),
        ({}, "us-west1", "us-west1"),
        (places("regions/europe-west4"), "", "europe-west4"),
        (places("zones/us-east4-a", "zones/us-east4-c"), "", "us-east4"),
        (places("regions/europe-west4"), "us-west1", "us-west1"),
        (places(), "", "us-central1"),
        (places(5), "", "us-central1"),
        ({"allocationPolicy": None}, "", "us-central1"),
        ({"allocationPolicy": {"location": "here"}}, "", "us-central1"),
    ],
)
def test_the_job_says_where_unless_it_is_asked_for(
    job: dict[str, Any], asked: str, region: str
) -> None:
    assert job_region(job, asked) == region
