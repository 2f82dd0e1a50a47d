"""Status events and what they mean; texts as the service words them."""

from __future__ import annotations

import pytest

from components.batch.events import diagnose, failure_reason, hopeless_reason
from components.supervision.life import Event

QUOTA = (
    "Quota checking process decides to delay scheduling for the job j-1 due to inadequate quotas "
    "[Quota: {quota}, limit: {limit}, usage: {usage}, wanted: {wanted}.]."
)
EXCEEDED = (
    "Batch Error: code - CODE_GCE_QUOTA_EXCEEDED, description - "
    "Quota 'NVIDIA_T4_GPUS' exceeded.  Limit: {limit} in region us-central1."
)


@pytest.mark.parametrize(
    ("text", "kind", "told"),
    [
        (QUOTA.format(quota="CPUS", limit="24", usage="20", wanted="8"), "wait", "limit 24,"),
        (QUOTA.format(quota="CPUS", limit="24", usage="2", wanted="8"), "wait", "wanted 8)"),
        (QUOTA.format(quota="GPUS_ALL_REGIONS", limit="0.0", usage="0.0", wanted="1.0"), "stop",
         "quota GPUS_ALL_REGIONS is 0"),
        (EXCEEDED.format(limit="0.0"), "stop", "NVIDIA_T4_GPUS is 0 in us-central1"),
        (EXCEEDED.format(limit="10.0"), "wait", "used up in us-central1 (limit 10.0)"),
        ("Batch Error: code - CODE_GCE_QUOTA_EXCEEDED", "wait", "quota"),
        ("code - CODE_GCE_ZONE_RESOURCE_POOL_EXHAUSTED, description", "alter", "no such machines"),
        ("The zone 'x' does not have enough resources available to fulfil", "alter", "no such"),
        ("caller does not have access to act as the specified service account: a@b.iam", "iam",
         "a@b.iam"),
        ("Batch Error: code - CODE_SERVICE_ACCOUNT_MISMATCH", "config", "instance template"),
        ("no VM has agent reporting correctly within the time window 1080 seconds", "net",
         "1080 s"),
        ("no VM has agent reporting correctly within time window 1080 seconds", "net", "1080 s"),
        ("outdated Batch agent version used", "config", "outdated"),
        ("Constraint constraints/compute.vmExternalIpAccess violated for project", "net",
         "external IP"),
        ("Constraint constraints/compute.trustedImageProjects violated", "config", "image"),
        ("Networks must be distinct for NICs", "config", "twice"),
        ("no_external_ip_address field is invalid. VPC Service Controls is enabled", "net", "VPC"),
        ("code - CODE_GCE_BAD_REQUEST, description - x", "config", "refuses"),
        ("errors: INVALID_FIELD_VALUE,BACKEND_ERROR", "config", "refuses"),
        ("Error: manifest unknown: not there", "config", "image"),
        ("Task state is updated from RUNNING to FAILED on zones/us-central1-a/instances/1 due to "
         "Spot Preemption with exit code 50001.", "alter", "preempted"),
        ("Task state is updated from RUNNING to FAILED on zones/us-central1-a/instances/1 due to "
         "Batch no longer receives VM updates with exit code 50002.", "alter", "stopped reporting"),
        ("Task state is updated from RUNNING to FAILED on zones/z/instances/1 with exit code 137.",
         "info", "137"),
        ("Job state is set from QUEUED to SCHEDULED for job x.", "info", "SCHEDULED"),
        ("", "info", ""),
    ],
)  # fmt: skip
def test_texts_of_the_service(text: str, kind: str, told: str) -> None:
    found = diagnose(text)
    assert found.kind == kind
    assert told in found.cause
    assert found.remedy or kind == "info"
    assert "\\" not in found.cause + found.remedy


def events(*texts: str) -> list[Event]:
    return [Event(f"2026-01-01T00:00:{n:02}Z", "T", text) for n, text in enumerate(texts)]


def test_only_what_cannot_pass_is_hopeless() -> None:
    patient = events(QUOTA.format(quota="CPUS", limit="24", usage="20", wanted="8"))
    assert hopeless_reason(patient) == ""
    assert "NVIDIA_T4_GPUS" in hopeless_reason([*patient, *events(EXCEEDED.format(limit="0.0"))])
    assert hopeless_reason([]) == ""


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (
            [
                "Job state is set from RUNNING to FAILED for job x.Job failed due to task failure. "
                "Specifically, task with index 7 failed due to the following task event: "
                '"Task state is updated from RUNNING to FAILED on zones/z/instances/1 with exit '
                'code 137."'
            ],
            "task 7 failed: exit code 137",
        ),
        (
            [EXCEEDED.format(limit="0.0"), "Job state is set from QUEUED to FAILED for job x."],
            "quota NVIDIA_T4_GPUS is 0",
        ),
        (["Job state is set from QUEUED to FAILED for job x."], "set from QUEUED to FAILED"),
        ([], "gives no reason"),
    ],
)
def test_why_a_job_failed(texts: list[str], reason: str) -> None:
    assert reason in failure_reason(events(*texts))


def test_an_event_is_told_in_one_short_line() -> None:
    told = diagnose("bad\x1b[31m\nnews " * 1000).cause
    assert len(told) < 700
    assert told.isprintable()
