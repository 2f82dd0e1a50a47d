"""Each rule of the request to create a job: one change of a clean request that breaks it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.batch.rules.request import REQUEST_RULES
from components.config.check import Against, validate_text
from components.config.fix import fix_text
from tests.batch.rules.jobs import SPEC, changed, clean_job

PARENT = "projects/p/locations/us-central1"
TAKEN = {f"{PARENT}/jobs/nightly-1": "nightly.json"}


def clean_request() -> dict[str, Any]:
    """A request about which no rule has an error or a warning."""
    return {
        "parent": PARENT,
        "jobId": "nightly-2",
        "requestId": "5d3e0a4e-7b6c-4c7e-9d0a-1f2e3d4c5b6a",
        "job": clean_job(),
    }


# rule, severity, what is changed in the clean request, where the finding stands
CASES: list[tuple[str, str, dict[str, Any], str]] = [
    ("JOB_LOCATION", "error", {"parent": "projects/p/locations/us-central1-a"}, "parent"),
    ("JOB_LOCATION", "error", {"parent": "projects/p/locations/us-fake9"}, "parent"),
    ("JOB_LOCATION", "error", {"parent": "us-central"}, "parent"),
    (
        "LOC_SAME",
        "error",
        {"parent": "projects/p/locations/us-west1"},
        "allocationPolicy.location.allowedLocations[0]",
    ),
    ("JOB_ID", "error", {"jobId": "My_Job"}, "jobId"),
    ("JOB_ID", "error", {"jobId": "a" * 64}, "jobId"),
    ("JOB_ID", "error", {"jobId": "ends-"}, "jobId"),
    ("JOB_ID_MISSING", "warning", {"jobId": ""}, "jobId"),
    ("JOB_ID_REUSE", "error", {"jobId": "nightly-1"}, "jobId"),
    ("REQUEST_ID", "error", {"requestId": "1"}, "requestId"),
    ("REQUEST_ID", "error", {"requestId": "00000000-0000-0000-0000-000000000000"}, "requestId"),
]


def test_a_clean_request_has_no_errors_and_no_warnings() -> None:
    findings = validate_text(
        json.dumps(clean_request()), "r.json", against=Against(taken=TAKEN)
    ).findings

    assert [f for f in findings if f.severity != "hint"] == []


@pytest.mark.parametrize(("rule", "severity", "changes", "path"), CASES)
def test_breaking_one_rule_gives_that_finding_alone(
    rule: str, severity: str, changes: dict[str, Any], path: str
) -> None:
    text = json.dumps(changed(clean_request(), changes), indent=1)

    findings = validate_text(text, "r.json", against=Against(taken=TAKEN)).findings

    told = [(f.rule, f.severity, f.path) for f in findings if f.severity != "hint"]
    assert told == [(rule, severity, path)]


def test_every_rule_of_a_request_has_a_case() -> None:
    assert set(REQUEST_RULES) == {rule for rule, _, _, _ in CASES}


def test_findings_stand_at_their_lines_also_in_the_names_of_the_proto() -> None:
    request = clean_request()
    request["job_id"] = request.pop("jobId").upper()
    request["job"] = changed(request["job"], {f"{SPEC}.maxRunDuration": "1h"})
    text = json.dumps(request, indent=1)

    errors = validate_text(text, "r.json").errors

    lines = text.splitlines()
    assert [f.path for f in errors] == ["jobId", f"{SPEC}.maxRunDuration"]
    assert '"job_id"' in lines[errors[0].line - 1]
    assert '"maxRunDuration": "1h"' in lines[errors[1].line - 1]


def test_the_job_in_a_request_is_mended_in_its_place() -> None:
    request = clean_request()
    request["job"] = changed(request["job"], {f"{SPEC}.maxRunDuration": "1h"})

    fixed = json.loads(fix_text(json.dumps(request), "r.json").text)

    assert fixed == clean_request()
